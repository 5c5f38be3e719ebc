"""What one more visit adds to each person's own day: seconds on the way, and between which visits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select

import routing
from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.planning.queries.real_day import (
    Place,
    end_of,
    place_of,
    second_of,
    start_of,
)
from coordinator.planning.queries.roads import RoadNote, note_of
from coordinator.planning.translate.keys import elder_key, visit_key, worker_key
from coordinator.planning.translate.people import DETOUR, speeds
from coordinator.planning.translate.roads import STRAIGHT, Times, times_now
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.candidates import Candidate
from coordinator.workforce.models import TravelMode, Worker
from routing.scenario import Scenario
from routing.scenario import Visit as Item
from routing.scenario import Worker as Person

ANY_TIME = (-86_400, 2 * 86_400)
GIVEN = (AssignmentState.APPROVED, AssignmentState.DONE)


class Held(NamedTuple):
    """A visit somebody has that day: its id, start and end in seconds, and the place (None: not on the map)."""

    visit_id: int
    start: int
    end: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a visit fits into a day. `after` and `before` are the starts of the visits around it (seconds of the
    day), None at the day's ends. `reachable` is false when the time does not suffice for the way."""

    added_seconds: int
    after: int | None
    before: int | None
    reachable: bool = True

    @property
    def words(self) -> str:
        """排在 9:40 和 10:30 两次之间."""
        if not self.reachable:
            return _("前后有别的探访，路上来不及")
        if self.after is not None and self.before is not None:
            return _("排在 %(a)s 和 %(b)s 两次之间", a=i18n.hour(self.after), b=i18n.hour(self.before))
        if self.after is not None:
            return _("排在 %(a)s 那次之后", a=i18n.hour(self.after))
        if self.before is not None:
            return _("排在 %(b)s 那次之前", b=i18n.hour(self.before))
        return _("当天只有这一次，来回路上")


class Goer(NamedTuple):
    """Who would go: how, and where the day begins and ends."""

    id: int
    mode: TravelMode
    start: Place
    end: Place


class Days:
    """One day of some people, ready to be asked about one visit after the other (under a millisecond each).

    `times` must hold the places of the people, of what they have, and of what is asked (`times_for`)."""

    def __init__(
        self, goers: Iterable[Goer], held: Mapping[int, Sequence[Held]], times: Times = STRAIGHT
    ) -> None:
        self._times = times
        self._goers = {goer.id: goer for goer in goers}
        self._starts: dict[str | None, int | None] = {None: None}
        items: dict[str, Item] = {}
        routes = []
        for goer in self._goers.values():
            route = self._route(goer, held.get(goer.id, ()), items)
            routes += [route] if route is not None else []
        scenario = Scenario(
            kind="day",
            visits=tuple(items.values()),
            # When somebody comes is a question of fitness; here only the way counts.
            workers=tuple(
                Person(worker_key(one.id), one.start, one.end, mode=one.mode.value, shift=ANY_TIME)
                for one in self._goers.values()
            ),
            speed_kmh=tuple(speeds().items()),
            detour=DETOUR,
        )
        self._quoter = routing.Quoter(times.into(scenario), routing.Plan("", tuple(routes)))
        self._at_odds = {int(worker[1:]) for worker, _day in self._quoter.broken}

    def _route(self, goer: Goer, held: Sequence[Held], items: dict[str, Item]) -> routing.Route | None:
        at, free = goer.start, 0
        stops: list[routing.Stop] = []
        for one in sorted(held, key=lambda row: row.start):
            name, where = visit_key(one.visit_id), one.place or at
            items.setdefault(name, Item(name, where, one.end - one.start, (one.start, one.start), people=2))
            self._starts[name] = one.start
            way = self._times.between(goer.mode, at, where)
            free = free if stops else one.start - way
            stops.append(routing.Stop(name, min(one.start, free + way), one.start, one.end))
            at, free = where, one.end
        if not stops:
            return None
        leave = stops[0].arrival - self._times.between(goer.mode, goer.start, items[stops[0].visit].loc)
        back = free + self._times.between(goer.mode, at, goer.end)
        return routing.Route(worker_key(goer.id), 0, leave, back, tuple(stops))

    def ask(self, place: Place, start: int, seconds: int) -> dict[int, Placing]:
        """Worker id → where a visit at this time fits; those whose own day is at odds with itself are left out."""
        found = {}
        for quote in self._quoter.quote(self._times.at(Item("asked", place, seconds, (start, start)))):
            spot = quote.places[0]
            found[int(spot.worker[1:])] = Placing(
                max(0, spot.added_seconds), self._starts[spot.after], self._starts[spot.before]
            )
        late = self._goers.keys() - found.keys() - self._at_odds
        return found | dict.fromkeys(late, Placing(0, None, None, reachable=False))


def times_for(
    goers: Sequence[Goer], held: Iterable[Held], asked: Iterable[tuple[str, Place | None]]
) -> Times:
    """The times that `Days` needs to quote the places asked about (key and place)."""
    people = [(worker_key(one.id), place) for one in goers for place in (one.start, one.end)]
    stops = [(visit_key(one.visit_id), one.place) for one in held]
    return times_now([*people, *stops, *asked], {one.mode.value for one in goers})


class Quoted(NamedTuple):
    """Candidates with what a visit adds to their day, and how the times came about (None: no road engine)."""

    rows: list[tuple[Candidate, Placing | None]]
    roads: RoadNote | None = None


def goer_of(worker: Worker) -> Goer:
    """A worker who goes."""
    return Goer(worker.id, worker.travel_mode, start_of(worker), end_of(worker))


def held_on(worker_ids: Iterable[int], day: datetime, without_visit: int) -> dict[int, list[Held]]:
    """What these workers have on the local day of a moment; one query."""
    local = clock.to_local(day).date()
    rows = db.session.execute(
        select(
            Assignment.worker_id,
            Visit.id,
            Visit.starts_at,
            Visit.ends_at,
            Household.latitude,
            Household.longitude,
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .where(
            Assignment.worker_id.in_(list(worker_ids)),
            Assignment.state.in_(GIVEN),
            Visit.id != without_visit,
            Visit.starts_at >= clock.at_local(local, 0),
            Visit.starts_at < clock.at_local(local + timedelta(days=1), 0),
        )
    )
    found: dict[int, list[Held]] = defaultdict(list)
    for worker_id, visit_id, starts_at, ends_at, latitude, longitude in rows:
        place = None if latitude is None or longitude is None else (latitude, longitude)
        found[worker_id].append(Held(visit_id, second_of(starts_at), second_of(ends_at), place))
    return found


def quoted_candidates(visit: Visit, candidates: Sequence[Candidate]) -> Quoted:
    """Candidates with what the visit adds to their day, best first; one query more.

    None where the home is not on the map, the visit is no visit at home, or somebody's day is at odds with itself.
    """
    place = place_of(visit)
    if place is None or visit.mode.value != "home" or not candidates:
        return Quoted([(one, None) for one in candidates])
    held = held_on([one.worker.id for one in candidates], visit.starts_at, visit.id)
    start = second_of(visit.starts_at)
    seconds = round((visit.ends_at - visit.starts_at).total_seconds())
    goers = [goer_of(one.worker) for one in candidates]
    stops = [one for mine in held.values() for one in mine]
    times = times_for(goers, stops, [(elder_key(visit.elder_id), place)])
    found = Days(goers, held, times).ask(place, start, seconds)
    rows = [(one, found.get(one.worker.id)) for one in candidates]
    far = 10**9

    def order(row: tuple[Candidate, Placing | None]) -> tuple[bool, bool, bool, bool, bool, int, int]:
        one, placing = row
        late = placing is not None and not placing.reachable
        added = far if placing is None else placing.added_seconds
        return not one.possible, late, not one.fit, one.minor, not one.is_contact, added, one.worker.id

    return Quoted(sorted(rows, key=order), note_of(times.note))
