"""Whom to remind of what, and whether a reminder still holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.messages.models import GroupRobot
from coordinator.messages.truth import check_with
from coordinator.visits.lifecycle import AssignmentState, ContactMode, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker

DAY_SECONDS = 86_400
# Who comes from another visit this shortly before is on the way already.
ON_THE_WAY = timedelta(hours=2)
HOUR = "hour"
EVENING = "evening"


class Going(NamedTuple):
    """One person on one visit."""

    assignment_id: int
    visit_id: int
    user_id: int
    worker_id: int
    starts_at: datetime
    ends_at: datetime
    community: str
    neighbourhood: str | None


def going_between(first: datetime, last: datetime) -> list[Going]:
    """Everybody with an account who goes on a visit that begins in [first, last), by person and time."""
    rows = db.session.execute(
        select(
            Assignment.id,
            Visit.id,
            Worker.user_id,
            Worker.id,
            Visit.starts_at,
            Visit.ends_at,
            Area.name,
            Household.neighbourhood,
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .join(Area, Area.id == Visit.area_id)
        .where(
            Assignment.state == AssignmentState.APPROVED,
            Visit.state == VisitState.ASSIGNED,
            Visit.starts_at >= first,
            Visit.starts_at < last,
            Worker.user_id.is_not(None),
        )
        .order_by(Worker.user_id, Visit.starts_at, Visit.id)
    )
    return [Going(*row) for row in rows]


def without_those_on_the_way(found: Sequence[Going]) -> list[Going]:
    """Leave out whoever ends another visit within the two hours before."""
    other = aliased(Assignment)
    before = aliased(Visit)
    busy = set(
        db.session.scalars(
            select(Assignment.id)
            .join(Visit, Visit.id == Assignment.visit_id)
            .where(
                Assignment.id.in_([one.assignment_id for one in found]),
                exists().where(
                    other.worker_id == Assignment.worker_id,
                    other.id != Assignment.id,
                    other.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
                    before.id == other.visit_id,
                    before.starts_at < Visit.starts_at,
                    before.ends_at > Visit.starts_at - ON_THE_WAY,
                ),
            )
        )
    )
    return [one for one in found if one.assignment_id not in busy]


def bounds(day: date) -> tuple[datetime, datetime]:
    """The moments between which a local day lies."""
    return clock.at_local(day, 0), clock.at_local(day, DAY_SECONDS)


class GroupDay(NamedTuple):
    """What a group hears of a day: visits at home, people who go, visits without anybody."""

    visits: int
    people: int
    without: int


def group_days(day: date) -> list[tuple[GroupRobot, Area, GroupDay]]:
    """The groups that want the evening notice, with the day of their area."""
    first, last = bounds(day)
    robots = db.session.execute(
        select(GroupRobot, Area)
        .join(Area, Area.id == GroupRobot.area_id)
        .where(GroupRobot.evening, GroupRobot.stopped_at.is_(None))
        .order_by(GroupRobot.id)
    ).all()
    return [(robot, area, _group_day(area.path, first, last)) for robot, area in robots]


def _group_day(path: str, first: datetime, last: datetime) -> GroupDay:
    inside = (
        Visit.area_id.in_(select(Area.id).where(Area.path.startswith(path))),
        Visit.starts_at >= first,
        Visit.starts_at < last,
        Visit.mode == ContactMode.HOME,
        Visit.state.in_((VisitState.OPEN, VisitState.CLAIMED, VisitState.ASSIGNED)),
    )
    visits, without = db.session.execute(
        select(func.count(), func.count().filter(Visit.state != VisitState.ASSIGNED)).where(*inside)
    ).one()
    people = db.session.scalar(
        select(func.count(Assignment.worker_id.distinct()))
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(*inside, Assignment.state == AssignmentState.APPROVED)
    )
    return GroupDay(visits, people or 0, without)


def hour_key(going: Going) -> str:
    """Names one reminder; another time of the visit is another reminder."""
    return f"{HOUR}:{going.assignment_id}:{going.starts_at:%Y%m%d%H%M}"


def evening_key(day: date, worker_id: int) -> str:
    """Names the reminder of a day."""
    return f"{EVENING}:{worker_id}:{day.isoformat()}"


def hour_holds(key: str) -> bool:
    """Does the person still go, at this time?"""
    _kind, assignment_id, moment = key.split(":")
    starts_at = db.session.scalar(
        select(Visit.starts_at)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Assignment.id == int(assignment_id),
            Assignment.state == AssignmentState.APPROVED,
            Visit.state == VisitState.ASSIGNED,
        )
    )
    return starts_at is not None and f"{starts_at:%Y%m%d%H%M}" == moment


def evening_holds(key: str) -> bool:
    """Does the person still go anywhere on that day?"""
    _kind, worker_id, day = key.split(":")
    first, last = bounds(date.fromisoformat(day))
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    Assignment.worker_id == int(worker_id),
                    Assignment.state == AssignmentState.APPROVED,
                    Visit.id == Assignment.visit_id,
                    Visit.state == VisitState.ASSIGNED,
                    Visit.starts_at >= first,
                    Visit.starts_at < last,
                )
            )
        )
    )


check_with(HOUR, hour_holds)
check_with(EVENING, evening_holds)
