"""Moving house. Within one's areas at once; elsewhere as a request, and until the other side accepts it the elder
stays with the sender and is owed there: nobody is forgotten in between.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from coordinator.elders.lookup import clean_address
from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.services.rehousing import rehouse
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, queue
from coordinator.kernel.access import SYSTEM, Actor, Permission, covers, demand
from coordinator.kernel.areas import Area, AreaLevel, ancestors
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.messages.services import notify
from coordinator.register.models import AreaMove, MoveState
from coordinator.register.services.release import Released, release
from coordinator.register.services.settling import settle_items
from coordinator.workforce.services import unpair

# Not in any document: a week is long enough to knock at one door.
ANSWER_WITHIN = timedelta(days=7)
REMIND_EVERY = timedelta(days=2)
EARLIEST = timedelta(days=366)
LONGEST_REASON = 200


def move_elder(
    actor: Actor, elder: Elder, to_area: Area, to_address: str, moved_on: date, reason: str
) -> AreaMove:
    """Move an elder to another community: at once where the actor may edit there too, else as a request. Flushes.

    Raises InvalidInput with the field (same or closed area, no address, impossible day), Conflict when a request of
    the same elder waits already or the elder has left.
    """
    demand(actor, Permission.ELDER_EDIT, elder.area.path)
    db.session.refresh(elder, ["status", "version", "area_id"], with_for_update=True)
    if elder.status is not ElderStatus.ACTIVE:
        raise Conflict(_("这位长者已经不在册。"), _("需要时先重新列入。"))
    _check_target(elder, to_area)
    address = clean_address(to_address)
    if not address:
        raise InvalidInput(_("请填新住址，写到门牌号。"), field="to_address")
    if moved_on > clock.today():
        raise InvalidInput(_("搬家的日期还没到。"), _("搬了以后再登记。"), field="moved_on")
    if moved_on < clock.today() - EARLIEST:
        raise InvalidInput(_("搬家的日期太早了。"), _("请核对年份。"), field="moved_on")
    move = AreaMove(
        elder_id=elder.id,
        elder=elder,
        from_area=elder.area,
        to_area=to_area,
        from_address=elder.household.address,
        to_address=address,
        moved_on=moved_on,
        reason=_reason(reason, "reason"),
        requested_by_id=actor.user_id,
        due_on=clock.today() + ANSWER_WITHIN,
        state=MoveState.REQUESTED,
    )
    try:
        with db.session.begin_nested():
            db.session.add(move)
            db.session.flush()
    except IntegrityError as problem:
        if "uq_area_moves_waiting" in str(problem.orig):
            raise Conflict(
                _("这位长者已经有一份转出在等接收。"), _("要改的话，先撤回那一份。"), code="already_requested"
            ) from None
        raise
    if covers(actor, Permission.ELDER_EDIT, to_area.path):
        _carry_out(actor, move)
        return move
    audit.record(
        actor,
        "move.request",
        elder,
        _(
            "请%(area)s接收%(name)s，%(day)s前答复",
            area=to_area.name,
            name=elder.name,
            day=i18n.day(move.due_on),
        ),
        changes={"to_area_id": [elder.area_id, to_area.id]},
    )
    notify(
        coordinators_of(to_area.path),
        _("有一位长者转到您这里，请接收"),
        _(
            "从%(sender)s转来，请在%(day)s前接收或退回。接收以前由原来的社区继续探访。",
            sender=elder.area.name,
            day=i18n.day(move.due_on),
        ),
        f"/register/moves/{move.id}",
        dedupe_key=f"move-requested:{move.id}",
    )
    _owe_reminder(move, clock.at_local(move.due_on, 9 * 3600))
    db.session.flush()
    return move


def accept_move(actor: Actor, move: AreaMove) -> Released:
    """The receiver takes the elder. Visits, claims and stops of the old place are released and the people told.
    Flushes. Raises Conflict when somebody has answered already."""
    demand(actor, Permission.ELDER_EDIT, move.to_area.path)
    _check_open(move.to_area)
    return _carry_out(actor, move)


def return_move(actor: Actor, move: AreaMove, reason: str) -> None:
    """The receiver sends the request back, with the reason; the elder never left the sender. Flushes."""
    demand(actor, Permission.ELDER_EDIT, move.to_area.path)
    text = _reason(reason, "decision_reason")
    _decide(actor, move, MoveState.RETURNED, text)
    audit.record(
        actor,
        "move.return",
        move.elder,
        _(
            "%(area)s退回%(name)s的转入：%(reason)s",
            area=move.to_area.name,
            name=move.elder.name,
            reason=text,
        ),
        area_id=move.to_area_id,
    )
    notify(
        coordinators_of(move.from_area.path),
        _("一位长者的转出被退回了"),
        _("%(area)s说明：%(reason)s。长者仍由您这里探访。", area=move.to_area.name, reason=text),
        f"/register/moves/{move.id}",
        dedupe_key=f"move-returned:{move.id}",
    )
    db.session.flush()


def withdraw_move(actor: Actor, move: AreaMove) -> None:
    """The sender takes the request back. Flushes."""
    demand(actor, Permission.ELDER_EDIT, move.from_area.path)
    _decide(actor, move, MoveState.WITHDRAWN, None)
    audit.record(actor, "move.withdraw", move.elder, _("撤回%(name)s的转出", name=move.elder.name))
    notify(
        coordinators_of(move.to_area.path),
        _("一位长者的转入撤回了"),
        _("%(area)s撤回了转出，不用再接收。", area=move.from_area.name),
        f"/register/moves/{move.id}",
        dedupe_key=f"move-withdrawn:{move.id}",
    )
    db.session.flush()


def end_waiting_move(actor: Actor, elder: Elder, reason: str) -> None:
    """A request that waits ends because the elder has left the register or was merged. Flushes."""
    for move in db.session.scalars(
        select(AreaMove).where(AreaMove.elder_id == elder.id, AreaMove.state == MoveState.REQUESTED)
    ):
        _decide(actor, move, MoveState.WITHDRAWN, reason)


def remind(move_id: int) -> bool:
    """Tell both sides that a request still waits, and owe the next reminder; False when it was answered."""
    move = db.session.get(AreaMove, move_id)
    if move is None or move.state is not MoveState.REQUESTED:
        return False
    today = clock.today()
    for area, title in (
        (move.to_area, _("有一位转来的长者还没有接收")),
        (move.from_area, _("您转出的一位长者还没有被接收")),
    ):
        notify(
            coordinators_of(area.path),
            title,
            _("答复期限是%(day)s。接收以前由原来的社区继续探访。", day=i18n.day(move.due_on)),
            f"/register/moves/{move.id}",
            dedupe_key=f"move-reminder:{move.id}:{today.isoformat()}",
        )
    _owe_reminder(move, clock.now() + REMIND_EVERY)
    db.session.flush()
    return True


def _owe_reminder(move: AreaMove, when: datetime) -> None:
    queue.owe(
        "coordinator.register.jobs.remind_of_move",
        key=f"{move.id}@{when:%Y%m%d}",
        payload={"move_id": move.id},
        run_after=when,
        timeout_seconds=60,
    )


def _carry_out(actor: Actor, move: AreaMove) -> Released:
    """What acceptance means: the dossier moves, and nothing planned at the old place stays."""
    elder, sender = move.elder, move.from_area
    _decide(actor, move, MoveState.ACCEPTED, None)
    if elder.status is not ElderStatus.ACTIVE or elder.area_id != move.from_area_id:
        raise Conflict(_("这位长者已经不在原来的社区。"), _("请和那边联系。"), code="changed_meanwhile")
    # The receiver has no say over the sender's visits; that they go follows from the acceptance.
    done = release(SYSTEM, elder, clock.today(), _("长者已转到别的社区"))
    if sender.parent_id != move.to_area.parent_id:
        unpair(SYSTEM, elder)
    settle_items(actor, elder, ElderStatus.MOVED, _("已转到%(area)s", area=move.to_area.name))
    rehouse(actor, elder, move.to_area, move.to_address)
    if move.requested_by_id != actor.user_id:
        notify(
            coordinators_of(sender.path),
            _("您转出的一位长者已经被接收"),
            _(
                "%(area)s接收了，从今天起由那边探访。您这里取消了 %(n)s 次已排的探访。",
                area=move.to_area.name,
                n=done.visits,
            ),
            f"/register/moves/{move.id}",
            dedupe_key=f"move-accepted:{move.id}",
        )
    db.session.flush()
    return done


def _decide(actor: Actor, move: AreaMove, state: MoveState, reason: str | None) -> None:
    """One guarded UPDATE: of two people who answer at once exactly one does."""
    decided = db.session.scalar(
        update(AreaMove)
        .where(AreaMove.id == move.id, AreaMove.state == MoveState.REQUESTED)
        .values(state=state, decided_by_id=actor.user_id, decided_at=clock.now(), decision_reason=reason)
        .returning(AreaMove.id)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(move)
    if decided is None:
        raise Conflict(_("这份转出已经有结果了。"), _("请刷新页面看最新的情况。"), code="decided")


def _check_target(elder: Elder, to_area: Area) -> None:
    if to_area.level is not AreaLevel.COMMUNITY:
        raise InvalidInput(_("请选到社区（村）。"), field="to_area_id")
    if to_area.id == elder.area_id:
        raise InvalidInput(
            _("还是同一个社区。"), _("在本社区搬家，请在档案里改住址。"), code="same_area", field="to_area_id"
        )
    _check_open(to_area)


def _check_open(area: Area) -> None:
    """An area that was closed, or that nobody coordinates, can receive nobody."""
    above = ancestors(area)
    if any(one.settings.get("closed") for one in above):
        raise InvalidInput(
            _("%(area)s已经撤并，不能再转入。", area=area.name),
            _("请选并入的社区。"),
            code="closed_area",
            field="to_area_id",
        )
    if not coordinators_of(area.path):
        raise InvalidInput(
            _("%(area)s还没有人管理，没有人能接收。", area=area.name),
            _("请联系上级民政部门开通，或等那边开通后再转。"),
            code="nobody_there",
            field="to_area_id",
        )


def _reason(reason: str, field: str) -> str:
    text = " ".join(reason.split())
    if len(text) < 2:
        raise InvalidInput(_("请写明原因。"), field=field)
    if len(text) > LONGEST_REASON:
        raise InvalidInput(_("原因最多 %(n)s 个字。", n=LONGEST_REASON), field=field)
    return text
