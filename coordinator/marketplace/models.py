"""Claims on open visits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


class ClaimState(StrEnum):
    """queued: on the waiting list of a visit that somebody else has claimed or is to make · pending: waits for a
    decision · withdrawn: by the person, or because there is nothing to wait for any more (`reason`).
    """

    QUEUED = "queued"
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Claim(db.Model):
    """A worker's wish to make one open visit. At most one claim of a visit waits (partial unique index).

    An approved claim is history: who goes is told by the assignments. `companion` goes along: the adult without
    whom a minor never goes, or the second person of a visit for two; `companion_agreed_at` is when that person
    said yes. `by_rule`: approved at once by the rule the community has set, not by a person.
    """

    __tablename__ = "claims"
    __table_args__ = (
        Index("uq_claims_waiting", "visit_id", unique=True, postgresql_where="state = 'pending'"),
        Index("uq_claims_queued", "visit_id", "worker_id", unique=True, postgresql_where="state = 'queued'"),
        Index("ix_claims_visit_id", "visit_id"),
        Index("ix_claims_worker_id_state", "worker_id", "state"),
        Index("ix_claims_state_claimed_at", "state", "claimed_at"),
        CheckConstraint(
            "(state NOT IN ('approved', 'refused') OR decided_at IS NOT NULL)"
            " AND (state NOT IN ('queued', 'pending') OR decided_at IS NULL)",
            name="decision_is_dated",
        ),
        CheckConstraint("companion_id IS NULL OR companion_id <> worker_id", name="two_different_people"),
        CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refusal_needs_a_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id"))
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"))
    companion_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"))
    companion_agreed_at: Mapped[datetime | None]
    state: Mapped[ClaimState] = mapped_column(stored(ClaimState), default=ClaimState.PENDING)
    added_seconds: Mapped[int | None] = mapped_column(Integer)
    claimed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    by_rule: Mapped[bool] = mapped_column(default=False, server_default="false")
    reason: Mapped[str | None] = mapped_column(String(200))

    visit: Mapped[Visit] = relationship()
    worker: Mapped[Worker] = relationship(foreign_keys=[worker_id])
    companion: Mapped[Worker | None] = relationship(foreign_keys=[companion_id])
