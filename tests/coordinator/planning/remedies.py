"""Asking what would help a plan that misses visits, and finishing what follows."""

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.planning import jobs, services
from coordinator.planning.models import Plan, PlanRemedy, PlanStop, PlanStudy, StudyKind, WorkerQuestion
from coordinator.planning.steps import Change, Step
from coordinator.planning.studies import jobs as studies
from coordinator.workforce.models import Worker
from tests.coordinator.planning.conftest import Street, solve


def look(street: Street, plan: Plan) -> PlanStudy:
    study = services.request_study(street.actor, plan, StudyKind.REMEDIES)
    db.session.commit()
    studies.find_remedies(study.id)
    db.session.expire_all()
    return db.session.get_one(PlanStudy, study.id)


def remedy(plan: Plan, step: Step, code: str = "") -> PlanRemedy:
    rows = db.session.scalars(
        select(PlanRemedy).where(PlanRemedy.plan_id == plan.id).order_by(PlanRemedy.position, PlanRemedy.id)
    ).all()
    return next(r for r in rows if Change.from_dict(r.change).step is step and code in ("", r.code))


def asked(street: Street) -> tuple[Plan, WorkerQuestion]:
    plan = solve(street)
    look(street, plan)
    question = services.ask_worker(street.actor, plan, remedy(plan, Step.ASK, "one_more_visit"))
    db.session.commit()
    return plan, question


def me(worker: Worker) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def finish(plan: Plan) -> Plan:
    """Solve an owed plan here, in a second."""
    plan.time_limit_seconds = 1
    db.session.commit()
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    return db.session.get_one(Plan, plan.id)


def missing(plan: Plan) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_(None))
        )
        or 0
    )
