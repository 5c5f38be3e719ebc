"""How people get about: the usual way of counting minutes from metres, shared by pages and planner."""

from __future__ import annotations

from coordinator.kernel.geo import haversine_m
from coordinator.workforce.models import TravelMode

# Town factors measured against road networks: the way by road over the straight line, and usual speeds.
DETOURS: dict[TravelMode, float] = {TravelMode.WALK: 1.40, TravelMode.BIKE: 1.45, TravelMode.CAR: 1.60}
SPEEDS_KMH: dict[TravelMode, float] = {TravelMode.WALK: 4.5, TravelMode.BIKE: 13.0, TravelMode.CAR: 22.0}


def minutes_for(mode: TravelMode, straight_metres: float) -> int:
    """Minutes for a straight distance, at least one."""
    return max(1, round(straight_metres * DETOURS[mode] / (SPEEDS_KMH[mode] / 3.6) / 60))


def straight(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Straight metres between two places (latitude, longitude)."""
    return haversine_m(*start, *end)
