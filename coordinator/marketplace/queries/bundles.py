"""Open visits that lie so near each other, in place and time, that one walk makes them all. No query.

A bundle is only an offer: each visit of it is claimed by itself, under the usual rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.queries.market import Market, Offer
from coordinator.marketplace.queries.openings import Held, load_on
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Place, road_metres, seconds
from coordinator.workforce.fitness import IN_PERSON
from coordinator.workforce.models import WorkerKind

# Our own figures: no longer way and no longer wait than this between two visits of a bundle.
LONGEST_WAY = 600
LONGEST_WAIT = 1_800
MOST_STOPS = 4
MOST_BUNDLES = 3
# How many of the best offers are looked at.
LOOKED_AT = 200
ROUND_SECONDS = 300


class Round(StrEnum):
    """near_home: all within a short way of the start · property: along a property round (one neighbourhood) ·
    courier: within a delivery area (one community) · near: simply near each other."""

    NEAR_HOME = "near_home"
    PROPERTY = "property"
    COURIER = "courier"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Visits of one day by time; `seconds` from leaving the start until the end of the day's way, rounded up."""

    kind: Round
    offers: tuple[Offer, ...]
    seconds: int

    @property
    def day(self) -> date:
        return self.offers[0].opening.day


def bundles(worker: DutyWorker, market: Market, rules: Rules, waiting: int) -> list[Bundle]:
    """The best few bundles, the larger first. `waiting` is how many claims of the worker wait already."""
    days: dict[date, list[Offer]] = defaultdict(list)
    for offer in market.offers[:LOOKED_AT]:
        if offer.opening.place and offer.opening.mode.value in IN_PERSON and not offer.with_companion:
            days[offer.opening.day].append(offer)
    found = []
    for day, offers in days.items():
        most = min(MOST_STOPS, _room(worker, market.held, day), rules.open_at_once - waiting)
        offers.sort(key=lambda one: (one.opening.starts_at, one.opening.visit_id))
        there = _Day(worker, [one for one in market.held if one.day == day], most, _left(worker, market, day))
        free = list(offers)
        while most >= 2 and (chain := there.longest(free)):
            free = [one for one in free if one not in chain]
            found.append(_bundle(worker, chain))
    found.sort(key=lambda one: (-len(one.offers), one.seconds, one.offers[0].opening.visit_id))
    return found[:MOST_BUNDLES]


def _room(worker: DutyWorker, held: Sequence[Held], day: date) -> int:
    load = load_on(held, day)
    return min(
        worker.max_visits_day - load.day,
        worker.max_visits_week - load.week,
        worker.max_visits_month - load.month,
    )


def _left(worker: DutyWorker, market: Market, day: date) -> float:
    """Minutes the worker's own week still has room for."""
    if worker.max_hours_week is None:
        return float("inf")
    return worker.max_hours_week * 60 - load_on(market.held, day).week_minutes


class _Day(NamedTuple):
    """One day of one worker: what is held, how many visits more, and minutes."""

    worker: DutyWorker
    held: Sequence[Held]
    most: int
    minutes: float

    def longest(self, free: Sequence[Offer]) -> list[Offer]:
        """The longest chain, the earliest of these; empty when no two go together."""
        best: list[Offer] = []
        for number, first in enumerate(free):
            chain = [first]
            for after in free[number + 1 :]:
                if len(chain) == self.most or _gap(chain[-1], after) > LONGEST_WAY + LONGEST_WAIT:
                    break
                if _follows(self.worker, chain[-1], after) and self.fits([*chain, after]):
                    chain.append(after)
            if len(chain) > max(1, len(best)):
                best = chain
                if len(best) == self.most:
                    break
        return best

    def fits(self, chain: Sequence[Offer]) -> bool:
        """Is there time for the ways between the chain and what is held, and for all of it in the week?"""
        if sum(one.opening.minutes for one in chain) > self.minutes:
            return False
        stops = [(one.opening.starts_at, one.opening.ends_at, one.opening.place) for one in chain]
        stops += [(one.stop.starts_at, one.stop.ends_at, one.stop.place) for one in self.held]
        stops.sort(key=lambda one: one[0])
        return all(
            before[1] + timedelta(seconds=_way(self.worker, before[2], after[2])) <= after[0]
            for before, after in pairwise(stops)
        )


def _follows(worker: DutyWorker, one: Offer, after: Offer) -> bool:
    """Is the second visit a short way and a short wait after the first, on the same round?"""
    gap = _gap(one, after)
    if not 0 <= gap <= LONGEST_WAY + LONGEST_WAIT:
        return False
    if worker.kind is WorkerKind.PROPERTY_STAFF and (
        (one.opening.area_id, one.opening.neighbourhood)
        != (after.opening.area_id, after.opening.neighbourhood)
    ):
        return False
    if worker.kind is WorkerKind.COURIER and one.opening.area_id != after.opening.area_id:
        return False
    way = _way(worker, one.opening.place, after.opening.place)
    return way <= LONGEST_WAY and way <= gap <= way + LONGEST_WAIT


def _gap(one: Offer, after: Offer) -> float:
    """Seconds between the end of one visit and the beginning of the next."""
    return (after.opening.starts_at - one.opening.ends_at).total_seconds()


def _bundle(worker: DutyWorker, chain: Sequence[Offer]) -> Bundle:
    places = [one.opening.place for one in chain]
    out, back = _way(worker, worker.start, places[0]), _way(worker, places[-1], worker.end)
    length = (chain[-1].opening.ends_at - chain[0].opening.starts_at).total_seconds() + out + back
    if worker.kind is WorkerKind.PROPERTY_STAFF:
        kind = Round.PROPERTY
    elif worker.kind is WorkerKind.COURIER:
        kind = Round.COURIER
    elif all(_way(worker, worker.start, place) <= LONGEST_WAY for place in places):
        kind = Round.NEAR_HOME
    else:
        kind = Round.NEAR
    return Bundle(kind, tuple(chain), -int(-length // ROUND_SECONDS) * ROUND_SECONDS)


def _way(worker: DutyWorker, one: Place | None, other: Place | None) -> int:
    """Seconds by the usual estimate; a home that is not on the map costs nothing."""
    if one is None or other is None:
        return 0
    return seconds(worker.travel_mode, road_metres(worker.travel_mode, one, other))
