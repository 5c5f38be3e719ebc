"""A plan under construction: which need is on which tour, with every sum kept up to date."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from routing.model import FREE, Model, StopKey, Tour

Key = tuple[int, int, int, float]
"""Missing pinned visits, missing statutory visits, missing priority, cost: smaller is better."""

Snapshot = tuple[tuple[int, tuple[StopKey, ...], tuple[int, ...]], ...]
"""A state without its sums: (route, stops, needs) of every route that has stops."""


class State:
    """Tours of every worker and day. Route number = worker × days + day."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tours: list[Tour | None] = [
            model.empty(worker, day) for worker in range(model.workers) for day in range(model.days)
        ]
        self.row: list[tuple[int, ...]] = [()] * len(self.tours)
        self.place: list[tuple[int, ...]] = [()] * model.needs
        self.made: list[tuple[int, ...]] = [()] * model.items
        self.absent: set[int] = set(range(model.needs))
        weeks = model.weeks[-1] + 1
        self.week_visits = [[0] * weeks for _ in range(model.workers)]
        self.week_seconds = [[0] * weeks for _ in range(model.workers)]
        self.month_visits = [0] * model.workers
        self.busy = [0] * model.workers
        self.missing_pins = len(model.pins)
        self.missing_statutory = sum(model.statutory[item] for item in model.item_of)
        self.missing_priority = sum(model.priority[item] for item in model.item_of)
        self.travel = 0
        self.strangers = 0
        self.positions: dict[int, dict[int, int]] = {}
        self._journal: list[tuple[int, Tour, tuple[int, ...]]] | None = None
        self._moved: list[tuple[int, tuple[int, ...]]] = []

    # -- score

    @property
    def cost(self) -> float:
        """The third aim of the scenario format."""
        weights = self.model.scenario.weights
        cost: float = self.travel
        if weights.continuity:
            cost += weights.continuity * self.strangers
        if weights.balance:
            used = [seconds for seconds in self.busy if seconds]
            if used:
                cost += weights.balance * (max(used) - sum(used) / len(used))
        return cost

    @property
    def key(self) -> Key:
        """All aims in order."""
        return self.missing_pins, self.missing_statutory, self.missing_priority, self.cost

    # -- changes

    def begin(self) -> None:
        """Start to write down changes, so that `undo` can take them back."""
        self._journal, self._moved = [], []

    def touched(self) -> set[int]:
        """Return the routes changed since `begin`."""
        return {route for route, _, _ in self._journal or ()}

    def undo(self) -> None:
        """Take back every change since `begin`."""
        journal, moved = self._journal or [], self._moved
        self._journal, self._moved = None, []
        for route, tour, row in reversed(journal):
            self._set(route, tour, row)
        for need, place in reversed(moved):
            self._put(need, place)

    def _set(self, route: int, tour: Tour, row: tuple[int, ...]) -> None:
        old = self.tours[route]
        if old is None:
            raise ValueError("a worker without a shift has no tour")
        if self._journal is not None:
            self._journal.append((route, old, self.row[route]))
        worker, day = divmod(route, self.model.days)
        week = self.model.weeks[day]
        more = len(tour.stops) - len(old.stops)
        longer = tour.span - old.span
        self.week_visits[worker][week] += more
        self.month_visits[worker] += more
        self.week_seconds[worker][week] += longer
        self.busy[worker] += longer
        self.travel += tour.travel - old.travel
        self.tours[route] = tour
        self.row[route] = row

    def _put(self, need: int, place: tuple[int, ...]) -> None:
        """Write down where a need is made; () when it is not."""
        model = self.model
        item = model.item_of[need]
        old = self.place[need]
        if self._journal is not None:
            self._moved.append((need, old))
        sign = (not place) - (not old)
        if sign:
            self.missing_statutory += sign * model.statutory[item]
            self.missing_priority += sign * model.priority[item]
            self.missing_pins += sign * (need in model.pins)
        if old:
            self.strangers -= self._stranger(item, old)
            made = list(self.made[item])
            made.remove(old[0] % model.days)
            self.made[item] = tuple(made)
        if place:
            self.strangers += self._stranger(item, place)
            made = list(self.made[item])
            insort(made, place[0] % model.days)
            self.made[item] = tuple(made)
            self.absent.discard(need)
        else:
            self.absent.add(need)
        self.place[need] = place

    def _stranger(self, item: int, place: tuple[int, ...]) -> int:
        known = self.model.known[item]
        return int(bool(known) and not any(route // self.model.days in known for route in place))

    def fits(self, route: int, visits: int, span: int) -> bool:
        """Whether sums over day, week and month allow `visits` more and a new span of the tour."""
        model = self.model
        worker, day = divmod(route, model.days)
        tour = self.tours[route]
        if tour is None or len(tour.stops) + visits > model.cap_day[worker]:
            return False
        if not model.summed[worker]:
            return True
        week = model.weeks[day]
        return (
            self.week_visits[worker][week] + visits <= model.cap_week[worker]
            and self.month_visits[worker] + visits <= model.cap_month[worker]
            and self.week_seconds[worker][week] + span - tour.span <= model.cap_seconds[worker]
        )

    def insert(self, need: int, parts: Iterable[tuple[int, int, StopKey]]) -> bool:
        """Put a need on its route (or two): (route, position, stop). False when it does not fit."""
        changes = []
        for route, position, stop in parts:
            tour = self.tours[route]
            new = None if tour is None else self.model.with_stop(tour, position, stop)
            if new is None or not self.fits(route, 1, new.span):
                return False
            row = self.row[route]
            changes.append((route, new, (*row[:position], need, *row[position:])))
        for route, new, row in changes:
            self._set(route, new, row)
        self._put(need, tuple(route for route, _, _ in changes))
        return True

    def remove(self, need: int) -> bool:
        """Take a need off its routes. False (nothing changed) when the rest would not fit any more.

        Without the triangle inequality, or around breaks, fewer stops can take longer.
        """
        changes = []
        for route in self.place[need]:
            tour = self.tours[route]
            if tour is None:
                return False
            at = self.row[route].index(need)
            stops = tour.stops[:at] + tour.stops[at + 1 :]
            new = self.model.tour(tour.worker, tour.shift, stops)
            if new is None or (new.span > tour.span and not self.fits(route, 0, new.span)):
                return False
            changes.append((route, new, self.row[route][:at] + self.row[route][at + 1 :]))
        for route, new, row in changes:
            self._set(route, new, row)
        self._put(need, ())
        return True

    def clear(self, route: int) -> None:
        """Empty a route whatever its limits say; a visit shared with another route ends there too."""
        empty = self.model.empty(*divmod(route, self.model.days))
        needs = self.row[route]
        if empty is None or not needs:
            return
        self._set(route, empty, ())
        for need in needs:
            others = [other for other in self.place[need] if other != route]
            self._put(need, ())
            for other in others:
                tour = self.tours[other]
                at = self.row[other].index(need)
                row = self.row[other][:at] + self.row[other][at + 1 :]
                stops = tour.stops[:at] + tour.stops[at + 1 :] if tour else ()
                new = self.model.tour(tour.worker, tour.shift, stops) if tour else None
                if new is not None:
                    self._set(other, new, row)
                else:
                    self.row[other] = row
                    self.clear(other)

    def replace(self, changes: dict[int, tuple[Tour, tuple[int, ...]]]) -> bool:
        """Exchange whole routes; False when a sum over week or month is broken afterwards.

        To be called between `begin` and `undo`.
        """
        needs = {need for route in changes for need in self.row[route]}
        needs.update(need for _, row in changes.values() for need in row)
        kept = {need: tuple(r for r in self.place[need] if r not in changes) for need in needs}
        for need in needs:
            if self.place[need]:
                self._put(need, ())
        for route, (tour, row) in changes.items():
            self._set(route, tour, row)
            for need in row:
                kept[need] = (*kept[need], route)
        for need, place in kept.items():
            if place:
                self._put(need, place)
        return all(self.fits(route, 0, tour.span) for route, (tour, _) in changes.items())

    # -- positions that pins hold

    def movable(self, need: int) -> bool:
        """Whether a need may be taken off: not held at a position, nor before such a stop."""
        if not self.positions:
            return True
        for route in self.place[need]:
            held = self.positions.get(route)
            if held:
                row = self.row[route]
                if any(other in held for other in row[row.index(need) :]):
                    return False
        return True

    def allowed(self, route: int, position: int, *, held_too: bool = False) -> bool:
        """Whether an insertion at a position keeps the pinned positions of a route.

        A stop that is itself held at a position (`held_too`) may follow one that has not reached its own.
        """
        held = self.positions.get(route)
        if not held:
            return True
        for index, need in enumerate(self.row[route]):
            wanted = held.get(need)
            if wanted is None:
                continue
            if index >= position:
                if index + 1 > wanted:
                    return False
            elif index != wanted and not held_too:
                return False
        return True

    # -- copies

    def snapshot(self) -> Snapshot:
        """Return what is needed to build this state again."""
        return tuple(
            (route, tour.stops, self.row[route])
            for route, tour in enumerate(self.tours)
            if tour is not None and tour.stops
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Become the state of a snapshot."""
        self._journal = None
        wanted = {route: (stops, row) for route, stops, row in snapshot}
        for need, place in enumerate(self.place):
            if place:
                self._put(need, ())
        places: dict[int, tuple[int, ...]] = {}
        for route, tour in enumerate(self.tours):
            if tour is None:
                continue
            stops, row = wanted.get(route, ((), ()))
            new = self.model.tour(tour.worker, tour.shift, stops)
            if new is None:
                raise ValueError("the snapshot does not belong to this scenario")
            if new is not tour:
                self._set(route, new, row)
            else:
                self.row[route] = row
            for need in row:
                places[need] = (*places.get(need, ()), route)
        for need, place in places.items():
            self._put(need, place)


def free_stop(model: Model, item: int) -> StopKey:
    """Return the stop of a single visit."""
    return item, FREE, model.load[item]
