"""The hours ledger: append-only, chained per worker, fed by closed visits alone."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import Organisation
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedJson
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


class EntryKind(StrEnum):
    """service: derived from a closed visit · reversal: takes a service entry back, never adds."""

    SERVICE = "service"
    REVERSAL = "reversal"


class Evidence(StrEnum):
    """证据充分, 一般, 不足, 待核查."""

    STRONG = "strong"
    FAIR = "fair"
    WEAK = "weak"
    DOUBTFUL = "doubtful"


class HoursEntry(db.Model):
    """One line of a worker's ledger. `minutes` counts (negative in a reversal); `derivation` holds the sum that
    is printed. `hash` is SHA-256 over the line and `previous_hash`, so a changed line breaks the chain.
    Rows are append-only (trigger); there is no entry without a visit.
    """

    __tablename__ = "hours_entries"
    __table_args__ = (
        Index("uq_hours_entries_worker_id_position", "worker_id", "position", unique=True),
        Index("uq_hours_entries_service", "visit_id", "worker_id", "kind", unique=True),
        Index("uq_hours_entries_number", "number", unique=True),
        CheckConstraint(
            "(kind = 'service' AND minutes >= 0) OR (kind = 'reversal' AND minutes <= 0)", name="sign_of_kind"
        ),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal_names_its_entry"),
        CheckConstraint("position >= 1", name="positions_from_one"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(30))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    kind: Mapped[EntryKind] = mapped_column(stored(EntryKind))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("hours_entries.id"))
    service_on: Mapped[date]
    minutes_present: Mapped[int] = mapped_column(Integer)
    minutes: Mapped[int] = mapped_column(Integer)
    evidence: Mapped[Evidence] = mapped_column(stored(Evidence))
    derivation: Mapped[dict[str, Any]] = mapped_column(default=dict)
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_versions.id"))
    position: Mapped[int] = mapped_column(Integer)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    worker: Mapped[Worker] = relationship()
    visit: Mapped[Visit] = relationship()


class VerificationState(StrEnum):
    PASSED = "passed"
    PARTIAL = "partial"
    RETURNED = "returned"


class Verification(db.Model):
    """A school's decision on one entry of its student. A later decision supersedes the earlier."""

    __tablename__ = "verifications"
    __table_args__ = (
        Index("uq_verifications_current", "entry_id", unique=True, postgresql_where="superseded_at IS NULL"),
        Index("ix_verifications_organisation_id_decided_at", "organisation_id", "decided_at"),
        CheckConstraint("state = 'passed' OR reason IS NOT NULL", name="less_needs_a_reason"),
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
        CheckConstraint("state <> 'returned' OR minutes = 0", name="returned_counts_nothing"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("hours_entries.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    state: Mapped[VerificationState] = mapped_column(stored(VerificationState))
    minutes: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    decided_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime] = mapped_column(default=clock.now)
    superseded_at: Mapped[datetime | None]

    entry: Mapped[HoursEntry] = relationship()


class Certificate(db.Model):
    """志愿服务记录证明 (民发〔2015〕149号): what was printed, under a number that anybody can check."""

    __tablename__ = "certificates"
    __table_args__ = (
        Index("uq_certificates_number", "number", unique=True),
        Index("uq_certificates_code", "code", unique=True),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("minutes > 0", name="some_hours"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_with_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    minutes: Mapped[int] = mapped_column(Integer)
    content: Mapped[Any] = mapped_column(EncryptedJson("certificates.content"))
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    issued_at: Mapped[datetime] = mapped_column(default=clock.now)
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    revoked_reason: Mapped[str | None] = mapped_column(Text)

    worker: Mapped[Worker] = relationship()
    organisation: Mapped[Organisation | None] = relationship()


class CertificateEntry(db.Model):
    """Which ledger lines a certificate counts."""

    __tablename__ = "certificate_entries"

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("hours_entries.id"), primary_key=True)
