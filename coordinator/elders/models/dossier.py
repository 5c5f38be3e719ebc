"""What a dossier holds beside the printed form: devices, papers, versions, answers to questions, former facts."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedBytes, EncryptedJson, EncryptedText

if TYPE_CHECKING:
    from coordinator.elders.models.register import Elder


class DeviceKind(StrEnum):
    """智能终端 named by the documents (陕西, 泸州, 海口)."""

    CALL = "call"  # 智能呼叫
    ONE_KEY = "one_key"  # 应急呼叫“一键通”
    METER = "meter"  # 智能电表、水表
    HEALTH = "health"  # 健康监测
    CARE = "care"  # 养老监护装置
    GAS_ALARM = "gas_alarm"  # 燃气报警器
    SMOKE_ALARM = "smoke_alarm"  # 烟雾报警器
    OTHER = "other"


class PaperKind(StrEnum):
    IDENTITY = "identity"  # 证件
    DISABILITY = "disability"  # 残疾人证
    ASSESSMENT = "assessment"  # 能力评估
    ASSISTANCE = "assistance"  # 低保、特困证明
    CONSENT = "consent"  # 意愿书
    REFUSAL = "refusal"  # 拒绝情况记录
    HOUSE = "house"  # 房屋照片
    OTHER = "other"


class ElderDevice(db.Model):
    """A device in the elder's home; `identifier` (its number or SIM card) is found by nobody else."""

    __tablename__ = "elder_devices"
    __table_args__ = (
        CheckConstraint("removed_on IS NULL OR removed_on >= installed_on", name="removed_after_installed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), index=True)
    kind: Mapped[DeviceKind] = mapped_column(stored(DeviceKind))
    identifier: Mapped[str | None] = mapped_column(EncryptedText("elder_devices.identifier"))
    installed_on: Mapped[date | None]
    working: Mapped[bool | None]
    note: Mapped[str | None] = mapped_column(String(200))
    removed_on: Mapped[date | None]

    elder: Mapped[Elder] = relationship(back_populates="devices")


class DossierPaper(db.Model):
    """A photograph or scan. Once removed the content is gone; the line with its reason stays."""

    __tablename__ = "dossier_papers"
    __table_args__ = (
        CheckConstraint("(removed_at IS NULL) = (content IS NOT NULL)", name="content_until_removed"),
        CheckConstraint("removed_at IS NULL OR removed_reason IS NOT NULL", name="removal_needs_a_reason"),
        CheckConstraint("mime IN ('image/jpeg', 'image/png', 'application/pdf')", name="kinds_of_file"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), index=True)
    kind: Mapped[PaperKind] = mapped_column(stored(PaperKind))
    title: Mapped[str] = mapped_column(String(80))
    mime: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes | None] = mapped_column(EncryptedBytes("dossier_papers.content"), deferred=True)
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    uploaded_by: Mapped[str] = mapped_column(String(60))
    uploaded_at: Mapped[datetime] = mapped_column(default=clock.now)
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None] = mapped_column(String(60))
    removed_reason: Mapped[str | None] = mapped_column(String(200))


class DossierVersion(db.Model):
    """The whole dossier as it stood after one change, encrypted; append-only (trigger).

    `number` counts from 1 per elder; `changed` are the names of the fields that this change touched.
    """

    __tablename__ = "dossier_versions"
    __table_args__ = (
        Index("uq_dossier_versions_elder_id_number", "elder_id", "number", unique=True),
        Index("ix_dossier_versions_elder_id_at", "elder_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str] = mapped_column(String(60))
    source: Mapped[str] = mapped_column(String(40), default="manual")
    changed: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    content: Mapped[Any] = mapped_column(EncryptedJson("dossier_versions.content"))


class EarlierFacts(db.Model):
    """What the rules knew of an elder up to and including `until`: a change reaches no period that had ended."""

    __tablename__ = "elder_earlier_facts"
    __table_args__ = (Index("uq_elder_earlier_facts_elder_id_until", "elder_id", "until", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    until: Mapped[date]
    facts: Mapped[dict[str, Any]]


class CategoryAnswer(db.Model):
    """The answer to a question about a category that contradicts the facts (情况属实，因为…). `facts_sha256` stands
    for the facts it was asked of: when they change, it is asked again."""

    __tablename__ = "category_answers"
    __table_args__ = (Index("ix_category_answers_elder_id_category", "elder_id", "category"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    category: Mapped[str] = mapped_column(String(40))
    recorded: Mapped[bool]
    facts_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(EncryptedText("category_answers.reason"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    actor_name: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(default=clock.now)
