"""摸排: going from door to door with a list, until everybody has an outcome (泸州: 不漏一户、不漏一人)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.accounts.models import User
from coordinator.elders.models import Elder, Household
from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.crypto import EncryptedJson, EncryptedText
from coordinator.register.models.sources import ExternalRecord


class SurveyKind(StrEnum):
    """The first survey, and the renewal every half year (泸州: 每半年动态更新一次)."""

    FIRST = "first"
    RENEWAL = "renewal"


class Outcome(StrEnum):
    """What was found at the door. `no_elder` is said of homes only."""

    VERIFIED = "verified"
    NOT_FOUND = "not_found"
    MOVED = "moved"
    REFUSED = "refused"
    DIED = "died"
    IN_INSTITUTION = "in_institution"
    NO_ELDER = "no_elder"


class Survey(db.Model):
    """One survey of an area; at most one is open in the same area."""

    __tablename__ = "surveys"
    __table_args__ = (
        Index("uq_surveys_open", "area_id", unique=True, postgresql_where="closed_at IS NULL"),
        CheckConstraint("due_on IS NULL OR due_on >= opened_on", name="due_after_opening"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    kind: Mapped[SurveyKind] = mapped_column(stored(SurveyKind))
    opened_on: Mapped[date]
    due_on: Mapped[date | None]
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime] = mapped_column(default=clock.now)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]

    area: Mapped[Area] = relationship()


class SurveyItem(db.Model):
    """One door to knock at: an elder of the register, a person of another office's list, somebody met on the way
    (`person`: name, address, telephone as told), or a home in which no elder is registered.

    `outcome` is the latest answer; `tries` counts the attempts. `left_reason` says why an item stayed without an
    """

    __tablename__ = "survey_items"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(elder_id, record_id, person, household_id) = 1", name="exactly_one_subject"
        ),
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="outcome_is_dated"),
        CheckConstraint("(outcome = 'not_found') OR next_try_on IS NULL", name="second_try_of_the_not_found"),
        CheckConstraint("outcome <> 'no_elder' OR household_id IS NOT NULL", name="homes_without_elders"),
        CheckConstraint("tries >= 0", name="tries_not_negative"),
        CheckConstraint(
            "num_nonnulls(assigned_worker_id, assigned_user_id, assigned_name) <= 1", name="one_assignee"
        ),
        Index("uq_survey_items_survey_id_elder_id", "survey_id", "elder_id", unique=True),
        Index("uq_survey_items_survey_id_record_id", "survey_id", "record_id", unique=True),
        Index("uq_survey_items_survey_id_household_id", "survey_id", "household_id", unique=True),
        Index("ix_survey_items_survey_id_outcome", "survey_id", "outcome"),
        Index("ix_survey_items_assigned_worker_id", "assigned_worker_id"),
        Index("ix_survey_items_assigned_user_id", "assigned_user_id"),
        Index("ix_survey_items_elder_id", "elder_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    elder_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"))
    record_id: Mapped[int | None] = mapped_column(ForeignKey("external_records.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("households.id"))
    person: Mapped[Any] = mapped_column(EncryptedJson("survey_items.person"), nullable=True)
    # Where it stands in the list: grid, else the 小区 or hamlet, else empty.
    place: Mapped[str] = mapped_column(String(60), default="", server_default="")
    assigned_worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"))
    assigned_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    assigned_name: Mapped[str | None] = mapped_column(String(60))
    outcome: Mapped[Outcome | None] = mapped_column(stored(Outcome))
    note: Mapped[str | None] = mapped_column(EncryptedText("survey_items.note"))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_try_on: Mapped[date | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    # The dossier that was opened for somebody who had none.
    new_elder_id: Mapped[int | None] = mapped_column(ForeignKey("elders.id"), index=True)
    left_reason: Mapped[str | None] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}

    survey: Mapped[Survey] = relationship()
    area: Mapped[Area] = relationship()
    elder: Mapped[Elder | None] = relationship(foreign_keys=[elder_id])
    new_elder: Mapped[Elder | None] = relationship(foreign_keys=[new_elder_id])
    record: Mapped[ExternalRecord | None] = relationship()
    household: Mapped[Household | None] = relationship()
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
    assigned_user: Mapped[User | None] = relationship(foreign_keys=[assigned_user_id])
