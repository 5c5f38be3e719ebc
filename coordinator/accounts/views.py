"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from coordinator.accounts import authentication, services
from coordinator.accounts.forms import SignInForm
from coordinator.extensions import db
from coordinator.kernel.access import Permission, requires

bp = Blueprint("accounts", __name__, url_prefix="/accounts")


@bp.route("/sign-in", methods=["GET", "POST"])
@requires(Permission.PUBLIC)
def sign_in() -> str | tuple[str, int] | Response:
    """User name and password; afterwards on to where the person wanted to go."""
    target = authentication.local_target(request.args.get("next")) or "/"
    if request.method == "GET" and authentication.current_person() is not None:
        return redirect(target)
    form = SignInForm()
    if form.validate_on_submit():
        user = services.check_credentials(form.username.data or "", form.password.data or "")
        if user is not None:
            authentication.open_session(user)
            db.session.commit()
            return redirect(target, 303)
        form.form_errors.append(_("用户名或密码不对。请检查大小写，再试一次。"))
    return render_template("accounts/sign_in.html", form=form), (422 if form.is_submitted() else 200)


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
