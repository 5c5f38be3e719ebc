"""What an open visit adds to the worker's own day, by the planner's quotes: where the day has visits already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.queries.market import Offer
from coordinator.marketplace.queries.openings import Held
from coordinator.planning.queries.quotes import Days, Goer
from coordinator.planning.queries.quotes import Held as Booked
from coordinator.planning.queries.real_day import second_of


def placed(worker: DutyWorker, held: Sequence[Held], offers: Iterable[Offer]) -> list[Offer]:
    """The offers with their place in the worker's day, those last that cannot be reached in time.

    No query; each day is prepared once.
    """
    booked: dict[date, list[Booked]] = defaultdict(list)
    for one in held:
        stop = one.stop
        booked[one.day].append(
            Booked(one.visit_id, second_of(stop.starts_at), second_of(stop.ends_at), stop.place)
        )
    goer = Goer(worker.id, worker.travel_mode, worker.start, worker.start)
    days: dict[date, Days] = {}
    found = []
    for offer in offers:
        opening = offer.opening
        if opening.place is None or opening.day not in booked:
            found.append(offer)
            continue
        if opening.day not in days:
            days[opening.day] = Days([goer], {worker.id: booked[opening.day]})
        start = second_of(opening.starts_at)
        asked = days[opening.day].ask(opening.place, start, opening.minutes * 60)
        found.append(replace(offer, placing=asked.get(worker.id)))
    return sorted(found, key=lambda offer: offer.placing is not None and not offer.placing.reachable)
