"""Changing a draft by hand: move, take off, fix."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, i18n
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.planning.access import can_edit
from coordinator.planning.draft import Draft
from coordinator.planning.models import Plan, PlanRoute, PlanStop
from coordinator.planning.reasons import SOFT
from coordinator.planning.services.preview import Preview, check_open, mark_of, preview_move
from coordinator.planning.services.rearrange import Target, without
from coordinator.planning.services.rewrite import rewrite
from coordinator.workforce.models import Worker


def move_stop(
    actor: Actor, plan: Plan, stop: PlanStop, target: Target, *, accept_warnings: bool = False
) -> Preview:
    """Move a visit, or put one that was left out on a route; it is then fixed there.

    Raises Conflict with everything that speaks against it; with `accept_warnings` only what may never be.
    """
    demand_edit(actor, plan)
    found = preview_move(plan, stop, target)
    if found.hard:
        raise Conflict("；".join(found.hard) + "。", _("请换个人、换一天，或换个先后。"), code="would_break")
    if found.soft and not accept_warnings:
        raise Conflict(
            "；".join(found.soft) + "。", _("问过本人、确定要这样排的，请再点一次。"), code="warned"
        )
    before = where(stop)
    rewrite(found.change, stop, target)
    _set_pinned(plan, [stop.visit_key], pinned=True)
    plan.violations = [mark_of(one) for one in found.change.report.violations if one.code in SOFT]
    db.session.flush()
    db.session.refresh(stop)
    elder = db.session.get_one(Elder, stop.elder_id)
    after = where(stop)
    audit.record(
        actor,
        "plan.move",
        plan,
        _("把%(elder)s的探访改到%(after)s", elder=elder.name, after=after),
        changes={"stop": [before, after]} | ({"warned": [None, found.soft]} if found.soft else {}),
    )
    db.session.flush()
    return found


def take_off(actor: Actor, plan: Plan, stop: PlanStop) -> None:
    """Take a visit off its route; it is then one of those not planned."""
    demand_edit(actor, plan)
    route = db.session.get(PlanRoute, stop.route_id) if stop.route_id is not None else None
    if route is None:
        raise Conflict(_("这次探访本来就没有排。"), code="not_planned")
    check_open(plan, stop, route.day)
    before = where(stop)
    rewrite(without(Draft(plan), stop), stop, None)
    elder = db.session.get_one(Elder, stop.elder_id)
    audit.record(
        actor,
        "plan.take_off",
        plan,
        _("把%(elder)s的探访从路线里拿下", elder=elder.name),
        changes={"stop": [before, None]},
    )
    db.session.flush()


def pin_stops(actor: Actor, plan: Plan, stops: Sequence[PlanStop], *, pinned: bool) -> int:
    """Fix visits where they are, or let them go; both people of a visit for two. Returns how many changed."""
    demand_edit(actor, plan)
    keys = sorted(
        {stop.visit_key for stop in stops if stop.route_id is not None and stop.pinned is not pinned}
    )
    if not keys:
        return 0
    _set_pinned(plan, keys, pinned=pinned)
    text = _("固定 %(n)s 次探访", n=len(keys)) if pinned else _("取消 %(n)s 次探访的固定", n=len(keys))
    audit.record(actor, "plan.pin" if pinned else "plan.unpin", plan, text, changes={"visits": [None, keys]})
    db.session.flush()
    return len(keys)


def demand_edit(actor: Actor, plan: Plan) -> None:
    """Raise NotAllowed unless the actor may change the plan."""
    if not can_edit(actor, plan):
        raise NotAllowed(_("这个计划不能改。"), _("可能已经作废，或者不归您管。"))


def where(stop: PlanStop) -> str | None:
    """Worker, day and time of a stop, for people; None when it is on no route."""
    row = db.session.execute(
        select(Worker.name, PlanRoute.day)
        .join(PlanRoute, PlanRoute.worker_id == Worker.id)
        .where(PlanRoute.id == stop.route_id)
    ).one_or_none()
    return None if row is None else f"{row.name} {i18n.day(row.day)} {i18n.hour(stop.start_seconds)}"


def _set_pinned(plan: Plan, keys: Sequence[str], *, pinned: bool) -> None:
    db.session.flush()
    db.session.execute(
        update(PlanStop)
        .where(PlanStop.plan_id == plan.id, PlanStop.visit_key.in_(keys), PlanStop.route_id.is_not(None))
        .values(pinned=pinned)
        .execution_options(synchronize_session="fetch")
    )
