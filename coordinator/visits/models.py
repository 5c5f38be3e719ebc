"""The visit, who goes, and the rule it was made under."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.elders.models import Elder
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedText
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.workforce.models import Worker


class PolicyVersion(db.Model):
    """A rule pack as it was when it was stored; never changed (trigger)."""

    __tablename__ = "policy_versions"
    __table_args__ = (Index("uq_policy_versions_pack_sha256", "pack", "sha256", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    pack: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(30))
    valid_from: Mapped[date]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)
    stored_at: Mapped[datetime] = mapped_column(default=clock.now)


class SurgeKind(StrEnum):
    FESTIVAL = "festival"
    EXTREME_WEATHER = "extreme_weather"
    EPIDEMIC = "epidemic"


class SurgeEvent(db.Model):
    """A festival, weather or epidemic event in an area, both days included."""

    __tablename__ = "surge_events"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="days_in_order"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    kind: Mapped[SurgeKind] = mapped_column(stored(SurgeKind))
    name: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date]
    last_day: Mapped[date]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Visit(db.Model):
    """One visit to one elder: first a need, then somebody's, then closed with a contact that the rules count.

    `starts_at`/`ends_at` are the planned moments of service. `contact_*` is what the policy reads; it exists
    exactly when the visit is closed. `contact_note` is what was said on the telephone: a visit at home has a
    record instead. `sequence` is the 「第__次」 of the paper form.
    """

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="times_in_order"),
        CheckConstraint("people BETWEEN 1 AND 2", name="one_or_two_people"),
        CheckConstraint("period_from <= period_to", name="period_in_order"),
        CheckConstraint(
            "(state IN ('completed', 'not_met')) = (contact_on IS NOT NULL)"
            " AND (contact_on IS NULL) = (contact_mode IS NULL)"
            " AND (contact_on IS NULL) = (contact_outcome IS NULL)",
            name="closed_visits_have_a_contact",
        ),
        CheckConstraint(
            "(state = 'cancelled') = (cancelled_reason IS NOT NULL)", name="cancelled_with_reason"
        ),
        Index("uq_visits_elder_id_sequence", "elder_id", "sequence", unique=True),
        Index("ix_visits_elder_id_contact_on", "elder_id", "contact_on"),
        Index("ix_visits_area_id_state_starts_at", "area_id", "state", "starts_at"),
        Index("ix_visits_plan_id", "plan_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    state: Mapped[VisitState] = mapped_column(stored(VisitState), default=VisitState.OPEN)
    mode: Mapped[ContactMode] = mapped_column(stored(ContactMode), default=ContactMode.HOME)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    people: Mapped[int] = mapped_column(SmallInteger, default=1)
    needs_skills: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    is_statutory: Mapped[bool] = mapped_column(default=True)
    rule: Mapped[str | None] = mapped_column(String(80))
    period_from: Mapped[date | None]
    period_to: Mapped[date | None]
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_versions.id"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    cancelled_reason: Mapped[str | None] = mapped_column(String(200))
    contact_on: Mapped[date | None]
    contact_mode: Mapped[ContactMode | None] = mapped_column(stored(ContactMode, "contact_mode_known"))
    contact_outcome: Mapped[ContactOutcome | None] = mapped_column(stored(ContactOutcome))
    contact_note: Mapped[str | None] = mapped_column(EncryptedText("visits.contact_note"))
    sequence: Mapped[int | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    elder: Mapped[Elder] = relationship()
    area: Mapped[Area] = relationship()
    policy_version: Mapped[PolicyVersion | None] = relationship()
    assignments: Mapped[list[Assignment]] = relationship(back_populates="visit", order_by="Assignment.id")


class Assignment(db.Model):
    """One worker on one visit. Nobody can be in two places: `during` of a worker's live assignments never
    overlap (EXCLUDE constraint). `companion` marks the minor who goes beside the adult.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        Index(
            "uq_assignments_live",
            "visit_id",
            "worker_id",
            unique=True,
            postgresql_where="state IN ('approved', 'done')",
        ),
        Index("ix_assignments_worker_id_state", "worker_id", "state"),
        ExcludeConstraint(
            (text("int8range(worker_id, worker_id, '[]')"), "&&"),
            ("during", "&&"),
            name="one_place_at_a_time",
            where="state = 'approved'",
            using="gist",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[AssignmentState] = mapped_column(stored(AssignmentState), default=AssignmentState.APPROVED)
    is_companion: Mapped[bool] = mapped_column(default=False)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(200))

    visit: Mapped[Visit] = relationship(back_populates="assignments")
    worker: Mapped[Worker] = relationship()


class OverdueReason(db.Model):
    """Why an obligation was not met in time, written by a coordinator. It changes no status."""

    __tablename__ = "overdue_reasons"
    __table_args__ = (Index("uq_overdue_reasons_one", "elder_id", "rule", "period_from", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    rule: Mapped[str] = mapped_column(String(80))
    period_from: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    written_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    written_at: Mapped[datetime] = mapped_column(default=clock.now)


class CoverageSnapshot(db.Model):
    """The monthly figures of an area as first counted; later changes do not alter them (trigger)."""

    __tablename__ = "coverage_snapshots"
    __table_args__ = (Index("uq_coverage_snapshots_area_id_month", "area_id", "month", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    month: Mapped[date]
    elders: Mapped[int] = mapped_column(Integer)
    contacted: Mapped[int] = mapped_column(Integer)
    all_met: Mapped[int] = mapped_column(Integer)
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    taken_at: Mapped[datetime] = mapped_column(default=clock.now)
