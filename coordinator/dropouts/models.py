"""No-shows with their appeals, swaps, and the search for a stand-in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import User
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker


class NoShowState(StrEnum):
    """reported: said by somebody who was there, a coordinator has to look · recorded: stands · appealed: the worker
    says otherwise, it counts for nothing meanwhile · upheld: looked at by another person and stands · lifted: taken
    back, or never confirmed.
    """

    REPORTED = "reported"
    RECORDED = "recorded"
    APPEALED = "appealed"
    UPHELD = "upheld"
    LIFTED = "lifted"


class NoShow(db.Model):
    """Somebody who was to go did not come, recorded by a named person, never by a clock alone.

    It is about one assignment, because a visit that was missed may be given a new time; lifted ones stay beside the
    one that stands. `recorded_by` was there or is a coordinator; `confirmed_by` is the coordinator on whose word it
    stands.
    """

    __tablename__ = "no_shows"
    __table_args__ = (
        Index("uq_no_shows_standing", "assignment_id", unique=True, postgresql_where="state <> 'lifted'"),
        Index("ix_no_shows_visit_id", "visit_id"),
        Index("ix_no_shows_worker_id", "worker_id"),
        CheckConstraint("(appealed_at IS NULL) = (appeal IS NULL)", name="appeal_in_words"),
        CheckConstraint("state <> 'appealed' OR appealed_at IS NOT NULL", name="appealed_is_dated"),
        CheckConstraint(
            "(state IN ('upheld', 'lifted')) = (decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (decision IS NULL)",
            name="decision_is_dated",
        ),
        CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)"
            " AND (state NOT IN ('recorded', 'appealed', 'upheld') OR confirmed_at IS NOT NULL)"
            " AND (state <> 'reported' OR confirmed_at IS NULL)",
            name="stands_on_a_word",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[NoShowState] = mapped_column(stored(NoShowState), default=NoShowState.RECORDED)
    what: Mapped[str] = mapped_column(String(200))
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]
    appeal: Mapped[str | None] = mapped_column(String(500))
    appealed_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(200))

    assignment: Mapped[Assignment] = relationship()
    visit: Mapped[Visit] = relationship()
    worker: Mapped[Worker] = relationship()
    recorded_by: Mapped[User] = relationship(foreign_keys=[recorded_by_id])
    confirmed_by: Mapped[User | None] = relationship(foreign_keys=[confirmed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


class SwapState(StrEnum):
    """offered: the other person is asked · agreed: said yes, a coordinator has to agree · done: changed ·
    declined: the other person said no · refused: the coordinator said no · withdrawn · expired.
    """

    OFFERED = "offered"
    AGREED = "agreed"
    DONE = "done"
    DECLINED = "declined"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Swap(db.Model):
    """One worker asks another to go instead; until everybody has said yes the first one goes."""

    __tablename__ = "swaps"
    __table_args__ = (
        Index(
            "uq_swaps_waiting",
            "visit_id",
            "giver_id",
            unique=True,
            postgresql_where="state IN ('offered', 'agreed')",
        ),
        Index("ix_swaps_taker_id_state", "taker_id", "state"),
        Index("ix_swaps_giver_id_state", "giver_id", "state"),
        CheckConstraint("giver_id <> taker_id", name="two_different_people"),
        CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refusal_needs_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    giver_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    taker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    state: Mapped[SwapState] = mapped_column(stored(SwapState), default=SwapState.OFFERED)
    note: Mapped[str | None] = mapped_column(String(200))
    offered_at: Mapped[datetime] = mapped_column(default=clock.now)
    answered_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(200))

    visit: Mapped[Visit] = relationship()
    giver: Mapped[Worker] = relationship(foreign_keys=[giver_id])
    taker: Mapped[Worker] = relationship(foreign_keys=[taker_id])


class SearchOutcome(StrEnum):
    FOUND = "found"
    STOPPED = "stopped"
    NOBODY = "nobody"


class StandInSearch(db.Model):
    """The search for somebody who goes instead: the best-fitting are asked first, then it widens, wave by wave."""

    __tablename__ = "stand_in_searches"
    __table_args__ = (
        Index("uq_stand_in_searches_running", "visit_id", unique=True, postgresql_where="ended_at IS NULL"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended_with_an_outcome"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"), index=True)
    lost_worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"))
    why: Mapped[str] = mapped_column(String(200))
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(default=clock.now)
    wave: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_wave_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[SearchOutcome | None] = mapped_column(stored(SearchOutcome))

    visit: Mapped[Visit] = relationship()
    lost_worker: Mapped[Worker | None] = relationship()
    asks: Mapped[list[StandInAsk]] = relationship(back_populates="search", order_by="StandInAsk.place")


class AskAnswer(StrEnum):
    """late: said yes after somebody else had."""

    YES = "yes"
    NO = "no"
    LATE = "late"


class StandInAsk(db.Model):
    """One person asked in a search; `place` is the order of fit, `added_seconds` what the visit adds to the way."""

    __tablename__ = "stand_in_asks"
    __table_args__ = (
        Index("uq_stand_in_asks_search_id_worker_id", "search_id", "worker_id", unique=True),
        Index("ix_stand_in_asks_worker_id", "worker_id"),
        CheckConstraint("(answered_at IS NULL) = (answer IS NULL)", name="answer_is_dated"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    search_id: Mapped[int] = mapped_column(ForeignKey("stand_in_searches.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    wave: Mapped[int] = mapped_column(SmallInteger)
    place: Mapped[int] = mapped_column(SmallInteger)
    added_seconds: Mapped[int | None] = mapped_column(Integer)
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    answered_at: Mapped[datetime | None]
    answer: Mapped[AskAnswer | None] = mapped_column(stored(AskAnswer))

    search: Mapped[StandInSearch] = relationship(back_populates="asks")
    worker: Mapped[Worker] = relationship()
