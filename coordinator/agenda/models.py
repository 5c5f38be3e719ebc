"""Calendar feeds, the revision of a visit as calendars count it, what somebody was last told of an assignment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import Organisation, User
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.visits.models import Assignment


class FeedKind(StrEnum):
    OWN = "own"
    ORGANISATION = "organisation"
    AREA = "area"


class CalendarFeed(db.Model):
    """A secret address under which a calendar program reads visits. Only the hash of the secret is kept; `ending`
    is its last four digits, to tell one from another. Whoever owns it must still hold the role it shows.
    """

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        Index("uq_calendar_feeds_token_hash", "token_hash", unique=True),
        Index("ix_calendar_feeds_user_id", "user_id"),
        CheckConstraint("(kind = 'organisation') = (organisation_id IS NOT NULL)", name="organisations_feed"),
        CheckConstraint("(kind = 'area') = (area_id IS NOT NULL)", name="areas_feed"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[FeedKind] = mapped_column(stored(FeedKind))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    ending: Mapped[str] = mapped_column(String(4))
    made_at: Mapped[datetime] = mapped_column(default=clock.now)
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    area: Mapped[Area | None] = relationship()


class VisitRevision(db.Model):
    """How often a visit's time, state or people have changed, and when last. Written by triggers only
    (`sql/0004_calendar.sql`), so that no way of changing a visit forgets it; without a row: never.
    """

    __tablename__ = "visit_revisions"

    visit_id: Mapped[int] = mapped_column(ForeignKey("visits.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int]
    changed_at: Mapped[datetime]


class AssignmentNotice(db.Model):
    """What the person of an assignment was last told by the button: that they go at `starts_at`, or (`off`) not."""

    __tablename__ = "assignment_notices"

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    starts_at: Mapped[datetime]
    off: Mapped[bool] = mapped_column(default=False)
    told_at: Mapped[datetime] = mapped_column(default=clock.now)
    told_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    assignment: Mapped[Assignment] = relationship()
