"""What a coordinator decides about claims: each rule once more, and the people told."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.kernel.several import each_alone
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import claim_in_scope
from coordinator.marketplace.services.giving import LONGEST_REASON, area_of, end_claim, give_visit, tell
from coordinator.marketplace.services.line import move_up
from coordinator.workforce.queries import workers_for_duty


def approve_claim(actor: Actor, claim_id: int, override_reason: str = "") -> Claim:
    """Give the visit to the people of the claim and tell them.

    Every rule is checked again; raises Conflict when the claim is no longer there to decide, or for what fitness
    calls hard. What may be overridden needs `override_reason` (InvalidInput).
    """
    claim = _claim_to_decide(actor, claim_id)
    visit, worker = give_visit(actor, claim, override_reason)
    why = " ".join(override_reason.split())
    audit.record(
        actor,
        "claim.approve",
        claim,
        _("同意%(name)s的认领：%(reason)s", name=worker.name, reason=why)
        if why
        else _("同意%(name)s的认领", name=worker.name),
        area_id=visit.area_id,
    )
    db.session.flush()
    return claim


def refuse_claim(actor: Actor, claim_id: int, reason: str) -> Claim:
    """Say no to a claim, with a reason the worker reads; the visit goes to the next in
    line or is open again."""
    claim = _claim_to_decide(actor, claim_id)
    words = " ".join(reason.split())
    if not words:
        raise InvalidInput(_("请写明为什么不同意，申请人会看到。"), field="reason")
    if len(words) > LONGEST_REASON:
        raise InvalidInput(_("理由最多 %(n)s 个字。", n=LONGEST_REASON), field="reason")
    claim.decided_at = clock.now()
    claim.decided_by_id = actor.user_id
    end_claim(claim, ClaimState.REFUSED, words)
    people = workers_for_duty([claim.worker_id] + ([claim.companion_id] if claim.companion_id else []))
    audit.record(
        actor,
        "claim.refuse",
        claim,
        _("不同意%(name)s的认领：%(reason)s", name=people[claim.worker_id].name, reason=words),
        area_id=area_of(claim),
    )
    tell(
        claim,
        [one.user_id for one in people.values()],
        _("您认领的探访没有通过"),
        _("社区说明：%(reason)s", reason=words),
        "refused",
    )
    db.session.flush()
    move_up(claim.visit_id)
    return claim


def approve_claims(actor: Actor, claim_ids: Sequence[int]) -> tuple[int, list[str]]:
    """Approve several at once; returns how many, and why the others were left. Each stands or falls alone."""
    # In one order for all, so that two coordinators who do it at once do not hold each other up.
    return each_alone(sorted(claim_ids), lambda claim_id: approve_claim(actor, claim_id))


def _claim_to_decide(actor: Actor, claim_id: int) -> Claim:
    demand(actor, Permission.CLAIM_DECIDE)
    claim = claim_in_scope(actor, claim_id)
    if claim is None:
        raise NotFound(_("没有找到这份申请。"), _("可能不在您的管辖范围内。"))
    db.session.refresh(claim, with_for_update=True)
    if claim.state is not ClaimState.PENDING:
        raise Conflict(_("这份申请已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")
    return claim
