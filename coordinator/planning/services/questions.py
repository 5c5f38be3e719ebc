"""Answers to what workers were asked: their own, or typed in by a coordinator who has rung them up."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Grant, Permission, Role, demand
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.messages.services import notify
from coordinator.planning.access import CHANGEABLE, RUNNING
from coordinator.planning.models import Plan, QuestionState, WorkerQuestion
from coordinator.planning.services.remedies import improve, stale_reason
from coordinator.planning.steps import Change
from coordinator.planning.wording import asked_words
from coordinator.workforce.access import can_set_hours
from coordinator.workforce.queries import worker_for_duty
from coordinator.workforce.services import agree


def answer_question(actor: Actor, question: WorkerQuestion, *, accepted: bool) -> Plan | None:
    """Take a yes or a no. Only a yes changes the worker's hours or limits; the plan is then made again from the
    draft, and that plan is returned where it could be. Flushes.

    Raises NotAllowed for anybody but the worker and the coordinators of the worker's area, Conflict when the
    question is answered, withdrawn or expired already.
    """
    worker = worker_for_duty(question.worker_id)
    if worker is None or not can_set_hours(actor, worker):
        raise NotAllowed(_("这不是问您的。"))
    question = _open(question)
    change = Change.from_dict(question.change)
    if accepted:
        agree(actor, worker, change.agreement)
    question.state = QuestionState.ACCEPTED if accepted else QuestionState.DECLINED
    question.closed_at = clock.now()
    question.closed_by_id = actor.user_id
    words = asked_words(change, question.change.get("detail"))
    text = _("%(name)s同意：%(what)s") if accepted else _("%(name)s不方便：%(what)s")
    audit.record(actor, "worker.answer", worker, text % {"name": worker.name, "what": words})
    db.session.flush()
    made = _improve(question) if accepted else None
    _tell(actor, question, worker.name, words, made)
    db.session.flush()
    return made


def withdraw_question(actor: Actor, question: WorkerQuestion) -> None:
    """Take a question back before it is answered. Flushes."""
    demand(actor, Permission.PLAN_EDIT, question.area.path)
    question = _open(question, even_expired=True)
    question.state = QuestionState.WITHDRAWN
    question.closed_at = clock.now()
    question.closed_by_id = actor.user_id
    audit.record(
        actor, "worker.ask_withdrawn", question.worker, _("收回问%(name)s的话", name=question.worker.name)
    )
    if question.worker.user_id is not None:
        notify(
            [question.worker.user_id],
            _("上次问您的，不用答了"),
            _("街道已经另有安排，谢谢您。"),
            "/planning/questions",
            dedupe_key=f"worker-question-withdrawn:{question.id}",
        )
    db.session.flush()


def _open(question: WorkerQuestion, *, even_expired: bool = False) -> WorkerQuestion:
    """The question's row, locked, while it waits for an answer."""
    found = db.session.scalars(
        select(WorkerQuestion)
        .where(WorkerQuestion.id == question.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if found.state is QuestionState.WITHDRAWN:
        raise Conflict(_("街道已经收回了这个问题。"), _("不用再答，谢谢您。"), code="withdrawn")
    if found.state in (QuestionState.ACCEPTED, QuestionState.DECLINED):
        raise Conflict(
            _("这个问题已经答过了。"), _("想改的，请直接改自己的时间，或联系社区。"), code="answered_already"
        )
    late = found.state is QuestionState.EXPIRED or found.expires_at <= clock.now()
    if late and not even_expired:
        raise Conflict(_("这个问题已经过期。"), _("还想帮忙的，请联系社区。"), code="expired")
    return found


def _improve(question: WorkerQuestion) -> Plan | None:
    """The plan made again in the name of whoever asked, unless it no longer counts or one is being made."""
    plan = db.session.get(Plan, question.plan_id) if question.plan_id is not None else None
    user = db.session.get(User, question.asked_by_id) if question.asked_by_id is not None else None
    if plan is None or user is None:
        return None
    newest = db.session.scalars(
        select(Plan)
        .where(
            Plan.area_id == plan.area_id,
            Plan.month == plan.month,
            Plan.state.in_(CHANGEABLE),
        )
        .order_by(Plan.id.desc())
        .limit(1)
    ).one_or_none()
    # A plan that was made meanwhile takes the answer in as well; one that is being made is not disturbed.
    base = plan if not stale_reason(plan) else newest
    if base is None or stale_reason(base) or (base.compared_with_id is not None and not _is_taken(base)):
        return None
    grant = Grant(Role.STREET_COORDINATOR, base.area_id, base.area.path)
    try:
        with db.session.begin_nested():
            return improve(Actor(user.id, user.name, (grant,)), base, elder_id=question.elder_id)
    except Conflict:
        return None  # told to whoever asked: the answer counts from the next run on


def _is_taken(plan: Plan) -> bool:
    first = db.session.get_one(Plan, plan.compared_with_id)
    return first.state not in RUNNING and first.detail.get("taken") == plan.id


def _tell(actor: Actor, question: WorkerQuestion, name: str, words: str, made: Plan | None) -> None:
    if question.asked_by_id is None or question.asked_by_id == actor.user_id:
        return
    if question.state is QuestionState.DECLINED:
        title, body = _("%(name)s不方便", name=name), _("问的是：%(what)s。请看别的办法。", what=words)
    elif made is not None:
        title, body = (
            _("%(name)s同意了", name=name),
            _("%(what)s。正在从草案重排，算好会提醒您。", what=words),
        )
    else:
        title, body = _("%(name)s同意了", name=name), _("%(what)s。请重排一次，就会用上。", what=words)
    plan_id = made.id if made is not None else question.plan_id
    notify(
        [question.asked_by_id],
        title,
        body,
        f"/planning/plans/{plan_id}/left" if plan_id is not None else "/planning/",
        dedupe_key=f"worker-answer:{question.id}",
    )
