"""Several plans of one month to choose from, and the wishes a street keeps for the next one."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict
from coordinator.planning.access import CHANGEABLE, RUNNING
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanState, PlanStop
from coordinator.planning.services.runs import SHORTEST, owe_plan, request_plan
from coordinator.planning.translate import Options, alternatives

WISHES = "planning_wishes"
"""Where `Area.settings` keeps them."""
FIRST_SHARE = 0.5
"""Share of the time for the plan that was asked for; the others begin from it."""


def wishes_of(area: Area) -> Options:
    """What the area chose last."""
    kept = area.settings.get(WISHES)
    return Options.from_dict(kept) if isinstance(kept, dict) else Options()


def keep_wishes(area: Area, options: Options) -> None:
    """Remember a choice for the area's next month. Flushes."""
    if area.settings.get(WISHES) != options.as_dict():
        area.settings = area.settings | {WISHES: options.as_dict()}
        db.session.flush()


def request_choices(
    actor: Actor,
    area: Area,
    month: date,
    *,
    options: Options,
    seconds: int = 60,
    based_on: Plan | None = None,
) -> Plan:
    """Owe up to three plans of a month: the one asked for, then one for each contrast, beginning from the first.

    `seconds` is for all of them. They are made one after the other; the first holds what is still to come.
    Raises as `request_plan`.
    """
    others = alternatives(options)
    share = max(SHORTEST, round(seconds * FIRST_SHARE))
    plan = request_plan(actor, area, month, options=options, seconds=share, based_on=based_on)
    plan.compared_with_id = plan.id
    each = max(SHORTEST, round((seconds - share) / max(1, len(others))))
    plan.detail = plan.detail | {"to_come": [other.as_dict() for other in others], "each": each}
    db.session.flush()
    return plan


def go_on_choosing(actor: Actor, plan: Plan) -> bool:
    """Owe the next of the plans to choose from, now that this one has ended. Returns whether there is one. Flushes.

    The first plan's row is locked, and what is still to come is taken off it in the same transaction that ends this
    plan: a run that is cut and begun again owes nothing twice.
    """
    if plan.compared_with_id is None:
        return False
    first = db.session.scalars(select(Plan).where(Plan.id == plan.compared_with_id).with_for_update()).one()
    to_come = list(first.detail.get("to_come", ()))
    if first.state is not PlanState.READY or plan.stop_requested_at is not None or not to_come:
        return False
    options, seconds = Options.from_dict(to_come.pop(0)), int(first.detail["each"])
    following = owe_plan(actor, plan.area, plan.month, options=options, seconds=seconds, based_on=first)
    following.compared_with_id = first.id
    first.detail = first.detail | {"to_come": to_come}
    db.session.flush()
    return True


def group_of(plan: Plan) -> list[Plan]:
    """The plans a plan is to be chosen from, the first of them first; itself alone where there was no choice."""
    if plan.compared_with_id is None:
        return [plan]
    return list(
        db.session.scalars(
            select(Plan).where(Plan.compared_with_id == plan.compared_with_id).order_by(Plan.id)
        )
    )


def take_choice(actor: Actor, plan: Plan) -> None:
    """Keep one of several plans; the others are thrown away and its wishes remembered for the area. Flushes.

    Raises Conflict when the choice is made already, when one is still being solved, or when another one is approved
    in part.
    """
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    group = list(
        db.session.scalars(
            select(Plan)
            .where(Plan.compared_with_id == plan.compared_with_id)
            .order_by(Plan.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    if len(group) < 2 or plan.compared_with_id is None:
        raise Conflict(_("这里没有几个方案可选。"), code="nothing_to_choose")
    first = group[0]
    if first.detail.get("taken"):
        raise Conflict(_("已经选定了一个方案。"), _("请刷新页面看最新的情况。"), code="taken_already")
    if any(one.state in RUNNING for one in group):
        raise Conflict(_("还有方案正在计算。"), _("等它算完，或者先停下它。"), code="plan_running")
    if plan.state not in CHANGEABLE:
        raise Conflict(_("这个方案不能用了。"), _("请刷新页面看最新的情况。"), code="not_a_draft")
    others = [one for one in group if one.id != plan.id]
    approved = db.session.scalar(
        select(func.count())
        .select_from(PlanStop)
        .where(
            PlanStop.plan_id.in_([one.id for one in others]),
            PlanStop.visit_id.is_not(None),
            PlanStop.visit_key.not_like("v%"),
        )
    )
    if approved:
        raise Conflict(
            _("另一个方案里有 %(n)s 次已经批准。", n=approved),
            _("要换这个方案，先撤回那几天的批准。"),
            code="partly_approved",
        )
    for one in others:
        if one.state is PlanState.READY:
            one.state = PlanState.DISCARDED
    first.detail = first.detail | {"taken": plan.id, "to_come": []}
    keep_wishes(plan.area, Options.from_dict(plan.detail.get("options", {})))
    audit.record(
        actor,
        "plan.choose",
        plan,
        _("%(month)s从 %(n)s 个方案里选定一个", month=month_name(plan.month), n=len(group)),
        changes={"plans": [[one.id for one in group], plan.id]},
    )
    db.session.flush()
