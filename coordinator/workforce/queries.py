"""Reads of the workforce. The loaders fetch with a fixed number of queries, however many workers there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.workforce.models import ServiceContact, Worker, WorkerStatus


def fitness_options() -> tuple[Any, ...]:
    """Loader options for all that `fitness.unfit` reads of a worker."""
    return (
        selectinload(Worker.skills),
        selectinload(Worker.credentials),
        selectinload(Worker.guardians),
        selectinload(Worker.availability),
        selectinload(Worker.exceptions),
        selectinload(Worker.bars),
        joinedload(Worker.organisation),
    )


def workers_for_planning(area_path: str) -> Sequence[Worker]:
    """Approved workers who serve the area: registered in it, below it, or in an area that contains it.

    Loaded for `fitness.unfit`; eight queries.
    """
    above = [int(part) for part in area_path.split(".") if part]
    serving = select(Area.id).where(or_(Area.path.startswith(area_path), Area.id.in_(above)))
    return db.session.scalars(
        select(Worker)
        .where(Worker.area_id.in_(serving), Worker.status == WorkerStatus.APPROVED)
        .options(*fitness_options(), joinedload(Worker.area))
        .order_by(Worker.id)
    ).all()


def worker_for_duty(worker_id: int) -> Worker | None:
    """One worker loaded for `fitness.unfit`, fresh from the database (a claim must not see an old state)."""
    return db.session.scalars(
        select(Worker)
        .where(Worker.id == worker_id)
        .options(*fitness_options(), joinedload(Worker.area))
        .execution_options(populate_existing=True)
    ).one_or_none()


def workers_for_duty(worker_ids: Iterable[int]) -> dict[int, Worker]:
    """Several workers loaded for `fitness.unfit`, by id."""
    found = db.session.scalars(
        select(Worker).where(Worker.id.in_(list(worker_ids))).options(*fitness_options())
    )
    return {worker.id: worker for worker in found}


def service_contacts_of(elder_ids: Iterable[int]) -> dict[int, int]:
    """Elder id → id of the worker who is its current 探访关爱服务联系人; elders without one are left out."""
    rows = db.session.execute(
        select(ServiceContact.elder_id, ServiceContact.worker_id).where(
            ServiceContact.elder_id.in_(list(elder_ids)), ServiceContact.until.is_(None)
        )
    )
    return {row.elder_id: row.worker_id for row in rows}
