"""The blueprint of the feature."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from coordinator.agenda import labels

bp = Blueprint("agenda", __name__, url_prefix="/agenda")


@bp.context_processor
def words() -> dict[str, Any]:
    """The words of this feature, for its templates."""
    return {"words": labels}
