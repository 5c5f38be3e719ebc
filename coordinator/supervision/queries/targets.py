"""The visit rates that a document wants by a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from coordinator.policy import Pack
from coordinator.visits.queries.coverage import span_of


class Target(NamedTuple):
    """A rate that the document wants by a day."""

    percent: int
    by: date
    title: str
    quote: str
    marks: tuple[str, ...]


def targets_of(pack: Pack | None) -> list[Target]:
    """The document's targets of the visit rate, earliest first."""
    found = [
        Target(one.rate_percent, one.by, one.title, one.quote, one.mark)
        for one in (pack.milestones if pack else ())
        if one.rate_percent is not None
    ]
    return sorted(found, key=lambda one: one.by)


def target_in(targets: Sequence[Target], month: date) -> Target | None:
    """The target in force in a month: the latest whose day lies in the month or before it."""
    last = span_of(month).last
    return next((one for one in reversed(targets) if one.by <= last), None)
