"""Owing a look at a finished plan, and knowing whether the plan is still the one that was looked at."""

from __future__ import annotations

import hashlib
import json

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.planning.access import CHANGEABLE
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanRoute, PlanStop, PlanStudy, StudyKind, StudyState

TIMEOUT_SECONDS = 900
BUSY = frozenset({StudyState.QUEUED, StudyState.RUNNING})


def fingerprint_of(plan: Plan) -> str:
    """Changes with everything that is on a route or left out."""
    rows = db.session.execute(
        select(PlanStop.visit_key, PlanRoute.worker_id, PlanRoute.day, PlanStop.start_seconds)
        .outerjoin(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id)
        .order_by(PlanStop.visit_key, PlanRoute.worker_id)
    )
    text = json.dumps([[str(part) for part in row] for row in rows])
    return hashlib.sha256(text.encode()).hexdigest()


def study_of(plan: Plan, kind: StudyKind) -> PlanStudy | None:
    """What was worked out about a plan, or is being."""
    return db.session.scalar(select(PlanStudy).where(PlanStudy.plan_id == plan.id, PlanStudy.kind == kind))


def study_and_freshness(plan: Plan, kind: StudyKind) -> tuple[PlanStudy | None, bool]:
    """What was worked out about a plan, and whether the plan is still the one that was looked at."""
    study = study_of(plan, kind)
    return study, study is None or not study.fingerprint or study.fingerprint == fingerprint_of(plan)


def request_study(actor: Actor, plan: Plan, kind: StudyKind) -> PlanStudy:
    """Owe a look at a draft or an approved plan; while one is under way it is the same. Flushes.

    Raises Conflict for a plan that has no result.
    """
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    if plan.state not in CHANGEABLE:
        raise Conflict(_("只有算好的计划才能试算。"), _("请看这个月最新的方案。"), code="never_solved")
    db.session.execute(
        insert(PlanStudy)
        .values(
            plan_id=plan.id,
            kind=kind,
            state=StudyState.DONE,
            round=0,
            starts=0,
            done=0,
            total=0,
            fingerprint="",
            result={},
            created_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["plan_id", "kind"])
    )
    study = db.session.scalars(
        select(PlanStudy)
        .where(PlanStudy.plan_id == plan.id, PlanStudy.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if study.state in BUSY:
        return study
    study.state = StudyState.QUEUED
    study.round += 1
    study.starts = study.done = study.total = 0
    study.fingerprint = ""
    study.result = {}
    study.created_by_id = actor.user_id
    study.created_at = study.heartbeat_at = clock.now()
    study.finished_at = None
    owe_study(study)
    what = _("试算没排上的怎样才能排上") if kind is StudyKind.REMEDIES else _("计算缺口")
    audit.record(
        actor,
        f"plan.{kind.value}",
        plan,
        _("%(month)s计划：%(what)s", month=month_name(plan.month), what=what),
    )
    db.session.flush()
    return study


def owe_study(study: PlanStudy, part: int = 0) -> None:
    """Hand a look over to a worker process; `part` counts how often it has let others go first."""
    key = f"{study.id}-{study.round}-{part}"
    if study.kind is StudyKind.REMEDIES:
        queue.owe(
            "coordinator.planning.studies.jobs.find_remedies",
            key=key,
            payload={"study_id": study.id, "part": part},
            queue="planning",
            timeout_seconds=TIMEOUT_SECONDS,
        )
    else:
        queue.owe(
            "coordinator.planning.studies.jobs.find_shortage",
            key=key,
            payload={"study_id": study.id},
            queue="planning",
            timeout_seconds=TIMEOUT_SECONDS,
        )
