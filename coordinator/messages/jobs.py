"""Sending what is owed over other channels. At most one mail an hour and person: what gathers goes out together."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, select, text

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.i18n import moment
from coordinator.messages import channels
from coordinator.messages.models import Channel, Delivery, DeliveryState, Message

log = structlog.get_logger(__name__)

ONE_MAIL_EVERY = timedelta(hours=1)
MAX_ATTEMPTS = 6
_LOCK_SPACE = 7_304  # first key of the advisory locks that keep two mails to one person apart


def send_email(delivery_id: int) -> None:
    """Send everything that is owed to the person of this delivery in one mail; later, when one has just gone out.

    May run twice or be cut: a delivery that is no longer owed ends it, and a mail that went out right before a
    crash goes out again under the same Message-ID.
    """
    user_id = db.session.scalar(
        select(Message.user_id)
        .join(Delivery, Delivery.message_id == Message.id)
        .where(Delivery.id == delivery_id, Delivery.state == DeliveryState.OWED)
    )
    if user_id is None:
        return
    free = db.session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:space, :id)"), {"space": _LOCK_SPACE, "id": user_id}
    )
    last = _last_sent(user_id)
    now = clock.now()
    if not free or (last is not None and now - last < ONE_MAIL_EVERY):
        later = last + ONE_MAIL_EVERY if last is not None and now - last < ONE_MAIL_EVERY else now
        _again(delivery_id, max(later, now + timedelta(minutes=1)))
        return
    user = db.session.get_one(User, user_id)
    owed = _owed(user_id)
    if not owed:
        return
    if user.email is None or not user.is_active or not channels.email_is_on():
        _close(owed, DeliveryState.FAILED, "no address, account disabled, or no mail server")
        return
    messages = [message for _delivery, message in owed]
    with force_locale(user.locale):
        subject, body = _subject(messages), _text(user, messages)
    try:
        channels.send_email(
            user.email,
            subject,
            body,
            f"notice-{owed[0][0].id}-{owed[-1][0].id}",
        )
    except channels.FAILURES as problem:
        for delivery, _message in owed:
            delivery.attempts += 1
            delivery.last_error = f"{type(problem).__name__}: {problem}"[:500]
            if delivery.attempts >= MAX_ATTEMPTS:
                delivery.state = DeliveryState.FAILED
        db.session.commit()
        log.warning("mail not sent", user_id=user_id, error=str(problem))
        raise
    _close(owed, DeliveryState.SENT, None)


def _last_sent(user_id: int) -> datetime | None:
    return db.session.scalar(
        select(func.max(Delivery.sent_at))
        .join(Message, Delivery.message_id == Message.id)
        .where(Message.user_id == user_id, Delivery.channel == Channel.EMAIL)
    )


def _owed(user_id: int) -> list[tuple[Delivery, Message]]:
    rows = db.session.execute(
        select(Delivery, Message)
        .join(Message, Delivery.message_id == Message.id)
        .where(
            Message.user_id == user_id,
            Delivery.channel == Channel.EMAIL,
            Delivery.state == DeliveryState.OWED,
        )
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
    )
    return [(delivery, message) for delivery, message in rows]


def _close(owed: list[tuple[Delivery, Message]], state: DeliveryState, error: str | None) -> None:
    for delivery, _message in owed:
        delivery.state = state
        delivery.last_error = error
        if state is DeliveryState.SENT:
            delivery.attempts += 1
            delivery.sent_at = clock.now()
    db.session.commit()


def _again(delivery_id: int, when: datetime) -> None:
    queue.owe(
        "coordinator.messages.jobs.send_email",
        key=f"{delivery_id}@{when:%Y%m%d%H%M}",
        payload={"delivery_id": delivery_id},
        run_after=when,
        timeout_seconds=60,
    )
    db.session.commit()


def _subject(messages: list[Message]) -> str:
    if len(messages) == 1:
        return _("探访：%(title)s", title=messages[0].title)
    return _("探访：您有 %(n)s 条新消息", n=len(messages))


def _text(user: User, messages: list[Message]) -> str:
    lines = [_("%(name)s，您好：", name=user.name), ""]
    lines += [f"· {moment(message.created_at)}　{message.title}" for message in messages]
    lines += [
        "",
        _("登录后查看："),
        channels.absolute_link("/messages/"),
        "",
        _("这封邮件由系统发出，请不要回复。"),
    ]
    return "\n".join(lines)
