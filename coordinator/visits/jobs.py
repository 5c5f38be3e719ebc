"""Computing what is owed in the background: every night for everybody, and when much has changed at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

import structlog
from sqlalchemy import delete, exists, func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.visits.models import OwedElder, OwedStale
from coordinator.visits.queries.due_list import window
from coordinator.visits.queries.owed import Calculations, areas_above, rulebooks
from coordinator.visits.queries.standing import outdated_elders, standing_of
from coordinator.visits.services.owed import AHEAD, CHUNK, MOST_IN_REQUEST, REFRESH_JOB, refresh, refresh_key

log = structlog.get_logger(__name__)

NIGHTLY_JOB = "coordinator.visits.jobs.recompute_owed"
# Local time of the nightly run. Pages are right from midnight on without it: rows reach two weeks ahead.
NIGHTLY_AT = time(0, 20)


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs that are due without anybody asking, as (name, key); asked for by the sweeper."""
    now = clock.local_now()
    if now.time() >= NIGHTLY_AT:
        yield NIGHTLY_JOB, now.date().isoformat()
    waiting = select(OwedStale.id).order_by(OwedStale.id).limit(MOST_IN_REQUEST + 1).subquery()
    if (db.session.scalar(select(func.count()).select_from(waiting)) or 0) > MOST_IN_REQUEST:
        yield REFRESH_JOB, refresh_key(now.date())


def refresh_owed() -> None:
    """Compute every elder of whom something has changed, for whom the day has turned or the rules are others.

    Commits each chunk; cut anywhere, the rest is still marked.
    """
    today = clock.today()
    calculations = _calculations(today)
    outdated = sorted(_outdated(today))
    for start in range(0, len(outdated), CHUNK):
        refresh(outdated[start : start + CHUNK], today, wait=True, calculations=calculations)
        db.session.commit()
    last = 0
    while True:
        ids = list(
            db.session.scalars(
                select(OwedElder.elder_id)
                .where(OwedElder.elder_id > last, exists().where(OwedStale.elder_id == OwedElder.elder_id))
                .order_by(OwedElder.elder_id)
                .limit(CHUNK)
            )
        )
        if not ids:
            break
        refresh(ids, today, wait=True, calculations=calculations)
        db.session.commit()
        last = ids[-1]
    _drop_lines_of_nobody()


def _outdated(today: date) -> list[int]:
    """Elders anywhere for whom the day has turned or whose rules are others."""
    inhabited = set(
        db.session.scalars(select(OwedElder.area_id).where(OwedElder.area_id.is_not(None)).distinct())
    )
    books = rulebooks(inhabited, areas_above(inhabited), window(today)[0], strict=False)
    return outdated_elders(standing_of(inhabited, 0).outdated(books, today), books, today)


def recompute_owed() -> None:
    """Compute everybody, 5,000 elders at a time in the order of their ids; commits each chunk.

    An elder notes the day of the run, so that a run which was cut goes on where it stopped, and a second one
    finds nothing to do.
    """
    today = clock.today()
    calculations = _calculations(today)
    done = 0
    while True:
        ids = list(
            db.session.scalars(
                select(OwedElder.elder_id)
                .where(OwedElder.swept_on.is_distinct_from(today))
                .order_by(OwedElder.elder_id)
                .limit(CHUNK)
            )
        )
        if not ids:
            break
        done += len(refresh(ids, today, wait=True, swept=True, calculations=calculations))
        db.session.commit()
    _drop_lines_of_nobody()
    log.info("owed recomputed", elders=done)


def _calculations(today: date) -> Calculations:
    return Calculations(window(today)[0], today + AHEAD, today)


def _drop_lines_of_nobody() -> None:
    """Lines of elders who have been deleted since."""
    db.session.execute(delete(OwedStale).where(~exists().where(OwedElder.elder_id == OwedStale.elder_id)))
    db.session.commit()
