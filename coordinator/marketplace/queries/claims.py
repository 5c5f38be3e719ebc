"""Claims: one's own, those of a street that wait, and who could go along."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import joinedload

from coordinator.accounts.queries import holders_in_areas
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import settings_of
from coordinator.kernel.audit import AuditEntry
from coordinator.marketplace.duty import DutyWorker, adults_serving
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.line import places_in_line
from coordinator.marketplace.queries.market import findings
from coordinator.marketplace.queries.openings import Held, Opening, clash, held_by, openings_of
from coordinator.marketplace.rules import Rules
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import ADULT_AGE, is_minor
from coordinator.workforce.models import Worker, WorkerKind

COMPANIONS_OFFERED = 12


def rules_for(area_path: str) -> Rules:
    """The rules of the nearest area on the path that sets any. One query."""
    return Rules.of(settings_of(area_path, "claims"))


def coordinators_of(area_path: str) -> list[int]:
    """Users who decide about claims in an area: of the community, and of the areas above it. One query."""
    return holders_in_areas(Permission.CLAIM_DECIDE, area_path)


# --- one's own -------------------------------------------------------------------------------------------


class OwnClaim(NamedTuple):
    """A claim as the worker sees it. `asked`: it is somebody else's, who asks this worker along. `place`: of
    a place in line, 1 for the first.
    """

    claim: Claim
    opening: Opening
    asked: bool
    place: int | None = None


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
        .options(
            joinedload(Claim.worker).load_only(Worker.name),
            joinedload(Claim.companion).load_only(Worker.name),
        )
        .order_by(Visit.starts_at, Claim.id)
    ).all()
    openings = openings_of({claim.visit_id for claim in claims})
    places = places_in_line([claim.id for claim in claims if claim.state is ClaimState.QUEUED])
    return [
        OwnClaim(claim, openings[claim.visit_id], claim.companion_id == worker.id, places.get(claim.id))
        for claim in claims
    ]


def history_for(worker_id: int, visit_id: int) -> list[AuditEntry]:
    """What happened to the worker's own claims on a visit, oldest first: who did what, and why. One query."""
    mine = select(Claim.id).where(
        Claim.visit_id == visit_id, or_(Claim.worker_id == worker_id, Claim.companion_id == worker_id)
    )
    return list(
        db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.object_type == Claim.__tablename__, AuditEntry.object_id.in_(mine))
            .order_by(AuditEntry.id)
        )
    )


def standing_claims(worker_id: Any, visit_id: Any) -> ColumnElement[bool]:
    """SQL condition: the worker's claim on this visit that waits, stands in line, or has put the worker on it."""
    on_it = (
        select(Assignment.id)
        .where(
            Assignment.visit_id == visit_id,
            Assignment.worker_id == worker_id,
            Assignment.state == AssignmentState.APPROVED,
        )
        .exists()
    )
    return and_(
        Claim.visit_id == visit_id,
        Claim.worker_id == worker_id,
        or_(
            Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)),
            and_(Claim.state == ClaimState.APPROVED, on_it),
        ),
    )


_OWN = (
    select(Claim)
    .where(standing_claims(bindparam("worker"), bindparam("visit")))
    .order_by(Claim.id.desc())
    .limit(1)
)


def own_standing_claim(worker_id: int, visit_id: int) -> Claim | None:
    """The worker's claim on a visit that waits, stands in line, or has put the worker on it."""
    return db.session.scalars(_OWN, {"worker": worker_id, "visit": visit_id}).one_or_none()


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
    if is_minor(adult, opening.day):
        return False
    return not findings(adult, opening, held, (worker,)) and clash(held, opening) is None


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def claim_in_scope(actor: Actor, claim_id: int) -> Claim | None:
    """A claim on a visit of the actor's areas."""
    return db.session.scalars(
        select(Claim)
        .join(Visit, Visit.id == Claim.visit_id)
        .where(Claim.id == claim_id, in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id))
    ).one_or_none()
