"""The elder's own contact people. The 探访关爱服务联系人 is a worker and stands with the workforce."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel.crypto import EncryptedText

if TYPE_CHECKING:
    from coordinator.elders.models.register import Elder


class FirstContactBasis(StrEnum):
    """Which sentence of the document makes somebody the first visiting contact (泸州 三（一）)."""

    CHILD_HERE = "child_here"
    CHILD_AWAY = "child_away"
    APPOINTED = "appointed"


class FirstVisitingContact(db.Model):
    """第一探访联系人 (泸州 三（一）): a child where there is one, else appointed by street and community.

    `appointed_by` says who appointed somebody who is no child.
    """

    __tablename__ = "first_visiting_contacts"
    __table_args__ = (
        Index(
            "uq_first_visiting_contacts_current", "elder_id", unique=True, postgresql_where="until IS NULL"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    name: Mapped[str] = mapped_column(String(60))
    relation: Mapped[str] = mapped_column(String(30))
    phone: Mapped[str | None] = mapped_column(EncryptedText("first_visiting_contacts.phone"))
    lives_nearby: Mapped[bool] = mapped_column(default=False)
    basis: Mapped[FirstContactBasis | None] = mapped_column(stored(FirstContactBasis))
    appointed_by: Mapped[str | None] = mapped_column(String(120))
    since: Mapped[date]
    until: Mapped[date | None]

    elder: Mapped[Elder] = relationship(back_populates="first_contact")


class EmergencyContact(db.Model):
    """紧急联系人, in the order in which they are called; an active elder is never without one."""

    __tablename__ = "emergency_contacts"
    __table_args__ = (Index("uq_emergency_contacts_elder_id_position", "elder_id", "position", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    position: Mapped[int] = mapped_column(SmallInteger, default=1)
    name: Mapped[str] = mapped_column(String(60))
    relation: Mapped[str] = mapped_column(String(30))
    phone: Mapped[str] = mapped_column(EncryptedText("emergency_contacts.phone"))

    elder: Mapped[Elder] = relationship(back_populates="emergency_contacts")
