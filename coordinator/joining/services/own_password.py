"""Somebody who signs in by a code sets a password of their own."""

from __future__ import annotations

from flask_babel import gettext as _

from coordinator.accounts.models import User
from coordinator.accounts.services import check_own_password, set_password_by_code
from coordinator.joining.models import CodePurpose
from coordinator.joining.services.codes import use_phone_code
from coordinator.kernel.access import Actor
from coordinator.messages.services import notify


def set_own_password(actor: Actor, user: User, phone: str, code: str, password: str) -> None:
    """Take the code that was sent to the person's own `phone` and set the password; all sessions end. Flushes.

    Raises InvalidInput (field `password` or `code`), NotAllowed. A wrong code counts, so the caller commits also
    then; a password that cannot be is refused before the code is used up.
    """
    check_own_password(user, password, phone)
    use_phone_code(phone, CodePurpose.PASSWORD, code)
    set_password_by_code(actor, user, password, phone)
    notify(
        [user],
        _("您的账号有了新密码"),
        _(
            "%(name)s 的密码是用手机验证码设的，别的设备都退出了登录。"
            "不是您自己设的，请马上告诉社区或街道管理员。",
            name=user.username,
        ),
        "/accounts/me",
        dedupe_key=f"password-set:{user.id}:{user.password_changed_at.isoformat()}",
        urgent=True,
    )
