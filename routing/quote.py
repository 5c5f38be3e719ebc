"""Quotes: what one more visit would cost, in seconds of travel, wherever it fits into a plan.

A `Quoter` is prepared once for a plan and then answers in about a millisecond: each route knows when
its worker is ready to leave each stop and how late the next one may be reached (the slack of
Savelsbergh 1992), which rules nearly every place out without timing the route. What is left is timed
in full, so that a quote keeps every limit of the scenario: skills, window, shift, breaks, radius,
sums over day, week and month, exclusions, pins, two people starting together, a minor beside an adult.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from routing.check import check
from routing.lines import TOLD_SECONDS, Ask, Column, Fit, Line, Lines, Opening, renumbered
from routing.patterns import DayRule
from routing.plan import Plan, Route, Stop
from routing.scenario import Elder, Pin, Scenario, Visit, Worker, known_workers
from routing.timing import clock_times
from routing.travel import metres, metres_from, whole_seconds

START_STEP = 300
START_TRIES = 24
"""Later common starts that are tried where a break stands in the way of two people meeting."""


@dataclass(frozen=True, slots=True)
class Place:
    """One worker's part of a quote: between which stops, and the travel it adds (seconds)."""

    worker: str
    position: int
    after: str | None
    before: str | None
    added_seconds: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A feasible way to make one visit: one place, or two where two people go together.

    `start` is the start of service, `added_seconds` the travel added to the plan, `cost` the same
    with the weight of continuity, `moved` how many other stops would start more than 15 minutes
    away from where the plan has them.
    """

    visit: str
    day: int
    start: int
    added_seconds: int
    places: tuple[Place, ...]
    known: bool
    cost: float
    moved: int

    @property
    def workers(self) -> tuple[str, ...]:
        """Who would go."""
        return tuple(place.worker for place in self.places)


class Quoter:
    """Quotes for one plan. `told` visits keep their start within a quarter of an hour.

    Routes that break a limit as they are get nothing more; `broken` names them (worker, day).
    """

    def __init__(self, scenario: Scenario, plan: Plan, told: Collection[str] = ()) -> None:
        self.lines = Lines(scenario, plan, told)
        self.broken = self.lines.broken

    def quote(
        self,
        visit: Visit | str,
        workers: Iterable[str] | None = None,
        days: Collection[int] | None = None,
        name: str | None = None,
    ) -> list[Quote]:
        """Return the cheapest feasible way for each worker (of `workers`, on `days`), cheapest first.

        `visit` is a visit id of the plan or a visit that is not in the scenario yet. Where two people
        go, each worker is quoted with the cheapest partner, who may be anybody; a minor named in
        `workers` is quoted beside an adult. A visit that the plan already makes in full has no
        quote. With `name` a changed copy of a known visit is asked about under its plan id, as if the
        scenario had the copy (one skill less, a wider window). Unknown ids raise `KeyError`; a new
        visit without `loc_index` raises `ValueError` when the scenario has a matrix.
        """
        ask = self._ask(visit, name)
        wanted = None if workers is None else set(workers)
        made = self.lines.made.get(ask.name, [])
        if made:
            found = self._joins(ask, made, wanted)
        else:
            allowed = self._days(ask)
            if days is not None:
                allowed &= set(days)
            found = self._fresh(ask, allowed, wanted)
        return sorted(found, key=lambda quote: (quote.cost, quote.day, quote.start, quote.workers))

    def quote_for_worker(self, worker: str, visits: Iterable[Visit | str]) -> list[Quote]:
        """Return this worker's cheapest way to each of the visits that fit, cheapest first."""
        if worker not in self.lines.scenario.worker_of:
            raise KeyError(worker)
        found = []
        for visit in visits:
            found += self.quote(visit, [worker])[:1]
        return sorted(found, key=lambda quote: (quote.cost, quote.start, quote.visit))

    def plan_with(self, quote: Quote, visit: Visit | None = None) -> Plan:
        """Return the plan with a quote taken up; give the visit when the scenario does not have it.

        Only the routes of the quote get new times. The score is the checker's where the scenario
        knows the visit, else None.
        """
        ask = self._ask(quote.visit if visit is None else visit)
        routes = {(route.worker, route.day): route for route in self.lines.plan.routes}
        for place in quote.places:
            line = next(line for line in self.lines.of_worker[place.worker] if line.day == quote.day)
            window = (quote.start, quote.start) if self._shared(ask, quote) else ask.visit.window
            fit = self.lines.fit(line, place.position, ask, window)
            if fit is None:
                raise ValueError("the quote does not belong to this plan")
            names = [*line.names[: place.position], ask.name, *line.names[place.position :]]
            stops = tuple(Stop(name, *times) for name, times in zip(names, fit.times, strict=True))
            routes[place.worker, quote.day] = Route(
                place.worker, quote.day, fit.timing.departure, fit.timing.arrival, stops
            )
        left = tuple(entry for entry in self.lines.plan.unassigned if entry.visit != ask.name)
        if isinstance(ask.visit, Elder):
            routes = renumbered(routes, ask.visit.id)
        order = sorted(routes, key=lambda key: (key[1], key[0]))
        plan = replace(
            self.lines.plan, routes=tuple(routes[key] for key in order), unassigned=left, score=None
        )
        if self.lines.scenario.visit_of(ask.name) is None:
            return plan
        return plan.with_score(check(self.lines.scenario, plan).score)

    def _shared(self, ask: Ask, quote: Quote) -> bool:
        return len(quote.places) > 1 or bool(self.lines.made.get(ask.name))

    def _ask(self, visit: Visit | str, name: str | None = None) -> Ask:
        if isinstance(visit, str):
            known = self.lines.scenario.visit_of(visit)
            if known is None:
                raise KeyError(visit)
            point = self.lines.point[known.id]
            into = {m: Column(self.lines.travel, m, point) for m in self.lines.modes}
            onward = {m: self.lines.travel.row(m, point) for m in self.lines.modes}
            return Ask(visit, known, into, onward)
        if name is None:
            name = visit.id if not self.lines.scenario.is_month or "#" in visit.id else f"{visit.id}#1"
        there, back = self._travel_of(visit)
        return Ask(name, visit, there, back)

    def _travel_of(self, visit: Visit) -> tuple[dict[str, Sequence[int]], dict[str, Sequence[int]]]:
        scenario, travel = self.lines.scenario, self.lines.travel
        if scenario.matrix is not None:
            if visit.loc_index is None or not 0 <= visit.loc_index < len(scenario.matrix.locations):
                raise ValueError("a visit outside the scenario needs a loc_index of its matrix")
            tables = dict(scenario.matrix.seconds)
            index, at = travel.index, visit.loc_index
            there: dict[str, Sequence[int]] = {m: [tables[m][i][at] for i in index] for m in self.lines.modes}
            back: dict[str, Sequence[int]] = {m: [tables[m][at][i] for i in index] for m in self.lines.modes}
            return there, back
        distances = metres_from(visit.loc, travel.places)
        speeds = dict(scenario.speed_kmh)
        both: dict[str, Sequence[int]] = {
            m: whole_seconds(distances, scenario.detour, speeds[m]).tolist() for m in self.lines.modes
        }
        return both, both

    def days_of(self, visit: str) -> set[int]:
        """Return the days on which one more visit of the plan id's owner is permitted."""
        return self._days(self._ask(visit))

    def _days(self, ask: Ask) -> set[int]:
        if isinstance(ask.visit, Elder):
            made = tuple(sorted(self.lines.days_made.get(ask.visit.id, ())))
            return set(DayRule(ask.visit, self.lines.scenario).options(made))
        return set(range(self.lines.scenario.days))

    # -- one person

    def _fresh(self, ask: Ask, days: set[int], wanted: set[str] | None) -> list[Quote]:
        best: dict[tuple[str, ...], Quote] = {}
        for pins, permitted in self.lines.pinnings(ask, days):
            for quote in self._pinned(ask, permitted, wanted, pins):
                key = quote.workers[:1] if len(quote.workers) == 1 else tuple(sorted(quote.workers))
                if key not in best or quote.cost < best[key].cost:
                    best[key] = quote
        return list(best.values())

    def _pinned(self, ask: Ask, days: set[int], wanted: set[str] | None, pins: list[Pin]) -> list[Quote]:
        if ask.visit.people == 2 or len(pins) > 1:
            return self._pairs(ask, days, wanted, {pin.worker for pin in pins})
        minors = {w for w in wanted or () if w in self.lines.of_worker and self._minor(w)}
        found = []
        if minors:
            found = self._pairs(ask, days, minors, {pin.worker for pin in pins})
        needs = frozenset(ask.visit.skills)
        at = pins[0].position if pins else None
        offers: dict[str, list[tuple[Opening, Line]]] = defaultdict(list)
        for line in self._open_for(ask, days, wanted):
            name = line.worker.id
            if line.worker.companion_of_adult or not needs <= self.lines.skills[name]:
                continue
            if (not pins or pins[0].worker == name) and self.lines.carries(line, ask):
                offers[name] += [
                    (opening, line)
                    for opening in self.lines.openings(line, ask, ask.visit.window)
                    if at is None or opening[1] == min(at, len(line.names))
                ]
        for mine in offers.values():
            mine.sort(key=lambda offer: (offer[0][0], offer[1].day, offer[0][1]))
            fits = (self.lines.fit(line, opening[1], ask, ask.visit.window) for opening, line in mine)
            fit = next((fit for fit in fits if fit is not None), None)
            if fit is not None:
                found.append(self._quoted(ask, [fit]))
        return found

    def _minor(self, worker: str) -> bool:
        return self.lines.scenario.worker_of[worker].companion_of_adult

    def _open_for(self, ask: Ask, days: set[int], wanted: set[str] | None) -> Iterator[Line]:
        """Lines whose worker may come near the visit at all; skills are not looked at here."""
        visit = ask.visit
        names = wanted if wanted is not None else self.lines.of_worker.keys()
        for name in names:
            lines = self.lines.of_worker.get(name, ())
            if not lines or name in visit.excluded:
                continue
            worker = lines[0].worker
            if worker.radius_m is not None and metres(worker.start, visit.loc) > worker.radius_m:
                continue
            for line in lines:
                if line.day in days and self.lines.room(line, 1):
                    yield line

    def _quoted(self, ask: Ask, fits: Sequence[Fit], beside: Iterable[str] = ()) -> Quote:
        places = []
        moved = 0
        for fit in fits:
            names = fit.line.names
            after = names[fit.position - 1] if fit.position else None
            before = names[fit.position] if fit.position < len(names) else None
            places.append(Place(fit.line.worker.id, fit.position, after, before, fit.added))
            starts = [*fit.line.starts[: fit.position], fit.start, *fit.line.starts[fit.position :]]
            moved += sum(abs(old - new[1]) > TOLD_SECONDS for old, new in zip(starts, fit.times, strict=True))
        named = known_workers(ask.visit)
        known = not named or bool({*beside, *(place.worker for place in places)} & set(named))
        added = sum(place.added_seconds for place in places)
        cost = added + (0.0 if known else self.lines.scenario.weights.continuity)
        return Quote(
            ask.name, fits[0].line.day, fits[0].start, added, tuple(places), known and bool(named), cost, moved
        )  # fmt: skip

    # -- two people

    def _pairs(self, ask: Ask, days: set[int], wanted: set[str] | None, pinned: set[str]) -> list[Quote]:
        """Each worker with the cheapest partner; the start is the earliest that both can keep."""
        found: dict[tuple[str, ...], Quote] = {}
        for day in sorted(days):
            offers = [
                (opening, line)
                for line in self._open_for(ask, {day}, None)
                for opening in self._meeting_openings(line, ask)
            ]
            offers.sort(key=lambda offer: (offer[0][0], offer[1].number))
            mine: dict[str, list[tuple[Opening, Line]]] = defaultdict(list)
            for opening, line in offers:
                mine[line.worker.id].append((opening, line))
            for name in mine if wanted is None else [name for name in mine if name in wanted]:
                if pinned and not self._pins_allow(name, pinned):
                    continue
                quote = self._with_partner(ask, mine[name], offers, pinned)
                if quote is not None:
                    key = tuple(sorted(quote.workers))
                    if key not in found or quote.cost < found[key].cost:
                        found[key] = quote
        return list(found.values())

    def _pins_allow(self, name: str, pinned: set[str]) -> bool:
        return name in pinned or len(pinned) < 2

    def _meeting_openings(self, line: Line, ask: Ask) -> list[Opening]:
        openings = self.lines.openings(line, ask, ask.visit.window)
        if not line.worker.breaks:
            return openings
        found = []
        for added, position, _, high in openings:
            fit = self.lines.fit(line, position, ask, ask.visit.window)
            if fit is not None:
                early = replace(fit.timing, departure=fit.timing.ready[0])
                mode = line.worker.mode
                there = ask.into[mode][line.points[position]]
                on = ask.onward[mode][line.points[position + 1]]
                legs = [*line.legs[:position], there, on, *line.legs[position + 1 :]]
                durations = [*line.durations[:position], ask.visit.duration, *line.durations[position:]]
                windows = [*line.windows[:position], ask.visit.window, *line.windows[position:]]
                start = clock_times(early, legs, durations, windows)[position][1]
                found.append((added, position, start, high))
        return found

    def _with_partner(
        self,
        ask: Ask,
        own: list[tuple[Opening, Line]],
        offers: list[tuple[Opening, Line]],
        pinned: set[str],
    ) -> Quote | None:
        best: Quote | None = None
        named = set(known_workers(ask.visit))
        for (added, position, low, high), line in own:
            for (more, other_at, other_low, other_high), other in offers:
                if best is not None and added + more >= best.cost:
                    break
                if not self._may_meet(ask, line, other, pinned):
                    continue
                start = max(low, other_low)
                if start > min(high, other_high):
                    continue
                fits = self._meet(ask, (line, position), (other, other_at), start, min(high, other_high))
                if fits is None:
                    continue
                quote = self._quoted(ask, fits)
                if best is None or quote.cost < best.cost:
                    best = quote
                if not named or quote.known:
                    break
        return best

    def _may_meet(self, ask: Ask, a: Line, b: Line, pinned: set[str]) -> bool:
        one, two = a.worker, b.worker
        if one is two or (one.companion_of_adult and two.companion_of_adult):
            return False
        if pinned and not pinned <= {one.id, two.id}:
            return False
        if not (self.lines.carries(a, ask) or self.lines.carries(b, ask)):
            return False
        needs = set(ask.visit.skills)
        if ask.visit.people == 2:
            return needs <= self.lines.skills[one.id] | self.lines.skills[two.id]
        adult = two if one.companion_of_adult else one
        return (one.companion_of_adult or two.companion_of_adult) and needs <= self.lines.skills[adult.id]

    def _meet(
        self, ask: Ask, one: tuple[Line, int], two: tuple[Line, int], start: int, latest: int
    ) -> list[Fit] | None:
        """Both lines with the visit at one start; a later start is tried where breaks forbid the first."""
        breaks = bool(one[0].worker.breaks or two[0].worker.breaks)
        for step in range(START_TRIES if breaks else 1):
            at = start + step * START_STEP
            if at > latest:
                return None
            fits = [self.lines.fit(line, position, ask, (at, at)) for line, position in (one, two)]
            good = [fit for fit in fits if fit is not None]
            if len(good) == 2:
                return good
        return None

    def _joins(
        self, ask: Ask, made: list[tuple[Worker, Route, Stop]], wanted: set[str] | None
    ) -> list[Quote]:
        """A second person for a visit that one already makes: the start is the one in the plan."""
        if len(made) != 1:
            return []
        there, route, stop = made[0]
        found = []
        for line in self._open_for(ask, {route.day}, wanted):
            worker = line.worker
            if worker is there or not self._may_join(ask, there, worker, wanted):
                continue
            for _, position, _, _ in self.lines.openings(line, ask, (stop.start, stop.start)):
                fit = self.lines.fit(line, position, ask, (stop.start, stop.start))
                if fit is not None:
                    found.append(self._quoted(ask, [fit], beside=[there.id]))
                    break
        return found

    def _may_join(self, ask: Ask, there: Worker, worker: Worker, wanted: set[str] | None) -> bool:
        if there.companion_of_adult and worker.companion_of_adult:
            return False
        needs = set(ask.visit.skills)
        if ask.visit.people == 2:
            return needs <= self.lines.skills[there.id] | self.lines.skills[worker.id]
        if there.companion_of_adult:
            return needs <= self.lines.skills[worker.id]
        return worker.companion_of_adult and wanted is not None
