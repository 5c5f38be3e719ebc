"""From deliveries to a parcel. What gathers for one person goes out together: at most one mail or text an hour."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, or_, select, text

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.i18n import moment
from coordinator.messages import channels
from coordinator.messages.addresses import phones_of
from coordinator.messages.models import Channel, Delivery, DeliveryState, Message, Parcel, ParcelState
from coordinator.messages.services.parcels import owe_parcel
from coordinator.messages.services.telling import owe_packing
from coordinator.messages.truth import still_true

ONE_AN_HOUR = timedelta(hours=1)
_LOCK_SPACE = 7_304  # first key of the advisory locks that keep two parcels of one person apart


def pack(delivery_id: int) -> None:
    """Put all that is due for the person and the channel of this delivery into one parcel, and owe its carrying.

    Later, when one has gone out within the hour; what is urgent does not wait. May run twice or be cut: parcel,
    deliveries and the owed carrying are one transaction, and a delivery that is packed or dropped ends it.
    """
    first = db.session.execute(
        select(Message.user_id, Delivery.channel)
        .join(Delivery, Delivery.message_id == Message.id)
        .where(Delivery.id == delivery_id, Delivery.state == DeliveryState.OWED)
    ).one_or_none()
    if first is None:
        return
    user_id, channel = first
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :id)"), {"space": _LOCK_SPACE, "id": user_id}
    )
    owed = _due(user_id, channel, delivery_id)
    now = clock.now()
    user = db.session.get_one(User, user_id)
    kept = [row for row in owed if _needed(user, channel, row[1], now)]
    for delivery, message in owed:
        if (delivery, message) not in kept:
            delivery.state = DeliveryState.DROPPED
    wait_until = _wait_until(user_id, channel, now)
    if kept and wait_until is not None and not any(message.urgent for _delivery, message in kept):
        key = f"{delivery_id}@{wait_until:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        owe_packing(kept[0][0].id, key, wait_until)
    elif kept:
        _make(user, channel, kept)
    db.session.commit()


def _due(user_id: int, channel: Channel, delivery_id: int) -> list[tuple[Delivery, Message]]:
    rows = db.session.execute(
        select(Delivery, Message)
        .join(Message, Delivery.message_id == Message.id)
        .where(
            Message.user_id == user_id,
            Delivery.channel == channel,
            Delivery.state == DeliveryState.OWED,
            # The queue's clock is not the house's, which may stand still: whose job has come is due.
            or_(Delivery.due_at <= clock.now(), Delivery.id == delivery_id),
        )
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
    )
    return [(delivery, message) for delivery, message in rows]


def _needed(user: User, channel: Channel, message: Message, now: datetime) -> bool:
    """Still to be sent? Not what was read meanwhile, came too late, is untrue by now, or has lost its way out."""
    if not user.is_active or message.read_at is not None or not still_true(message.dedupe_key):
        return False
    if message.expires_at is not None and message.expires_at <= now:
        return False
    if channel is Channel.EMAIL:
        return user.email is not None and channels.email_is_on()
    return channels.sms_is_on() and user.id in phones_of([user.id])


def _wait_until(user_id: int, channel: Channel, now: datetime) -> datetime | None:
    """Until when the hour after the last parcel lasts; None when nothing has gone out within it."""
    last = db.session.scalar(
        select(func.max(Parcel.created_at)).where(
            Parcel.user_id == user_id,
            Parcel.channel == channel,
            Parcel.urgent.is_(False),
            Parcel.state.not_in((ParcelState.DROPPED, ParcelState.FAILED)),
        )
    )
    return None if last is None or now - last >= ONE_AN_HOUR else last + ONE_AN_HOUR


def _make(user: User, channel: Channel, rows: Sequence[tuple[Delivery, Message]]) -> None:
    messages = [message for _delivery, message in rows]
    ends = [message.expires_at for message in messages]
    parcel_id = owe_parcel(
        channel,
        address=None,  # the person's own at the hour of carrying: a mended address is used at once
        content=compose(user, channel, messages),
        user_id=user.id,
        urgent=any(message.urgent for message in messages),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
    )
    for delivery, _message in rows:
        delivery.state = DeliveryState.PACKED
        delivery.parcel_id = parcel_id


def compose(user: User, channel: Channel, messages: Sequence[Message]) -> dict[str, Any]:
    """What the parcel says, in the person's language. Titles only: the bodies stay in the house."""
    with force_locale(user.locale):
        if channel is Channel.SMS:
            title = messages[0].title if len(messages) == 1 else _("您有 %(n)s 条新消息", n=len(messages))
            return {"kind": "notice", "value": title}
        return {"subject": _subject(messages), "text": _text(user, messages)}


def _subject(messages: Sequence[Message]) -> str:
    if len(messages) == 1:
        return _("探访：%(title)s", title=messages[0].title)
    return _("探访：您有 %(n)s 条新消息", n=len(messages))


def _text(user: User, messages: Sequence[Message]) -> str:
    lines = [_("%(name)s，您好：", name=user.name), ""]
    lines += [f"· {moment(message.created_at)}　{message.title}" for message in messages]
    lines += [
        "",
        _("登录后查看："),
        channels.absolute_link("/messages/"),
        "",
        _("想换一种通知方式，或者每天只收一封："),
        channels.absolute_link("/messages/how"),
        "",
        _("这封邮件由系统发出，请不要回复。"),
    ]
    return "\n".join(lines)
