"""Counting and freezing months by themselves: every night the running month and those frozen lately, and on its day
the month that is over. Each unit is a job of its own, so that a county that fails holds up no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

import structlog

from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.areas import Area
from coordinator.supervision.queries.units import all_units
from coordinator.supervision.rules import months_back
from coordinator.supervision.services import count_unit, freeze_above, freeze_unit
from coordinator.supervision.services.counting import COUNT_JOB, COUNT_SECONDS
from coordinator.supervision.services.freezing import months_to_freeze, owe_freeze

log = structlog.get_logger(__name__)

NIGHTLY_JOB = "coordinator.supervision.jobs.keep_months"
# Local time; after the nightly recomputation of what is owed has begun.
NIGHTLY_AT = time(1, 10)
# So many months before the running one are counted again each night, for their corrections.
COUNTED_AGAIN = 3


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs that are due without anybody asking, as (name, key); asked for by the sweeper."""
    now = clock.local_now()
    if now.time() >= NIGHTLY_AT:
        yield NIGHTLY_JOB, now.date().isoformat()


def keep_months() -> None:
    """Owe what is to be counted and frozen today. Run twice it owes the same jobs."""
    today = clock.today()
    for unit in all_units():
        for month in months_back(today, COUNTED_AGAIN + 1):
            queue.owe(
                COUNT_JOB,
                key=f"{unit.id}:{month}:{today}",
                payload={"area_id": unit.id, "month": month.isoformat()},
                timeout_seconds=COUNT_SECONDS,
            )
        for month in months_to_freeze(unit, today):
            owe_freeze(unit, month)
    db.session.commit()


def count_one(area_id: int, month: str) -> None:
    """Count a month of a unit anew. Commits."""
    unit = db.session.get(Area, area_id)
    if unit is None:
        return
    count_unit(unit, date.fromisoformat(month))
    db.session.commit()


def freeze_one(area_id: int, month: str, user_id: int | None = None) -> None:
    """Freeze a month of a unit, and then of what lies above it when it was the last one. Commits both.

    Cut between the two, the second run finds the unit frozen and goes on above.
    """
    unit = db.session.get(Area, area_id)
    if unit is None:
        return
    first = date.fromisoformat(month)
    frozen = freeze_unit(unit, first, user_id)
    db.session.commit()
    if frozen:
        log.info("month frozen", area_id=area_id, month=month)
    freeze_above(unit, first)
    db.session.commit()
