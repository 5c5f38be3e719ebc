"""The landing page, and how the interface shows itself."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, session
from sqlalchemy import update
from werkzeug.wrappers import Response

from coordinator.accounts.authentication import local_target
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.home.navigation import ELDER_SIZES, Ui
from coordinator.kernel.access import Permission, requires

bp = Blueprint("home", __name__)


@bp.app_context_processor
def interface() -> dict[str, Ui]:
    """`ui` of every page."""
    return {"ui": Ui()}


@bp.get("/")
@requires(Permission.SIGNED_IN)
def index() -> str:
    """The landing page."""
    return render_template("home/index.html")


@bp.post("/display")
@requires(Permission.PUBLIC)
def set_display() -> Response:
    """长辈版 on or off, and its size; kept with the person, or in the browser before signing in."""
    elder_mode = request.form.get("mode") == "elder"
    size = request.form.get("size", type=int)
    person = g.get("person")
    if person is None:
        session["elder_mode"] = elder_mode
        if size in ELDER_SIZES:
            session["elder_size"] = size
    else:
        values: dict[str, object] = {"elder_mode": elder_mode}
        if size in ELDER_SIZES:
            values["elder_size"] = size
        db.session.execute(update(User).where(User.id == person.user_id).values(**values))
        db.session.commit()
    return redirect(local_target(request.form.get("next")) or "/", 303)
