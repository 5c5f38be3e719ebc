"""What every claim goes through, whoever decides: who asks, the end of a claim, the visit given."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.kernel import clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.marketplace.duty import DutyWorker, duty_worker
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.market import OWN_WILL
from coordinator.marketplace.queries.openings import Opening, find_opening
from coordinator.marketplace.rules import Rules
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import AssignmentState, VisitState, move
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.queries import load_visit
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty

LONGEST_REASON = 200


def own_duty(actor: Actor) -> DutyWorker:
    """The worker behind the actor. Raises NotFound for an account that is no worker's."""
    demand(actor, Permission.WORK)
    return known_duty(duty_worker(actor.worker_id))


def known_duty(worker: DutyWorker | None) -> DutyWorker:
    """The worker, or NotFound."""
    if worker is None:
        raise NotFound(_("您的账号还没有连到人员档案。"), _("请联系社区工作人员。"))
    return worker


def own_opening(worker: DutyWorker, visit_id: int) -> tuple[Opening, Rules]:
    """A visit in the worker's area, whatever its state, and the street's rules; NotFound otherwise."""
    found = find_opening(worker, visit_id)
    if found is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不在您服务的地方。"))
    return found


def area_of(claim: Claim) -> int | None:
    """The area of the visit a claim is about."""
    return db.session.scalar(select(Visit.area_id).where(Visit.id == claim.visit_id))


def end_claim(claim: Claim, state: ClaimState, reason: str | None = None) -> None:
    """End a claim that waits or stands in line, and open its visit again if it is still held by it.

    Who waits in line is the caller's matter (`line.move_up`).
    """
    held = claim.state is ClaimState.PENDING
    claim.state = state
    claim.reason = reason
    db.session.flush()
    if not held:
        return
    move(VisitState.CLAIMED, VisitState.OPEN)
    db.session.execute(
        update(Visit)
        .where(Visit.id == claim.visit_id, Visit.state == VisitState.CLAIMED)
        .values(state=VisitState.OPEN)
        .execution_options(synchronize_session=False)
    )


def visits_approved(visit: Visit) -> list[Assignment]:
    """The live assignments of a visit."""
    return [one for one in visit.assignments if one.state is AssignmentState.APPROVED]


def give_visit(actor: Actor, claim: Claim, override_reason: str = "") -> tuple[Visit, Worker]:
    """Give the visit to the people of a claim that waits, each rule checked again, and tell them. Flushes.

    The caller holds the claim's row and writes the audit line. Raises Conflict when there is nothing to give any
    more, or for what fitness calls hard; what may be overridden needs `override_reason` (InvalidInput).
    """
    visit = load_visit(actor, Permission.CLAIM_DECIDE, claim.visit_id)
    db.session.refresh(visit, ["state", "starts_at", "ends_at"], with_for_update=True)
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
    tell(
        claim,
        [one.user_id for one in people.values()],
        _("您认领的探访已确认"),
        _(
            "%(when)s。姓名和门牌号前一天晚上在“今天”里显示。",
            when=f"{i18n.day(visit.starts_at, weekday=True)} {i18n.hour(visit.starts_at)}",
        ),
        "approved",
    )
    return visit, worker


def tell(claim: Claim, users: Sequence[int | None], title: str, body: str, what: str) -> None:
    """One word about a claim to the people it is about."""
    told = [user for user in users if user is not None]
    notify(
        told,
        title,
        body,
        "/today" if what == "approved" else "/open-visits",
        dedupe_key=f"claim-{what}:{claim.id}",
    )
