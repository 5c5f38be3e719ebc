"""The list of the one who goes from door to door, on a telephone. Works without a script."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from coordinator.kernel.access import current_actor, requires
from coordinator.kernel.forms import status_of
from coordinator.register.models import Outcome
from coordinator.register.queries.survey_items import ENOUGH_TRIES, own_item, own_items, views_of
from coordinator.register.views.blueprint import Answer, P, bp
from coordinator.register.views.surveys import decide, item_form


@bp.get("/doors")
@requires(P.SIGNED_IN)
def doors() -> Answer:
    """One's own doors: what is left, place by place, then what is done."""
    items = own_items(current_actor())
    shown = views_of(items)
    left = [view for view in shown if _is_left(view.item)]
    return render_template(
        "register/doors.html",
        left=left,
        done=[view for view in shown if not _is_left(view.item)],
        places=list(dict.fromkeys(view.item.place for view in left)),
    )


def _is_left(item: object) -> bool:
    outcome = getattr(item, "outcome", None)
    again = outcome is Outcome.NOT_FOUND and getattr(item, "tries", 0) < ENOUGH_TRIES
    return (outcome is None or again) and getattr(item, "left_reason", None) is None


@bp.route("/doors/<int:item_id>", methods=["GET", "POST"])
@requires(P.SIGNED_IN)
def door(item_id: int) -> Answer:
    """One door."""
    actor = current_actor()
    found = own_item(actor, item_id)
    form = item_form(found)
    if decide(found, form):
        flash(_("已经记下。"), "ok")
        return redirect(url_for("register.doors"), 303)
    if form.is_submitted():
        found = own_item(actor, item_id)
    (view,) = views_of([found])
    page = render_template("register/door.html", form=form, view=view, item=found)
    return page, status_of(form)
