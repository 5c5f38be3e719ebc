"""The blueprint, the words of its pages, and where a merged dossier leads."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from coordinator.elders import labels as elder_labels
from coordinator.elders.merged import MergedAway
from coordinator.extensions import db
from coordinator.kernel.access import Permission
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
