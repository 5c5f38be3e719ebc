"""What happens elsewhere in the register answers open survey items as well."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder, ElderStatus
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.register.models import Outcome, Survey, SurveyItem

_OUTCOMES = {
    ElderStatus.MOVED: Outcome.MOVED,
    ElderStatus.IN_INSTITUTION: Outcome.IN_INSTITUTION,
    ElderStatus.DECEASED: Outcome.DIED,
}


def settle_items(actor: Actor, elder: Elder, status: ElderStatus, note: str = "") -> int:
    """Give the open items of somebody who has left the outcome that follows from it; returns how many. Flushes."""
    items = db.session.scalars(
        select(SurveyItem)
        .join(Survey, SurveyItem.survey_id == Survey.id)
        .where(
            SurveyItem.elder_id == elder.id,
            Survey.closed_at.is_(None),
            SurveyItem.outcome.is_(None) | (SurveyItem.outcome == Outcome.NOT_FOUND),
        )
    ).all()
    for item in items:
        item.outcome = _OUTCOMES[status]
        item.next_try_on = None
        item.note = note or _("档案里已经登记")
        item.decided_by_id, item.decided_at = actor.user_id, clock.now()
    db.session.flush()
    return len(items)
