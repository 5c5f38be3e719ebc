"""Workers of the 五社 workforce and what makes them fit for duty."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import Organisation, User
from coordinator.elders.models import Elder, Sex, Skill
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedBytes, EncryptedJson, EncryptedText


class WorkerKind(StrEnum):
    """Worker types named by 陕西 and 泸州 (requirements 1.7)."""

    COMMITTEE_MEMBER = "committee_member"
    GRID_MEMBER = "grid_member"
    FAMILY_DOCTOR = "family_doctor"
    CARE_STAFF = "care_staff"
    SOCIAL_WORKER = "social_worker"
    VOLUNTEER = "volunteer"
    STUDENT = "student"
    PARTY_MEMBER = "party_member"
    YOUNGER_SENIOR = "younger_senior"
    NEIGHBOUR = "neighbour"
    RELATIVE = "relative"
    SENIOR_ASSOCIATION = "senior_association"
    OWNERS_COMMITTEE = "owners_committee"
    PROPERTY_STAFF = "property_staff"
    COURIER = "courier"
    OFFICE_STAFF = "office_staff"
    CIVIL_AFFAIRS = "civil_affairs"
    CHARITY = "charity"


class WorkerStatus(StrEnum):
    APPLIED = "applied"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    LEFT = "left"


class TravelMode(StrEnum):
    WALK = "walk"
    BIKE = "bike"
    CAR = "car"


class CredentialKind(StrEnum):
    """Duty gates of the 志愿服务条例: training (16), insurance (17), health (15), agreement (14)."""

    TRAINING = "training"
    INSURANCE = "insurance"
    HEALTH_DECLARATION = "health_declaration"
    AGREEMENT = "agreement"
    PROFESSIONAL = "professional"


class Worker(db.Model):
    """A person who visits. `area_id` is the street or community served; travel starts at the given place.
    The birth date is required, because a minor is never alone in an elder's home. `wanted` are the kinds of visit
    wished for, empty: any. `school_named`: a student's school that is not in the system, as typed, until somebody
    links it. A neighbour or relative may be tied to one elder and then visits nobody else.
    """

    __tablename__ = "workers"
    __table_args__ = (
        CheckConstraint("(id_number IS NULL) = (id_number_hash IS NULL)", name="id_number_with_hash"),
        CheckConstraint(
            "kind <> 'student' OR organisation_id IS NOT NULL OR school_named IS NOT NULL",
            name="students_have_a_school",
        ),
        CheckConstraint("service_radius_metres > 0", name="radius_positive"),
        CheckConstraint(
            "max_visits_day BETWEEN 1 AND 20 AND max_visits_week BETWEEN 1 AND 100"
            " AND max_visits_month BETWEEN 1 AND 400",
            name="limits_sensible",
        ),
        CheckConstraint(
            "start_latitude BETWEEN 3 AND 54 AND start_longitude BETWEEN 73 AND 136", name="starts_in_china"
        ),
        CheckConstraint("(end_latitude IS NULL) = (end_longitude IS NULL)", name="end_in_pairs"),
        CheckConstraint("(status <> 'approved') OR (approved_at IS NOT NULL)", name="approval_is_dated"),
        CheckConstraint(
            "(identity_verified_at IS NULL) = (identity_verified_by_id IS NULL)",
            name="identity_seen_by_somebody",
        ),
        Index("uq_workers_id_number_hash", "id_number_hash", unique=True),
        Index("uq_workers_user_id", "user_id", unique=True),
        Index("uq_workers_volunteer_number", "volunteer_number", unique=True),
        Index("ix_workers_area_id_status_name", "area_id", "status", "name"),
        Index("ix_workers_organisation_id", "organisation_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    kind: Mapped[WorkerKind] = mapped_column(stored(WorkerKind))
    status: Mapped[WorkerStatus] = mapped_column(stored(WorkerStatus), default=WorkerStatus.APPLIED)
    name: Mapped[str] = mapped_column(String(60))
    sex: Mapped[Sex] = mapped_column(stored(Sex))
    birth_date: Mapped[date]
    id_number: Mapped[str | None] = mapped_column(EncryptedText("workers.id_number"))
    id_number_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[str | None] = mapped_column(EncryptedText("workers.phone"))
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    volunteer_number: Mapped[str | None] = mapped_column(String(30))
    school_named: Mapped[str | None] = mapped_column(String(80))
    student_class: Mapped[str | None] = mapped_column(String(40))
    student_number: Mapped[str | None] = mapped_column(String(30))
    travel_mode: Mapped[TravelMode] = mapped_column(stored(TravelMode), default=TravelMode.WALK)
    start_address: Mapped[str | None] = mapped_column(String(200))
    start_latitude: Mapped[float] = mapped_column(Double)
    start_longitude: Mapped[float] = mapped_column(Double)
    end_latitude: Mapped[float | None] = mapped_column(Double)
    end_longitude: Mapped[float | None] = mapped_column(Double)
    service_radius_metres: Mapped[int] = mapped_column(default=2500)
    max_visits_day: Mapped[int] = mapped_column(SmallInteger, default=6)
    max_visits_week: Mapped[int] = mapped_column(SmallInteger, default=15)
    max_visits_month: Mapped[int] = mapped_column(SmallInteger, default=40)
    max_hours_week: Mapped[int | None] = mapped_column(SmallInteger)
    dialects: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    wanted: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    tied_elder_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"), index=True)
    identity_verified_at: Mapped[datetime | None]
    identity_verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    applied_at: Mapped[datetime] = mapped_column(default=clock.now)
    approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    notes: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)

    area: Mapped[Area] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    user: Mapped[User | None] = relationship(foreign_keys=[user_id])
    skills: Mapped[list[WorkerSkill]] = relationship(back_populates="worker", order_by="WorkerSkill.skill")
    credentials: Mapped[list[Credential]] = relationship(back_populates="worker", order_by="Credential.id")
    guardians: Mapped[list[Guardian]] = relationship(back_populates="worker", order_by="Guardian.id")
    availability: Mapped[list[Availability]] = relationship(
        back_populates="worker", order_by="(Availability.weekday, Availability.starts)"
    )
    exceptions: Mapped[list[AvailabilityException]] = relationship(
        back_populates="worker", order_by="AvailabilityException.first_day"
    )
    bars: Mapped[list[Bar]] = relationship(back_populates="worker", order_by="Bar.elder_id")


class WorkerSkill(db.Model):
    """A skill of a worker, once somebody has verified it."""

    __tablename__ = "worker_skills"

    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    skill: Mapped[Skill] = mapped_column(stored(Skill), primary_key=True)
    verified_on: Mapped[date | None]

    worker: Mapped[Worker] = relationship(back_populates="skills")


class Credential(db.Model):
    """Training, insurance, health declaration, agreement or licence, with the last valid day.

    `stands`: it opens the duty gate. What the worker declared (`declared_at`) does not stand until somebody has
    verified it, where the own word is not enough; `answers` are those of a health declaration, as JSON.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="dates_in_order"),
        CheckConstraint("(refused_at IS NULL) = (refused_reason IS NULL)", name="refused_with_a_reason"),
        CheckConstraint("refused_at IS NULL OR NOT stands", name="refused_does_not_stand"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    kind: Mapped[CredentialKind] = mapped_column(stored(CredentialKind))
    number: Mapped[str | None] = mapped_column(EncryptedText("credentials.number"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    stands: Mapped[bool] = mapped_column(server_default="true", default=True)
    answers: Mapped[Any | None] = mapped_column(EncryptedJson("credentials.answers"), nullable=True)
    declared_at: Mapped[datetime | None]
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    refused_at: Mapped[datetime | None]
    refused_reason: Mapped[str | None] = mapped_column(String(200))

    worker: Mapped[Worker] = relationship(back_populates="credentials")
    papers: Mapped[list[CredentialPaper]] = relationship(
        back_populates="credential", order_by="CredentialPaper.id", cascade="all, delete-orphan"
    )


class CredentialPaper(db.Model):
    """A photograph or scan of what the worker declares, for the coordinator who verifies it. It goes with its
    credential, and when nobody needs it any more.
    """

    __tablename__ = "credential_papers"
    __table_args__ = (
        CheckConstraint("mime IN ('image/jpeg', 'image/png', 'application/pdf')", name="kinds_of_file"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    credential_id: Mapped[int] = mapped_column(ForeignKey("credentials.id"), index=True)
    mime: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(EncryptedBytes("credential_papers.content"), deferred=True)
    uploaded_at: Mapped[datetime] = mapped_column(default=clock.now)

    credential: Mapped[Credential] = relationship(back_populates="papers")


class Guardian(db.Model):
    """Guardian of a minor and the consent given (教思政〔2015〕1号 第3条); withdrawal stops future visits.

    `confirmed_at`: the guardian said so through the link sent to their own telephone; None: on paper.
    """

    __tablename__ = "guardians"
    __table_args__ = (CheckConstraint("valid_to IS NULL OR valid_to >= given_on", name="dates_in_order"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    relation: Mapped[str] = mapped_column(String(30))
    phone: Mapped[str] = mapped_column(EncryptedText("guardians.phone"))
    scope: Mapped[str] = mapped_column(String(120))
    given_on: Mapped[date]
    valid_to: Mapped[date | None]
    confirmed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    birth_date: Mapped[date | None]

    worker: Mapped[Worker] = relationship(back_populates="guardians")


class Availability(db.Model):
    """Weekly hours: weekday 0 is Monday; a weekday may have two spans that do not touch."""

    __tablename__ = "availability"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekdays"),
        CheckConstraint("starts < ends", name="hours_in_order"),
        Index("uq_availability_worker_id_weekday_starts", "worker_id", "weekday", "starts", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    starts: Mapped[time]
    ends: Mapped[time]

    worker: Mapped[Worker] = relationship(back_populates="availability")


class AvailabilityException(db.Model):
    """Days off, both ends included; with hours, times beside the weekly ones that were agreed to for these days."""

    __tablename__ = "availability_exceptions"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("(starts IS NULL) = (ends IS NULL)", name="hours_in_pairs"),
        CheckConstraint("starts < ends", name="hours_in_order"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    starts: Mapped[time | None]
    ends: Mapped[time | None]
    note: Mapped[str | None] = mapped_column(String(120))

    worker: Mapped[Worker] = relationship(back_populates="exceptions")

    @property
    def is_leave(self) -> bool:
        """Whether the worker does not come on these days."""
        return self.starts is None


class ContactPart(StrEnum):
    """main: the 联系人 of the 广东 document, one at a time · helper: one more of 多帮一 (陕西)."""

    MAIN = "main"
    HELPER = "helper"


class ServiceContact(db.Model):
    """探访关爱服务联系人 (粤民发〔2023〕95号): the worker paired with an elder, kept stable; one is the main one,
    others may help (一帮一、多帮一、一帮多, 陕西).
    """

    __tablename__ = "service_contacts"
    __table_args__ = (
        Index(
            "uq_service_contacts_current",
            "elder_id",
            unique=True,
            postgresql_where="until IS NULL AND part = 'main'",
        ),
        Index(
            "uq_service_contacts_once", "elder_id", "worker_id", unique=True, postgresql_where="until IS NULL"
        ),
        Index("ix_service_contacts_worker_id", "worker_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    part: Mapped[ContactPart] = mapped_column(
        stored(ContactPart), default=ContactPart.MAIN, server_default=ContactPart.MAIN.value
    )
    since: Mapped[date]
    until: Mapped[date | None]

    elder: Mapped[Elder] = relationship()
    worker: Mapped[Worker] = relationship()


class Bar(db.Model):
    """'Not this elder' or 'not this worker': no reason is kept."""

    __tablename__ = "bars"

    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    worker: Mapped[Worker] = relationship(back_populates="bars")
    elder: Mapped[Elder] = relationship()
