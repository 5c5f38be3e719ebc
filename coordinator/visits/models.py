"""The visit, who goes, and the rule it was made under."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
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


class WeatherKind(StrEnum):
    """What a weather warning is about."""

    TYPHOON = "typhoon"
    RAINSTORM = "rainstorm"
    HEAT = "heat"
    COLD = "cold"
    THUNDER = "thunder"
    WIND = "wind"
    SNOW = "snow"
    ICE = "ice"
    FOG = "fog"
    GEOLOGICAL = "geological"
    OTHER = "other"


class WeatherLevel(StrEnum):
    """The colour of a warning, from the lowest to the highest."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


class SurgeEvent(db.Model):
    """A festival, weather or epidemic event in an area, both days included.

    A cancelled event belongs to no area any more (`area_id` None, the area it was for is `cancelled_from_id`): what
    reads the events of an area cannot count it by mistake.
    """

    __tablename__ = "surge_events"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint(
            "kind = 'extreme_weather' OR (weather IS NULL AND level IS NULL)", name="warnings_are_of_weather"
        ),
        CheckConstraint(
            "(area_id IS NULL) = (cancelled_at IS NOT NULL)"
            " AND (area_id IS NULL) = (cancelled_from_id IS NOT NULL)"
            " AND (area_id IS NULL) = (cancelled_reason IS NOT NULL)",
            name="cancelled_is_nowhere",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    kind: Mapped[SurgeKind] = mapped_column(stored(SurgeKind))
    weather: Mapped[WeatherKind | None] = mapped_column(stored(WeatherKind))
    level: Mapped[WeatherLevel | None] = mapped_column(stored(WeatherLevel))
    name: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date]
    last_day: Mapped[date]
    note: Mapped[str | None] = mapped_column(String(500))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    changed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    cancelled_from_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    cancelled_reason: Mapped[str | None] = mapped_column(String(200))


class CallTarget(StrEnum):
    ELDER = "elder"
    FAMILY = "family"


class CallResult(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"


class SurgeCall(db.Model):
    """One tick on the call list of an event: who was rung, with what result, by whom and when.

    A tick of the elder has the visit that counts; a tick of the family stands beside it and counts for no rule.
    What holds is the latest tick that was not withdrawn. `token` is that of the page on which it was made: sent
    twice it is one tick.
    """

    __tablename__ = "surge_calls"
    __table_args__ = (
        Index("uq_surge_calls_sent_once", "token", "elder_id", "target", "result", unique=True),
        Index(
            "uq_surge_calls_reached",
            "event_id",
            "elder_id",
            "target",
            unique=True,
            postgresql_where="result = 'reached' AND withdrawn_at IS NULL",
        ),
        Index("ix_surge_calls_event_id_elder_id", "event_id", "elder_id"),
        CheckConstraint("(target = 'elder') = (visit_id IS NOT NULL)", name="calls_of_elders_are_contacts"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("surge_events.id"))
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    target: Mapped[CallTarget] = mapped_column(stored(CallTarget))
    result: Mapped[CallResult] = mapped_column(stored(CallResult))
    called_at: Mapped[datetime]
    caller_name: Mapped[str] = mapped_column(String(60))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime] = mapped_column(default=clock.now)
    from_paper: Mapped[bool] = mapped_column(default=False)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visits.id"), unique=True)
    token: Mapped[str] = mapped_column(String(40))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


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


class OwedElder(db.Model):
    """Until when what `owed_obligations` says of an elder is right; the row is made with the elder (trigger).

    `area_id`, `categories` and the obligations are those of `computed_on`, `rules` the rule texts they come from,
    `place_key` orders addresses, `last_contact_on` is the day of the last contact. `swept_on` is the day of the
    nightly run that last came by.
    On the day after `good_until` something changes that no transaction brings: a certificate ends, an epidemic
    begins, the periods that were computed are over. Whoever computes holds this row.
    """

    __tablename__ = "owed_elders"

    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id", ondelete="CASCADE"), primary_key=True)
    area_id: Mapped[int | None] = mapped_column(index=True)
    categories: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    place_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_contact_on: Mapped[date | None]
    rules: Mapped[str | None] = mapped_column(String(64))
    computed_on: Mapped[date | None]
    good_until: Mapped[date | None]
    swept_on: Mapped[date | None]


class OwedObligation(db.Model):
    """An obligation of an elder, ready for counting, filtering and ordering; nothing is shown from it.

    What depends on today (owed, soon, overdue) is not kept: `queries/ready.py` derives it by the engine's rules.
    `blocked` holds from `computed_on` until `good_until` of the elder. `name_key` orders names by pinyin.
    """

    __tablename__ = "owed_obligations"
    __table_args__ = (Index("ix_owed_obligations_area_id_period_to", "area_id", "period_to"),)

    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    area_id: Mapped[int]
    rule: Mapped[str] = mapped_column(String(80))
    event: Mapped[str | None] = mapped_column(String(60))
    tier: Mapped[str | None] = mapped_column(String(30))
    is_key: Mapped[bool]
    home_only: Mapped[bool]
    period_from: Mapped[date]
    period_to: Mapped[date]
    required: Mapped[int] = mapped_column(SmallInteger)
    counted: Mapped[int] = mapped_column(SmallInteger)
    waived: Mapped[str | None] = mapped_column(String(40))
    blocked: Mapped[str | None] = mapped_column(String(40))
    name_key: Mapped[bytes] = mapped_column(LargeBinary)


class OwedStale(db.Model):
    """An elder of whom something has changed that the obligations are computed from. Written by triggers in the
    transaction of the change, taken away by whoever has computed them anew. Without a foreign key: checking it
    would cost every change more than the line itself.
    """

    __tablename__ = "owed_stale"

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(index=True)
