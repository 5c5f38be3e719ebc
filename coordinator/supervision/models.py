"""The month's visit rate: as it was frozen, and as it is counted now."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.extensions import db
from coordinator.kernel import clock

_NUMBERS = "0 <= all_met AND 0 <= contacted AND contacted <= elders AND all_met <= elders"


def _one_per_month(table: str) -> tuple[Any, ...]:
    return (
        Index(f"uq_{table}_area_id_month", "area_id", "month", unique=True),
        CheckConstraint(_NUMBERS, name="parts_of_the_whole"),
        CheckConstraint("EXTRACT(day FROM month) = 1", name="whole_months"),
    )


class MonthFigures:
    """The figures of an area in a month: `elders` is the denominator, `contacted` and `all_met` the two numerators;
    `figures` holds the rest: see `coordinator.visits.queries.coverage.Figures`.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    month: Mapped[date]
    elders: Mapped[int]
    contacted: Mapped[int]
    all_met: Mapped[int]
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)


class CoverageSnapshot(MonthFigures, db.Model):
    """The month's figures of an area as first counted; later changes do not alter them (trigger).

    `frozen_by_id` is set when somebody froze it before the day.
    """

    __tablename__ = "coverage_snapshots"
    __table_args__ = _one_per_month("coverage_snapshots")

    frozen_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    taken_at: Mapped[datetime] = mapped_column(default=clock.now)


class CoverageCount(MonthFigures, db.Model):
    """The month's figures of an area as last counted: the running month, and what a frozen one would be today.

    Made anew by a job and by 重新计算; nothing is lost with it.
    """

    __tablename__ = "coverage_counts"
    __table_args__ = _one_per_month("coverage_counts")

    counted_at: Mapped[datetime] = mapped_column(default=clock.now)
