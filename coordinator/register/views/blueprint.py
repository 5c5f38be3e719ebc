"""The blueprint, the words of its pages, and where a merged dossier leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from coordinator.elders import labels as elder_labels
from coordinator.elders.merged import MergedAway
from coordinator.extensions import db
from coordinator.kernel.access import Permission
from coordinator.kernel.errors import DomainError
from coordinator.kernel.forms import Form
from coordinator.register import labels

bp = Blueprint("register", __name__, url_prefix="/register")
Answer = str | tuple[str, int] | Response
P = Permission


@bp.context_processor
def words() -> dict[str, Any]:
    """What the pages of this feature say."""
    return {"labels": labels, "elder_labels": elder_labels}


@bp.app_errorhandler(MergedAway)
def lead_to_kept(problem: MergedAway) -> Response:
    """The address of a merged dossier leads to the one that was kept."""
    db.take_back()
    endpoint = request.endpoint or "elders.dossier"
    target = endpoint if endpoint in ("elders.panel", "elders.print_dossier") else "elders.dossier"
    return redirect(url_for(target, elder_id=problem.kept_id), 303)


def attempt(form: Form, act: Callable[[], Any]) -> bool:
    """Do it and commit; a refusal is shown in the form. False when the page is to be shown again."""
    if not form.validate_on_submit():
        return False
    try:
        act()
        db.session.commit()
    except DomainError as problem:
        if problem.status in (403, 404):
            raise
        db.session.rollback()
        form.take(problem)
        return False
    return True


def status_of(form: Form) -> int:
    """422 for a form that comes back, 200 for a page that is opened."""
    return 422 if form.is_submitted() else 200
