"""What stands already: visits arranged in the month, what workers did this week, who was there last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.planning.translate.home_visits import home_visits
from coordinator.planning.translate.people import Held, Span
from coordinator.visits.lifecycle import LIVE, AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit

STANDING = (AssignmentState.APPROVED, AssignmentState.DONE)


@dataclass(slots=True)
class Standing:
    """Visits that stand, by elder, and what each worker holds. `given` are visits with people from tomorrow on."""

    visits: dict[int, list[Visit]]
    given: list[Visit] = field(default_factory=list)
    held: dict[int, Held] = field(default_factory=dict)


def standing(area: Area, worker_ids: Collection[int], span: Span, today: date) -> Standing:
    """Live home visits from today to the end of the horizon, and the workers' earlier visits; four queries."""
    visits = _visits(area, worker_ids, today, span.last)
    found = Standing(visits=defaultdict(list), held={worker_id: Held() for worker_id in worker_ids})
    for visit in visits:
        found.visits[visit.elder_id].append(visit)
        day = clock.to_local(visit.starts_at).date()
        people = [one for one in visit.assignments if one.state in STANDING]
        if day < span.first or not people:
            continue
        found.given.append(visit)
        for one in people:
            if one.worker_id in found.held:
                found.held[one.worker_id].fixed[span.index(day)] += 1
    _earlier(found.held, span)
    return found


def _visits(area: Area, worker_ids: Collection[int], today: date, last: date) -> Sequence[Visit]:
    theirs = (
        select(Assignment.visit_id)
        .where(Assignment.worker_id.in_(worker_ids), Assignment.state == AssignmentState.APPROVED)
        .scalar_subquery()
    )
    begin, end = clock.at_local(today, 0), clock.at_local(last + timedelta(days=1), 0)
    return home_visits(area, theirs, LIVE, begin, end)


def _earlier(held: dict[int, Held], span: Span) -> None:
    """Visits of this month and of the first week that lie before the first open day."""
    month = span.first.replace(day=1)
    begin = min(span.origin, month)
    rows = db.session.execute(
        select(Assignment.worker_id, func.lower(Assignment.during), func.upper(Assignment.during)).where(
            Assignment.worker_id.in_(list(held)),
            Assignment.state.in_(STANDING),
            func.lower(Assignment.during) >= clock.at_local(begin, 0),
            func.lower(Assignment.during) < clock.at_local(span.first, 0),
        )
    )
    for worker_id, starts_at, ends_at in rows:
        day = clock.to_local(starts_at).date()
        if day >= span.origin:
            held[worker_id].week_minutes.append(round((ends_at - starts_at).total_seconds() / 60))
        if day >= month:
            held[worker_id].before_month += 1


@dataclass(frozen=True, slots=True)
class LastVisit:
    """Who made the elder's last completed visit at home, and when."""

    worker_id: int
    day: date


def last_visits(elder_ids: Collection[int], before: date) -> dict[int, LastVisit]:
    """Elder id → last completed visit at home and its responsible worker; one query."""
    rows = db.session.execute(
        select(Visit.elder_id, Assignment.worker_id, Visit.contact_on)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Visit.elder_id.in_(elder_ids),
            Visit.state == VisitState.COMPLETED,
            Visit.contact_mode == ContactMode.HOME,
            Visit.contact_on < before,
            Visit.contact_on >= before - timedelta(days=366),
            Assignment.state == AssignmentState.DONE,
            Assignment.is_companion.is_(False),
        )
        .ext(distinct_on(Visit.elder_id))
        .order_by(Visit.elder_id, Visit.contact_on.desc(), Assignment.id)
    )
    return {elder_id: LastVisit(worker_id, day) for elder_id, worker_id, day in rows}
