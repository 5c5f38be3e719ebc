"""What waits although its time has passed. Its job was given up, as after many deaths of the worker in a row."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.messages.models import Delivery, DeliveryState, Parcel, ParcelState
from coordinator.messages.services.parcels import owe_carrying
from coordinator.messages.services.telling import owe_packing

STRANDED_AFTER = timedelta(hours=2)
AT_ONCE = 500


def owe_stranded() -> int:
    """Owe the packing or the carrying of everything that is two hours over its time; returns how many. Flushes."""
    now = clock.now()
    stamp = f"{now:%Y%m%d%H}"
    parcels = db.session.scalars(
        select(Parcel.id)
        .where(
            Parcel.state.in_((ParcelState.WAITING, ParcelState.SENDING, ParcelState.HANDED)),
            func.coalesce(Parcel.next_try_at, Parcel.created_at) < now - STRANDED_AFTER,
        )
        .limit(AT_ONCE)
    ).all()
    for parcel_id in parcels:
        owe_carrying(parcel_id, f"{parcel_id}~{stamp}")
    deliveries = db.session.scalars(
        select(Delivery.id)
        .where(Delivery.state == DeliveryState.OWED, Delivery.due_at < now - STRANDED_AFTER)
        .limit(AT_ONCE)
    ).all()
    for delivery_id in deliveries:
        owe_packing(delivery_id, f"{delivery_id}~{stamp}", now)
    return len(parcels) + len(deliveries)
