"""Times for routes that somebody put together by hand: the coordinator's drag and drop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from routing.check import check
from routing.plan import Plan, Route, Score, Stop, Unassigned
from routing.reasons import remedy_text
from routing.scenario import ALWAYS, Elder, Scenario, Span, Visit, Worker
from routing.timing import Timing, clock_times, loose_times, time_route
from routing.travel import Travel
from routing.violations import Violation

STEP_SECONDS = 300
ROUNDS = 25
"""How often the starts of shared visits are pushed until they agree."""


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """One route of a hand-made plan (seconds): travel, service, waiting and breaks, departure to arrival."""

    worker: str
    day: int
    visits: int
    travel_seconds: int
    service_seconds: int
    waiting_seconds: int
    span_seconds: int


@dataclass(frozen=True, slots=True)
class ByHand:
    """A hand-made plan with its times, its score, and every limit it breaks."""

    plan: Plan
    score: Score
    violations: tuple[Violation, ...]
    routes: tuple[RouteFigures, ...]


def schedule(scenario: Scenario, routes: Mapping[tuple[str, int], Sequence[str]]) -> Plan:
    """Return a scored plan with times for ordered visit ids by (worker id, day).

    Each worker returns as early as the order allows and leaves as late as that allows. Windows,
    shifts and breaks that cannot be kept are overrun rather than refused: `routing.check` then
    says what breaks. An elder's visits are renumbered in day order; visits on no route are listed
    as unassigned. Unknown workers and visits raise `KeyError`.
    """
    book = _Book(scenario, routes)
    starts = book.agree()
    made = [book.route(key, starts) for key in sorted(book.orders, key=lambda k: (k[1], k[0]))]
    found = tuple(route for route in made if route.stops)
    done = {stop.visit for route in found for stop in route.stops}
    left = tuple(
        Unassigned(v, "not_planned", {}, remedy_text("ask_why", {}))
        for v in scenario.visit_ids()
        if v not in done
    )
    plan = Plan(scenario=scenario.name, routes=found, unassigned=left)
    return plan.with_score(check(scenario, plan).score)


def score_by_hand(scenario: Scenario, orders: Mapping[tuple[str, int], Sequence[str]]) -> ByHand:
    """Score ordered visit ids by (worker id, day), naming everything that breaks.

    Nothing is refused: unknown workers and visits become violations, limits are overrun.
    """
    strange = []
    good: dict[tuple[str, int], list[str]] = {}
    for (worker, day), names in orders.items():
        if worker not in scenario.worker_of:
            strange.append(Violation("unknown_worker", None, worker, day))
            continue
        if not 0 <= day < scenario.days:
            strange.append(Violation("unknown_day", None, worker, day))
            continue
        unknown = [name for name in names if scenario.visit_of(name) is None]
        strange += [Violation("unknown_visit", name, worker, day) for name in unknown]
        good[worker, day] = [name for name in names if name not in unknown]
    plan = schedule(scenario, good)
    report = check(scenario, plan)
    figures = []
    for route in plan.routes:
        service = sum(stop.end - stop.start for stop in route.stops)
        alone = check(scenario, Plan(plan.scenario, (route,))).score.travel_seconds
        span = route.arrival - route.departure
        figures.append(
            RouteFigures(
                route.worker, route.day, len(route.stops), alone, service, span - service - alone, span
            )
        )
    return ByHand(plan, report.score, (*strange, *report.violations), tuple(figures))


class _Book:
    def __init__(self, scenario: Scenario, routes: Mapping[tuple[str, int], Sequence[str]]) -> None:
        self.scenario = scenario
        self.travel = Travel(scenario)
        self.point = {visit.id: index for index, visit in enumerate(scenario.visits)}
        self.order_of = {worker.id: index for index, worker in enumerate(scenario.workers)}
        self.orders: dict[tuple[str, int], list[str]] = {}
        self.visit: dict[str, Visit] = {}
        for (worker, day), names in routes.items():
            if worker not in self.order_of:
                raise KeyError(worker)
            for name in names:
                visit = scenario.visit_of(name)
                if visit is None:
                    raise KeyError(name)
                self.visit[name] = visit
            if names:
                self.orders[worker, day] = list(names)
        self._renumber()

    def _renumber(self) -> None:
        days: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for (_, day), names in self.orders.items():
            for name in names:
                visit = self.visit[name]
                if isinstance(visit, Elder) and (day, name) not in days[visit.id]:
                    days[visit.id].append((day, name))
        for elder, entries in days.items():
            if len({name for _, name in entries}) < len(entries):
                continue  # one visit on two days: leave the names, the checker says so
            numbers = sorted(int(name.rpartition("#")[2]) for _, name in entries)
            if [name for _, name in sorted(entries)] == [f"{elder}#{k}" for k in numbers]:
                continue
            new = {old: f"{elder}#{k}" for (_, old), k in zip(sorted(entries), numbers, strict=True)}
            for key, names in self.orders.items():
                self.orders[key] = [new.get(name, name) for name in names]
            visit = self.visit[entries[0][1]]
            self.visit.update(dict.fromkeys(new.values(), visit))

    def agree(self) -> dict[str, int]:
        """Return the common start of each visit that is on two routes of one day.

        Starts are pushed later until both workers can be there; breaks are tried inside and outside
        that rule, and where a route still cannot be kept later starts are tried in small steps.
        """
        shared: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for key, names in self.orders.items():
            for name in names:
                shared[name].append(key)
        together = {name: keys for name, keys in shared.items() if len(keys) > 1}
        if not together:
            return {}
        keys = sorted({key for keys in together.values() for key in keys})
        starts = min(
            (self._push(together, keys, rests=rests) for rests in (False, True)),
            key=lambda found: self._failures(keys, found),
        )
        for name, own in sorted(together.items()):
            failures = self._failures(own, starts)
            latest = self.visit[name].window[1]
            start = starts[name] + STEP_SECONDS
            while failures and start <= latest:
                trial = starts | {name: start}
                if self._failures(own, trial) < failures:
                    starts, failures = trial, self._failures(own, trial)
                start += STEP_SECONDS
        return starts

    def _push(
        self, together: Mapping[str, list[tuple[str, int]]], keys: Sequence[tuple[str, int]], *, rests: bool
    ) -> dict[str, int]:
        starts = {name: self.visit[name].window[0] for name in together}
        for _ in range(ROUNDS):
            latest = dict(starts)
            for key in keys:
                for name, start in self._earliest(key, starts, rests=rests):
                    if name in latest:
                        latest[name] = max(latest[name], start)
            if latest == starts:
                break
            starts = latest
        return starts

    def _failures(self, keys: Sequence[tuple[str, int]], starts: Mapping[str, int]) -> int:
        """Number of routes that cannot be kept with these starts."""
        return sum(self._timing(key, starts) is None for key in keys)

    def _timing(self, key: tuple[str, int], starts: Mapping[str, int]) -> Timing | None:
        worker, legs, durations, windows = self._parts(key, starts)
        shift = self.scenario.shift_of(worker, key[1]) or ALWAYS
        return time_route(legs, durations, self._fixed(key, starts, windows), shift, worker.breaks)

    def _fixed(self, key: tuple[str, int], starts: Mapping[str, int], windows: Sequence[Span]) -> list[Span]:
        return [
            (starts[name], starts[name]) if name in starts else window
            for name, window in zip(self.orders[key], windows, strict=True)
        ]

    def _parts(
        self, key: tuple[str, int], starts: Mapping[str, int]
    ) -> tuple[Worker, list[int], list[int], list[Span]]:
        worker = self.scenario.worker_of[key[0]]
        number = self.order_of[key[0]]
        count, people = self.travel.visits, len(self.scenario.workers)
        points = [self.point[self.visit[name].id] for name in self.orders[key]]
        stops = [count + number, *points, count + people + number]
        legs = [self.travel.row(worker.mode, a)[b] for a, b in pairwise(stops)]
        visits = [self.visit[name] for name in self.orders[key]]
        windows = [
            (max(starts[name], visit.window[0]), max(starts[name], visit.window[1]))
            if name in starts
            else visit.window
            for name, visit in zip(self.orders[key], visits, strict=True)
        ]
        return worker, legs, [visit.duration for visit in visits], windows

    def _earliest(
        self, key: tuple[str, int], starts: Mapping[str, int], *, rests: bool
    ) -> list[tuple[str, int]]:
        worker, legs, durations, windows = self._parts(key, starts)
        shift = self.scenario.shift_of(worker, key[1]) or ALWAYS
        timing = time_route(legs, durations, windows, shift, worker.breaks if rests else ())
        if timing is not None:
            early = replace(timing, departure=timing.ready[0])
            times = clock_times(early, legs, durations, windows)
            return [(name, start) for name, (_, start, _) in zip(self.orders[key], times, strict=True)]
        _, _, times = loose_times(legs, durations, windows, shift[0])
        return [(name, start) for name, (_, start, _) in zip(self.orders[key], times, strict=True)]

    def route(self, key: tuple[str, int], starts: Mapping[str, int]) -> Route:
        """Return one route with times; shared visits start when `starts` says."""
        worker, legs, durations, windows = self._parts(key, starts)
        fixed = self._fixed(key, starts, windows)
        shift = self.scenario.shift_of(worker, key[1]) or ALWAYS
        timing = time_route(legs, durations, fixed, shift, worker.breaks)
        if timing is None:
            departure, arrival, times = loose_times(legs, durations, fixed, shift[0])
        else:
            departure, arrival = timing.departure, timing.arrival
            times = clock_times(timing, legs, durations, fixed)
        stops = tuple(Stop(name, *t) for name, t in zip(self.orders[key], times, strict=True))
        return Route(key[0], key[1], departure, arrival, stops)
