"""In-app messages, and their deliveries over other channels."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.extensions import db, stored
from coordinator.kernel import clock


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class DeliveryState(StrEnum):
    OWED = "owed"
    SENT = "sent"
    FAILED = "failed"


class Message(db.Model):
    """A notice to one user. (`user_id`, `dedupe_key`) is unique, so that one event tells a person once."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("uq_messages_user_id_dedupe_key", "user_id", "dedupe_key", unique=True),
        Index("ix_messages_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    dedupe_key: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    read_at: Mapped[datetime | None]


class Delivery(db.Model):
    """One message over one channel; written with the message, sent by a job after the commit."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("uq_deliveries_message_id_channel", "message_id", "channel", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    channel: Mapped[Channel] = mapped_column(stored(Channel))
    state: Mapped[DeliveryState] = mapped_column(stored(DeliveryState), default=DeliveryState.OWED)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
