"""Doing what would help: asking a worker, widening an elder's hours, planning again from the draft."""

from __future__ import annotations

import hashlib
import json
from datetime import time, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.elders.services import edit_elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.services import notify
from coordinator.planning.access import CHANGEABLE, RUNNING
from coordinator.planning.models import (
    Plan,
    PlanRemedy,
    PlanStop,
    QuestionState,
    StudyKind,
    WorkerQuestion,
)
from coordinator.planning.services.runs import request_plan
from coordinator.planning.services.studies import fingerprint_of, study_of
from coordinator.planning.steps import Change, Step, values_before
from coordinator.planning.translate import Options
from coordinator.planning.wording import asked_words
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.queries import worker_for_duty

ANSWER_WITHIN = timedelta(days=3)
IMPROVE_SECONDS = 15


def stale_reason(plan: Plan) -> str:
    """Why nothing more can be done from this plan; empty while it is the one that counts."""
    if plan.state not in CHANGEABLE:
        return _("这个方案已经不用了。")
    newer = db.session.scalar(
        select(Plan.state)
        .where(
            Plan.area_id == plan.area_id,
            Plan.month == plan.month,
            Plan.id > plan.id,
            Plan.state.in_((*CHANGEABLE, *RUNNING)),
            func.coalesce(Plan.compared_with_id, 0) != (plan.compared_with_id or -1),
        )
        .order_by(Plan.id.desc())
        .limit(1)
    )
    if newer in RUNNING:
        return _("这个月的计划正在重新计算。")
    return _("这个月已经有更新的方案。") if newer is not None else ""


def demand_fresh(plan: Plan, remedy: PlanRemedy) -> Change:
    """What a remedy would change, while it holds.

    Raises Conflict when the plan, the worker or the elder have changed since it was proven.
    """
    reason = stale_reason(plan)
    if reason:
        raise Conflict(reason, _("请到最新的方案里看还没排上的。"), code="stale")
    study = study_of(plan, StudyKind.REMEDIES)
    if study is None or study.fingerprint != fingerprint_of(plan):
        raise Conflict(_("试算以后，计划改过了。"), _("请重新试算，再选办法。"), code="stale")
    change = Change.from_dict(remedy.change)
    worker = worker_for_duty(change.worker_id) if change.worker_id is not None else None
    elder = db.session.get(Elder, remedy.stop.elder_id)
    if remedy.stop.route_id is not None or remedy.stop.visit_id is not None:
        raise Conflict(_("这一次已经安排了。"), _("请刷新页面看最新的情况。"), code="arranged_already")
    if values_before(worker, elder, change) != remedy.before:
        who = worker.name if worker is not None else elder.name if elder is not None else ""
        raise Conflict(
            _("试算以后，%(name)s的资料改过了。", name=who), _("请重新试算，再选办法。"), code="stale"
        )
    return change


def ask_worker(actor: Actor, plan: Plan, remedy: PlanRemedy) -> WorkerQuestion:
    """Ask the worker for what a remedy needs; asked once at a time. Nothing of theirs changes yet. Flushes."""
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    change = demand_fresh(plan, remedy)
    worker = worker_for_duty(change.worker_id) if change.worker_id is not None else None
    if change.step is not Step.ASK or worker is None:
        raise InvalidInput(_("这个办法不用问人。"))
    if is_minor(worker, clock.today()):
        raise InvalidInput(_("未成年人的时间，请和监护人商量。"))
    now = clock.now()
    until = now + ANSWER_WITHIN
    if change.last_day is not None:
        until = min(until, clock.at_local(change.last_day, 0))
    if until <= now:
        raise Conflict(_("这几天已经过去了。"), _("请重新试算，再选办法。"), code="stale")
    mark = _mark(change)
    db.session.execute(
        update(WorkerQuestion)
        .where(
            WorkerQuestion.worker_id == worker.id,
            WorkerQuestion.state == QuestionState.ASKED,
            WorkerQuestion.expires_at <= now,
        )
        .values(state=QuestionState.EXPIRED, closed_at=now)
        .execution_options(synchronize_session="fetch")
    )
    question = WorkerQuestion(
        worker_id=worker.id,
        worker=worker,
        area_id=plan.area_id,
        area=plan.area,
        plan_id=plan.id,
        elder_id=remedy.stop.elder_id,
        code=remedy.code,
        change=change.as_dict() | {"detail": _kept(remedy.detail)},
        mark=mark,
        visits=max(1, remedy.visits),
        state=QuestionState.ASKED,
        asked_by_id=actor.user_id,
        asked_at=now,
        expires_at=until,
    )
    try:
        with db.session.begin_nested():
            db.session.add(question)
            db.session.flush()
    except IntegrityError as problem:
        raise Conflict(
            _("已经问过%(name)s，等回答。", name=worker.name),
            _("有了回答会提醒您。"),
            code="asked_already",
        ) from problem
    words = asked_words(change, remedy.detail)
    audit.record(actor, "worker.ask", worker, _("问%(name)s：%(what)s", name=worker.name, what=words))
    if worker.user_id is not None:
        notify(
            [worker.user_id],
            _("街道想请您帮个忙"),
            _(
                "想请您%(what)s，这样能多访 %(n)s 位长者。可以不可以，点一下就行。",
                what=words,
                n=question.visits,
            ),
            "/planning/questions",
            dedupe_key=f"worker-question:{question.id}",
        )
    db.session.flush()
    return question


def _kept(detail: Any) -> dict[str, Any]:
    """What the words of a question need of the engine's detail."""
    return {name: detail[name] for name in ("seconds", "early") if name in detail}


def _mark(change: Change) -> str:
    text = json.dumps(change.as_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def widen_hours(actor: Actor, plan: Plan, remedy: PlanRemedy) -> Plan:
    """Widen the hours at which an elder is at home, as the elder has said, and plan again. Flushes."""
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    change = demand_fresh(plan, remedy)
    if change.step is not Step.WINDOW or change.opens is None or change.closes is None:
        raise InvalidInput(_("这个办法不用改长者的时间。"))
    elder = db.session.scalars(
        select(Elder).where(Elder.id == remedy.stop.elder_id).options(joinedload(Elder.area))
    ).one()
    edit_elder(
        actor,
        elder,
        version=elder.version,
        person={"visit_from": _clock(change.opens), "visit_until": _clock(change.closes)},
    )
    return improve(actor, plan, remedy.stop)


def _clock(seconds: int) -> time:
    return time(seconds // 3600, seconds % 3600 // 60)


def plan_again(actor: Actor, plan: Plan, remedy: PlanRemedy) -> Plan:
    """Plan again where nothing but the search is in the way. Flushes."""
    demand(actor, Permission.PLAN_EDIT, plan.area.path)
    change = demand_fresh(plan, remedy)
    if change.step is not Step.REPLAN:
        raise InvalidInput(_("这个办法要先改资料。"))
    return improve(actor, plan, remedy.stop)


def improve(actor: Actor, plan: Plan, stop: PlanStop | None = None, elder_id: int | None = None) -> Plan:
    """Owe a plan that begins from this one; it tells afterwards what became of the elder's visit. Flushes."""
    options = Options.from_dict(plan.detail.get("options", {}))
    made = request_plan(actor, plan.area, plan.month, options=options, seconds=IMPROVE_SECONDS, based_on=plan)
    about = stop.elder_id if stop is not None else elder_id
    helped = sorted({*plan.detail.get("helped", ()), *([about] if about is not None else [])})
    made.detail = made.detail | {"about": about, "helped": helped}
    db.session.flush()
    return made
