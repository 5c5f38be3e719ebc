"""The least time from place to place, whatever else a route passes: what a proof may reckon with."""

from __future__ import annotations

from typing import Any

import numpy as np

from routing.model import UNLIMITED, Model
from routing.travel import Points, metres, metres_from, whole_seconds

CLOSED = 500
"""Points up to which shortest ways through other places are worked out where a direct way may be longer."""
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Ways:
    """Least seconds from a worker's start to each item, from anywhere to it, and from it to the end.

    Between two chosen stops a route may pass others that are not chosen. Along great circles that is no
    shorter (a second of service each makes good the rounding of the parts); where a matrix is given, or
    services take no time, ways through every other place are looked at.
    """

    def __init__(self, model: Model, items: Ints) -> None:
        self.model = model
        scenario = model.scenario
        self._matrix: dict[str, Ints] = {}
        if scenario.matrix is not None:
            self._matrix = {mode: np.asarray(table, np.int64) for mode, table in scenario.matrix.seconds}
        self.durations = np.asarray([model.duration[i] for i in items], np.int64)
        self._straight = not self._matrix and min(model.duration, default=0) > 0
        self._items = items if self._straight else np.arange(model.items, dtype=np.int64)
        self._chosen = np.searchsorted(self._items, items)
        self._served = np.asarray([model.duration[i] for i in self._items], np.int64)
        self._places: Points = np.asarray([scenario.visits[i].loc for i in self._items], np.float64)
        self._here = np.asarray(
            [model.travel.index[i] for i in self._items] if self._matrix else [], np.int64
        )
        self._closed: dict[str, Ints] = {}
        self._least: dict[tuple[str, bool], Ints] = {}
        self._gaps: Points | None = None

    def of(self, worker: int) -> tuple[Ints, Ints, Ints]:
        """Return the least times start → item (any way), last leg to the item, and item → end (any way)."""
        mode = self.model.scenario.workers[worker].mode
        out, back = self._direct(worker, mode)
        leg = np.minimum(self._nearest(mode, onward=False), out)
        if not self._straight:
            if len(self._items) > CLOSED:
                out, back = leg, np.minimum(self._nearest(mode, onward=True), back)
            else:
                through = self._through(mode)
                out = np.minimum(out, ((out + self._served)[:, None] + through).min(axis=0))
                back = np.minimum(back, (through + (self._served + back)[None, :]).min(axis=1))
        return out[self._chosen], leg[self._chosen], back[self._chosen]

    def _direct(self, worker: int, mode: str) -> tuple[Ints, Ints]:
        model = self.model
        if self._matrix:
            table, index = self._matrix[mode], model.travel.index
            start, end = index[model.items + worker], index[model.items + model.workers + worker]
            out: Ints = table[start, self._here]
            return out, table[self._here, end]
        person = model.scenario.workers[worker]
        out = self._seconds(metres_from(person.start, self._places), mode)
        return out, self._seconds(metres_from(person.end, self._places), mode)

    def _seconds(self, distances: Points, mode: str) -> Ints:
        """A second less than the format's rounding: never more than what the checker asks for."""
        speed = dict(self.model.scenario.speed_kmh)[mode]
        found: Ints = np.maximum(0, whole_seconds(distances, self.model.scenario.detour, speed) - 1)
        return found

    def _nearest(self, mode: str, *, onward: bool) -> Ints:
        """Return the least way from any other item to each, or from each to any other."""
        found = self._least.get((mode, onward))
        if found is not None:
            return found
        count = len(self._items)
        if count < 2:
            found = np.full(count, UNLIMITED, np.int64)
        elif self._matrix:
            table = self._matrix[mode] if onward else self._matrix[mode].T
            found = np.empty(count, np.int64)
            for row in range(count):
                ways = table[self._here[row], self._here]
                ways[row] = UNLIMITED
                found[row] = ways.min()
        else:
            if self._gaps is None:
                self._gaps = _nearest_metres(self._places)
            found = self._seconds(self._gaps, mode)
        self._least[mode, onward] = found
        return found

    def _through(self, mode: str) -> Ints:
        """Shortest ways between items through others, their services included (Floyd 1962, Warshall 1962)."""
        found = self._closed.get(mode)
        if found is None:
            if self._matrix:
                found = self._matrix[mode][np.ix_(self._here, self._here)]
            else:
                rows = [self._seconds(metres_from((a, b), self._places), mode) for a, b in self._places]
                found = np.asarray(rows, np.int64)
            for k in range(len(found)):
                by = found[:, k, None] + (self._served[k] + found[None, k, :])
                found = np.minimum(found, by)
            self._closed[mode] = found
        return found


def _nearest_metres(places: Points) -> Points:
    """Metres to the nearest other place, a metre less: found by inner products, which lose some digits."""
    points = np.radians(places)
    flat = np.cos(points[:, 0])
    unit = np.stack([flat * np.cos(points[:, 1]), flat * np.sin(points[:, 1]), np.sin(points[:, 0])], axis=1)
    found = np.empty(len(places))
    for first in range(0, len(places), 512):
        some = unit[first : first + 512] @ unit.T
        some[np.arange(len(some)), first + np.arange(len(some))] = -2.0
        near = some.argmax(axis=1)
        for row, other in enumerate(near):
            here, there = places[first + row], places[int(other)]
            found[first + row] = metres((here[0], here[1]), (there[0], there[1]))
    return np.maximum(0.0, found - 1.0)
