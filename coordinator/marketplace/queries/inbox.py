"""What waits for a coordinator, with all that a decision needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.marketplace.duty import DutyWorker, duty_workers
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.market import findings
from coordinator.marketplace.queries.openings import Held, Opening, clash, held_by, load_on, openings_of, way
from coordinator.marketplace.queries.own_day import ways_of
from coordinator.marketplace.queries.sensitive import COLUMNS, Sensitive, reasons
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import OVERRIDABLE, Unfit, is_minor
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import partners_of

_others, _former = aliased(Claim), aliased(Visit)
_IN_LINE = (
    select(func.count())
    .select_from(_others)
    .where(_others.visit_id == Claim.visit_id, _others.state == ClaimState.QUEUED)
    .correlate(Claim)
    .scalar_subquery()
)
# When the elder was last seen at all, and by whom.
_SEEN_LAST = (
    select(func.json_build_array(_former.contact_on, Worker.name))
    .select_from(_former)
    .outerjoin(
        Assignment,
        (Assignment.visit_id == _former.id)
        & (Assignment.state == AssignmentState.DONE)
        & Assignment.is_companion.is_(False),
    )
    .outerjoin(Worker, Worker.id == Assignment.worker_id)
    .where(_former.elder_id == Visit.elder_id, _former.state == VisitState.COMPLETED)
    .order_by(_former.contact_on.desc(), Assignment.id)
    .limit(1)
    .correlate(Visit)
    .scalar_subquery()
)


class ElderFacts(NamedTuple):
    """Who is to be visited, for the coordinator of the area."""

    name: str
    sex: str
    birth_date: date
    community: str
    period_to: date | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claim that waits, with all that a decision needs."""

    claim_id: int
    visit_id: int
    claimed_at: datetime
    opening: Opening
    elder: ElderFacts
    worker: DutyWorker
    companion: DutyWorker | None
    companion_agreed_at: datetime | None
    findings: Sequence[Unfit]
    companion_findings: Sequence[Unfit]
    clash: bool
    visits_before: int
    last_visit: date | None
    is_contact: bool
    added_minutes: int | None
    week_count: int
    hours_ahead: float
    in_line: int
    seen_last: date | None
    seen_by: str | None
    sensitive: Sequence[Sensitive]

    @property
    def minor(self) -> bool:
        return is_minor(self.worker, self.opening.day)

    @property
    def open(self) -> bool:
        """Is there still something to decide?"""
        return self.opening.state is VisitState.CLAIMED and self.opening.starts_at > clock.now()

    @property
    def hard(self) -> list[Unfit]:
        return [one for one in (*self.findings, *self.companion_findings) if one.hard]

    @property
    def soft(self) -> list[Unfit]:
        return [one for one in (*self.findings, *self.companion_findings) if one.code in OVERRIDABLE]


def waiting_claims(actor: Actor) -> list[Waiting]:
    """The claims that wait in the actor's areas, by the time of the visit. Seven queries."""
    rows = db.session.execute(
        select(
            Claim.id,
            Claim.visit_id,
            Claim.worker_id,
            Claim.companion_id,
            Claim.companion_agreed_at,
            Claim.claimed_at,
            Visit.elder_id,
            Visit.starts_at,
            Visit.period_to,
            Visit.rule,
            Elder.name,
            Elder.sex,
            Elder.birth_date,
            _IN_LINE,
            _SEEN_LAST,
            *COLUMNS,
        )
        .join(Visit, Visit.id == Claim.visit_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .where(Claim.state == ClaimState.PENDING, in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id))
        .order_by(Visit.starts_at, Claim.id)
    ).all()
    if not rows:
        return []
    openings = openings_of({row.visit_id for row in rows})
    people = {row.worker_id for row in rows} | {row.companion_id for row in rows if row.companion_id}
    workers = duty_workers(people)
    days = [clock.to_local(row.starts_at).date() for row in rows]
    held = held_by(people, min(days), max(days))
    before = _visits_before({(row.worker_id, row.elder_id) for row in rows})
    contacts = partners_of({row.elder_id for row in rows})
    times = ways_of([(workers[one], held[one]) for one in {row.worker_id for row in rows}], openings.values())
    found = []
    for row in rows:
        worker, opening = workers[row.worker_id], openings[row.visit_id]
        companion = workers.get(row.companion_id) if row.companion_id else None
        mine = held[worker.id]
        trip = way(worker, [one for one in mine if one.visit_id != opening.visit_id], opening, times)
        visits, last = before.get((row.worker_id, row.elder_id), (0, None))
        found.append(
            Waiting(
                claim_id=row.id,
                visit_id=row.visit_id,
                claimed_at=row.claimed_at,
                opening=opening,
                elder=ElderFacts(
                    row.name, row.sex, row.birth_date, opening.community, row.period_to, row.rule
                ),
                worker=worker,
                companion=companion,
                companion_agreed_at=row.companion_agreed_at,
                findings=findings(worker, opening, mine, (companion,) if companion else ()),
                companion_findings=findings(companion, opening, held[companion.id], (worker,))
                if companion
                else (),
                clash=clash(mine, opening) is not None
                or (companion is not None and clash(held[companion.id], opening) is not None),
                visits_before=visits,
                last_visit=last,
                is_contact=row.worker_id in contacts.get(row.elder_id, ()),
                added_minutes=None if trip is None else max(1, round(trip.added_seconds / 60)),
                week_count=load_on(
                    [one for one in mine if one.visit_id != opening.visit_id], opening.day
                ).week,
                hours_ahead=_hours(mine),
                in_line=row[13],
                seen_last=date.fromisoformat(row[14][0]) if row[14] else None,
                seen_by=row[14][1] if row[14] else None,
                sensitive=reasons(row[15:]),
            )
        )
    return found


def _hours(held: Sequence[Held]) -> float:
    """Hours of the visits ahead that somebody has or has asked for, as far as the claims of the page reach."""
    now = clock.now()
    ahead = [one.stop for one in held if one.stop.starts_at > now]
    return round(sum((one.ends_at - one.starts_at).total_seconds() for one in ahead) / 3600, 1)


def _visits_before(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, date | None]]:
    """How often each of these workers has visited each of these elders, and when last. One query."""
    rows = db.session.execute(
        select(Assignment.worker_id, Visit.elder_id, func.count(), func.max(Visit.contact_on))
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_({worker_id for worker_id, _elder in pairs}),
            Visit.elder_id.in_({elder_id for _worker, elder_id in pairs}),
            Assignment.state == AssignmentState.DONE,
            Visit.state == VisitState.COMPLETED,
        )
        .group_by(Assignment.worker_id, Visit.elder_id)
    )
    return {(worker_id, elder_id): (count, last) for worker_id, elder_id, count, last in rows}
