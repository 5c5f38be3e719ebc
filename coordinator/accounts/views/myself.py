"""One's own account: password, second factor, and where one is signed in."""

from __future__ import annotations

import base64
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.accounts import authentication, passwords, queries, second_factor, services
from coordinator.accounts.access import enters_by_code
from coordinator.accounts.authentication import SignedIn
from coordinator.accounts.forms import ChangePasswordForm, CodeForm, DetailsForm, PasswordForm
from coordinator.accounts.models import User
from coordinator.accounts.views import bp
from coordinator.extensions import db
from coordinator.kernel.access import Permission, current_actor, requires
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.kernel.limits import SignInGuard


def _me() -> tuple[SignedIn, User]:
    person = authentication.current_person()
    if person is None:  # `admit` lets nobody else in
        raise NotFound(_("请先登录。"))
    return person, db.session.get_one(User, person.user_id)


@bp.route("/me", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def me() -> Any:
    """Name, address, roles, second factor and the devices one is signed in on."""
    person, user = _me()
    form = DetailsForm(obj=user)
    if form.validate_on_submit():
        services.update_user(current_actor(), user, name=form.name.data or "", email=form.email.data)
        db.session.commit()
        flash(_("已保存。"), "ok")
        return redirect(url_for("accounts.me"), 303)
    page = render_template(
        "accounts/me.html",
        form=form,
        user=user,
        sessions=queries.sessions_of(user.id),
        here=person.session_id,
        required=authentication.second_factor_required({grant.role for grant in user.roles}),
        may_work=current_actor().may(Permission.WORK),
        has_password=passwords.is_set(user.password_hash),
        by_code=enters_by_code(user),
    )
    return page, (422 if form.is_submitted() else 200)


@bp.post("/sessions/<int:session_id>/end")
@requires(Permission.SIGNED_IN)
def end_session(session_id: int) -> Response:
    """Sign out one of one's other devices."""
    person, _user = _me()
    if not services.end_session(session_id, person.user_id, "ended_elsewhere"):
        raise NotFound(_("那台设备已经退出了。"), _("不用再做什么。"))
    db.session.commit()
    flash(_("那台设备已经退出登录。"), "ok")
    return redirect(url_for("accounts.me"), 303)


@bp.post("/sessions/end-others")
@requires(Permission.SIGNED_IN)
def end_other_sessions() -> Response:
    """Sign out all of one's other devices."""
    person, user = _me()
    count = services.end_other_sessions(user, person.session_id)
    db.session.commit()
    flash(_("已让另外 %(n)s 台设备退出登录。", n=count), "ok")
    return redirect(url_for("accounts.me"), 303)


@bp.route("/password", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def change_password() -> Any:
    """Change one's password; everybody with a one-time password comes here first."""
    person, user = _me()
    form = ChangePasswordForm()
    if form.validate_on_submit():
        guard = SignInGuard(user.username, request.remote_addr or "")
        try:
            guard.begin()
            services.change_password(
                current_actor(), user, old=form.old.data or "", new=form.password.data or ""
            )
            guard.succeeded()
        except DomainError as problem:
            if problem.field == "old":
                guard.failed()
            elif problem.field == "password":
                guard.succeeded()
            form.take(problem)
        else:
            authentication.open_session(user, second_factor=person.second_factor_at is not None)
            db.session.commit()
            flash(_("密码已经改好，其他设备都已退出登录。"), "ok")
            return redirect("/" if person.must_change_password else url_for("accounts.me"), 303)
    page = render_template(
        "accounts/password.html",
        form=form,
        must=person.must_change_password,
        has_password=passwords.is_set(user.password_hash),
        by_code=enters_by_code(user) and not person.must_change_password,
    )
    return page, (422 if form.is_submitted() else 200)


@bp.route("/second-factor", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def set_second_factor() -> Any:
    """Set up the authenticator; whose role demands it comes here first."""
    person, user = _me()
    form = CodeForm()
    required = authentication.second_factor_required({grant.role for grant in user.roles})
    if user.totp_confirmed_at is not None:
        return redirect(url_for("accounts.me"), 303)
    secret = services.offer_second_factor(user)
    if form.validate_on_submit():
        try:
            codes = services.confirm_second_factor(
                current_actor(), user, form.code.data or "", keep_session_id=person.session_id
            )
        except DomainError as problem:
            form.take(problem)
        else:
            authentication.note_second_factor(person)
            db.session.commit()
            return render_template("accounts/recovery_codes.html", codes=codes)
    db.session.commit()
    image = base64.b64encode(second_factor.picture(secret, person.username)).decode()
    groups = [secret[at : at + 4] for at in range(0, len(secret), 4)]
    page = render_template(
        "accounts/second_factor.html", form=form, image=image, groups=groups, required=required
    )
    return page, (422 if form.is_submitted() else 200)


@bp.route("/second-factor/remove", methods=["GET", "POST"])
@requires(Permission.SIGNED_IN)
def drop_second_factor() -> Any:
    """Switch one's second factor off, or set it up anew, after giving the password once more."""
    _person, user = _me()
    if user.totp_confirmed_at is None:
        raise Conflict(_("您还没有设置动态码。"))
    form = PasswordForm()
    if form.validate_on_submit():
        guard = SignInGuard(user.username, request.remote_addr or "")
        try:
            guard.begin()
        except DomainError as problem:
            form.take(problem)
        else:
            if passwords.verify(user.password_hash, form.password.data or ""):
                guard.succeeded()
                services.remove_second_factor(current_actor(), user)
                db.session.commit()
                flash(_("动态码已经关掉。"), "ok")
                return redirect(url_for("accounts.me"), 303)
            guard.failed()
            form.password.errors = [_("密码不对，请再输一次。")]
    required = authentication.second_factor_required({grant.role for grant in user.roles})
    page = render_template("accounts/drop_second_factor.html", form=form, required=required)
    return page, (422 if form.is_submitted() else 200)
