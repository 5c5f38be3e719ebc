"""The independent checker: recomputes everything from the scenario and trusts nothing of the solver.

It shares only the scenario, the plan and the distance formula with the rest of the engine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from routing.plan import Plan, Route, Score, Stop
from routing.scenario import Break, Elder, Scenario, Visit, Worker, known_workers
from routing.travel import metres
from routing.violations import Report, Violation

ROUNDED = 0.01
"""By how much the shares in a plan's score may be rounded."""


def check(scenario: Scenario, plan: Plan) -> Report:
    """Check a plan with times against every limit of the scenario and score it."""
    checker = _Checker(scenario)
    for route in plan.routes:
        checker.route(route)
    checker.together()
    checker.capacities()
    checker.workers()
    checker.elders()
    checker.listing(plan)
    checker.pins()
    score = checker.score()
    if plan.score is not None:
        checker.compare(plan.score, score)
    return Report(checker.found, score)


@dataclass(slots=True)
class _Made:
    """One stop of a known visit on a known worker's route."""

    stop: Stop
    visit: Visit
    worker: Worker
    day: int
    index: int


class _Checker:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.found: list[Violation] = []
        self.made: dict[str, list[_Made]] = defaultdict(list)
        self.routes: dict[tuple[str, int], Route] = {}
        self.travel_seconds = 0
        self.busy: Counter[str] = Counter()
        self._places: dict[str, int] = {}

    def add(self, code: str, visit: str | None, worker: str | None, day: int | None, **detail: Any) -> None:
        self.found.append(Violation(code, visit, worker, day, detail))

    # -- travel, computed leg by leg from the definition in the scenario format

    def seconds(self, worker: Worker, origin: Visit | None, target: Visit | None) -> int:
        scenario = self.scenario
        if scenario.matrix is not None:
            table = dict(scenario.matrix.seconds)[worker.mode]
            start = worker.start_index if origin is None else origin.loc_index
            end = worker.end_index if target is None else target.loc_index
            return table[start or 0][end or 0]
        speed = dict(scenario.speed_kmh)[worker.mode] / 3.6
        a = worker.start if origin is None else origin.loc
        b = worker.end if target is None else target.loc
        return round(metres(a, b) * scenario.detour / speed)

    # -- one route

    def route(self, route: Route) -> None:
        worker = self.scenario.worker_of.get(route.worker)
        if worker is None:
            self.add("unknown_worker", None, route.worker, route.day)
            return
        if not 0 <= route.day < self.scenario.days:
            self.add("unknown_day", None, worker.id, route.day)
            return
        if (worker.id, route.day) in self.routes:
            self.add("route_twice", None, worker.id, route.day)
            return
        self.routes[worker.id, route.day] = route
        shift = self.scenario.shift_of(worker, route.day)
        if shift is None:
            self.add("not_working", None, worker.id, route.day)
        elif route.departure < shift[0] or route.arrival > shift[1]:
            self.add(
                "outside_shift", None, worker.id, route.day, departure=route.departure, arrival=route.arrival
            )
        before: Visit | None = None
        leave = route.departure
        gaps: list[tuple[int, int, int]] = []
        for index, stop in enumerate(route.stops):
            visit = self.scenario.visit_of(stop.visit)
            if visit is None:
                self.add("unknown_visit", stop.visit, worker.id, route.day)
                continue
            self.made[stop.visit].append(_Made(stop, visit, worker, route.day, index))
            leg = self.seconds(worker, before, visit)
            self.travel_seconds += leg
            if stop.arrival < leave + leg or stop.start < stop.arrival:
                short = leave + leg - min(stop.arrival, stop.start)
                self.add("too_little_travel", stop.visit, worker.id, route.day, seconds=short)
            gaps.append((leave, leg, stop.start))
            self.stop(stop, visit, worker, route.day)
            before, leave = visit, stop.end
        if before is None:
            return
        leg = self.seconds(worker, before, None)
        self.travel_seconds += leg
        if route.arrival < leave + leg:
            self.add("too_little_travel", None, worker.id, route.day, seconds=leave + leg - route.arrival)
        gaps.append((leave, leg, route.arrival))
        length = route.arrival - route.departure
        self.busy[worker.id] += length
        if worker.max_route_seconds is not None and length > worker.max_route_seconds:
            limit = worker.max_route_seconds
            self.add("route_too_long", None, worker.id, route.day, seconds=length, limit=limit)
        if worker.breaks and not _breaks_fit(worker.breaks, gaps):
            self.add("no_break", None, worker.id, route.day)

    def stop(self, stop: Stop, visit: Visit, worker: Worker, day: int) -> None:
        if stop.end - stop.start < visit.duration:
            self.add("too_short", stop.visit, worker.id, day, seconds=stop.end - stop.start)
        low, high = visit.window
        if not low <= stop.start <= high:
            self.add("outside_window", stop.visit, worker.id, day, start=stop.start, window=[low, high])
        if worker.id in visit.excluded:
            self.add("excluded_worker", stop.visit, worker.id, day)
        if worker.radius_m is not None:
            distance = metres(worker.start, visit.loc)
            if distance > worker.radius_m:
                far, limit = round(distance), worker.radius_m
                self.add("outside_radius", stop.visit, worker.id, day, metres=far, radius_m=limit)

    # -- who is at a visit together

    def together(self) -> None:
        for visit_id, stops in self.made.items():
            visit = stops[0].visit
            day = stops[0].day
            adults = [made for made in stops if not made.worker.companion_of_adult]
            minors = [made for made in stops if made.worker.companion_of_adult]
            limit = 2
            if visit.people == 1:
                limit = 1 + (len(adults) == 1 and len(minors) == 1)
            if len(stops) > limit or len({made.worker.id for made in stops}) < len(stops):
                self.add("visit_twice", visit_id, None, day, workers=[made.worker.id for made in stops])
            for made in stops[1:]:
                if (made.day, made.stop.start) != (day, stops[0].stop.start):
                    self.add("not_together", visit_id, made.worker.id, made.day)
            for made in minors:
                beside = [a for a in adults if (a.day, a.stop.start) == (made.day, made.stop.start)]
                if not beside:
                    self.add("minor_alone", visit_id, made.worker.id, made.day)
            if visit.people == 2 and len(stops) < 2:
                self.add("second_person_missing", visit_id, stops[0].worker.id, day)
            able = stops if visit.people == 2 or not adults else adults
            skills = {skill for made in able for skill in made.worker.skills}
            missing = sorted(set(visit.skills) - skills)
            if missing:
                self.add("missing_skill", visit_id, able[0].worker.id, day, skills=missing)

    def capacities(self) -> None:
        """A visit's load is carried by any one of the workers on it; try every choice."""
        days = {made.day for stops in self.made.values() for made in stops}
        for day in sorted(days):
            room: dict[str, int] = {}
            shared: list[tuple[int, str, list[str]]] = []
            for visit_id, stops in self.made.items():
                load = stops[0].visit.load
                carriers = [made.worker for made in stops if made.day == day]
                if not load or not carriers or any(worker.capacity is None for worker in carriers):
                    continue
                for worker in carriers:
                    room.setdefault(worker.id, worker.capacity or 0)
                shared.append((load, visit_id, [worker.id for worker in carriers]))
            shared.sort(key=lambda item: (len(item[2]), -item[0]))
            blocked = _carry(tuple((load, tuple(names)) for load, _, names in shared), room)
            if blocked is not None:
                load, visit_id, names = shared[blocked]
                self.add("over_capacity", visit_id, names[0], day, load=load)

    # -- sums over days

    def workers(self) -> None:
        for worker in self.scenario.workers:
            visits: Counter[int] = Counter()
            seconds: Counter[int] = Counter()
            for (name, day), route in self.routes.items():
                if name != worker.id or not route.stops:
                    continue
                count = len(route.stops)
                if worker.max_visits is not None and count > worker.max_visits:
                    limit = worker.max_visits
                    self.add("too_many_visits_day", None, name, day, visits=count, limit=limit)
                visits[self.scenario.weeks[day]] += count
                seconds[self.scenario.weeks[day]] += route.arrival - route.departure
            if not self.scenario.is_month:
                continue
            for week, count in sorted(visits.items()):
                if worker.max_visits_week is not None and count > worker.max_visits_week:
                    limit = worker.max_visits_week
                    self.add(
                        "too_many_visits_week", None, worker.id, None, week=week, visits=count, limit=limit
                    )
            if worker.max_visits_month is not None and visits.total() > worker.max_visits_month:
                total, limit = visits.total(), worker.max_visits_month
                self.add("too_many_visits_month", None, worker.id, None, visits=total, limit=limit)
            for week, spent in sorted(seconds.items()):
                if worker.max_hours_week is not None and spent > worker.max_hours_week * 3600:
                    hours, most = round(spent / 3600, 2), worker.max_hours_week
                    self.add("too_many_hours_week", None, worker.id, None, week=week, hours=hours, limit=most)

    def elders(self) -> None:
        for elder in self.scenario.visits:
            if not isinstance(elder, Elder):
                continue
            numbers = [k for k in range(1, elder.count + 1) if self.made.get(f"{elder.id}#{k}")]
            days = [self.made[f"{elder.id}#{k}"][0].day for k in numbers]
            if days != sorted(days):
                self.add("wrong_number", f"{elder.id}#{numbers[0]}", None, days[0], days=days)
            if days and not _permitted(elder, tuple(sorted(days)), self.scenario):
                self.add("day_not_permitted", f"{elder.id}#{numbers[0]}", None, days[0], days=sorted(days))

    # -- the lists of the plan

    def listing(self, plan: Plan) -> None:
        left = [entry.visit for entry in plan.unassigned]
        for visit_id in left:
            if self.scenario.visit_of(visit_id) is None:
                self.add("unknown_visit", visit_id, None, None)
            elif visit_id in self.made:
                self.add("made_and_unassigned", visit_id, None, None)
        listed = set(left)
        for visit_id in self.scenario.visit_ids():
            if visit_id not in self.made and visit_id not in listed:
                self.add("visit_missing", visit_id, None, None)

    def pins(self) -> None:
        """A pin holds when its worker makes the visit on its day; an unmade pinned visit is no break.

        In a month, a pin with a day means the elder's visit on that day, whatever its number, and
        a pin without a day any one of the elder's visits.
        """
        used: set[tuple[str, str]] = set()
        for pin in sorted(self.scenario.pinned, key=lambda p: (p.visit, p.day is None)):
            owner = self.scenario.visit_of(pin.visit)
            if owner is None:
                continue
            candidates = [
                made
                for visit_id, stops in self.made.items()
                for made in stops
                if made.visit is owner and (visit_id, pin.worker) not in used
            ]
            fitting = [
                made
                for made in candidates
                if made.worker.id == pin.worker and (pin.day is None or made.day == pin.day)
            ]
            fitting.sort(key=lambda made: (made.stop.visit != pin.visit, made.day))
            if not fitting:
                made_count = sum(1 for stops in self.made.values() if stops[0].visit is owner)
                pinned = {p.visit for p in self.scenario.pinned if self.scenario.visit_of(p.visit) is owner}
                count = owner.count if isinstance(owner, Elder) else 1
                wrong_day = pin.day is not None and any(made.day == pin.day for made in candidates)
                if wrong_day or made_count > count - len(pinned):
                    day = candidates[0].day if candidates else pin.day
                    self.add("pin_broken", pin.visit, pin.worker, day)
                continue
            made = fitting[0]
            used.add((made.stop.visit, pin.worker))
            if pin.position is not None and not self._in_position(made, pin.position):
                self.add("pin_position", made.stop.visit, pin.worker, made.day, position=made.index)

    def _in_position(self, made: _Made, position: int) -> bool:
        """At its position, or earlier because only pinned stops follow (the route is shorter)."""
        if made.index >= position:
            return made.index == position
        after = self.routes[made.worker.id, made.day].stops[made.index + 1 :]
        held = {
            id(self.scenario.visit_of(pin.visit))
            for pin in self.scenario.pinned
            if pin.worker == made.worker.id and pin.position is not None
        }
        return all(id(self.scenario.visit_of(stop.visit)) in held for stop in after)

    # -- score

    def score(self) -> Score:
        scenario = self.scenario
        statutory = priority = 0
        known = strangers = 0
        for visit_id in scenario.visit_ids():
            visit = scenario.visit_of(visit_id)
            if visit is None:
                continue
            stops = self.made.get(visit_id)
            if not stops:
                statutory += visit.statutory
                priority += visit.priority
                continue
            names = known_workers(visit)
            if names:
                known += 1
                strangers += not any(made.worker.id in names for made in stops)
        mean = sum(self.busy.values()) / len(self.busy) if self.busy else 0.0
        busiest = max(self.busy.values(), default=0)
        weights = scenario.weights
        cost = self.travel_seconds + weights.continuity * strangers + weights.balance * (busiest - mean)
        return Score(
            unserved_statutory=statutory,
            unserved_priority=priority,
            travel_seconds=self.travel_seconds,
            continuity=None if not known else round((known - strangers) / known, 4),
            busiest_to_mean=None if not mean else round(busiest / mean, 4),
            cost=round(cost, 2),
        )

    def compare(self, claimed: Score, true: Score) -> None:
        """What a plan says of itself; shares may be rounded, and what it does not say is no fault."""
        for name in ("unserved_priority", "travel_seconds", "continuity", "busiest_to_mean"):
            said, found = getattr(claimed, name), getattr(true, name)
            if said == found or said is None or (isinstance(found, float) and abs(said - found) <= ROUNDED):
                continue
            self.add("wrong_score", None, None, None, field=name, plan=said, checked=found)


def _breaks_fit(breaks: Sequence[Break], gaps: Sequence[tuple[int, int, int]]) -> bool:
    """Whether every break finds its own time outside stops and travel.

    A gap is (free from, travel seconds, busy from). Breaks before the departure and after the
    arrival need no gap. Breaks are taken in any order.
    """
    free: list[tuple[int, int, int]] = [(-(1 << 60), 0, gaps[0][0])]
    free += [gaps[0], *gaps[1:], (gaps[-1][2], 0, 1 << 60)]

    @cache
    def fit(index: int, clock: int, travelled: bool, left: frozenset[int]) -> bool:
        if not left:
            return True
        if index == len(free):
            return False
        start, leg, end = free[index]
        now = max(clock, start)
        for number in left:
            pause = breaks[number]
            begin = max(now, pause.window[0])
            rest = 0 if travelled else leg
            fits = begin <= pause.window[1] and begin + pause.duration + rest <= end
            if fits and fit(index, begin + pause.duration, travelled, left - {number}):
                return True
        if not travelled and leg and fit(index, now + leg, True, left):
            return True
        return fit(index + 1, -(1 << 60), False, left)

    return fit(0, -(1 << 60), False, frozenset(range(len(breaks))))


def _carry(items: tuple[tuple[int, tuple[str, ...]], ...], room: Mapping[str, int]) -> int | None:
    """Return None when the loads can be shared out, else the index of the first that cannot.

    What only one worker can carry is summed; only what either of two may carry is tried both ways.
    """
    rest = dict(room)
    for index, (load, names) in enumerate(items):
        if len(names) == 1:
            rest[names[0]] -= load
            if rest[names[0]] < 0:
                return index
    either = [index for index, (load, names) in enumerate(items) if len(names) != 1 and load > 0]
    deepest = 0

    def put(number: int, left: dict[str, int]) -> bool:
        nonlocal deepest
        deepest = max(deepest, number)
        if number == len(either):
            return True
        load, names = items[either[number]]
        return any(
            left[name] >= load and put(number + 1, {**left, name: left[name] - load}) for name in names
        )

    return None if put(0, rest) else either[deepest]


def _permitted(elder: Elder, days: tuple[int, ...], scenario: Scenario) -> bool:
    """Whether the days are part of a permitted pattern, by walking through all extensions."""
    if len(set(days)) < len(days):
        return False
    if elder.patterns is not None:
        return any(set(days) <= set(pattern) for pattern in elder.patterns)
    low = max(1, elder.min_gap_days)
    high = elder.max_gap_days or scenario.days
    first = 0 if elder.last_day is None else max(0, elder.last_day + low)

    @cache
    def extend(last: int | None, count: int, wanted: tuple[int, ...]) -> bool:
        if count == elder.frequency:
            return not wanted
        start, stop = first, scenario.days - 1
        if last is not None:
            start, stop = last + low, min(stop, last + high)
        if wanted:
            stop = min(stop, wanted[0])
        return any(
            extend(day, count + 1, wanted[1:] if wanted and day == wanted[0] else wanted)
            for day in range(start, stop + 1)
            if scenario.weekday_of_day[day] not in elder.not_weekdays
        )

    return extend(None, 0, days)
