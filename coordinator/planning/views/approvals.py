"""Approving a day, and taking that back."""

from __future__ import annotations

from datetime import date

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.forms import outcome
from coordinator.planning import queries, services
from coordinator.planning.forms import WithdrawForm
from coordinator.planning.models import Plan
from coordinator.planning.views import bp
from coordinator.planning.views.days import day_in


@bp.get("/plans/<int:plan_id>/days/<day>/approve")
@requires(Permission.PLAN_APPROVE)
def approve_day_question(plan_id: int, day: str) -> str:
    """What approving a day means."""
    plan = queries.load_plan(current_actor(), plan_id, Permission.PLAN_APPROVE)
    chosen = day_in(day)
    view = queries.day_view(plan, chosen)
    people = "、".join(lane.route.worker.name for lane in view.lanes if not lane.approved)
    return render_template(
        "planning/confirm.html",
        title=_("批准%(day)s", day=i18n.day(chosen)),
        question=_("批准%(day)s的路线，通知 %(p)s 人？", day=i18n.day(chosen), p=view.draft_people),
        lines=[
            _("生成 %(n)s 次探访", n=view.drafts),
            _("通知：%(people)s", people=people),
            _("批准后可以打印正式的路线单"),
        ],
        action=url_for("planning.approve_day", plan_id=plan_id, day=day),
        verb=_("批准并通知 %(p)s 人", p=view.draft_people),
        back=url_for("planning.day", plan_id=plan_id, day=day),
        opposite=_("先不批准"),
        tone="primary",
    )


@bp.post("/plans/<int:plan_id>/days/<day>/approve")
@requires(Permission.PLAN_APPROVE)
def approve_day(plan_id: int, day: str) -> Response:
    """Approve a day and tell its workers."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_APPROVE)
    done = services.approve_day(actor, plan, day_in(day))
    db.session.commit()
    flash(_("已批准 %(n)s 次探访，通知了 %(p)s 人。", n=done.visits, p=done.told), "ok")
    if done.elsewhere:
        flash(_("%(n)s 次已经另外安排，没有重复派。", n=done.elsewhere), "info")
    for problem in done.problems:
        flash(_("没有派成：%(what)s", what=problem), "warn")
    return redirect(url_for("planning.day", plan_id=plan_id, day=day), 303)


@bp.get("/plans/<int:plan_id>/days/<day>/withdraw")
@requires(Permission.PLAN_APPROVE)
def withdraw_question(plan_id: int, day: str) -> str:
    """What withdrawing a day's approval means."""
    plan = queries.load_plan(current_actor(), plan_id, Permission.PLAN_APPROVE)
    return _withdraw_page(plan, day_in(day), WithdrawForm())


def _withdraw_page(plan: Plan, day: date, form: WithdrawForm) -> str:
    what = services.withdrawal_of(plan, day)
    lines = [
        _("取消 %(n)s 次探访，%(p)s 位人员会收到“计划撤回了”", n=what.visits, p=what.workers),
        _("已打印的 %(n)s 张路线单作废", n=what.sheets),
        _("当天的路线变回草案，可以再改、再批准"),
    ]
    if what.begun:
        lines.append(_("已经开始或做完的 %(n)s 次不受影响", n=what.begun))
    return render_template(
        "planning/confirm.html",
        title=_("撤回%(day)s", day=i18n.day(day)),
        question=_("撤回%(day)s的批准？", day=i18n.day(day)),
        lines=lines,
        form=form,
        action=url_for("planning.withdraw_day", plan_id=plan.id, day=day),
        verb=_("撤回批准"),
        back=url_for("planning.day", plan_id=plan.id, day=day),
        opposite=_("先不撤回"),
        tone="refuse",
    )


@bp.post("/plans/<int:plan_id>/days/<day>/withdraw")
@requires(Permission.PLAN_APPROVE)
def withdraw_day(plan_id: int, day: str) -> Response | tuple[str, int]:
    """Take a day's approval back."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_APPROVE)
    chosen, form = day_in(day), WithdrawForm()
    done = outcome(form, lambda: services.withdraw_day(actor, plan, chosen, form.reason.data or ""))
    if done is not None:
        flash(_("已撤回，取消了 %(n)s 次探访。", n=done.visits), "ok")
        return redirect(url_for("planning.day", plan_id=plan_id, day=day), 303)
    return _withdraw_page(plan, chosen, form), 422
