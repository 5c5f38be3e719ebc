"""A password of one's own where there is none, or it is forgotten: a code to the own telephone stands for it."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext as _

from coordinator.accounts import authentication, passwords
from coordinator.accounts.access import enters_by_code
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.joining.forms.joining import OwnPasswordForm
from coordinator.joining.models import CodePurpose
from coordinator.joining.services.codes import VALID, send_phone_code
from coordinator.joining.services.own_password import set_own_password
from coordinator.joining.views.blueprint import bp
from coordinator.joining.views.common import Answer, page_of
from coordinator.joining.views.phone import CODES_TRIED
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import DomainError
from coordinator.kernel.limits import limit
from coordinator.messages.addresses import phones_of

# When the code went out, and in the demo the code itself.
SENT = "password_code"


@bp.route("/password", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def own_password() -> Answer:
    """The code and the new password, on one page. Accounts that a code does not open have the usual page."""
    user = _me()
    if not enters_by_code(user):
        return redirect(url_for("accounts.change_password"), 303)
    phone = phones_of([user.id]).get(user.id)
    form = OwnPasswordForm()
    if phone is not None and form.validate_on_submit():
        try:
            limit(f"phone-code:{request.remote_addr}", CODES_TRIED)
            set_own_password(current_actor(), user, phone, form.code.data or "", form.password.data or "")
        except DomainError as problem:
            db.session.commit()  # the wrong try counts
            form.take(problem)
        else:
            authentication.open_session(user)
            db.session.commit()
            flash(_("密码设好了，其他设备都已退出登录。"), "ok")
            return redirect(url_for("accounts.me"), 303)
    return _page(user, form, 422 if form.is_submitted() else 200)


@bp.post("/password/code")
@requires(Permission.SIGNED_IN)
def own_password_code() -> Answer:
    """Send the code."""
    user = _me()
    phone = phones_of([user.id]).get(user.id)
    if phone is None or not enters_by_code(user):
        return redirect(url_for("joining.own_password"), 303)
    try:
        sent = send_phone_code(phone, CodePurpose.PASSWORD, request.remote_addr)
        db.session.commit()
    except DomainError as problem:
        db.session.rollback()
        form = OwnPasswordForm(formdata=None)
        form.take(problem)
        # Without a text-message service the page says what to do instead: no fault of the server.
        return _page(_me(), form, min(problem.status, 429))
    session[SENT] = [clock.now().isoformat(), sent.shown]
    return redirect(url_for("joining.own_password"), 303)


def _me() -> User:
    person = authentication.current_person()
    assert person is not None, "the door lets nobody else in"
    return db.session.get_one(User, person.user_id)


def _page(user: User, form: OwnPasswordForm, status: int) -> Answer:
    at, shown = session.get(SENT) or (None, None)
    sent = at is not None and clock.now() - datetime.fromisoformat(at) < VALID
    return page_of(
        "joining/own_password.html",
        status,
        form=form,
        username=user.username,
        phone=phones_of([user.id]).get(user.id),
        has_password=passwords.is_set(user.password_hash),
        sent=sent or "code" in request.form,
        shown_code=shown if sent else None,
    )
