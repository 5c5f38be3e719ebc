"""What a calendar feed shows. Never the name, the address or anything else of an elder: feeds lie on telephones and
with calendar companies. The neighbourhood, and a link to the site, where name and door appear at their hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.agenda.models import CalendarFeed, FeedKind, VisitRevision
from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock, crypto
from coordinator.kernel.areas import Area
from coordinator.visits.labels import MODES
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker, WorkerKind

# How far a feed looks back and ahead. An area's is shorter: it holds everybody's visits.
REACH = {
    FeedKind.OWN: (timedelta(days=60), timedelta(days=180)),
    FeedKind.ORGANISATION: (timedelta(days=60), timedelta(days=90)),
    FeedKind.AREA: (timedelta(days=14), timedelta(days=30)),
}
# About 560 bytes and a third of a millisecond each; the farthest are left out.
MOST_ENTRIES = 3_000
_GOES = (AssignmentState.APPROVED, AssignmentState.DONE)
_OFF = (VisitState.CANCELLED, VisitState.MISSED)
_WANTED = (VisitState.OPEN, VisitState.CLAIMED)


@dataclass(frozen=True)
class Entry:
    """One line of a calendar. `sequence` rises with each change of time, state or people."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    title: str
    place: str
    path: str  # of the page that says more
    cancelled: bool
    tentative: bool
    sequence: int
    made_at: datetime
    changed_at: datetime


def entries_of(feed: CalendarFeed) -> list[Entry]:
    """The visits of a feed, oldest first; one query."""
    if feed.kind is FeedKind.AREA:
        return _of_area(feed)
    if feed.kind is FeedKind.ORGANISATION:
        names = feed.organisation is not None and feed.organisation.kind is not OrganisationKind.SCHOOL
        found = _of_people(feed.kind, Worker.organisation_id == feed.organisation_id)
        return [_line(row, f"{row.id}/{row.worker_id}", _who(row, names), "/") for row in found]
    found = _of_people(feed.kind, Worker.user_id == feed.user_id)
    return [_line(row, str(row.id), _what(row), "/today") for row in found]


def place_name(community: str, neighbourhood: str | None) -> str:
    """柳荫社区 滨江片: never nearer than the neighbourhood."""
    return f"{community} {neighbourhood}" if neighbourhood else community


def _columns() -> tuple[Any, ...]:
    return (
        Visit.id,
        Visit.state,
        Visit.mode,
        Visit.starts_at,
        Visit.ends_at,
        Visit.created_at,
        Area.name.label("community"),
        Household.neighbourhood,
        func.coalesce(VisitRevision.revision, 0).label("revision"),
        func.coalesce(VisitRevision.changed_at, Visit.created_at).label("changed_at"),
    )


def _visits(statement: Any, kind: FeedKind) -> Any:
    back, ahead = REACH[kind]
    now = clock.now()
    return (
        statement.join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .join(Area, Area.id == Visit.area_id)
        .outerjoin(VisitRevision, VisitRevision.visit_id == Visit.id)
        .where(Visit.starts_at >= now - back, Visit.starts_at < now + ahead)
        .limit(MOST_ENTRIES)
    )


def _of_people(kind: FeedKind, whose: ColumnElement[bool]) -> Sequence[Any]:
    """One row for each visit and person: the assignment that holds, else the last one."""
    statement = (
        select(*_columns(), Assignment.state.label("goes"), Worker.id.label("worker_id"), Worker.name)
        .add_columns(Worker.kind.label("worker_kind"))
        .select_from(Assignment)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(whose)
        .ext(distinct_on(Visit.starts_at, Visit.id, Worker.id))
        .order_by(
            Visit.starts_at, Visit.id, Worker.id, Assignment.state.in_(_GOES).desc(), Assignment.id.desc()
        )
    )
    return db.session.execute(_visits(statement, kind)).all()


def _of_area(feed: CalendarFeed) -> list[Entry]:
    path = select(Area.path).where(Area.id == feed.area_id).scalar_subquery()
    statement = (
        select(*_columns())
        .select_from(Visit)
        .where(Visit.mode == ContactMode.HOME, Area.path.startswith(path))
        .order_by(Visit.starts_at, Visit.id)
    )
    rows = db.session.execute(_visits(statement, feed.kind)).all()
    return [_line(row, str(row.id), _what(row), f"/visits/{row.id}", area=True) for row in rows]


def _line(row: Any, name: str, title: str, path: str, *, area: bool = False) -> Entry:
    goes = area or row.goes in _GOES
    wanted = area and row.state in _WANTED
    return Entry(
        # Opaque and the same for ever, also when the site moves to another address.
        uid=crypto.keyed_hash(name, "calendar")[:16].hex() + "@tanfang",
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        title=_("%(title)s（还没有人去）", title=title) if wanted else title,
        place=place_name(row.community, row.neighbourhood),
        path=path,
        cancelled=not goes or row.state in _OFF,
        tentative=wanted,
        sequence=row.revision,
        made_at=row.created_at,
        changed_at=row.changed_at,
    )


def _what(row: Any) -> str:
    place = place_name(row.community, row.neighbourhood)
    if row.mode is ContactMode.HOME:
        return _("探访：%(place)s", place=place)
    return _("%(mode)s联系：%(place)s", mode=MODES[row.mode], place=place)


def _who(row: Any, names: bool) -> str:
    """The company knows its people by name; students are not named on strange calendars."""
    who = row.name if names and row.worker_kind is not WorkerKind.STUDENT else _("一名学生")
    return _("%(who)s：%(what)s", who=who, what=_what(row))


def organisations_of(ids: Sequence[int]) -> Sequence[Organisation]:
    """These organisations, by name; one query."""
    return db.session.scalars(
        select(Organisation).where(Organisation.id.in_(ids)).order_by(Organisation.name)
    ).all()
