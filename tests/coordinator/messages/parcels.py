"""What waits to be carried, seen from the database, at noon."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from coordinator.kernel import crypto
from coordinator.kernel.clock import LOCAL
from coordinator.messages.models import Parcel

NOON = datetime(2026, 3, 26, 12, 0, tzinfo=LOCAL).astimezone(UTC)
KEY = "693a91f6-7000-4bc4-97a0-0ec2d1fa5aaa"


def with_phone(phone: str = "13800000001") -> dict[str, Any]:
    return {"phone": phone, "phone_hash": crypto.keyed_hash(phone, "phone")}


def parcels(session: Any) -> list[Parcel]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Parcel).order_by(Parcel.id)))


def bring_forward(session: Any) -> None:
    """What waits for a later moment by the machine's time is due now: the test's clock has moved."""
    session.execute(text("UPDATE owed_jobs SET run_after = now() WHERE state = 'owed'"))
    session.commit()
