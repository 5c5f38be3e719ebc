"""Who could go instead, best first: fit by every rule, what the visit adds to the own day, who is known there.

Visits are judged together, a fixed number of queries for any number of them, so that a hand-over of forty visits
costs as much as one search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

from flask_babel import gettext as _
from sqlalchemy import func, select

from coordinator.dropouts.rules import BEEN_THERE_SECONDS, LEAD_SECONDS
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.marketplace.duty import DutyWorker, adults_serving
from coordinator.marketplace.queries.market import NOTES, OWN_WILL, findings
from coordinator.marketplace.queries.openings import (
    Held,
    Opening,
    clash,
    held_by,
    load_on,
    openings_of,
    way,
)
from coordinator.marketplace.queries.own_day import ways_of
from coordinator.marketplace.travel import Stop
from coordinator.planning.queries.quotes import Days, Goer, Placing
from coordinator.planning.queries.quotes import Held as Booked
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.translate.roads import STRAIGHT, Times
from coordinator.visits.lifecycle import AssignmentState, ContactMode
from coordinator.visits.models import Assignment
from coordinator.visits.models import Visit as VisitRow
from coordinator.workforce.fitness import ADULT_AGE, Unfit, UnfitCode, limits
from coordinator.workforce.models import ServiceContact

QUOTED = 40
"""The planner's quotes are asked about so many people for a visit: those nearest by straight lines."""
UNKNOWN_SECONDS = 3_600
"""What the way counts as while the home is not on the map."""
MOST_MORE_A_DAY = 2
"""A successor is proposed for at most so many more visits on one day: the quote of the third knows nothing of the
first two."""
_ASK = OWN_WILL | NOTES
"""What the person's own yes settles (other hours), and what is weighed and not forbidden (the dialect)."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Somebody who could go. `soft` are findings that the own yes settles, `visits_before` how often with the
    elder, `paired`: paired with the elder now."""

    worker: DutyWorker
    placing: Placing | None
    soft: Sequence[Unfit]
    visits_before: int
    paired: bool

    @property
    def added_seconds(self) -> int | None:
        return None if self.placing is None else self.placing.added_seconds

    @property
    def added_minutes(self) -> int | None:
        return None if self.placing is None else max(1, round(self.placing.added_seconds / 60))

    @property
    def cost(self) -> int:
        """Seconds on the way, less what being known there is worth: the order in which people are asked."""
        way = UNKNOWN_SECONDS if self.placing is None else self.placing.added_seconds
        return way - worth(self.visits_before, self.paired)

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        return _is_off(self.soft), bool(self.soft), self.cost, self.worker.id

    @property
    def reasons(self) -> list[str]:
        """Why this person stands where they stand."""
        words = []
        if self.paired:
            words.append(_("和长者结对"))
        elif self.visits_before:
            words.append(_("去过 %(n)s 次", n=self.visits_before))
        if self.placing is not None:
            words.append(self.placing.words)
        words += [one.message for one in self.soft]
        return words


def stand_ins(
    visits: Collection[int],
    *,
    without: Collection[int] = (),
    only: Collection[int] | None = None,
    ready_now: bool = True,
    without_accounts: bool = False,
) -> dict[int, list[StandIn]]:
    """Visit id → the adults who could go, best first. Nobody in `without`, nobody who is on the visit already.

    `only`: look at these people and nobody else. `ready_now`: leave out who could not be there in time from where
    the day begins. `without_accounts`: also people who cannot be asked by message. Minors are never proposed: they
    stand in for nobody. Of many, the QUOTED nearest by straight lines are quoted and given.
    """
    openings = openings_of(visits)
    if not openings:
        return {}
    people = _people(openings.values(), without, only)
    if not without_accounts:
        people = {key: one for key, one in people.items() if one.user_id is not None}
    days = [one.day for one in openings.values()]
    held = held_by(people, min(days), max(days))
    known = _Known(people, {one.home.id for one in openings.values()})
    present = _present(openings)
    near = {
        opening.visit_id: _nearest(
            opening, people.values(), held, known, present[opening.visit_id], ready_now
        )
        for opening in openings.values()
    }
    asked = {worker.id: worker for rows in near.values() for worker, _against in rows}
    times = ways_of([(one, held[one.id]) for one in asked.values()], openings.values())
    placings = _placings(openings.values(), near, held, times)
    found: dict[int, list[StandIn]] = {}
    for visit_id, rows in near.items():
        opening = openings[visit_id]
        mine = []
        for worker, against in rows:
            placing = placings.get((visit_id, worker.id))
            late = placing is not None and not placing.reachable
            if late or (ready_now and not _in_time(worker, opening, times)):
                continue
            before, paired = known.of(worker.id, opening.home.id)
            mine.append(StandIn(worker, placing, against, before, paired))
        found[visit_id] = sorted(mine, key=lambda one: one.order)
    return found


class _Known:
    """Who knows whom: visits made and current pairs; two queries."""

    def __init__(self, workers: Collection[int], elders: Collection[int]) -> None:
        self._before, self._pairs = _visits_before(workers, elders), _pairs(workers, elders)

    def of(self, worker_id: int, elder_id: int) -> tuple[int, bool]:
        """How often the worker has visited the elder, and whether they are paired now."""
        key = worker_id, elder_id
        return self._before.get(key, 0), key in self._pairs


def _nearest(
    opening: Opening,
    people: Iterable[DutyWorker],
    held: dict[int, list[Held]],
    known: _Known,
    beside: Collection[int],
    ready_now: bool,
) -> list[tuple[DutyWorker, list[Unfit]]]:
    """Who may go and could be there in time, by straight lines, the best QUOTED of them, with what is left for
    their own word."""
    rows = []
    for worker in people:
        if worker.id in beside or not _serves(worker, opening):
            continue
        if ready_now and not _in_time(worker, opening, STRAIGHT):
            continue
        against = judged(worker, opening, held[worker.id])
        if against is None:
            continue
        trip = way(worker, held[worker.id], opening)
        before, paired = known.of(worker.id, opening.home.id)
        cost = (UNKNOWN_SECONDS if trip is None else trip.added_seconds) - worth(before, paired)
        rows.append((_is_off(against), bool(against), cost, worker.id, worker, against))
    return [(row[4], row[5]) for row in sorted(rows, key=lambda row: row[:4])[:QUOTED]]


def worth(visits_before: int, paired: bool) -> int:
    """Seconds on the way that being known to the elder outweighs."""
    return BEEN_THERE_SECONDS * (bool(visits_before) + paired)


def _is_off(against: Sequence[Unfit]) -> bool:
    return any(one.code == UnfitCode.DAY_OFF for one in against)


def judged(worker: DutyWorker, opening: Opening, held: Sequence[Held]) -> list[Unfit] | None:
    """What is left for the person's own word when nothing forbids going; None when something does."""
    against = findings(worker, opening, held)
    if opening.people > 1:
        # What the two bring together is judged when the visit is given.
        against = [one for one in against if one.code not in (UnfitCode.SKILL_MISSING, UnfitCode.DIALECT)]
    if any(one.code not in _ASK for one in against) or clash(held, opening) is not None:
        return None
    return against


def _people(
    openings: Iterable[Opening], without: Collection[int], only: Collection[int] | None
) -> dict[int, DutyWorker]:
    """The adults who serve any of these places; one query."""
    openings = list(openings)
    # The smallest area around all of them.
    parts = zip(*(one.area_path.split(".")[:-1] for one in openings), strict=False)
    common = [level[0] for level in takewhile(lambda level: len(set(level)) == 1, parts)]
    path = "".join(f"{part}." for part in common)
    born = _years_before(min(one.day for one in openings), ADULT_AGE)
    return {
        key: one
        for key, one in adults_serving(path, born).items()
        if key not in without and (only is None or key in only)
    }


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _serves(worker: DutyWorker, opening: Opening) -> bool:
    return opening.area_path.startswith(worker.area_path) or worker.area_path.startswith(opening.area_path)


def _in_time(worker: DutyWorker, opening: Opening, times: Times) -> bool:
    """Whether the way from the own start can still be made, with a few minutes to get ready."""
    left = (opening.starts_at - clock.now()).total_seconds()
    if opening.mode is not ContactMode.HOME or opening.place is None:
        return left > 0
    return left > 0 and times.between(worker.travel_mode, worker.start, opening.place) + LEAD_SECONDS <= left


def _placings(
    openings: Iterable[Opening],
    near: dict[int, list[tuple[DutyWorker, list[Unfit]]]],
    held: dict[int, list[Held]],
    times: Times,
) -> dict[tuple[int, int], Placing]:
    """(Visit, worker) → where it fits into the day, by the planner's quotes; each day is prepared once."""
    by_day: dict[date, list[Opening]] = defaultdict(list)
    for opening in openings:
        if opening.place is not None and opening.mode is ContactMode.HOME:
            by_day[opening.day].append(opening)
    found: dict[tuple[int, int], Placing] = {}
    for day, there in by_day.items():
        people = {worker.id: worker for opening in there for worker, _against in near[opening.visit_id]}
        goers = [Goer(one.id, one.travel_mode, one.start, one.end) for one in people.values()]
        booked = {key: [_booked(one) for one in held[key] if one.day == day] for key in people}
        days = Days(goers, booked, times)
        for opening in there:
            assert opening.place is not None, "sorted out above"
            asked = days.ask(opening.place, second_of(opening.starts_at), opening.minutes * 60)
            found |= {(opening.visit_id, worker_id): placing for worker_id, placing in asked.items()}
    return found


def _booked(one: Held) -> Booked:
    return Booked(one.visit_id, second_of(one.stop.starts_at), second_of(one.stop.ends_at), one.stop.place)


def _present(openings: Collection[int]) -> dict[int, set[int]]:
    rows = db.session.execute(
        select(Assignment.visit_id, Assignment.worker_id).where(
            Assignment.visit_id.in_(openings), Assignment.state == AssignmentState.APPROVED
        )
    )
    found: dict[int, set[int]] = defaultdict(set)
    for visit_id, worker_id in rows:
        found[visit_id].add(worker_id)
    return found


def _visits_before(workers: Collection[int], elders: Collection[int]) -> dict[tuple[int, int], int]:
    """How often each of these workers has visited each of these elders. One query."""
    rows = db.session.execute(
        select(Assignment.worker_id, VisitRow.elder_id, func.count())
        .join(VisitRow, VisitRow.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_(workers),
            VisitRow.elder_id.in_(elders),
            Assignment.state == AssignmentState.DONE,
        )
        .group_by(Assignment.worker_id, VisitRow.elder_id)
    )
    return {(worker_id, elder_id): count for worker_id, elder_id, count in rows}


def _pairs(workers: Collection[int], elders: Collection[int]) -> set[tuple[int, int]]:
    rows = db.session.execute(
        select(ServiceContact.worker_id, ServiceContact.elder_id).where(
            ServiceContact.worker_id.in_(workers),
            ServiceContact.elder_id.in_(elders),
            ServiceContact.until.is_(None),
        )
    )
    return {(worker_id, elder_id) for worker_id, elder_id in rows}


def proposed(found: dict[int, list[StandIn]], openings: dict[int, Opening]) -> dict[int, StandIn]:
    """One successor for each visit such that nobody gets two visits at once, nor more than they take in a day, a
    week, a month, with what they hold: in order of time, the best who is free. Visits nobody can take are left out.
    One query."""
    given: dict[int, list[Opening]] = defaultdict(list)
    chosen: dict[int, StandIn] = {}
    people = {one.worker.id for rows in found.values() for one in rows}
    if not people:
        return chosen
    days = [one.day for one in openings.values()]
    held = held_by(people, min(days), max(days))
    for opening in sorted(openings.values(), key=lambda one: (one.starts_at, one.visit_id)):
        for one in found.get(opening.visit_id, ()):
            if one.soft or any(_near(other, opening) for other in given[one.worker.id]):
                continue
            if sum(other.day == opening.day for other in given[one.worker.id]) >= MOST_MORE_A_DAY:
                continue
            if limits(one.worker, load_on(held[one.worker.id], opening.day), opening.minutes):
                continue
            chosen[opening.visit_id] = one
            given[one.worker.id].append(opening)
            stop = Stop(opening.starts_at, opening.ends_at, opening.place)
            held[one.worker.id].append(Held(opening.visit_id, stop, asked=False, day=opening.day))
            break
    return chosen


def _near(one: Opening, other: Opening) -> bool:
    gap = timedelta(minutes=30)
    return one.starts_at < other.ends_at + gap and other.starts_at < one.ends_at + gap
