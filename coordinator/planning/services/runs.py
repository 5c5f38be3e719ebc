"""Asking for a plan, stopping it, throwing it away."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanBatch, PlanState, PlanStop
from coordinator.planning.translate import Options, horizon

PLANNED_LEVELS = frozenset({AreaLevel.STREET, AreaLevel.COMMUNITY})
SHORTEST, LONGEST = 5, 600
# Reading, checking, explaining and storing come on top of the search.
MORE_SECONDS = 300


def request_plan(
    actor: Actor,
    area: Area,
    month: date,
    *,
    options: Options | None = None,
    seconds: int = 60,
    based_on: Plan | None = None,
) -> Plan:
    """Owe the plan of an area (a street, or a community by itself) for a month.

    `seconds` is the time of the search. `based_on` is a plan whose fixed visits stay and whose other visits are
    the beginning of the search. Raises Conflict while one is being solved, InvalidInput for a month that is over.
    """
    demand(actor, Permission.PLAN_EDIT, area.path)
    return owe_plan(actor, area, month, options=options, seconds=seconds, based_on=based_on)


def owe_plan(
    actor: Actor,
    area: Area,
    month: date,
    *,
    options: Options | None = None,
    seconds: int = 60,
    based_on: Plan | None = None,
    batch: PlanBatch | None = None,
) -> Plan:
    """As `request_plan`, for a caller that has asked whether the actor may; `batch` is the order it belongs to."""
    if area.level not in PLANNED_LEVELS:
        raise InvalidInput(_("计划按街道来做。"), _("请先选一个街道。"), field="area")
    month = month.replace(day=1)
    if horizon(month, clock.today()) is None:
        raise InvalidInput(
            _("%(month)s已经没有可以排的日子。", month=month_name(month)), _("请选下个月。"), field="month"
        )
    if not SHORTEST <= seconds <= LONGEST:
        raise InvalidInput(
            _("计算时间要在 %(low)s 秒到 %(high)s 秒之间。", low=SHORTEST, high=LONGEST), field="seconds"
        )
    plan = Plan(
        area_id=area.id,
        area=area,
        month=month,
        state=PlanState.QUEUED,
        seed=1,
        time_limit_seconds=seconds,
        based_on_id=based_on.id if based_on is not None else None,
        batch_id=batch.id if batch is not None else None,
        created_by_id=actor.user_id,
        detail={"options": (options or Options()).as_dict()},
        best={},
        score={},
        violations=[],
    )
    try:
        with db.session.begin_nested():
            db.session.add(plan)
            db.session.flush()
    except IntegrityError as problem:
        raise Conflict(
            _("%(month)s的计划正在计算。", month=month_name(month)),
            _("等它算完，或者先停下它。"),
            code="plan_running",
        ) from problem
    if batch is None:
        queue.owe(
            "coordinator.planning.jobs.solve_plan",
            key=str(plan.id),
            payload={"plan_id": plan.id},
            queue="planning",
            timeout_seconds=seconds + MORE_SECONDS,
        )
    else:
        queue.owe(
            "coordinator.planning.jobs.solve_plan",
            key=str(plan.id),
            payload={"plan_id": plan.id},
            queue="streets",
            timeout_seconds=seconds + MORE_SECONDS,
        )
    text = (
        _("重新计算%(area)s%(month)s计划，固定的不动", area=area.name, month=month_name(month))
        if based_on is not None
        else _("计算%(area)s%(month)s计划", area=area.name, month=month_name(month))
    )
    audit.record(actor, "plan.request", plan, text)
    db.session.flush()
    return plan


def stop_plan(actor: Actor, plan: Plan) -> None:
    """Stop a run: the best plan so far is kept; one that has not begun is thrown away."""
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    waiting = db.session.scalar(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state == PlanState.QUEUED)
        .values(state=PlanState.DISCARDED, finished_at=clock.now())
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    )
    if waiting is None:
        running = db.session.scalar(
            update(Plan)
            .where(Plan.id == plan.id, Plan.state == PlanState.SOLVING)
            .values(
                stop_requested_at=func.coalesce(Plan.stop_requested_at, clock.now()),
                stop_requested_by_id=func.coalesce(Plan.stop_requested_by_id, actor.user_id),
            )
            .returning(Plan.id)
            .execution_options(synchronize_session=False)
        )
        if running is None:
            raise Conflict(_("这次计算已经结束了。"), _("请刷新页面看结果。"), code="not_running")
    db.session.refresh(plan)
    audit.record(actor, "plan.stop", plan, _("停下%(month)s计划的计算", month=month_name(plan.month)))
    db.session.flush()


def discard_plan(actor: Actor, plan: Plan) -> None:
    """Throw a draft or a failed run away. Raises Conflict when part of it is approved."""
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    approved = db.session.scalar(
        select(func.count())
        .select_from(PlanStop)
        .where(PlanStop.plan_id == plan.id, PlanStop.visit_id.is_not(None), PlanStop.visit_key.not_like("v%"))
    )
    if approved:
        raise Conflict(
            _("这个计划里有 %(n)s 次已经批准，不能作废。", n=approved),
            _("要改的，先撤回那几天的批准。"),
            code="partly_approved",
        )
    done = db.session.scalar(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state.in_((PlanState.READY, PlanState.FAILED)))
        .values(state=PlanState.DISCARDED)
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise Conflict(_("只有草案可以作废。"), _("请刷新页面看最新的情况。"), code="not_a_draft")
    db.session.refresh(plan)
    audit.record(actor, "plan.discard", plan, _("作废%(month)s计划的草案", month=month_name(plan.month)))
    db.session.flush()
