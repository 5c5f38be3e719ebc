"""What somebody said when joining."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.extensions import db
from coordinator.joining.models import Application
from coordinator.workforce.models import Worker, WorkerStatus


def application_of(worker_id: int) -> Application | None:
    """The worker's application, with the invitation it came by and the record with the same ID number; None for
    those whom others entered.
    """
    return db.session.scalars(
        select(Application)
        .where(Application.worker_id == worker_id)
        .options(
            joinedload(Application.invitation),
            joinedload(Application.same_as).joinedload(Worker.area),
            joinedload(Application.same_as).joinedload(Worker.organisation),
        )
    ).one_or_none()


def has_applied(worker_id: int | None) -> bool:
    """Does the worker's application wait for a coordinator?"""
    if worker_id is None:
        return False
    return db.session.scalar(select(Worker.status).where(Worker.id == worker_id)) is WorkerStatus.APPLIED
