"""Visits somebody else has asked for or is to make, for whom one could wait."""

from __future__ import annotations

from typing import NamedTuple

from coordinator.kernel import clock
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.queries.line import line_lengths
from coordinator.marketplace.queries.market import needs_companion, obstacle
from coordinator.marketplace.queries.offered import taken_visits
from coordinator.marketplace.queries.openings import Opening, held_by, way
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Way

READ, SHOWN = 200, 20


class Waitable(NamedTuple):
    """`waiting`: how many are in line already."""

    opening: Opening
    way: Way | None
    waiting: int
    with_companion: bool


def waitable(worker: DutyWorker, rules: Rules) -> list[Waitable]:
    """The nearest taken visits that the worker could make, few enough to be read. Three queries."""
    now = clock.now()
    openings = taken_visits(worker, rules, now, READ)
    if not openings:
        return []
    days = [one.day for one in openings]
    held = held_by([worker.id], min(days), max(days))[worker.id]
    fits = []
    for opening in openings:
        why, in_hours = obstacle(worker, opening, held, rules, now)
        if why is None and in_hours:
            fits.append(opening)
        if len(fits) == SHOWN:
            break
    waiting = line_lengths([one.visit_id for one in fits])
    return [
        Waitable(one, way(worker, held, one), waiting.get(one.visit_id, 0), needs_companion(worker, one))
        for one in fits
    ]
