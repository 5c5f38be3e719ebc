"""The waiting list of a visit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from coordinator.extensions import db
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit

# Somebody else is to go, or has asked to: there is something to wait for.
TAKEN = (VisitState.CLAIMED, VisitState.ASSIGNED)


def line_of(visit_id: int) -> Sequence[Claim]:
    """Who waits for a visit, the first one first. Whoever is just leaving the line is not held up and left out."""
    return db.session.scalars(
        select(Claim)
        .where(Claim.visit_id == visit_id, Claim.state == ClaimState.QUEUED)
        .order_by(Claim.claimed_at, Claim.id)
        .with_for_update(skip_locked=True)
    ).all()


def places_in_line(claim_ids: Collection[int]) -> dict[int, int]:
    """The place of each of these claims in its line, 1 for the first. One query."""
    if not claim_ids:
        return {}
    visits = select(Claim.visit_id).where(Claim.id.in_(claim_ids))
    numbered = (
        select(
            Claim.id,
            func.row_number()
            .over(partition_by=Claim.visit_id, order_by=(Claim.claimed_at, Claim.id))
            .label("place"),
        )
        .where(Claim.state == ClaimState.QUEUED, Claim.visit_id.in_(visits))
        .subquery()
    )
    rows = db.session.execute(select(numbered.c.id, numbered.c.place).where(numbered.c.id.in_(claim_ids)))
    return {claim_id: place for claim_id, place in rows}  # noqa: C416


def line_lengths(visit_ids: Collection[int]) -> dict[int, int]:
    """How many wait for each of these visits; visits nobody waits for are left out. One query."""
    if not visit_ids:
        return {}
    rows = db.session.execute(
        select(Claim.visit_id, func.count())
        .where(Claim.visit_id.in_(visit_ids), Claim.state == ClaimState.QUEUED)
        .group_by(Claim.visit_id)
    )
    return {visit_id: count for visit_id, count in rows}  # noqa: C416


def lines_to_tend(now: datetime) -> tuple[list[int], list[int]]:
    """Visits that are open although somebody waits for them, and claims in lines that have come to their end."""
    open_ones = db.session.scalars(
        select(Visit.id)
        .join(Claim, Claim.visit_id == Visit.id)
        .where(Claim.state == ClaimState.QUEUED, Visit.state == VisitState.OPEN, Visit.starts_at > now)
        .distinct()
        .order_by(Visit.id)
    )
    over = db.session.scalars(
        select(Claim.id)
        .join(Visit, Visit.id == Claim.visit_id)
        .where(
            Claim.state == ClaimState.QUEUED,
            or_(Visit.starts_at <= now, Visit.state.not_in((*TAKEN, VisitState.OPEN))),
        )
        .order_by(Claim.id)
    )
    return list(open_ones), list(over)
