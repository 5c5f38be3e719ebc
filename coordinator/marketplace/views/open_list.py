"""可认领: what a worker may take, best first, as a list or on a map, alone or several in one walk."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.kernel.limits import limit
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.bundles import MOST_STOPS, Bundle, bundles
from coordinator.marketplace.queries.claims import own_claims, rules_for
from coordinator.marketplace.queries.hints import hints
from coordinator.marketplace.queries.market import Market, Offer, market_for, neighbourhood_places, rank
from coordinator.marketplace.queries.openings import when_words
from coordinator.marketplace.queries.own_day import placed
from coordinator.marketplace.queries.standing import standing_of
from coordinator.marketplace.services import claim_visit, own_duty, own_opening
from coordinator.marketplace.travel import seconds
from coordinator.marketplace.views.blueprint import bp, where_words
from coordinator.marketplace.views.retrying import retrying
from coordinator.workforce.fitness import IN_PERSON
from coordinator.workforce.models import TravelMode
from coordinator.workforce.wishes import Wish

TOGETHER_A_MINUTE = "4/minute"
SHOWN, SHOWN_MORE = 20, 80
WALK_MINUTES = 25
DAYS_OFFERED = 8
SWITCHES = ("near", "short", "hours", "all", "tight", "more")
KEPT = (*SWITCHES, "day", "kind", "view")
# On the map every neighbourhood is a circle of the same size: nobody reads a home from it.
CIRCLE_METRES = 250
KINDS = (Wish.AT_HOME, Wish.CALL, Wish.TOGETHER)


@bp.get("/open-visits")
@requires(Permission.WORK)
def open_visits() -> str:
    """What the worker may take, best first, as a list or on a map."""
    return list_page()


def list_page(problem: DomainError | None = None) -> str:
    """The page; with what stood against a claim above it."""
    worker = own_duty(current_actor())
    rules = rules_for(worker.area_path)
    market = market_for(worker, rules)
    chosen = {name for name in SWITCHES if request.args.get(name)}
    everything = _shown(market, chosen)
    offers = _of_day(_of_kind(_chosen(everything, chosen), request.args.get("kind")), _day())
    shown = SHOWN_MORE if "more" in chosen else SHOWN
    claims = own_claims(worker)
    standing = standing_of(worker.id, rules)
    as_map = request.args.get("view") == "map"
    plain = not (chosen - {"more"} or _day() or request.args.get("kind"))
    near = placed(worker, market.held, offers[:shown])
    return render_template(
        "marketplace/open_visits.html",
        worker=worker,
        offers=near.offers,
        roads=near.roads,
        more=max(0, len(offers) - shown),
        most_shown="more" in chosen,
        market=market,
        claims=claims,
        standing=standing,
        rules=rules,
        chosen=chosen,
        filtered=bool(chosen & {"near", "short"} or _day() or request.args.get("kind")),
        days=_days(everything),
        kinds_there=_kinds(everything),
        day=_day(),
        kind=request.args.get("kind", ""),
        as_map=as_map,
        geojson=_geojson(worker, offers) if as_map else None,
        groups=bundles(worker, market, rules, standing.pending + standing.queued)
        if plain and not as_map
        else [],
        hints=hints(worker, market, rules),
        problem=problem,
        toggled=_toggled,
        chose=_chose,
    )


# --- what is shown ---------------------------------------------------------------------------------------


def _shown(market: Market, chosen: set[str]) -> list[Offer]:
    """The offers, with those at other hours, of other kinds or with little time where they are asked for."""
    offers = list(market.offers)
    if "hours" in chosen:
        offers += market.outside_hours
    if "all" in chosen:
        offers += [one for one in market.not_wished if one.in_hours or "hours" in chosen]
    if "tight" in chosen:
        offers += market.tight
    return offers if len(offers) == len(market.offers) else sorted(offers, key=rank)


def _chosen(offers: list[Offer], chosen: set[str]) -> list[Offer]:
    if "near" in chosen:
        offers = [one for one in offers if one.way is not None and _walkable(one)]
    if "short" in chosen:
        offers = [one for one in offers if one.opening.minutes <= 60]
    return offers


def _of_day(offers: list[Offer], day: date | None) -> list[Offer]:
    return offers if day is None else [one for one in offers if one.opening.day == day]


def _of_kind(offers: list[Offer], kind: str | None) -> list[Offer]:
    return [one for one in offers if kind in _kinds_of(one)] if kind in KINDS else offers


def _kinds_of(offer: Offer) -> tuple[Wish, ...]:
    way = Wish.AT_HOME if offer.opening.mode.value in IN_PERSON else Wish.CALL
    return (way, Wish.TOGETHER) if offer.opening.people > 1 else (way,)


def _day() -> date | None:
    """The day asked for; anything else is no day."""
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None


def _days(offers: Sequence[Offer]) -> list[tuple[date, int]]:
    """The first days with offers, and how many."""
    return sorted(Counter(one.opening.day for one in offers).items())[:DAYS_OFFERED]


def _kinds(offers: Sequence[Offer]) -> list[tuple[Wish, int]]:
    """Kinds to choose from; none where all offers are of one kind."""
    counted = Counter(kind for one in offers for kind in _kinds_of(one))
    found = [(kind, counted[kind]) for kind in KINDS if counted[kind]]
    return found if len(found) > 1 else []


def _toggled(name: str) -> str:
    """The address with one condition switched on or off."""
    args: dict[str, Any] = {key: value for key, value in request.args.items() if key in KEPT}
    if name in args:
        del args[name]
    else:
        args[name] = "1"
    return url_for("marketplace.open_visits", **args)


def _chose(name: str, value: str) -> str:
    """The address with a day, kind or view chosen; chosen again, it is taken off."""
    args: dict[str, Any] = {key: one for key, one in request.args.items() if key in KEPT}
    if args.get(name) == value or not value:
        args.pop(name, None)
    else:
        args[name] = value
    return url_for("marketplace.open_visits", **args)


def _walkable(offer: Offer) -> bool:
    return offer.way is not None and seconds(TravelMode.WALK, offer.way.metres) <= WALK_MINUTES * 60


# --- the map ---------------------------------------------------------------------------------------------


def _geojson(worker: DutyWorker, offers: list[Offer]) -> dict[str, Any]:
    """The start and one circle a neighbourhood: a map never shows where a single home is."""
    places = neighbourhood_places(offers)
    grouped: dict[tuple[float, float], list[Offer]] = defaultdict(list)
    for offer in offers:
        place = places.get((offer.opening.area_id, offer.opening.neighbourhood))
        if place is not None:
            grouped[place].append(offer)
    features = [_point(worker.start, {"kind": "start", "title": _("您的出发点")})]
    for place, there in grouped.items():
        first = there[0]
        label = _("%(n)s 次", n=len(there))
        features.append(_point(place, {"kind": "circle", "metres": CIRCLE_METRES}))
        features.append(
            _point(
                place,
                {
                    "kind": "open",
                    "id": f"offer-{first.opening.visit_id}",
                    "label": label,
                    "title": f"{where_words(first.opening)}，{label}",
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


# --- several in one walk ---------------------------------------------------------------------------------


@bp.app_template_filter("bundle_title")
def bundle_title(bundle: Bundle) -> str:
    """家附近 3 位, or the neighbourhood they share."""
    first = bundle.offers[0].opening
    names = {(one.opening.community, one.opening.neighbourhood) for one in bundle.offers}
    where = first.neighbourhood if len(names) == 1 and first.neighbourhood else first.community
    given = {"where": where, "n": len(bundle.offers)}
    return str(
        {
            "near_home": _("您出发的地方附近，%(n)s 位", **given),
            "property": _("顺着巡查走，%(where)s %(n)s 位", **given),
            "courier": _("顺着送件走，%(where)s %(n)s 位", **given),
            "near": _("%(where)s一片，%(n)s 位", **given),
        }[bundle.kind.value]
    )


@bp.post("/open-visits/together")
@requires(Permission.WORK)
def claim_together() -> Any:
    """Claim several visits, each by itself under the usual rules; what became of each is told.

    Every claim is committed alone, so that no row stays locked while the next one is judged.
    """
    actor = current_actor()
    limit(f"claim-together:{actor.user_id}", TOGETHER_A_MINUTE)
    wanted = list(dict.fromkeys(request.form.getlist("visit", type=int)))[:MOST_STOPS]
    done: Counter[ClaimState] = Counter()
    refused = []
    for visit_id in wanted:
        try:
            made = retrying(partial(claim_visit, actor, visit_id))
            done[made.state] += 1
        except DomainError as problem:
            db.session.rollback()
            refused.append((visit_id, problem))
    if done[ClaimState.APPROVED]:
        flash(_("%(n)s 次已经确认给您了。", n=done[ClaimState.APPROVED]), "ok")
    if done[ClaimState.PENDING]:
        flash(_("%(n)s 次替您留着，等社区审批。通过了会告诉您。", n=done[ClaimState.PENDING]), "ok")
    for visit_id, why in refused:
        flash(_refused_words(actor, visit_id, why), "warn")
    if not wanted:
        flash(_("没有选到探访，请再选一次。"), "warn")
    return redirect(url_for("marketplace.open_visits"), 303)


def _refused_words(actor: Any, visit_id: int, problem: DomainError) -> str:
    """Which of the visits could not be had, and why."""
    try:
        opening, _rules = own_opening(own_duty(actor), visit_id)
    except DomainError:
        return f"{problem.message}{problem.remedy}"
    return f"{when_words(opening)}，{where_words(opening)}：{problem.message}{problem.remedy}"


@bp.app_template_filter("chip_day")
def chip_day(day: date) -> str:
    """The same in a few characters: 今天, 明天, 28日周六."""
    ahead = (day - clock.today()).days
    return offer_day(day) if ahead < 2 else i18n.day_of_month(day)


@bp.app_template_filter("offer_day")
def offer_day(day: date) -> str:
    """今天, 明天, or 3月28日 周六."""
    ahead = (day - clock.today()).days
    return _("今天") if ahead == 0 else _("明天") if ahead == 1 else i18n.day(day, weekday=True)
