"""Doing again what PostgreSQL asks to be done again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure
from sqlalchemy.exc import OperationalError

from coordinator.extensions import db

Made = TypeVar("Made")
TRIES = 4
PAUSE_SECONDS = 0.03
# Of two that wait for each other PostgreSQL ends one; who waited too long for a row may ask once more.
_AGAIN = (DeadlockDetected, SerializationFailure, LockNotAvailable)


def retrying(act: Callable[[], Made]) -> Made:
    """Run `act` and commit; from the beginning again when the database asks for it. `act` finds a fresh session.

    Any other error goes through as it is, and so does the last refusal.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            made = act()
            db.session.commit()
        except OperationalError as problem:
            db.session.rollback()
            if not left or not isinstance(problem.orig, _AGAIN):
                raise
            # Not both at once again.
            time.sleep(PAUSE_SECONDS * (TRIES - left) * (0.5 + random.random()))  # noqa: S311  no secret
        else:
            return made
    raise AssertionError("the last try returns or raises")
