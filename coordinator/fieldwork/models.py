"""Evidence of presence, and the statutory record of a visit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, Integer, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedJson, EncryptedText
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


class PresenceKind(StrEnum):
    ARRIVED = "arrived"
    LEFT = "left"


class PresenceMethod(StrEnum):
    """How presence is shown: place from the phone, the code at the door, or the worker's word alone."""

    LOCATION = "location"
    DOOR_CODE = "door_code"
    WORD = "word"


class Presence(db.Model):
    """One check-in or check-out of one worker. `at` is the server's time, `phone_at` what the phone said.
    Rows are append-only (trigger). `distance_metres` is to the elder's home.
    """

    __tablename__ = "presences"
    __table_args__ = (
        Index("uq_presences_visit_id_worker_id_kind", "visit_id", "worker_id", "kind", unique=True),
        Index("uq_presences_client_uuid", "client_uuid", unique=True),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_come_in_pairs"),
        CheckConstraint("method <> 'location' OR latitude IS NOT NULL", name="location_has_coordinates"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    kind: Mapped[PresenceKind] = mapped_column(stored(PresenceKind))
    method: Mapped[PresenceMethod] = mapped_column(stored(PresenceMethod))
    client_uuid: Mapped[UUID] = mapped_column(Uuid)
    at: Mapped[datetime] = mapped_column(default=clock.now)
    phone_at: Mapped[datetime | None]
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    accuracy_metres: Mapped[int | None] = mapped_column(Integer)
    distance_metres: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str | None] = mapped_column(String(200))

    visit: Mapped[Visit] = relationship()
    worker: Mapped[Worker] = relationship()


class RecordState(StrEnum):
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    RETURNED = "returned"


class VisitRecord(db.Model):
    """探访关爱服务记录表 (泸州 附件3): one per closed visit. `answers` holds the form's fields by key and is
    encrypted, because it speaks of health. A record is locked when a coordinator confirms it. `entered_by_id` is
    the coordinator who typed in what came back on paper; somebody else confirms it then.
    """

    __tablename__ = "visit_records"
    __table_args__ = (
        Index("uq_visit_records_visit_id", "visit_id", unique=True),
        Index("uq_visit_records_client_uuid", "client_uuid", unique=True),
        CheckConstraint("(state = 'confirmed') = (confirmed_at IS NOT NULL)", name="confirmation_is_dated"),
        CheckConstraint("state <> 'returned' OR return_reason IS NOT NULL", name="return_needs_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    client_uuid: Mapped[UUID] = mapped_column(Uuid)
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_versions.id"))
    form: Mapped[str] = mapped_column(String(40))
    answers: Mapped[Any] = mapped_column(EncryptedJson("visit_records.answers"))
    needs_follow_up: Mapped[bool] = mapped_column(default=False)
    follow_up: Mapped[str | None] = mapped_column(EncryptedText("visit_records.follow_up"))
    state: Mapped[RecordState] = mapped_column(stored(RecordState), default=RecordState.SUBMITTED)
    submitted_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_at: Mapped[datetime | None]
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    return_reason: Mapped[str | None] = mapped_column(Text)

    visit: Mapped[Visit] = relationship()
    worker: Mapped[Worker] = relationship()


class RecordRevision(db.Model):
    """An earlier wording of a record, kept when it is corrected: who, when, why (append-only)."""

    __tablename__ = "record_revisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("visit_records.id"), index=True)
    answers: Mapped[Any] = mapped_column(EncryptedJson("record_revisions.answers"))
    reason: Mapped[str] = mapped_column(Text)
    replaced_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    replaced_at: Mapped[datetime] = mapped_column(default=clock.now)


class VisitDraft(db.Model):
    """What a worker has typed so far in a visit's record, kept here and never in the telephone; it goes when the
    record is sent. `answers` holds the fields as typed."""

    __tablename__ = "visit_drafts"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"), primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    answers: Mapped[Any] = mapped_column(EncryptedJson("visit_drafts.answers"))
    saved_at: Mapped[datetime] = mapped_column(default=clock.now)
