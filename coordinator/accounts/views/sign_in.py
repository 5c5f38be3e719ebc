"""Signing in, with the second factor where there is one, and out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.accounts import authentication, services
from coordinator.accounts.forms import CodeForm, SignInForm
from coordinator.accounts.kept import KeptForm
from coordinator.accounts.models import User
from coordinator.accounts.views import bp
from coordinator.extensions import db
from coordinator.kernel import clock, health
from coordinator.kernel.access import Permission, requires
from coordinator.kernel.errors import TooMany, Unavailable
from coordinator.kernel.limits import SignInGuard

log = structlog.get_logger(__name__)

CODE_WITHIN = timedelta(minutes=5)


@bp.route("/sign-in", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def sign_in() -> Any:
    """User name and password; afterwards on to where the person wanted to go."""
    target = authentication.local_target(request.args.get("next")) or "/"
    if request.method == "GET" and authentication.current_person() is not None:
        return redirect(target)
    form, kept = SignInForm(), KeptForm.from_request()
    status, headers = (422 if form.is_submitted() else 200), {}
    if form.validate_on_submit():
        try:
            user = _check(form.username.data or "", form.password.data or "")
        except (TooMany, Unavailable) as refusal:
            form.take(refusal)
            status = refusal.status
            headers = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooMany) else {}
        else:
            if user is not None and user.totp_confirmed_at is not None:
                return _ask_for_code(user, target, kept)
            if user is not None:
                return _let_in(user, target, kept)
            form.form_errors.append(_("用户名或密码不对。请检查大小写，再试一次。"))
    demo = health.demo_state(current_app.extensions["settings"])
    return render_template("accounts/sign_in.html", form=form, kept=kept, demo=demo), status, headers


def _check(username: str, password: str) -> User | None:
    guard = SignInGuard(username, request.remote_addr or "")
    guard.begin()
    user = services.check_credentials(username, password)
    if user is None:
        guard.failed()
        log.warning("sign-in failed", account=guard.account, remote=request.remote_addr)
    else:
        guard.succeeded()
    return user


def _let_in(user: User, target: str, kept: KeptForm, *, second_factor: bool = False) -> Any:
    authentication.open_session(user, second_factor=second_factor)
    db.session.commit()
    if kept.target:
        return kept.send_again()
    return redirect(target, 303)


def _ask_for_code(user: User, target: str, kept: KeptForm) -> Any:
    """The password was right: remember that, and ask for the code."""
    db.session.commit()
    authentication.forget()
    session["awaits_code"] = {
        "user": user.id,
        "since": clock.now().isoformat(),
        "password": user.password_changed_at.isoformat(),
    }
    if kept.target:
        return render_template("accounts/code.html", form=CodeForm(formdata=None), kept=kept, target=target)
    return redirect(url_for("accounts.sign_in_code", next=None if target == "/" else target), 303)


@bp.route("/sign-in/code", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def sign_in_code() -> Any:
    """The second factor, at most five minutes after the password."""
    user = _awaits_code()
    if user is None:
        session.pop("awaits_code", None)
        flash(_("等得太久了，请重新登录。"), "info")
        return redirect(url_for("accounts.sign_in", next=request.args.get("next")), 303)
    target = authentication.local_target(request.args.get("next")) or "/"
    form, kept = CodeForm(), KeptForm.from_request()
    status, headers = (422 if form.is_submitted() else 200), {}
    if form.validate_on_submit():
        guard = SignInGuard(user.username, request.remote_addr or "", kind="code")
        try:
            guard.begin()
            if services.use_code(user, form.code.data or ""):
                guard.succeeded()
                return _let_in(user, target, kept, second_factor=True)
            guard.failed()
        except (TooMany, Unavailable) as refusal:
            form.take(refusal)
            status = refusal.status
            headers = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooMany) else {}
        else:
            log.warning("second factor refused", account=guard.account, remote=request.remote_addr)
            form.code.errors = [_("动态码不对，或者刚用过。请输入手机上现在显示的 6 位数字。")]
    return render_template("accounts/code.html", form=form, kept=kept, target=target), status, headers


def _awaits_code() -> User | None:
    """Whose password was right in this browser within the last five minutes, and still is the password."""
    awaits = session.get("awaits_code")
    if not isinstance(awaits, dict):
        return None
    if clock.now() - datetime.fromisoformat(awaits["since"]) > CODE_WITHIN:
        return None
    user = db.session.get(User, awaits["user"])
    if user is None or not user.is_active or user.totp_confirmed_at is None:
        return None
    return user if user.password_changed_at.isoformat() == awaits["password"] else None


@bp.post("/sign-out")
@requires(Permission.SIGNED_IN)
def sign_out() -> Response:
    """End this session; the browser forgets what it kept."""
    person = authentication.current_person()
    if person is not None:
        services.end_session(person.session_id, person.user_id, "signed_out")
        db.session.commit()
    authentication.forget()
    flash(_("已经退出登录。"), "info")
    response = redirect(url_for("accounts.sign_in"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
