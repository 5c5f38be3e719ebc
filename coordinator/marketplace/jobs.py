"""Queue jobs of the marketplace."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.marketplace.services.suspending import free_visits


def free_visits_of(worker_id: int) -> None:
    """The visits of somebody who was stopped need people again; owed by the workforce. May run twice."""
    free_visits(worker_id)
    db.session.commit()
