"""How far, and how much longer a day becomes with one more visit.

Metres are an estimate from straight lines; seconds, too, unless times by road are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coordinator.kernel.geo import haversine_m
from coordinator.planning.translate.people import DETOURS, SPEEDS_KMH
from coordinator.planning.translate.roads import STRAIGHT, Times
from coordinator.workforce.models import TravelMode

Place = tuple[float, float]


class Stop(NamedTuple):
    """A visit that is held already: when, and where (None: the home is not on the map)."""

    starts_at: datetime
    ends_at: datetime
    place: Place | None


class Way(NamedTuple):
    """Metres by road from the nearest place before the visit, the seconds a day grows by, and whether the visit
    lies between two others of that day."""

    metres: int
    added_seconds: int
    between: bool


def road_metres(mode: TravelMode, start: Place, end: Place) -> float:
    """The way by road, estimated."""
    return haversine_m(*start, *end) * DETOURS[mode]


def seconds(mode: TravelMode, metres: float) -> int:
    """Seconds for so many metres by road."""
    return round(metres / (SPEEDS_KMH[mode] / 3.6))


def way_to(
    mode: TravelMode,
    ends: tuple[Place, Place],
    held: Sequence[Stop],
    at: datetime,
    place: Place,
    times: Times = STRAIGHT,
) -> Way:
    """The way to a visit at `place` that begins at `at`, put among the visits `held` on that day.

    `ends` are where the day begins and ends; whoever has nothing that day would not go at all.
    """
    start, end = ends
    stops = sorted(stop for stop in held if stop.place is not None)
    before = [stop.place for stop in stops if stop.starts_at <= at]
    after = [stop.place for stop in stops if stop.starts_at > at]
    came_from = before[-1] if before and before[-1] is not None else start
    goes_to = after[0] if after and after[0] is not None else end
    stays = not before and not after
    there = road_metres(mode, came_from, place)
    if times.matrix is None:
        without = 0.0 if stays else road_metres(mode, came_from, goes_to)
        more = there + road_metres(mode, place, goes_to) - without
        added = seconds(mode, max(0.0, more))
    else:
        legs = (came_from, place), (place, goes_to), (came_from, goes_to)
        to, on, direct = (times.between(mode, *leg) for leg in legs)
        added = max(0, to + on - (0 if stays else direct))
    return Way(round(there), added, bool(before and after))
