"""Festivals, extreme weather and epidemics in effect."""

from __future__ import annotations

from datetime import date

from sqlalchemy import or_, select

from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.policy import EventKind
from coordinator.visits.models import SurgeEvent


def events_of(area: Area, start: date, end: date, *, below: bool = False) -> list[SurgeEvent]:
    """Events with a day in [start, end] that hold in the whole area: its own and those of the areas above.

    `below`: also those of areas inside it, which concern only a part.
    """
    where = SurgeEvent.area_id.in_(area.ancestor_ids)
    if below:
        inside = select(Area.id).where(Area.path.startswith(area.path))
        where = or_(where, SurgeEvent.area_id.in_(inside))
    return list(
        db.session.scalars(
            select(SurgeEvent)
            .where(where, SurgeEvent.first_day <= end, SurgeEvent.last_day >= start)
            .order_by(SurgeEvent.first_day, SurgeEvent.id)
        )
    )


def event_on(area: Area, kind: EventKind, day: date) -> SurgeEvent | None:
    """An event of this kind that holds in the area on that day."""
    return next((event for event in events_of(area, day, day) if event.kind.value == kind.value), None)
