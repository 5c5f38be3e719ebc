"""From what an elder still owes in the month to visits and the days on which they may fall. Pure.

A *demand* is one obligation with the visits it still lacks; a *need* is one visit that serves one or more
demands. One visit may count towards several obligations, so an obligation whose period already holds the day of
another visit asks for nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise, product

WINDOW_DAYS = 7
"""Days offered for one visit: a week, so that everybody's weekday is among them."""
MAX_PATTERNS = 100
"""Day sets offered to the search for one elder: more make the model slow and the plan no better."""
ENOUGH_DAYS = 5
"""A wish for spacing is dropped where it would leave fewer days than this."""
BEAM = 400


@dataclass(frozen=True, slots=True)
class Demand:
    """What one obligation still lacks. `days` are the day indices on which a visit would count, ascending."""

    rule: str
    tier: str | None
    label: str
    period_from: date
    period_to: date
    count: int
    statutory: bool
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """One visit to be made on one of `days`; named after the obligation with the shortest period it serves."""

    rule: str
    tier: str | None
    label: str
    period_from: date
    period_to: date
    statutory: bool
    days: tuple[int, ...]


def needs_of(demands: Iterable[Demand]) -> list[Need]:
    """The fewest visits that meet all demands, in day order: interval stabbing, earliest end first."""
    needs: list[Need] = []
    for demand in sorted(demands, key=lambda d: (d.period_to, -d.period_from.toordinal(), d.rule)):
        wanted = set(demand.days)
        lacking = demand.count - sum(set(need.days) <= wanted for need in needs)
        for at, need in enumerate(needs):
            common = tuple(day for day in need.days if day in wanted)
            if lacking > 0 and common and len(common) < len(need.days):
                needs[at] = replace(need, days=common, statutory=need.statutory or demand.statutory)
                lacking -= 1
            elif common == need.days and demand.statutory:
                needs[at] = replace(need, statutory=True)
        needs += [
            Need(
                demand.rule,
                demand.tier,
                demand.label,
                demand.period_from,
                demand.period_to,
                demand.statutory,
                demand.days,
            )
            for _ in range(max(0, lacking))
        ]
    return sorted(needs, key=lambda need: (need.days[:1], need.days[-1:], need.rule))


def around(days: Sequence[int], capacity: Mapping[int, float], share: float) -> tuple[int, ...]:
    """WINDOW_DAYS consecutive ones of `days` about the day on which `share` (0 to 1) of the capacity is used up.

    Without it every visit would be made on the first days that suit, and the office would be overrun on them.
    """
    room = sum(capacity.get(day, 0.0) for day in days)
    if len(days) <= WINDOW_DAYS or room <= 0:
        return tuple(days)
    used, at = 0.0, 0
    for number, day in enumerate(days):
        used += capacity.get(day, 0.0)
        at = number
        if used >= share * room:
            break
    first = min(max(0, at - WINDOW_DAYS // 2), len(days) - WINDOW_DAYS)
    return tuple(days[first : first + WINDOW_DAYS])


def patterns_of(
    needs: Sequence[Need],
    spacing: int,
    taken: Sequence[int] = (),
    *,
    wished: Sequence[tuple[int, ...]] = (),
    strict: bool = True,
) -> list[tuple[int, ...]]:
    """Permitted sets of days, one day for each need: about MAX_PATTERNS of them, every usable day in one.

    `taken` are days of visits that stand already (negative: before the horizon). `strict` keeps to the `wished`
    days of each need and to `spacing` days between visits where that leaves a choice: wishes, never a reason to
    leave a visit out.
    """
    taken = tuple(taken)
    if strict and wished:
        choices = tuple(_spaced(days, taken, spacing) for days in wished)
    else:
        choices = tuple(_spaced(need.days, taken, spacing if strict else 1) for need in needs)
    if len(needs) == 1:
        return [(day,) for day in choices[0]]
    return list(_sets(choices, spacing, _ideal_gap(needs), strict))


# Neighbours share their days, so that a street of thousands has some hundred different answers.
@lru_cache(maxsize=4096)
def _sets(
    choices: tuple[tuple[int, ...], ...], spacing: int, ideal: float, strict: bool
) -> tuple[tuple[int, ...], ...]:
    """Sets of one day from each choice, the most even ones first."""
    if len(choices) == 2:
        found = {tuple(sorted(pair)) for pair in product(*choices) if pair[0] != pair[1]}
    else:
        found = _chains(choices, ideal)
    apart = {pattern for pattern in found if _least_gap(pattern) >= spacing}
    pool = apart if strict and apart else found
    ranked = sorted(pool, key=lambda pattern: (_unevenness(pattern, ideal), pattern))
    return tuple(_covering(ranked, MAX_PATTERNS if strict else 4 * MAX_PATTERNS))


def need_on(needs: Sequence[Need], days: Sequence[int]) -> list[int] | None:
    """For visits on these days (ascending) the number of the need each one serves; None when they do not fit."""
    used: set[int] = set()
    found = []
    for day in days:
        fitting = [n for n, need in enumerate(needs) if n not in used and day in need.days]
        if not fitting:
            return None
        best = min(fitting, key=lambda n: (needs[n].days[-1], n))
        used.add(best)
        found.append(best)
    return found


@lru_cache(maxsize=4096)
def _spaced(days: tuple[int, ...], taken: tuple[int, ...], spacing: int) -> tuple[int, ...]:
    """The days that keep the spacing to what stands already; the wish is halved until enough days are left."""
    free = tuple(day for day in days if day not in taken)
    while spacing > 1:
        apart = tuple(day for day in free if all(abs(day - other) >= spacing for other in taken))
        if len(apart) >= min(ENOUGH_DAYS, len(free)):
            return apart
        spacing //= 2
    return free


def _ideal_gap(needs: Sequence[Need]) -> float:
    middles = [(need.days[0] + need.days[-1]) / 2 for need in needs if need.days]
    if len(middles) < 2:
        return 0.0
    return max(1.0, (middles[-1] - middles[0]) / (len(middles) - 1))


def _gaps(pattern: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(pattern)]


def _least_gap(pattern: Sequence[int]) -> int:
    return min(_gaps(pattern), default=0)


def _unevenness(pattern: Sequence[int], ideal: float) -> float:
    return sum(abs(gap - ideal) for gap in _gaps(pattern))


def _chains(choices: Sequence[Sequence[int]], ideal: float) -> set[tuple[int, ...]]:
    """Sets for three needs and more, day by day, keeping the most even beginnings for every first day."""
    chains: list[tuple[int, ...]] = [(day,) for day in choices[0]]
    for following in choices[1:]:
        longer = [(*chain, day) for chain in chains for day in following if day > chain[-1]]
        longer.sort(key=lambda chain: (_unevenness(chain, ideal), chain))
        chains = _covering(longer, BEAM)
    return set(chains)


def _covering(ranked: Sequence[tuple[int, ...]], most: int) -> list[tuple[int, ...]]:
    """The first `most` sets, and the best one of every day that none of them holds."""
    kept = list(ranked[:most])
    seen = {day for pattern in kept for day in pattern}
    for pattern in ranked[most:]:
        if not seen.issuperset(pattern):
            kept.append(pattern)
            seen.update(pattern)
    return kept
