"""What becomes due by the clock: reminders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from coordinator.agenda.services import remind_evening, remind_hour
from coordinator.extensions import db
from coordinator.kernel import clock

EVENING_JOB = "coordinator.agenda.jobs.evening_reminders"
HOUR_JOB = "coordinator.agenda.jobs.hour_reminders"
# In the evening before quiet hours begin; a visit given to somebody later is told of when it is given.
EVENING_FROM, EVENING_TO = time(18, 0), time(21, 0)
HOURS_FROM, HOURS_TO = time(5, 0), time(22, 0)
EVERY_MINUTES = 10


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs that are due without anybody asking, as (name, key); asked for by the sweeper."""
    now = clock.local_now()
    if EVENING_FROM <= now.time() < EVENING_TO:
        yield EVENING_JOB, now.date().isoformat()
    if HOURS_FROM <= now.time() < HOURS_TO:
        yield HOUR_JOB, f"{now:%Y-%m-%dT%H}:{now.minute // EVERY_MINUTES * EVERY_MINUTES:02d}"


def evening_reminders() -> None:
    """Remind everybody who goes tomorrow."""
    # A job that was kept waiting past midnight must not remind of the day after.
    if clock.local_now().time() >= EVENING_FROM:
        remind_evening(clock.today())
    db.session.commit()


def hour_reminders() -> None:
    """Remind of the visits of the next hour."""
    remind_hour()
    db.session.commit()
