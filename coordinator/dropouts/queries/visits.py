"""Visits as these pages load them: one's own, and a coordinator's."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit


def own_visit_ahead(actor: Actor, visit_id: int, *, ahead: bool = True) -> Visit:
    """A visit the actor is to make; with `ahead` False also one under way or made. Raises NotFound."""
    states = (AssignmentState.APPROVED,) if ahead else (AssignmentState.APPROVED, AssignmentState.DONE)
    statement = (
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Visit.id == visit_id,
            Assignment.worker_id == actor.worker_id,
            Assignment.state.in_(states),
        )
        .options(
            joinedload(Visit.area),
            joinedload(Visit.elder).options(*without_secrets(), joinedload(Elder.household)),
            selectinload(Visit.assignments).joinedload(Assignment.worker),
        )
    )
    if ahead:
        statement = statement.where(Visit.state.in_((VisitState.OPEN, VisitState.ASSIGNED)))
    visit = db.session.scalars(statement).one_or_none()
    if visit is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    return visit
