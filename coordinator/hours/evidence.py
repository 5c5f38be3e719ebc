"""How well a visit's presence is shown, and how many minutes of it count. Pure: plain values in and out.

Only time at the elder's home counts, travel does not (注册志愿者证: 「不含往返途中时间」). Grades and thresholds
are this product's interpretation and can be set per street; the derivation beside every entry names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coordinator.hours.models import Evidence

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds; metres, minutes, km/h. Read from the street's settings under the key 'hours'.

    `step_minutes`: time counts in whole steps. `day_cap_minutes`: the most that counts on one day.
    `longest_minutes`: the most that counts of one visit. `alone_minutes`: so long a minor's check-ins may differ
    from the adult's.
    """

    step_minutes: int = 15
    day_cap_minutes: int = 480
    near_metres: int = 150
    far_metres: int = 400
    coarse_metres: int = 100
    shortest_minutes: int = 5
    longest_minutes: int = 240
    clock_minutes: int = 10
    alone_minutes: int = 10
    fastest_kmh: int = 40

    @classmethod
    def of(cls, settings: Any) -> Rules:
        """The street's rules. Unknown names and impossible values are ignored: a wrong setting never stops the
        ledger and never divides by nothing.
        """
        given = settings if isinstance(settings, dict) else {}
        known = {
            name: given[name]
            for name, (least, most) in _BOUNDS.items()
            if type(given.get(name)) is int and least <= given[name] <= most
        }
        return cls(**known)


_BOUNDS = {
    "step_minutes": (1, 60),
    "day_cap_minutes": (30, 1440),
    "near_metres": (10, 5_000),
    "far_metres": (10, 50_000),
    "coarse_metres": (10, 5_000),
    "shortest_minutes": (0, 120),
    "longest_minutes": (15, 1440),
    "clock_minutes": (1, 1440),
    "alone_minutes": (0, 120),
    "fastest_kmh": (5, 200),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One presence. `method` is 'location', 'door_code' or 'word'; metres where the phone gave a place."""

    at: datetime
    method: str
    distance_metres: int | None = None
    accuracy_metres: int | None = None
    phone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody's time in a home; `left_at` is None for who is still there."""

    arrived_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another visit of the same worker about that time: how far away, and whether its minutes stand in the ledger
    already.
    """

    stay: Stay
    metres: int | None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation: a stable code (the site has its words), its values, and the grade it caps."""

    code: str
    grade: Evidence
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derivation:
    """Minutes at the home, what is taken off and why, and what counts; the grade and what led to it.

    minutes_present = minutes_elsewhere + minutes_over_longest + minutes_rounded_off + minutes_over_cap + minutes.
    """

    minutes_present: int
    minutes_elsewhere: int
    minutes_over_longest: int
    minutes_rounded_off: int
    minutes_over_cap: int
    minutes: int
    evidence: Evidence
    findings: tuple[Finding, ...]


_ORDER = (Evidence.STRONG, Evidence.FAIR, Evidence.WEAK, Evidence.DOUBTFUL)


def derive(
    arrived: Mark,
    left: Mark,
    *,
    rules: Rules,
    planned_minutes: int,
    counted_today: int = 0,
    neighbours: Sequence[Neighbour] = (),
    needs_companion: bool = False,
    companions: Sequence[Stay] = (),
) -> Derivation:
    """Derive what one worker's presence at one visit is worth.

    :param planned_minutes: planned length of the visit.
    :param counted_today: minutes already counted for this worker on the same day (for the daily cap).
    :param neighbours: the worker's other visits about that time. A minute counted there is not counted again.
    :param needs_companion: the worker is a minor, so an adult must have been there all the time.
    :param companions: the stays of the adults of the visit.
    :raises ValueError: `left` is before `arrived`.
    """
    if left.at < arrived.at:
        raise ValueError("left before arriving")
    present = int((left.at - arrived.at).total_seconds() // MINUTE)
    findings = [
        *_place(arrived, "arrived", rules),
        *_place(left, "left", rules),
        *_length(present, planned_minutes, rules),
        *_travel(arrived, left, neighbours, rules),
    ]
    if needs_companion:
        findings += _alone(arrived, left, companions, rules)
    grade = max((finding.grade for finding in findings), key=_ORDER.index, default=Evidence.STRONG)
    twice = _covered(arrived, left, (other.stay for other in neighbours if other.counted))
    once = int(((left.at - arrived.at).total_seconds() - twice) // MINUTE)
    bounded = min(once, rules.longest_minutes)
    rounded = bounded - bounded % rules.step_minutes
    allowed = max(0, min(rounded, rules.day_cap_minutes - counted_today))
    return Derivation(
        minutes_present=present,
        minutes_elsewhere=present - once,
        minutes_over_longest=once - bounded,
        minutes_rounded_off=bounded - rounded,
        minutes_over_cap=rounded - allowed,
        minutes=allowed,
        evidence=grade,
        findings=tuple(findings),
    )


def _place(mark: Mark, which: str, rules: Rules) -> list[Finding]:
    found = []
    if mark.method == "word":
        found.append(Finding("no_place", Evidence.WEAK, {"which": which}))
    elif mark.distance_metres is not None:
        found += _distance(mark.distance_metres, mark.accuracy_metres or 0, which, rules)
    elif mark.method == "door_code":
        # The code is on the sheet: it shows that the person holds the sheet of that day, not where they stand.
        found.append(Finding("only_code", Evidence.FAIR, {"which": which}))
    else:
        found.append(Finding("home_not_on_map", Evidence.FAIR, {"which": which}))
    if mark.phone_at is not None:
        off = abs((mark.phone_at - mark.at).total_seconds()) / MINUTE
        if off > rules.clock_minutes:
            found.append(Finding("clock_differs", Evidence.WEAK, {"which": which, "minutes": round(off)}))
    return found


def _distance(metres: int, accuracy: int, which: str, rules: Rules) -> list[Finding]:
    surely_away = metres - accuracy
    if surely_away > rules.far_metres:
        return [Finding("far_away", Evidence.DOUBTFUL, {"which": which, "metres": metres})]
    if surely_away > rules.near_metres:
        return [Finding("not_near", Evidence.WEAK, {"which": which, "metres": metres})]
    if accuracy > rules.coarse_metres:
        # So coarse that it could be anywhere in the quarter: no better than no place.
        grade = Evidence.WEAK if accuracy > rules.far_metres else Evidence.FAIR
        return [Finding("coarse_place", grade, {"which": which, "metres": accuracy})]
    return []


def _length(present: int, planned: int, rules: Rules) -> list[Finding]:
    if present < rules.shortest_minutes:
        return [Finding("too_short", Evidence.DOUBTFUL, {"minutes": present})]
    if present > rules.longest_minutes:
        return [Finding("too_long", Evidence.DOUBTFUL, {"minutes": present})]
    if present * 2 < planned:
        return [Finding("shorter_than_half", Evidence.FAIR, {"minutes": present, "planned": planned})]
    return []


def _travel(arrived: Mark, left: Mark, neighbours: Sequence[Neighbour], rules: Rules) -> list[Finding]:
    """Nobody is in two homes at once, nor reaches the next door faster than the fastest way allows."""
    for other in neighbours:
        starts, ends = other.stay.arrived_at, other.stay.left_at
        if ends is not None and ends <= arrived.at:
            gap = (arrived.at - ends).total_seconds()
        elif starts >= left.at:
            gap = (starts - left.at).total_seconds()
        elif other.metres is not None and other.metres <= rules.near_metres:
            continue  # two elders of one home or one stair: possible, and each minute counts once
        else:
            return [Finding("two_places_at_once", Evidence.DOUBTFUL)]
        if other.metres is None:
            continue
        needed = other.metres / (rules.fastest_kmh / 3.6)
        # A minute of grace: people press the button at the door or already on the stairs.
        if gap + MINUTE < needed:
            minutes = {"minutes": round(gap / MINUTE), "needed": round(needed / MINUTE)}
            return [Finding("too_fast", Evidence.DOUBTFUL, minutes)]
    return []


def _alone(arrived: Mark, left: Mark, companions: Sequence[Stay], rules: Rules) -> list[Finding]:
    """Adults may hand over to each other; check-ins made one after the other leave a few minutes between them."""
    alone = (left.at - arrived.at).total_seconds() - _covered(arrived, left, companions)
    if companions and alone <= rules.alone_minutes * MINUTE:
        return []
    return [Finding("adult_not_there", Evidence.DOUBTFUL, {"minutes": round(alone / MINUTE)})]


def _covered(arrived: Mark, left: Mark, stays: Iterable[Stay]) -> float:
    """Seconds between arriving and leaving that lie in any of the stays, each second once."""
    seconds, reached = 0.0, arrived.at
    for stay in sorted(stays, key=lambda one: one.arrived_at):
        begins = max(reached, stay.arrived_at)
        ends = left.at if stay.left_at is None else min(left.at, stay.left_at)
        if ends > begins:
            seconds += (ends - begins).total_seconds()
            reached = ends
    return seconds
