"""Swaps: whom somebody may ask, one's own offers, and those that wait for a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased, joinedload

from coordinator.dropouts.models import Swap, SwapState
from coordinator.dropouts.queries.standins import StandIn, stand_ins
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import ServiceContact, Worker

WAITING = (SwapState.OFFERED, SwapState.AGREED)
_KNOWN_FOR = timedelta(days=365)


def known_colleagues(worker_id: int, elder_id: int) -> set[int]:
    """The people whose names this worker may see: of the same organisation, paired with the same elder, or been on
    a visit together within a year. One query."""
    other, mine = aliased(Assignment), aliased(Assignment)
    me = select(Worker.organisation_id).where(Worker.id == worker_id).scalar_subquery()
    together = (
        select(other.worker_id)
        .join(mine, mine.visit_id == other.visit_id)
        .where(
            mine.worker_id == worker_id,
            mine.state == AssignmentState.DONE,
            other.state == AssignmentState.DONE,
            mine.ended_at > clock.now() - _KNOWN_FOR,
        )
    )
    paired = select(ServiceContact.worker_id).where(
        ServiceContact.elder_id == elder_id, ServiceContact.until.is_(None)
    )
    rows = db.session.scalars(
        select(Worker.id).where(
            Worker.id != worker_id,
            or_(Worker.organisation_id == me, Worker.id.in_(together), Worker.id.in_(paired)),
        )
    )
    return set(rows)


def colleagues_for(visit: Visit, giver_id: int) -> list[StandIn]:
    """Colleagues the giver knows who could take the visit over, best first."""
    known = known_colleagues(giver_id, visit.elder_id)
    if not known:
        return []
    return stand_ins([visit.id], only=known - {giver_id}).get(visit.id, [])


def waiting_swap(visit_id: int, giver_id: int) -> Swap | None:
    """The giver's offer of a visit that waits."""
    return db.session.scalars(
        select(Swap)
        .where(Swap.visit_id == visit_id, Swap.giver_id == giver_id, Swap.state.in_(WAITING))
        .options(joinedload(Swap.taker))
    ).one_or_none()


def swaps_to_decide(actor: Actor) -> Sequence[Swap]:
    """Swaps both people agreed on, in the actor's areas, by the time of the visit."""
    return db.session.scalars(
        select(Swap)
        .join(Visit, Visit.id == Swap.visit_id)
        .where(
            Swap.state == SwapState.AGREED,
            Visit.starts_at > clock.now(),
            in_areas(actor, Permission.CLAIM_DECIDE, Visit.area_id),
        )
        .options(
            joinedload(Swap.giver),
            joinedload(Swap.taker),
            joinedload(Swap.visit).joinedload(Visit.elder).options(*without_secrets()),
            joinedload(Swap.visit).joinedload(Visit.area),
        )
        .order_by(Visit.starts_at, Swap.id)
    ).all()
