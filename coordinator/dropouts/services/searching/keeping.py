"""Searches that begin by themselves, and those that the queue or people have left behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.dropouts.models import StandInSearch
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching.settling import held_search, settle
from coordinator.dropouts.services.searching.waves import ask_next, start_search
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM, Actor
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker


def search_if_late(actor: Actor, visit: Visit, why: str, lost_worker_id: int | None) -> StandInSearch | None:
    """Begin a search by itself where the community's rule says so: the visit is near and lacks people."""
    rules = rules_for(visit.area.path)
    left = visit.starts_at - clock.now()
    if visit.state is not VisitState.OPEN or not timedelta(0) < left <= rules.automatic:
        return None
    return start_search(actor, visit, why, lost_worker_id=lost_worker_id, at_once=False)


def keep_searches(now: datetime) -> list[int]:
    """Ids of searches whose wave is overdue by minutes: the queue gave it up, or the visit is settled elsewhere."""
    rows = db.session.scalars(
        select(StandInSearch.id)
        .join(Visit, Visit.id == StandInSearch.visit_id)
        .where(
            StandInSearch.ended_at.is_(None),
            (StandInSearch.next_wave_at < now - timedelta(minutes=2))
            | Visit.state.not_in((VisitState.OPEN, VisitState.CLAIMED)),
        )
        .order_by(StandInSearch.id)
    )
    return list(rows)


def keep_search(search_id: int) -> None:
    """Settle one search, or make the wave that is overdue. Flushes."""
    visit, search = held_search(search_id)
    if settle(search, visit):
        db.session.flush()
        return
    if search.next_wave_at is not None and search.next_wave_at <= clock.now():
        ask_next(search, visit)
        db.session.flush()


def deserted_visits(now: datetime) -> list[int]:
    """Open visits of the next day that lost somebody who was stopped or has left, without any search so far."""
    longest = timedelta(days=3)
    gone = (
        select(Assignment.visit_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(
            Assignment.state == AssignmentState.WITHDRAWN,
            Assignment.ended_at > now - timedelta(hours=6),
            Worker.status.in_(("suspended", "left")),
        )
    )
    searched = select(StandInSearch.visit_id)
    return list(
        db.session.scalars(
            select(Visit.id)
            .where(
                Visit.state == VisitState.OPEN,
                Visit.starts_at > now,
                Visit.starts_at < now + longest,
                Visit.id.in_(gone),
                Visit.id.not_in(searched),
            )
            .order_by(Visit.starts_at)
        )
    )


def search_deserted(visit_id: int) -> None:
    """Begin the automatic search of one such visit. Flushes."""
    visit = locked_visit(visit_id)
    if visit is None:
        return
    lost = next(
        (one.worker_id for one in reversed(visit.assignments) if one.state is AssignmentState.WITHDRAWN), None
    )
    search_if_late(SYSTEM, visit, _("原来的人不能去了"), lost)
