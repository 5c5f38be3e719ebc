"""Reading one's messages, how people want to be told, and what did not arrive."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ScalarSelect, func, select

from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.messages.hours import Wish
from coordinator.messages.models import Message, NoticeChoice

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


def wishes_of(user_ids: Collection[int]) -> dict[int, Wish]:
    """How each of these users wants to be told; one query."""
    fields = [getattr(NoticeChoice, name) for name in Wish.__dataclass_fields__]
    rows = db.session.execute(select(NoticeChoice.user_id, *fields).where(NoticeChoice.user_id.in_(user_ids)))
    chosen = {user_id: Wish(*values) for user_id, *values in rows}
    return {user_id: chosen.get(user_id, Wish()) for user_id in user_ids}
