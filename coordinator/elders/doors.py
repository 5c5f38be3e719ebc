"""People at one address are one stop of a route: the one place where this is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from coordinator.elders.models import Household

T = TypeVar("T")

DIGITS = 5
"""Decimals of a degree up to which two points are one place: about a metre."""


def same_door(one: Household, other: Household) -> bool:
    """Whether there is no way between two homes: one household, one point on the map, or one written address."""
    if one.id == other.id:
        return True
    here, there = _point(one), _point(other)
    if here is not None and there is not None:
        return here == there
    return one.area_id == other.area_id and one.address == other.address


def at_doors(rows: Iterable[T], home: Callable[[T], Household]) -> Iterator[tuple[int, T]]:
    """The rows of a route in order, each with the number of its stop; neighbours at one door share a number."""
    number, last = 0, None
    for row in rows:
        here = home(row)
        if last is None or not same_door(last, here):
            number += 1
        last = here
        yield number, row


def _point(home: Household) -> tuple[float, float] | None:
    if home.latitude is None or home.longitude is None:
        return None
    return round(home.latitude, DIGITS), round(home.longitude, DIGITS)
