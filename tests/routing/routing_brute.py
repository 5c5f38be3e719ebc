"""The best that is possible in a tiny scenario, by trying everything: written without the engine's search.

Visits for one person only. Whether a worker can make some visits on a day is tried in every order, the
whole plan in every choice of worker and day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations, product

from routing import Scenario
from routing.scenario import Elder, Visit
from routing.travel import metres

NEVER = 1 << 30


@dataclass
class Best:
    """Least statutory visits missed and then priority (`aims`); each least by itself (`alone`), visits first."""

    aims: tuple[int, int]
    alone: tuple[int, int, int]


def best(scenario: Scenario) -> Best:
    """Try every choice."""
    brute = _Brute(scenario)
    choices = [list(brute.choices(visit)) for visit in scenario.visits]
    aims, alone = (NEVER, NEVER), [NEVER] * 3
    for plan in product(*choices):
        missed = [0, 0, 0]
        for visit, places in zip(scenario.visits, plan, strict=True):
            left = (visit.count if isinstance(visit, Elder) else 1) - len(places)
            for which, worth in enumerate((1, int(visit.statutory), visit.priority)):
                missed[which] += left * worth
        better = (missed[1], missed[2]) < aims or any(m < a for m, a in zip(missed, alone, strict=True))
        if better and brute.possible(plan):
            aims = min(aims, (missed[1], missed[2]))
            alone = [min(m, a) for m, a in zip(missed, alone, strict=True)]
    return Best(aims, (alone[0], alone[1], alone[2]))


class _Brute:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._spans: dict[tuple[int, int, frozenset[int]], int] = {}

    def choices(self, visit: Visit) -> Iterator[tuple[tuple[int, int], ...]]:
        """Yield every way to make none, some or all visits: pairs of day and worker."""
        able = [w for w in range(len(self.scenario.workers)) if self._able(w, visit)]
        for days in sorted(self._days(visit)):
            for who in product(able, repeat=len(days)):
                if all(
                    self.scenario.shift_of(self.scenario.workers[w], d)
                    for d, w in zip(days, who, strict=True)
                ):
                    yield tuple(zip(days, who, strict=True))

    def _days(self, visit: Visit) -> set[tuple[int, ...]]:
        """Every part of every permitted set of days."""
        if not isinstance(visit, Elder):
            return {(), (0,)}
        scenario = self.scenario
        if visit.patterns is not None:
            whole = [tuple(sorted(pattern)) for pattern in visit.patterns]
        else:
            whole = [
                days
                for days in combinations(range(scenario.days), visit.frequency)
                if all(
                    visit.min_gap_days <= b - a <= (visit.max_gap_days or NEVER) for a, b in pairwise(days)
                )
                and not any(scenario.weekday_of_day[day] in visit.not_weekdays for day in days)
                and (visit.last_day is None or days[0] - visit.last_day >= visit.min_gap_days)
            ]
        return {
            part for days in whole for size in range(len(days) + 1) for part in combinations(days, size)
        } | {()}

    def _able(self, w: int, visit: Visit) -> bool:
        person = self.scenario.workers[w]
        if person.companion_of_adult or person.id in visit.excluded:
            return False
        if person.radius_m is not None and metres(person.start, visit.loc) > person.radius_m:
            return False
        return set(visit.skills) <= set(person.skills)

    def possible(self, plan: tuple[tuple[tuple[int, int], ...], ...]) -> bool:
        """Whether every worker's day, week and month can be done."""
        scenario = self.scenario
        rows: dict[tuple[int, int], set[int]] = {}
        for item, places in enumerate(plan):
            for day, w in places:
                rows.setdefault((w, day), set()).add(item)
        for w, person in enumerate(scenario.workers):
            visits: dict[int, int] = {}
            seconds: dict[int, int] = {}
            for (who, day), items in rows.items():
                if who != w:
                    continue
                span = self._span(w, day, frozenset(items))
                if span >= NEVER:
                    return False
                week = scenario.weeks[day]
                visits[week] = visits.get(week, 0) + len(items)
                seconds[week] = seconds.get(week, 0) + span
            if not scenario.is_month:
                continue
            if person.max_visits_week is not None and any(
                n > person.max_visits_week for n in visits.values()
            ):
                return False
            if person.max_visits_month is not None and sum(visits.values()) > person.max_visits_month:
                return False
            hours = person.max_hours_week
            if hours is not None and any(spent > hours * 3600 for spent in seconds.values()):
                return False
        return True

    def _span(self, w: int, day: int, items: frozenset[int]) -> int:
        key = (w, day, items)
        if key not in self._spans:
            self._spans[key] = min(self._in_order(w, day, order) for order in permutations(items))
        return self._spans[key]

    def _in_order(self, w: int, day: int, order: tuple[int, ...]) -> int:
        """Shortest departure to arrival in one order, NEVER when it cannot be done.

        Leaving at the shift's start returns earliest; the latest departure that still returns then waits
        least, and leaving even later only moves the return as well.
        """
        person = self.scenario.workers[w]
        shift = self.scenario.shift_of(person, day)
        visits = [self.scenario.visits[index] for index in order]
        if shift is None or (person.max_visits is not None and len(visits) > person.max_visits):
            return NEVER
        if person.capacity is not None and sum(visit.load for visit in visits) > person.capacity:
            return NEVER
        legs = self._legs(w, order)

        def back(departure: int) -> int:
            clock = departure
            for leg, visit in zip(legs, visits, strict=False):
                clock = max(clock + leg, visit.window[0])
                if clock > visit.window[1]:
                    return NEVER
                clock += visit.duration
            clock += legs[-1]
            return clock if clock <= shift[1] else NEVER

        earliest = back(shift[0])
        if earliest >= NEVER:
            return NEVER
        low, high = shift
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if back(middle) == earliest else (low, middle - 1)
        span = earliest - low
        return NEVER if person.max_route_seconds is not None and span > person.max_route_seconds else span

    def _legs(self, w: int, order: tuple[int, ...]) -> list[int]:
        scenario, person = self.scenario, self.scenario.workers[w]
        visits = [scenario.visits[index] for index in order]
        if scenario.matrix is not None:
            table = dict(scenario.matrix.seconds)[person.mode]
            points = [person.start_index, *(visit.loc_index for visit in visits), person.end_index]
            return [table[a or 0][b or 0] for a, b in pairwise(points)]
        speed = dict(scenario.speed_kmh)[person.mode] / 3.6
        places = [person.start, *(visit.loc for visit in visits), person.end]
        return [round(metres(a, b) * scenario.detour / speed) for a, b in pairwise(places)]
