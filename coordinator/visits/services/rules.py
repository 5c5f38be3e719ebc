"""The reasons for what was not done in time."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.policy import Status
from coordinator.visits.models import OverdueReason
from coordinator.visits.queries.owed import obligations_for

LONGEST_OVERDUE_REASON = 500


def write_overdue_reason(
    actor: Actor, elder: Elder, rule: str, period_from: date, reason: str
) -> OverdueReason:
    """Say why an obligation was not met in time. It changes no status; a later text replaces an earlier one,
    and the audit line keeps both. Raises Conflict when that obligation is not overdue.
    """
    demand(actor, Permission.DUE_EXPLAIN, elder.area.path)
    text = reason.strip()
    if not text:
        raise InvalidInput(_("请写明原因。"), field="reason")
    if len(text) > LONGEST_OVERDUE_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_OVERDUE_REASON), field="reason")
    owed = obligations_for([elder], elder.area, period_from, period_from, clock.today())[elder.id]
    found = next((one for one in owed if one.rule == rule and one.period_from == period_from), None)
    if found is None or found.status is not Status.OVERDUE:
        raise Conflict(
            _("这一项没有逾期，不用写原因。"), _("可能刚刚补上了，请刷新页面再看。"), code="not_overdue"
        )
    row = db.session.scalars(
        select(OverdueReason).where(
            OverdueReason.elder_id == elder.id,
            OverdueReason.rule == rule,
            OverdueReason.period_from == period_from,
        )
    ).one_or_none()
    before = None if row is None else row.reason
    if row is None:
        row = OverdueReason(elder_id=elder.id, rule=rule, period_from=period_from)
        db.session.add(row)
    row.reason = text
    row.written_by_id = actor.user_id
    row.written_at = clock.now()
    db.session.flush()
    audit.record(
        actor,
        "overdue.explain",
        row,
        _(
            "写明%(elder)s %(period)s逾期的原因",
            elder=elder.name,
            period=i18n.period(found.period_from, found.period_to),
        ),
        changes={"reason": [before, text]},
        area_id=elder.area_id,
    )
    return row
