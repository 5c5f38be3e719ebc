"""Kinds of visit a worker wishes for: a small vocabulary the open list can act on.

A wish is soft: what does not fit it stands behind one tap in the list, nobody is refused a visit for it, and the
planner does not read it. Words come in pairs; both or none of a pair means any.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple


class Wish(StrEnum):
    AT_HOME = "home"
    CALL = "call"
    ALONE = "alone"
    TOGETHER = "together"
    KNOWN = "known"
    NEW = "new"
    FESTIVAL = "festival"
    ORDINARY = "ordinary"


class Facts(NamedTuple):
    """What of a visit the wishes are about. `known`: the worker has been to this home before."""

    in_person: bool
    several: bool
    known: bool
    festival: bool


PAIRS: dict[str, tuple[Wish, Wish]] = {
    "way": (Wish.AT_HOME, Wish.CALL),
    "company": (Wish.ALONE, Wish.TOGETHER),
    "home": (Wish.KNOWN, Wish.NEW),
    "time": (Wish.FESTIVAL, Wish.ORDINARY),
}


def cleaned(wanted: Collection[str]) -> list[str]:
    """The words that say something, in the order of the vocabulary. Unknown ones raise ValueError."""
    chosen = {Wish(one) for one in wanted}
    for one, other in PAIRS.values():
        if {one, other} <= chosen:
            chosen -= {one, other}
    return [one.value for one in Wish if one in chosen]


def meets(wanted: Collection[str], facts: Facts) -> bool:
    """Is this one of the visits wished for?"""
    if not wanted:
        return True
    held = {
        Wish.AT_HOME if facts.in_person else Wish.CALL,
        Wish.TOGETHER if facts.several else Wish.ALONE,
        Wish.KNOWN if facts.known else Wish.NEW,
        Wish.FESTIVAL if facts.festival else Wish.ORDINARY,
    }
    for pair in PAIRS.values():
        chosen = [one for one in pair if one in wanted]
        if len(chosen) == 1 and chosen[0] not in held:
            return False
    return True
