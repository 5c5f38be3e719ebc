"""找人顶替: the coordinator watches the search and settles it; whoever is asked answers with two taps."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.dropouts.forms import SearchForm
from coordinator.dropouts.models import SearchOutcome, StandInSearch
from coordinator.dropouts.queries.live import own_ask, searches_of
from coordinator.dropouts.queries.standins import StandIn, stand_ins
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import (
    answer_ask,
    choose,
    hurry_wave,
    running_search,
    start_search,
    stop_search,
)
from coordinator.dropouts.views.blueprint import bp
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.marketplace.queries.openings import openings_of
from coordinator.marketplace.views.retrying import retrying
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries import load_visit

CHOICES_SHOWN = 12


@bp.get("/visits/<int:visit_id>/stand-in")
@requires(Permission.CLAIM_DECIDE)
def search(visit_id: int) -> Any:
    """The search of a visit, live, or the button that begins one."""
    visit = load_visit(current_actor(), Permission.CLAIM_DECIDE, visit_id)
    if request.headers.get("HX-Request"):
        return render_template("dropouts/_search.html", **_live(visit))
    return _page(visit)


def _live(visit: Visit) -> dict[str, Any]:
    searches = searches_of(visit.id)
    running = searches[0] if searches and searches[0].ended_at is None else None
    return {"visit": visit, "searches": searches, "running": running, "now": clock.now()}


def _page(visit: Visit, form: SearchForm | None = None, problem: DomainError | None = None) -> Any:
    live = _live(visit)
    choices = _choices(visit, live["running"])
    nobody = all(one.soft for one in choices)
    in_vain = nobody or any(one.outcome is SearchOutcome.NOBODY for one in live["searches"][:1])
    page = render_template(
        "dropouts/search.html",
        **live,
        form=form or SearchForm(formdata=None, why=_why(visit)),
        choices=choices,
        other_hours=_day_to_look_at(visit) if in_vain else "",
        answers={one.worker_id: one.answer for one in live["running"].asks} if live["running"] else {},
        wanted=visit.state is VisitState.OPEN and visit.starts_at > clock.now(),
        problem=problem,
    )
    return page, problem.status if problem is not None else 200


def _day_to_look_at(visit: Visit) -> str:
    """The day on which the repair can look for another hour: that of a visit at home which nobody has. Else ""."""
    day = clock.to_local(visit.starts_at).date()
    movable = visit.state is VisitState.OPEN and visit.mode is ContactMode.HOME and day >= clock.today()
    return day.isoformat() if movable else ""


def _why(visit: Visit) -> str:
    left = any(one.state is AssignmentState.WITHDRAWN for one in visit.assignments)
    return str(_("原来的人去不了") if left else _("还没有人去"))


def _choices(visit: Visit, running: StandInSearch | None) -> list[StandIn]:
    """Who could be chosen at once, asked already or not."""
    if running is None and visit.state is not VisitState.OPEN:
        return []
    without = [running.lost_worker_id] if running is not None and running.lost_worker_id is not None else []
    found = stand_ins([visit.id], without=without, without_accounts=True)
    return found.get(visit.id, [])[:CHOICES_SHOWN]


@bp.post("/visits/<int:visit_id>/stand-in")
@requires(Permission.CLAIM_DECIDE)
def begin_search(visit_id: int) -> Any:
    """Begin to ask, the best-fitting first."""
    actor = current_actor()
    visit = load_visit(actor, Permission.CLAIM_DECIDE, visit_id)
    form = SearchForm()
    if not form.validate_on_submit():
        page, _status = _page(visit, form)
        return page, 422
    try:
        held = locked_visit(visit.id)
        assert held is not None, "it was loaded a moment ago"
        lost = next(
            (one.worker_id for one in reversed(held.assignments) if one.state is AssignmentState.WITHDRAWN),
            None,
        )
        start_search(actor, held, form.why.data or "", lost_worker_id=lost)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        return _page(load_visit(actor, Permission.CLAIM_DECIDE, visit_id), form, problem)
    return redirect(url_for("dropouts.search", visit_id=visit_id), 303)


def _running(visit_id: int) -> StandInSearch:
    load_visit(current_actor(), Permission.CLAIM_DECIDE, visit_id)
    found = running_search(visit_id)
    if found is None:
        raise _Over(_("已经不在找人了。"), _("下面是最新的情况。"))
    return found


class _Over(DomainError):
    """Nothing to stop or hurry any more."""

    status = 409
    code = "decided"


def _act(visit_id: int, what: Any, done: str) -> Any:
    try:
        retrying(lambda: what(_running(visit_id)))
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        visit = load_visit(current_actor(), Permission.CLAIM_DECIDE, visit_id)
        return _page(visit, problem=problem)
    flash(done, "ok")
    return redirect(url_for("dropouts.search", visit_id=visit_id), 303)


@bp.post("/visits/<int:visit_id>/stand-in/stop")
@requires(Permission.CLAIM_DECIDE)
def stop(visit_id: int) -> Any:
    """End the search."""
    actor = current_actor()
    return _act(visit_id, lambda found: stop_search(actor, found.id), _("不找了，问过的人会收到消息。"))


@bp.post("/visits/<int:visit_id>/stand-in/next")
@requires(Permission.CLAIM_DECIDE)
def hurry(visit_id: int) -> Any:
    """Ask the next people now."""
    actor = current_actor()
    return _act(visit_id, lambda found: hurry_wave(actor, found.id), _("已经接着往下问。"))


@bp.post("/visits/<int:visit_id>/stand-in/choose")
@requires(Permission.CLAIM_DECIDE)
def choose_one(visit_id: int) -> Any:
    """This person goes; the coordinator has spoken with them."""
    actor = current_actor()
    worker_id = request.form.get("worker", type=int) or 0
    return _act(visit_id, lambda found: choose(actor, found.id, worker_id), _("定好了，大家都会收到消息。"))


# --- who is asked ----------------------------------------------------------------------------------------


@bp.get("/stand-in/<int:ask_id>")
@requires(Permission.WORK)
def ask(ask_id: int) -> str:
    """Can you go instead? Where roughly, when, what it adds to the own day."""
    return _ask_page(ask_id)


def _ask_page(ask_id: int) -> str:
    found = own_ask(current_actor(), ask_id)
    opening = openings_of([found.search.visit_id]).get(found.search.visit_id)
    if opening is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消了，不用去。"))
    mine = _goes(found.search.visit_id)
    waiting = found.search.ended_at is None and opening.starts_at > clock.now() and not mine
    return render_template(
        "dropouts/ask.html",
        ask=found,
        opening=opening,
        waiting=waiting and opening.state is not VisitState.CLAIMED,
        mine=mine,
    )


def _goes(visit_id: int) -> bool:
    return (
        db.session.scalar(
            select(Assignment.id).where(
                Assignment.visit_id == visit_id,
                Assignment.worker_id == current_actor().worker_id,
                Assignment.state == AssignmentState.APPROVED,
            )
        )
        is not None
    )


@bp.post("/stand-in/<int:ask_id>")
@requires(Permission.WORK)
def answer_question(ask_id: int) -> Any:
    """能去, or 去不了: the second tap. Repeating it gives the same answer."""
    actor, yes = current_actor(), request.form.get("answer") == "yes"
    done = retrying(lambda: answer_ask(actor, ask_id, yes))
    flash(done.text, "ok" if done.goes else "info")
    if done.goes:
        return redirect(url_for("fieldwork.visit", visit_id=done.visit.id), 303)
    return redirect(url_for("dropouts.ask", ask_id=ask_id), 303)
