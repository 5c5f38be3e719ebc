"""Telling people something, once per event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.messages import channels
from coordinator.messages.addresses import phones_of
from coordinator.messages.hours import Wish, due_at
from coordinator.messages.models import Channel, Delivery, DeliveryState, Message, SmsWish
from coordinator.messages.queries import wishes_of

PACK_JOB = "coordinator.messages.jobs.pack"


def notify(
    users: Iterable[User | int],
    title: str,
    body: str,
    link: str | None = None,
    *,
    dedupe_key: str,
    urgent: bool = False,
    reminder: bool = False,
    expires_at: datetime | None = None,
) -> int:
    """Tell `users` (or their ids) about one event; returns how many were told for the first time.

    `dedupe_key` names the event ('plan-approved:12'): telling it again changes nothing. `link` is a path of the
    site. The title also goes out by mail and text message where these are set up, so it names no elder; the body
    stays in here. `urgent` passes quiet hours; a `reminder` does not wait for the daily mail; after `expires_at`
    nothing goes out any more.
    """
    ids = sorted({user if isinstance(user, int) else user.id for user in users})
    if not ids:
        return 0
    now = clock.now()
    rows = [
        {
            "user_id": user_id,
            "dedupe_key": dedupe_key,
            # It becomes the subject of a mail: one line.
            "title": " ".join(title.split()),
            "body": body,
            "link": link,
            "urgent": urgent,
            "expires_at": expires_at,
            "created_at": now,
        }
        for user_id in ids
    ]
    statement = insert(Message).values(rows).on_conflict_do_nothing(index_elements=["user_id", "dedupe_key"])
    told = {
        user_id: message_id
        for message_id, user_id in db.session.execute(statement.returning(Message.id, Message.user_id))
    }
    if told and (channels.email_is_on() or channels.sms_is_on()):
        _owe_deliveries(told, now, urgent=urgent, reminder=reminder)
    return len(told)


def _owe_deliveries(told: dict[int, int], now: datetime, *, urgent: bool, reminder: bool) -> None:
    people = db.session.execute(
        select(User.id, User.email.is_not(None)).where(User.id.in_(told), User.is_active)
    ).all()
    phones = phones_of([row[0] for row in people]) if channels.sms_is_on() else {}
    wishes = wishes_of([row[0] for row in people])
    made = []
    for user_id, has_email in people:
        wish = wishes[user_id]
        for channel in _wanted(wish, has_email, user_id in phones, important=urgent or reminder):
            gathers = channel is Channel.EMAIL and wish.digest and not reminder
            made.append(
                Delivery(
                    message_id=told[user_id],
                    channel=channel,
                    state=DeliveryState.OWED,
                    due_at=due_at(wish, now, urgent=urgent, gathers=gathers),
                )
            )
    db.session.add_all(made)
    db.session.flush()
    for delivery in made:
        owe_packing(delivery.id, str(delivery.id), delivery.due_at)


def _wanted(wish: Wish, has_email: bool, has_phone: bool, *, important: bool) -> list[Channel]:
    found = []
    if wish.email and has_email and channels.email_is_on():
        found.append(Channel.EMAIL)
    if has_phone and (wish.sms is SmsWish.ALL or (wish.sms is SmsWish.IMPORTANT and important)):
        found.append(Channel.SMS)
    return found


def owe_packing(delivery_id: int, key: str, moment: datetime) -> None:
    """Owe the job that puts a delivery into a parcel at this moment."""
    queue.owe(PACK_JOB, key=key, payload={"delivery_id": delivery_id}, run_after=moment, timeout_seconds=60)


def open_message(actor: Actor, message_id: int) -> Message:
    """Mark one of the actor's messages as read. Raises NotFound for somebody else's."""
    message = db.session.scalar(
        select(Message).where(Message.id == message_id, Message.user_id == actor.user_id)
    )
    if message is None:
        raise NotFound(_("没有这条消息。"), _("可能是别人的消息，或者已经清理了。"))
    if message.read_at is None:
        message.read_at = clock.now()
        db.session.flush()
    return message


def read_all(actor: Actor) -> int:
    """Mark all of the actor's messages as read; returns how many were not."""
    statement = (
        update(Message)
        .where(Message.user_id == actor.user_id, Message.read_at.is_(None))
        .values(read_at=clock.now())
    )
    return db.session.execute(statement).rowcount
