"""月探访率: the two figures by which an area's month is judged."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_, select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.policy import Outcome, ServiceConsent, Status
from coordinator.visits.queries.due_list import FACT_COLUMNS
from coordinator.visits.queries.owed import areas_of, contacts_of, rulebooks, situations


@dataclass(frozen=True, slots=True)
class Coverage:
    """Figures of an area and month, in elders.

    `elders` (the denominator): registered in the area on `as_of` and not refusing the service. `contacted`:
    with at least one completed contact in the month, of any mode. `all_met`: with no unmet obligation whose
    period ends in the month. `refused` are reported beside it, never inside (江门: 书面工作记录).
    `running`: the month is not over, so `all_met` may still grow.
    """

    area_id: int
    month: date
    as_of: date
    elders: int
    contacted: int
    all_met: int
    refused: int
    running: bool


def monthly_coverage(area: Area, month: date, as_of: date | None = None) -> Coverage:
    """The figures of the calendar month that holds `month`, as known on `as_of` (today, at most the month's
    last day). Elders who left before `as_of` are in no figure. A fixed number of queries.
    """
    first = month.replace(day=1)
    last = month.replace(day=monthrange(month.year, month.month)[1])
    as_of = min(as_of or clock.today(), last)
    elders = db.session.execute(
        select(*FACT_COLUMNS).where(
            Elder.area_id.in_(select(Area.id).where(Area.path.startswith(area.path))),
            and_(Elder.enrolled_on <= as_of, or_(Elder.left_on.is_(None), Elder.left_on > as_of)),
        )
    ).all()
    books = rulebooks({elder.area_id for elder in elders}, areas_of([area.path]), first)
    contacts = contacts_of([elder.id for elder in elders], first, as_of)
    counted = contacted = met = refused = 0
    for elder_id, (facts, obligations) in situations(elders, books, first, last, as_of).items():
        if facts.consent.service is ServiceConsent.REFUSED:
            refused += 1
            continue
        counted += 1
        contacted += any(one.outcome is Outcome.COMPLETED for one in contacts.get(elder_id, ()))
        met += all(
            one.status in (Status.MET, Status.WAIVED) for one in obligations if first <= one.period_to <= last
        )
    return Coverage(
        area_id=area.id,
        month=first,
        as_of=as_of,
        elders=counted,
        contacted=contacted,
        all_met=met,
        refused=refused,
        running=as_of < last,
    )
