"""The numbers in the workers' files, for text messages to people whose account has none."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from coordinator.extensions import db
from coordinator.messages.addresses import phones_come_from
from coordinator.workforce.models import Worker


def phones_of_workers(user_ids: Collection[int]) -> dict[int, str]:
    """Numbers by user."""
    rows = db.session.execute(
        select(Worker.user_id, Worker.phone).where(Worker.user_id.in_(user_ids), Worker.phone.is_not(None))
    )
    return {user_id: phone for user_id, phone in rows if user_id is not None and phone is not None}


phones_come_from(phones_of_workers)
