"""Setting up, using and removing the second factor."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import or_, select, update

from coordinator.accounts import queries, second_factor
from coordinator.accounts.access import can_manage
from coordinator.accounts.models import User
from coordinator.accounts.services.sessions import end_sessions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed


def offer_second_factor(user: User) -> str:
    """The secret to be put into an authenticator; the same one until it is confirmed."""
    if user.totp_confirmed_at is not None:
        raise Conflict(_("动态码已经设好了。"), _("要换手机，请先关掉再重新设置。"))
    if user.totp_secret is None:
        user.totp_secret = second_factor.new_secret()
        db.session.flush()
    return user.totp_secret


def confirm_second_factor(actor: Actor, user: User, code: str, *, keep_session_id: int | None) -> list[str]:
    """Switch the second factor on with a first right code; returns the recovery codes, shown once.

    All other sessions end. Raises InvalidInput (field `code`).
    """
    _demand_self(actor, user)
    secret = offer_second_factor(user)
    step = second_factor.matching_step(secret, code)
    if step is None:
        raise InvalidInput(
            _("动态码不对。"), _("请输入手机上现在显示的 6 位数字；手机的时间要准。"), field="code"
        )
    codes = second_factor.make_recovery_codes()
    user.totp_confirmed_at = clock.now()
    user.totp_last_step = step
    user.recovery_codes = [second_factor.recovery_hash(one) for one in codes]
    db.session.flush()
    end_sessions(user, "second_factor_set", keep_id=keep_session_id)
    audit.record(actor, "account.set_second_factor", user, _("设置了登录动态码"))
    return codes


def use_code(user: User, code: str) -> bool:
    """Is this the current code, not used before, or an unused recovery code? Either is used up by it.

    The step of an accepted code is written in one guarded statement, so a code that was read over a shoulder, or
    sent twice at once, is accepted once.
    """
    if user.totp_secret is None:
        return False
    step = second_factor.matching_step(user.totp_secret, code)
    if step is not None:
        used = db.session.execute(
            update(User)
            .where(User.id == user.id, or_(User.totp_last_step.is_(None), User.totp_last_step < step))
            .values(totp_last_step=step)
        )
        return bool(used.rowcount)
    return _use_recovery_code(user, code)


def _use_recovery_code(user: User, code: str) -> bool:
    hashed = second_factor.recovery_hash(code)
    left = db.session.scalar(select(User.recovery_codes).where(User.id == user.id).with_for_update())
    if not left or hashed not in left:
        return False
    db.session.execute(
        update(User).where(User.id == user.id).values(recovery_codes=[one for one in left if one != hashed])
    )
    return True


def remove_second_factor(actor: Actor, user: User) -> None:
    """Take the second factor away: one's own (the door asks for the password first), or a lost one of an account
    the actor keeps. All sessions but the actor's own end.
    """
    own = actor.user_id == user.id
    if not own and not can_manage(actor, user.id, queries.bonds([user])[user.id]):
        raise NotAllowed(_("您不能改动这个账号。"), _("请找上一级管理员。"))
    user.totp_secret = None
    user.totp_confirmed_at = None
    user.totp_last_step = None
    user.recovery_codes = []
    db.session.flush()
    if not own:
        end_sessions(user, "second_factor_removed")
    audit.record(
        actor, "account.remove_second_factor", user, _("关掉 %(name)s 的登录动态码", name=user.username)
    )


def _demand_self(actor: Actor, user: User) -> None:
    if actor.user_id != user.id:
        raise NotAllowed(_("只能设置自己的动态码。"))
