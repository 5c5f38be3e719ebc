"""Queue jobs of the ledger."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.hours import services


def enter_visit(visit_id: int) -> None:
    """Write the ledger lines of a closed visit; owed by the feature that closes it. May run twice."""
    services.enter_visit(visit_id)
    db.session.commit()
