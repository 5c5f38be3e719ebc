"""Which mobile number somebody has: the account's own, else what a feature above knows, such as a worker's file."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel.identity import is_mobile

_sources: list[Callable[[Collection[int]], dict[int, str]]] = []


def phones_come_from(source: Callable[[Collection[int]], dict[int, str]]) -> None:
    """`source(user_ids)` gives the numbers it knows of these users."""
    if source not in _sources:
        _sources.append(source)


def phones_of(user_ids: Collection[int]) -> dict[int, str]:
    """The mobile number of each of these users that has one; a query for the accounts and one for each source."""
    found: dict[int, str] = {}
    for source in _sources:
        found |= source(user_ids)
    rows = db.session.execute(
        select(User.id, User.phone).where(User.id.in_(user_ids), User.phone.is_not(None))
    )
    found |= {user_id: phone for user_id, phone in rows if phone is not None}
    return {user_id: phone for user_id, phone in found.items() if is_mobile(phone)}
