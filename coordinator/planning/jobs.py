"""Solving a plan. May run twice or be cut anywhere: it begins anew and ends in the same way.

No transaction is open while the engine works; progress is written in short ones of its own.
"""

from __future__ import annotations

import structlog
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

import routing
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM, Actor, Grant, Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError
from coordinator.planning import services
from coordinator.planning.models import Plan, PlanStage, PlanState
from coordinator.planning.solving.beat import Beat
from coordinator.planning.solving.ending import fail, store
from coordinator.planning.solving.order import Order, begin
from coordinator.planning.translate import Translation, read_key, times_of, translate
from coordinator.visits.queries import pack_of
from coordinator.visits.services import store_policy_version

log = structlog.get_logger(__name__)

SECOND_TRY_SECONDS = 10.0


def preload() -> None:
    """Load the compiled kernel into a worker before it forks for a street: the job then begins with its search."""
    routing.preload()


def solve_plan(plan_id: int) -> None:
    """Solve one plan and store it as a draft; nobody but the person who asked is told.

    Does nothing when the plan is no longer waited for.
    """
    order = begin(plan_id)
    if order is None:
        return
    beat = Beat(plan_id)
    try:
        translation = _translate(plan_id, order, beat)
    except DomainError as problem:
        fail(plan_id, problem.whole)
        return
    try:
        scenario, solved = _solve(order, translation, beat)
    except routing.ScenarioError as problem:
        log.exception("scenario refused by the engine", plan_id=plan_id)
        fail(plan_id, _("资料里有算不了的地方，请告诉管理员。"), [one.line() for one in problem.errors[:50]])
        return
    if beat.abandoned:
        log.info("plan no longer wanted", plan_id=plan_id)
        return
    beat.tell(PlanStage.CHECK, 96, force=True)
    report = routing.check(scenario, solved)
    if not report.ok:
        log.error("plan refused by the checker", plan_id=plan_id, first=report.violations[0].line())
        lines = [violation.line() for violation in report.violations[:50]]
        fail(plan_id, _("算出的方案没有通过独立核对，已经作废。"), lines)
        return
    why = routing.explain(scenario, solved) if solved.unassigned else []
    beat.tell(PlanStage.DRAFT, 98, force=True)
    store(
        plan_id,
        translation,
        scenario,
        solved,
        report,
        why,
        pins=order.pins,
        relaxed=order.relaxed,
        seconds=beat.seconds_so_far,
    )


def give_visits(plan_id: int) -> None:
    """Make the visits of an approved plan, a day a transaction, then tell the workers. May run twice or be cut."""
    plan = db.session.get(Plan, plan_id, options=[joinedload(Plan.area)])
    if plan is None or plan.state is not PlanState.APPROVED:
        db.session.rollback()
        return
    user = db.session.get(User, plan.approved_by_id) if plan.approved_by_id is not None else None
    # Whoever approved was allowed to; the visits are made in that name.
    grant = Grant(Role.STREET_COORDINATOR, plan.area_id, plan.area.path)
    actor = SYSTEM if user is None else Actor(user.id, user.name, (grant,))
    for day in services.days_to_give(plan):
        plan = db.session.scalars(
            select(Plan).where(Plan.id == plan_id).options(joinedload(Plan.area)).with_for_update(of=Plan)
        ).one()
        services.give_day(actor, plan, day)
        db.session.commit()
    # The routes may have been changed by hand since the draft was made.
    services.distribute_calls(plan)
    told = services.tell_all(plan)
    services.tell_callers(plan)
    giving = plan.detail.get("giving", {})
    plan.detail = plan.detail | {"giving": giving | {"told": giving.get("told", 0) + told}}
    db.session.commit()
    log.info("plan given out", plan_id=plan_id, told=told)


def _translate(plan_id: int, order: Order, beat: Beat) -> Translation:
    area = db.session.get_one(Area, order.area_id)
    times = times_of(area, clock.today(), beat.question)
    version = store_policy_version(pack_of(area))
    found = translate(
        area,
        order.month,
        today=clock.today(),
        options=order.options,
        pinned=order.pinned,
        free_days=order.free_days,
        times=times,
    )
    plan = db.session.get_one(Plan, plan_id)
    plan.policy_version_id = version.id
    plan.heartbeat_at = clock.now()
    span = found.span
    plan.detail = plan.detail | {
        "origin": span.origin.isoformat(),
        "first": span.first.isoformat(),
        "visits": found.visits + len(found.beyond_reach),
        "standing": len(found.given),
        "apart": found.apart,
        "offered": found.offered,
        "left": len(found.left) - len(found.beyond_reach),
        "workers": [read_key(worker["id"])[1] for worker in found.scenario["workers"]],
        "unfit": [[worker_id, one.code.value] for worker_id, one in sorted(found.unfit_workers.items())],
        "capacity": {
            span.day(index).isoformat(): [round(visits, 1), people]
            for index, (visits, people) in found.capacity.items()
        },
        "calls": [
            [one.elder_id, one.label, one.period_from.isoformat(), one.period_to.isoformat()]
            for one in found.calls
        ],
        "seconds": {},
        "roads": dict(times.note),
    }
    db.session.commit()
    return found


def _solve(order: Order, translation: Translation, beat: Beat) -> tuple[routing.Scenario, routing.Plan]:
    if order.relaxed:
        translation.scenario = translation.relaxed(order.relaxed)
    # Somebody was asked to help just these; an equal one may not take their place.
    translation.scenario = translation.before_others(order.helped)
    scenario = translation.times.into(routing.Scenario.from_dict(translation.scenario))
    solved = routing.solve(
        scenario, order.limits(order.seconds), beat.progress, beat.should_stop, order.start
    )
    missing = {read_key(left.visit)[1] for left in solved.unassigned if left.visit.startswith("e")}
    if not missing or beat.stopping:
        return scenario, solved
    wider = translation.relaxed(missing)
    if wider == translation.scenario:
        return scenario, solved
    # Spacing was only a wish: those left out may come on any day of their period.
    relaxed = translation.times.into(routing.Scenario.from_dict(wider))
    seconds = min(SECOND_TRY_SECONDS, order.seconds / 2)
    again = routing.solve(relaxed, order.limits(seconds), beat.progress, beat.should_stop, solved)
    translation.scenario = wider
    order.relaxed |= missing
    return relaxed, again
