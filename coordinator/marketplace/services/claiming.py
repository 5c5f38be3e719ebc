"""Claiming a visit, stepping back from a claim, and leaving a visit again.

A claim is one guarded UPDATE: of fifty people who press at once exactly one moves the visit from open to claimed.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import bindparam, func, select, text, update

from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.marketplace.duty import DutyWorker, duty_worker, duty_workers
from coordinator.marketplace.labels import WHY_NOT, Hidden
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.claims import (
    can_accompany,
    claims_waiting_of,
    coordinators_of,
    rules_for,
    waiting_claim,
)
from coordinator.marketplace.queries.market import (
    Market,
    findings,
    market_for,
    minor,
    needs_companion,
    obstacle,
)
from coordinator.marketplace.queries.openings import Opening, find_opening, held_by, when_words
from coordinator.marketplace.queries.own_day import way_now
from coordinator.marketplace.rules import Rules
from coordinator.messages.services import notify
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import AssignmentState, VisitState, move
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.queries import workers_for_duty

_CLAIM_LOCK = 7_303  # first key of the advisory lock under which one worker's claims are counted
LONGEST_REASON = 200


class Taken(Conflict):
    """Somebody was faster; `market` is what else there is, so that it is not worked out twice."""

    def __init__(self, message: str, remedy: str, market: Market) -> None:
        super().__init__(message, remedy, code="taken")
        self.market = market


def own_duty(actor: Actor) -> DutyWorker:
    """The worker behind the actor. Raises NotFound for an account that is no worker's."""
    demand(actor, Permission.WORK)
    worker = duty_worker(actor.worker_id)
    if worker is None:
        raise NotFound(_("您的账号还没有连到人员档案。"), _("请联系社区工作人员。"))
    return worker


def own_opening(worker: DutyWorker, visit_id: int) -> tuple[Opening, Rules]:
    """A visit in the worker's area, whatever its state, and the street's rules; NotFound otherwise."""
    found = find_opening(worker, visit_id)
    if found is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者不在您服务的地方。"))
    return found


# --- claim -----------------------------------------------------------------------------------------------


def claim_visit(actor: Actor, visit_id: int, companion_id: int | None = None) -> Claim:
    """Ask for an open visit. The same person asking again gets the same claim.

    Raises Conflict: 'taken' when somebody was faster (with how many other visits there are), 'too_many_claims',
    'minor_alone' without an adult to go along, or the code of what stands against it; InvalidInput when the
    person named may not go along.
    """
    worker = own_duty(actor)
    opening, rules = own_opening(worker, visit_id)
    if opening.state is not VisitState.OPEN:
        return _same_or_taken(worker, opening, rules)
    visits.refuse_in_epidemic(opening.mode, opening.area_path, opening.day)
    companion = _companion(worker, opening, companion_id)
    # Only claims of this same person wait for each other here: the count below must not be outrun.
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(:space, :id)"), {"space": _CLAIM_LOCK, "id": worker.id}
    )
    people = [worker.id] + ([companion.id] if companion else [])
    held = held_by(people, opening.day, opening.day)
    _refuse_obstacles(worker, opening, held[worker.id], rules)
    if companion is not None:
        _check_companion(worker, companion, opening, held)
    if not _take(opening, worker, rules):
        if claims_waiting_of(worker.id) >= rules.open_at_once:
            raise Conflict(
                _("您已经有 %(n)s 次在等审批。", n=rules.open_at_once),
                _("等社区回复了再认领，或者先撤回一次。"),
                code="too_many_claims",
            )
        return _same_or_taken(worker, opening, rules)
    trip = way_now(worker, held[worker.id], opening)
    claim = Claim(
        visit_id=opening.visit_id,
        worker_id=worker.id,
        companion_id=companion.id if companion else None,
        added_seconds=trip.added_seconds if trip else None,
        state=ClaimState.PENDING,
        claimed_at=clock.now(),
    )
    db.session.add(claim)
    db.session.flush()
    audit.record(
        actor,
        "claim.make",
        claim,
        _("%(name)s认领%(when)s的探访", name=worker.name, when=when_words(opening)),
        changes={"visit_id": [None, opening.visit_id]},
        area_id=opening.area_id,
    )
    if companion is not None and companion.user_id is not None:
        notify(
            [companion.user_id],
            _("%(name)s请您一起去探访", name=worker.name),
            _("%(when)s，%(place)s。请到“可认领”里回答。", when=when_words(opening), place=opening.community),
            "/open-visits",
            dedupe_key=f"claim-companion:{claim.id}",
        )
    db.session.flush()
    return claim


_WAITING = (
    select(func.count())
    .select_from(Claim)
    .where(Claim.worker_id == bindparam("worker"), Claim.state == ClaimState.PENDING)
    .scalar_subquery()
)
_TAKE = (
    update(Visit)
    .where(
        Visit.id == bindparam("visit"),
        Visit.state == VisitState.OPEN,
        bindparam("most") > _WAITING,
    )
    .values(state=VisitState.CLAIMED)
    .returning(Visit.id)
    .execution_options(synchronize_session=False)
)


def _take(opening: Opening, worker: DutyWorker, rules: Rules) -> bool:
    """The guarded UPDATE: True for exactly one of all who try at once, and only below the limit of claims."""
    move(VisitState.OPEN, VisitState.CLAIMED)
    given = {"visit": opening.visit_id, "worker": worker.id, "most": rules.open_at_once}
    return db.session.scalar(_TAKE, given) is not None


def _same_or_taken(worker: DutyWorker, opening: Opening, rules: Rules) -> Claim:
    """The person's own claim, or the refusal that says where else somebody is needed."""
    mine = waiting_claim(worker.id, opening.visit_id)
    if mine is not None:
        return mine
    market = market_for(worker, rules)
    others = len(market.offers)
    said = (
        _("附近还有 %(n)s 次您能去。", n=others) if others else _("附近暂时没有别的了，有新的会出现在这里。")
    )
    raise Taken(_("这次刚被别人认领了。"), said, market)


def _refuse_obstacles(worker: DutyWorker, opening: Opening, held: Sequence, rules: Rules) -> None:
    why, _in_hours = obstacle(worker, opening, held, rules, clock.now())
    if why is not None:
        told = str(WHY_NOT[why])
        remedy = (
            _("急着要去的话，请打电话给社区。") if why == Hidden.SOON else _("请看看别的，或者问一问社区。")
        )
        raise Conflict(_("这次您不能去：%(why)s。", why=told), remedy, code=str(why))


def _companion(worker: DutyWorker, opening: Opening, companion_id: int | None) -> DutyWorker | None:
    """Who goes along; None where nobody has to (a name given all the same is left out)."""
    if not needs_companion(worker, opening):
        return None
    if companion_id is None:
        if minor(worker, opening.day):
            raise Conflict(_("未成年人不能单独上门。"), _("请先选一位一起去的成年人。"), code="minor_alone")
        raise Conflict(_("这次要两个人一起去。"), _("请先选一位一起去的人。"), code="needs_two")
    companion = duty_workers([companion_id]).get(companion_id)
    if companion is None or companion.id == worker.id:
        raise InvalidInput(_("没有找到这位一起去的人。"), _("请重新选一位。"), field="companion")
    if minor(companion, opening.day):
        raise Conflict(
            _("一起去的人要是成年人。"), _("请重新选一位成年人。"), code="minor_alone", field="companion"
        )
    return companion


def _check_companion(
    worker: DutyWorker, companion: DutyWorker, opening: Opening, held: dict[int, list]
) -> None:
    if not can_accompany(companion, worker, opening, held[companion.id]):
        raise Conflict(
            _("%(name)s这次不能一起去。", name=companion.name),
            _("请换一位一起去的人。"),
            code="companion_unfit",
            field="companion",
        )
    for one in findings(worker, opening, held[worker.id], (companion,)):
        if one.hard:
            raise Conflict(one.message, one.remedy, code=one.code.value)


# --- the worker's own changes ----------------------------------------------------------------------------


def withdraw_claim(actor: Actor, claim_id: int) -> None:
    """Take back one's own claim that waits; the visit is open again. Doing it twice changes nothing."""
    claim = _own_claim(actor, claim_id, Claim.worker_id)
    if claim.state is not ClaimState.PENDING:
        if claim.state is ClaimState.WITHDRAWN:
            return
        raise Conflict(_("社区已经回复了这次申请。"), _("已经确认的，请从“今天”里退出。"), code="decided")
    end_claim(claim, ClaimState.WITHDRAWN)
    audit.record(
        actor, "claim.withdraw", claim, _("%(name)s撤回认领", name=actor.name), area_id=area_of(claim)
    )
    db.session.flush()


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


def _own_claim(actor: Actor, claim_id: int, person: object) -> Claim:
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


def area_of(claim: Claim) -> int | None:
    """The area of the visit a claim is about."""
    return db.session.scalar(select(Visit.area_id).where(Visit.id == claim.visit_id))


def end_claim(claim: Claim, state: ClaimState, reason: str | None = None) -> None:
    """End a claim that waits, and open its visit again if it is still held by it."""
    claim.state = state
    claim.reason = reason
    db.session.flush()
    move(VisitState.CLAIMED, VisitState.OPEN)
    db.session.execute(
        update(Visit)
        .where(Visit.id == claim.visit_id, Visit.state == VisitState.CLAIMED)
        .values(state=VisitState.OPEN)
        .execution_options(synchronize_session=False)
    )


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
            _(
                "一起去的%(name)s退出了%(when)s的探访，您不用去了。",
                name=worker.name,
                when=i18n.moment(visit.starts_at),
            ),
            "/today",
            dedupe_key=f"visit-left-companion:{visit.id}:{worker.id}",
        )
    db.session.flush()
    return late


def visits_approved(visit: Visit) -> list[Assignment]:
    """The live assignments of a visit."""
    return [one for one in visit.assignments if one.state is AssignmentState.APPROVED]
