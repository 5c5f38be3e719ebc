"""Checking a password, and ending sessions."""

from __future__ import annotations

from sqlalchemy import select, update

from coordinator.accounts import passwords
from coordinator.accounts.models import User, UserSession
from coordinator.extensions import db
from coordinator.kernel import clock


def check_credentials(username: str, password: str) -> User | None:
    """The active user with this name and password, or None; unknown names take as long as wrong passwords.

    A hash made with older parameters is renewed on the way.
    """
    user = db.session.scalar(select(User).where(User.username == username.strip().lower()))
    known = user is not None and user.is_active
    if not passwords.verify(user.password_hash if user is not None and known else None, password):
        return None
    assert user is not None
    if passwords.needs_rehash(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    return user


def end_sessions(user: User, reason: str, *, keep_id: int | None = None) -> int:
    """End all sessions of a user, but for the one to keep; returns how many."""
    statement = (
        update(UserSession)
        .where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
        .values(ended_at=clock.now(), end_reason=reason)
    )
    if keep_id is not None:
        statement = statement.where(UserSession.id != keep_id)
    return db.session.execute(statement).rowcount


def end_other_sessions(user: User, keep_id: int) -> int:
    """End the sessions of a user on all other devices; returns how many."""
    return end_sessions(user, "ended_elsewhere", keep_id=keep_id)


def end_session(session_id: int, user_id: int, reason: str) -> bool:
    """End one session of a user; False when it had ended already or is somebody else's."""
    statement = (
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == user_id, UserSession.ended_at.is_(None))
        .values(ended_at=clock.now(), end_reason=reason)
    )
    return bool(db.session.execute(statement).rowcount)
