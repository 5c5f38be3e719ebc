"""Visits at home that stand in somebody's day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.visits.lifecycle import ContactMode, VisitState
from coordinator.visits.models import Visit


def home_visits(
    area: Area, theirs: ScalarSelect[int], states: Collection[VisitState], begin: datetime, end: datetime
) -> Sequence[Visit]:
    """Visits at home that begin in [begin, end), in the area or among `theirs` (ids), with elder, home, area and
    team; in order of time. Two queries."""
    inside: ColumnElement[bool] = Visit.area_id.in_(select(Area.id).where(Area.path.startswith(area.path)))
    return (
        db.session.scalars(
            select(Visit)
            .where(
                or_(inside, Visit.id.in_(theirs)),
                Visit.state.in_(states),
                Visit.mode == ContactMode.HOME,
                Visit.starts_at >= begin,
                Visit.starts_at < end,
            )
            .options(
                joinedload(Visit.elder).options(*without_secrets(), joinedload(Elder.household)),
                joinedload(Visit.area),
                selectinload(Visit.assignments),
            )
            .order_by(Visit.starts_at, Visit.id)
        )
        .unique()
        .all()
    )
