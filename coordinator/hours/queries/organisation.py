"""What an organisation sees of its people's hours: sums, and no visit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from coordinator.extensions import db
from coordinator.hours.models import HoursEntry
from coordinator.hours.queries.conditions import standing, with_confirmed_record
from coordinator.kernel.access import Actor, Permission
from coordinator.workforce.models import Worker

MONTH = func.to_char(HoursEntry.service_on, literal_column("'YYYY-MM'"))
CONFIRMED = case((with_confirmed_record(), HoursEntry.minutes), else_=0)


def _lines(statement: Select[Any], actor: Actor, since: date) -> Select[Any]:
    return (
        statement.select_from(HoursEntry)
        .join(Worker, Worker.id == HoursEntry.worker_id)
        .where(
            Worker.organisation_id.in_(actor.organisation_ids(Permission.ROSTER_READ)),
            HoursEntry.service_on >= since,
            HoursEntry.minutes > 0,
            standing(),
        )
    )


def staff_totals(actor: Actor, since: date) -> Select[Any]:
    """Each of the organisation's people and each month since a day: `visits`, `minutes` that stand, and those of
    them whose record the street has confirmed.
    """
    return _lines(
        select(
            Worker.id.label("worker_id"),
            Worker.name,
            Worker.kind,
            MONTH.label("month"),
            func.count(HoursEntry.id).label("visits"),
            func.sum(HoursEntry.minutes).label("minutes"),
            func.sum(CONFIRMED).label("confirmed"),
        ),
        actor,
        since,
    ).group_by(Worker.id, MONTH)


@dataclass(frozen=True, slots=True)
class StaffSum:
    """All of the organisation's people together; minutes."""

    people: int
    visits: int
    minutes: int
    confirmed: int


def staff_sum(actor: Actor, since: date) -> StaffSum:
    """The sum since a day. One query."""
    row = db.session.execute(
        _lines(
            select(
                func.count(HoursEntry.worker_id.distinct()),
                func.count(HoursEntry.id),
                func.coalesce(func.sum(HoursEntry.minutes), 0),
                func.coalesce(func.sum(CONFIRMED), 0),
            ),
            actor,
            since,
        )
    ).one()
    return StaffSum(*(int(value) for value in row))
