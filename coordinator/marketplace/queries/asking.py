"""What a claim has to know, in two round trips: who asks for which visit, and what the people hold already.

Fifty people press at once, and each statement waits its turn: fewer statements are worth more than shorter ones.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, cast, func, literal_column, or_, select, union_all
from sqlalchemy.orm import aliased

from coordinator.accounts.models import Organisation
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area, nearest_settings
from coordinator.marketplace.duty import DutyWorker, columns_of_duty, read_duty
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries import openings
from coordinator.marketplace.queries.claims import standing_claims
from coordinator.marketplace.queries.openings import Held, Opening
from coordinator.marketplace.queries.standing import Standing
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.travel import Stop
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries.events import forbidden_at_home
from coordinator.workforce.models import Worker

CLAIM_LOCK = 7_303  # first key of the advisory lock under which one worker's claims are counted


class Asked(NamedTuple):
    """Who asks for which visit, the rules of its area, whether an epidemic forbids it, and the id of the worker's
    own claim on it, as far as it was known before the lock.
    """

    worker: DutyWorker
    opening: Opening
    rules: Rules
    forbidden: bool
    own_claim: int | None


_based = aliased(Area)
_worker_columns = columns_of_duty(_based)
_ASKED = (
    openings.statement()
    .add_columns(
        *_worker_columns,
        nearest_settings("claims"),
        forbidden_at_home(),
        select(func.max(Claim.id))
        .where(standing_claims(Worker.id, Visit.id))
        .correlate(Worker, Visit)
        .scalar_subquery(),
        func.pg_advisory_xact_lock(CLAIM_LOCK, cast(Worker.id, Integer)),
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
_WIDTH = len(_worker_columns)


def asked_for(worker_id: int, visit_id: int) -> Asked | None:
    """A visit in the worker's area, whatever its state, with the worker; None where there is none.

    From here to the end of the transaction the claims of this worker wait for each other, so that what is read next
    and counted against the limits cannot be outrun. Nobody else is held up. One query.
    """
    row = db.session.execute(_ASKED, {"worker": worker_id, "visit": visit_id}).one_or_none()
    if row is None:
        return None
    opening, rest = row[: -_WIDTH - 4], row[-_WIDTH - 4 :]
    return Asked(read_duty(rest[:_WIDTH]), openings.read(opening), Rules.of(rest[-4]), rest[-3], rest[-2])


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
