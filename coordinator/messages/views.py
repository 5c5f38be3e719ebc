"""The inbox of everybody who can sign in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.accounts.authentication import local_target
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.forms import attempt, status_of
from coordinator.messages import channels, queries, services
from coordinator.messages.addresses import phones_of
from coordinator.messages.forms import HowForm

bp = Blueprint("messages", __name__, url_prefix="/messages")


@bp.get("/")
@requires(Permission.SIGNED_IN)
def inbox() -> str:
    """All messages, newest first."""
    before = request.args.get("before", type=int)
    messages, older = queries.inbox(current_actor(), before)
    return render_template("messages/inbox.html", messages=messages, older=older, paged=before is not None)


@bp.post("/<int:message_id>/open")
@requires(Permission.SIGNED_IN)
def open_message(message_id: int) -> Response:
    """Mark a message as read and go to what it is about."""
    message = services.open_message(current_actor(), message_id)
    target = local_target(message.link) or url_for("messages.inbox")
    db.session.commit()
    return redirect(target, 303)


@bp.post("/read")
@requires(Permission.SIGNED_IN)
def read_all() -> Response:
    """Mark all messages as read."""
    count = services.read_all(current_actor())
    db.session.commit()
    if count:
        flash(_("%(n)s 条消息已标为看过。", n=count), "ok")
    return redirect(url_for("messages.inbox"), 303)


@bp.route("/how", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def how() -> Any:
    """How one wants to be told: mail, text messages, quiet hours, reminders."""
    actor = current_actor()
    user = db.session.get_one(User, actor.user_id)
    form = HowForm(data=HowForm.values_of(queries.wishes_of([user.id])[user.id]))
    if attempt(form, lambda: services.save_choice(actor, form.wish())):
        flash(_("已保存。"), "ok")
        return redirect(url_for("messages.how"), 303)
    page = render_template(
        "messages/how.html",
        form=form,
        user=user,
        email_is_on=channels.email_is_on(),
        sms_is_on=channels.sms_is_on(),
        has_phone=user.id in phones_of([user.id]),
        may_work=actor.may(Permission.WORK),
    )
    return page, status_of(form)
