"""Moving house: at once within one's areas, elsewhere as a request that the other side accepts or returns."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area


class MoveState(StrEnum):
    """Until `accepted` the elder stays with the sender and stays owed there."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class AreaMove(db.Model):
    """One move of one elder. `due_on` is the last day for an answer."""

    __tablename__ = "area_moves"
    __table_args__ = (
        CheckConstraint("from_area_id <> to_area_id", name="two_areas"),
        CheckConstraint("(state = 'requested') = (decided_at IS NULL)", name="decision_is_dated"),
        CheckConstraint(
            "state <> 'returned' OR decision_reason IS NOT NULL", name="returning_needs_a_reason"
        ),
        Index("uq_area_moves_waiting", "elder_id", unique=True, postgresql_where="state = 'requested'"),
        Index("ix_area_moves_to_area_id_state", "to_area_id", "state"),
        Index("ix_area_moves_from_area_id_state", "from_area_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    from_area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    to_area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    from_address: Mapped[str] = mapped_column(String(200))
    to_address: Mapped[str] = mapped_column(String(200))
    moved_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[MoveState] = mapped_column(stored(MoveState), default=MoveState.REQUESTED)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    due_on: Mapped[date]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None] = mapped_column(String(200))

    elder: Mapped[Elder] = relationship()
    from_area: Mapped[Area] = relationship(foreign_keys=[from_area_id])
    to_area: Mapped[Area] = relationship(foreign_keys=[to_area_id])
    requested_by: Mapped[User | None] = relationship(foreign_keys=[requested_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
