"""The printed map of one route: a small SVG drawn from the data alone, legible in black and white.

With street lines (GeoJSON) it shows them in grey; without, it is a schematic on a metre grid. The route is
solid where road geometry is given and dashed where it is only a straight line between two doors. The unit of
the drawing is the millimetre. Every text is escaped; nothing is fetched from anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from coordinator.kernel.geo import EARTH_RADIUS_M, haversine_m
from coordinator.kernel.printing import placing

Point = tuple[float, float]  # (lat, lon) in degrees, or (x, y) in millimetres once projected

PLATE_W, PLATE_H = 7.6, 5.8
_MARGIN_X, _MARGIN_TOP, _MARGIN_BOTTOM = 11.0, 8.0, 11.5
_RING, _LABEL, _BAND = 6.0, 3.0, 7.0  # start mark, letters, the band of scale and note at the bottom
_MIN_SPAN_M = 260.0
_FAR_START = 3.0  # a start this many times farther away than the stops lie apart is moved to the edge
_MAJOR = frozenset({"motorway", "trunk", "primary", "secondary"})
_MINOR = frozenset({"footway", "path", "steps", "cycleway", "service", "track", "pedestrian"})
_FONT = "Noto Sans CJK SC, Noto Sans SC"


@dataclass(frozen=True, slots=True)
class MapStop:
    """A plate on the map: what stands on it, where it is, and the place name beside it (may be empty)."""

    plate: str
    lat: float
    lon: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class RouteMap:
    """What the map shows. ``legs`` are road geometries as ``(lat, lon)`` lists in driving order; without
    them straight dashed lines join start, stops and end. ``streets`` is a GeoJSON FeatureCollection of lines
    in WGS-84 (``name`` and ``highway`` properties are used); ``attribution`` belongs to them."""

    stops: tuple[MapStop, ...]
    start: Point | None = None
    start_label: str = ""
    end: Point | None = None
    legs: tuple[tuple[Point, ...], ...] = ()
    streets: Mapping[str, Any] | None = field(default=None, hash=False)
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class _View:
    """The projection: local equirectangular about the middle, one scale for both axes."""

    lat: float
    lon: float
    mm_per_m: float
    centre: Point
    width: float
    height: float

    def xy(self, point: Point) -> Point:
        metre = EARTH_RADIUS_M * math.pi / 180.0
        east = (point[1] - self.lon) * metre * math.cos(math.radians(self.lat))
        north = (point[0] - self.lat) * metre
        return self.centre[0] + east * self.mm_per_m, self.centre[1] - north * self.mm_per_m


def draw(route: RouteMap, width_mm: float, height_mm: float) -> str:
    """The map as an SVG document of the given size; ValueError when there is no stop to show."""
    if not route.stops:
        raise ValueError("a route map needs a stop")
    doors = [(s.lat, s.lon) for s in route.stops]
    start_far = route.start is not None and _is_far(route.start, doors)
    end_far = route.end is not None and _is_far(route.end, doors)
    seen = list(doors)
    seen += [p for p, far in ((route.start, start_far), (route.end, end_far)) if p is not None and not far]
    if not (start_far or end_far):
        seen += [p for leg in route.legs for p in leg]
    view = _fit(seen, width_mm, height_mm)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width_mm)} {_n(height_mm)}" '
        f'width="{_n(width_mm)}mm" height="{_n(height_mm)}mm" font-family="{_FONT}">',
        f'<rect width="{_n(width_mm)}" height="{_n(height_mm)}" fill="{"#f0f0f0" if route.streets else "#fff"}"/>',
    ]
    lines = _street_lines(route.streets, view) if route.streets else []
    out += _streets(lines) if lines else _grid(view)
    chain = [p for p in (route.start, *doors, route.end) if p is not None]
    ways = [list(leg) for leg in route.legs if len(leg) >= 2] or [list(pair) for pair in pairwise(chain)]
    drawn = [[view.xy(p) for p in way] for way in ways]
    out += _route(drawn, straight=not route.legs)
    anchors = [view.xy(p) for p in doors]
    ring = None
    if route.start is not None:
        ring = view.xy(route.start)
        if start_far:
            ring = _edge(anchors[0], ring, view)
    size = (width_mm, height_mm)
    avoid = [(width_mm - 10.0, 0.0, width_mm, 13.0)]  # the compass
    avoid += [placing.box(*ring, _RING, _RING)] if ring is not None else []
    frame = (1.0, 1.0, width_mm - 1.0, height_mm - _BAND)
    plates = placing.spread(anchors, (PLATE_W + 0.7, PLATE_H + 0.7), avoid, frame)
    taken = [placing.box(x, y, PLATE_W, PLATE_H) for x, y in plates]
    taken += [(0.0, height_mm - _BAND, width_mm, height_mm), (width_mm - 11.0, 0.0, width_mm, 13.0)]
    out += _leaders(anchors, plates)
    words: list[tuple[str, Point, Point]] = []
    if ring is not None and route.start is not None:
        taken.append(placing.box(*ring, _RING, _RING))
        label = route.start_label or "出发"
        if start_far:
            label = f"{label}在此方向，直线 {_distance(haversine_m(*route.start, *doors[0]))}"
        out += _ring(ring)
        words.append((label, ring, (_RING, _RING)))
    for stop, at in zip(route.stops, plates, strict=True):
        out.append(_plate(stop.plate, *at))
        words.append((stop.place, at, (PLATE_W, PLATE_H)))
    for label, at, around in words:
        room = (placing.text_width(label, _LABEL), _LABEL * 1.2)
        found = placing.beside(at, around, room, taken, drawn, size) if label else None
        if found is not None:
            taken.append(found)
            middle = (found[1] + found[3]) / 2 + _LABEL * 0.36
            out.append(_text(label, (found[0] + found[2]) / 2, middle, _LABEL, "middle"))
    out += _street_names(lines, taken, drawn, size)
    out += _scale_bar(view) + _north(view)
    note = "" if route.legs or not drawn else "虚线只表示先后，不是实际道路"
    if lines and route.attribution:
        note = f"{note}　{route.attribution}" if note else route.attribution
    if note:
        out.append(_text(note, view.width - 2.0, view.height - 2.4, 2.8, "end", fill="#333"))
    out.append("</svg>")
    return "".join(out)


def _n(value: float) -> str:
    """A number short enough for a drawing in millimetres."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _distance(metres: float) -> str:
    return f"{round(metres, -1):.0f} 米" if metres < 1000 else f"{metres / 1000:.1f} 公里"


def _span(points: Sequence[Point]) -> float:
    south, north = min(p[0] for p in points), max(p[0] for p in points)
    west, east = min(p[1] for p in points), max(p[1] for p in points)
    return haversine_m(south, west, north, east)


def _is_far(place: Point, doors: Sequence[Point]) -> bool:
    nearest = min(haversine_m(*place, *door) for door in doors)
    return nearest > _FAR_START * max(_span(doors), 1000.0)


def _fit(points: Sequence[Point], width: float, height: float) -> _View:
    """The largest scale that shows every point with room for plates, label band and compass."""
    south, north = min(p[0] for p in points), max(p[0] for p in points)
    west, east = min(p[1] for p in points), max(p[1] for p in points)
    lat, lon = (south + north) / 2.0, (west + east) / 2.0
    tall = max(haversine_m(south, lon, north, lon), _MIN_SPAN_M / 2)
    wide = max(haversine_m(lat, west, lat, east), _MIN_SPAN_M)
    room_x, room_y = width - 2 * _MARGIN_X, height - _MARGIN_TOP - _MARGIN_BOTTOM
    centre = (width / 2, _MARGIN_TOP + room_y / 2)
    return _View(lat, lon, min(room_x / wide, room_y / tall), centre, width, height)


def _nice(metres: float) -> float:
    """The largest of 1, 2, 5 × 10^n not above ``metres``."""
    power = 10.0 ** math.floor(math.log10(metres))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= metres * 1.0001)


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _grid(view: _View) -> list[str]:
    step = _nice(24.0 / view.mm_per_m) * view.mm_per_m
    xs = [view.centre[0] + i * step for i in range(-60, 61)]
    ys = [view.centre[1] + i * step for i in range(-60, 61)]
    d = "".join(f"M{_n(x)} 0V{_n(view.height)}" for x in xs if 0 < x < view.width)
    d += "".join(f"M0 {_n(y)}H{_n(view.width)}" for y in ys if 0 < y < view.height)
    return [f'<path d="{d}" fill="none" stroke="#e3e3e3" stroke-width=".2"/>']


@dataclass(frozen=True, slots=True)
class _Street:
    points: tuple[Point, ...]
    name: str
    width: float


def _street_lines(streets: Mapping[str, Any] | None, view: _View) -> list[_Street]:
    """Lines that touch the view, in millimetres, thinned to what a printer can show."""
    found = []
    for feature in (streets or {}).get("features", ()):
        geometry = feature.get("geometry") or {}
        properties = feature.get("properties") or {}
        parts = geometry.get("coordinates") or ()
        if geometry.get("type") == "LineString":
            parts = (parts,)
        elif geometry.get("type") != "MultiLineString":
            continue
        kind = str(properties.get("highway") or "")
        width = 2.6 if kind in _MAJOR else 0.8 if kind in _MINOR else 1.6
        for part in parts:
            line: list[Point] = []
            for lon, lat, *_ in part:
                x, y = view.xy((float(lat), float(lon)))
                if not line or abs(x - line[-1][0]) + abs(y - line[-1][1]) > 0.3:
                    line.append((x, y))
            xs, ys = [p[0] for p in line], [p[1] for p in line]
            outside = not line or max(xs) < 0 or min(xs) > view.width or max(ys) < 0 or min(ys) > view.height
            if len(line) >= 2 and not outside:
                found.append(_Street(tuple(line), str(properties.get("name") or ""), width))
    return sorted(found, key=lambda s: s.width)


def _streets(lines: Sequence[_Street]) -> list[str]:
    out = ['<g fill="none" stroke-linecap="round" stroke-linejoin="round">']
    for colour, extra in (("#c4c4c4", 0.4), ("#fff", 0.0)):
        for width in sorted({s.width for s in lines}):
            d = "".join(_path(s.points) for s in lines if s.width == width)
            out.append(f'<path d="{d}" stroke="{colour}" stroke-width="{_n(width + extra)}"/>')
    return [*out, "</g>"]


def _street_names(
    lines: Sequence[_Street], taken: list[placing.Box], ways: Sequence[Sequence[Point]], size: Point
) -> list[str]:
    """At most eight names, each once, widest streets first, where nothing else stands and no route runs."""
    pieces: dict[str, list[tuple[float, float, Point]]] = {}
    for street in lines:
        for (x1, y1), (x2, y2) in pairwise(street.points):
            middle = ((x1 + x2) / 2, (y1 + y2) / 2)
            # A name lies level, so a level piece carries it better than an upright one.
            pieces.setdefault(street.name, []).append((-street.width, -abs(x2 - x1), middle))
    pieces.pop("", None)
    out: list[str] = []
    for name, found in sorted(pieces.items(), key=lambda item: min(item[1])):
        width = placing.text_width(name, 2.8)
        for _, _, (x, y) in sorted(found):
            spot = placing.box(x, y, width + 5.0, 5.5)
            if placing.is_free(spot, taken, size) and not placing.crossings(spot, ways):
                taken.append(spot)
                out.append(_text(name, x, y + 1.0, 2.8, "middle", fill="#444"))
                break
        if len(out) == 8:
            break
    return out


def _route(ways: Sequence[Sequence[Point]], *, straight: bool) -> list[str]:
    d = "".join(_path(way) for way in ways)
    dash = ' stroke-dasharray="2.6 1.5"' if straight else ""
    common = 'fill="none" stroke-linejoin="round"'
    out = [f'<path d="{d}" {common} stroke="#fff" stroke-width="2.2"/>']
    out.append(f'<path d="{d}" {common} stroke="#000" stroke-width=".9"{dash}/>')
    for way in ways:
        out += _arrow(way)
    return out


def _arrow(way: Sequence[Point]) -> list[str]:
    """A small head half-way along, where the leg is long enough to show one beside the plates."""
    lengths = [math.hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way)]
    total = sum(lengths)
    if total < 17.0:
        return []
    half = total / 2
    for (a, b), length in zip(pairwise(way), lengths, strict=True):
        if length >= half and length > 0:
            x = a[0] + (b[0] - a[0]) * half / length
            y = a[1] + (b[1] - a[1]) * half / length
            angle = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
            return [
                f'<path d="M-1.7-1.5L1.9 0L-1.7 1.5Z" transform="translate({_n(x)} {_n(y)}) rotate({_n(angle)})" '
                'fill="#000" stroke="#fff" stroke-width=".5" paint-order="stroke"/>'
            ]
        half -= length
    return []


def _leaders(anchors: Sequence[Point], plates: Sequence[Point]) -> list[str]:
    out = []
    for (ax, ay), (px, py) in zip(anchors, plates, strict=True):
        if abs(ax - px) > PLATE_W / 2 or abs(ay - py) > PLATE_H / 2:
            out.append(f'<path d="{_path([(ax, ay), (px, py)])}" stroke="#fff" stroke-width="1.1"/>')
            out.append(f'<path d="{_path([(ax, ay), (px, py)])}" stroke="#000" stroke-width=".35"/>')
            out.append(f'<circle cx="{_n(ax)}" cy="{_n(ay)}" r=".9" stroke="#fff" stroke-width=".4"/>')
    return out


def _plate(label: str, x: float, y: float) -> str:
    size = 4.1 if len(label) < 3 else 3.2
    return (
        f'<g transform="translate({_n(x)} {_n(y)})">'
        f'<rect x="{-PLATE_W / 2}" y="{-PLATE_H / 2}" width="{PLATE_W}" height="{PLATE_H}" rx="1" stroke="#fff" '
        'stroke-width=".7"/>'
        f'<text y="{_n(size * 0.36)}" text-anchor="middle" font-size="{size}" fill="#fff" stroke="#fff" '
        f'stroke-width=".14">{escape(label)}</text></g>'
    )


def _text(text: str, x: float, y: float, size: float, anchor: str, fill: str = "#000") -> str:
    at = f'x="{_n(x)}" y="{_n(y)}" font-size="{size}" text-anchor="{anchor}"'
    safe = escape(text)
    return (
        f'<text {at} fill="#fff" stroke="#fff" stroke-width=".9" stroke-linejoin="round">{safe}</text>'
        f'<text {at} fill="{fill}">{safe}</text>'
    )


def _ring(at: Point) -> list[str]:
    x, y = _n(at[0]), _n(at[1])
    return [
        f'<circle cx="{x}" cy="{y}" r="2.9" fill="#fff"/>',
        f'<circle cx="{x}" cy="{y}" r="2" fill="#fff" stroke="#000" stroke-width="1"/>',
    ]


def _edge(inside: Point, outside: Point, view: _View) -> Point:
    """Where the way to a far point leaves the frame, a little inside it."""
    dx, dy = outside[0] - inside[0], outside[1] - inside[1]
    limits = [1.0]
    for delta, low, high, here in (
        (dx, 4.5, view.width - 4.5, inside[0]),
        (dy, 4.5, view.height - 9.5, inside[1]),
    ):
        if delta > 0:
            limits.append((high - here) / delta)
        elif delta < 0:
            limits.append((low - here) / delta)
    share = max(0.0, min(limits))
    return inside[0] + dx * share, inside[1] + dy * share


def _scale_bar(view: _View) -> list[str]:
    metres = _nice(30.0 / view.mm_per_m)
    length = metres * view.mm_per_m
    x, y = 3.0, view.height - 2.6
    bar = _path([(x, y - 1.3), (x, y), (x + length, y), (x + length, y - 1.3)])
    return [
        f'<path d="{bar}" fill="none" stroke="#fff" stroke-width="1.5"/>',
        f'<path d="{bar}" fill="none" stroke="#000" stroke-width=".4"/>',
        _text(_distance(metres), x + length + 1.4, y + 0.3, 2.8, "start"),
    ]


def _north(view: _View) -> list[str]:
    x = view.width - 5.5
    return [
        f'<path d="M{_n(x)} 2.2L{_n(x + 2)} 8L{_n(x)} 6.7L{_n(x - 2)} 8Z" stroke="#fff" stroke-width=".6" '
        'paint-order="stroke"/>',
        _text("北", x, 11.4, 2.8, "middle"),
    ]
