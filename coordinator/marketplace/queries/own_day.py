"""What an open visit adds to the worker's own day, by the planner's quotes: where the day has visits already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.queries.market import Offer, rank
from coordinator.marketplace.queries.openings import Held, Opening, way
from coordinator.marketplace.travel import Way
from coordinator.planning.queries.quotes import Days, Goer, times_for
from coordinator.planning.queries.quotes import Held as Booked
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.queries.roads import note_of
from coordinator.planning.translate.keys import visit_key
from coordinator.planning.translate.roads import Times
from coordinator.workforce.fitness import IN_PERSON


class Placed(NamedTuple):
    """Offers, and in words how the times came about ("" without a road engine)."""

    offers: list[Offer]
    roads: str = ""


def placed(worker: DutyWorker, held: Sequence[Held], offers: Sequence[Offer]) -> Placed:
    """The offers with their place in the worker's day, the best first, those last that cannot be reached in time.

    No query; each day is prepared once, all days without a visit together.
    """
    booked: dict[date, list[Booked]] = defaultdict(list)
    for one in held:
        booked[one.day].append(_booked(one))
    times = ways_of([(worker, held)], [offer.opening for offer in offers])
    days: dict[date | None, Days] = {}
    found = []
    for offer in offers:
        opening = offer.opening
        if times.matrix is not None:
            offer = replace(offer, way=way(worker, held, opening, times))
        if opening.place is None or opening.mode.value not in IN_PERSON:
            found.append(offer)
            continue
        day = opening.day if opening.day in booked else None
        if day not in days:
            days[day] = Days([_goer(worker)], {worker.id: booked[day] if day else []}, times)
        start = second_of(opening.starts_at)
        asked = days[day].ask(opening.place, start, opening.minutes * 60)
        found.append(replace(offer, placing=asked.get(worker.id)))
    told = note_of(times.note)
    found.sort(key=rank)
    return Placed(found, told.words if told is not None else "")


def way_now(worker: DutyWorker, held: Sequence[Held], opening: Opening) -> Way | None:
    """The way to one visit, by road where an engine answers at once."""
    return way(worker, held, opening, ways_of([(worker, held)], [opening]))


def ways_of(days: Iterable[tuple[DutyWorker, Sequence[Held]]], openings: Iterable[Opening]) -> Times:
    """The times between workers, what they hold on the days of these visits, and the visits."""
    openings, days = list(openings), list(days)
    on = {one.day for one in openings}
    stops = [_booked(one) for _worker, held in days for one in held if one.day in on]
    asked = [(visit_key(one.visit_id), one.place) for one in openings]
    return times_for([_goer(worker) for worker, _held in days], stops, asked)


def _goer(worker: DutyWorker) -> Goer:
    return Goer(worker.id, worker.travel_mode, worker.start, worker.end)


def _booked(one: Held) -> Booked:
    stop = one.stop
    return Booked(one.visit_id, second_of(stop.starts_at), second_of(stop.ends_at), stop.place)
