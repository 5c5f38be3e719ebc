"""What a claim has to know, in two round trips: who asks for which visit, and what the people hold already.

Fifty people press at once, and each statement waits its turn: fewer statements are worth more than shorter ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, bindparam, case, cast, func, literal_column, or_, select, union_all
from sqlalchemy.orm import aliased

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area, nearest_settings
from coordinator.marketplace.duty import GATHERED, DutyWorker, columns_of_duty, read_duty
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries import openings
from coordinator.marketplace.queries.claims import standing_claims
from coordinator.marketplace.queries.openings import Held, Opening
from coordinator.marketplace.queries.standing import Standing
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Stop
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.events import forbidden_at_home
from coordinator.workforce.models import Worker

CLAIM_LOCK = 7_303  # first key of the advisory lock under which one worker's claims are counted


class Asked(NamedTuple):
    """Who asks for which visit, the rules of its area, and whether an epidemic forbids it."""

    worker: DutyWorker
    opening: Opening
    rules: Rules
    forbidden: bool


class Gone(NamedTuple):
    """A visit that is not open any more, and the id of the worker's own claim on it."""

    state: VisitState
    starts_at: datetime
    own_claim: int | None


_based = aliased(Area)
_worker_columns = columns_of_duty(_based)
_WIDTH = len(_worker_columns)


def _statement(dear: Callable[[Any], Any]) -> Select[Any]:
    """Visit, worker and rules in one statement; `dear` is put around each column that takes PostgreSQL long."""
    known, gathered = _worker_columns[:-GATHERED], _worker_columns[-GATHERED:]
    return (
        openings.statement()
        .add_columns(
            *known,
            *map(dear, gathered),
            dear(nearest_settings("claims")),
            dear(forbidden_at_home()),
            dear(func.pg_advisory_xact_lock(CLAIM_LOCK, cast(Worker.id, Integer))),
        )
        .join(Worker, Worker.id == bindparam("worker"))
        .join(_based, _based.id == Worker.area_id)
        .outerjoin(Organisation, Organisation.id == Worker.organisation_id)
        .where(
            Visit.id == bindparam("visit"),
            # The worker serves the area: registered in it, below it or above it.
            or_(Area.path.startswith(_based.path), _based.path.startswith(Area.path)),
        )
    )


_ASKED = _statement(lambda column: column)
# Of fifty who press at once, forty-nine need to know only that they were too late.
_OPEN = Visit.state == VisitState.OPEN
_IF_OPEN = _statement(lambda column: case((_OPEN, column))).add_columns(
    case(
        (
            ~_OPEN,
            select(func.max(Claim.id))
            .where(standing_claims(Worker.id, Visit.id))
            .correlate(Worker, Visit)
            .scalar_subquery(),
        )
    )
)


def _asked(row: Any) -> Asked:
    opening, worker, (settings, forbidden) = row[: -_WIDTH - 3], row[-_WIDTH - 3 : -3], row[-3:-1]
    return Asked(read_duty(worker), openings.read(opening), Rules.of(settings), forbidden)


def asked_for(worker_id: int, visit_id: int) -> Asked | None:
    """A visit in the worker's area, whatever its state, with the worker; None where there is none.

    From here to the end of the transaction the claims of this worker wait for each other, so that what is read next
    and counted against the limits cannot be outrun. Nobody else is held up. One query.
    """
    row = db.session.execute(_ASKED, {"worker": worker_id, "visit": visit_id}).one_or_none()
    return None if row is None else _asked(row)


def asked_while_open(worker_id: int, visit_id: int) -> Asked | Gone | None:
    """The same for a visit that is open; of any other only that, without the lock. One query."""
    row = db.session.execute(_IF_OPEN, {"worker": worker_id, "visit": visit_id}).one_or_none()
    if row is None:
        return None
    *found, own_claim = row
    state, starts_at = found[1], found[3]
    return _asked(found) if state is VisitState.OPEN else Gone(state, starts_at, own_claim)


_own = literal_column("'own'").label("kind")
_queued = literal_column("'queued'").label("kind")
_other = literal_column("'other'").label("kind")
_HELD = union_all(
    openings.holdings(
        Assignment.worker_id,
        Assignment,
        False,
        Assignment.state.in_((AssignmentState.APPROVED, AssignmentState.DONE)),
    ).add_columns(_other),
    openings.holdings(Claim.worker_id, Claim, True, *openings.WAITS).add_columns(_own),
    openings.holdings(Claim.companion_id, Claim, True, *openings.WAITS).add_columns(_other),
    openings.holdings(Claim.worker_id, Claim, True, Claim.state == ClaimState.QUEUED).add_columns(_queued),
)


def held_and_standing(
    worker_id: int, others: Collection[int], day: date, rules: Rules
) -> tuple[dict[int, list[Held]], Standing]:
    """What the worker and the `others` hold around a day (as `held_by`) and ahead, and how much the worker asked
    for. One query.
    """
    now = clock.now()
    people = [worker_id, *others]
    found: dict[int, list[Held]] = {one: [] for one in people}
    first = min(day, clock.today())
    begin = min(first - timedelta(days=first.weekday()), first.replace(day=1))
    given = {"ids": people, "begin": clock.at_local(begin, 0), "end": now + timedelta(days=366)}
    pending = queued = seconds = 0
    for row in db.session.execute(_HELD, given):
        stop = Stop(
            row.starts_at, row.ends_at, None if row.latitude is None else (row.latitude, row.longitude)
        )
        if row.worker_id == worker_id and row.starts_at > now:
            pending += row.kind == "own"
            queued += row.kind == "queued"
            if row.starts_at < now + rules.ahead:
                seconds += int((row.ends_at - row.starts_at).total_seconds())
        if row.kind != "queued":
            on = clock.to_local(row.starts_at).date()
            found[row.worker_id].append(Held(row.visit_id, stop, row.asked, on))
    return found, Standing(pending, queued, round(seconds / 60))
