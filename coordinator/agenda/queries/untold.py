"""Changes made by hand that the people concerned do not know of yet.

Approving a plan or a claim tells people in the same act. Giving a visit by hand, taking somebody off or calling it
off does not: a coordinator first gets the day right and then tells everybody by one button.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from coordinator.agenda.models import AssignmentNotice
from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker

# Older endings are left alone: whoever was not told within a week has been called, or knows.
NOT_OLDER = timedelta(days=7)
# A message of the same act lies this near to the change.
SAME_ACT = timedelta(seconds=5)
_Other = aliased(Assignment)
_ENDED = (AssignmentState.WITHDRAWN, AssignmentState.CANCELLED)


class Untold(NamedTuple):
    """One change of one person's visits; `off`: does not go any more."""

    assignment_id: int
    visit_id: int
    worker_id: int
    worker: str
    user_id: int | None
    elder: str
    community: str
    neighbourhood: str | None
    starts_at: datetime
    off: bool


def untold(actor: Actor, *, lock: bool = False) -> list[Untold]:
    """What nobody was told of yet in the actor's areas, by person and time; one query. With `lock` the assignments
    are held until the end of the transaction, so that two coordinators do not tell the same.
    """
    statement = (
        select(
            Assignment.id,
            Visit.id,
            Worker.id,
            Worker.name,
            Worker.user_id,
            Elder.name,
            Area.name,
            Household.neighbourhood,
            Visit.starts_at,
            Assignment.state.in_(_ENDED),
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .join(Elder, Elder.id == Visit.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .join(Area, Area.id == Visit.area_id)
        .where(
            in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id),
            Visit.starts_at > clock.now(),
            or_(_new(), _ended()),
        )
        .order_by(Worker.name, Worker.id, Visit.starts_at, Visit.id)
    )
    if lock:
        statement = statement.with_for_update(of=Assignment)
    return [Untold(*row) for row in db.session.execute(statement)]


def _new() -> ColumnElement[bool]:
    """Goes, given by hand, and was not told of this time."""
    by_claim = exists().where(
        Claim.visit_id == Assignment.visit_id,
        Claim.state == ClaimState.APPROVED,
        or_(Claim.worker_id == Assignment.worker_id, Claim.companion_id == Assignment.worker_id),
    )
    told = exists().where(
        AssignmentNotice.assignment_id == Assignment.id,
        AssignmentNotice.off.is_(False),
        AssignmentNotice.starts_at == Visit.starts_at,
    )
    return and_(Assignment.state == AssignmentState.APPROVED, Visit.plan_id.is_(None), ~by_claim, ~told)


def _ended() -> ColumnElement[bool]:
    """Goes no more; knew of it; and neither the button nor the act itself has said so."""
    told_going = exists().where(
        AssignmentNotice.assignment_id == Assignment.id, AssignmentNotice.off.is_(False)
    )
    told_off = exists().where(AssignmentNotice.assignment_id == Assignment.id, AssignmentNotice.off)
    told_by_the_act = exists().where(
        Message.user_id == Worker.user_id,
        Message.created_at >= Assignment.ended_at - SAME_ACT,
        Message.created_at <= Assignment.ended_at + SAME_ACT,
        # The button and the reminders tell of other things.
        Message.dedupe_key.not_like("told:%"),
        Message.dedupe_key.not_like("hour:%"),
        Message.dedupe_key.not_like("evening:%"),
    )
    by_claim = exists().where(Claim.visit_id == Assignment.visit_id, Claim.state == ClaimState.APPROVED)
    again = exists().where(  # goes after all, by another line
        _Other.visit_id == Assignment.visit_id,
        _Other.worker_id == Assignment.worker_id,
        _Other.state == AssignmentState.APPROVED,
    )
    return and_(
        Assignment.state.in_(_ENDED),
        Assignment.ended_at > clock.now() - NOT_OLDER,
        or_(told_going, Visit.plan_id.is_not(None), by_claim),
        ~told_off,
        ~told_by_the_act,
        ~again,
    )
