"""Beginning a search in a test, and looking at what it asked."""

from __future__ import annotations

from datetime import time

from sqlalchemy import select

from coordinator.dropouts.models import StandInAsk, StandInSearch
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import start_search
from coordinator.extensions import db
from tests.factories import PLACE


def begin(field, visit, lost=None):
    held = locked_visit(visit.id)
    search = start_search(field.coordinator, held, "原来的人去不了", lost_worker_id=lost)
    db.session.flush()
    return search


def asks_of(search):
    return {
        one.worker_id: one
        for one in db.session.scalars(select(StandInAsk).where(StandInAsk.search_id == search.id))
    }


def lost_visit(field, start=time(15, 0), **over):
    """A visit of today that somebody has just left, and who it was."""
    worker, actor = field.worker(name="退出的人", start_latitude=PLACE[0] + 0.02)
    visit = field.visit((worker, False), start=start, **over)
    step_back(actor, visit.id, "身体不舒服")
    db.session.execute(StandInSearch.__table__.delete())
    return visit, worker
