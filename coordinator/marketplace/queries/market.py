"""What one worker is offered: open visits judged, the nearest first, and why others are not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import (
    func,
    select,
)

from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.openings import (
    Held,
    Opening,
    clash,
    held_by,
    load_on,
    open_visits,
    way,
)
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Place, Way
from coordinator.planning.queries.quotes import Placing
from coordinator.workforce.fitness import Unfit, UnfitCode, is_minor, unfit

# Who claims a visit offers the time; a word about other hours is no obstacle then.
OWN_WILL = frozenset({UnfitCode.DAY_OFF, UnfitCode.OUT_OF_HOURS})
# The adult beside a minor settles these.
THE_ADULTS_MATTER = frozenset(
    {UnfitCode.MINOR_ALONE, UnfitCode.MINOR_ACCOMPANY_ONLY, UnfitCode.SKILL_MISSING, UnfitCode.DIALECT}
)
# The card names the dialect among the needs; the coordinator weighs it.
NOTES = frozenset({UnfitCode.DIALECT})
ROUND_METRES = 100


def findings(
    worker: DutyWorker, opening: Opening, held: Sequence[Held], companions: Sequence[DutyWorker] = ()
) -> list[Unfit]:
    """What stands against the worker going, with these people."""
    others = [one for one in held if one.visit_id != opening.visit_id]
    return unfit(
        worker,  # type: ignore[arg-type]  # the attributes fitness reads, without the model
        opening.home,  # type: ignore[arg-type]
        opening.starts_at,
        opening.ends_at,
        mode=opening.mode.value,
        companions=companions,  # type: ignore[arg-type]
        as_companion=is_minor(worker, opening.day),  # type: ignore[arg-type]
        needs_skills=opening.needs_skills,
        load=load_on(others, opening.day),
    )


def minor(worker: DutyWorker, day: date) -> bool:
    """Under 18 on that day."""
    return is_minor(worker, day)  # type: ignore[arg-type]


def needs_companion(worker: DutyWorker, opening: Opening) -> bool:
    """Must the worker name somebody who goes along?"""
    return minor(worker, opening.day) or opening.missing > 1


def obstacle(
    worker: DutyWorker, opening: Opening, held: Sequence[Held], rules: Rules, now: datetime
) -> tuple[str | None, bool]:
    """Why this visit is not offered (None: it is), and whether it is within the worker's hours.

    A companion is chosen later, so what an adult beside the worker settles is left open here.
    """
    if opening.starts_at < now + rules.notice:
        return Hidden.SOON, True
    alone = findings(worker, opening, held)
    if needs_companion(worker, opening):
        if minor(worker, opening.day) and opening.missing > 1:
            return Hidden.NEEDS_TWO_ADULTS, True
        alone = [one for one in alone if one.code not in THE_ADULTS_MATTER]
    for one in alone:
        if one.code not in OWN_WILL and one.code not in NOTES:
            return one.code, True
    if clash(held, opening):
        return Hidden.CLASH, True
    return None, not any(one.code in OWN_WILL for one in alone)


@dataclass(frozen=True, slots=True)
class Offer:
    """An open visit the worker may take. Metres are rounded, so that several looks do not pin down a home.

    `placing` says where it fits among the worker's other visits of that day (`queries.own_day`).
    """

    opening: Opening
    way: Way | None
    in_hours: bool
    with_companion: bool
    stops_that_day: int
    placing: Placing | None = None

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


@dataclass(slots=True)
class Market:
    """What one worker sees: offers, nearest first, and how many are not shown for which reason."""

    offers: list[Offer] = field(default_factory=list)
    outside_hours: list[Offer] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
    held: Sequence[Held] = ()

    @property
    def hidden_total(self) -> int:
        return sum(self.hidden.values())


def market_for(worker: DutyWorker, rules: Rules) -> Market:
    """The open visits of the worker's area, judged. Three queries."""
    now = clock.now()
    openings = open_visits(worker, rules, now)
    today = clock.today()
    held = held_by([worker.id], today, today + timedelta(days=rules.days_ahead))[worker.id]
    turned_down = set(
        db.session.scalars(
            select(Claim.visit_id).where(
                Claim.worker_id == worker.id,
                Claim.state == ClaimState.REFUSED,
                Claim.claimed_at > now - timedelta(days=60),
            )
        )
    )
    market = Market(held=held)
    on_them = {one.visit_id for one in held}
    stops = Counter(one.day for one in held)
    for opening in openings:
        if opening.visit_id in on_them:
            continue
        if opening.visit_id in turned_down:
            market.hidden[Hidden.REFUSED_BEFORE] += 1
            continue
        why, in_hours = obstacle(worker, opening, held, rules, now)
        if why is not None:
            market.hidden[why] += 1
            continue
        offer = Offer(
            opening=opening,
            way=way(worker, held, opening),
            in_hours=in_hours,
            with_companion=needs_companion(worker, opening),
            stops_that_day=stops[opening.day],
        )
        (market.offers if in_hours else market.outside_hours).append(offer)
    for offers in (market.offers, market.outside_hours):
        offers.sort(key=_nearest)
    return market


def _nearest(offer: Offer) -> tuple[float, datetime, int]:
    far = float("inf") if offer.way is None else float(offer.way.added_seconds)
    return far, offer.opening.starts_at, offer.opening.visit_id


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
