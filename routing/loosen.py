"""How far each limit must be loosened, alone, for a missing visit to fit into a plan."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from routing.edits import Edit, edited
from routing.plan import Plan, Route
from routing.quote import Quoter
from routing.scenario import Elder, Scenario, Span, Visit, Worker
from routing.travel import metres

QUARTER = 900
LONGEST = 16
"""Most quarters of an hour that a window, a shift, a route or a week is stretched by."""
NEAREST = 12
"""How many workers are tried for each kind of change, the nearest first."""
STOPS_TRIED = 150
HALF_DAYS: tuple[Span, Span] = ((28800, 43200), (46800, 61200))

EFFORT = {
    "loosen_pin": 30.0,
    "one_more_visit": 45.0,
    "share_load": 60.0,
    "permit_day": 60.0,
    "relax_spacing": 60.0,
    "give_way": 90.0,
    "allow_excluded": 120.0,
    "work_on_day": 240.0,
    "train_worker": 2000.0,
    "another_worker": 5000.0,
}
"""Minutes of effort that order the remedies; stretched limits count their own minutes and a radius a
minute for each 50 m. An assumption, not a measurement."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that lets the visit fit: how big it is, code and detail of the remedy, and the edits.

    `step` counts the quarters of an hour of a stretched limit and `resized` gives the draft of another
    number of them.
    """

    effort: float
    code: str
    detail: dict[str, Any]
    edits: tuple[Edit, ...]
    step: int = 0
    resized: Callable[[int], Draft] | None = None

    @property
    def key(self) -> tuple[float, str, str]:
        """Smallest effort first, then by name."""
        return self.effort, self.code, str(self.detail)


class Loosener:
    """Tries changes for one missing visit of a plan (`name` is its plan id, `visit` its owner)."""

    def __init__(self, scenario: Scenario, plan: Plan, name: str, visit: Visit, deadline: float) -> None:
        self.scenario, self.plan, self.name, self.visit = scenario, plan, name, visit
        self.deadline = deadline
        self.quoter = Quoter(scenario, plan)
        self.needs = set(visit.skills)
        self.pair = visit.people == 2
        adults = [worker for worker in scenario.workers if not worker.companion_of_adult]
        self.near = sorted(adults, key=lambda w: (metres(w.start, visit.loc), w.id))
        self.days = sorted(self.quoter.days_of(name))

    def drafts(self) -> Iterator[Draft]:
        """Yield every change that lets the visit fit, until the time is over."""
        kinds: tuple[Callable[[], Iterator[Draft]], ...] = (
            self._pins,
            self._windows,
            self._permitted_days,
            self._excluded,
            self._radius,
            self._limits,
            self._shifts,
            self._loads,
            self._work_days,
            self._give_way,
            self._skills,
            self._new_workers,
        )
        for kind in kinds:
            if self._late():
                return
            yield from kind()

    def _late(self) -> bool:
        return time.monotonic() > self.deadline

    def _fits(self, *edits: Edit) -> tuple[str, int] | None:
        """Worker and day of the cheapest place in the changed scenario, None when there is none."""
        changed = edited(self.scenario, edits)
        touched = {edit.id for edit in edits if edit.what in ("worker", "new_worker")}
        quoter = self.quoter
        if touched and not self.pair:
            # one worker's limits: nobody else need be looked at
            quoter = self._quoter_of(changed, touched, self.plan.routes)
        elif touched or any(edit.what == "unpin" for edit in edits):
            quoter = Quoter(changed, self.plan)
        visit = changed.visit_of(self.name)
        if visit is None or visit is self.visit:
            quotes = quoter.quote(self.name)
        else:
            quotes = quoter.quote(visit, name=self.name)
        return (quotes[0].workers[0], quotes[0].day) if quotes else None

    def _quoter_of(self, scenario: Scenario, names: set[str], routes: tuple[Route, ...]) -> Quoter:
        """A quoter that knows some workers only; the elder's made days stay those of the whole plan."""
        few = replace(scenario, workers=tuple(w for w in scenario.workers if w.id in names))
        quoter = Quoter(few, replace(self.plan, routes=tuple(r for r in routes if r.worker in names)))
        quoter.lines.days_made = self.quoter.lines.days_made
        return quoter

    def _inside(self, worker: Worker) -> bool:
        return worker.radius_m is None or metres(worker.start, self.visit.loc) <= worker.radius_m

    def _able(self) -> list[Worker]:
        """Adults who may come and have the skills, nearest first."""
        return [
            worker
            for worker in self.near
            if worker.id not in self.visit.excluded
            and self._inside(worker)
            and (self.pair or self.needs <= set(worker.skills))
        ][:NEAREST]

    def _least(self, fits: Callable[[int], bool]) -> int | None:
        """The least number of quarters of an hour with which it fits, by halving."""
        if not fits(LONGEST):
            return None
        low, high = 1, LONGEST
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle + 1, high)
        return low

    # -- the visit's own limits

    def _pins(self) -> Iterator[Draft]:
        edit = Edit("unpin", self.name)
        if any(pin.visit == self.name for pin in self.scenario.pinned) and self._fits(edit):
            yield Draft(EFFORT["loosen_pin"], "loosen_pin", {}, (edit,))

    def _windows(self) -> Iterator[Draft]:
        for early in (True, False):
            yield from self._stretched(partial(self._wider, early), partial(self._window_draft, early))

    def _stretched(self, edit: Callable[[int], Edit], made: Callable[[int], Draft]) -> Iterator[Draft]:
        step = self._least(lambda step: self._fits(edit(step)) is not None)
        if step is not None:
            yield made(step)

    def _window_draft(self, early: bool, step: int) -> Draft:
        edit = self._wider(early, step)
        worker, _ = self._fits(edit) or ("", 0)
        detail = {"worker": worker, "start": edit.value[not early], "seconds": step * QUARTER}
        again = partial(self._window_draft, early)
        return Draft(step * 15.0, "widen_window", detail, (edit,), step, again)

    def _wider(self, early: bool, step: int) -> Edit:
        low, high = self.visit.window
        more = step * QUARTER
        span = (max(0, low - more), high) if early else (low, high + more)
        return Edit("visit", self.visit.id, "window", span)

    def _permitted_days(self) -> Iterator[Draft]:
        elder = self.visit
        if not isinstance(elder, Elder):
            return
        if elder.patterns is not None:
            yield from self._another_pattern(elder, elder.patterns)
            return
        gaps = [("min_gap_days", gap) for gap in range(elder.min_gap_days - 1, -1, -1)]
        yield from self._first_gap(elder, gaps)
        if elder.max_gap_days:
            wider = [("max_gap_days", elder.max_gap_days + more) for more in range(1, 8)]
            yield from self._first_gap(elder, wider)
        for weekday in elder.not_weekdays:
            rest = tuple(other for other in elder.not_weekdays if other != weekday)
            yield from self._day_permitted(Edit("visit", elder.id, "not_weekdays", rest))

    def _another_pattern(self, elder: Elder, patterns: tuple[tuple[int, ...], ...]) -> Iterator[Draft]:
        """One more permitted day beside the days already made."""
        made = self.quoter.lines.days_made.get(elder.id, [])
        if len(made) + 1 != elder.count:
            return
        usual = sorted({day for pattern in patterns for day in pattern} - set(made))

        def away(day: int) -> tuple[int, int]:
            return min((abs(day - other) for other in usual), default=0), day

        for day in sorted(range(self.scenario.days), key=away):
            pattern = tuple(sorted({*made, day}))
            if len(pattern) == elder.count and pattern not in patterns:
                drafts = list(self._day_permitted(Edit("visit", elder.id, "patterns", (*patterns, pattern))))
                if drafts or self._late():
                    yield from drafts
                    return

    def _day_permitted(self, edit: Edit) -> Iterator[Draft]:
        found = self._fits(edit)
        if found is not None:
            yield Draft(EFFORT["permit_day"], "permit_day", {"day": found[1], "worker": found[0]}, (edit,))

    def _first_gap(self, elder: Elder, gaps: list[tuple[str, int]]) -> Iterator[Draft]:
        for number, (field, gap) in enumerate(gaps, 1):
            edit = Edit("visit", elder.id, field, gap)
            if self._fits(edit):
                yield Draft(EFFORT["relax_spacing"] * number, "relax_spacing", {field: gap}, (edit,))
                return

    def _excluded(self) -> Iterator[Draft]:
        for worker in self.near:
            if worker.id in self.visit.excluded:
                rest = tuple(name for name in self.visit.excluded if name != worker.id)
                edit = Edit("visit", self.visit.id, "excluded", rest)
                # with the others still there the edit alone says nothing about this worker
                found = self._fits(edit)
                if found is not None:
                    yield Draft(EFFORT["allow_excluded"], "allow_excluded", {"worker": worker.id}, (edit,))

    # -- the workers' limits

    def _radius(self) -> Iterator[Draft]:
        far = [w for w in self.near if not self._inside(w) and (self.pair or self.needs <= set(w.skills))]
        for worker in far[:NEAREST]:
            wanted = -int(-metres(worker.start, self.visit.loc) // 1)
            edit = Edit("worker", worker.id, "radius_m", wanted)
            if self._fits(edit):
                more = round(wanted - (worker.radius_m or 0))
                detail = {"worker": worker.id, "metres": wanted, "more": more}
                yield Draft(more / 50, "raise_radius", detail, (edit,))

    def _limits(self) -> Iterator[Draft]:
        """One more visit, a longer route, more hours in the week."""
        for worker in self._able():
            if self._late():
                return
            limits = {name: getattr(worker, name) for name in COUNTS}
            more = tuple(Edit("worker", worker.id, n, v + 1) for n, v in limits.items() if v is not None)
            found = self._fits(*more) if more else None
            if found is not None:
                needed = self._needed(more)
                detail = {"worker": worker.id, "day": found[1]}
                yield Draft(EFFORT["one_more_visit"] * len(needed), "one_more_visit", detail, needed)
            yield from self._longer(worker, "max_route_seconds", "longer_route", 1)
            if self.scenario.is_month:
                yield from self._longer(worker, "max_hours_week", "more_hours", 3600)

    def _needed(self, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
        """Leave out what the visit also fits without."""
        kept = edits
        for edit in edits:
            rest = tuple(other for other in kept if other is not edit)
            if rest and self._fits(*rest):
                kept = rest
        return kept

    def _longer(self, worker: Worker, field: str, code: str, unit: int) -> Iterator[Draft]:
        limit = getattr(worker, field)
        if limit is None:
            return

        def edit(step: int) -> Edit:
            more = step * QUARTER
            return Edit("worker", worker.id, field, limit + more if unit == 1 else limit + more / unit)

        def made(step: int) -> Draft:
            _, day = self._fits(edit(step)) or ("", 0)
            seconds = step * QUARTER + (int(limit) if unit == 1 else 0)
            detail = {"worker": worker.id, "day": day, "seconds": seconds}
            return Draft(step * 15.0, code, detail, (edit(step),), step, made)

        yield from self._stretched(edit, made)

    def _shifts(self) -> Iterator[Draft]:
        for worker in self._able():
            for day in self._a_day_for_each_weekday():
                if self._late():
                    return
                for early in (True, False) if self.scenario.shift_of(worker, day) else ():
                    edit = partial(self._longer_shift, worker, day, early)
                    yield from self._stretched(edit, partial(self._shift_draft, worker, day, early))

    def _shift_draft(self, worker: Worker, day: int, early: bool, step: int) -> Draft:
        detail = {"worker": worker.id, "day": day, "seconds": step * QUARTER, "early": early}
        again = partial(self._shift_draft, worker, day, early)
        edits = (self._longer_shift(worker, day, early, step),)
        return Draft(step * 15.0 + 1, "extend_shift", detail, edits, step, again)

    def _longer_shift(self, worker: Worker, day: int, early: bool, step: int) -> Edit:
        low, high = self.scenario.shift_of(worker, day) or (0, 0)
        more = step * QUARTER
        return self._shift_edit(worker, day, (max(0, low - more), high) if early else (low, high + more))

    def _a_day_for_each_weekday(self) -> list[int]:
        """Permitted days, one for each weekday: shifts differ by weekday only."""
        found: dict[int, int] = {}
        for day in self.days:
            found.setdefault(self.scenario.weekday_of_day[day], day)
        return sorted(found.values())

    def _shift_edit(self, worker: Worker, day: int, span: Span) -> Edit:
        if not self.scenario.is_month:
            return Edit("worker", worker.id, "shift", span)
        shifts = dict(worker.shifts) | {self.scenario.weekday_of_day[day]: span}
        return Edit("worker", worker.id, "shifts", tuple(sorted(shifts.items())))

    def _loads(self) -> Iterator[Draft]:
        for worker in self._able() if self.visit.load else ():
            for more in range(1, self.visit.load + 1) if worker.capacity is not None else ():
                edit = Edit("worker", worker.id, "capacity", (worker.capacity or 0) + more)
                if self._fits(edit):
                    detail = {"load": self.visit.load, "worker": worker.id}
                    yield Draft(EFFORT["share_load"], "share_load", detail, (edit,))
                    break

    def _work_days(self) -> Iterator[Draft]:
        """A day, or half of one, that the worker is free of now."""
        for worker in self._able() if self.scenario.is_month else ():
            for day in self.days:
                if self._late():
                    return
                found = None if self.scenario.shift_of(worker, day) else self._half_day(worker, day)
                if found is not None:
                    edits, half = found
                    detail = {"worker": worker.id, "day": day, "half": None if half is None else list(half)}
                    yield Draft(EFFORT["work_on_day"], "work_on_day", detail, edits)
                    break

    def _half_day(self, worker: Worker, day: int) -> tuple[tuple[Edit, ...], Span | None] | None:
        """The least that lets the worker come on the day: half of it where the weekday is new."""
        weekday = self.scenario.weekday_of_day[day]
        if worker.weekdays is None or weekday in worker.weekdays:
            rest = tuple(other for other in worker.not_days if other != day)
            edits: tuple[Edit, ...] = (Edit("worker", worker.id, "not_days", rest),)
            return (edits, None) if self._fits(*edits) else None
        same = {d for d in range(self.scenario.days) if self.scenario.weekday_of_day[d] == weekday}
        for half in HALF_DAYS:
            edits = (
                Edit("worker", worker.id, "weekdays", tuple(sorted({*worker.weekdays, weekday}))),
                Edit("worker", worker.id, "not_days", tuple(sorted({*worker.not_days, *same} - {day}))),
                self._shift_edit(worker, day, half),
            )
            if self._fits(*edits):
                return edits, half
        return None

    def _give_way(self) -> Iterator[Draft]:
        """A less important stop whose place the visit can take."""
        rank = (self.visit.statutory, self.visit.priority)
        able = {worker.id for worker in self._able()}
        pinned = {pin.visit for pin in self.scenario.pinned}
        tried = 0
        for route in self.plan.routes if not self.pair else ():
            for stop in route.stops if route.worker in able and route.day in self.days else ():
                other = self.scenario.visit_of(stop.visit)
                if other is None or stop.visit in pinned or other.people == 2:
                    continue
                if (other.statutory, other.priority) >= rank:
                    continue
                tried += 1
                if tried > STOPS_TRIED or self._late():
                    return
                rest = replace(route, stops=tuple(s for s in route.stops if s is not stop))
                routes = tuple(rest if r is route else r for r in self.plan.routes)
                quoter = self._quoter_of(self.scenario, {route.worker}, routes)
                if quoter.quote(self.name, days={route.day}):
                    detail = {"visit": stop.visit, "priority": other.priority}
                    detail |= {"worker": route.worker, "day": route.day}
                    edits = (Edit("take_off", stop.visit),)
                    yield Draft(EFFORT["give_way"] + other.priority, "give_way", detail, edits)

    # -- people

    def _skills(self) -> Iterator[Draft]:
        lacking = [worker for worker in self.near if self.needs - set(worker.skills)]
        lacking.sort(key=lambda worker: len(self.needs - set(worker.skills)))
        for worker in lacking[:NEAREST]:
            missing = sorted(self.needs - set(worker.skills))
            edit = Edit("worker", worker.id, "skills", (*worker.skills, *missing))
            if self._fits(edit):
                effort = EFFORT["train_worker"] * len(missing)
                yield Draft(effort, "train_worker", {"worker": worker.id, "skills": missing}, (edit,))

    def _new_workers(self) -> Iterator[Draft]:
        """One more person beside the place, for half a day."""
        low, high = self.visit.window
        skills = sorted(self.needs)
        code = "second_person" if self.pair and not skills else "another_worker"
        for half in HALF_DAYS:
            shift = min(half[0], high), max(half[1], low + self.visit.duration)
            edit = new_worker(self.scenario, self.visit, shift, skills)
            if self._fits(edit):
                detail = {"skills": skills, "shift": list(shift), "days": list(self.days)}
                yield Draft(EFFORT["another_worker"], code, detail, (edit,))
                return


COUNTS = ("max_visits", "max_visits_week", "max_visits_month")


def new_worker(
    scenario: Scenario, at: Visit, shift: Span, skills: list[str], name: str = "one-more", **over: Any
) -> Edit:
    """Return the edit that adds a worker who lives beside a visit and travels as most others do."""
    modes = Counter(worker.mode for worker in scenario.workers)
    if modes:
        mode = min(modes, key=lambda m: (-modes[m], m))
    elif scenario.matrix is not None:
        mode = scenario.matrix.seconds[0][0]
    else:
        mode = scenario.speed_kmh[0][0]
    value: dict[str, Any] = {
        "start": at.loc,
        "end": at.loc,
        "mode": mode,
        "shift": shift,
        "skills": tuple(skills),
        "start_index": at.loc_index,
        "end_index": at.loc_index,
    }
    return Edit("new_worker", name, "", value | over)
