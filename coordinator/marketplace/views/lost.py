"""晚了一步: the answer to whoever was too late, at once, and what else there is nearby, a moment later."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.marketplace.queries.claims import rules_for
from coordinator.marketplace.queries.market import Market, market_for
from coordinator.marketplace.queries.own_day import placed
from coordinator.marketplace.services import Taken, own_duty
from coordinator.marketplace.views.blueprint import bp

SHOWN, JUDGED = 3, 12
# Browsers ask for what is nearby this much later, each at a moment of its own: of fifty who were refused together
# none is to keep the others from hearing it.
LOOKS_AFTER_MS, LOOKS_WITHIN_MS = 400, 1600


def lost_page(problem: Taken) -> str:
    """Why, where to wait, and the way to what is left. No query of its own."""
    turn = (current_actor().worker_id or 0) * 7919
    return render_template(
        "marketplace/lost.html",
        problem=problem,
        wait=LOOKS_AFTER_MS + turn % (LOOKS_WITHIN_MS - LOOKS_AFTER_MS),
    )


@bp.get("/open-visits/nearby")
@requires(Permission.WORK)
def nearby() -> str | Response:
    """A part of a page: the nearest few that the worker may take. By itself it is the list."""
    if not request.headers.get("HX-Request"):
        return redirect(url_for("marketplace.open_visits"), 303)
    worker = own_duty(current_actor())
    market = market_for(worker, rules_for(worker.area_path), JUDGED)
    offers = market.offers[:SHOWN]
    near = placed(worker, market.held, offers)
    return render_template(
        "marketplace/_nearby.html",
        said=_how_many(market),
        offers=near.offers,
        roads=near.roads,
    )


def _how_many(market: Market) -> str:
    others = len(market.offers)
    if not others:
        return _("附近暂时没有别的了，有新的会出现在这里。")
    if market.unread:
        return _("附近还有 %(n)s 次以上您能去。", n=others)
    return _("附近还有 %(n)s 次您能去。", n=others)
