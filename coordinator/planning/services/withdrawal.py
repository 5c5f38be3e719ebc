"""Taking the approval of a day back, with everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.services import notify
from coordinator.planning.models import Plan, PlanRoute, PlanStop, RouteSheet
from coordinator.planning.services.approval import demand_approve
from coordinator.visits.lifecycle import CLOSED, LIVE, AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import cancel_visit
from coordinator.workforce.models import Worker

WITHDRAWABLE = (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What withdrawing a day's approval means."""

    visits: int
    workers: int
    sheets: int
    begun: int


def withdrawal_of(plan: Plan, day: date) -> Withdrawal:
    """Count what would be withdrawn; `begun` visits stay. Two queries."""
    rows = db.session.execute(
        select(Visit.state, PlanRoute.worker_id, Visit.id)
        .join(PlanStop, PlanStop.visit_id == Visit.id)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id, PlanRoute.day == day, PlanStop.visit_key.like("e%"))
    ).all()
    open_rows = [row for row in rows if row.state in WITHDRAWABLE]
    sheets = db.session.scalar(
        select(func.count())
        .select_from(RouteSheet)
        .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
        .where(PlanRoute.plan_id == plan.id, PlanRoute.day == day, RouteSheet.voided_at.is_(None))
    )
    return Withdrawal(
        visits=len({row.id for row in open_rows}),
        workers=len({row.worker_id for row in open_rows}),
        sheets=sheets or 0,
        begun=len({row.id for row in rows if row.state not in WITHDRAWABLE and row.state in LIVE | CLOSED}),
    )


def withdraw_day(actor: Actor, plan: Plan, day: date, reason: str) -> Withdrawal:
    """Take a day's approval back: visits are cancelled, workers told, sheets void; the stops are a draft again."""
    demand_approve(actor, plan)
    text = " ".join(reason.split())
    if not text:
        raise InvalidInput(_("请写明原因，会告诉当天的人员。"), field="reason")
    what = withdrawal_of(plan, day)
    if not what.visits:
        raise Conflict(_("%(day)s没有可以撤回的。", day=i18n.day(day)), code="nothing_to_withdraw")
    stops = db.session.scalars(
        select(PlanStop)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(
            PlanStop.plan_id == plan.id,
            PlanRoute.day == day,
            PlanStop.visit_id.is_not(None),
            PlanStop.visit_key.like("e%"),
        )
    ).all()
    visits = {visit.id: visit for visit in _visits([stop.visit_id for stop in stops if stop.visit_id])}
    told: set[int] = set()
    for visit in visits.values():
        if visit.state in WITHDRAWABLE:
            told |= {
                one.worker.user_id
                for one in visit.assignments
                if one.state is AssignmentState.APPROVED and one.worker.user_id is not None
            }
            cancel_visit(actor, visit, _("当天计划撤回：%(reason)s", reason=text)[:200])
    for stop in stops:
        if visits[stop.visit_id or 0].state is VisitState.CANCELLED:
            stop.visit_id = None
    db.session.execute(
        update(RouteSheet)
        .where(
            RouteSheet.route_id.in_(
                select(PlanRoute.id).where(PlanRoute.plan_id == plan.id, PlanRoute.day == day)
            ),
            RouteSheet.voided_at.is_(None),
        )
        .values(voided_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )
    notify(
        told,
        _("%(day)s的探访计划撤回了", day=i18n.day(day)),
        _("%(day)s给您的探访先不用去。原因：%(reason)s。改好会再通知您。", day=i18n.day(day), reason=text),
        "/",
        dedupe_key=f"plan-withdrawn:{plan.id}:{day}:{uuid4().hex}",
    )
    audit.record(
        actor,
        "plan.withdraw_day",
        plan,
        _("撤回%(day)s的批准：取消 %(n)s 次探访", day=i18n.day(day), n=what.visits),
        changes={"reason": [None, text]},
    )
    db.session.flush()
    return what


def _visits(ids: Sequence[int]) -> Sequence[Visit]:
    return db.session.scalars(
        select(Visit)
        .where(Visit.id.in_(ids))
        .options(
            joinedload(Visit.elder).options(*without_secrets()),
            joinedload(Visit.area),
            selectinload(Visit.assignments)
            .joinedload(Assignment.worker)
            .load_only(Worker.user_id, Worker.name),
        )
        .order_by(Visit.id)
    ).all()
