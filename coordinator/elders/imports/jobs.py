"""The jobs of an import; each may run twice or be cut anywhere."""

from __future__ import annotations

from coordinator.elders.imports import applying, batches, checking
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.models import ImportBatch, ImportState
from coordinator.extensions import db
from coordinator.kernel import clock


def check_elders(batch_id: int) -> None:
    """Dry run of a list of elders."""
    checking.check(ELDERS, batch_id)


def apply_elders(batch_id: int, user_id: int | None) -> None:
    """Write a checked list of elders to the register."""
    applying.take(ELDERS, batch_id, user_id)


def purge(batch_id: int) -> None:
    """Delete rows and file of a batch whose time is over, of whatever kind. An open one is discarded."""
    batch = db.session.get(ImportBatch, batch_id)
    if batch is None or batch.state == ImportState.APPLYING:
        return
    if batch.state == ImportState.APPLIED:
        if batch.applied_at is not None and clock.now() < batch.applied_at + batches.KEEP_ROWS:
            return
    else:
        batch.state = ImportState.DISCARDED
    batches.remove_rows(batch_id)
    db.session.commit()
