"""What becomes due by the clock: the next wave of a search, offers that have run out, searches nobody has begun."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.dropouts.services.searching import (
    deserted_visits,
    keep_search,
    keep_searches,
    search_deserted,
)
from coordinator.dropouts.services.searching import make_wave as ask_wave
from coordinator.dropouts.services.swapping import expire_swaps
from coordinator.extensions import db
from coordinator.kernel import clock

KEEP_JOB = "coordinator.dropouts.jobs.keep"
EVERY_MINUTES = 5


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs that are due without anybody asking, as (name, key); asked for by the sweeper."""
    now = clock.local_now()
    yield KEEP_JOB, f"{now:%Y-%m-%dT%H}:{now.minute // EVERY_MINUTES * EVERY_MINUTES:02d}"


def make_wave(search_id: int, wave: int) -> None:
    """One wave of a search. May run twice: the second time finds it made. Commits."""
    ask_wave(search_id, wave)
    db.session.commit()


def keep() -> None:
    """Settle what the queue or people have left behind; each search and visit by itself. Commits each."""
    now = clock.now()
    expire_swaps()
    db.session.commit()
    for search_id in keep_searches(now):
        keep_search(search_id)
        db.session.commit()
    for visit_id in deserted_visits(now):
        search_deserted(visit_id)
        db.session.commit()
