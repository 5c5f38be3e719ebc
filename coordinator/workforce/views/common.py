"""What the pages of the workforce share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from coordinator.elders import labels as elder_labels
from coordinator.extensions import db
from coordinator.kernel import audit, i18n
from coordinator.kernel.access import Permission, current_actor
from coordinator.kernel.downloads import send_sheet
from coordinator.kernel.listing import Listing
from coordinator.workforce import fitness, labels

bp = Blueprint("workforce", __name__, url_prefix="/workforce")
Answer = str | tuple[str, int] | BaseResponse
P = Permission


def _words() -> dict[str, Any]:
    """What the templates of workers read besides the worker."""
    return {
        "labels": labels,
        "elder_labels": elder_labels,
        "fitness": fitness,
        "week_words": labels.week_words,
        "weekdays": i18n.WEEKDAYS,
    }


def page_of(template: str, status: int = 200, **values: Any) -> Answer:
    return render_template(template, **_words(), **values), status


def saved(worker_id: int, back: str) -> Answer:
    """After a change of what a worker has said: first what is held already and does not fit it any more.

    The pages belong to a later feature, so they are named, not imported; where all fits they lead on.
    """
    if back == url_for("workforce.me"):
        return redirect(url_for("marketplace.still_fits"), 303)
    return redirect(url_for("marketplace.worker_still_fits", worker_id=worker_id), 303)


def download(listing: Listing, statement: Any, title: str) -> Response:
    actor = current_actor()
    sheet = listing.export(db.session, statement, title, scalars=False, notes=[_("电话只显示一部分。")])
    audit.record(actor, "worker.export", "workers", _("导出%(title)s", title=title))
    db.session.commit()
    return send_sheet(sheet)
