"""The landing page of each role, the search, and how the interface shows itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from sqlalchemy import update
from werkzeug.wrappers import Response

from coordinator.accounts.authentication import current_person, local_target
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.home import queries
from coordinator.home.navigation import ELDER_SIZES, Ui, exists, link
from coordinator.joining.queries.applications import has_applied
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, Role, current_actor, requires
from coordinator.kernel.i18n import LOCALES
from coordinator.kernel.listing import clean_text
from coordinator.supervision.queries import rate
from coordinator.visits.services.owed import due_counts

bp = Blueprint("home", __name__)

DESK_ROLES = (Role.STREET_COORDINATOR, Role.COMMUNITY_COORDINATOR)
SUPERVISOR_ROLES = (Role.CITY_SUPERVISOR, Role.COUNTY_SUPERVISOR)
# Roles whose work is one page: they land there. In order, for people with several.
_STRAIGHT_TO = (
    (Role.SCHOOL_VERIFIER, "hours.inbox"),
    (Role.ADMINISTRATOR, "accounts.index"),
    (Role.WORKER, "fieldwork.today"),
)


@bp.app_context_processor
def interface() -> dict[str, Any]:
    """`ui` of every page, and `link(endpoint)` for pages of features that may not be there."""
    if "ui" not in g:
        g.ui = Ui()
    return {"ui": g.ui, "link": link}


@bp.get("/")
@requires(Permission.SIGNED_IN)
def index() -> Any:
    """The page a person lands on: the desk of a coordinator or supervisor, else straight to the work."""
    actor = current_actor()
    if actor.has_role(*DESK_ROLES):
        month = clock.today().replace(day=1)
        next_month = (month + timedelta(days=32)).replace(day=1)
        return render_template(
            "home/desk.html",
            figures=queries.desk_figures(actor),
            plans=queries.latest_plans(actor, (month, next_month)),
            tomorrow=clock.today() + timedelta(days=1),
        )
    if actor.has_role(*SUPERVISOR_ROLES):
        scope = rate.scope_of(actor, None)
        return render_template(
            "home/supervisor.html",
            figures=queries.desk_figures(actor),
            view=rate.read_month(scope, clock.today()) if scope else None,
        )
    if actor.has_role(Role.WORKER) and len(actor.grants) == 1 and has_applied(actor.worker_id):
        return redirect(url_for("joining.mine"))
    for role, endpoint in _STRAIGHT_TO:
        if actor.has_role(role) and exists(endpoint):
            return redirect(url_for(endpoint))
    if actor.has_role(Role.ORGANISATION_MANAGER):
        return render_template("home/roster.html", organisations=queries.roster_figures(actor))
    return render_template("home/index.html")


@bp.get("/due-figures")
@requires(Permission.DUE_READ)
def due_figures() -> str:
    """How many obligations are overdue or nearly so; a fragment, because some elders may have to be computed."""
    counts = due_counts(current_actor().area_paths(Permission.DUE_READ), clock.today())
    db.session.commit()
    return render_template("home/_due.html", counts=counts)


@bp.get("/search")
@requires(Permission.ELDER_EDIT)
def search() -> str:
    """Elders and workers of one's areas by name."""
    actor = current_actor()
    text = clean_text(request.args.get("q", ""))
    return render_template(
        "home/search.html",
        text=text,
        elders=queries.search_elders(actor, text) if text else [],
        workers=queries.search_workers(actor, text) if text else [],
        most=queries.FOUND_AT_MOST,
    )


@bp.post("/display")
@requires(Permission.PUBLIC)
def set_display() -> Response:
    """长辈版 on or off, and its size; kept with the person, or in the browser before signing in."""
    elder_mode = request.form.get("mode") == "elder"
    size = request.form.get("size", type=int)
    person = current_person()
    if person is None:
        session["elder_mode"] = elder_mode
        if size in ELDER_SIZES:
            session["elder_size"] = size
    else:
        values: dict[str, Any] = {"elder_mode": elder_mode}
        if size in ELDER_SIZES:
            values["elder_size"] = size
        db.session.execute(update(User).where(User.id == person.user_id).values(**values))
        db.session.commit()
    return redirect(local_target(request.form.get("next")) or "/", 303)


@bp.post("/language")
@requires(Permission.PUBLIC)
def set_language() -> Response:
    """Chinese or English; kept with the person, or in the browser before signing in."""
    locale = request.form.get("locale", "")
    if locale in LOCALES:
        person = current_person()
        if person is None:
            session["locale"] = locale
        else:
            session.pop("locale", None)
            db.session.execute(update(User).where(User.id == person.user_id).values(locale=locale))
            db.session.commit()
    return redirect(local_target(request.form.get("next")) or "/", 303)
