"""What one worker is offered: open visits judged, the nearest first, and why others are not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    func,
    select,
)

from coordinator.elders.models import Elder, ElderStatus, Household, Skill
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.geo import haversine_m
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.queries.judging import (
    NOTES,
    OWN_WILL,
    THE_ADULTS_MATTER,
    Judge,
    Verdict,
    findings,
)
from coordinator.marketplace.queries.offered import MOST_READ, festivals_between, open_visits, past_of
from coordinator.marketplace.queries.openings import Held, Opening, held_by, way
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Place, Way, road_metres, seconds
from coordinator.planning.queries.quotes import Placing
from coordinator.workforce.fitness import IN_PERSON, UnfitCode, is_minor
from coordinator.workforce.wishes import Facts, Wish, meets

__all__ = [
    "NOTES",
    "OWN_WILL",
    "THE_ADULTS_MATTER",
    "Market",
    "Offer",
    "findings",
    "market_for",
    "minor",
    "needs_companion",
    "obstacle",
]

ROUND_METRES = 100

# What orders the list besides the way there, in seconds: our own figures, printed in docs/workforce.md.
KNOWN_HOME = -900
SKILL_ASKED_FOR = -600
SAME_DIALECT = -300
OTHER_DIALECT = 600


def minor(worker: DutyWorker, day: date) -> bool:
    """Under 18 on that day."""
    return is_minor(worker, day)


def needs_companion(worker: DutyWorker, opening: Opening) -> bool:
    """Must the worker name somebody who goes along?"""
    return minor(worker, opening.day) or opening.missing > 1


def obstacle(
    worker: DutyWorker, opening: Opening, held: Sequence[Held], rules: Rules, now: datetime
) -> tuple[str | None, bool]:
    """Why this visit is not offered (None: it is), and whether it is within the worker's hours."""
    verdict = Judge(worker, held, rules, now).of(opening)
    return (verdict.against[0] if verdict.against else None), verdict.in_hours


@dataclass(frozen=True, slots=True)
class Offer:
    """An open visit the worker may take. Metres are rounded, so that several looks do not pin down a home.

    `placing` says where it fits among the worker's other visits of that day (`queries.own_day`). `bonus` are the
    seconds by which it comes earlier (negative) or later in the list than its way alone says.
    """

    opening: Opening
    way: Way | None
    in_hours: bool
    with_companion: bool
    stops_that_day: int
    placing: Placing | None = None
    bonus: int = 0
    wished: bool = True

    @property
    def metres(self) -> int | None:
        if self.way is None:
            return None
        return max(ROUND_METRES, round(self.way.metres / ROUND_METRES) * ROUND_METRES)

    @property
    def added_minutes(self) -> int | None:
        if self.placing is not None and self.placing.reachable:
            return max(1, round(self.placing.added_seconds / 60))
        return None if self.way is None else max(1, round(self.way.added_seconds / 60))


class Turned(NamedTuple):
    """An open visit that is not offered: all that stands against it."""

    opening: Opening
    verdict: Verdict
    wished: bool


@dataclass(slots=True)
class Market:
    """What one worker sees: offers, best first; offers at other hours, of kinds not wished for, and with too little
    time for the way (by straight lines: who knows better may claim them); and how many are not shown for which
    reason, with what stands against each (`turned`). `unread` lie further away.
    """

    offers: list[Offer] = field(default_factory=list)
    outside_hours: list[Offer] = field(default_factory=list)
    not_wished: list[Offer] = field(default_factory=list)
    tight: list[Offer] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
    turned: list[Turned] = field(default_factory=list)
    held: Sequence[Held] = ()
    unread: int = 0


def market_for(worker: DutyWorker, rules: Rules, most: int = MOST_READ) -> Market:
    """The open visits of the worker's area, the nearest `most` of them judged. Three queries; four with a wish
    about festivals.
    """
    now = clock.now()
    openings, unread = open_visits(worker, rules, now, most)
    today = clock.today()
    last = today + timedelta(days=rules.days_ahead)
    held = held_by([worker.id], today, last)[worker.id]
    past = past_of(worker.id, now)
    dated = {Wish.FESTIVAL, Wish.ORDINARY} & set(worker.wanted)
    festivals = festivals_between(today, last) if dated else []
    judge = Judge(worker, held, rules, now)
    market = Market(held=held)
    on_them = {one.visit_id for one in held}
    stops = Counter(one.day for one in held)
    for opening in openings:
        if opening.visit_id in on_them:
            continue
        wished = meets(worker.wanted, facts(opening, past.homes, festivals)) if worker.wanted else True
        if opening.visit_id in past.refused:
            market.hidden[Hidden.REFUSED_BEFORE] += 1
            continue
        verdict = judge.of(opening)
        if verdict.against:
            market.hidden[verdict.against[0]] += 1
            market.turned.append(Turned(opening, verdict, wished))
            continue
        offer = Offer(
            opening=opening,
            way=way(worker, judge.on(opening.day), opening),
            in_hours=verdict.in_hours,
            with_companion=judge.needs_companion(opening),
            stops_that_day=stops[opening.day],
            bonus=_bonus(worker, opening, past.homes, verdict.speaks),
            wished=wished,
        )
        if not _time_for_the_way(worker, judge.on(opening.day), opening):
            market.tight.append(offer)
        elif not wished:
            market.not_wished.append(offer)
        else:
            (market.offers if verdict.in_hours else market.outside_hours).append(offer)
    if unread:
        furthest = openings[-1].place
        out = furthest is not None and haversine_m(*worker.start, *furthest) > worker.service_radius_metres
        market.hidden[UnfitCode.OUTSIDE_RADIUS if out else Hidden.FURTHER] += unread
        market.unread = unread
    for offers in (market.offers, market.outside_hours, market.not_wished, market.tight):
        offers.sort(key=rank)
    return market


def _time_for_the_way(worker: DutyWorker, held: Sequence[Held], opening: Opening) -> bool:
    """Can the visit be reached from the one before, and the next one from it? By straight lines."""
    if opening.place is None or opening.mode.value not in IN_PERSON:
        return True
    for one in held:
        if one.stop.place is None:
            continue
        between = seconds(worker.travel_mode, road_metres(worker.travel_mode, one.stop.place, opening.place))
        gap = max(opening.starts_at - one.stop.ends_at, one.stop.starts_at - opening.ends_at)
        if gap.total_seconds() < between:
            return False
    return True


def facts(
    opening: Opening, known: Collection[int], festivals: Iterable[tuple[str, date, date]] = ()
) -> Facts:
    """What of a visit the worker's wishes are about."""
    return Facts(
        in_person=opening.mode.value in IN_PERSON,
        several=opening.people > 1,
        known=opening.home.id in known,
        festival=any(
            opening.area_path.startswith(path) and first <= opening.day <= last
            for path, first, last in festivals
        ),
    )


def _bonus(worker: DutyWorker, opening: Opening, known: Collection[int], speaks: bool) -> int:
    """Seconds for how well worker and visit fit, beyond being allowed."""
    seconds = KNOWN_HOME if opening.home.id in known else 0
    if any(skill != Skill.DIALECT for skill in opening.needs_skills):
        seconds += SKILL_ASKED_FOR
    if opening.home.dialect:
        seconds += SAME_DIALECT if opening.home.dialect in worker.dialects else 0 if speaks else OTHER_DIALECT
    return seconds


def rank(offer: Offer) -> tuple[bool, bool, float, datetime, int]:
    """The order of the list: what can be reached, what is wished for, then seconds of the way and how well it
    fits; a telephone call costs no way, a home that is not on the map comes last."""
    opening, placing = offer.opening, offer.placing
    late = placing is not None and not placing.reachable
    if opening.mode.value not in IN_PERSON:
        seconds = 0.0
    elif placing is not None and placing.reachable:
        seconds = float(placing.added_seconds)
    else:
        seconds = float("inf") if offer.way is None else float(offer.way.added_seconds)
    return late, not offer.wished, seconds + offer.bonus, opening.starts_at, opening.visit_id


def neighbourhood_places(offers: Iterable[Offer]) -> dict[tuple[int, str | None], Place]:
    """Where the map shows the offers: the middle of a neighbourhood's registered homes when there are at least
    five, else the middle of the community. One query; a neighbourhood without either is left out.
    """
    area_ids = {offer.opening.area_id for offer in offers}
    if not area_ids:
        return {}
    rows = db.session.execute(
        select(
            Area.id,
            Household.neighbourhood,
            func.avg(Household.latitude),
            func.avg(Household.longitude),
            func.count(Household.id.distinct()).filter(Household.latitude.is_not(None)),
            Area.latitude,
            Area.longitude,
        )
        .join(Household, Household.area_id == Area.id)
        .join(Elder, Elder.household_id == Household.id)
        .where(Area.id.in_(area_ids), Elder.status == ElderStatus.ACTIVE)
        .group_by(Area.id, Household.neighbourhood)
    )
    places: dict[tuple[int, str | None], Place] = {}
    for area_id, name, latitude, longitude, homes, area_latitude, area_longitude in rows:
        if name and homes >= 5:
            places[area_id, name] = (round(latitude, 3), round(longitude, 3))
        elif area_latitude is not None:
            places[area_id, name] = (area_latitude, area_longitude)
    return places
