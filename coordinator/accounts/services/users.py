"""Creating accounts, their passwords, switching them off and on."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from coordinator.accounts import passwords, queries
from coordinator.accounts.access import can_manage, enters_by_code
from coordinator.accounts.models import RoleGrant, User
from coordinator.accounts.services.roles import NewRole, grant_role
from coordinator.accounts.services.sessions import end_sessions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, Role, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,58}[a-z0-9]")


def create_user(
    actor: Actor,
    *,
    username: str,
    name: str,
    roles: Sequence[NewRole],
    password: str | None = None,
    email: str | None = None,
) -> tuple[User, str | None]:
    """Open an account with its roles; returns it with the one-time password, when none was given.

    The one-time password must be changed at the first sign-in and is kept nowhere in the clear.
    Raises InvalidInput (user name, password, name), NotAllowed (a role that is not the actor's to give).
    """
    demand(actor, Permission.ACCOUNT_MANAGE)
    username, name = username.strip().lower(), name.strip()
    _check_username(username)
    if not name:
        raise InvalidInput(_("请填写姓名。"), field="name")
    if not roles:
        raise InvalidInput(_("请选择角色。"), field="role")
    once = None if password is not None else passwords.make_password()
    if password is not None:
        passwords.check_new_password(password, about=(username, name, email))
    user = User(
        username=username,
        name=name,
        email=email or None,
        password_hash=passwords.hash_password(password if password is not None else once or ""),
        password_changed_at=clock.now(),
        must_change_password=once is not None,
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
            db.session.flush()
    except IntegrityError as problem:
        raise _taken(username) from problem
    audit.record(actor, "account.create", user, _("开通账号 %(name)s", name=username))
    for role in roles:
        grant_role(actor, user, role, new_account=True)
    return user, once


def open_own_account(name: str, address: str | None) -> User:
    """Open the account of somebody who has just proved to hold a telephone: a worker's, without a password, under a
    user name that tells nothing. Flushes. `name` has been checked.
    """
    user = User(
        username=_free_username(),
        name=name,
        password_hash=passwords.NO_PASSWORD,
        password_changed_at=clock.now(),
        must_change_password=False,
    )
    db.session.add(user)
    db.session.flush()
    db.session.add(RoleGrant(user_id=user.id, role=Role.WORKER, granted_at=clock.now()))
    db.session.flush()
    db.session.expire(user, ["roles"])
    audit.record(
        Actor(user.id, user.name, address=address),
        "account.create_own",
        user,
        _("自己开通账号 %(name)s", name=user.username),
    )
    return user


def drop_one_time_password(user: User) -> None:
    """Whoever signed in by a code needs the one-time password no more, and shall not be asked for it."""
    if user.must_change_password:
        _set_password_hash(user, passwords.NO_PASSWORD, must_change=False)
        audit.record(
            Actor(user.id, user.name), "account.drop_one_time", user, _("用验证码登录，一次性密码作废")
        )


def _free_username() -> str:
    while True:
        found = f"tf{secrets.randbelow(10**8):08d}"
        if db.session.scalar(select(User.id).where(User.username == found)) is None:
            return found


def _check_username(username: str) -> None:
    if not USERNAME.fullmatch(username):
        raise InvalidInput(
            _("用户名要用 4 到 60 个小写字母、数字、点或短横线。"), _("例如 zhou.min。"), field="username"
        )
    if db.session.scalar(select(User.id).where(User.username == username)) is not None:
        raise _taken(username)


def _taken(username: str) -> InvalidInput:
    return InvalidInput(
        _("用户名 %(name)s 已经有人用了。", name=username),
        _("请换一个，比如后面加上单位的缩写。"),
        field="username",
    )


def update_user(actor: Actor, user: User, *, name: str, email: str | None) -> None:
    """Change the name or address of an account the actor keeps, or of one's own."""
    if actor.user_id != user.id:
        _demand_manage(actor, user)
    old = {"name": user.name, "email": user.email}
    user.name, user.email = name.strip(), (email or "").strip() or None
    changes = {key: [was, getattr(user, key)] for key, was in old.items() if was != getattr(user, key)}
    if changes:
        db.session.flush()
        audit.record(
            actor, "account.update", user, _("修改账号 %(name)s", name=user.username), changes=changes
        )


def reset_password(actor: Actor, user: User) -> str:
    """Give the account a one-time password, ending all its sessions. Returned once, kept nowhere in the clear."""
    _demand_manage(actor, user)
    once = passwords.make_password()
    _set_password(user, once, must_change=True)
    end_sessions(user, "password_reset")
    audit.record(actor, "account.reset_password", user, _("重设 %(name)s 的密码", name=user.username))
    return once


def change_password(actor: Actor, user: User, *, old: str, new: str) -> None:
    """Change one's own password; all sessions end, this one too: the door opens a new one.

    Raises InvalidInput (fields `old`, `password`).
    """
    if actor.user_id != user.id:
        raise NotAllowed(_("只能修改自己的密码。"))
    if not passwords.verify(user.password_hash, old):
        raise InvalidInput(_("现在的密码不对。"), _("请再输一次。"), field="old")
    if old == new:
        raise InvalidInput(_("新密码和现在的一样。"), _("请换一个。"), field="password")
    check_own_password(user, new)
    _set_password(user, new, must_change=False)
    end_sessions(user, "password_changed")
    audit.record(actor, "account.change_password", user, _("修改了自己的密码"))


def set_password_by_code(actor: Actor, user: User, new: str, phone: str) -> None:
    """Set one's own password where a code to the telephone stands for the former one: there is none, or it is
    forgotten. All sessions end, this one too: the door opens a new one. The caller has taken the code that went to
    `phone`. Flushes.

    Raises NotAllowed for an account that a code does not open, InvalidInput (field `password`).
    """
    if actor.user_id != user.id or not enters_by_code(user):
        raise NotAllowed(_("这个账号不能用验证码设置密码。"), _("请用现在的密码改；忘了请联系街道管理员。"))
    check_own_password(user, new, phone)
    _set_password(user, new, must_change=False)
    end_sessions(user, "password_changed")
    audit.record(actor, "account.set_password", user, _("用手机验证码设置了自己的密码"))


def check_own_password(user: User, new: str, phone: str | None = None) -> None:
    """Raise InvalidInput (field `password`) when this cannot be the password of this account. `phone`: what else
    others know of the person.
    """
    passwords.check_new_password(new, about=(user.username, user.name, user.email, user.phone, phone))


def _set_password(user: User, password: str, *, must_change: bool) -> None:
    _set_password_hash(user, passwords.hash_password(password), must_change=must_change)


def _set_password_hash(user: User, password_hash: str, *, must_change: bool) -> None:
    user.password_hash = password_hash
    user.password_changed_at = clock.now()
    user.must_change_password = must_change
    db.session.flush()


def disable_user(actor: Actor, user: User) -> None:
    """Switch an account off: its sessions end at once, nobody can sign in to it."""
    _demand_manage(actor, user)
    if not user.is_active:
        raise Conflict(_("这个账号已经停用了。"))
    user.is_active = False
    end_sessions(user, "disabled")
    db.session.flush()
    audit.record(actor, "account.disable", user, _("停用账号 %(name)s", name=user.username))


def close_own_account(actor: Actor, user: User) -> None:
    """Switch off an account that a worker opened when joining: theirs was there already, as the caller has made
    sure. Flushes.
    """
    user.is_active = False
    end_sessions(user, "disabled")
    db.session.flush()
    audit.record(actor, "account.disable", user, _("停用账号 %(name)s，本人用原来的", name=user.username))


def enable_user(actor: Actor, user: User) -> None:
    """Switch an account on again."""
    _demand_manage(actor, user)
    if user.is_active:
        raise Conflict(_("这个账号正在使用。"))
    user.is_active = True
    db.session.flush()
    audit.record(actor, "account.enable", user, _("恢复账号 %(name)s", name=user.username))


def _demand_manage(actor: Actor, user: User) -> None:
    demand(actor, Permission.ACCOUNT_MANAGE)
    if not can_manage(actor, user.id, queries.bonds([user])[user.id]):
        raise NotAllowed(
            _("您不能改动这个账号。"), _("它有您管不到的角色，或者就是您自己的；请找上一级管理员。")
        )
