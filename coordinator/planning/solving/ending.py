"""How a run ends: a draft, or the reason why there is none."""

from __future__ import annotations

from datetime import date

import structlog
from flask_babel import gettext as _
from sqlalchemy import select

import routing
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM, Actor, Grant, Role
from coordinator.messages.services import notify
from coordinator.planning import services
from coordinator.planning.draft import write_plan
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanStage, PlanState
from coordinator.planning.translate import Translation
from coordinator.planning.translate.roads import stored as stored_scenario

log = structlog.get_logger(__name__)


def store(
    plan_id: int,
    translation: Translation,
    scenario: routing.Scenario,
    solved: routing.Plan,
    report: routing.Report,
    why: list[routing.Explanation],
    *,
    pins: set[tuple[int, date]],
    relaxed: set[int],
    seconds: float,
) -> None:
    """Store the checked plan as a draft and tell whoever asked; not when it is no longer waited for. `relaxed` are
    the elders whose spacing was given up, `seconds` how long the run took. Commits."""
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state is not PlanState.SOLVING:
        db.session.rollback()
        return
    write_plan(plan, translation, scenario, solved, why, pins)
    plan.scenario = stored_scenario(scenario)
    plan.result = {"engine": solved.to_dict()["engine"]}
    plan.detail = plan.detail | {"relaxed": sorted(relaxed)}
    plan.score = report.score.to_dict()
    db.session.flush()
    services.distribute_calls(plan)
    plan.violations = []
    plan.state = PlanState.READY
    plan.stage = PlanStage.DRAFT
    plan.percent = 100
    plan.finished_at = plan.heartbeat_at = clock.now()
    missing = sum(1 for left in solved.unassigned if left.visit.startswith("e"))
    missing += len(translation.beyond_reach)
    visits = translation.visits + len(translation.beyond_reach)
    plan.detail = plan.detail | {
        "summary": {
            "visits": visits,
            "planned": visits - missing,
            "missing": missing,
            "people": len({route.worker for route in solved.routes}),
            "seconds": round(seconds, 1),
        }
    }
    more = services.go_on_choosing(_creator_of(plan), plan)
    if plan.batch_id is not None:
        services.tell_of_batch(plan)
    elif plan.created_by_id is not None and not more:
        notify(
            [plan.created_by_id],
            _("%(month)s计划算好了", month=month_name(plan.month)),
            _(
                "应访 %(all)s 次，已安排 %(made)s 次，还没排上 %(left)s 次。批准前不会通知任何人。",
                all=visits,
                made=visits - missing,
                left=missing,
            ),
            f"/planning/plans/{plan.id}",
            dedupe_key=f"plan-ready:{plan.id}",
        )
    db.session.commit()
    log.info("plan ready", plan_id=plan_id, visits=visits, missing=missing)


def _creator_of(plan: Plan) -> Actor:
    """Whoever asked for the plan was allowed to; what follows from it happens in that name."""
    user = db.session.get(User, plan.created_by_id) if plan.created_by_id is not None else None
    if user is None:
        return SYSTEM
    return Actor(user.id, user.name, (Grant(Role.STREET_COORDINATOR, plan.area_id, plan.area.path),))


def fail(plan_id: int, text: str, violations: list[str] | None = None) -> None:
    """End a run without a draft and tell whoever asked why. Rolls back, then commits."""
    db.session.rollback()
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state not in (PlanState.QUEUED, PlanState.SOLVING):
        db.session.rollback()
        return
    plan.state = PlanState.FAILED
    plan.error = text
    plan.violations = list(violations or ())
    plan.finished_at = clock.now()
    services.go_on_choosing(_creator_of(plan), plan)
    if plan.batch_id is not None:
        services.tell_of_batch(plan)
    elif plan.created_by_id is not None:
        notify(
            [plan.created_by_id],
            _("%(month)s计划没有算成", month=month_name(plan.month)),
            text,
            f"/planning/plans/{plan.id}",
            dedupe_key=f"plan-failed:{plan.id}",
        )
    db.session.commit()
