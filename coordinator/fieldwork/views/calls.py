"""Calls that were given to a worker: the number, and the tick."""

from __future__ import annotations

from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.extensions import db
from coordinator.fieldwork.queries.remote import own_call
from coordinator.fieldwork.services.remote import open_number, tick_call
from coordinator.fieldwork.views.blueprint import bp
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import InvalidInput
from coordinator.visits.lifecycle import ContactMode, ContactOutcome

OUTCOMES = {"reached": ContactOutcome.COMPLETED, "no_answer": ContactOutcome.NO_ANSWER}
LONGEST_TOKEN = 40


@bp.post("/today/calls/<int:call_id>/number")
@requires(Permission.WORK)
def call_number(call_id: int) -> str:
    """The number of one of today's calls; the look is written down."""
    call = open_number(current_actor(), call_id)
    page = render_template("fieldwork/call.html", call=call, elder=call.elder, token=uuid4().hex)
    db.session.commit()  # after the page is made: what is loaded is loaded anew afterwards
    return page


@bp.post("/today/calls/<int:call_id>")
@requires(Permission.WORK)
def tick_own_call(call_id: int) -> Response:
    """联系上了, or 没接."""
    actor = current_actor()
    own_call(actor, call_id)  # somebody else's call says nothing of the form
    outcome = OUTCOMES.get(request.form.get("answer", ""))
    mode = request.form.get("mode", ContactMode.PHONE.value)
    if outcome is None or mode not in set(ContactMode):
        raise InvalidInput(_("没有看懂按了哪个按钮。"), _("请回到“今天”再按一次。"))
    token = request.form.get("token", "")[:LONGEST_TOKEN] or uuid4().hex
    note = request.form.get("note", "")
    made = tick_call(actor, call_id, ContactMode(mode), outcome, token, note)
    db.session.commit()
    if made is None:
        flash(_("这个电话刚才已经记过了。"), "info")
    elif outcome is ContactOutcome.COMPLETED:
        flash(_("记好了，谢谢您。"), "ok")
    else:
        flash(_("记好了，没接。过一会儿可以再打。"), "ok")
    return redirect(url_for("fieldwork.today", _anchor="calls"), 303)
