"""The same done to several things at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from coordinator.extensions import db
from coordinator.kernel.errors import DomainError

Thing = TypeVar("Thing")


def each_alone(
    things: Iterable[Thing], act: Callable[[Thing], object], name: Callable[[Thing], str] | None = None
) -> tuple[int, list[str]]:
    """Do `act` to each; one that is refused is taken back alone and stops no other.

    Returns how many were done and why the others were left, each after its name where `name` gives one.
    """
    done, left = 0, []
    for thing in things:
        try:
            with db.session.begin_nested():
                act(thing)
            done += 1
        except DomainError as problem:
            who = f"{name(thing)}：" if name is not None else ""
            left.append(f"{who}{problem.message}{problem.remedy}")
    return done, left
