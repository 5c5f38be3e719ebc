"""What is planned for an elder: what leaving or moving would call off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker


@dataclass(frozen=True, slots=True)
class Planned:
    """One visit that has not begun, with who goes."""

    id: int
    starts_at: datetime
    who: str


def planned_of(elder_id: int, day: date) -> Sequence[Planned]:
    """The visits of an elder from a day on that have not begun, in order of time. One query."""
    rows = db.session.execute(
        select(Visit.id, Visit.starts_at, func.string_agg(Worker.name, "、"))
        .outerjoin(
            Assignment,
            (Assignment.visit_id == Visit.id) & (Assignment.state == AssignmentState.APPROVED),
        )
        .outerjoin(Worker, Assignment.worker_id == Worker.id)
        .where(
            Visit.elder_id == elder_id,
            Visit.state.in_((VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)),
            Visit.starts_at >= clock.at_local(day, 0),
        )
        .group_by(Visit.id)
        .order_by(Visit.starts_at, Visit.id)
    )
    return [Planned(key, at, who or "") for key, at, who in rows]
