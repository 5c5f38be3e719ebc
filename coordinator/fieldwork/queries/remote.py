"""A worker's own calls of an approved plan. Somebody else's do not exist here, nor one that is not this worker's to
make any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import contains_eager, joinedload

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.fieldwork.rules import Rules
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.planning.models import Plan, PlanCall, PlanState
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.models import Visit
from coordinator.workforce.models import Bar

EVENING_SECONDS = 20 * 3600
"""A call may be made until the evening of its day, whatever its time: the time is about when the person is free."""


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One call of today or tomorrow. `met_on`: the day of the contact that met it."""

    call: PlanCall
    met_on: date | None

    @property
    def is_today(self) -> bool:
        return self.call.day == clock.today()


def _own(actor: Actor) -> Select[Any]:
    return (
        select(PlanCall)
        .join(Plan, Plan.id == PlanCall.plan_id)
        .join(Elder, Elder.id == PlanCall.elder_id)
        .where(
            PlanCall.worker_id == actor.worker_id,
            Plan.state == PlanState.APPROVED,
            Elder.status == ElderStatus.ACTIVE,
            ~exists().where(Bar.worker_id == PlanCall.worker_id, Bar.elder_id == PlanCall.elder_id),
        )
    )


def shows_name(call: PlanCall, rules: Rules, now: datetime) -> bool:
    """May whoever rings see name and number now? As for a visit: from the evening before."""
    if call.day is None or call.start_seconds is None:
        return False
    starts = clock.at_local(call.day, call.start_seconds)
    return rules.shows_door(starts, max(starts, clock.at_local(call.day, EVENING_SECONDS)), now)


def calls_of(actor: Actor, rules: Rules) -> list[OwnCall]:
    """Today's calls, and tomorrow's from the evening on; one query, without anybody's number."""
    today, now = clock.today(), clock.now()
    met_on = (
        select(func.min(Visit.contact_on))
        .where(
            Visit.elder_id == PlanCall.elder_id,
            Visit.contact_outcome == ContactOutcome.COMPLETED,
            Visit.contact_on.between(PlanCall.period_from, PlanCall.period_to),
        )
        .correlate(PlanCall)
        .scalar_subquery()
    )
    rows = db.session.execute(
        _own(actor)
        .add_columns(met_on)
        .where(PlanCall.day.in_([today, today + timedelta(days=1)]))
        .options(contains_eager(PlanCall.elder).options(*without_secrets(), joinedload(Elder.area)))
        .order_by(PlanCall.day, PlanCall.start_seconds, PlanCall.id)
    ).all()
    return [OwnCall(call, on) for call, on in rows if shows_name(call, rules, now)]


def own_call(actor: Actor, call_id: int) -> PlanCall:
    """One of today's calls, with the elder whole. Raises NotFound for everybody else's and on other days."""
    found: PlanCall | None = None
    if actor.worker_id is not None:
        found = db.session.scalar(
            _own(actor)
            .where(PlanCall.id == call_id, PlanCall.day == clock.today())
            .options(contains_eager(PlanCall.elder).joinedload(Elder.area))
        )
    if found is None:
        raise NotFound(_("今天没有这个电话。"), _("可能已经换人打，请回到“今天”看一看。"))
    return found
