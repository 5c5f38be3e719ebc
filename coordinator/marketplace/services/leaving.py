"""Stepping back: from a claim, from a place in line, from going along, and from a visit that one has."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, NotFound
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import coordinators_of, rules_for
from coordinator.marketplace.services.giving import area_of, end_claim, visits_approved
from coordinator.marketplace.services.line import leave_line, move_up
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.queries import workers_for_duty


def withdraw_claim(actor: Actor, claim_id: int) -> None:
    """Take back one's own claim that waits, or give up one's place in line; the visit goes to the next in line or
    is open again. Doing it twice changes nothing.
    """
    claim = _own_claim(actor, claim_id, Claim.worker_id)
    if claim.state is ClaimState.QUEUED:
        leave_line(actor, claim)
        return
    if claim.state is not ClaimState.PENDING:
        if claim.state is ClaimState.WITHDRAWN:
            return
        raise Conflict(_("社区已经回复了这次申请。"), _("已经确认的，请从“今天”里退出。"), code="decided")
    end_claim(claim, ClaimState.WITHDRAWN)
    audit.record(
        actor, "claim.withdraw", claim, _("%(name)s撤回认领", name=actor.name), area_id=area_of(claim)
    )
    db.session.flush()
    move_up(claim.visit_id)


def answer_companion(actor: Actor, claim_id: int, agrees: bool) -> None:
    """The person asked to go along says yes, or no: then the claim is withdrawn and the other is told."""
    claim = _own_claim(actor, claim_id, Claim.companion_id)
    if claim.state is not ClaimState.PENDING:
        raise Conflict(_("这次申请已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")
    asker = workers_for_duty([claim.worker_id])[claim.worker_id]
    if agrees:
        claim.companion_agreed_at = claim.companion_agreed_at or clock.now()
        summary = _("%(name)s答应和%(asker)s一起去", name=actor.name, asker=asker.name)
    else:
        end_claim(claim, ClaimState.WITHDRAWN, _("一起去的人不能去"))
        summary = _("%(name)s不能和%(asker)s一起去", name=actor.name, asker=asker.name)
        if asker.user_id is not None:
            notify(
                [asker.user_id],
                _("一起去的人不能去，申请已撤回"),
                _("%(name)s那天不能一起去。您可以换一位再认领。", name=actor.name),
                f"/open-visits/{claim.visit_id}",
                dedupe_key=f"claim-companion-no:{claim.id}",
            )
    audit.record(
        actor,
        "claim.companion_yes" if agrees else "claim.companion_no",
        claim,
        summary,
        area_id=area_of(claim),
    )
    db.session.flush()
    if not agrees:
        move_up(claim.visit_id)


def _own_claim(actor: Actor, claim_id: int, person: Any) -> Claim:
    """A claim in which the actor is that person; the row is held so that a decision waits its turn."""
    demand(actor, Permission.WORK)
    claim = (
        db.session.scalars(
            select(Claim).where(Claim.id == claim_id, person == actor.worker_id).with_for_update()
        ).one_or_none()
        if actor.worker_id is not None
        else None
    )
    if claim is None:
        raise NotFound(_("没有找到这次申请。"), _("请回到“可认领”看一看。"))
    return claim


def leave_visit(actor: Actor, visit_id: int, reason: str) -> bool:
    """Withdraw from a visit one is on; True when that is late, and the coordinators were told to hurry.

    The minor who was to go along is taken off too and told. Raises NotFound for somebody else's visit.
    """
    demand(actor, Permission.WORK)
    visit = db.session.scalars(
        select(Visit)
        .join(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Visit.id == visit_id,
            Assignment.worker_id == actor.worker_id,
            Assignment.state == AssignmentState.APPROVED,
        )
        .with_for_update(of=Visit)
    ).one_or_none()
    if visit is None or actor.worker_id is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    worker = workers_for_duty([actor.worker_id])[actor.worker_id]
    before = {one.worker_id for one in visits_approved(visit)}
    visits.release(actor, visit, worker, reason)
    gone = before - {one.worker_id for one in visits_approved(visit)} - {worker.id}
    late = visit.starts_at - clock.now() < rules_for(visit.area.path).leave
    notify(
        coordinators_of(visit.area.path),
        _("有人临时退出，请尽快找人顶替") if late else _("有人退出了一次探访"),
        _(
            "%(name)s退出%(elder)s %(when)s的探访：%(reason)s",
            name=worker.name,
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            reason=reason,
        ),
        f"/visits/{visit.id}",
        dedupe_key=f"visit-left:{visit.id}:{worker.id}:{i18n.moment(clock.now())}",
        urgent=late,
    )
    if gone:
        users = [one.user_id for one in workers_for_duty(gone).values() if one.user_id is not None]
        notify(
            users,
            _("一次探访取消了您的安排"),
            # Who it was is between that person and the coordinators.
            _("一起去的人去不了，%(when)s的探访您不用去了。", when=i18n.moment(visit.starts_at)),
            "/today",
            dedupe_key=f"visit-left-companion:{visit.id}:{worker.id}",
        )
    db.session.flush()
    move_up(visit.id)
    return late
