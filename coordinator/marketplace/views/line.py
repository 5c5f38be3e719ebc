"""排队: waiting for a visit that is somebody else's so far."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.kernel.limits import limit
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.claims import rules_for
from coordinator.marketplace.queries.line import places_in_line
from coordinator.marketplace.queries.standing import standing_of
from coordinator.marketplace.queries.waitable import waitable
from coordinator.marketplace.services import own_duty, stand_in_line
from coordinator.marketplace.views.blueprint import bp
from coordinator.marketplace.views.retrying import retrying

PLACES_A_MINUTE = "20/minute"


@bp.get("/open-visits/taken")
@requires(Permission.WORK)
def taken_visits() -> str:
    """What others have, and where one may wait."""
    return _page()


def _page(problem: DomainError | None = None) -> str:
    worker = own_duty(current_actor())
    rules = rules_for(worker.area_path)
    return render_template(
        "marketplace/taken.html",
        offers=waitable(worker, rules),
        standing=standing_of(worker.id, rules),
        rules=rules,
        problem=problem,
    )


@bp.post("/open-visits/<int:visit_id>/queue")
@requires(Permission.WORK)
def queue(visit_id: int) -> Any:
    """Wait for a taken visit. Repeating it gives the same place."""
    actor = current_actor()
    limit(f"queue:{actor.user_id}", PLACES_A_MINUTE)
    companion_id = request.form.get("companion", type=int)
    try:
        claim = retrying(lambda: stand_in_line(actor, visit_id, companion_id))
    except DomainError as problem:
        db.session.rollback()
        if problem.status == 404:
            raise
        if problem.code == "free":
            flash(_("这次刚刚空出来了，您可以直接认领。"), "ok")
            return redirect(url_for("marketplace.open_visit", visit_id=visit_id), 303)
        return _page(problem), problem.status
    if claim.state is ClaimState.QUEUED:
        place = places_in_line([claim.id]).get(claim.id, 1)
        flash(_("您排在第 %(n)s 位。轮到您了会告诉您。", n=place), "ok")
    else:
        flash(_("这次已经是您的申请，不用排队。"), "ok")
    return redirect(url_for("marketplace.open_visits"), 303)
