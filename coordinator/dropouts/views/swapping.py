"""换人: the giver chooses a colleague, the colleague answers; a coordinator agrees on the desk's page."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.dropouts.forms import SwapForm
from coordinator.dropouts.models import Swap, SwapState
from coordinator.dropouts.queries.swaps import colleagues_for, waiting_swap
from coordinator.dropouts.queries.visits import own_visit_ahead
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.placing import goes, locked_visit
from coordinator.dropouts.services.searching import running_search, start_search
from coordinator.dropouts.services.swapping import answer_swap, decide_swap, offer_swap, withdraw_swap
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.marketplace.queries.openings import openings_of
from coordinator.marketplace.views.retrying import retrying


@bp.route("/today/<int:visit_id>/swap", methods=("GET", "POST"))
@requires(Permission.WORK)
def swap(visit_id: int) -> Any:
    """Whom to ask: colleagues one knows who could go, or the system's search."""
    actor = current_actor()
    visit = own_visit_ahead(actor, visit_id)
    form = SwapForm()
    problem = None
    if form.validate_on_submit():
        try:
            made = offer_swap(actor, visit_id, request.form.get("taker", type=int) or 0, form.note.data or "")
            db.session.commit()
        except DomainError as refused:
            db.session.rollback()
            problem = refused
            visit = own_visit_ahead(actor, visit_id)
        else:
            flash(_("已经问了。对方答应、社区同意以前，还是您去。"), "ok")
            return redirect(url_for("dropouts.one_swap", swap_id=made.id), 303)
    page = render_template(
        "dropouts/swap.html",
        visit=visit,
        form=form,
        problem=problem,
        waiting=waiting_swap(visit.id, actor.worker_id or 0),
        search=running_search(visit.id),
        colleagues=colleagues_for(visit, actor.worker_id or 0),
        rules=rules_for(visit.area.path),
    )
    return page, problem.status if problem is not None else 200


@bp.post("/today/<int:visit_id>/find-stand-in")
@requires(Permission.WORK)
def ask_system(visit_id: int) -> Any:
    """请系统找人: a search while the asking person still goes."""
    actor = current_actor()
    own_visit_ahead(actor, visit_id)
    visit = locked_visit(visit_id)
    mine = goes(visit, actor.worker_id) if visit is not None else None
    if visit is None or mine is None or mine.is_companion:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    start_search(actor, visit, _("本人想请人替"), lost_worker_id=actor.worker_id, at_once=False)
    db.session.commit()
    flash(_("系统开始找人了。找到以前还是您去，找到了会告诉您。"), "ok")
    return redirect(url_for("fieldwork.visit", visit_id=visit_id), 303)


def _own_swap(swap_id: int) -> Swap:
    found = db.session.get(Swap, swap_id)
    if found is None or current_actor().worker_id not in (found.giver_id, found.taker_id):
        raise NotFound(_("没有找到这次换人。"), _("可能是问别人的，请回到“今天”。"))
    return found


@bp.get("/swaps/<int:swap_id>")
@requires(Permission.WORK)
def one_swap(swap_id: int) -> Any:
    """One swap, for both of the people it is about."""
    return _swap_page(swap_id)


def _swap_page(swap_id: int, problem: DomainError | None = None) -> Any:
    found = _own_swap(swap_id)
    page = render_template(
        "dropouts/one_swap.html",
        swap=found,
        opening=openings_of([found.visit_id])[found.visit_id],
        giving=found.giver_id == current_actor().worker_id,
        problem=problem,
    )
    return page, problem.status if problem is not None else 200


@bp.post("/swaps/<int:swap_id>/answer")
@requires(Permission.WORK)
def answer(swap_id: int) -> Any:
    """能去, or 去不了."""
    _own_swap(swap_id)
    try:
        actor, yes = current_actor(), request.form.get("answer") == "yes"
        done = retrying(lambda: answer_swap(actor, swap_id, yes))
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        return _swap_page(swap_id, problem)
    said = {
        SwapState.AGREED: _("谢谢您。社区同意以后才换，到时告诉您。"),
        SwapState.DONE: _("换好了，这次由您去。"),
        SwapState.DECLINED: _("记下了，您去不了。已经告诉对方。"),
    }
    if done.state in said:
        flash(said[done.state], "ok")
    else:
        flash(_("这次换人已经结束，您不用去。"), "info")
    return redirect(url_for("dropouts.one_swap", swap_id=swap_id), 303)


@bp.post("/swaps/<int:swap_id>/withdraw")
@requires(Permission.WORK)
def take_back(swap_id: int) -> Any:
    """The giver takes the offer back."""
    _own_swap(swap_id)
    done = withdraw_swap(current_actor(), swap_id)
    db.session.commit()
    flash(_("撤回了，还是您去。"), "ok")
    return redirect(url_for("fieldwork.visit", visit_id=done.visit_id), 303)


@bp.post("/swaps/<int:swap_id>/decide")
@requires(Permission.CLAIM_DECIDE)
def decide(swap_id: int) -> Any:
    """A coordinator agrees or says no."""
    from coordinator.dropouts.views.desk import desk_page

    agrees = request.form.get("agree") == "yes"
    try:
        actor, reason = current_actor(), request.form.get("reason", "")
        done = retrying(lambda: decide_swap(actor, swap_id, agrees, reason))
    except DomainError as problem:
        db.session.rollback()
        if problem.status in (403, 404):
            raise NotFound(_("没有找到这次换人。"), _("可能不在您的管辖范围内。")) from problem
        return desk_page(problem, refusing=swap_id), problem.status
    flash(
        _("同意了，两个人都会收到消息。")
        if done.state is SwapState.DONE
        else _("没有同意，两个人都会看到理由。"),
        "ok",
    )
    return redirect(url_for("dropouts.index"), 303)
