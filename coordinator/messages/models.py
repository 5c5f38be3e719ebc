"""Notices inside the site, and the outbox that carries them out of it.

A `Message` is what one person is told. A `Delivery` says that it is also owed over a channel. A `Parcel` is one
thing handed to a mail server, a text message gateway or a group robot: it holds one delivery or several that go
together, or something that is no message at all, such as a sign-in code.
"""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import User
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedJson, EncryptedText


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    ROBOT = "robot"


class DeliveryState(StrEnum):
    """owed: waits for its hour · packed: in a parcel, which knows the rest · dropped: not needed any more."""

    OWED = "owed"
    PACKED = "packed"
    DROPPED = "dropped"


class ParcelState(StrEnum):
    """waiting: nobody outside has it · sending: a worker has begun · handed: its last byte may be out, the answer
    is not known · sent: taken · failed: given up · unclear: handed over, and whoever waited for the answer is gone
    · dropped: not needed any more.
    """

    WAITING = "waiting"
    SENDING = "sending"
    HANDED = "handed"
    SENT = "sent"
    FAILED = "failed"
    UNCLEAR = "unclear"
    DROPPED = "dropped"


class Problem(StrEnum):
    """Why a person was not reached."""

    ADDRESS = "address"  # no such mailbox or number
    REFUSED = "refused"  # the other side does not want it
    SETUP = "setup"  # our account, signature or template
    AWAY = "away"  # the server was not to be reached for a day
    LATE = "late"  # by now it would be of no use
    UNCLEAR = "unclear"  # perhaps it has arrived


class SmsWish(StrEnum):
    """When somebody wants text messages."""

    NEVER = "never"
    IMPORTANT = "important"  # what is urgent, and reminders
    ALL = "all"


class Message(db.Model):
    """A notice to one user. (`user_id`, `dedupe_key`) is unique, so that one event tells a person once.

    `urgent` passes quiet hours; after `expires_at` it is of no use outside the site.
    """

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
    urgent: Mapped[bool] = mapped_column(server_default="false", default=False)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    read_at: Mapped[datetime | None]


class Delivery(db.Model):
    """One message over one channel; written with the message, not before `due_at` put into a parcel."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_message_id_channel", "message_id", "channel", unique=True),
        Index("ix_deliveries_parcel_id", "parcel_id"),
        CheckConstraint("(state = 'packed') = (parcel_id IS NOT NULL)", name="packed_has_a_parcel"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    channel: Mapped[Channel] = mapped_column(stored(Channel))
    state: Mapped[DeliveryState] = mapped_column(stored(DeliveryState), default=DeliveryState.OWED)
    due_at: Mapped[datetime] = mapped_column(default=clock.now)
    parcel_id: Mapped[int | None] = mapped_column(ForeignKey("parcels.id"))


class Parcel(db.Model):
    """One thing for the world outside. `token` names it there (Message-ID, the gateway's out id), the same at each
    try. Address and content are forgotten once it has arrived. `in_doubt`: a connection broke after the hand-over,
    so the other side may have it, and the next try must be word for word the same. `closed_at`: a coordinator has
    dealt with what did not arrive.
    """

    __tablename__ = "parcels"
    __table_args__ = (
        Index("uq_parcels_token", "token", unique=True),
        Index("uq_parcels_dedupe_key", "dedupe_key", unique=True),
        Index("ix_parcels_user_id_created_at", "user_id", "created_at"),
        Index("ix_parcels_robot_id_sent_at", "robot_id", "sent_at"),
        Index(
            "ix_parcels_not_arrived",
            "user_id",
            postgresql_where="state IN ('failed', 'unclear') AND closed_at IS NULL",
        ),
        CheckConstraint("(channel = 'robot') = (robot_id IS NOT NULL)", name="robots_speak_to_groups"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_is_dated"),
        CheckConstraint(
            "(state IN ('failed', 'unclear')) = (problem IS NOT NULL)", name="not_arrived_has_a_problem"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[Channel] = mapped_column(stored(Channel))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    robot_id: Mapped[int | None] = mapped_column(ForeignKey("group_robots.id"))
    token: Mapped[str] = mapped_column(String(40))
    dedupe_key: Mapped[str | None] = mapped_column(String(120))
    address: Mapped[str | None] = mapped_column(EncryptedText("parcels.address"))
    content: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJson("parcels.content"))
    state: Mapped[ParcelState] = mapped_column(stored(ParcelState), default=ParcelState.WAITING)
    urgent: Mapped[bool] = mapped_column(server_default="false", default=False)
    in_doubt: Mapped[bool] = mapped_column(server_default="false", default=False)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    next_try_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    handed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(80))
    problem: Mapped[Problem | None] = mapped_column(stored(Problem))
    last_error: Mapped[str | None] = mapped_column(String(500))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    user: Mapped[User | None] = relationship(foreign_keys=[user_id])
    robot: Mapped[GroupRobot | None] = relationship()


class GroupRobot(db.Model):
    """A robot of a 企业微信 group that an area's notices go to. `key` is the secret part of its address."""

    __tablename__ = "group_robots"
    __table_args__ = (Index("ix_group_robots_area_id", "area_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    name: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(EncryptedText("group_robots.key"))
    evening: Mapped[bool] = mapped_column(server_default="true", default=True)
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime] = mapped_column(default=clock.now)
    stopped_at: Mapped[datetime | None]

    area: Mapped[Area] = relationship()


class NoticeChoice(db.Model):
    """How one person wants to be told; without a row the defaults of the columns hold."""

    __tablename__ = "notice_choices"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    email: Mapped[bool] = mapped_column(default=True)
    sms: Mapped[SmsWish] = mapped_column(stored(SmsWish), default=SmsWish.IMPORTANT)
    digest: Mapped[bool] = mapped_column(default=False)
    digest_at: Mapped[time] = mapped_column(default=time(18, 30))
    quiet_from: Mapped[time] = mapped_column(default=time(21, 0))
    quiet_to: Mapped[time] = mapped_column(default=time(7, 30))
    evening_reminder: Mapped[bool] = mapped_column(default=True)
    hour_reminder: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)
