"""Background work of joining."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.extensions import db
from coordinator.joining.services.codes import forget_codes
from coordinator.kernel import clock

FORGET_JOB = "coordinator.joining.jobs.forget_old_codes"


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs due now: old codes are forgotten once a day."""
    yield FORGET_JOB, clock.today().isoformat()


def forget_old_codes() -> None:
    """Delete codes that no limit counts any more."""
    forget_codes()
    db.session.commit()
