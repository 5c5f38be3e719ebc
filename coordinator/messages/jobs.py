"""Sending what is owed."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.messages.outbox import carrying, packing, rescue

RESCUE_JOB = "coordinator.messages.jobs.owe_stranded"


def due_by_itself() -> Iterator[tuple[str, str]]:
    """The jobs that are due without anybody asking, as (name, key); asked for by the sweeper."""
    yield RESCUE_JOB, f"{clock.local_now():%Y-%m-%dT%H}"


def pack(delivery_id: int) -> None:
    """Put all that is due for the person and the channel of this delivery into one parcel."""
    packing.pack(delivery_id)


def carry(parcel_id: int) -> None:
    """Try once to hand a parcel over, and owe the next try where one is needed."""
    carrying.carry(parcel_id)


def owe_stranded() -> None:
    """Owe anew what waits although its time has passed: the job that was to move it was given up."""
    rescue.owe_stranded()
    db.session.commit()
