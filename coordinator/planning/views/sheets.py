"""Route sheets: the file, and where the codes on it lead."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.downloads import send_pdf
from coordinator.planning import queries, services
from coordinator.planning.services import Printed
from coordinator.planning.views import bp
from coordinator.planning.views.days import day_in


@bp.get("/plans/<int:plan_id>/days/<day>/sheets.pdf")
@requires(Permission.SHEET_PRINT)
def day_sheets(plan_id: int, day: str) -> Response:
    """All sheets of a day."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.SHEET_PRINT)
    printed = services.print_day(actor, plan, day_in(day))
    db.session.commit()
    return _file(printed)


@bp.get("/plans/<int:plan_id>/routes/<int:route_id>/sheet.pdf")
@requires(Permission.SHEET_PRINT)
def route_sheet(plan_id: int, route_id: int) -> Response:
    """The sheet of one worker's day."""
    actor = current_actor()
    plan = queries.load_plan(actor, plan_id, Permission.SHEET_PRINT)
    printed = services.print_route(actor, plan, queries.load_route(plan, route_id))
    db.session.commit()
    return _file(printed)


def _file(printed: Printed) -> Response:
    answer = send_pdf(printed.content, printed.name)
    answer.headers["Cache-Control"] = "no-store"  # names and telephone numbers: nothing stays in the browser
    return answer


@bp.get("/sheets/<code>")
@bp.get("/sheets/<code>/<int:number>")
@requires(Permission.SIGNED_IN)
def sheet(code: str, number: int | None = None) -> Response | str | tuple[str, int]:
    """Where the QR code of a sheet leads: the worker's own day, or the day plan for coordinators."""
    actor = current_actor()
    found, route, plan = queries.find_sheet(actor, code)
    stale = "voided" if found.voided_at is not None else "expired" if clock.now() >= found.expires_at else ""
    if stale:
        return render_template("planning/stale_sheet.html", sheet=found, route=route, why=stale), 410
    if actor.worker_id == route.worker_id:
        return redirect(url_for("home.index"), 303)
    stop_id = None
    if number is not None:
        stops = queries.stops_of_route(route.id)
        stop_id = stops[number - 1] if 1 <= number <= len(stops) else None
    return redirect(url_for("planning.day", plan_id=plan.id, day=route.day, stop=stop_id), 303)
