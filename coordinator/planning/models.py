"""Plan runs and what they propose. Nothing here is known to a worker before the plan is approved."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.elders.models import Elder
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.workforce.models import Worker

KEY_TIERS = frozenset({"key", "A"})


class PlanState(StrEnum):
    QUEUED = "queued"
    SOLVING = "solving"
    READY = "ready"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    FAILED = "failed"


class PlanStage(StrEnum):
    OBLIGATIONS = "obligations"
    ASSIGN = "assign"
    ROUTE = "route"
    CHECK = "check"
    DRAFT = "draft"


class PlanBatch(db.Model):
    """The drafts of a month for several streets of a county or city, ordered at once. Its plans point here; of a
    street with several the last one counts. `seconds` is the search time of each street.
    """

    __tablename__ = "plan_batches"
    __table_args__ = (
        CheckConstraint("extract(day from month) = 1", name="month_is_a_first_day"),
        CheckConstraint("seconds > 0", name="seconds_positive"),
        Index("ix_plan_batches_area_id_month", "area_id", "month"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    month: Mapped[date]
    seconds: Mapped[int] = mapped_column(Integer)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    stopped_at: Mapped[datetime | None]
    stopped_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    area: Mapped[Area] = relationship()


class Plan(db.Model):
    """One plan of an area for a month. At most one is being solved for an area and month.

    `compared_with_id` is the run that made this plan as one of several to choose from; the run's own plan is the
    first of them and has its own id there.
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("extract(day from month) = 1", name="month_is_a_first_day"),
        CheckConstraint("(state = 'approved') <= (approved_at IS NOT NULL)", name="approval_is_dated"),
        Index(
            "uq_plans_running",
            "area_id",
            "month",
            unique=True,
            postgresql_where="state IN ('queued', 'solving')",
        ),
        Index("uq_plans_approved", "area_id", "month", unique=True, postgresql_where="state = 'approved'"),
        Index("ix_plans_area_id_month", "area_id", "month"),
        Index("ix_plans_compared_with_id", "compared_with_id"),
        Index("ix_plans_batch_id", "batch_id", postgresql_where="batch_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    month: Mapped[date]
    state: Mapped[PlanState] = mapped_column(stored(PlanState), default=PlanState.QUEUED)
    stage: Mapped[PlanStage | None] = mapped_column(stored(PlanStage))
    percent: Mapped[int] = mapped_column(SmallInteger, default=0)
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    best: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    heartbeat_at: Mapped[datetime | None]
    stop_requested_at: Mapped[datetime | None]
    stop_requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    seed: Mapped[int] = mapped_column(Integer, default=1)
    time_limit_seconds: Mapped[int] = mapped_column(Integer, default=60)
    based_on_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("plan_batches.id"))
    compared_with_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    policy_version_id: Mapped[int | None] = mapped_column(ForeignKey("policy_versions.id"))
    scenario: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    result: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    score: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    violations: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    error: Mapped[str | None] = mapped_column(Text)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None]

    area: Mapped[Area] = relationship()
    routes: Mapped[list[PlanRoute]] = relationship(
        back_populates="plan", order_by="PlanRoute.day, PlanRoute.letter", passive_deletes=True
    )
    stops: Mapped[list[PlanStop]] = relationship(back_populates="plan", passive_deletes=True)


class PlanRoute(db.Model):
    """One worker's day. `letter` numbers the routes of a day from 0 (甲, 乙, …); seconds are from local
    midnight.
    """

    __tablename__ = "plan_routes"
    __table_args__ = (
        Index("uq_plan_routes_plan_id_day_worker_id", "plan_id", "day", "worker_id", unique=True),
        CheckConstraint("departure_seconds <= arrival_seconds", name="times_in_order"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    day: Mapped[date]
    letter: Mapped[int] = mapped_column(SmallInteger)
    departure_seconds: Mapped[int] = mapped_column(Integer)
    arrival_seconds: Mapped[int] = mapped_column(Integer)
    travel_seconds: Mapped[int] = mapped_column(Integer)
    travel_metres: Mapped[int] = mapped_column(Integer)

    plan: Mapped[Plan] = relationship(back_populates="routes")
    worker: Mapped[Worker] = relationship()
    stops: Mapped[list[PlanStop]] = relationship(back_populates="route", order_by="PlanStop.position")


class PlanStop(db.Model):
    """One visit of the plan: on a route, or unassigned with a reason. A visit of two workers has two rows with
    the same `visit_key` (the scenario's visit id, '<elder id>#<k>'; with '!' one that was never in the scenario).
    `label` is the rule in few words; `rule` is empty where a visit arranged by hand serves no rule.
    """

    __tablename__ = "plan_stops"
    __table_args__ = (
        Index("uq_plan_stops_plan_id_visit_key_route_id", "plan_id", "visit_key", "route_id", unique=True),
        Index("ix_plan_stops_route_id", "route_id"),
        Index("ix_plan_stops_visit_id", "visit_id"),
        CheckConstraint("(route_id IS NULL) = (position IS NULL)", name="position_on_a_route"),
        CheckConstraint("(route_id IS NULL) = (start_seconds IS NULL)", name="times_on_a_route"),
        CheckConstraint("(route_id IS NULL) <= (reason IS NOT NULL)", name="unassigned_has_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("plan_routes.id", ondelete="CASCADE"))
    visit_key: Mapped[str] = mapped_column(String(60))
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    rule: Mapped[str] = mapped_column(String(80))
    tier: Mapped[str | None] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(120), default="", server_default="")
    period_from: Mapped[date]
    period_to: Mapped[date]
    position: Mapped[int | None] = mapped_column(SmallInteger)
    arrival_seconds: Mapped[int | None] = mapped_column(Integer)
    start_seconds: Mapped[int | None] = mapped_column(Integer)
    end_seconds: Mapped[int | None] = mapped_column(Integer)
    is_companion: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[bool] = mapped_column(default=False)
    people: Mapped[int] = mapped_column(SmallInteger, default=1)
    needs_skills: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default="{}", default=list)
    reason: Mapped[str | None] = mapped_column(String(60))
    reason_detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visits.id"))

    @property
    def is_key(self) -> bool:
        """Whether the obligation is of the pack's most urgent tier (重点, or 江门's A)."""
        return self.tier in KEY_TIERS

    plan: Mapped[Plan] = relationship(back_populates="stops")
    route: Mapped[PlanRoute | None] = relationship(back_populates="stops")
    elder: Mapped[Elder] = relationship()


class PlanCall(db.Model):
    """A call by telephone or video that the month owes: given to somebody in free time beside the routes, or
    nobody's with a reason. Seconds are from local midnight. `why` and `reason` are codes of `routing.calls`
    (words in `labels.py`). `label` names every rule the call meets, the period is what they have in common.
    `by_hand` was given by a coordinator and stays. `token` is that of the page on which it was last ticked,
    `visit_id` the contact that this made.
    """

    __tablename__ = "plan_calls"
    __table_args__ = (
        Index("ix_plan_calls_plan_id", "plan_id"),
        Index("ix_plan_calls_worker_id_day", "worker_id", "day"),
        CheckConstraint("period_from <= period_to", name="period_in_order"),
        CheckConstraint("(worker_id IS NULL) = (day IS NULL)", name="given_for_a_day"),
        CheckConstraint("(worker_id IS NULL) = (start_seconds IS NULL)", name="given_for_a_time"),
        CheckConstraint("(worker_id IS NULL) = (reason IS NOT NULL)", name="left_has_a_reason"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    label: Mapped[str] = mapped_column(String(240))
    period_from: Mapped[date]
    period_to: Mapped[date]
    minutes: Mapped[int] = mapped_column(SmallInteger)
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"))
    day: Mapped[date | None]
    start_seconds: Mapped[int | None] = mapped_column(Integer)
    why: Mapped[str | None] = mapped_column(String(20))
    by_hand: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None] = mapped_column(String(20))
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visits.id"))
    token: Mapped[str | None] = mapped_column(String(40))

    plan: Mapped[Plan] = relationship()
    elder: Mapped[Elder] = relationship()
    worker: Mapped[Worker | None] = relationship()


class RouteSheet(db.Model):
    """A printed sheet: numbered, valid for its day, returned or destroyed; a newer issue voids it.

    `content_sha256` is of what is printed, so that a sheet whose content has changed gets a new number.
    """

    __tablename__ = "route_sheets"
    __table_args__ = (
        Index("uq_route_sheets_number", "number", unique=True),
        Index("uq_route_sheets_current", "route_id", unique=True, postgresql_where="voided_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    route_id: Mapped[int] = mapped_column(ForeignKey("plan_routes.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40), unique=True)
    content_sha256: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime] = mapped_column(default=clock.now)
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]

    route: Mapped[PlanRoute] = relationship()


class StudyKind(StrEnum):
    """What is worked out about a finished plan: what would help each missing visit, what the area lacks."""

    REMEDIES = "remedies"
    SHORTAGE = "shortage"


class StudyState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class PlanStudy(db.Model):
    """Work that looks at a plan without changing it, one row for each kind. `fingerprint` is of the plan it was
    made for: a plan that was changed since has another. `round` counts how often it was asked for.
    """

    __tablename__ = "plan_studies"
    __table_args__ = (
        Index("uq_plan_studies_plan_id_kind", "plan_id", "kind", unique=True),
        CheckConstraint("done BETWEEN 0 AND total", name="done_of_total"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    kind: Mapped[StudyKind] = mapped_column(stored(StudyKind))
    state: Mapped[StudyState] = mapped_column(stored(StudyState), default=StudyState.QUEUED)
    round: Mapped[int] = mapped_column(SmallInteger, default=1)
    starts: Mapped[int] = mapped_column(SmallInteger, default=0)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    fingerprint: Mapped[str] = mapped_column(String(64), default="")
    result: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    plan: Mapped[Plan] = relationship()


class PlanRemedy(db.Model):
    """A change that was proven to get a missing visit made: `edits` and `detail` are the engine's, the figures what
    solving again gained. `change` says it in the site's terms (`steps.py`), `before` holds the values of
    the worker or the elder that the change starts from.
    """

    __tablename__ = "plan_remedies"
    __table_args__ = (
        Index("uq_plan_remedies_stop_id_position", "stop_id", "position", unique=True),
        Index("ix_plan_remedies_plan_id", "plan_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    stop_id: Mapped[int] = mapped_column(ForeignKey("plan_stops.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    code: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    edits: Mapped[list[Any]] = mapped_column(server_default="[]", default=list)
    change: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    before: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    visits: Mapped[int] = mapped_column(Integer)
    statutory: Mapped[int] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer)
    travel_seconds: Mapped[int] = mapped_column(Integer)
    effort: Mapped[float] = mapped_column(Double)

    plan: Mapped[Plan] = relationship()
    stop: Mapped[PlanStop] = relationship()


class QuestionState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class WorkerQuestion(db.Model):
    """Something a worker is asked to agree to: further hours on some days, a wider radius, one visit more. Nothing
    of theirs changes before they accept. `change` is what would change, `mark` its hash: the same thing is asked
    once at a time. `code` is the remedy's. `elder_id` is whom it would help; the worker does not see it.
    """

    __tablename__ = "worker_questions"
    __table_args__ = (
        Index(
            "uq_worker_questions_open", "worker_id", "mark", unique=True, postgresql_where="state = 'asked'"
        ),
        Index("ix_worker_questions_plan_id", "plan_id"),
        CheckConstraint("(state = 'asked') = (closed_at IS NULL)", name="closing_is_dated"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id", ondelete="SET NULL"))
    elder_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"))
    code: Mapped[str] = mapped_column(String(40))
    change: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    mark: Mapped[str] = mapped_column(String(64))
    visits: Mapped[int] = mapped_column(SmallInteger, default=1)
    state: Mapped[QuestionState] = mapped_column(stored(QuestionState), default=QuestionState.ASKED)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    worker: Mapped[Worker] = relationship()
    area: Mapped[Area] = relationship()
    plan: Mapped[Plan | None] = relationship()
