"""可认领: one offer, the claim, and stepping back from it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.limits import limit
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.claims import (
    companions_for,
    history_for,
    own_standing_claim,
)
from coordinator.marketplace.queries.line import TAKEN, places_in_line
from coordinator.marketplace.queries.market import (
    Offer,
    needs_companion,
    obstacle,
)
from coordinator.marketplace.queries.openings import held_by, way
from coordinator.marketplace.queries.own_day import placed
from coordinator.marketplace.services import (
    Taken,
    answer_companion,
    claim_visit,
    own_duty,
    own_opening,
    withdraw_claim,
)
from coordinator.marketplace.views.blueprint import bp
from coordinator.marketplace.views.lost import lost_page
from coordinator.marketplace.views.open_list import list_page
from coordinator.marketplace.views.retrying import retrying
from coordinator.visits.lifecycle import VisitState

CLAIMS_A_MINUTE = "10/minute"


@bp.get("/open-visits/<int:visit_id>")
@requires(Permission.WORK)
def open_visit(visit_id: int) -> str:
    """One offer, with who could go along where somebody has to."""
    return _offer_page(visit_id)


def _offer_page(visit_id: int, problem: DomainError | None = None) -> str:
    worker = own_duty(current_actor())
    opening, rules = own_opening(worker, visit_id)
    mine = own_standing_claim(worker.id, visit_id)
    why = None
    companions: list[DutyWorker] = []
    held = held_by([worker.id], opening.day, opening.day)[worker.id]
    with_companion = needs_companion(worker, opening)
    if mine is None:
        if opening.state is not VisitState.OPEN and (
            opening.state not in TAKEN or opening.starts_at <= clock.now()
        ):
            raise NotFound(_("这次已经有人去了，或者取消了。"), _("请回到“可认领”看看别的。"))
        why, _in_hours = obstacle(worker, opening, held, rules, clock.now())
        if why is None and with_companion:
            companions = companions_for(worker, opening)
    trip = way(worker, held, opening)
    others = [one for one in held if one.visit_id != visit_id]
    on_day = sum(one.day == opening.day for one in others)
    near = placed(worker, others, [Offer(opening, trip, True, with_companion, on_day)])
    return render_template(
        "marketplace/open_visit.html",
        worker=worker,
        opening=opening,
        offer=near.offers[0],
        roads=near.roads,
        why=why,
        mine=mine,
        place=places_in_line([mine.id]).get(mine.id) if mine else None,
        taken=opening.state is not VisitState.OPEN,
        history=history_for(worker.id, visit_id),
        companions=companions,
        problem=problem,
    )


@bp.post("/open-visits/<int:visit_id>/claim")
@requires(Permission.WORK)
def claim(visit_id: int) -> Any:
    """Take an open visit: the second tap. Repeating it gives the same answer."""
    actor = current_actor()
    limit(f"claim:{actor.user_id}", CLAIMS_A_MINUTE)
    companion_id = request.form.get("companion", type=int)
    try:
        # The state is read before the commit: afterwards it would be asked of the database again.
        state = retrying(lambda: claim_visit(actor, visit_id, companion_id).state)
    except Taken as problem:
        page = lost_page(problem)
        # Nothing was written. Committed all the same: psycopg forgets its prepared statements with each rollback,
        # and of fifty who press at once each would have every statement planned anew.
        db.session.commit()
        return page, problem.status
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        if problem.code in ("minor_alone", "needs_two", "companion_unfit") or problem.field == "companion":
            return _offer_page(visit_id, problem=problem), problem.status
        return list_page(problem), problem.status
    if state is ClaimState.APPROVED:
        flash(_("这次探访已经确认给您了。"), "ok")
    else:
        flash(_("已经替您留着，等社区审批。通过了会告诉您。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)


@bp.post("/claims/<int:claim_id>/withdraw")
@requires(Permission.WORK)
def withdraw(claim_id: int) -> Response:
    """Take back a claim that waits."""
    actor = current_actor()
    retrying(lambda: withdraw_claim(actor, claim_id))
    flash(_("撤回了，别人可以去了。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)


@bp.post("/claims/<int:claim_id>/companion")
@requires(Permission.WORK)
def companion(claim_id: int) -> Response:
    """Say whether one goes along."""
    agrees = request.form.get("answer") == "yes"
    actor = current_actor()
    retrying(lambda: answer_companion(actor, claim_id, agrees))
    flash(_("记下了，您会一起去。等社区审批。") if agrees else _("记下了，您不去。已经告诉对方。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)
