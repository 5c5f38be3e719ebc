"""One real day of an area: the visits that stand on it, who makes them, and where everybody is now.

This is what same-day changes and quotes start from: not a plan's draft but what people were told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select

from coordinator.elders.models import Elder, Household
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.planning.translate.home_visits import home_visits
from coordinator.planning.translate.keys import elder_key, worker_key
from coordinator.planning.translate.roads import STRAIGHT, Times, ends_of, times_now
from coordinator.visits.lifecycle import CLOSED, LIVE, AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.visits import loads_of
from coordinator.workforce.fitness import Load
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty, workers_for_planning

Place = tuple[float, float]
GIVEN = (AssignmentState.APPROVED, AssignmentState.DONE)


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker is and from which second of the day on another visit can be gone to."""

    place: Place
    free_from: int


@dataclass(slots=True)
class RealDay:
    """A day as it stands. Times are seconds from local midnight; `now` is None on another day than today.

    `ahead` are visits with people that have not begun, `begun` those under way or whose time has come, `open`
    those that still need somebody, `claimed` those that wait for approval. `pool` are the workers who may be given
    more; `workers` also holds people from elsewhere who are on a visit of the day. `times` are the ways by
    road once somebody has asked for them (`ways_on`).
    """

    area: Area
    day: date
    now: int | None
    ahead: list[Visit] = field(default_factory=list)
    begun: list[Visit] = field(default_factory=list)
    open: list[Visit] = field(default_factory=list)
    claimed: list[Visit] = field(default_factory=list)
    workers: dict[int, Worker] = field(default_factory=dict)
    pool: set[int] = field(default_factory=set)
    loads: dict[int, Load] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    times: Times = STRAIGHT

    def of_worker(self, worker_id: int) -> list[Visit]:
        """A worker's visits that have not begun, in order of time."""
        return [visit for visit in self.ahead if any(one.worker_id == worker_id for one in team_of(visit))]


def team_of(visit: Visit) -> list[Assignment]:
    """The people a visit is given to now."""
    return [one for one in visit.assignments if one.state is AssignmentState.APPROVED]


def second_of(moment: datetime) -> int:
    """Seconds from local midnight."""
    local = clock.to_local(moment)
    return local.hour * 3600 + local.minute * 60 + local.second


def place_of(visit: Visit) -> Place | None:
    """Where the home is; None while it is not on the map."""
    return home_place(visit.elder.household)


def home_place(home: Household) -> Place | None:
    """Where a household lives; None while it is not on the map."""
    return None if home.latitude is None or home.longitude is None else (home.latitude, home.longitude)


def start_of(worker: Worker) -> Place:
    """Where a worker's day begins."""
    return worker.start_latitude, worker.start_longitude


def end_of(worker: Worker) -> Place:
    """Where a worker's day ends."""
    if worker.end_latitude is None or worker.end_longitude is None:
        return start_of(worker)
    return worker.end_latitude, worker.end_longitude


def leg(worker: Worker, start: Place, end: Place, times: Times = STRAIGHT) -> int:
    """Seconds from place to place for a worker."""
    return times.between(worker.travel_mode, start, end)


def ways_on(real: RealDay, elders: Iterable[Elder] = ()) -> Times:
    """The times between everybody of a day, and these elders, while somebody waits."""
    visits = (*real.ahead, *real.begun, *real.open, *real.claimed)
    homes = {one.id: one.household for one in (*(visit.elder for visit in visits), *elders)}
    people: list[tuple[str, Place | None]] = [
        (elder_key(elder_id), home_place(home)) for elder_id, home in homes.items()
    ]
    for worker in real.workers.values():
        places = (*ends_of(worker), real.posts[worker.id].place)
        people += [(worker_key(worker.id), place) for place in places]
    return times_now(people, {worker.travel_mode.value for worker in real.workers.values()})


def real_day(area: Area, day: date, *, people: Iterable[int] = ()) -> RealDay:
    """The day of an area and of everybody who serves it; the number of queries is constant.

    `people` are workers who are looked at although they serve other areas.
    """
    now = second_of(clock.now()) if day == clock.today() else None
    pool = {worker.id: worker for worker in workers_for_planning(area.path)}
    visits = _visits(area, {*pool, *people}, day)
    named = {one.worker_id for visit in visits for one in visit.assignments if one.state in GIVEN} | set(
        people
    )
    found = RealDay(area, day, now, workers=pool | workers_for_duty(named - pool.keys()), pool=set(pool))
    found.loads = loads_of(list(found.workers), day)
    over: dict[int, list[Visit]] = defaultdict(list)
    for visit in visits:
        if visit.state in CLOSED:
            for one in visit.assignments:
                if one.state is AssignmentState.DONE:
                    over[one.worker_id].append(visit)
        elif visit.state is VisitState.CLAIMED:
            found.claimed.append(visit)
        elif visit.state is VisitState.IN_PROGRESS or (team_of(visit) and _has_come(visit, now)):
            found.begun.append(visit)
        elif team_of(visit):
            found.ahead.append(visit)
        else:
            found.open.append(visit)
    found.posts = _posts(found, over)
    return found


def _has_come(visit: Visit, now: int | None) -> bool:
    return now is not None and second_of(visit.starts_at) <= now


def _posts(found: RealDay, over: dict[int, list[Visit]]) -> dict[int, Post]:
    """Everybody at the last home of the day, else at the start."""
    last: dict[int, tuple[int, Visit]] = {}

    def see(worker_id: int, at: int, visit: Visit) -> None:
        if worker_id not in last or last[worker_id][0] < at:
            last[worker_id] = at, visit

    now = found.now or 0
    for worker_id, visits in over.items():
        for visit in visits:
            see(worker_id, second_of(visit.closed_at or visit.ends_at), visit)
    for visit in found.begun:
        at = max(second_of(visit.ends_at), now)
        for one in team_of(visit):
            see(one.worker_id, at, visit)
    posts = {}
    for worker in found.workers.values():
        place, free = start_of(worker), now
        if worker.id in last and found.now is not None:
            at, visit = last[worker.id]
            place, free = place_of(visit) or place, max(free, at)
        posts[worker.id] = Post(place, free)
    return posts


def _visits(area: Area, worker_ids: Iterable[int], day: date) -> Sequence[Visit]:
    """The day's visits at home, in the area or made by these workers; two queries."""
    begin, end = clock.at_local(day, 0), clock.at_local(day + timedelta(days=1), 0)
    theirs = (
        select(Assignment.visit_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_(list(worker_ids)),
            Assignment.state.in_(GIVEN),
            Visit.starts_at >= begin,
            Visit.starts_at < end,
        )
        .scalar_subquery()
    )
    return home_visits(area, theirs, LIVE | CLOSED, begin, end)
