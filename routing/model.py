"""The scenario as the search sees it: numbers instead of names, limits as masks, tours with times.

An *item* is a visit of a day or an elder of a month; a *need* is one visit to be made (a day's visit,
or one of an elder's several). A *tour* is the content of one worker's day; it never changes, so that
what was worked out about it (times, best insertion of each item) stays valid and is shared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from routing.patterns import DayRule
from routing.scenario import Break, Elder, Pin, Scenario, Span, known_workers
from routing.timing import Timing, clock_times, time_route
from routing.travel import Travel, metres_from

UNLIMITED = 1 << 40
FREE = -1
"""Start of service of a stop that is not shared with another worker."""

StopKey = tuple[int, int, int]
"""Item, agreed start (FREE unless shared), load carried on this tour."""

Spot = tuple[int, int, int]
"""Insertion of an item: extra travel seconds, position, departure-to-arrival seconds afterwards."""

TOURS_KEPT = 60_000

WHOLE_ROWS = 3_000
"""Up to so many points a travel row may be worked out as a whole (three modes: 200 MB at most)."""
FEW_READ = 40
"""Entries of a row that are worked out one by one; this many take as long as all at once."""


class Tour:
    """One worker's day with its times; immutable apart from its caches."""

    __slots__ = (
        "late",
        "legs",
        "load",
        "points",
        "shift",
        "span",
        "spots",
        "stops",
        "timing",
        "travel",
        "wide",
        "worker",
    )

    def __init__(
        self,
        worker: int,
        shift: int,
        stops: tuple[StopKey, ...],
        points: list[int],
        legs: list[int],
        timing: Timing,
    ) -> None:
        self.worker = worker
        self.shift = shift
        self.stops = stops
        self.points = points
        self.legs = legs
        self.timing = timing
        self.late = timing.late
        self.travel = sum(legs) if stops else 0
        self.span = timing.arrival - timing.departure if stops else 0
        self.load = sum(stop[2] for stop in stops)
        self.spots: dict[int, Spot | None] = {}
        self.wide: dict[int, tuple[tuple[int, int, int, int], ...]] = {}


class _Row(dict[int, int]):
    """Travel seconds from one point, each worked out when first read.

    Where the compiled kernel does the search, only the legs of its plan are ever read. A row that is read much
    (`FEW_READ`) is worked out as a whole, unless there are too many of them.
    """

    def __init__(self, rows: _Rows, point: int) -> None:
        super().__init__()
        self._rows, self._point = rows, point

    def __missing__(self, other: int) -> int:
        rows = self._rows
        if len(self) >= FEW_READ and rows.whole:
            rows[self._point] = rows.travel.row(rows.mode, self._point)
        found = self[other] = rows.travel.between(rows.mode, self._point, other)
        return found


class _Rows(dict[int, "array[int] | _Row"]):
    """Travel rows of one mode, made when first read."""

    def __init__(self, travel: Travel, mode: str) -> None:
        super().__init__()
        self.travel, self.mode = travel, mode
        self.whole = len(travel.places) <= WHOLE_ROWS

    def __missing__(self, point: int) -> array[int] | _Row:
        row = self[point] = _Row(self, point)
        return row


class _Candidates:
    """For each day of an item (route, worker, penalty) of those who could make it alone.

    Worked out when first asked for: the compiled kernel needs them for the hardest visits only.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._found: dict[int, list[list[tuple[int, int, float]]]] = {}

    def __getitem__(self, item: int) -> list[list[tuple[int, int, float]]]:
        found = self._found.get(item)
        if found is None:
            model, days = self._model, self._model.days
            weight, known = model.scenario.weights.continuity, model.known[item]
            found = self._found[item] = [
                [
                    (w * days + day, w, weight if known and w not in known else 0.0)
                    for w in model.solo[item]
                    if model.shift_no[w][day] >= 0
                ]
                for day in range(days)
            ]
        return found


class Model:
    """Everything the search needs to know of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.days = scenario.days
        self.items = len(scenario.visits)
        self.workers = len(scenario.workers)
        self.travel = Travel(scenario)
        rows = {worker.mode: _Rows(self.travel, worker.mode) for worker in scenario.workers}
        self.rows = [rows[worker.mode] for worker in scenario.workers]
        self.duration = [visit.duration for visit in scenario.visits]
        self.window = [visit.window for visit in scenario.visits]
        self.priority = [visit.priority for visit in scenario.visits]
        self.statutory = [visit.statutory for visit in scenario.visits]
        self.load = [visit.load for visit in scenario.visits]
        self.people = [visit.people for visit in scenario.visits]
        self._names = {worker.id: number for number, worker in enumerate(scenario.workers)}
        self._skills()
        self._limits()
        self._needs()
        self._candidates()
        self._tours: dict[tuple[int, int, tuple[StopKey, ...]], Tour | None] = {}
        self._near: dict[int, list[int]] = {}
        self._pairs: dict[int, frozenset[tuple[int, int]]] = {}

    # -- set-up

    def _skills(self) -> None:
        bits: dict[str, int] = {}
        for skills in [v.skills for v in self.scenario.visits] + [w.skills for w in self.scenario.workers]:
            for skill in skills:
                bits.setdefault(skill, 1 << len(bits))
        self.needs_skills = [sum({bits[s] for s in visit.skills}) for visit in self.scenario.visits]
        self.has_skills = [sum({bits[s] for s in worker.skills}) for worker in self.scenario.workers]

    def _limits(self) -> None:
        workers = self.scenario.workers
        month = self.scenario.is_month

        def limit(value: int | None) -> int:
            return UNLIMITED if value is None else value

        self.minor = [worker.companion_of_adult for worker in workers]
        self.breaks: list[tuple[Break, ...]] = [worker.breaks for worker in workers]
        self.cap_day = [limit(worker.max_visits) for worker in workers]
        self.cap_week = [limit(worker.max_visits_week) if month else UNLIMITED for worker in workers]
        self.cap_month = [limit(worker.max_visits_month) if month else UNLIMITED for worker in workers]
        self.cap_seconds = [
            int(worker.max_hours_week * 3600) if month and worker.max_hours_week is not None else UNLIMITED
            for worker in workers
        ]
        self.capacity = [limit(worker.capacity) for worker in workers]
        self.max_route = [limit(worker.max_route_seconds) for worker in workers]
        self.summed = [
            min(self.cap_week[w], self.cap_month[w], self.cap_seconds[w]) < UNLIMITED
            for w in range(self.workers)
        ]
        balance = self.scenario.weights.balance > 0
        self.span_counts = [
            balance or self.cap_seconds[w] < UNLIMITED or self.max_route[w] < UNLIMITED
            for w in range(self.workers)
        ]
        self.weeks = self.scenario.weeks
        self.shifts: list[list[Span]] = []
        self.shift_no: list[list[int]] = []
        for worker in workers:
            known: list[Span] = []
            numbers = []
            for day in range(self.days):
                shift = self.scenario.shift_of(worker, day)
                if shift is None:
                    numbers.append(-1)
                    continue
                if shift not in known:
                    known.append(shift)
                numbers.append(known.index(shift))
            self.shifts.append(known)
            self.shift_no.append(numbers)

    def _needs(self) -> None:
        self.item_of: list[int] = []
        self.needs_of: list[list[int]] = []
        self.rules: list[DayRule | None] = []
        self.pins: dict[int, tuple[Pin, ...]] = {}
        self.held: dict[int, tuple[int, ...]] = {}
        groups: dict[str, list[Pin]] = {}
        for pin in self.scenario.pinned:
            groups.setdefault(pin.visit, []).append(pin)
        owners: dict[int, list[tuple[Pin, ...]]] = {}
        index = {visit.id: number for number, visit in enumerate(self.scenario.visits)}
        for name, members in groups.items():
            visit = self.scenario.visit_of(name)
            if visit is not None:
                owners.setdefault(index[visit.id], []).append(tuple(members))
        for item, owner in enumerate(self.scenario.visits):
            count = owner.count if isinstance(owner, Elder) else 1
            self.rules.append(DayRule(owner, self.scenario) if isinstance(owner, Elder) else None)
            first = len(self.item_of)
            self.needs_of.append(list(range(first, first + count)))
            self.item_of += [item] * count
            held = sorted(owners.get(item, ()), key=lambda pins: (pins[0].day is None, pins[0].day or 0))
            for need, pins in zip(self.needs_of[item], held, strict=False):
                self.pins[need] = pins
                self._hold(item, pins)
        self.needs = len(self.item_of)

    def _hold(self, item: int, pins: tuple[Pin, ...]) -> None:
        """Keep the day of a pin for the pinned worker, where the item may be visited on it at all."""
        day = next((pin.day for pin in pins if pin.day is not None), None)
        held = self.held.get(item, ())
        if day is not None and day in self.options(item, held):
            self.held[item] = tuple(sorted((*held, day)))

    def _candidates(self) -> None:
        """Who could make each item at all, alone (`solo`) or as one of two (`near`)."""
        scenario = self.scenario
        places = np.asarray([visit.loc for visit in scenario.visits], np.float64)
        reached = np.ones((self.items, self.workers), np.bool_)
        for w, worker in enumerate(scenario.workers):
            if worker.radius_m is not None and self.items:
                reached[:, w] = metres_from(worker.start, places) <= worker.radius_m
        self.known: list[frozenset[int]] = []
        self.near: list[list[int]] = []
        self.solo: list[list[int]] = []
        able: dict[int, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
        same: dict[tuple[bytes, int], tuple[list[int], list[int]]] = {}
        for item, visit in enumerate(scenario.visits):
            self.known.append(frozenset(self._names[n] for n in known_workers(visit) if n in self._names))
            row = reached[item]
            for name in visit.excluded:
                if name in self._names:
                    row[self._names[name]] = False
            wanted = self.needs_skills[item]
            key = np.packbits(row).tobytes(), wanted
            if key not in same:
                if wanted not in able:
                    able[wanted] = np.asarray(
                        [
                            not self.minor[w] and wanted & ~self.has_skills[w] == 0
                            for w in range(self.workers)
                        ],
                        np.bool_,
                    )
                same[key] = np.flatnonzero(row).tolist(), np.flatnonzero(row & able[wanted]).tolist()
            near, solo = same[key]
            self.near.append(near)
            self.solo.append(solo)
        self.cand = _Candidates(self)

    # -- days

    def options(self, item: int, made: tuple[int, ...]) -> tuple[int, ...]:
        """Return the days on which one more visit of the item may be made."""
        rule = self.rules[item]
        if rule is None:
            return () if made else (0,)
        return rule.options(made)

    def free_options(self, item: int, made: tuple[int, ...]) -> tuple[int, ...]:
        """Return the days for a visit that is not pinned: those that leave the days of pins as they are."""
        held = self.held.get(item)
        return self.options(item, tuple(sorted({*made, *held})) if held else made)

    def near_items(self, item: int) -> list[int]:
        """Return the items nearest to one, itself first."""
        found = self._near.get(item)
        if found is None:
            places = self.travel.places[: self.items]
            order = metres_from(places[item], places).argsort(kind="stable")[:100]
            found = self._near[item] = [item, *(int(i) for i in order if i != item)]
        return found

    def pairs(self, item: int) -> frozenset[tuple[int, int]]:
        """Return the pairs of workers who may make a visit for two together, in both orders."""
        found = self._pairs.get(item)
        if found is None:
            wanted, skills = self.needs_skills[item], self.has_skills
            found = self._pairs[item] = frozenset(
                (a, b)
                for a in self.near[item]
                for b in self.near[item]
                if a != b and not (self.minor[a] and self.minor[b]) and wanted & ~(skills[a] | skills[b]) == 0
            )
        return found

    # -- tours

    def empty(self, worker: int, day: int) -> Tour | None:
        """Return the worker's tour without stops on a day, None when the worker does not work."""
        shift = self.shift_no[worker][day]
        return None if shift < 0 else self.tours_empty(worker, shift)

    def tours_empty(self, worker: int, shift: int) -> Tour:
        """Return the worker's tour without stops in one of the worker's shifts."""
        tour = self.tour(worker, shift, ())
        if tour is None:
            raise ValueError("an empty tour always fits")
        return tour

    def tour(self, worker: int, shift: int, stops: tuple[StopKey, ...]) -> Tour | None:
        """Return a tour with its times, None when its limits cannot be kept."""
        key = (worker, shift, stops)
        try:
            return self._tours[key]
        except KeyError:
            if len(self._tours) > TOURS_KEPT:
                self._tours.clear()
            tour = self._tours[key] = self._make(worker, shift, stops)
            return tour

    def _make(self, worker: int, shift: int, stops: tuple[StopKey, ...]) -> Tour | None:
        rows = self.rows[worker]
        points = [self.items + worker, *(stop[0] for stop in stops), self.items + self.workers + worker]
        legs = [rows[a][b] for a, b in pairwise(points)]
        duration, window = self.duration, self.window
        times = [duration[stop[0]] for stop in stops]
        windows = [window[stop[0]] if stop[1] < 0 else (stop[1], stop[1]) for stop in stops]
        breaks = self.breaks[worker] if stops else ()
        if not stops:
            legs = legs if legs[0] <= self.shifts[worker][shift][1] - self.shifts[worker][shift][0] else [0]
        timing = time_route(legs, times, windows, self.shifts[worker][shift], breaks)
        if timing is None or (stops and timing.arrival - timing.departure > self.max_route[worker]):
            return None
        tour = Tour(worker, shift, stops, points, legs, timing)
        return None if tour.load > self.capacity[worker] else tour

    def stop_times(self, tour: Tour) -> list[tuple[int, int, int]]:
        """Return arrival, start and end at each stop of a tour."""
        times = [self.duration[stop[0]] for stop in tour.stops]
        windows = [self.window[s[0]] if s[1] < 0 else (s[1], s[1]) for s in tour.stops]
        return clock_times(tour.timing, tour.legs, times, windows)

    def with_stop(self, tour: Tour, position: int, stop: StopKey) -> Tour | None:
        """Return the tour with one more stop, None when it does not fit."""
        return self.tour(tour.worker, tour.shift, (*tour.stops[:position], stop, *tour.stops[position:]))

    # -- insertions

    def spot(self, tour: Tour, item: int) -> Spot | None:
        """Return the cheapest feasible insertion of an item into a tour (single visit)."""
        load = self.load[item]
        if tour.load + load > self.capacity[tour.worker]:
            return None
        found = sorted(self._open(tour, item))
        counts = self.span_counts[tour.worker]
        if tour.timing.gaps or self.breaks[tour.worker]:
            return self._spot_with_breaks(tour, item, found)
        for delta, position, _, _ in found:
            if not counts:
                return delta, position, 0
            new = self.with_stop(tour, position, (item, FREE, load))
            if new is not None:
                return delta, position, new.span
        return None

    def _spot_with_breaks(self, tour: Tour, item: int, found: list[tuple[int, int, int, int]]) -> Spot | None:
        """Near a break the quick test is too strict: try those positions in full."""
        stop = (item, FREE, self.load[item])
        seen = {entry[1] for entry in found}
        for position in {*tour.timing.gaps} if tour.stops else {0}:
            if position not in seen:
                found.append((self._delta(tour, item, position), position, 0, 0))
        for delta, position, _, _ in sorted(found):
            new = self.with_stop(tour, position, stop)
            if new is not None:
                return delta, position, new.span
        return None

    def _delta(self, tour: Tour, item: int, position: int) -> int:
        rows = self.rows[tour.worker]
        a, b = tour.points[position], tour.points[position + 1]
        return rows[a][item] + rows[item][b] - (tour.legs[position] if tour.stops else 0)

    def _open(self, tour: Tour, item: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield extra travel, position, earliest and latest start for each position that fits."""
        rows = self.rows[tour.worker]
        row = rows[item]
        low, high = self.window[item]
        duration = self.duration[item]
        points, legs, late, ready = tour.points, tour.legs, tour.late, tour.timing.ready
        filled = bool(tour.stops)
        for position, begin in enumerate(ready):
            a = points[position]
            there = rows[a][item]
            start = begin + there
            if start > high:
                continue
            if start < low:
                start = low
            onward = row[points[position + 1]]
            latest = late[position] - onward - duration
            if start > latest:
                continue
            delta = there + onward - legs[position] if filled else there + onward
            yield delta, position, start, min(high, latest)

    def openings(self, tour: Tour, item: int) -> tuple[tuple[int, int, int, int], ...]:
        """Return every insertion as (extra travel, position, earliest, latest start), cheapest first."""
        found = tour.wide.get(item)
        if found is None:
            entries = list(self._open(tour, item))
            if self.breaks[tour.worker]:
                seen = {entry[1] for entry in entries}
                for position in {*tour.timing.gaps} if tour.stops else {0}:
                    if position not in seen:
                        low, high = self.window[item]
                        delta = self._delta(tour, item, position)
                        start = max(low, self.shifts[tour.worker][tour.shift][0])
                        entries.append((delta, position, start, max(start, high)))
            found = tour.wide[item] = tuple(sorted(entries))
        return found
