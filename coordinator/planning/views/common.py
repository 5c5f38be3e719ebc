"""What the pages of plans share."""

from __future__ import annotations

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from coordinator.extensions import db


def done(plan_id: int, said: str = "") -> Response:
    """Commit what was done to a plan, say so, and show the plan."""
    db.session.commit()
    if said:
        flash(said, "ok")
    return redirect(url_for("planning.plan", plan_id=plan_id), 303)


def leave_for(url: str) -> Response:
    """Answer a part of a page that is asked for again and again with another page: what it showed is over."""
    return Response("", headers={"HX-Redirect": url})
