"""What an area lacks: a street's month, on the screen and on paper, and the sum over streets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.planning import queries, services
from coordinator.planning.access import can_edit
from coordinator.planning.labels import STATE_LOOKS, STATES, month_name
from coordinator.planning.models import Plan, StudyKind
from coordinator.planning.queries.shortage import skill_words
from coordinator.planning.views import bp
from coordinator.planning.views.common import leave_for
from coordinator.planning.views.months import asked_month, next_month


def _view(plan: Plan) -> queries.ShortageView:
    study, fresh = services.study_and_freshness(plan, StudyKind.SHORTAGE)
    return queries.shortage_view(study, fresh=fresh)


def _context(plan: Plan) -> dict[str, Any]:
    return {"plan": plan, "name": month_name(plan.month), "view": _view(plan), "now": clock.now()}


@bp.get("/plans/<int:plan_id>/shortage")
@requires(Permission.PLAN_READ)
def shortage(plan_id: int) -> str:
    """What the area of a plan lacks."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id)
    return render_template("planning/shortage.html", **_context(plan), may_do=can_edit(actor, plan))


@bp.get("/plans/<int:plan_id>/shortage/state")
@requires(Permission.PLAN_READ)
def shortage_state(plan_id: int) -> Response | str:
    """Asked for while it is being worked out; then the page is loaded anew."""
    plan = queries.load_plan(current_actor(), plan_id)
    context = _context(plan)
    if context["view"].busy:
        return render_template("planning/_shortage_run.html", **context)
    return leave_for(url_for("planning.shortage", plan_id=plan_id))


@bp.get("/plans/<int:plan_id>/shortage/print")
@requires(Permission.PLAN_READ)
def print_shortage(plan_id: int) -> str:
    """The same on A4, for the street's meeting; no elder is named."""
    plan = queries.load_plan(current_actor(), plan_id)
    return render_template("planning/print_shortage.html", **_context(plan))


@bp.post("/plans/<int:plan_id>/shortage")
@requires(Permission.PLAN_EDIT)
def find_shortage(plan_id: int) -> Response:
    """Owe it."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.PLAN_EDIT)
    services.request_study(actor, plan, StudyKind.SHORTAGE)
    db.session.commit()
    return redirect(url_for("planning.shortage", plan_id=plan_id), 303)


@bp.get("/shortages")
@requires(Permission.PLAN_ORDER)
def shortages() -> str:
    """What the streets of a county lack, numbers only."""
    first = asked_month(request.args.get("month"))
    rows = queries.street_lacks(current_actor(), first)
    return render_template(
        "planning/shortages.html",
        first=first,
        name=month_name(first),
        before=(first - timedelta(days=1)).replace(day=1),
        after=next_month(first),
        rows=rows,
        total=queries.sums_of(rows),
        skill_words=skill_words,
        states=STATES,
        looks=STATE_LOOKS,
    )
