"""意愿: what the elder or the family wants."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from coordinator.extensions import db, stored
from coordinator.kernel import clock
from coordinator.kernel.crypto import EncryptedText

if TYPE_CHECKING:
    from coordinator.elders.models.register import Elder


class ConsentKind(StrEnum):
    SERVICE = "service"
    HOME = "home"


class ConsentState(StrEnum):
    """`accepted`, `remote_only`, `refused` for the service; `granted`, `refused` for visits at home."""

    ACCEPTED = "accepted"
    REMOTE_ONLY = "remote_only"
    GRANTED = "granted"
    REFUSED = "refused"


class ConsentGiver(StrEnum):
    SELF = "self"
    FAMILY = "family"


class Consent(db.Model):
    """意愿, one current row per elder and kind. A refusal needs the written note (江门: 书面工作记录): who
    explained what, and what the elder said. `paper_id` is the signed paper among the dossier's papers."""

    __tablename__ = "consents"
    __table_args__ = (
        Index(
            "uq_consents_current", "elder_id", "kind", unique=True, postgresql_where="superseded_at IS NULL"
        ),
        CheckConstraint(
            "(kind = 'service' AND state IN ('accepted', 'remote_only', 'refused'))"
            " OR (kind = 'home' AND state IN ('granted', 'refused'))",
            name="states_of_the_kind",
        ),
        CheckConstraint("state <> 'refused' OR note IS NOT NULL", name="refusal_needs_a_note"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    elder_id: Mapped[int] = mapped_column(ForeignKey("elders.id"))
    kind: Mapped[ConsentKind] = mapped_column(stored(ConsentKind))
    state: Mapped[ConsentState] = mapped_column(stored(ConsentState))
    given_by: Mapped[ConsentGiver] = mapped_column(stored(ConsentGiver))
    giver_name: Mapped[str | None] = mapped_column(String(60))
    given_on: Mapped[date]
    channel: Mapped[str] = mapped_column(String(30))
    explained_by: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(EncryptedText("consents.note"))
    paper_id: Mapped[int | None] = mapped_column(ForeignKey("dossier_papers.id"))
    ask_again_on: Mapped[date | None]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
    superseded_at: Mapped[datetime | None]

    elder: Mapped[Elder] = relationship(back_populates="consents")
