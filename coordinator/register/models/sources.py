"""What other offices say about people: kept beside the register, never written over it by itself."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.elders.models import Elder, ImportBatch
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedJson


class Source(StrEnum):
    """Whose data (江门, 海口: the offices that share them)."""

    HEALTH = "health"
    DISABLED = "disabled"
    RELIEF = "relief"
    ABILITY = "ability"
    OTHER = "other"


class MatchState(StrEnum):
    """Is the person in the register? `unknown` means in no dossier of the area."""

    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


class Decision(StrEnum):
    ACCEPTED = "accepted"
    KEPT = "kept"


class ExternalRecord(db.Model):
    """One person on one office's list, as of `data_on`. A newer row about the same person replaces it.

    `person_key` is a keyed hash of the ID number, else of name, birth date and address. `area_id` is the community
    where it is known, else the street of the list; `street_id` keeps one row per person, source and street.
    """

    __tablename__ = "external_records"
    __table_args__ = (
        CheckConstraint("(match = 'matched') = (elder_id IS NOT NULL)", name="matched_with_a_dossier"),
        Index(
            "uq_external_records_current",
            "street_id",
            "source",
            "person_key",
            unique=True,
            postgresql_where="superseded_at IS NULL",
        ),
        Index("ix_external_records_area_id_source", "area_id", "source"),
        Index("ix_external_records_elder_id", "elder_id"),
        Index("ix_external_records_batch_id", "batch_id"),
        Index("ix_external_records_id_number_hash", "id_number_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))
    row_number: Mapped[int]
    source: Mapped[Source] = mapped_column(stored(Source))
    street_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    name: Mapped[str] = mapped_column(String(60))
    birth_date: Mapped[date | None]
    id_number_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    person_key: Mapped[bytes] = mapped_column(LargeBinary)
    values: Mapped[Any] = mapped_column(EncryptedJson("external_records.values"))
    data_on: Mapped[date]
    match: Mapped[MatchState] = mapped_column(stored(MatchState))
    elder_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"))
    # Ids of the dossiers it may belong to, while that is open.
    candidates: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    # Who said that it belongs to nobody known, or to which of the candidates.
    matched_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    matched_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    superseded_at: Mapped[datetime | None]

    batch: Mapped[ImportBatch] = relationship()
    area: Mapped[Area] = relationship(foreign_keys=[area_id])
    elder: Mapped[Elder | None] = relationship()


class SourceDecision(db.Model):
    """What a person decided about one difference. It holds as long as both sides say what they said then:
    `source_print` and `register_print` are keyed hashes of the two values."""

    __tablename__ = "source_decisions"
    __table_args__ = (
        CheckConstraint("decision <> 'kept' OR reason IS NOT NULL", name="keeping_needs_a_reason"),
        Index("ix_source_decisions_elder_id_source", "elder_id", "source"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    source: Mapped[Source] = mapped_column(stored(Source))
    field: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int | None] = mapped_column(ForeignKey("external_records.id"))
    source_print: Mapped[bytes] = mapped_column(LargeBinary)
    register_print: Mapped[bytes] = mapped_column(LargeBinary)
    decision: Mapped[Decision] = mapped_column(stored(Decision))
    reason: Mapped[str | None] = mapped_column(String(200))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime] = mapped_column(default=clock.now)
