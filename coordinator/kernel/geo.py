"""Coordinates: datums, distance, plausibility.

Stored coordinates are WGS-84 degrees. GCJ-02 (高德, 腾讯) and BD-09 (百度) appear only at the edge: map
tiles, navigation links and imports that say so. Inside China GCJ-02 lies 100 to 600 m off WGS-84, which is
enough to break every geofence, so a value never changes datum silently.

Every conversion takes and returns ``(lat, lon)`` in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import asin, atan2, cos, isfinite, pi, radians, sin, sqrt
from typing import Any, Final

from flask_babel import lazy_gettext as _l

EARTH_RADIUS_M: Final = 6_371_008.8  # IUGG mean radius R1

# Krasovsky 1940, the ellipsoid of the published GCJ-02 offset polynomial.
_SEMI_MAJOR: Final = 6_378_245.0
_ECCENTRICITY_SQUARED: Final = 0.006_693_421_622_965_943_23
_BD_ANGLE: Final = pi * 3000.0 / 180.0
# The offset changes by less than 1e-3 of a step, so 10 steps reach the last bit; 1e-13 degree is 1e-8 m.
_MAX_STEPS: Final = 30
_STEP_TOLERANCE: Final = 1e-13


class Datum(StrEnum):
    """Which system a coordinate is in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def in_china(lat: float, lon: float) -> bool:
    """The rectangle inside which GCJ-02 is applied by map services (0.8293–55.8271 N, 72.004–137.8347 E)."""
    return 0.8293 <= lat <= 55.8271 and 72.004 <= lon <= 137.8347


def _offset(lat: float, lon: float) -> tuple[float, float]:
    """GCJ-02 minus WGS-84 in degrees at a WGS-84 point."""
    x, y = lon - 105.0, lat - 35.0
    root = sqrt(abs(x))
    ripple = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    d_lat += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    d_lat += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    d_lon += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    d_lon += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = radians(lat)
    w_squared = 1.0 - _ECCENTRICITY_SQUARED * sin(phi) ** 2
    w = sqrt(w_squared)
    meridian = _SEMI_MAJOR * (1.0 - _ECCENTRICITY_SQUARED) / (w_squared * w)
    parallel = _SEMI_MAJOR / w * cos(phi)
    return d_lat / meridian * 180.0 / pi, d_lon / parallel * 180.0 / pi


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """To the datum of Chinese map tiles; unchanged outside China."""
    if not in_china(lat, lon):
        return lat, lon
    d_lat, d_lon = _offset(lat, lon)
    return lat + d_lat, lon + d_lon


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """Inverse of :func:`wgs84_to_gcj02` by fixed-point iteration; the round trip stays within 1e-6 m."""
    if not in_china(lat, lon):
        return lat, lon
    guess_lat, guess_lon = lat, lon
    for _ in range(_MAX_STEPS):
        d_lat, d_lon = _offset(guess_lat, guess_lon)
        next_lat, next_lon = lat - d_lat, lon - d_lon
        moved = abs(next_lat - guess_lat) + abs(next_lon - guess_lon)
        guess_lat, guess_lon = next_lat, next_lon
        if moved < _STEP_TOLERANCE:
            break
    return guess_lat, guess_lon


def gcj02_to_bd09(lat: float, lon: float) -> tuple[float, float]:
    """To Baidu's datum; unchanged outside China."""
    if not in_china(lat, lon):
        return lat, lon
    radius = sqrt(lon * lon + lat * lat) + 0.00002 * sin(lat * _BD_ANGLE)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * _BD_ANGLE)
    return radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065


def bd09_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """Inverse of :func:`gcj02_to_bd09` by fixed-point iteration, exact to 1e-6 m."""
    if not in_china(lat, lon):
        return lat, lon
    guess_lat, guess_lon = lat - 0.006, lon - 0.0065
    for _ in range(_MAX_STEPS):
        there_lat, there_lon = gcj02_to_bd09(guess_lat, guess_lon)
        step_lat, step_lon = lat - there_lat, lon - there_lon
        guess_lat, guess_lon = guess_lat + step_lat, guess_lon + step_lon
        if abs(step_lat) + abs(step_lon) < _STEP_TOLERANCE:
            break
    return guess_lat, guess_lon


def wgs84_to_bd09(lat: float, lon: float) -> tuple[float, float]:
    """To Baidu's datum; unchanged outside China."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lat, lon))


def bd09_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """From Baidu's datum; unchanged outside China."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lat, lon))


def to_wgs84(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    """From the datum an import or a map service names."""
    if datum is Datum.GCJ02:
        return gcj02_to_wgs84(lat, lon)
    if datum is Datum.BD09:
        return bd09_to_wgs84(lat, lon)
    return lat, lon


def from_wgs84(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    """To the datum a map service wants."""
    if datum is Datum.GCJ02:
        return wgs84_to_gcj02(lat, lon)
    if datum is Datum.BD09:
        return wgs84_to_bd09(lat, lon)
    return lat, lon


def haversine_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in metres on the mean sphere (at most 0.5 % off the geodesic)."""
    phi1, phi2 = radians(lat1), radians(lat2)
    half_lat = sin((phi2 - phi1) / 2.0)
    half_lon = sin(radians(lon2 - lon1) / 2.0)
    chord = half_lat * half_lat + cos(phi1) * cos(phi2) * half_lon * half_lon
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(min(1.0, chord)))


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle in WGS-84 degrees: the area a place must lie in."""

    south: float
    west: float
    north: float
    east: float

    def __post_init__(self) -> None:
        if not (self.south <= self.north and self.west <= self.east):
            raise ValueError("bounds must be south, west, north, east")

    def contains(self, lat: float, lon: float) -> bool:
        """Whether the point lies inside, the edge included."""
        return self.south <= lat <= self.north and self.west <= lon <= self.east

    def widened(self, metres: float) -> Bounds:
        """The rectangle grown on each side, for the edge of an area and for inexact geocodes."""
        d_lat = metres / EARTH_RADIUS_M * 180.0 / pi
        d_lon = d_lat / max(0.01, cos(radians((self.south + self.north) / 2.0)))
        return Bounds(self.south - d_lat, self.west - d_lon, self.north + d_lat, self.east + d_lon)

    @classmethod
    def around(cls, points: list[tuple[float, float]], metres: float = 0.0) -> Bounds:
        """The smallest rectangle holding ``(lat, lon)`` points, widened; ValueError when there is none."""
        if not points:
            raise ValueError("no points")
        lats, lons = [p[0] for p in points], [p[1] for p in points]
        return cls(min(lats), min(lons), max(lats), max(lons)).widened(metres)


# Mainland China and its islands, generous; used where an area has no bounds of its own.
CHINA = Bounds(3.4, 73.4, 53.6, 135.1)


class PlaceCode(StrEnum):
    """Why a coordinate is not believed."""

    NOT_A_NUMBER = "place_not_a_number"
    SWAPPED = "place_swapped"
    OUTSIDE_CHINA = "place_outside_china"
    OUTSIDE_AREA = "place_outside_area"


PLACE_MESSAGES: dict[PlaceCode, Any] = {
    PlaceCode.NOT_A_NUMBER: _l("经纬度不是数字。请填小数，例如纬度 28.8718，经度 105.4426。"),
    PlaceCode.SWAPPED: _l("经纬度可能写反了。纬度是小的那个数，请对调后再看一遍。"),
    PlaceCode.OUTSIDE_CHINA: _l("这个位置不在国内。请在地图上重新点一下。"),
    PlaceCode.OUTSIDE_AREA: _l("这个位置不在本辖区。请看看坐标系选得对不对，或在地图上重新点一下。"),
}


def plausible(lat: float, lon: float, bounds: Bounds | None = None) -> PlaceCode | None:
    """None when a WGS-84 point may be a home in ``bounds`` (China when not given), else the reason.

    Swapped values are recognised when the point itself is refused and its mirror image would be accepted.
    """
    if not (isfinite(lat) and isfinite(lon)):
        return PlaceCode.NOT_A_NUMBER
    area = bounds or CHINA
    if area.contains(lat, lon):
        return None
    if area.contains(lon, lat) or (not CHINA.contains(lat, lon) and CHINA.contains(lon, lat)):
        return PlaceCode.SWAPPED
    return PlaceCode.OUTSIDE_AREA if CHINA.contains(lat, lon) else PlaceCode.OUTSIDE_CHINA
