"""A plan as rows of stops with their slack: what has to be known to put one more visit in somewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from routing.plan import Plan, Route, Stop
from routing.scenario import Elder, Pin, Scenario, Span, Visit, Worker
from routing.timing import Timing, clock_times, time_route
from routing.travel import Travel

TOLD_SECONDS = 900
"""How far the start of a told visit may move before somebody must be told again."""


@dataclass(slots=True)
class Line:
    """One worker's day: its stops with the windows that hold for them, and its slack without breaks."""

    number: int
    worker: Worker
    day: int
    shift: Span
    names: list[str]
    points: list[int]
    legs: list[int]
    durations: list[int]
    windows: list[Span]
    starts: list[int]
    held: dict[int, int]
    ready: list[int]
    late: list[int]
    span: int
    load: int


@dataclass(frozen=True, slots=True)
class Ask:
    """The visit that is asked about, and the travel to and from every point by mode."""

    name: str
    visit: Visit
    into: Mapping[str, Sequence[int]]
    onward: Mapping[str, Sequence[int]]


@dataclass(slots=True)
class Fit:
    """A visit put into a line: where, when, and the times of the whole line afterwards."""

    line: Line
    position: int
    added: int
    start: int
    timing: Timing
    times: list[tuple[int, int, int]]


Opening = tuple[int, int, int, int]
"""Added travel, position, earliest and latest start."""


class Lines:
    """Every worker's day of a plan. `told` visits keep their start within a quarter of an hour."""

    def __init__(self, scenario: Scenario, plan: Plan, told: Collection[str] = ()) -> None:
        self.scenario, self.plan = scenario, plan
        self.travel = Travel(scenario)
        self.told = frozenset(told)
        self.broken: tuple[tuple[str, int], ...] = ()
        self.point = {visit.id: number for number, visit in enumerate(scenario.visits)}
        self.skills = {worker.id: frozenset(worker.skills) for worker in scenario.workers}
        self.modes = sorted({worker.mode for worker in scenario.workers})
        self.made: dict[str, list[tuple[Worker, Route, Stop]]] = defaultdict(list)
        for route in plan.routes:
            worker = scenario.worker_of.get(route.worker)
            for stop in route.stops if worker is not None else ():
                self.made[stop.visit].append((scenario.worker_of[route.worker], route, stop))
        self.days_made: dict[str, list[int]] = defaultdict(list)
        for name, made in self.made.items():
            visit = scenario.visit_of(name)
            if visit is not None:
                self.days_made[visit.id].append(made[0][1].day)
        self._carriers = self._carry()
        self.lines = self._open_lines()
        self.of_worker: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            self.of_worker[line.worker.id].append(line)
        self._sum()

    def _carry(self) -> dict[str, str]:
        """Who carries the load of each visit: of two people the one with more room left."""
        room = {worker.id: worker.capacity for worker in self.scenario.workers}
        carried: Counter[tuple[str, int]] = Counter()
        carrier: dict[str, str] = {}
        for name, made in sorted(self.made.items(), key=lambda entry: len(entry[1])):
            visit = self.scenario.visit_of(name)
            if visit is None or not visit.load:
                continue
            day = made[0][1].day

            def left(worker: Worker, day: int = day) -> float:
                most = room[worker.id]
                return float("inf") if most is None else most - carried[worker.id, day]

            best = max((worker for worker, _, _ in made), key=left)
            carrier[name] = best.id
            carried[best.id, day] += visit.load
        return carrier

    def _open_lines(self) -> list[Line]:
        routes = {(route.worker, route.day): route for route in self.plan.routes}
        lines, broken = [], []
        for number, worker in enumerate(self.scenario.workers):
            for day in range(self.scenario.days):
                shift = self.scenario.shift_of(worker, day)
                if shift is None:
                    continue
                line = self._line(number, worker, day, shift, routes.get((worker.id, day)))
                if line is None:
                    broken.append((worker.id, day))
                else:
                    lines.append(line)
        self.broken = tuple(broken)
        return lines

    def _line(self, number: int, worker: Worker, day: int, shift: Span, route: Route | None) -> Line | None:
        """Return the line of a route, None when it cannot be kept as it is: nothing is added to it."""
        stops = () if route is None else route.stops
        visits = [self.scenario.visit_of(stop.visit) for stop in stops]
        known = [visit for visit in visits if visit is not None]
        if len(known) < len(stops):
            return None
        count = self.travel.visits
        points = [count + number, *(self.point[visit.id] for visit in known)]
        points.append(count + len(self.scenario.workers) + number)
        legs = [self.travel.row(worker.mode, a)[b] for a, b in pairwise(points)]
        windows = [self._held_window(stop, visit) for stop, visit in zip(stops, known, strict=True)]
        durations = [visit.duration for visit in known]
        load = sum(
            v.load for v, s in zip(known, stops, strict=True) if self._carriers.get(s.visit) == worker.id
        )
        line = Line(
            number, worker, day, shift, [stop.visit for stop in stops], points, legs, durations, windows,
            [stop.start for stop in stops], self._held(worker, day, stops), [shift[0]], [shift[1]], 0, load,
        )  # fmt: skip
        if route is None or not stops:
            return line
        # As the week's hours count it: the plan's own times, which may be longer than they need to be.
        line.span = route.arrival - route.departure
        timing = time_route(legs, durations, windows, shift, worker.breaks)
        if timing is None:
            return None
        loose = time_route(legs, durations, windows, shift) if worker.breaks else timing
        if loose is None:
            return None
        line.ready, line.late = loose.ready, loose.late
        return line

    def _held_window(self, stop: Stop, visit: Visit) -> Span:
        if len(self.made[stop.visit]) > 1:
            return stop.start, stop.start
        low, high = visit.window
        if stop.visit in self.told:
            return max(low, stop.start - TOLD_SECONDS), min(high, stop.start + TOLD_SECONDS)
        return low, high

    def _held(self, worker: Worker, day: int, stops: Sequence[Stop]) -> dict[int, int]:
        """Stops that a pin holds at a position: index to position wanted."""
        held = {}
        for pin in self.scenario.pinned:
            if pin.position is None or pin.worker != worker.id or pin.day not in (None, day):
                continue
            for index, stop in enumerate(stops):
                if stop.visit == pin.visit:
                    held[index] = pin.position
        return held

    def _sum(self) -> None:
        weeks = self.scenario.weeks
        self._week_visits: Counter[tuple[str, int]] = Counter()
        self._week_seconds: Counter[tuple[str, int]] = Counter()
        self._month_visits: Counter[str] = Counter()
        for route in self.plan.routes:
            if not 0 <= route.day < self.scenario.days:
                continue
            week = route.worker, weeks[route.day]
            self._week_visits[week] += len(route.stops)
            self._week_seconds[week] += route.arrival - route.departure if route.stops else 0
            self._month_visits[route.worker] += len(route.stops)

    def pinnings(self, ask: Ask, days: set[int]) -> list[tuple[list[Pin], set[int]]]:
        """The pins the visit may answer, each with the days left for it; no pins where it is free.

        In a month a pin means the elder's visit on its day, whatever its number, or any of them.
        """
        scenario = self.scenario
        groups: dict[str, list[Pin]] = defaultdict(list)
        for pin in scenario.pinned:
            owner = scenario.visit_of(pin.visit)
            if pin.visit == ask.name or (owner is not None and owner.id == ask.visit.id):
                groups[pin.visit].append(pin)
        if not groups:
            return [([], days)]
        if not isinstance(ask.visit, Elder):
            return [(pins, days) for pins in groups.values()]
        made = {
            number: {worker.id for name, worker in self._made_on(ask.visit.id, number)}
            for number in self.days_made.get(ask.visit.id, [])
        }
        for name, pins in list(groups.items()):
            workers = {pin.worker for pin in pins}
            fitting = [d for d, people in made.items() if workers <= people and pins[0].day in (None, d)]
            if fitting:
                del made[fitting[0]], groups[name]
        held = {pin.day for pins in groups.values() for pin in pins if pin.day is not None}
        found = [
            (pins, {day for day in days if pins[0].day == day or (pins[0].day is None and day not in held)})
            for pins in groups.values()
        ]
        if ask.visit.count - len(self.days_made.get(ask.visit.id, [])) > len(groups):
            found.append(([], days - held))
        return found

    def _made_on(self, elder: str, number: int) -> Iterator[tuple[str, Worker]]:
        for name, made in self.made.items():
            if name.rpartition("#")[0] == elder:
                yield from ((name, worker) for worker, route, _ in made if route.day == number)

    def room(self, line: Line, visits: int) -> bool:
        """Whether the limits on visits a day, week and month leave room for `visits` more."""
        worker = line.worker
        if worker.max_visits is not None and len(line.names) + visits > worker.max_visits:
            return False
        if not self.scenario.is_month:
            return True
        week = self._week_visits[worker.id, self.scenario.weeks[line.day]]
        if worker.max_visits_week is not None and week + visits > worker.max_visits_week:
            return False
        month = self._month_visits[worker.id]
        return worker.max_visits_month is None or month + visits <= worker.max_visits_month

    def openings(self, line: Line, ask: Ask, window: Span) -> list[Opening]:
        """Places that the times without breaks allow, cheapest first."""
        mode = line.worker.mode
        into, onward = ask.into[mode], ask.onward[mode]
        low, high = window
        duration = ask.visit.duration
        points, legs, late = line.points, line.legs, line.late
        filled = bool(line.names)
        found = []
        for g, begin in enumerate(line.ready):
            there = into[points[g]]
            start = begin + there
            if start > high:
                continue
            if start < low:
                start = low
            on = onward[points[g + 1]]
            latest = late[g] - on - duration
            if start > latest or (line.held and not _keeps(line.held, g)):
                continue
            found.append((there + on - (legs[g] if filled else 0), g, start, min(high, latest)))
        found.sort()
        return found

    def carries(self, line: Line, ask: Ask) -> bool:
        """Whether the worker has room for the load of the visit."""
        return line.worker.capacity is None or line.load + ask.visit.load <= line.worker.capacity

    def fit(self, line: Line, position: int, ask: Ask, window: Span) -> Fit | None:
        """Time the line with the visit in it, in full; None when a limit is broken."""
        worker = line.worker
        there = ask.into[worker.mode][line.points[position]]
        on = ask.onward[worker.mode][line.points[position + 1]]
        legs = [*line.legs[:position], there, on, *line.legs[position + 1 :]]
        durations = [*line.durations[:position], ask.visit.duration, *line.durations[position:]]
        windows = [*line.windows[:position], window, *line.windows[position:]]
        timing = time_route(legs, durations, windows, line.shift, worker.breaks)
        if timing is None:
            return None
        span = timing.arrival - timing.departure
        if worker.max_route_seconds is not None and span > worker.max_route_seconds:
            return None
        if self.scenario.is_month and worker.max_hours_week is not None:
            spent = self._week_seconds[worker.id, self.scenario.weeks[line.day]]
            if spent + span - line.span > int(worker.max_hours_week * 3600):
                return None
        times = clock_times(timing, legs, durations, windows)
        added = there + on - (line.legs[position] if line.names else 0)
        return Fit(line, position, added, times[position][1], timing, times)


def _keeps(held: Mapping[int, int], position: int) -> bool:
    """Whether an insertion leaves every stop with a pinned position at it (or on the way to it)."""
    return all(
        index + 1 <= wanted if index >= position else index == wanted for index, wanted in held.items()
    )


def renumbered(routes: dict[tuple[str, int], Route], elder: str) -> dict[tuple[str, int], Route]:
    """Number an elder's visits in the order of their days."""
    made = sorted(
        {
            (route.day, stop.visit)
            for route in routes.values()
            for stop in route.stops
            if stop.visit.rpartition("#")[0] == elder
        }
    )
    numbers = sorted(int(name.rpartition("#")[2]) for _, name in made)
    new = {name: f"{elder}#{number}" for (_, name), number in zip(made, numbers, strict=True)}
    return {
        key: replace(route, stops=tuple(replace(s, visit=new.get(s.visit, s.visit)) for s in route.stops))
        for key, route in routes.items()
    }


class Column(Sequence[int]):
    """Seconds from every point to one point, read from the rows."""

    __slots__ = ("_mode", "_point", "_travel")

    def __init__(self, travel: Travel, mode: str, point: int) -> None:
        self._travel, self._mode, self._point = travel, mode, point

    def __getitem__(self, origin: int) -> int:  # type: ignore[override]
        return self._travel.row(self._mode, origin)[self._point]

    def __len__(self) -> int:
        return len(self._travel.places)
