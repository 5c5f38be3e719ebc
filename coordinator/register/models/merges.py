"""Two dossiers of one person: what a person decided about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedJson


class Merge(db.Model):
    """One dossier taken into another, append-only (trigger). `before` is the closed one as it stood, `chosen` which
    side gave each value, `moved` what went along; nothing is erased."""

    __tablename__ = "dossier_merges"
    __table_args__ = (
        CheckConstraint("kept_id <> closed_id", name="two_dossiers"),
        Index("uq_dossier_merges_closed_id", "closed_id", unique=True),
        Index("ix_dossier_merges_kept_id", "kept_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    closed_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    before: Mapped[Any] = mapped_column(EncryptedJson("dossier_merges.before"))
    chosen: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    moved: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    reason: Mapped[str | None] = mapped_column(String(200))
    merged_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    merged_at: Mapped[datetime] = mapped_column(default=clock.now)

    kept: Mapped[Elder] = relationship(foreign_keys=[kept_id])
    closed: Mapped[Elder] = relationship(foreign_keys=[closed_id])


class DifferentPeople(db.Model):
    """Two dossiers that look alike and were said to be two people; they are not proposed again."""

    __tablename__ = "different_people"
    __table_args__ = (CheckConstraint("first_id < second_id", name="lower_id_first"),)

    first_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime] = mapped_column(default=clock.now)
