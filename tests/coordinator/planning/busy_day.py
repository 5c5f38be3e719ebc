"""A busy day: as many visits as wanted in a town, given to people who go from home to home."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from random import Random

from sqlalchemy.dialects.postgresql import Range

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import Area
from coordinator.planning.queries.real_day import leg
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import TravelMode, Worker
from tests import factories

MIDDLE = (28.881, 105.441)
SPREAD = 0.018


@dataclass
class BusyDay:
    """The day and everybody on it."""

    area: Area
    user: User
    actor: Actor
    workers: list[Worker]
    elders: list[Elder]
    visits: list[Visit]


def make_busy_day(day: date, visits: int = 150, workers: int = 60, spare: int = 0, seed: int = 1) -> BusyDay:
    """Visits of half an hour from eight o'clock on; `spare` workers have none. Flushes."""
    random = Random(seed)
    tree = factories.make_area_tree(emergency_phone="0830-2290000")
    user = factories.make_user(Role.STREET_COORDINATOR, tree.street)
    actor = Actor(user.id, user.name, (Grant(Role.STREET_COORDINATOR, tree.street.id, tree.street.path),))

    def place() -> tuple[float, float]:
        return tuple(at + random.uniform(-SPREAD, SPREAD) for at in MIDDLE)  # type: ignore[return-value]

    people = []
    for number in range(workers + spare):
        at = place()
        account = factories.make_user(Role.WORKER)
        people.append(
            factories.make_worker(
                tree.community,
                user_id=account.id,
                start_latitude=at[0],
                start_longitude=at[1],
                travel_mode=TravelMode.BIKE if number % 2 else TravelMode.WALK,
                service_radius_metres=5000,
                max_visits_day=6,
                shift=(time(8, 0), time(18, 0)) if number % 3 else (time(8, 0), time(12, 30)),
            )
        )
    elders, made = [], []
    busy = people[:workers]
    free = {worker.id: (8 * 3600, (worker.start_latitude, worker.start_longitude)) for worker in busy}
    for number in range(visits):
        worker = busy[number % workers]
        begin, at = free[worker.id]
        home = min((place() for _try in range(6)), key=lambda one: leg(worker, at, one))
        start = -(-(begin + leg(worker, at, home)) // 300) * 300
        household = factories.make_household(tree.community, latitude=home[0], longitude=home[1])
        elder = factories.make_elder(
            tree.community, household, visit_from=time(8, 0), visit_until=time(18, 0)
        )
        starts = clock.at_local(day, start)
        visit = Visit(
            elder=elder,
            area=tree.community,
            area_id=tree.community.id,
            starts_at=starts,
            ends_at=starts + timedelta(minutes=30),
            state=VisitState.ASSIGNED,
            needs_skills=[],
            opened_by_id=user.id,
        )
        visit.assignments = [
            Assignment(
                worker=worker,
                during=Range(visit.starts_at, visit.ends_at, bounds="[)"),
                approved_by_id=user.id,
            )
        ]
        db.session.add(visit)
        elders.append(elder)
        made.append(visit)
        free[worker.id] = (start + 1800 + 300, home)
    db.session.flush()
    return BusyDay(tree.street, user, actor, people, elders, made)
