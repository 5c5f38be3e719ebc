"""Counts for menus and landing pages, each within the actor's areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.accounts.models import Organisation
from coordinator.dropouts.queries.live import waiting_count
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.fieldwork.models import RecordState, VisitRecord
from coordinator.hours.models import HoursEntry
from coordinator.hours.queries import student_entries
from coordinator.joining.queries.admission import to_admit
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.messages.queries import unread
from coordinator.planning.models import Plan, PlanState
from coordinator.planning.queries.remedies import questions_left
from coordinator.register.queries.moves import moves_sent, moves_to_receive
from coordinator.register.queries.survey_items import doors_left
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, OwedObligation, Visit
from coordinator.visits.queries.ready import overdue_in
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.queries import ends_soon

P = Permission
FOUND_AT_MOST = 20


def _count(model: type[Any], *conditions: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(model).where(*conditions)


def _claims_pending(actor: Actor) -> ScalarSelect[int]:
    return (
        _count(Claim, Claim.state == ClaimState.PENDING)
        .join(Visit, Claim.visit_id == Visit.id)
        .where(in_areas(actor, P.CLAIM_DECIDE, Visit.area_id))
        .scalar_subquery()
    )


def _records_to_confirm(actor: Actor) -> ScalarSelect[int]:
    return (
        _count(VisitRecord, VisitRecord.state == RecordState.SUBMITTED)
        .join(Visit, VisitRecord.visit_id == Visit.id)
        .where(in_areas(actor, P.RECORD_CONFIRM, Visit.area_id))
        .scalar_subquery()
    )


def _entries_to_verify(actor: Actor) -> ScalarSelect[int]:
    waiting = student_entries(actor, decided=False).with_only_columns(HoursEntry.id).order_by(None)
    return select(func.count()).select_from(waiting.subquery()).scalar_subquery()


def badges(actor: Actor) -> dict[str, int]:
    """Unread messages and what waits for the actor, by name. One query."""
    parts: dict[str, Any] = {}
    if actor.user_id is not None:
        parts["unread"] = unread(actor.user_id)
    if actor.may(P.CLAIM_DECIDE):
        parts["claims"] = _claims_pending(actor)
        parts["dropouts"] = waiting_count(actor)
    if actor.may(P.WORKER_EDIT):
        parts["admission"] = to_admit(actor)
    if actor.may(P.RECORD_CONFIRM):
        parts["records"] = _records_to_confirm(actor)
    if actor.may(P.ELDER_EDIT):
        parts["register"] = moves_to_receive(actor)
        parts["sent"] = moves_sent(actor)
    if actor.may(P.ELDER_EDIT) or actor.may(P.WORK):
        parts["doors"] = doors_left(actor)
    if actor.worker_id is not None and actor.may(P.WORK):
        parts["questions"] = questions_left(actor)
    if actor.may(P.DUE_EXPLAIN):
        parts["overdue"] = overdue_in(in_areas(actor, P.DUE_EXPLAIN, OwedObligation.area_id), clock.today())
    if actor.may(P.HOURS_VERIFY):
        parts["verifications"] = _entries_to_verify(actor)
    if not parts:
        return {}
    row = db.session.execute(select(*(part.label(name) for name, part in parts.items()))).one()
    return dict(row._mapping)


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """What a coordinator sees first: figures of today and tomorrow in the own areas."""

    elders: int
    open_visits: int
    visits_today: int
    done_today: int
    visits_tomorrow: int
    workers_tomorrow: int


def desk_figures(actor: Actor) -> DeskFigures:
    """One query for all of them."""
    today = clock.today()
    visits_here = in_areas(actor, P.VISIT_READ, Visit.area_id)
    going = Visit.state.in_((VisitState.ASSIGNED, VisitState.IN_PROGRESS))
    closed = Visit.state.in_((VisitState.COMPLETED, VisitState.NOT_MET))
    on_today, on_tomorrow = _on(today), _on(today + timedelta(days=1))
    people = (
        select(func.count(Assignment.worker_id.distinct()))
        .join(Visit, Assignment.visit_id == Visit.id)
        .where(visits_here, on_tomorrow, Assignment.state == AssignmentState.APPROVED)
    )
    row = db.session.execute(
        select(
            _count(
                Elder, Elder.status == ElderStatus.ACTIVE, in_areas(actor, P.ELDER_READ, Elder.area_id)
            ).scalar_subquery(),
            _count(
                Visit, visits_here, Visit.state == VisitState.OPEN, Visit.starts_at >= clock.now()
            ).scalar_subquery(),
            _count(Visit, visits_here, on_today, or_(going, closed)).scalar_subquery(),
            _count(Visit, visits_here, on_today, closed).scalar_subquery(),
            _count(Visit, visits_here, on_tomorrow, going).scalar_subquery(),
            people.scalar_subquery(),
        )
    ).one()
    return DeskFigures(*row)


def _on(day: date) -> ColumnElement[bool]:
    """Visits that begin on a local day."""
    return and_(
        Visit.starts_at >= clock.at_local(day, 0),
        Visit.starts_at < clock.at_local(day + timedelta(days=1), 0),
    )


def latest_plans(actor: Actor, months: Sequence[date]) -> dict[date, list[Plan]]:
    """The latest plan of each area for each of the months, in the order of the tree. One query."""
    rows = db.session.scalars(
        select(Plan)
        .ext(distinct_on(Plan.month, Area.path))
        .join(Area, Plan.area_id == Area.id)
        .where(
            Plan.month.in_(months),
            Plan.state.not_in((PlanState.DISCARDED, PlanState.SUPERSEDED)),
            in_areas(actor, P.PLAN_READ, Plan.area_id),
        )
        .order_by(Plan.month, Area.path, Plan.id.desc())
        .options(contains_eager(Plan.area))
    )
    found: dict[date, list[Plan]] = {month: [] for month in months}
    for plan in rows:
        found[plan.month].append(plan)
    return found


@dataclass(frozen=True, slots=True)
class RosterFigures:
    """One organisation's people in figures."""

    organisation_id: int
    organisation: str
    workers: int
    applied: int
    visits_this_month: int
    out_today: int
    ending: int


def _turns(figure: Any, first: date, end: date) -> ScalarSelect[int]:
    """`figure` over the turns of an organisation's people from a day to before another."""
    return (
        select(figure)
        .select_from(Assignment)
        .join(Worker, Assignment.worker_id == Worker.id)
        .join(Visit, Assignment.visit_id == Visit.id)
        .where(
            Worker.organisation_id == Organisation.id,
            Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
            Visit.starts_at >= clock.at_local(first, 0),
            Visit.starts_at < clock.at_local(end, 0),
        )
        .correlate(Organisation)
        .scalar_subquery()
    )


def roster_figures(actor: Actor) -> list[RosterFigures]:
    """The organisations the actor manages. One query."""
    today = clock.today()
    first = today.replace(day=1)
    approved = Worker.status == WorkerStatus.APPROVED
    rows = db.session.execute(
        select(
            Organisation.id,
            Organisation.name,
            func.count(Worker.id).filter(approved),
            func.count(Worker.id).filter(Worker.status == WorkerStatus.APPLIED),
            _turns(func.count(), first, (first + timedelta(days=32)).replace(day=1)),
            _turns(func.count(Assignment.worker_id.distinct()), today, today + timedelta(days=1)),
            func.count(Worker.id).filter(approved, ends_soon()),
        )
        .outerjoin(Worker, Worker.organisation_id == Organisation.id)
        .where(Organisation.id.in_(actor.organisation_ids(P.ROSTER_READ)))
        .group_by(Organisation.id)
        .order_by(Organisation.name)
    )
    return [RosterFigures(*row) for row in rows]


def search_elders(actor: Actor, text: str) -> Sequence[Elder]:
    """Elders of the actor's areas by a part of the name or address, whole names and active ones first."""
    return db.session.scalars(
        select(Elder)
        .join(Household, Elder.household_id == Household.id)
        .where(
            or_(
                Elder.name.icontains(text, autoescape=True),
                Household.address.icontains(text, autoescape=True),
            ),
            in_areas(actor, P.ELDER_READ, Elder.area_id),
            Elder.status != ElderStatus.MERGED,
        )
        .order_by((Elder.name != text), Elder.status != ElderStatus.ACTIVE, Elder.name, Elder.id)
        .options(joinedload(Elder.area), contains_eager(Elder.household))
        .limit(FOUND_AT_MOST)
    ).all()


def search_workers(actor: Actor, text: str) -> Sequence[Worker]:
    """Workers of the actor's areas by a part of the name."""
    return db.session.scalars(
        select(Worker)
        .where(
            Worker.name.icontains(text, autoescape=True),
            in_areas(actor, P.WORKER_READ, Worker.area_id),
        )
        .order_by((Worker.name != text), Worker.status != WorkerStatus.APPROVED, Worker.name, Worker.id)
        .options(joinedload(Worker.area), joinedload(Worker.organisation))
        .limit(FOUND_AT_MOST)
    ).all()
