"""Claims: one's own, those of a street that wait, and who could go along."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select

from coordinator.accounts.models import RoleGrant, User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import ROLE_PERMISSIONS, Actor, Permission, in_areas
from coordinator.kernel.areas import settings_of
from coordinator.marketplace.duty import DutyWorker, adults_serving, duty_workers
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.market import findings
from coordinator.marketplace.queries.openings import Held, Opening, clash, held_by, load_on, openings_of, way
from coordinator.marketplace.queries.own_day import ways_of
from coordinator.marketplace.rules import Rules
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import ADULT_AGE, OVERRIDABLE, Unfit, is_minor
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.queries import partners_of

COMPANIONS_OFFERED = 12


def rules_for(area_path: str) -> Rules:
    """The rules of the nearest area on the path that sets any. One query."""
    return Rules.of(settings_of(area_path, "claims"))


def coordinators_of(area_path: str) -> list[int]:
    """Users who decide about claims in an area: of the community, and of the areas above it. One query."""
    ids = [int(part) for part in area_path.split(".") if part]
    roles = [role for role, held in ROLE_PERMISSIONS.items() if Permission.CLAIM_DECIDE in held]
    return list(
        db.session.scalars(
            select(User.id)
            .join(RoleGrant, RoleGrant.user_id == User.id)
            .where(
                RoleGrant.role.in_(roles),
                RoleGrant.area_id.in_(ids),
                RoleGrant.revoked_at.is_(None),
                User.is_active,
            )
            .distinct()
        )
    )


# --- one's own -------------------------------------------------------------------------------------------


class OwnClaim(NamedTuple):
    """A claim as the worker sees it. `asked`: it is somebody else's, who asks this worker to come along."""

    claim: Claim
    opening: Opening
    asked: bool


def own_claims(worker: DutyWorker) -> list[OwnClaim]:
    """Claims of the worker that wait, stand in line or were refused lately, and those in which the worker is asked
    to go along.
    """
    now = clock.now()
    claims = db.session.scalars(
        select(Claim)
        .join(Visit, Visit.id == Claim.visit_id)
        .where(
            or_(Claim.worker_id == worker.id, Claim.companion_id == worker.id),
            or_(
                Claim.state == ClaimState.PENDING,
                (Claim.state == ClaimState.QUEUED) & (Claim.worker_id == worker.id),
                (Claim.state == ClaimState.REFUSED) & (Claim.worker_id == worker.id),
            ),
            Visit.starts_at > now,
        )
        .order_by(Visit.starts_at, Claim.id)
    ).all()
    openings = openings_of({claim.visit_id for claim in claims})
    return [OwnClaim(claim, openings[claim.visit_id], claim.companion_id == worker.id) for claim in claims]


def own_standing_claim(worker_id: int, visit_id: int) -> Claim | None:
    """The worker's claim on a visit that waits, stands in line, or has put the worker on it."""
    on_it = (
        select(Assignment.id)
        .where(
            Assignment.visit_id == visit_id,
            Assignment.worker_id == worker_id,
            Assignment.state == AssignmentState.APPROVED,
        )
        .exists()
    )
    return db.session.scalars(
        select(Claim)
        .where(
            Claim.visit_id == visit_id,
            Claim.worker_id == worker_id,
            or_(
                Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)),
                (Claim.state == ClaimState.APPROVED) & on_it,
            ),
        )
        .order_by(Claim.id.desc())
        .limit(1)
    ).one_or_none()


# --- who could go along ----------------------------------------------------------------------------------

# Who usually accompanies: people whose work this is come before people who give their free time.
_USUAL = (
    WorkerKind.SOCIAL_WORKER,
    WorkerKind.GRID_MEMBER,
    WorkerKind.COMMITTEE_MEMBER,
    WorkerKind.CIVIL_AFFAIRS,
    WorkerKind.CARE_STAFF,
)


def companions_for(worker: DutyWorker, opening: Opening) -> list[DutyWorker]:
    """Approved adults who may go along: of the worker's own organisation first, then by trade. Two queries."""
    born_until = _years_before(opening.day, ADULT_AGE)
    adults = adults_serving(opening.area_path, born_until)
    adults.pop(worker.id, None)
    held = held_by(adults, opening.day, opening.day)
    fit = [one for one in adults.values() if can_accompany(one, worker, opening, held[one.id])]
    fit.sort(
        key=lambda one: (
            one.organisation_id is None or one.organisation_id != worker.organisation_id,
            _USUAL.index(one.kind) if one.kind in _USUAL else len(_USUAL),
            one.name,
            one.id,
        )
    )
    return fit[:COMPANIONS_OFFERED]


def can_accompany(adult: DutyWorker, worker: DutyWorker, opening: Opening, held: Sequence[Held]) -> bool:
    """Nothing stands against the adult, and nobody else's visit at that time."""
    if is_minor(adult, opening.day):  # type: ignore[arg-type]
        return False
    return not findings(adult, opening, held, (worker,)) and clash(held, opening) is None


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


# --- what waits for a coordinator ------------------------------------------------------------------------


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

    @property
    def minor(self) -> bool:
        return is_minor(self.worker, self.opening.day)  # type: ignore[arg-type]

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
    """The claims that wait in the actor's areas, by the time of the visit. Six queries."""
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
            )
        )
    return found


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


def claim_in_scope(actor: Actor, claim_id: int) -> Claim | None:
    """A claim on a visit of the actor's areas."""
    return db.session.scalars(
        select(Claim)
        .join(Visit, Visit.id == Claim.visit_id)
        .where(Claim.id == claim_id, in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id))
    ).one_or_none()
