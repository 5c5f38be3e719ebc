"""Travel times: integer seconds between the places of a scenario, for each mode of travel.

Without a matrix: the great-circle distance (haversine, mean earth radius of the IUGG,
6 371 008.8 m) times the detour factor over the speed of the mode.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import cos, radians
from typing import Any

import numpy as np

from routing.scenario import Place, Scenario
from routing.sphere import EARTH_RADIUS_M, metres

__all__ = ["EARTH_RADIUS_M", "Travel", "geodesic_table", "metres", "metres_from", "whole_seconds"]


Points = np.ndarray[Any, np.dtype[np.float64]]
"""Places as rows of latitude and longitude: what is asked about often is converted once."""


def metres_from(
    place: Place, places: Sequence[Place] | Points
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the distances in metres from one place to many (one float per place)."""
    points = np.radians(np.asarray(places, dtype=np.float64).reshape(-1, 2))
    lat, lon = radians(place[0]), radians(place[1])
    h = np.sin((points[:, 0] - lat) / 2) ** 2
    h += cos(lat) * np.cos(points[:, 0]) * np.sin((points[:, 1] - lon) / 2) ** 2
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(h)))
    )
    return found


def whole_seconds(
    distances: np.ndarray[Any, np.dtype[np.float64]], detour: float, speed_kmh: float
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return travel seconds of straight-line metres, rounded half to even as the format says."""
    return np.rint(distances * detour / (speed_kmh / 3.6)).astype(np.int64)


def geodesic_table(
    origins: Sequence[Place], targets: Sequence[Place], detour: float, speed_kmh: float
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the seconds from each origin to each target: great circle × detour ÷ speed.

    All rows are worked out together (1000 × 1000 in about a tenth of a second).
    """
    a = np.radians(np.asarray(origins, dtype=np.float64).reshape(-1, 2))
    b = np.radians(np.asarray(targets, dtype=np.float64).reshape(-1, 2))
    h = np.sin((b[None, :, 0] - a[:, None, 0]) / 2) ** 2
    h += (
        np.cos(a[:, 0])[:, None] * np.cos(b[:, 0])[None, :] * np.sin((b[None, :, 1] - a[:, None, 1]) / 2) ** 2
    )
    distances = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(h)))
    return whole_seconds(distances, detour, speed_kmh)


class Travel:
    """Seconds between points: point i < number of visits is a visit, then worker starts, then ends.

    Rows are worked out when first asked for, so that a large month does not hold matrices it
    never reads.
    """

    def __init__(self, scenario: Scenario) -> None:
        workers = scenario.workers
        self.visits = len(scenario.visits)
        self.places: list[Place] = [visit.loc for visit in scenario.visits]
        self.places += [worker.start for worker in workers] + [worker.end for worker in workers]
        self._rows: dict[tuple[str, int], array[int]] = {}
        self._speed = dict(scenario.speed_kmh)
        self._detour = scenario.detour
        self._tables = {} if scenario.matrix is None else dict(scenario.matrix.seconds)
        self.index: list[int] = []
        if scenario.matrix is not None:
            indices = [visit.loc_index for visit in scenario.visits]
            indices += [worker.start_index for worker in workers] + [worker.end_index for worker in workers]
            self.index = [index or 0 for index in indices]

    def row(self, mode: str, point: int) -> array[int]:
        """Return the seconds from one point to every point by a mode."""
        key = (mode, point)
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._make(mode, point)
        return found

    def between(self, mode: str, a: int, b: int) -> int:
        """Return the seconds from one point to another by a mode."""
        if self.index:
            return self._tables[mode][self.index[a]][self.index[b]]
        return round(metres(self.places[a], self.places[b]) * self._detour / (self._speed[mode] / 3.6))

    def _make(self, mode: str, point: int) -> array[int]:
        if self.index:
            row = np.asarray(self._tables[mode][self.index[point]], dtype=np.int64)
            return array("q", row[self.index].tobytes())
        distances = metres_from(self.places[point], self.places)
        seconds = whole_seconds(distances, self._detour, self._speed[mode])
        return array("q", seconds.tobytes())

    def square(self, mode: str) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Return the seconds between all points by a mode, from the scenario's matrix; nothing is kept."""
        table = np.asarray(self._tables[mode], dtype=np.int32)
        found: np.ndarray[Any, np.dtype[np.int32]] = table[np.ix_(self.index, self.index)]
        return found
