"""Finding calendar feeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.accounts.models import RoleGrant, User
from coordinator.agenda.models import CalendarFeed
from coordinator.extensions import db
from coordinator.kernel.access import Actor


def hash_of(token: str) -> bytes:
    """What is kept of a secret address."""
    return hashlib.sha256(token.encode()).digest()


def find_feed(token: str) -> CalendarFeed | None:
    """The feed of a secret that was not taken back, with its owner and the owner's roles."""
    return db.session.scalars(
        select(CalendarFeed)
        .where(CalendarFeed.token_hash == hash_of(token), CalendarFeed.revoked_at.is_(None))
        .options(
            joinedload(CalendarFeed.area),
            joinedload(CalendarFeed.organisation),
            joinedload(CalendarFeed.user).selectinload(User.roles).joinedload(RoleGrant.area),
        )
    ).one_or_none()


def feeds_of(actor: Actor) -> Sequence[CalendarFeed]:
    """The actor's addresses that hold, newest first."""
    return db.session.scalars(
        select(CalendarFeed)
        .where(CalendarFeed.user_id == actor.user_id, CalendarFeed.revoked_at.is_(None))
        .options(selectinload(CalendarFeed.area), selectinload(CalendarFeed.organisation))
        .order_by(CalendarFeed.id.desc())
    ).all()
