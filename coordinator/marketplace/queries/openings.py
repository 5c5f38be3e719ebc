"""Open visits as one worker may see them: where roughly, when, what is needed, and nothing about whom.

Name, address and categories of the elder are never read here, so that no page can show them by mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
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
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.fitness import Load


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
STATEMENT = statement()
# The worker serves the area: registered in it, below it or above it.
SERVED = or_(
    Area.path.startswith(bindparam("path", type_=String)),
    Visit.area_id == func.any(bindparam("above", type_=_IDS)),
)
_ONE = STATEMENT.add_columns(nearest_settings("claims")).where(Visit.id == bindparam("visit_id"), SERVED)
_SEVERAL = STATEMENT.where(Visit.id == func.any(bindparam("ids", type_=_IDS)))


def serving(worker: DutyWorker) -> dict[str, Any]:
    """The parameters of SERVED."""
    return {
        "path": worker.area_path,
        "above": [int(part) for part in worker.area_path.split(".") if part],
    }


def find_opening(worker: DutyWorker, visit_id: int) -> tuple[Opening, Rules] | None:
    """One visit in the worker's area, whatever its state, and the rules of the nearest area that sets any."""
    row = db.session.execute(_ONE, {"visit_id": visit_id} | serving(worker)).one_or_none()
    return None if row is None else (read(row), Rules.of(row[-1]))


def openings_of(visit_ids: Collection[int]) -> dict[int, Opening]:
    """Visits by id, for the approval page. One query."""
    if not visit_ids:
        return {}
    return {row[0]: read(row) for row in db.session.execute(_SEVERAL, {"ids": sorted(visit_ids)})}


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
