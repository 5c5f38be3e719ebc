"""Where marks and words go on the route map so that none covers another. Millimetres throughout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def box(x: float, y: float, width: float, height: float) -> Box:
    """The rectangle of a size around a centre."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def is_free(one: Box, taken: Iterable[Box], size: Point) -> bool:
    """Whether a box lies inside a frame of ``size`` (1 mm off its edge) and touches nothing."""
    if one[0] < 1 or one[1] < 1 or one[2] > size[0] - 1 or one[3] > size[1] - 1:
        return False
    return all(one[2] <= t[0] or t[2] <= one[0] or one[3] <= t[1] or t[3] <= one[1] for t in taken)


def text_width(text: str, size: float) -> float:
    """A generous guess: Chinese one em, the rest a little over half."""
    return sum(size if ord(c) > 0x2E7F else size * 0.56 for c in text)


@cache
def _offsets() -> tuple[Point, ...]:
    """Steps of 0.8 mm around a point, the nearest first, level ones before upright ones."""
    steps = [(x * 0.8, y * 0.8) for x in range(-60, 61) for y in range(-60, 61)]
    return tuple(sorted(steps, key=lambda o: (round(math.hypot(*o), 6), abs(o[1]), -o[0], -o[1])))


def spread(anchors: Sequence[Point], plate: Point, avoid: Sequence[Box], frame: Box) -> list[Point]:
    """Plate centres inside ``frame``: on the door where it is free, else the nearest free spot, in order.

    ``plate`` is width and height with the gap. A plate for which no spot within 48 mm is free stays on its
    door, above what is there.
    """
    half_x, half_y = plate[0] / 2, plate[1] / 2
    taken = list(avoid)
    places: list[Point] = []
    for anchor in anchors:
        place = anchor
        for dx, dy in _offsets():
            x, y = anchor[0] + dx, anchor[1] + dy
            left, top, right, bottom = x - half_x, y - half_y, x + half_x, y + half_y
            if left < frame[0] or top < frame[1] or right > frame[2] or bottom > frame[3]:
                continue
            if all(right <= t[0] or t[2] <= left or bottom <= t[1] or t[3] <= top for t in taken):
                place = (x, y)
                break
        places.append(place)
        taken.append(box(*place, *plate))
    return places


def beside(
    at: Point, around: Point, words: Point, taken: Sequence[Box], ways: Sequence[Sequence[Point]], size: Point
) -> Box | None:
    """A free box of size ``words`` beside a mark of size ``around``: right, left, below or above.

    The one that the route crosses least wins; None when every side is taken.
    """
    (x, y), (width, height) = at, words
    dx, dy = around[0] / 2 + 1.0 + width / 2, around[1] / 2 + 0.6 + height / 2
    sides = [(x + dx, y), (x - dx, y), (x, y + dy), (x, y - dy)]
    sides += [(x + dx * 0.8, y + dy * 0.9), (x - dx * 0.8, y + dy * 0.9)]
    sides += [(x + dx * 0.8, y - dy * 0.9), (x - dx * 0.8, y - dy * 0.9)]
    boxes = [b for b in (box(*side, width, height) for side in sides) if is_free(b, taken, size)]
    return min(boxes, key=lambda b: crossings(b, ways), default=None)


def crossings(one: Box, ways: Sequence[Sequence[Point]]) -> int:
    """How many straight pieces of the ways run through a box."""
    return sum(_runs_through(a, b, one) for way in ways for a, b in pairwise(way))


def _runs_through(a: Point, b: Point, one: Box) -> bool:
    """Liang–Barsky: whether the segment has a part inside the box."""
    enter, leave = 0.0, 1.0
    for axis in (0, 1):
        delta = b[axis] - a[axis]
        low, high = one[axis] - a[axis], one[axis + 2] - a[axis]
        if delta == 0:
            if low > 0 or high < 0:
                return False
            continue
        first, second = sorted((low / delta, high / delta))
        enter, leave = max(enter, first), min(leave, second)
    return enter < leave
