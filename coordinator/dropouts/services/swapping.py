"""Swaps: one worker asks another to go instead. Until the swap is done, the first one goes.

Rows are held in one order: the visit, the swap, the workers.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from coordinator.dropouts.models import Swap, SwapState
from coordinator.dropouts.queries.standins import StandIn, judged, stand_ins
from coordinator.dropouts.queries.swaps import WAITING, colleagues_for
from coordinator.dropouts.rules import rules_for
from coordinator.dropouts.services.placing import (
    Placed,
    goes,
    is_soon,
    locked_visit,
    put_on,
    refuse_minors_place,
)
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.marketplace.duty import duty_workers
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.queries.openings import held_by, openings_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services.common import LONGEST_REASON
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty


def offer_swap(actor: Actor, visit_id: int, taker_id: int, note: str = "") -> Swap:
    """Ask a colleague to go instead. Asking the same person again is the same offer.

    Raises NotFound for somebody else's visit, InvalidInput for a colleague one may not ask, Conflict 'minor_alone'
    for a minor, 'asked' while somebody else is asked, 'begun' once the visit has begun.
    """
    demand(actor, Permission.WORK)
    visit = locked_visit(visit_id)
    mine = goes(visit, actor.worker_id) if visit is not None else None
    if visit is None or mine is None or actor.worker_id is None:
        raise NotFound(_("没有找到这次探访。"), _("可能已经取消，或者您已经退出了。"))
    _demand_ahead(visit)
    taker = workers_for_duty([taker_id]).get(taker_id)
    if taker is None:
        raise InvalidInput(_("请选一位同事。"), field="taker")
    refuse_minors_place(visit, taker, mine)
    waiting = db.session.scalars(
        select(Swap)
        .where(Swap.visit_id == visit.id, Swap.giver_id == actor.worker_id, Swap.state.in_(WAITING))
        .with_for_update()
    ).one_or_none()
    if waiting is not None:
        if waiting.taker_id == taker_id:
            return waiting
        raise Conflict(_("您已经在问别人了。"), _("要换一位问，请先撤回上一次。"), code="asked")
    known = {one.worker.id for one in colleagues_for(visit, actor.worker_id)}
    if taker_id not in known:
        raise InvalidInput(
            _("这位同事那时候去不了，或者不是您认识的人。"), _("请重新选一位。"), field="taker"
        )
    swap = Swap(
        visit_id=visit.id,
        giver_id=actor.worker_id,
        taker_id=taker_id,
        note=" ".join(note.split())[:LONGEST_REASON] or None,
        offered_at=clock.now(),
        state=SwapState.OFFERED,
    )
    try:
        with db.session.begin_nested():
            db.session.add(swap)
            db.session.flush()
    except IntegrityError as problem:
        raise Conflict(_("您已经在问别人了。"), _("请刷新页面看一看。"), code="asked") from problem
    audit.record(
        actor,
        "swap.offer",
        visit,
        _(
            "%(name)s想请%(taker)s替%(when)s的探访",
            name=actor.name,
            taker=taker.name,
            when=i18n.moment(visit.starts_at),
        ),
        changes={"swap": [None, swap.id]},
    )
    if taker.user_id is not None:
        notify(
            [taker.user_id],
            _("%(name)s想请您替一次探访", name=actor.name),
            _(
                "%(when)s，%(place)s。点开答“能去”或“去不了”。",
                when=i18n.moment(visit.starts_at),
                place=visit.area.name,
            ),
            f"/swaps/{swap.id}",
            dedupe_key=f"swap-offer:{swap.id}",
            urgent=is_soon(visit),
            expires_at=visit.starts_at,
        )
    db.session.flush()
    return swap


def _demand_ahead(visit: Visit) -> None:
    if visit.state is not VisitState.ASSIGNED or visit.starts_at <= clock.now():
        raise Conflict(
            _("这次探访已经开始，或者正在另外找人，不能再换了。"), _("有急事请打电话给社区。"), code="begun"
        )


def _held(swap_id: int, *people: int | None) -> tuple[Visit, Swap]:
    """The visit and its swap, held. `people`: one of those it is about must be among them; NotFound otherwise."""
    row = db.session.execute(
        select(Swap.visit_id, Swap.giver_id, Swap.taker_id).where(Swap.id == swap_id)
    ).one_or_none()
    visit = locked_visit(row.visit_id) if row is not None else None
    if row is None or visit is None or (people and not {row.giver_id, row.taker_id} & set(people)):
        raise NotFound(_("没有找到这次换人。"), _("请回到“今天”看一看。"))
    swap = db.session.scalars(
        select(Swap).where(Swap.id == swap_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    return visit, swap


def _expire(swap: Swap, visit: Visit) -> bool:
    """Whether a waiting swap can no longer be: its time is over, or the giver does not go any more."""
    if swap.state not in WAITING:
        return True
    if visit.state is VisitState.ASSIGNED and visit.starts_at > clock.now() and goes(visit, swap.giver_id):
        return False
    swap.state = SwapState.EXPIRED
    swap.decided_at = clock.now()
    return True


def withdraw_swap(actor: Actor, swap_id: int) -> Swap:
    """The giver takes the offer back, and goes. Twice changes nothing."""
    demand(actor, Permission.WORK)
    visit, swap = _held(swap_id, actor.worker_id)
    if swap.giver_id != actor.worker_id:
        raise NotFound(_("没有找到这次换人。"), _("请回到“今天”看一看。"))
    if swap.state is SwapState.WITHDRAWN:
        return swap
    if swap.state not in WAITING:
        raise Conflict(_("这次换人已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")
    swap.state = SwapState.WITHDRAWN
    swap.decided_at = clock.now()
    audit.record(actor, "swap.withdraw", visit, _("%(name)s撤回换人", name=actor.name))
    _tell(
        swap.taker_id,
        _("不用替了"),
        _("%(when)s的探访对方自己去，您不用去了。", when=i18n.moment(visit.starts_at)),
        swap,
        "withdrawn",
    )
    db.session.flush()
    return swap


def answer_swap(actor: Actor, swap_id: int, yes: bool) -> Swap:
    """The colleague says yes or no. A yes waits for a coordinator, unless the community lets people who know the
    elder settle it themselves. Raises Conflict when it is settled already, or for what stands against the person.
    """
    demand(actor, Permission.WORK)
    visit, swap = _held(swap_id, actor.worker_id)
    if swap.taker_id != actor.worker_id or actor.worker_id is None:
        raise NotFound(_("没有找到这次换人。"), _("可能是问别人的，请回到“今天”。"))
    if swap.state in ((SwapState.AGREED, SwapState.DONE) if yes else (SwapState.DECLINED,)):
        return swap
    if _expire(swap, visit):
        db.session.flush()
        return swap
    if swap.state is SwapState.AGREED and not yes:
        audit.record(actor, "swap.taken_back", visit, _("%(name)s又说去不了", name=actor.name))
    swap.answered_at = clock.now()
    if not yes:
        swap.state = SwapState.DECLINED
        audit.record(actor, "swap.decline", visit, _("%(name)s不能替", name=actor.name))
        _tell(
            swap.giver_id,
            _("对方去不了，还是请您去"),
            _("%(when)s的探访没有换成。可以再问别人，或者请系统找人。", when=i18n.moment(visit.starts_at)),
            swap,
            "declined",
        )
        db.session.flush()
        return swap
    one = _fits(visit, actor.worker_id)
    if one is None:
        raise Conflict(_("这次您现在去不了：时间或手续不合适。"), _("请告诉对方，换一位。"), code="unfit")
    audit.record(actor, "swap.agree", visit, _("%(name)s答应替", name=actor.name))
    if rules_for(visit.area.path).familiar_swap and (one.visits_before or one.paired):
        _carry_out(SYSTEM, swap, visit)
        notify(
            coordinators_of(visit.area.path),
            _("两个人自己换好了一次探访"),
            _(
                "%(when)s，%(elder)s，改由%(name)s去。",
                when=i18n.moment(visit.starts_at),
                elder=visit.elder.name,
                name=actor.name,
            ),
            f"/visits/{visit.id}",
            dedupe_key=f"swap-done:{swap.id}",
        )
        return swap
    swap.state = SwapState.AGREED
    notify(
        coordinators_of(visit.area.path),
        _("有两个人想换一次探访，请看一看"),
        _(
            "%(when)s，%(elder)s。两个人都答应了，等您同意。",
            when=i18n.moment(visit.starts_at),
            elder=visit.elder.name,
        ),
        "/dropouts",
        dedupe_key=f"swap-agreed:{swap.id}",
        urgent=is_soon(visit),
    )
    db.session.flush()
    return swap


def _fits(visit: Visit, worker_id: int) -> StandIn | None:
    found = stand_ins([visit.id], only=[worker_id], without_accounts=True).get(visit.id, [])
    return next(iter(found), None)


def decide_swap(actor: Actor, swap_id: int, agrees: bool, reason: str = "") -> Swap:
    """A coordinator agrees, and the visit changes hands; or says no, with a reason both read.

    Raises Conflict for what stands against it by now; then nothing has changed and the first one goes.
    """
    visit, swap = _held(swap_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if swap.state is (SwapState.DONE if agrees else SwapState.REFUSED):
        return swap
    if _expire(swap, visit):
        db.session.flush()
        raise Conflict(
            _("这次换人已经有结果，或者已经过了时间。"), _("请刷新页面看最新的情况。"), code="decided"
        )
    if swap.state is not SwapState.AGREED:
        raise Conflict(_("对方还没有答应。"), code="not_agreed")
    if agrees:
        _carry_out(actor, swap, visit)
        return swap
    words = " ".join(reason.split())
    if not words:
        raise InvalidInput(_("请写明为什么不同意，两个人都会看到。"), field="reason")
    swap.state = SwapState.REFUSED
    swap.reason = words[:LONGEST_REASON]
    swap.decided_at = clock.now()
    swap.decided_by_id = actor.user_id
    audit.record(actor, "swap.refuse", visit, _("不同意换人：%(reason)s", reason=swap.reason))
    when = i18n.moment(visit.starts_at)
    _tell(
        swap.giver_id,
        _("换人没有通过，还是请您去"),
        _("%(when)s的探访。社区说明：%(why)s", when=when, why=swap.reason),
        swap,
        "refused",
    )
    _tell(
        swap.taker_id,
        _("换人没有通过，您不用去"),
        _("%(when)s的探访。社区说明：%(why)s", when=when, why=swap.reason),
        swap,
        "refused",
    )
    db.session.flush()
    return swap


def _carry_out(actor: Actor, swap: Swap, visit: Visit) -> Placed:
    """The visit changes hands: one transaction, or nothing."""
    worker = duty_workers([swap.taker_id])[swap.taker_id]
    opening = openings_of([visit.id])[visit.id]
    held = held_by([swap.taker_id], opening.day, opening.day)[swap.taker_id]
    if judged(worker, opening, held) is None:
        raise Conflict(
            _("%(name)s现在去不了这一次：时间或手续不合适。", name=worker.name),
            _("请不同意，或者另外派人。"),
            code="unfit",
        )
    placed = put_on(actor, visit, swap.taker_id, _("换给了同事"), instead_of=swap.giver_id)
    swap.state = SwapState.DONE
    swap.decided_at = placed.at
    swap.decided_by_id = actor.user_id
    audit.record(
        actor,
        "swap.done",
        visit,
        _("换人：改由%(name)s去", name=worker.name),
        changes={"swap": [None, swap.id]},
    )
    _tell(
        swap.giver_id,
        _("换好了，您不用去了"),
        _("%(when)s的探访由%(name)s去。", when=i18n.moment(visit.starts_at), name=worker.name),
        swap,
        "done",
    )
    if placed.sheets:
        notify(
            coordinators_of(visit.area.path),
            _("有路线单要换"),
            _("两个人换了一次探访。%(sheets)s。", sheets=placed.sheet_words),
            f"/visits/{visit.id}",
            dedupe_key=f"swap-sheets:{swap.id}",
            urgent=is_soon(visit),
        )
    db.session.flush()
    return placed


def _tell(worker_id: int, title: str, body: str, swap: Swap, what: str) -> None:
    user_id = db.session.scalar(select(Worker.user_id).where(Worker.id == worker_id))
    if user_id is not None:
        notify([user_id], title, body, f"/swaps/{swap.id}", dedupe_key=f"swap-{what}:{swap.id}", urgent=True)


def expire_swaps() -> int:
    """Offers whose visit has begun, or is no longer to be made, are over; returns how many. The first one went."""
    over = select(Visit.id).where((Visit.starts_at <= clock.now()) | (Visit.state != VisitState.ASSIGNED))
    done = db.session.execute(
        update(Swap)
        .where(Swap.state.in_(WAITING), Swap.visit_id.in_(over))
        .values(state=SwapState.EXPIRED, decided_at=clock.now())
        .returning(Swap.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
