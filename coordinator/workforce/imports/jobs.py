"""The jobs of an import of workers; each may run twice or be cut anywhere."""

from __future__ import annotations

from coordinator.elders.imports import applying, checking
from coordinator.workforce.imports.roster import ROSTER
from coordinator.workforce.imports.workers import WORKERS


def check_workers(batch_id: int) -> None:
    """Dry run of a list of workers."""
    checking.check(WORKERS, batch_id)


def apply_workers(batch_id: int, user_id: int | None) -> None:
    """Write a checked list of workers."""
    applying.take(WORKERS, batch_id, user_id)


def check_roster(batch_id: int) -> None:
    """Dry run of an organisation's roster."""
    checking.check(ROSTER, batch_id)


def apply_roster(batch_id: int, user_id: int | None) -> None:
    """Write a checked roster."""
    applying.take(ROSTER, batch_id, user_id)
