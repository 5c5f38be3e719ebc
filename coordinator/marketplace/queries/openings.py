"""Open visits as one worker may see them: where roughly, when, what is needed, and nothing about whom.

Name, address and categories of the elder are never read here, so that no page can show them by mistake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    bindparam,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.areas import Area
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Place, Stop, Way, way_to
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import Load, Unfit, UnfitCode, is_minor, unfit

# Who claims a visit offers the time; a word about other hours is no obstacle then.
OWN_WILL = frozenset({UnfitCode.DAY_OFF, UnfitCode.OUT_OF_HOURS})
# The adult beside a minor settles these.
THE_ADULTS_MATTER = frozenset(
    {UnfitCode.MINOR_ALONE, UnfitCode.MINOR_ACCOMPANY_ONLY, UnfitCode.SKILL_MISSING, UnfitCode.DIALECT}
)
# The card names the dialect among the needs; the coordinator weighs it.
NOTES = frozenset({UnfitCode.DIALECT})
ROUND_METRES = 100


class Door(NamedTuple):
    """The place of the home for fitness; it stays on the server."""

    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Home:
    """What fitness asks of an elder."""

    id: int
    minors_welcome: bool
    needs_skills: list[str]
    dialect: str | None
    prefers_sex: Any
    household: Door


@dataclass(frozen=True, slots=True)
class Opening:
    """A visit that needs people. `missing` is how many adults it still needs."""

    visit_id: int
    state: VisitState
    mode: ContactMode
    starts_at: datetime
    ends_at: datetime
    people: int
    missing: int
    needs_skills: list[str]
    area_id: int
    area_path: str
    community: str
    neighbourhood: str | None
    cautions: str | None
    home: Home
    day: date

    @property
    def place(self) -> Place | None:
        door = self.home.household
        return None if door.latitude is None or door.longitude is None else (door.latitude, door.longitude)

    @property
    def minutes(self) -> int:
        return round((self.ends_at - self.starts_at).total_seconds() / 60)


def _statement() -> Select[Any]:
    leading = (
        select(func.count())
        .select_from(Assignment)
        .where(
            Assignment.visit_id == Visit.id,
            Assignment.state == AssignmentState.APPROVED,
            Assignment.is_companion.is_(False),
        )
        .correlate(Visit)
        .scalar_subquery()
    )
    return (
        select(
            Visit.id,
            Visit.state,
            Visit.mode,
            Visit.starts_at,
            Visit.ends_at,
            Visit.people,
            leading,
            Visit.needs_skills,
            Visit.area_id,
            Area.path,
            Area.name,
            Household.neighbourhood,
            Elder.cautions,
            Elder.id,
            Elder.minors_welcome,
            Elder.needs_skills,
            Elder.dialect,
            Elder.prefers_sex,
            Household.latitude,
            Household.longitude,
        )
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .join(Area, Area.id == Visit.area_id)
    )


def _read(row: Any) -> Opening:
    return Opening(
        visit_id=row[0],
        state=row[1],
        mode=row[2],
        starts_at=row[3],
        ends_at=row[4],
        people=row[5],
        missing=row[5] - row[6],
        needs_skills=row[7],
        area_id=row[8],
        area_path=row[9],
        community=row[10],
        neighbourhood=row[11],
        cautions=row[12],
        home=Home(row[13], row[14], row[15], row[16], row[17], Door(row[18], row[19])),
        day=clock.to_local(row[3]).date(),
    )


_IDS = ARRAY(BigInteger)
_STATEMENT = _statement()
# The worker serves the area: registered in it, below it or above it.
_SERVED = or_(
    Area.path.startswith(bindparam("path", type_=String)),
    Visit.area_id == func.any(bindparam("above", type_=_IDS)),
)
_Above = aliased(Area)
_SETTINGS = (
    select(_Above.settings["claims"])
    .where(Area.path.startswith(_Above.path), _Above.settings.has_key("claims"))
    .order_by(func.length(_Above.path).desc())
    .limit(1)
    .correlate(Area)
    .scalar_subquery()
)
_ONE = _STATEMENT.add_columns(_SETTINGS).where(Visit.id == bindparam("visit_id"), _SERVED)
_SEVERAL = _STATEMENT.where(Visit.id == func.any(bindparam("ids", type_=_IDS)))
_OFFERED = _STATEMENT.where(
    Visit.state == VisitState.OPEN,
    Visit.starts_at > bindparam("after"),
    Visit.starts_at < bindparam("before"),
    _SERVED,
).order_by(Visit.starts_at, Visit.id)


def _serving(worker: DutyWorker) -> dict[str, Any]:
    return {
        "path": worker.area_path,
        "above": [int(part) for part in worker.area_path.split(".") if part],
    }


def find_opening(worker: DutyWorker, visit_id: int) -> tuple[Opening, Rules] | None:
    """One visit in the worker's area, whatever its state, and the rules of the nearest area that sets any."""
    row = db.session.execute(_ONE, {"visit_id": visit_id} | _serving(worker)).one_or_none()
    return None if row is None else (_read(row), Rules.of(row[-1]))


def openings_of(visit_ids: Collection[int]) -> dict[int, Opening]:
    """Visits by id, for the approval page. One query."""
    if not visit_ids:
        return {}
    return {row[0]: _read(row) for row in db.session.execute(_SEVERAL, {"ids": sorted(visit_ids)})}


def open_visits(worker: DutyWorker, rules: Rules, now: datetime) -> list[Opening]:
    """The open visits of the worker's area that have not begun, as far ahead as the street offers them."""
    until = now + timedelta(days=rules.days_ahead)
    rows = db.session.execute(_OFFERED, {"after": now, "before": until} | _serving(worker))
    return [_read(row) for row in rows]


# --- what workers hold -----------------------------------------------------------------------------------


class Held(NamedTuple):
    """A visit a worker has or asks for. `asked`: a claim that waits."""

    visit_id: int
    stop: Stop
    asked: bool
    day: date


def _held(person: Any, source: Any, asked: bool, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Visits of these people out of assignments or claims, with their place."""
    return (
        select(
            person.label("worker_id"),
            Visit.id.label("visit_id"),
            Visit.starts_at,
            Visit.ends_at,
            Household.latitude,
            Household.longitude,
            literal(asked).label("asked"),
        )
        .select_from(source)
        .join(Visit, Visit.id == source.visit_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .where(
            person == func.any(bindparam("ids", type_=_IDS)),
            Visit.starts_at >= bindparam("begin"),
            Visit.starts_at < bindparam("end"),
            *conditions,
        )
    )


_WAITS = (Claim.state == ClaimState.PENDING, Visit.state == VisitState.CLAIMED)
_HELD = _held(
    Assignment.worker_id,
    Assignment,
    False,
    Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
).union_all(_held(Claim.worker_id, Claim, True, *_WAITS), _held(Claim.companion_id, Claim, True, *_WAITS))


def held_by(worker_ids: Iterable[int], first: date, last: date) -> dict[int, list[Held]]:
    """What these workers hold or have asked for, from the week and month of `first` to those of `last`.

    One query. Long enough for all limits of any day between the two.
    """
    wanted = sorted(set(worker_ids))
    found: dict[int, list[Held]] = {worker_id: [] for worker_id in wanted}
    if not wanted:
        return found
    begin = min(first - timedelta(days=first.weekday()), first.replace(day=1))
    end = max(last + timedelta(days=7), (last.replace(day=1) + timedelta(days=32)).replace(day=1))
    given = {"ids": wanted, "begin": clock.at_local(begin, 0), "end": clock.at_local(end, 0)}
    for row in db.session.execute(_HELD, given):
        at = None if row.latitude is None else (row.latitude, row.longitude)
        stop = Stop(row.starts_at, row.ends_at, at)
        on = clock.to_local(row.starts_at).date()
        found[row.worker_id].append(Held(row.visit_id, stop, row.asked, on))
    return found


def load_on(held: Sequence[Held], day: date) -> Load:
    """What `held` amounts to around a day, for `fitness.unfit`. What is only asked for counts as well."""
    monday = day - timedelta(days=day.weekday())
    on_day = week = month = 0
    minutes = 0.0
    for one in held:
        on = one.day
        on_day += on == day
        month += (on.year, on.month) == (day.year, day.month)
        if monday <= on < monday + timedelta(days=7):
            week += 1
            minutes += (one.stop.ends_at - one.stop.starts_at).total_seconds() / 60
    return Load(day=on_day, week=week, month=month, week_minutes=round(minutes))


def clash(held: Sequence[Held], opening: Opening) -> Held | None:
    """Another visit of the same person at that time."""
    return next(
        (
            one
            for one in held
            if one.visit_id != opening.visit_id
            and one.stop.starts_at < opening.ends_at
            and opening.starts_at < one.stop.ends_at
        ),
        None,
    )


def way(worker: DutyWorker, held: Sequence[Held], opening: Opening) -> Way | None:
    """The way to the visit within what the worker holds on that day; None where the home is not on the map."""
    if opening.place is None:
        return None
    stops = [one.stop for one in held if one.day == opening.day]
    return way_to(worker.travel_mode, worker.start, stops, opening.starts_at, opening.place)


# --- judging ---------------------------------------------------------------------------------------------


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
    """An open visit the worker may take. Metres are rounded, so that several looks do not pin down a home."""

    opening: Opening
    way: Way | None
    in_hours: bool
    with_companion: bool
    stops_that_day: int

    @property
    def metres(self) -> int | None:
        if self.way is None:
            return None
        return max(ROUND_METRES, round(self.way.metres / ROUND_METRES) * ROUND_METRES)

    @property
    def added_minutes(self) -> int | None:
        return None if self.way is None else max(1, round(self.way.added_seconds / 60))


@dataclass(slots=True)
class Market:
    """What one worker sees: offers, nearest first, and how many are not shown for which reason."""

    offers: list[Offer] = field(default_factory=list)
    outside_hours: list[Offer] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)

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
    market = Market()
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


def when_words(opening: Opening) -> str:
    """3月26日 周四，9:00–9:40."""
    return (
        f"{i18n.day(opening.starts_at, weekday=True)}，"
        f"{i18n.hour(opening.starts_at)}–{i18n.hour(opening.ends_at)}"
    )
