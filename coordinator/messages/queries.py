"""Reading one's messages."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ScalarSelect, func, select

from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.messages.models import Message

PAGE = 30


def unread(user_id: int) -> ScalarSelect[int]:
    """How many messages of the user are unread, as a part of a larger statement."""
    return (
        select(func.count())
        .select_from(Message)
        .where(Message.user_id == user_id, Message.read_at.is_(None))
        .scalar_subquery()
    )


def inbox(actor: Actor, before: int | None = None) -> tuple[Sequence[Message], int | None]:
    """The actor's messages, newest first, below the id `before`; and where the next page begins."""
    statement = select(Message).where(Message.user_id == actor.user_id).order_by(Message.id.desc())
    if before is not None:
        statement = statement.where(Message.id < before)
    found = db.session.scalars(statement.limit(PAGE + 1)).all()
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None
