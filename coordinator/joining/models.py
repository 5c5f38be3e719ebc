"""Codes to a phone, invitations, applications and the guardian's own link."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import Organisation, User
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedText
from coordinator.workforce.models import Guardian, Worker, WorkerKind


class CodePurpose(StrEnum):
    JOIN = "join"
    SIGN_IN = "sign_in"
    GUARDIAN = "guardian"
    PASSWORD = "password"  # noqa: S105  a purpose, no secret


class PhoneCode(db.Model):
    """Six digits sent to a phone. Only a keyed hash is kept; it works once, for a few minutes and a few tries."""

    __tablename__ = "phone_codes"
    __table_args__ = (
        CheckConstraint("tries >= 0", name="tries_counted"),
        Index("ix_phone_codes_phone_hash_sent_at", "phone_hash", "sent_at"),
        Index("ix_phone_codes_address_sent_at", "address", "sent_at"),
        Index("ix_phone_codes_sent_at", "sent_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[CodePurpose] = mapped_column(stored(CodePurpose))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    address: Mapped[str | None] = mapped_column(String(60))
    sent_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    used_at: Mapped[datetime | None]


class Invitation(db.Model):
    """A link (and its QR code) by which people join an area or an organisation.

    The link can be shown and printed again, therefore it is kept encrypted; it is found by its hash. It brings
    nobody past a coordinator: who comes by it has applied, not been approved.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index("uq_invitations_token_hash", "token_hash", unique=True),
        Index("ix_invitations_area_id", "area_id"),
        Index("ix_invitations_organisation_id", "organisation_id"),
        CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name="uses_within_limit"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(EncryptedText("invitations.token"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[WorkerKind | None] = mapped_column(stored(WorkerKind))
    label: Mapped[str] = mapped_column(String(80))
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    most_uses: Mapped[int | None] = mapped_column(SmallInteger)
    uses: Mapped[int] = mapped_column(SmallInteger, default=0)
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    area: Mapped[Area] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    created_by: Mapped[User] = relationship(foreign_keys=[created_by_id])


class Application(db.Model):
    """What somebody said when joining, beside the worker's record that it became.

    `elder_named` is whom a neighbour or relative wants to visit, as typed; the coordinator ties the worker to that
    elder. Sent back (`returned_*`), it waits for the applicant; closed, it was decided. `same_as`: whose ID number
    was typed, when it was somebody's already; the record has none then, and a coordinator finds out who is who.
    """

    __tablename__ = "applications"
    __table_args__ = (
        Index("uq_applications_worker_id", "worker_id", unique=True),
        CheckConstraint("(returned_at IS NULL) = (returned_reason IS NULL)", name="returned_with_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id"), index=True)
    phone_verified_at: Mapped[datetime | None]
    notice_accepted_at: Mapped[datetime]
    elder_named: Mapped[str | None] = mapped_column(EncryptedText("applications.elder_named"))
    elder_relation: Mapped[str | None] = mapped_column(String(30))
    message: Mapped[str | None] = mapped_column(String(300))
    sent_at: Mapped[datetime] = mapped_column(default=clock.now)
    returned_at: Mapped[datetime | None]
    returned_reason: Mapped[str | None] = mapped_column(String(200))
    closed_at: Mapped[datetime | None]
    same_as_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"), index=True)

    worker: Mapped[Worker] = relationship(foreign_keys=[worker_id])
    same_as: Mapped[Worker | None] = relationship(foreign_keys=[same_as_id])
    invitation: Mapped[Invitation | None] = relationship()


class GuardianLink(db.Model):
    """The guardian's own link: asks for the consent to a minor's visits (教思政〔2015〕1号 第3条), and later takes
    it back. `name`, `relation` and `phone` are what the minor or the school said; the guardian confirms them.
    """

    __tablename__ = "guardian_links"
    __table_args__ = (
        Index("uq_guardian_links_token_hash", "token_hash", unique=True),
        Index("uq_guardian_links_guardian_id", "guardian_id", unique=True),
        Index("ix_guardian_links_worker_id", "worker_id"),
        CheckConstraint("confirmed_at IS NULL OR refused_at IS NULL", name="one_answer"),
        CheckConstraint("(confirmed_at IS NULL) = (guardian_id IS NULL)", name="confirmed_is_a_consent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    token: Mapped[str] = mapped_column(EncryptedText("guardian_links.token"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(String(60))
    relation: Mapped[str] = mapped_column(String(30))
    phone: Mapped[str] = mapped_column(EncryptedText("guardian_links.phone"))
    scope: Mapped[str] = mapped_column(String(120))
    valid_to: Mapped[date | None]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("guardians.id"))

    worker: Mapped[Worker] = relationship()
    guardian: Mapped[Guardian | None] = relationship()
