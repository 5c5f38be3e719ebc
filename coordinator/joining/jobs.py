"""Background work of joining."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from coordinator.extensions import db
from coordinator.joining.services.codes import forget_codes
from coordinator.joining.services.credential_papers import forget_papers
from coordinator.joining.services.reminders import remind_of_ends
from coordinator.kernel import clock

PAPERS_JOB = "coordinator.joining.jobs.forget_old_papers"
FORGET_JOB = "coordinator.joining.jobs.forget_old_codes"
REMIND_JOB = "coordinator.joining.jobs.remind_of_what_ends"
# After breakfast, so that what ends today can still be seen to.
REMIND_FROM = time(8, 0)


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs due now, each once a day: old codes and photographs are forgotten, people told what comes to its
    end.
    """
    now = clock.local_now()
    yield PAPERS_JOB, now.date().isoformat()
    yield FORGET_JOB, now.date().isoformat()
    if now.time() >= REMIND_FROM:
        yield REMIND_JOB, now.date().isoformat()


def forget_old_codes() -> None:
    """Delete codes that no limit counts any more."""
    forget_codes()
    db.session.commit()


def forget_old_papers() -> None:
    """Delete photographs of certificates that nobody needs any more."""
    forget_papers()
    db.session.commit()


def remind_of_what_ends() -> None:
    """Tell workers and coordinators which credentials and consents end soon; each step once."""
    remind_of_ends(clock.today())
    db.session.commit()
