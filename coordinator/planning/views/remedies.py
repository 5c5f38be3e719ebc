"""What would help the visits that are missing: working it out, doing it, asking workers and their answers."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.planning import queries, services
from coordinator.planning.access import can_edit
from coordinator.planning.models import Plan, StudyKind
from coordinator.planning.steps import Change, Step
from coordinator.planning.views import bp
from coordinator.planning.views.common import done, leave_for
from coordinator.planning.wording import asked_words, gain_words
from coordinator.workforce.queries import own_worker


def remedies_of(plan: Plan) -> queries.RemedyView:
    """What was worked out, and whether it still holds."""
    study, fresh = services.study_and_freshness(plan, StudyKind.REMEDIES)
    return queries.remedy_view(plan, study, fresh=fresh, stale=services.stale_reason(plan))


def context_of(plan: Plan) -> dict[str, Any]:
    """What the pages about missing visits say of remedies."""
    actor = current_actor()
    return {
        "help": remedies_of(plan),
        "may_do": can_edit(actor, plan),
        "may_edit_elder": actor.may(Permission.ELDER_EDIT),
        "asked_words": asked_words,
        "change_from": Change.from_dict,
        "now": clock.now(),
    }


@bp.post("/plans/<int:plan_id>/remedies")
@requires(Permission.PLAN_EDIT)
def find_remedies(plan_id: int) -> Response:
    """Owe the search for what would help."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    services.request_study(actor, plan, StudyKind.REMEDIES)
    db.session.commit()
    return redirect(url_for("planning.left", plan_id=plan_id), 303)


@bp.get("/plans/<int:plan_id>/remedies/progress")
@requires(Permission.PLAN_READ)
def remedies_progress(plan_id: int) -> Response | str:
    """How far the search is, with what has arrived since `seen` visits; the page is loaded anew at the end."""
    plan = queries.load_plan(current_actor(), plan_id)
    context = context_of(plan)
    if not context["help"].busy:
        return leave_for(url_for("planning.left", plan_id=plan_id))
    seen = max(0, request.args.get("seen", 0, type=int))
    return render_template(
        "planning/_remedies_progress.html",
        plan=plan,
        arrived=context["help"].tried[seen:],
        **context,
    )


@bp.get("/plans/<int:plan_id>/remedies/<int:remedy_id>")
@requires(Permission.PLAN_EDIT)
def remedy(plan_id: int, remedy_id: int) -> str:
    """What doing it means, before it is done."""
    plan = queries.load_plan(current_actor(), plan_id, Permission.PLAN_EDIT)
    found = queries.load_remedy(plan, remedy_id)
    services.demand_fresh(plan, found)
    change, words = queries.words_of(plan, found)
    gain = gain_words(found.visits, found.statutory)
    lines = [_("试算过：%(gain)s。", gain=gain)]
    verb, question = _("重排一次"), _("%(what)s？", what=words)
    if change.step is Step.ASK:
        lines += [
            _("本人会收到一个问题，点“可以”或“不方便”就行"),
            _("本人答应了才改，改了就从这份草案重排，算好会提醒您"),
            _("没有账号或不看手机的，请打电话问，再登记回答"),
        ]
        verb = _("发给本人问一问")
    elif change.step is Step.WINDOW:
        lines += [
            _("请先问过%(name)s或家里人", name=found.stop.elder.name),
            _("会改档案里方便的时间，再从这份草案重排"),
        ]
        verb = _("已经问过，改好重排")
    elif change.step is Step.REPLAN:
        lines.append(_("资料不改，只从这份草案再算一遍"))
    else:
        raise InvalidInput(_("这个办法要在别的页面做。"))
    return render_template(
        "planning/confirm.html",
        title=_("怎样才能排上"),
        question=question,
        lines=lines,
        action=url_for("planning.do_remedy", plan_id=plan_id, remedy_id=remedy_id),
        verb=verb,
        back=url_for("planning.left", plan_id=plan_id, _anchor=f"s{found.stop_id}"),
        opposite=_("先不做"),
        tone="primary",
    )


@bp.post("/plans/<int:plan_id>/remedies/<int:remedy_id>")
@requires(Permission.PLAN_EDIT)
def do_remedy(plan_id: int, remedy_id: int) -> Response:
    """Ask, change or plan again."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    found = queries.load_remedy(plan, remedy_id)
    step = Change.from_dict(found.change).step
    if step is Step.ASK:
        asked = services.ask_worker(actor, plan, found)
        name, has_account = asked.worker.name, asked.worker.user_id is not None
        db.session.commit()
        flash(
            _("已经发给%(name)s，有了回答会提醒您。", name=name)
            if has_account
            else _("%(name)s没有账号，请打电话问，再在这里登记回答。", name=name),
            "ok",
        )
        return redirect(url_for("planning.left", plan_id=plan_id, _anchor="questions"), 303)
    do = services.widen_hours if step is Step.WINDOW else services.plan_again
    made = do(actor, plan, found)
    return done(made.id, _("正在从草案重排，算好会告诉您排上没有。"))


# --- questions -------------------------------------------------------------------------------------------


@bp.post("/questions/<int:question_id>/withdraw")
@requires(Permission.PLAN_EDIT)
def take_back(question_id: int) -> Response:
    """Take a question back."""
    actor = current_actor()
    question = queries.load_question(actor, question_id)
    plan_id = question.plan_id
    services.withdraw_question(actor, question)
    db.session.commit()
    flash(_("已收回。"), "ok")
    return _to_left(plan_id)


@bp.post("/questions/<int:question_id>/record")
@requires(Permission.PLAN_EDIT)
def record_answer(question_id: int) -> Response:
    """Type in what the worker said on the telephone."""
    actor = current_actor()
    question = queries.load_question(actor, question_id)
    plan_id = question.plan_id
    made = services.answer_question(actor, question, accepted=_answer())
    db.session.commit()
    flash(
        _("已登记。") if made is None else _("已登记，正在从草案重排。"),
        "ok",
    )
    return redirect(url_for("planning.plan", plan_id=made.id), 303) if made else _to_left(plan_id)


def _to_left(plan_id: int | None) -> Response:
    if plan_id is None:
        return redirect(url_for("planning.month"), 303)
    return redirect(url_for("planning.left", plan_id=plan_id, _anchor="questions"), 303)


def _answer() -> bool:
    answer = request.form.get("answer")
    if answer not in ("yes", "no"):
        raise InvalidInput(_("请选“可以”或“不方便”。"))
    return answer == "yes"


@bp.get("/questions")
@requires(Permission.WORK)
def questions() -> str:
    """What the worker was asked; two buttons each."""
    actor = current_actor()
    own_worker(actor)
    return render_template(
        "planning/questions.html",
        questions=queries.own_questions(actor),
        asked_words=asked_words,
        change_from=Change.from_dict,
    )


@bp.post("/questions/<int:question_id>/answer")
@requires(Permission.WORK)
def answer_question(question_id: int) -> Response:
    """The worker's own yes or no."""
    actor = current_actor()
    question = queries.own_question(actor, question_id)
    accepted = _answer()
    services.answer_question(actor, question, accepted=accepted)
    db.session.commit()
    flash(_("谢谢您！安排好会通知您。") if accepted else _("知道了，没关系。"), "ok")
    return redirect(url_for("planning.questions"), 303)
