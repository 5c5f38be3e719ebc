"""Queue jobs of the work on the register."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.register.services.moving import remind


def remind_of_move(move_id: int) -> None:
    """Remind both sides of a request that waits. May run twice: the messages are told once a day."""
    if remind(move_id):
        db.session.commit()
