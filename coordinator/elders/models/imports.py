"""Spreadsheets on their way into the register."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedJson, EncryptedText


class ImportKind(StrEnum):
    ELDERS = "elders"
    WORKERS = "workers"
    # An organisation's own people, imported by its manager.
    ROSTER = "roster"
    # Lists of other offices: they never write to the register by themselves (coordinator.register).
    HEALTH = "source_health"
    DISABLED = "source_disabled"
    RELIEF = "source_relief"
    ABILITY = "source_ability"
    OTHER = "source_other"


class ImportState(StrEnum):
    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    DISCARDED = "discarded"


class RowOutcome(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    SAME = "same"
    ASK = "ask"
    REFUSE = "refuse"


class RowDecision(StrEnum):
    """What a person decided about a row that resembles somebody known."""

    UPDATE = "update"
    CREATE = "create"
    SKIP = "skip"


class ImportBatch(db.Model):
    """One uploaded spreadsheet: checked row by row (dry run), then applied in one transaction.

    `headings` are those of the sheet, each with the key of the column it was understood as (or null). A roster
    belongs to its organisation, and only that organisation's managers see it.
    """

    __tablename__ = "import_batches"
    __table_args__ = (
        CheckConstraint("rows_done <= rows_total", name="progress"),
        CheckConstraint(
            "(kind = 'roster') = (organisation_id IS NOT NULL)", name="rosters_have_an_organisation"
        ),
        Index("ix_import_batches_area_id_created_at", "area_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ImportKind] = mapped_column(stored(ImportKind))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    filename: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    coordinate_system: Mapped[str | None] = mapped_column(String(10))
    state: Mapped[ImportState] = mapped_column(stored(ImportState), default=ImportState.UPLOADED)
    rows_total: Mapped[int] = mapped_column(default=0)
    rows_done: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    headings: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    notices: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    checked_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]

    area: Mapped[Area] = relationship()


class ImportFile(db.Model):
    """The uploaded file (base64, encrypted) from upload to check. It lies in the database so that a worker on
    another machine can read it and it goes in the transaction that ends the check."""

    __tablename__ = "import_files"

    batch_id: Mapped[int] = mapped_column(
        ForeignKey("import_batches.id", ondelete="CASCADE"), primary_key=True
    )
    content: Mapped[str] = mapped_column(EncryptedText("import_files.content"))


class ImportRow(db.Model):
    """One row of a batch. Everything in it may be personal data and is encrypted; the rows go some time after
    the batch is settled.

    `cells` are those of the sheet, `values` what was understood (by column key), `problems` what is wrong with
    which cell, `details` the changes to an existing dossier and the persons the row resembles.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        Index("uq_import_rows_batch_id_number", "batch_id", "number", unique=True),
        Index("ix_import_rows_batch_id_outcome", "batch_id", "outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id", ondelete="CASCADE"))
    number: Mapped[int]
    outcome: Mapped[RowOutcome] = mapped_column(stored(RowOutcome))
    decision: Mapped[RowDecision | None] = mapped_column(stored(RowDecision))
    applied: Mapped[bool] = mapped_column(default=False)
    cells: Mapped[Any] = mapped_column(EncryptedJson("import_rows.cells"))
    values: Mapped[Any] = mapped_column(EncryptedJson("import_rows.values"), nullable=True)
    problems: Mapped[Any] = mapped_column(EncryptedJson("import_rows.problems"), nullable=True)
    details: Mapped[Any] = mapped_column(EncryptedJson("import_rows.details"), nullable=True)
    target_id: Mapped[int | None]
