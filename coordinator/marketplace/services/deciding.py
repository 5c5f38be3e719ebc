"""What a coordinator decides about claims: each rule once more, and the people told."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, DomainError, InvalidInput, NotFound
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import (
    claim_in_scope,
)
from coordinator.marketplace.queries.market import (
    OWN_WILL,
)
from coordinator.marketplace.services.claiming import LONGEST_REASON, area_of, end_claim
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.queries import load_visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.queries import workers_for_duty


def approve_claim(actor: Actor, claim_id: int, override_reason: str = "") -> Claim:
    """Give the visit to the people of the claim and tell them.

    Every rule is checked again; raises Conflict when the claim is no longer there to decide, or for what fitness
    calls hard. What may be overridden needs `override_reason` (InvalidInput).
    """
    claim = _claim_to_decide(actor, claim_id)
    visit = load_visit(actor, Permission.CLAIM_DECIDE, claim.visit_id)
    db.session.refresh(visit, ["state", "starts_at"], with_for_update=True)
    if visit.state is not VisitState.CLAIMED:
        raise Conflict(
            _("这次探访已经不在等这份申请了。"), _("请不同意这份申请，申请人会收到说明。"), code="decided"
        )
    if visit.starts_at <= clock.now():
        raise Conflict(
            _("探访的时间已经过了。"), _("请不同意这份申请，再给探访定新的时间。"), code="too_late"
        )
    people = workers_for_duty([claim.worker_id] + ([claim.companion_id] if claim.companion_id else []))
    worker = people[claim.worker_id]
    companion = people[claim.companion_id] if claim.companion_id else None
    day = clock.to_local(visit.starts_at).date()
    young = is_minor(worker, day)
    if young and companion is None:
        raise Conflict(
            _("%(name)s未成年，不能单独上门。", name=worker.name),
            _("请由一位成年人负责这次探访，他作陪同。"),
            code="minor_alone",
        )
    team = [(worker, young)] if companion is None else [(companion, False), (worker, young)]
    # Whoever claims a visit outside the registered hours has offered the time.
    soft = [one for one in visits.check_team(visit, team) if one.code not in OWN_WILL]
    if soft and not override_reason.strip():
        raise InvalidInput(soft[0].message + "。", _("要照样同意，请写明为什么。"), field="override_reason")
    visits.assign(actor, visit, team, override_reason=override_reason.strip() or _("本人主动认领"))
    claim.state = ClaimState.APPROVED
    claim.decided_at = clock.now()
    claim.decided_by_id = actor.user_id
    audit.record(
        actor,
        "claim.approve",
        claim,
        _("同意%(name)s的认领", name=worker.name),
        area_id=visit.area_id,
    )
    _tell(
        claim,
        [one.user_id for one in people.values()],
        _("您认领的探访已确认"),
        _(
            "%(when)s。姓名和门牌号前一天晚上在“今天”里显示。",
            when=f"{i18n.day(visit.starts_at, weekday=True)} {i18n.hour(visit.starts_at)}",
        ),
        "approved",
    )
    db.session.flush()
    return claim


def refuse_claim(actor: Actor, claim_id: int, reason: str) -> Claim:
    """Say no to a claim, with a reason the worker reads; the visit is open again."""
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
    _tell(
        claim,
        [one.user_id for one in people.values()],
        _("您认领的探访没有通过"),
        _("社区说明：%(reason)s", reason=words),
        "refused",
    )
    db.session.flush()
    return claim


def approve_claims(actor: Actor, claim_ids: Sequence[int]) -> tuple[int, list[str]]:
    """Approve several at once; returns how many, and why the others were left. Each stands or falls alone."""
    approved, left = 0, []
    for claim_id in claim_ids:
        try:
            with db.session.begin_nested():
                approve_claim(actor, claim_id)
            approved += 1
        except DomainError as problem:
            left.append(f"{problem.message}{problem.remedy}")
    return approved, left


def _claim_to_decide(actor: Actor, claim_id: int) -> Claim:
    demand(actor, Permission.CLAIM_DECIDE)
    claim = claim_in_scope(actor, claim_id)
    if claim is None:
        raise NotFound(_("没有找到这份申请。"), _("可能不在您的管辖范围内。"))
    db.session.refresh(claim, with_for_update=True)
    if claim.state is not ClaimState.PENDING:
        raise Conflict(_("这份申请已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")
    return claim


def _tell(claim: Claim, users: Sequence[int | None], title: str, body: str, what: str) -> None:
    told = [user for user in users if user is not None]
    notify(
        told,
        title,
        body,
        "/open-visits" if what == "refused" else "/today",
        dedupe_key=f"claim-{what}:{claim.id}",
    )
