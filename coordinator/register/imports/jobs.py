"""The jobs of an import of another office's list; each may run twice or be cut anywhere."""

from __future__ import annotations

from coordinator.elders.imports import applying, checking
from coordinator.elders.models import ImportBatch
from coordinator.extensions import db
from coordinator.register.imports.importers import BY_KIND


def check_source(batch_id: int) -> None:
    """Dry run of a list."""
    batch = db.session.get(ImportBatch, batch_id)
    if batch is not None:
        checking.check(BY_KIND[batch.kind], batch_id)


def apply_source(batch_id: int, user_id: int | None) -> None:
    """Keep a checked list beside the register."""
    batch = db.session.get(ImportBatch, batch_id)
    if batch is not None:
        applying.take(BY_KIND[batch.kind], batch_id, user_id)
