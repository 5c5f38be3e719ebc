"""不去这一家: a worker's own wish, and what follows from it for claims and pairs."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import func, select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.services.giving import own_duty, own_opening
from coordinator.marketplace.services.leaving import withdraw_claim
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.queries import own_worker
from coordinator.workforce.services.preferences import refuse_home


class Refused(NamedTuple):
    """Claims taken back with it, and visits agreed on that stay until the worker leaves them."""

    claims: int
    agreed: int


def refuse_this_home(actor: Actor, visit_id: int) -> Refused:
    """Never send the actor to the home of this visit again. The coordinators hear of it only where somebody else
    must become the contact person, and not why. Flushes. Raises NotFound outside the worker's area.
    """
    opening, _rules = own_opening(own_duty(actor), visit_id)
    worker = own_worker(actor)
    elder = db.session.get_one(Elder, opening.home.id)
    if refuse_home(actor, worker, elder):
        notify(
            coordinators_of(elder.area.path),
            _("一位长者要换联系人"),
            _("%(elder)s现在没有服务联系人，请另外安排。", elder=elder.name),
            f"/workforce/elders/{elder.id}",
            dedupe_key=f"contact-gone:{elder.id}:{worker.id}:{clock.today()}",
        )
    waiting = db.session.scalars(
        select(Claim.id)
        .join(Visit, Visit.id == Claim.visit_id)
        .where(
            Claim.worker_id == worker.id,
            Claim.state.in_((ClaimState.PENDING, ClaimState.QUEUED)),
            Visit.elder_id == elder.id,
        )
        .order_by(Claim.id)
    ).all()
    for claim_id in waiting:
        withdraw_claim(actor, claim_id)
    agreed = db.session.scalar(
        select(func.count())
        .select_from(Assignment)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id == worker.id,
            Assignment.state == AssignmentState.APPROVED,
            Visit.elder_id == elder.id,
            Visit.starts_at > clock.now(),
        )
    )
    return Refused(len(waiting), agreed or 0)
