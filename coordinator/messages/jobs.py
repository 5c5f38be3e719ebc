"""Sending what is owed."""

from __future__ import annotations

from coordinator.messages.outbox import carrying, packing


def pack(delivery_id: int) -> None:
    """Put all that is due for the person and the channel of this delivery into one parcel."""
    packing.pack(delivery_id)


def carry(parcel_id: int) -> None:
    """Try once to hand a parcel over, and owe the next try where one is needed."""
    carrying.carry(parcel_id)
