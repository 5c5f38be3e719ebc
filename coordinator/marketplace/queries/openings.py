"""Open visits as one worker may see them: where roughly, when, what is needed, and nothing about whom.

Name, address and categories of the elder are never read here, so that no page can show them by mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import cos, radians
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Double,
    Select,
    String,
    bindparam,
    func,
    literal,
    or_,
    select,
)

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.areas import Area, nearest_settings
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Place, Stop, Way, way_to
from coordinator.planning.translate.roads import STRAIGHT, Times
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, SurgeEvent, SurgeKind, Visit
from coordinator.visits.queries.events import forbidden_at_home
from coordinator.workforce.fitness import Load, tied_to


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


def statement() -> Select[Any]:
    """What `read` reads of a visit, its elder, home and area."""
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


def read(row: Any) -> Opening:
    """The opening of the values of `statement`."""
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
_STATEMENT = statement()
# The worker serves the area: registered in it, below it or above it.
_SERVED = or_(
    Area.path.startswith(bindparam("path", type_=String)),
    Visit.area_id == func.any(bindparam("above", type_=_IDS)),
)
_ONE = _STATEMENT.add_columns(nearest_settings("claims")).where(Visit.id == bindparam("visit_id"), _SERVED)
_SEVERAL = _STATEMENT.where(Visit.id == func.any(bindparam("ids", type_=_IDS)))
# A list of what is near needs no more than the nearest; what lies further away is only counted.
MOST_READ = 500
_APART = func.power(Household.latitude - bindparam("latitude", type_=Double), 2) + func.power(
    (Household.longitude - bindparam("longitude", type_=Double)) * bindparam("narrowing", type_=Double), 2
)
_OFFERED = (
    _STATEMENT.add_columns(func.count().over())
    .where(
        Visit.state == VisitState.OPEN,
        # Written into the statement: with a placeholder PostgreSQL makes one plan for any span of time, and guesses
        # a few visits where there are thousands (measured: 47 to 108 ms instead of 16).
        Visit.starts_at > bindparam("after", literal_execute=True),
        Visit.starts_at < bindparam("before"),
        _SERVED,
        ~forbidden_at_home(),
    )
    # Whoever goes to one elder only finds that elder, however many live nearer.
    .order_by(
        Visit.elder_id.is_not_distinct_from(bindparam("tied", type_=BigInteger)).desc(),
        _APART.nulls_first(),
        Visit.starts_at,
        Visit.id,
    )
    .limit(bindparam("most"))
)

_TAKEN = (
    _STATEMENT.where(
        Visit.state.in_((VisitState.CLAIMED, VisitState.ASSIGNED)),
        Visit.starts_at > bindparam("after", literal_execute=True),
        Visit.starts_at < bindparam("before"),
        _SERVED,
        ~forbidden_at_home(),
        ~select(Assignment.id)
        .where(
            Assignment.visit_id == Visit.id,
            Assignment.worker_id == bindparam("me"),
            Assignment.state == AssignmentState.APPROVED,
        )
        .exists(),
        ~select(Claim.id)
        .where(
            Claim.visit_id == Visit.id,
            or_(Claim.worker_id == bindparam("me"), Claim.companion_id == bindparam("me")),
            Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED, ClaimState.REFUSED)),
        )
        .exists(),
    )
    .order_by(_APART.nulls_last(), Visit.starts_at, Visit.id)
    .limit(bindparam("most"))
)


def _serving(worker: DutyWorker) -> dict[str, Any]:
    return {
        "path": worker.area_path,
        "above": [int(part) for part in worker.area_path.split(".") if part],
    }


def find_opening(worker: DutyWorker, visit_id: int) -> tuple[Opening, Rules] | None:
    """One visit in the worker's area, whatever its state, and the rules of the nearest area that sets any."""
    row = db.session.execute(_ONE, {"visit_id": visit_id} | _serving(worker)).one_or_none()
    return None if row is None else (read(row), Rules.of(row[-1]))


def openings_of(visit_ids: Collection[int]) -> dict[int, Opening]:
    """Visits by id, for the approval page. One query."""
    if not visit_ids:
        return {}
    return {row[0]: read(row) for row in db.session.execute(_SEVERAL, {"ids": sorted(visit_ids)})}


class Offered(NamedTuple):
    """The nearest open visits, and how many further ones were not read; those are further away than every one
    read that is on the map."""

    openings: list[Opening]
    further: int


def open_visits(worker: DutyWorker, rules: Rules, now: datetime, most: int = MOST_READ) -> Offered:
    """The open visits of the worker's area that have not begun, as far ahead as the street offers them, those
    without a place first and then the nearest. One query, however many there are.
    """
    until = now + timedelta(days=rules.days_ahead)
    given = {
        "after": now,
        "before": until,
        "latitude": worker.start_latitude,
        "longitude": worker.start_longitude,
        "narrowing": cos(radians(worker.start_latitude)),
        "most": most,
        "tied": tied_to(worker),
    }
    rows = db.session.execute(_OFFERED, given | _serving(worker)).all()
    return Offered([read(row) for row in rows], rows[0][-1] - len(rows) if rows else 0)


def taken_visits(worker: DutyWorker, rules: Rules, now: datetime, most: int) -> list[Opening]:
    """Visits of the worker's area that are somebody else's so far, the nearest first. One query."""
    given = {
        "after": now + rules.notice,
        "before": now + timedelta(days=rules.days_ahead),
        "latitude": worker.start_latitude,
        "longitude": worker.start_longitude,
        "narrowing": cos(radians(worker.start_latitude)),
        "most": most,
        "me": worker.id,
    }
    return [read(row) for row in db.session.execute(_TAKEN, given | _serving(worker))]


class Past(NamedTuple):
    """Ids of elders the worker has visited, and of visits for which a claim was refused lately."""

    homes: set[int]
    refused: set[int]


REMEMBERED = timedelta(days=60)
_PAST = (
    select(literal(True), Visit.elder_id)
    .join(Assignment, Assignment.visit_id == Visit.id)
    .where(
        Assignment.worker_id == bindparam("worker"),
        Assignment.state == AssignmentState.DONE,
        Visit.state == VisitState.COMPLETED,
    )
    .union(
        select(literal(False), Claim.visit_id).where(
            Claim.worker_id == bindparam("worker"),
            Claim.state == ClaimState.REFUSED,
            Claim.claimed_at > bindparam("since"),
        )
    )
)


def past_of(worker_id: int, now: datetime) -> Past:
    """What was between a worker and the homes so far. One query."""
    found = Past(set(), set())
    for was_there, one in db.session.execute(_PAST, {"worker": worker_id, "since": now - REMEMBERED}):
        (found.homes if was_there else found.refused).add(one)
    return found


def festivals_between(first: date, last: date) -> list[tuple[str, date, date]]:
    """Festivals entered for any area: its path and the days, both included. One query."""
    rows = db.session.execute(
        select(Area.path, SurgeEvent.first_day, SurgeEvent.last_day)
        .join(Area, Area.id == SurgeEvent.area_id)
        .where(
            SurgeEvent.kind == SurgeKind.FESTIVAL,
            SurgeEvent.first_day <= last,
            SurgeEvent.last_day >= first,
        )
    )
    return [(path, begins, ends) for path, begins, ends in rows]


# --- what workers hold -----------------------------------------------------------------------------------


class Held(NamedTuple):
    """A visit a worker has or asks for. `asked`: a claim that waits."""

    visit_id: int
    stop: Stop
    asked: bool
    day: date


def holdings(person: Any, source: Any, asked: bool, *conditions: ColumnElement[bool]) -> Select[Any]:
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


WAITS = (Claim.state == ClaimState.PENDING, Visit.state == VisitState.CLAIMED)
_HELD = holdings(
    Assignment.worker_id,
    Assignment,
    False,
    Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
).union_all(holdings(Claim.worker_id, Claim, True, *WAITS), holdings(Claim.companion_id, Claim, True, *WAITS))


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


def way(worker: DutyWorker, held: Sequence[Held], opening: Opening, times: Times = STRAIGHT) -> Way | None:
    """The way to the visit within what the worker holds on that day; None where the home is not on the map."""
    if opening.place is None:
        return None
    stops = [one.stop for one in held if one.day == opening.day]
    ends = (worker.start, worker.end)
    return way_to(worker.travel_mode, ends, stops, opening.starts_at, opening.place, times)


def when_words(opening: Opening) -> str:
    """3月26日 周四，9:00–9:40."""
    return (
        f"{i18n.day(opening.starts_at, weekday=True)}，"
        f"{i18n.hour(opening.starts_at)}–{i18n.hour(opening.ends_at)}"
    )
