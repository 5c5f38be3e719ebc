"""Putting a visit that was left out up for workers to claim."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning.models import Plan, PlanStop
from coordinator.planning.services.approval import elders_for_visits
from coordinator.visits.models import Visit
from coordinator.visits.services import open_visit


def offer_stop(actor: Actor, plan: Plan, stop: PlanStop, day: date, start_seconds: int) -> Visit:
    """Open a visit that is on no route for workers to claim, at a time within its period."""
    demand(actor, Permission.VISIT_OPEN, plan.area.path)
    if stop.visit_id is not None or stop.route_id is not None:
        raise Conflict(_("这一次已经安排了。"), _("请刷新页面看最新的情况。"), code="arranged_already")
    if (stop.reason or "").startswith("blocked_"):
        raise Conflict(_("这一次现在不能上门。"), _("请看写明的原因。"), code="cannot_be_planned")
    if not stop.period_from <= day <= stop.period_to or day < clock.today():
        raise InvalidInput(
            _("请选%(period)s里还没过的一天。", period=i18n.period(stop.period_from, stop.period_to)),
            field="day",
        )
    elder = elders_for_visits([stop.elder_id])[stop.elder_id]
    starts = clock.at_local(day, start_seconds)
    if starts <= clock.now():
        raise InvalidInput(_("这个时间已经过了。"), field="time")
    visit = open_visit(
        actor,
        elder,
        starts,
        clock.at_local(day, start_seconds + elder.visit_minutes * 60),
        people=2 if elder.needs_two_visitors else 1,
        needs_skills=elder.needs_skills,
        rule=stop.rule or None,
        period=(stop.period_from, stop.period_to),
        policy_version_id=plan.policy_version_id,
        plan_id=plan.id,
    )
    stop.visit_id = visit.id
    db.session.flush()
    return visit


def is_offerable(stop: PlanStop) -> bool:
    """Whether a visit that was left out may be put up for claims."""
    blocked = (stop.reason or "").startswith("blocked_")
    return stop.route_id is None and stop.visit_id is None and not blocked and stop.period_to >= clock.today()
