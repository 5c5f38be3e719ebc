"""How much one person has asked for already, against hoarding."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import bindparam, func, literal, select, union_all

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.rules import Rules
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit


class Limit(StrEnum):
    OPEN = "open"
    LINE = "line"
    HOURS = "hours"


class Standing(NamedTuple):
    """Claims that wait, places in line, and minutes of all visits ahead that the person has or asks for."""

    pending: int = 0
    queued: int = 0
    minutes: int = 0

    def reached(self, rules: Rules, starts_at: datetime, minutes: int, *, in_line: bool) -> Limit | None:
        """The limit that one more visit of `minutes` would break. A place in line counts as a claim, so that moving
        up breaks none."""
        if self.pending + self.queued >= rules.open_at_once:
            return Limit.OPEN
        if in_line and self.queued >= rules.queue_places:
            return Limit.LINE
        if starts_at < clock.now() + rules.ahead and self.minutes + minutes > rules.hours_ahead * 60:
            return Limit.HOURS
        return None


_begins = Visit.starts_at > bindparam("now")
_asked = (
    select(Claim.state.label("kind"), Visit.starts_at, Visit.ends_at)
    .join(Visit, Visit.id == Claim.visit_id)
    .where(
        Claim.worker_id == bindparam("worker"),
        Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)),
        _begins,
    )
)
_given = (
    select(literal("given"), Visit.starts_at, Visit.ends_at)
    .join(Assignment, Assignment.visit_id == Visit.id)
    .where(
        Assignment.worker_id == bindparam("worker"),
        Assignment.state == AssignmentState.APPROVED,
        _begins,
        Visit.starts_at < bindparam("until"),
    )
)
_all = union_all(_asked, _given).subquery()
_STANDING = select(
    func.count().filter(_all.c.kind == "pending"),
    func.count().filter(_all.c.kind == "queued"),
    func.coalesce(
        func.sum(func.extract("epoch", _all.c.ends_at - _all.c.starts_at)).filter(
            _all.c.starts_at < bindparam("until")
        ),
        0,
    ),
)


def standing_of(worker_id: int, rules: Rules) -> Standing:
    """What one person has and asks for now. One query; for a limit, under the lock of `services.limits`."""
    now = clock.now()
    given = {"worker": worker_id, "now": now, "until": now + rules.ahead}
    pending, queued, seconds = db.session.execute(_STANDING, given).one()
    return Standing(pending, queued, round(float(seconds) / 60))
