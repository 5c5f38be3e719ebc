"""What the read model of what is owed lists beside what the engine lists, and whom a change has marked."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.visits.models import OwedObligation, OwedStale
from coordinator.visits.queries.due_list import due_list
from coordinator.visits.queries.due_scope import read_due_scope
from coordinator.visits.queries.ready import listed_on, status_on
from coordinator.visits.services.owed import refresh
from tests.coordinator.visits.conftest import TODAY

OTHER_PACK = "jiangmen"


def marked() -> set[int]:
    """The elders of whom something has changed."""
    db.session.flush()
    return set(db.session.scalars(select(OwedStale.elder_id)))


def settle(today: date = TODAY) -> None:
    """Bring everything up to date, so that the next mark stands out."""
    db.session.flush()
    for _turn in range(2):  # the first stores the rules, which marks
        refresh(db.session.scalars(select(Elder.id)).all(), today)
    assert marked() == set()


def ready(path: str, today: date, only: set[int] | None = None) -> set[tuple[Any, ...]]:
    """What the read model lists, status and all, without bringing it up to date."""
    kept = OwedObligation
    rows = db.session.execute(
        select(kept.elder_id, kept.rule, kept.period_from, kept.event, status_on(today)).where(
            kept.area_id.in_(read_due_scope([path]).wanted), listed_on(today)
        )
    )
    return {tuple(row) for row in rows if only is None or row[0] in only}


def live(path: str, today: date, only: set[int] | None = None) -> set[tuple[Any, ...]]:
    """What the engine lists."""
    return {
        (item.elder.id, one.rule, one.period_from, one.event, item.status)
        for item in due_list([path], today).items
        if (one := item.obligation) and (only is None or item.elder.id in only)
    }
