"""Festivals, extreme weather and epidemics in effect. A cancelled event has no area, so no query here finds it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, cast, func, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.policy import EventKind
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import Assignment, SurgeEvent, SurgeKind, Visit

# What is planned and can still be changed.
PLANNED = (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)


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


def epidemic_on(area_path: str, day: date) -> str | None:
    """The name of an epidemic that forbids visits at home in the area with this path on that day."""
    line = [int(part) for part in area_path.split(".") if part]
    return db.session.scalar(
        select(SurgeEvent.name)
        .where(
            SurgeEvent.kind == SurgeKind.EPIDEMIC,
            SurgeEvent.area_id.in_(line),
            SurgeEvent.first_day <= day,
            SurgeEvent.last_day >= day,
        )
        .order_by(SurgeEvent.id)
        .limit(1)
    )


def forbidden_at_home(area: Any = Area) -> ColumnElement[bool]:
    """SQL condition on `Visit` (and its joined `area`): at home, on a day on which an epidemic forbids it."""
    held = aliased(Area)
    day = cast(func.timezone("Asia/Shanghai", Visit.starts_at), Date)
    epidemic = (
        select(SurgeEvent.id)
        .join(held, held.id == SurgeEvent.area_id)
        .where(
            SurgeEvent.kind == SurgeKind.EPIDEMIC,
            area.path.startswith(held.path),
            SurgeEvent.first_day <= day,
            SurgeEvent.last_day >= day,
        )
        .correlate(Visit, area)
        .exists()
    )
    return and_(Visit.mode == ContactMode.HOME, epidemic)


def _home_visits_where(event: SurgeEvent, area: Area, actor: Actor) -> ColumnElement[bool]:
    """Planned visits at home in the event's days, in the parts of its area that the actor may see."""
    inside = select(Area.id).where(Area.path.startswith(area.path))
    return and_(
        Visit.area_id.in_(inside),
        in_areas(actor, Permission.VISIT_READ, Visit.area_id),
        Visit.mode == ContactMode.HOME,
        Visit.state.in_(PLANNED),
        Visit.starts_at >= clock.at_local(event.first_day, 0),
        Visit.starts_at < clock.at_local(event.last_day + timedelta(days=1), 0),
    )


def home_visits_in(event: SurgeEvent, area: Area, actor: Actor, most: int | None = None) -> list[Visit]:
    """The planned visits at home that an epidemic overtakes, by time, with elder, area and people."""
    return list(
        db.session.scalars(
            select(Visit)
            .where(_home_visits_where(event, area, actor))
            .order_by(Visit.starts_at, Visit.id)
            .limit(most)
            .options(
                joinedload(Visit.area),
                joinedload(Visit.elder).joinedload(Elder.household),
                selectinload(Visit.assignments).joinedload(Assignment.worker),
            )
        )
    )


def count_home_visits_in(event: SurgeEvent, area: Area, actor: Actor) -> int:
    """How many planned visits at home an epidemic overtakes."""
    return db.session.scalar(select(func.count(Visit.id)).where(_home_visits_where(event, area, actor))) or 0
