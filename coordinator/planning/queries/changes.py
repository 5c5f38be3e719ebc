"""What the page of same-day changes offers to choose from: the people and visits of a day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.visits import on_day
from coordinator.workforce.models import Worker, WorkerStatus

WAITS = (VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)


@dataclass(frozen=True, slots=True)
class DayChoices:
    """`people` are (worker, visits of theirs that have not begun), the busiest first; `visits` those that have not
    begun, in order of time."""

    people: list[tuple[Worker, int]]
    visits: list[Visit]

    @property
    def open(self) -> list[Visit]:
        """Visits that nobody has been given yet."""
        return [visit for visit in self.visits if visit.state is VisitState.OPEN]


def choices_on(area: Area, day: date) -> DayChoices:
    """The people who serve an area and the visits of a day there; three queries."""
    inside = select(Area.id).where(Area.path.startswith(area.path))
    visits = db.session.scalars(
        select(Visit)
        .where(
            Visit.area_id.in_(inside),
            Visit.state.in_(WAITS),
            Visit.mode == ContactMode.HOME,
            on_day(day),
        )
        .options(
            joinedload(Visit.elder).options(*without_secrets()),
            selectinload(Visit.assignments).joinedload(Assignment.worker).load_only(Worker.name),
        )
        .order_by(Visit.starts_at, Visit.id)
    ).all()
    counts = Counter(
        one.worker_id
        for visit in visits
        for one in visit.assignments
        if one.state is AssignmentState.APPROVED
    )
    above = [int(part) for part in area.path.split(".") if part]
    people = db.session.scalars(
        select(Worker)
        .where(
            or_(
                Worker.id.in_(counts),
                (Worker.status == WorkerStatus.APPROVED)
                & or_(Worker.area_id.in_(inside), Worker.area_id.in_(above)),
            )
        )
        .order_by(Worker.name, Worker.id)
    )
    rows = [(worker, counts[worker.id]) for worker in people]
    return DayChoices(sorted(rows, key=lambda row: -row[1]), list(visits))


def find_elder_in(area: Area, elder_id: int) -> Elder | None:
    """An elder of the area, by id."""
    found: Elder | None = db.session.scalar(
        select(Elder)
        .join(Area, Area.id == Elder.area_id)
        .where(Elder.id == elder_id, Area.path.startswith(area.path))
        .options(*without_secrets())
    )
    return found
