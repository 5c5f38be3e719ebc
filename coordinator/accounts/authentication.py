"""Who is asking: the signed-in browser behind a request, and the door that `admit` opens or keeps shut.

The cookie carries a random token; its SHA-256 is the key of a row that is read on each request, so ending a row
ends the session at once. Flask-Login carries the token in Flask's signed cookie (`get_id`), and nothing else: no
remember cookie, no session protection (both fight with server-side sessions).
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_login import login_user, logout_user
from sqlalchemy import LargeBinary, Select, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from coordinator.accounts.forms import SignInForm
from coordinator.accounts.kept import KeptForm
from coordinator.accounts.models import Organisation, RoleGrant, User, UserSession
from coordinator.config import Settings
from coordinator.extensions import db, login_manager
from coordinator.kernel import audit, clock
from coordinator.kernel.access import SECOND_FACTOR_ROLES, Actor, Grant, Permission, Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotAllowed

log = structlog.get_logger(__name__)

TOUCH_EVERY = timedelta(seconds=60)
# Volunteers keep their own telephone signed in; everybody else sits at a shared desk.
WORKER_IDLE = timedelta(days=30)
WORKER_ABSOLUTE = timedelta(days=90)
STAFF_IDLE = timedelta(minutes=30)
STAFF_ABSOLUTE = timedelta(hours=12)
# What a person may still do who has to change the password, or set up the second factor, first.
_OPEN_AT_THE_GATE = frozenset({"accounts.change_password", "accounts.set_second_factor", "accounts.sign_out"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The signed-in person of this request: what every page needs, as plain values."""

    session_id: int
    user_id: int
    username: str
    name: str
    locale: str
    elder_mode: bool
    elder_size: int
    must_change_password: bool
    has_second_factor: bool
    second_factor_at: datetime | None
    last_seen_at: datetime
    created_at: datetime
    expires_at: datetime
    worker_id: int | None
    token: str
    # What Flask-Login asks of a user.
    is_active: bool = True
    is_authenticated: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the cookie carries: the token, never the user's id."""
        return self.token


def register(app: Flask) -> None:
    """Bind Flask-Login to the application."""
    login_manager.session_protection = None
    login_manager.init_app(app, add_context_processor=False)


def token_hash(token: str) -> bytes:
    """What is stored of a token (32 bytes)."""
    return hashlib.sha256(token.encode()).digest()


def idle_limit(roles: set[Role] | frozenset[Role]) -> timedelta:
    """How long a session may rest: 30 days on a volunteer's own device, 30 minutes at a desk."""
    return WORKER_IDLE if roles and roles <= {Role.WORKER, Role.FAMILY} else STAFF_IDLE


def absolute_limit(roles: set[Role] | frozenset[Role]) -> timedelta:
    """How long a session may last at all: 90 days, or 12 hours for staff."""
    return WORKER_ABSOLUTE if roles and roles <= {Role.WORKER, Role.FAMILY} else STAFF_ABSOLUTE


def open_session(user: User, *, second_factor: bool = False) -> UserSession:
    """Sign `user` in within this request: a fresh token, a fresh cookie, a fresh form token. Flushes."""
    roles = {grant.role for grant in user.roles}
    token = secrets.token_urlsafe(32)
    now = clock.now()
    row = UserSession(
        user_id=user.id,
        token_hash=token_hash(token),
        created_at=now,
        last_seen_at=now,
        expires_at=now + absolute_limit(roles),
        second_factor_at=now if second_factor else None,
        address=request.remote_addr,
        user_agent=(request.user_agent.string or "")[:300],
    )
    db.session.add(row)
    db.session.flush()
    user.last_sign_in_at = now
    audit.record(
        Actor(user.id, user.name, address=request.remote_addr), "session.start", row, _("登录"), changes={}
    )
    # What the person chose on the sign-in page is the person's choice from now on.
    for choice in ("elder_mode", "elder_size", "locale"):
        if choice in session:
            setattr(user, choice, session[choice])
    _empty_cookie()
    # A volunteer's telephone stays signed in when the browser is closed; a desk does not.
    session.permanent = idle_limit(roles) == WORKER_IDLE
    person = load(token)
    assert person is not None, "a session that was just written can be read"
    login_user(person)
    return row


def note_second_factor(person: SignedIn) -> None:
    """Write down that this session has shown its second factor."""
    db.session.execute(
        update(UserSession).where(UserSession.id == person.session_id).values(second_factor_at=clock.now())
    )


def forget() -> None:
    """Take the token out of the cookie (its row is ended by the caller)."""
    logout_user()
    _empty_cookie()


def _empty_cookie() -> None:
    """Start the cookie anew, and with it the form token, also for the rest of this request."""
    session.clear()
    g.pop("csrf_token", None)


@login_manager.user_loader
def load(token: str) -> SignedIn | None:
    """The person behind a token while the session runs; None otherwise. One query, no limit checked yet."""
    found = _load(token)
    return None if found is None else found[0]


@functools.cache
def _statement() -> Select[Any]:
    """The session, its user, the user's worker, and the roles as JSON: every page asks this first, in one query."""
    # Workers are a later feature; their table is named, not imported.
    workers = db.metadata.tables["workers"]
    place = func.coalesce(Area.name, Organisation.name)
    grants = (
        select(
            func.json_agg(
                aggregate_order_by(
                    func.json_build_array(
                        RoleGrant.role, RoleGrant.area_id, Area.path, RoleGrant.organisation_id, place
                    ),
                    RoleGrant.id,
                )
            )
        )
        .select_from(RoleGrant)
        .outerjoin(Area, RoleGrant.area_id == Area.id)
        .outerjoin(Organisation, RoleGrant.organisation_id == Organisation.id)
        .where(RoleGrant.user_id == User.id, RoleGrant.revoked_at.is_(None))
        .correlate(User)
        .scalar_subquery()
    )
    return (
        select(
            grants,
            UserSession.id,
            User.id,
            User.username,
            User.name,
            User.locale,
            User.elder_mode,
            User.elder_size,
            User.must_change_password,
            User.totp_confirmed_at.is_not(None),
            UserSession.second_factor_at,
            UserSession.last_seen_at,
            UserSession.created_at,
            UserSession.expires_at,
            select(workers.c.id).where(workers.c.user_id == User.id).scalar_subquery(),
        )
        .join(User, UserSession.user_id == User.id)
        .where(
            UserSession.token_hash == bindparam("token", type_=LargeBinary),
            UserSession.ended_at.is_(None),
            User.is_active,
        )
    )


def _load(token: str) -> tuple[SignedIn, tuple[Grant, ...], str] | None:
    """The person, the roles, and the name of the first place (area or organisation) among them. One query."""
    row = db.session.execute(_statement(), {"token": token_hash(token)}).first()
    if row is None:
        return None
    rows = row[0] or ()
    grants = tuple(Grant(Role(role), *bound) for role, *bound, _place in rows)
    place = next((name for *_grant, name in rows if name), "")
    return SignedIn(*row[1:], token=token), grants, place


def identify() -> SignedIn | None:
    """Find the person behind the request, apply the limits, and set `g.actor`, `g.person`, `g.place`, `g.locale`.

    One query; once a minute another notes that the session lives.
    """
    g.person = None
    token = session.get("_user_id")
    if not isinstance(token, str):
        return None
    found = _load(token)
    if found is None:
        forget()
        return None
    person, grants, place = found
    now = clock.now()
    idle = idle_limit({grant.role for grant in grants})
    if now >= person.expires_at or now - person.last_seen_at > idle:
        reason = "expired" if now >= person.expires_at else "idle"
        db.session.execute(
            update(UserSession)
            .where(UserSession.id == person.session_id)
            .values(ended_at=now, end_reason=reason)
        )
        db.session.commit()
        forget()
        return None
    if now - person.last_seen_at >= TOUCH_EVERY:
        db.session.execute(
            update(UserSession).where(UserSession.id == person.session_id).values(last_seen_at=now)
        )
        db.session.commit()
    g.person = person
    g.place = place
    g.locale = person.locale
    g.actor = Actor(
        user_id=person.user_id,
        name=person.name,
        grants=grants,
        worker_id=person.worker_id,
        address=request.remote_addr,
    )
    structlog.contextvars.bind_contextvars(user_id=person.user_id)
    return person


def current_person() -> SignedIn | None:
    """The signed-in person of this request, if there is one."""
    person: SignedIn | None = g.get("person")
    return person


def second_factor_required(roles: set[Role] | frozenset[Role]) -> bool:
    """Must people with these roles have a second factor here?"""
    settings: Settings = current_app.extensions["settings"]
    return settings.second_factor and not SECOND_FACTOR_ROLES.isdisjoint(roles)


def admit(permission: Permission) -> Response | None:
    """Let the request pass (None), or answer it: to the sign-in, to a duty that comes first, or not at all.

    Raises NotAllowed when somebody is signed in who lacks the permission.
    """
    person = identify()
    if permission is Permission.PUBLIC:
        return None
    if person is None:
        return ask_to_sign_in()
    if request.endpoint not in _OPEN_AT_THE_GATE:
        if person.must_change_password:
            return _to(url_for("accounts.change_password"), 403)
        if not person.has_second_factor and second_factor_required({grant.role for grant in g.actor.grants}):
            return _to(url_for("accounts.set_second_factor"), 403)
    if not g.actor.may(permission):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))
    return None


def ask_to_sign_in() -> Response:
    """The answer to a request nobody is signed in for; a form is kept while the person signs in."""
    if (
        request.method == "POST"
        and request.form
        and not request.headers.get("HX-Request")
        and not _wants_json()
    ):
        kept = KeptForm.of_refused_request()
        if kept.target and request.endpoint != "accounts.sign_out":
            page = render_template("accounts/sign_in.html", form=SignInForm(formdata=None), kept=kept)
            return Response(page, status=401)
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    if request.headers.get("HX-Request"):
        # A fragment's own address is no page; go back to where the person was.
        wanted = local_target(request.headers.get("HX-Current-URL"))
    wanted = "" if wanted == "/" else wanted
    return _to(url_for("accounts.sign_in", next=wanted or None), 401)


def _wants_json() -> bool:
    accepted = request.accept_mimetypes
    return accepted["application/json"] > 0 and not accepted["text/html"]


def _to(target: str, json_status: int) -> Response:
    if _wants_json():
        title = _("请先登录") if json_status == 401 else _("请先在网页上完成账号设置")
        response = jsonify(
            error={"status": json_status, "title": title, "text": "", "reference": g.get("request_id", "")}
        )
        response.status_code = json_status
        return response
    if request.headers.get("HX-Request"):
        return Response("", status=json_status, headers={"HX-Redirect": target})
    return redirect(target, 303)


def local_target(wanted: str | None) -> str:
    """`wanted` as a path of this site, or '' when it leads anywhere else (ASVS 3.7.2, no open redirect)."""
    if not wanted:
        return ""
    # Browsers drop tabs and line breaks and read a backslash as a slash before they follow an address.
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in wanted) or "\\" in wanted:
        return ""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc:
        if f"{parts.scheme}://{parts.netloc}" != request.host_url.rstrip("/"):
            return ""
        wanted = parts.path + (f"?{parts.query}" if parts.query else "")
    if not wanted.startswith("/") or wanted.startswith("//"):
        return ""
    return "" if wanted.startswith("/accounts/sign-") else wanted
