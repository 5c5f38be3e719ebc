"""Who could make a visit, with what stands against each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import joinedload

from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.visits import loads_of
from coordinator.workforce.fitness import Load, Unfit, distance_m, is_minor, unfit
from coordinator.workforce.models import ContactPart, Worker
from coordinator.workforce.queries import pairs_with, workers_for_planning


@dataclass(frozen=True, slots=True)
class Candidate:
    """One worker and a visit. `clash` is another visit of the worker at that time; `minor` may only come along.
    `is_contact`: the elder's main service contact; `is_helper`: paired with the elder beside that one.
    """

    worker: Worker
    findings: Sequence[Unfit]
    clash: Visit | None
    distance_metres: float | None
    load: Load
    is_contact: bool
    is_helper: bool
    minor: bool

    @property
    def possible(self) -> bool:
        """Nothing stands against it that nobody may go past."""
        return self.clash is None and not any(finding.hard for finding in self.findings)

    @property
    def fit(self) -> bool:
        """Nothing at all stands against it."""
        return self.clash is None and not self.findings


def candidates_for(visit: Visit) -> list[Candidate]:
    """The approved workers who serve the visit's area and are not on it yet: fit ones first, among them the
    elder's contact person, the helpers paired with the elder, and then the nearest. A fixed number of queries.
    """
    present = {one.worker_id for one in visit.assignments if one.state is AssignmentState.APPROVED}
    workers = [worker for worker in workers_for_planning(visit.area.path) if worker.id not in present]
    day = clock.to_local(visit.starts_at).date()
    loads = loads_of([worker.id for worker in workers], day, without_visit=visit.id)
    clashes = _clashes([worker.id for worker in workers], visit)
    paired = {one.worker_id: one.part for one in pairs_with(elder_id=visit.elder_id)}
    # A minor is judged beside an adult: whether one goes along is for the coordinator to choose.
    adults = [worker for worker in workers if not is_minor(worker, day)][:1]
    found = []
    for worker in workers:
        minor = is_minor(worker, day)
        findings = unfit(
            worker,
            visit.elder,
            visit.starts_at,
            visit.ends_at,
            mode=visit.mode.value,
            companions=adults if minor else (),
            as_companion=minor,
            needs_skills=[] if minor or visit.people > 1 else visit.needs_skills,
            load=loads[worker.id],
        )
        found.append(
            Candidate(
                worker=worker,
                findings=findings,
                clash=clashes.get(worker.id),
                distance_metres=distance_m(worker, visit.elder),
                load=loads[worker.id],
                is_contact=paired.get(worker.id) is ContactPart.MAIN,
                is_helper=paired.get(worker.id) is ContactPart.HELPER,
                minor=minor,
            )
        )
    far = float("inf")
    found.sort(
        key=lambda one: (
            not one.possible,
            not one.fit,
            one.minor,
            not one.is_contact,
            not one.is_helper,
            one.distance_metres if one.distance_metres is not None else far,
            one.worker.id,
        )
    )
    return found


def _clashes(worker_ids: Sequence[int], visit: Visit) -> dict[int, Visit]:
    """Another visit of each worker that overlaps; one query."""
    rows = db.session.execute(
        select(Assignment.worker_id, Visit)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_(worker_ids),
            Assignment.state == AssignmentState.APPROVED,
            Assignment.during.overlaps(Range(visit.starts_at, visit.ends_at, bounds="[)")),
            Visit.id != visit.id,
        )
        .options(joinedload(Visit.elder).options(*without_secrets()))
        .order_by(Visit.starts_at.desc())
    )
    return {row.worker_id: row.Visit for row in rows}
