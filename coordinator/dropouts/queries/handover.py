"""What somebody who leaves hands over: visits ahead and paired elders, each with a successor proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from coordinator.dropouts.queries.standins import StandIn, proposed, stand_ins
from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.geo import haversine_m
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.openings import openings_of
from coordinator.policy import age_on
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import ADULT_AGE, pairing
from coordinator.workforce.models import ContactPart, ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import workers_for_pairing

OFFERED = 5
"""So many successors are offered for each visit; others are found by a search."""
AHEAD = (VisitState.OPEN, VisitState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class VisitToHand:
    """A visit ahead. `companion`: the leaving person only goes along; `minors` go along with them."""

    visit: Visit
    companion: bool
    minors: Sequence[Worker]
    choices: Sequence[StandIn]
    best: StandIn | None


@dataclass(frozen=True, slots=True)
class PairToHand:
    """A paired elder; `choices` are adults who may be paired, those who have been there first, then the nearest."""

    contact: ServiceContact
    elder: Elder
    choices: Sequence[Worker]


@dataclass(slots=True)
class Handover:
    """All that is left open. `claims` that wait end by themselves; `under_way` visits have to be finished first."""

    worker: Worker
    visits: list[VisitToHand] = field(default_factory=list)
    pairs: list[PairToHand] = field(default_factory=list)
    claims: int = 0
    under_way: list[Visit] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.visits and not self.pairs


def handover_of(worker: Worker) -> Handover:
    """What this worker hands over; the number of queries is constant."""
    found = Handover(worker)
    ahead = visits_ahead(worker.id)
    found.under_way = [one for one in ahead if one.state is VisitState.IN_PROGRESS]
    ahead = [one for one in ahead if one.state in AHEAD]
    leading = [one.id for one in ahead if not _is_companion(one, worker.id)]
    people = stand_ins(leading, without=[worker.id], without_accounts=True) if leading else {}
    best = proposed(people, openings_of(leading)) if leading else {}
    for visit in ahead:
        day = clock.to_local(visit.starts_at).date()
        minors = [
            one.worker
            for one in visit.assignments
            if one.state is AssignmentState.APPROVED
            and one.worker_id != worker.id
            and age_on(one.worker.birth_date, day) < ADULT_AGE
        ]
        choice = best.get(visit.id)
        choices = people.get(visit.id, [])[:OFFERED]
        if choice is not None and choice not in choices:
            choices = [choice, *choices[: OFFERED - 1]]
        found.visits.append(VisitToHand(visit, _is_companion(visit, worker.id), minors, choices, choice))
    found.pairs = _pairs(worker)
    found.claims = (
        db.session.scalar(
            select(func.count())
            .select_from(Claim)
            .where(Claim.worker_id == worker.id, Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)))
        )
        or 0
    )
    return found


def visits_ahead(worker_id: int, now: datetime | None = None) -> Sequence[Visit]:
    """Visits this worker is to make or is making, in order of time; three queries."""
    return db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.worker_id == worker_id,
            Assignment.state == AssignmentState.APPROVED,
            (Visit.starts_at > (now or clock.now())) | (Visit.state == VisitState.IN_PROGRESS),
            Visit.state.in_((*AHEAD, VisitState.IN_PROGRESS)),
        )
        .options(
            joinedload(Visit.elder).options(*without_secrets()),
            joinedload(Visit.area),
            selectinload(Visit.assignments).joinedload(Assignment.worker),
        )
        .order_by(Visit.starts_at, Visit.id)
    ).all()


def _is_companion(visit: Visit, worker_id: int) -> bool:
    return any(
        one.worker_id == worker_id and one.is_companion and one.state is AssignmentState.APPROVED
        for one in visit.assignments
    )


def contacts_open(worker_id: int) -> Sequence[ServiceContact]:
    """Current pairs of a worker with elders who are registered, the main ones first."""
    return db.session.scalars(
        select(ServiceContact)
        .join(Elder, Elder.id == ServiceContact.elder_id)
        .where(
            ServiceContact.worker_id == worker_id,
            ServiceContact.until.is_(None),
            Elder.status == ElderStatus.ACTIVE,
        )
        .options(
            joinedload(ServiceContact.elder).options(*without_secrets(), joinedload(Elder.household)),
            joinedload(ServiceContact.elder).joinedload(Elder.area),
        )
        .order_by(ServiceContact.part.desc(), ServiceContact.id)
    ).all()


def pairs_left(actor: Actor) -> dict[Worker, list[ServiceContact]]:
    """Pairs whose worker has left, in the actor's areas: somebody new is needed for each elder. By worker, in order
    of name. One query."""
    rows = db.session.scalars(
        _of_who_left(select(ServiceContact), actor)
        .options(
            contains_eager(ServiceContact.worker).options(
                joinedload(Worker.organisation), joinedload(Worker.area)
            ),
            contains_eager(ServiceContact.elder).options(*without_secrets(), joinedload(Elder.area)),
        )
        .order_by(Worker.name, Worker.id, ServiceContact.part.desc(), Elder.name, Elder.id)
    )
    found: dict[Worker, list[ServiceContact]] = {}
    for one in rows:
        found.setdefault(one.worker, []).append(one)
    return found


def pairs_left_count(actor: Actor) -> ScalarSelect[int]:
    """How many such pairs there are. A part of a query."""
    return _of_who_left(select(func.count()).select_from(ServiceContact), actor).scalar_subquery()


def _of_who_left(statement: Select[Any], actor: Actor) -> Select[Any]:
    return (
        statement.join(Worker, Worker.id == ServiceContact.worker_id)
        .join(Elder, Elder.id == ServiceContact.elder_id)
        .where(
            ServiceContact.until.is_(None),
            Worker.status == WorkerStatus.LEFT,
            Elder.status == ElderStatus.ACTIVE,
            in_areas(actor, Permission.ELDER_EDIT, Elder.area_id),
        )
    )


def _pairs(worker: Worker) -> list[PairToHand]:
    contacts = contacts_open(worker.id)
    if not contacts:
        return []
    today = clock.today()
    adults = [
        one
        for one in workers_for_pairing(worker.area.path)
        if one.id != worker.id and age_on(one.birth_date, today) >= ADULT_AGE
    ]
    known = _been_there([one.elder_id for one in contacts])
    found = []
    for contact in contacts:
        elder = contact.elder
        choices: list[Worker] = []
        if contact.part is ContactPart.MAIN:
            serving = [one for one in adults if not any(f.hard for f in pairing(one, elder, day=today))]
            choices = sorted(serving, key=lambda one: _order(one, elder, known))[:OFFERED]
        found.append(PairToHand(contact, elder, choices))
    return found


def _order(worker: Worker, elder: Elder, known: set[tuple[int, int]]) -> tuple[bool, float, int]:
    home = elder.household
    metres = 1e9
    if home.latitude is not None and home.longitude is not None:
        metres = haversine_m(worker.start_latitude, worker.start_longitude, home.latitude, home.longitude)
    return (worker.id, elder.id) not in known, metres, worker.id


def _been_there(elder_ids: Sequence[int]) -> set[tuple[int, int]]:
    rows = db.session.execute(
        select(Assignment.worker_id, Visit.elder_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(Visit.elder_id.in_(elder_ids), Assignment.state == AssignmentState.DONE)
        .distinct()
    )
    return {(row.worker_id, row.elder_id) for row in rows}
