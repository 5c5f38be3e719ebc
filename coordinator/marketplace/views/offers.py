"""可认领: what a worker may take, one offer, the claim, and stepping back from it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError, NotFound
from coordinator.kernel.limits import limit
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.forms import LeaveForm
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.claims import companions_for, own_claims, own_standing_claim, rules_for
from coordinator.marketplace.queries.market import (
    Market,
    Offer,
    market_for,
    needs_companion,
    neighbourhood_places,
    obstacle,
)
from coordinator.marketplace.queries.openings import held_by, way
from coordinator.marketplace.queries.own_day import placed
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import (
    Taken,
    answer_companion,
    claim_visit,
    leave_visit,
    own_duty,
    own_opening,
    withdraw_claim,
)
from coordinator.marketplace.travel import seconds
from coordinator.marketplace.views.blueprint import bp, where_words
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import TravelMode

CLAIMS_A_MINUTE = "10/minute"
SHOWN = 40
# Whoever was too late gets the nearest few at once, and the others with one press.
SHOWN_AFTER_LOSS = 5
WALK_MINUTES = 25


@bp.get("/open-visits")
@requires(Permission.WORK)
def open_visits() -> str:
    """What the worker may take, nearest first, as a list or on a map."""
    return _page()


def _page(problem: DomainError | None = None) -> str:
    worker = own_duty(current_actor())
    lost = isinstance(problem, Taken)
    market = problem.market if isinstance(problem, Taken) else market_for(worker, rules_for(worker.area_path))
    shown = SHOWN_AFTER_LOSS if lost else SHOWN
    chosen = {name for name in ("week", "near", "short", "hours") if request.args.get(name)}
    offers = _chosen(market, chosen)
    as_map = request.args.get("view") == "map"
    near = placed(worker, market.held, offers[:shown])
    return render_template(
        "marketplace/open_visits.html",
        worker=worker,
        offers=near.offers,
        roads=near.roads,
        more=max(0, len(offers) - shown),
        lost=lost,
        market=market,
        claims=own_claims(worker),
        chosen=chosen,
        as_map=as_map,
        geojson=_geojson(worker, offers) if as_map else None,
        problem=problem,
        toggled=_toggled,
    )


def _toggled(name: str) -> str:
    """The address with one condition switched on or off."""
    args = {
        key: value for key, value in request.args.items() if key in ("week", "near", "short", "hours", "view")
    }
    if name in args:
        del args[name]
    else:
        args[name] = "1"
    return url_for("marketplace.open_visits", **args)


def _chosen(market: Market, chosen: set[str]) -> list[Offer]:
    offers = [*market.offers, *(market.outside_hours if "hours" in chosen else ())]
    today = clock.today()
    if "week" in chosen:
        offers = [one for one in offers if (one.opening.day - today).days < 7]
    if "near" in chosen:
        offers = [one for one in offers if one.way is not None and _walkable(one)]
    if "short" in chosen:
        offers = [one for one in offers if one.opening.minutes <= 60]
    return offers


def _walkable(offer: Offer) -> bool:
    return offer.way is not None and seconds(TravelMode.WALK, offer.way.metres) <= WALK_MINUTES * 60


def _geojson(worker: DutyWorker, offers: list[Offer]) -> dict[str, Any]:
    """The start and one mark a neighbourhood: a map never shows where a single home is."""
    places = neighbourhood_places(offers)
    grouped: dict[tuple[float, float], list[Offer]] = defaultdict(list)
    for offer in offers:
        place = places.get((offer.opening.area_id, offer.opening.neighbourhood))
        if place is not None:
            grouped[place].append(offer)
    features = [_point(worker.start, {"kind": "start", "title": _("您的出发点")})]
    for place, there in grouped.items():
        first = there[0]
        label = (
            _("%(n)s 次", n=len(there))
            if len(there) > 1
            else _("+%(n)s 分", n=first.added_minutes)
            if first.added_minutes
            else _("1 次")
        )
        features.append(
            _point(
                place,
                {
                    "kind": "open",
                    "id": f"offer-{first.opening.visit_id}",
                    "label": label,
                    "title": f"{where_words(first.opening)}，{_('%(n)s 次', n=len(there))}",
                    "href": url_for("marketplace.open_visit", visit_id=first.opening.visit_id)
                    if len(there) == 1
                    else f"#offer-{first.opening.visit_id}",
                },
            )
        )
    return {"type": "FeatureCollection", "features": features}


def _point(place: tuple[float, float], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [place[1], place[0]]},
        "properties": properties,
    }


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
        if opening.state is not VisitState.OPEN:
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
        made = claim_visit(actor, visit_id, companion_id)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        if problem.code in ("minor_alone", "needs_two", "companion_unfit") or problem.field == "companion":
            return _offer_page(visit_id, problem=problem), problem.status
        return _page(problem), problem.status
    if made.state is ClaimState.APPROVED:
        flash(_("这次探访已经确认给您了。"), "ok")
    else:
        flash(_("已经替您留着，等社区审批。通过了会告诉您。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)


@bp.post("/claims/<int:claim_id>/withdraw")
@requires(Permission.WORK)
def withdraw(claim_id: int) -> Response:
    """Take back a claim that waits."""
    withdraw_claim(current_actor(), claim_id)
    db.session.commit()
    flash(_("申请撤回了，别人可以去了。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)


@bp.post("/claims/<int:claim_id>/companion")
@requires(Permission.WORK)
def companion(claim_id: int) -> Response:
    """Say whether one goes along."""
    agrees = request.form.get("answer") == "yes"
    answer_companion(current_actor(), claim_id, agrees)
    db.session.commit()
    flash(_("记下了，您会一起去。等社区审批。") if agrees else _("记下了，您不去。已经告诉对方。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)


@bp.route("/today/<int:visit_id>/leave-visit", methods=("GET", "POST"))
@requires(Permission.WORK)
def leave(visit_id: int) -> Any:
    """去不了: step back from a visit one is on, with a reason; late withdrawals are warned about."""
    actor = current_actor()
    visit = db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Visit.id == visit_id,
            Assignment.worker_id == actor.worker_id,
            Assignment.state == AssignmentState.APPROVED,
        )
    ).one_or_none()
    if visit is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    rules: Rules = rules_for(visit.area.path)
    form = LeaveForm()
    if form.validate_on_submit():
        try:
            late = leave_visit(actor, visit_id, form.reason.data or "")
            db.session.commit()
        except DomainError as problem:
            db.session.rollback()
            form.take(problem)
        else:
            flash(
                _("已经退出，社区马上会看到。长者那边请不用另外说。")
                if late
                else _("已经退出，这次探访会再找人去。"),
                "ok",
            )
            return redirect("/today", 303)
    left = visit.starts_at - clock.now()
    page = render_template(
        "marketplace/leave.html",
        visit=visit,
        form=form,
        late=left < rules.leave,
        rules=rules,
        when=f"{i18n.day(visit.starts_at, weekday=True)} {i18n.hour(visit.starts_at)}",
    )
    return page, 422 if form.is_submitted() else 200
