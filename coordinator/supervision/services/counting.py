"""The figures of a month as they are now, kept for pages that must not count a county themselves."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput
from coordinator.supervision.models import CoverageCount
from coordinator.supervision.queries.units import unit_of
from coordinator.visits.queries.coverage import Figures, count_tree, span_of

COUNT_JOB = "coordinator.supervision.jobs.count_one"
COUNT_SECONDS = 1800
# Rows of one statement; figures carry lists of ids.
AT_ONCE = 200


def count_unit(unit: Area, month: date) -> dict[int, Figures]:
    """Count the month in the unit and everything below it, and keep the figures in place of the former ones.

    Flushes. Two that count at once leave the figures of the later one.
    """
    figures = count_tree(unit.path, span_of(month))
    now = clock.now()
    rows = [row_of(area_id, month, one) | {"counted_at": now} for area_id, one in sorted(figures.items())]
    for start in range(0, len(rows), AT_ONCE):
        statement = insert(CoverageCount).values(rows[start : start + AT_ONCE])
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["area_id", "month"],
                set_={
                    name: statement.excluded[name]
                    for name in ("elders", "contacted", "all_met", "figures", "counted_at")
                },
            )
        )
    return figures


def row_of(area_id: int, month: date, figures: Figures) -> dict[str, Any]:
    """The columns that snapshots and counts share."""
    return {
        "area_id": area_id,
        "month": month.replace(day=1),
        "elders": figures.elders,
        "contacted": figures.contacted,
        "all_met": figures.all_met,
        "figures": figures.as_json(),
    }


def request_count(actor: Actor, area: Area, month: date) -> None:
    """Let the month be counted anew in the unit of this area; who asks in the same minute gets the same count."""
    demand(actor, Permission.COVERAGE_READ, area.path)
    month = month.replace(day=1)
    if month > clock.today():
        raise InvalidInput(_("这个月还没有到。"), field="month")
    unit = unit_of(area)
    queue.owe(
        COUNT_JOB,
        key=f"{unit.id}:{month}:{clock.now():%Y%m%d%H%M}",
        payload={"area_id": unit.id, "month": month.isoformat()},
        timeout_seconds=COUNT_SECONDS,
    )
