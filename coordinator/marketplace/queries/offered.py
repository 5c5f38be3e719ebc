"""Open visits and taken ones around one worker, and what was between the worker and the homes so far."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import cos, radians
from typing import NamedTuple

from sqlalchemy import BigInteger, Double, bindparam, func, literal, or_, select

from coordinator.elders.models import Household
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.openings import SERVED, STATEMENT, Opening, read, serving
from coordinator.marketplace.rules import Rules
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, SurgeEvent, SurgeKind, Visit
from coordinator.visits.queries.events import forbidden_at_home
from coordinator.workforce.fitness import tied_to

# A list of what is near needs no more than the nearest; what lies further away is only counted.
MOST_READ = 500
_APART = func.power(Household.latitude - bindparam("latitude", type_=Double), 2) + func.power(
    (Household.longitude - bindparam("longitude", type_=Double)) * bindparam("narrowing", type_=Double), 2
)
_OFFERED = (
    STATEMENT.add_columns(func.count().over())
    .where(
        Visit.state == VisitState.OPEN,
        # Written into the statement: with a placeholder PostgreSQL makes one plan for any span of time, and guesses
        # a few visits where there are thousands (measured: 47 to 108 ms instead of 16).
        Visit.starts_at > bindparam("after", literal_execute=True),
        Visit.starts_at < bindparam("before"),
        SERVED,
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
    STATEMENT.where(
        Visit.state.in_((VisitState.CLAIMED, VisitState.ASSIGNED)),
        Visit.starts_at > bindparam("after", literal_execute=True),
        Visit.starts_at < bindparam("before"),
        SERVED,
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
    rows = db.session.execute(_OFFERED, given | serving(worker)).all()
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
    return [read(row) for row in db.session.execute(_TAKEN, given | serving(worker))]


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
