"""The state of a repair: what people know, what still holds of it, and what each change is worth.

A ruin and recreate (Schrimpf et al. 2000) around the hurt places only: a few stops come off and go
back where travel and changes together cost least.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from routing.construct import order
from routing.draft import draft
from routing.explain import explain_state
from routing.insert import pair_ways, place, take_pair
from routing.lines import TOLD_SECONDS
from routing.model import FREE, Model, StopKey, Tour
from routing.plan import Plan, Route, Stop
from routing.scenario import Scenario, Span, Visit, Worker
from routing.state import State

RUIN = 4
"""How many stops one step takes off at most."""
HOT_SECONDS = 120.0
"""A step may end this much dearer at first; the allowance shrinks to nothing."""


@dataclass(frozen=True, slots=True)
class RepairWeights:
    """Seconds of travel that one changed stop is worth, and one told stop that must change."""

    changed: float = 1800.0
    told: float = 7200.0


class Known:
    """What people know: who comes when; what they were told; what has begun."""

    def __init__(self, plan: Plan, told: set[str], now: int | None) -> None:
        self.told = told
        self.workers: dict[str, tuple[str, ...]] = {}
        self.start: dict[str, int] = {}
        self.end: dict[str, int] = {}
        self.rows: dict[str, Route] = {}
        self.frozen: set[str] = set()
        for route in plan.routes:
            self.rows[route.worker] = route
            leave = route.departure
            for stop in route.stops:
                self.workers[stop.visit] = (*self.workers.get(stop.visit, ()), route.worker)
                self.start[stop.visit], self.end[stop.visit] = stop.start, stop.end
                if now is not None and leave <= now:
                    self.frozen.add(stop.visit)
                leave = stop.end

    def begun(self, worker: str) -> list[Stop]:
        """The worker's stops that have begun."""
        row = self.rows.get(worker)
        return [] if row is None else [stop for stop in row.stops if stop.visit in self.frozen]


class Bench:
    """The state of a repair: windows and shifts as they still hold, and what each stop has cost."""

    def __init__(
        self,
        after: Scenario,
        known: Known,
        away: Mapping[str, int | None],
        weights: RepairWeights,
        now: int | None,
        fresh: set[str],
    ) -> None:
        self.after, self.known, self.weights = after, known, weights
        present = {worker.id: worker for worker in after.workers}
        self.stays = {
            name
            for name, workers in known.workers.items()
            if any(
                w in present and (w not in away or known.end[name] <= present[w].shift[1]) for w in workers
            )
        }
        held = (known.told & self.stays) | known.frozen
        live = replace(
            after,
            visits=tuple(self._narrow(visit, now) for visit in after.visits),
            workers=tuple(self._ready(worker, now) for worker in after.workers),
        )
        self.model = Model(live)
        self.state = State(self.model)
        self.item_of = {visit.id: item for item, visit in enumerate(after.visits)}
        self.fixed = {self.model.needs_of[self.item_of[name]][0] for name in held if name in self.item_of}
        self.before: list[tuple[frozenset[int], int, float] | None] = []
        number = {worker.id: index for index, worker in enumerate(after.workers)}
        for visit in after.visits:
            if visit.id not in known.workers:
                self.before.append(None)
                continue
            people = frozenset(number[w] for w in known.workers[visit.id] if w in number)
            worth = weights.told if visit.id in known.told else weights.changed
            self.before.append((people, known.start[visit.id], worth))
        self._worth: dict[Tour, float] = {}
        self._load(number)
        self.waiting = {
            self.model.needs_of[item][0]
            for item, visit in enumerate(after.visits)
            if visit.id not in known.workers and visit.id not in fresh
        } - self.model.pins.keys()

    def _narrow(self, visit: Visit, now: int | None) -> Visit:
        low, high = visit.window
        known = self.known
        if visit.id in known.frozen:
            window: Span = (known.start[visit.id], known.start[visit.id])
        elif visit.id in known.told and visit.id in self.stays:
            start = known.start[visit.id]
            window = max(low, start - TOLD_SECONDS), min(high, start + TOLD_SECONDS)
        elif now is not None:
            window = max(low, now), max(high, now if high >= now else high)
        else:
            return visit
        return replace(visit, window=window if window[0] <= window[1] else (high, high))

    def _ready(self, worker: Worker, now: int | None) -> Worker:
        if now is None or self.known.begun(worker.id) or worker.shift[0] >= now:
            return worker
        return replace(worker, shift=(min(now, worker.shift[1]), worker.shift[1]))

    # -- the plan as a state

    def _load(self, number: Mapping[str, int]) -> None:
        """Put what still holds of the plan into the state."""
        model, state = self.model, self.state
        rows: dict[int, list[str]] = {}
        for name, route in self.known.rows.items():
            if name in number:
                rows[number[name]] = [s.visit for s in route.stops if s.visit in self.item_of]
        lost = True
        while lost:
            carried: set[str] = set()
            tours: dict[int, tuple[Tour, list[str]]] = {}
            lost = False
            for worker in sorted(rows):
                whole = [name for name in rows[worker] if self._whole(name, rows)]
                tour, kept = self._fitting(worker, whole, rows, carried)
                carried |= set(kept)
                lost = lost or len(kept) < len(rows[worker])
                tours[worker], rows[worker] = (tour, kept), kept
        state.restore(
            tuple(
                (worker, tour.stops, tuple(model.needs_of[self.item_of[name]][0] for name in kept))
                for worker, (tour, kept) in tours.items()
            )
        )
        for worker, (_, kept) in tours.items():
            for index, name in enumerate(kept):
                if name in self.known.frozen:
                    need = model.needs_of[self.item_of[name]][0]
                    state.positions.setdefault(worker, {})[need] = index
        for pin in self.after.pinned:
            need = model.needs_of[self.item_of[pin.visit]][0]
            if pin.position is not None and state.place[need]:
                state.positions.setdefault(state.place[need][0], {})[need] = pin.position

    def _whole(self, name: str, rows: Mapping[int, list[str]]) -> bool:
        """Whether everybody whom a visit needs is still on it."""
        model = self.model
        item = self.item_of[name]
        people = [worker for worker, row in rows.items() if name in row]
        if name in self.known.frozen:
            return True
        if model.people[item] == 2 and len(people) < 2:
            return False
        return any(not model.minor[worker] for worker in people)

    def _fitting(
        self, worker: int, names: list[str], rows: Mapping[int, list[str]], carried: set[str]
    ) -> tuple[Tour, list[str]]:
        """Return the worker's tour; the stops that the least would be lost with go where it does not fit."""
        model = self.model
        kept = list(names)
        while True:
            tour = model.tour(worker, 0, tuple(self._stop(name, rows, carried) for name in kept))
            if tour is not None and len(kept) <= model.cap_day[worker]:
                return tour, kept
            loose = [name for name in kept if name not in self.known.frozen] or kept

            def loss(name: str, kept: list[str] = kept) -> tuple[bool, bool, bool, int, int]:
                rest = tuple(self._stop(other, rows, carried) for other in kept if other != name)
                item = self.item_of[name]
                told = name in self.known.told
                unfit = model.tour(worker, 0, rest) is None
                return unfit, told, model.statutory[item], model.priority[item], -kept.index(name)

            kept.remove(min(loose, key=loss))

    def _stop(self, name: str, rows: Mapping[int, list[str]], carried: set[str]) -> StopKey:
        item = self.item_of[name]
        shared = sum(name in row for row in rows.values()) > 1
        load = 0 if name in carried else self.model.load[item]
        return item, self.known.start[name] if shared else FREE, load

    # -- what a change costs

    def worth(self, tour: Tour) -> float:
        """The weight of the changed stops on a tour."""
        found = self._worth.get(tour)
        if found is None:
            found = 0.0
            if tour.stops:
                for stop, (_, start, _) in zip(tour.stops, self.model.stop_times(tour), strict=True):
                    before = self.before[stop[0]]
                    if before is not None and (
                        tour.worker not in before[0] or abs(start - before[1]) > TOLD_SECONDS
                    ):
                        found += before[2]
            self._worth[tour] = found
        return found

    def key(self) -> tuple[int, int, int, float]:
        """All aims in order, the weight of the changes in the last."""
        pins, statutory, priority, cost = self.state.key
        return pins, statutory, priority, cost + self._changed()

    # -- putting in

    def insert_missing(self, needs: Iterable[int]) -> None:
        """Make each need where it costs least, its own travel and what it changes for others together."""
        for need in needs:
            item = self.model.item_of[need]
            before = self.before[item]
            held = sorted(before[0]) if before is not None and need in self.fixed else None
            if need in self.model.pins:
                place(self.state, need)
            elif self.model.people[item] == 2:
                self._insert_pair(need, held) or (held is not None and self._insert_pair(need, None))
            else:
                self._insert_single(need, item)

    def _insert_single(self, need: int, item: int) -> bool:
        model, state = self.model, self.state
        best, found = math.inf, None
        before = self.before[item]
        balance = model.scenario.weights.balance
        ceiling = max(state.busy, default=0)
        for route, worker, penalty in model.cand[item][0]:
            tour = state.tours[route]
            if tour is None or len(tour.stops) >= model.cap_day[worker]:
                continue
            base = penalty - self.worth(tour)
            stranger = before[2] if before is not None and worker not in before[0] else 0.0
            for delta, position, _, _ in model.openings(tour, item):
                if delta + penalty + stranger >= best:
                    break
                if not state.allowed(route, position):
                    continue
                new = model.with_stop(tour, position, (item, FREE, model.load[item]))
                if new is None or not state.fits(route, 1, new.span):
                    continue
                value = delta + base + self.worth(new)
                if balance:
                    value += balance * max(0, state.busy[worker] + new.span - tour.span - ceiling)
                if value < best:
                    best, found = value, (route, position)
        if found is None:
            return False
        return state.insert(need, ((found[0], found[1], (item, FREE, model.load[item])),))

    def _insert_pair(self, need: int, held: list[int] | None) -> bool:
        state = self.state
        best, found = math.inf, None
        for way in pair_ways(state, need, held):
            routes = (way[1], way[3])
            old = [state.tours[route] for route in routes]
            if not take_pair(state, need, way):
                continue
            new = [state.tours[route] for route in routes]
            value = way[0] + sum(self.worth(t) for t in new if t) - sum(self.worth(t) for t in old if t)
            if value < best:
                best, found = value, way
            if not state.remove(need):
                return True  # without the triangle inequality a stop may not come off again
        return found is not None and take_pair(state, need, found)

    def fill(self) -> None:
        """Make what the plan left out before, where nothing that people know changes for it."""
        for need in order(self.model, self.state.absent & self.waiting):
            self.state.begin()
            before = self._changed()
            self.insert_missing([need])
            if self._changed() > before:
                self.state.undo()

    def _changed(self) -> float:
        return sum(self.worth(tour) for tour in self.state.tours if tour is not None)

    # -- improving

    def improve(self, steps: int, deadline: float, rng: Random) -> None:
        """Take a few stops near a hurt place off and put them back; keep what is better."""
        model, state = self.model, self.state
        best, snapshot = self.key(), state.snapshot()
        current = best
        hurt = self._hurt()
        for step in range(steps if hurt else 0):
            if time.monotonic() >= deadline:
                break
            state.begin()
            self._ruin(rng.choice(hurt), rng)
            missing = order(model, state.absent - self.waiting, rng)
            if rng.random() < 0.3:
                rng.shuffle(missing)
            self.insert_missing(missing)
            found = self.key()
            allowance = HOT_SECONDS * (1 - step / steps) * rng.random()
            if found[:3] < current[:3] or (found[:3] == current[:3] and found[3] <= current[3] + allowance):
                current = found
                if found < best:
                    best, snapshot = found, state.snapshot()
                    hurt = self._hurt()
            else:
                state.undo()
        state.restore(snapshot)

    def _hurt(self) -> list[int]:
        """Items that are missing or changed."""
        state, model = self.state, self.model
        found = {model.item_of[need] for need in state.absent - self.waiting}
        for tour in state.tours:
            if tour is not None and (self.worth(tour) or any(self.before[s[0]] is None for s in tour.stops)):
                found |= {stop[0] for stop in tour.stops}
        return sorted(found)

    def _ruin(self, item: int, rng: Random) -> None:
        model, state = self.model, self.state
        wanted = rng.randint(1, RUIN)
        near = model.near_items(item)[:40]
        for other in near[:1] + [near[int(len(near) * rng.random() ** 2)] for _ in range(3 * wanted)]:
            need = model.needs_of[other][0]
            if wanted and state.place[need] and need not in self.fixed and need not in model.pins:
                wanted -= state.movable(need) and state.remove(need)

    # -- the answer

    def plan(self, before: Plan) -> Plan:
        """Return the plan of the state; routes that nothing happened to keep their times."""
        model, state = self.model, self.state
        made = draft(model, state)
        old = {route.worker: route for route in before.routes}
        starts = {stop.visit: stop.start for route in before.routes for stop in route.stops}
        shifts = {worker.id: worker.shift for worker in self.after.workers}
        shared = {model.scenario.visits[model.item_of[n]].id for n, p in enumerate(state.place) if len(p) > 1}
        routes = []
        for route in made.routes:
            same = old.get(route.worker)
            names = [stop.visit for stop in route.stops]
            if (
                same is not None
                and [stop.visit for stop in same.stops] == names
                and same.arrival <= shifts[route.worker][1]
                and all(starts[s.visit] == s.start for s in route.stops if s.visit in shared)
            ):
                routes.append(same)
            else:
                routes.append(route)
        left = tuple(found.unassigned() for found in explain_state(model, state))
        return replace(made, routes=tuple(routes), unassigned=left)
