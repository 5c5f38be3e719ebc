"""Telling people something, once per event."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.messages import channels
from coordinator.messages.models import Channel, Delivery, DeliveryState, Message


def notify(
    users: Iterable[User | int], title: str, body: str, link: str | None = None, *, dedupe_key: str
) -> int:
    """Tell `users` (or their ids) about one event; returns how many were told for the first time.

    `dedupe_key` names the event ('plan-approved:12'): telling it again changes nothing. `link` is a path of the
    site. The title also goes out by e-mail where that is set up, so it names no elder; the body stays in here.
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
            "created_at": now,
        }
        for user_id in ids
    ]
    statement = insert(Message).values(rows).on_conflict_do_nothing(index_elements=["user_id", "dedupe_key"])
    told = {
        user_id: message_id
        for message_id, user_id in db.session.execute(statement.returning(Message.id, Message.user_id))
    }
    if told and channels.email_is_on():
        _owe_emails(told)
    return len(told)


def _owe_emails(told: dict[int, int]) -> None:
    reachable = db.session.scalars(
        select(User.id).where(User.id.in_(told), User.is_active, User.email.is_not(None))
    )
    for user_id in reachable:
        delivery = Delivery(message_id=told[user_id], channel=Channel.EMAIL, state=DeliveryState.OWED)
        db.session.add(delivery)
        db.session.flush()
        queue.owe(
            "coordinator.messages.jobs.send_email",
            key=str(delivery.id),
            payload={"delivery_id": delivery.id},
            timeout_seconds=60,
        )


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
