"""Who of an organisation goes when: its manager learns no more of an elder than the neighbourhood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission
from coordinator.kernel.areas import Area
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker, WorkerKind

MOST = 1_000
"""Lines on one page; a week of the largest roster is a tenth of it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One person on one visit."""

    starts_at: datetime
    ends_at: datetime
    name: str
    kind: WorkerKind
    student_class: str | None
    community: str
    neighbourhood: str | None
    mode: ContactMode
    state: VisitState
    is_companion: bool

    @property
    def day(self) -> date:
        """The local day."""
        return clock.to_local(self.starts_at).date()


def turns_of(actor: Actor, first: date, last: date) -> dict[date, list[Turn]]:
    """The turns of the people of the actor's organisations on these days, by day and time. One query."""
    rows = db.session.execute(
        select(
            *(Visit.starts_at, Visit.ends_at, Worker.name, Worker.kind, Worker.student_class, Area.name),
            *(Household.neighbourhood, Visit.mode, Visit.state, Assignment.is_companion),
        )
        .select_from(Assignment)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Area, Area.id == Visit.area_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .where(
            Worker.organisation_id.in_(actor.organisation_ids(Permission.ROSTER_EDIT)),
            Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
            Visit.starts_at >= clock.at_local(first, 0),
            Visit.starts_at < clock.at_local(last + timedelta(days=1), 0),
        )
        .order_by(Visit.starts_at, Worker.name, Assignment.id)
        .limit(MOST)
    )
    found: dict[date, list[Turn]] = {}
    for row in rows:
        turn = Turn(*row)
        found.setdefault(turn.day, []).append(turn)
    return found
