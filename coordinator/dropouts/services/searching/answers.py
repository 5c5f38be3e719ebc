"""What people answer, and what a coordinator settles."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.queries.standins import judged
from coordinator.dropouts.services.placing import Placed, goes, locked_visit, put_on, refuse_minors_place
from coordinator.dropouts.services.searching.settling import end_search, held_search, settle, thank
from coordinator.dropouts.services.searching.waves import ask_next
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.marketplace.duty import duty_workers
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.queries.openings import held_by, openings_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services.common import approved
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty


class Answered:
    """What became of an answer. `text` is for the page."""

    def __init__(self, ask: StandInAsk, visit: Visit, text: str, *, goes: bool = False) -> None:
        self.ask, self.visit, self.text, self.goes = ask, visit, text, goes


def answer_ask(actor: Actor, ask_id: int, yes: bool) -> Answered:
    """Say yes or no to being asked. The first yes that still fits wins; who comes later reads that it is settled.

    Saying the same again changes nothing; a no may become a yes while the search runs. Raises NotFound for what
    somebody else was asked.
    """
    demand(actor, Permission.WORK)
    search_id = db.session.scalar(
        select(StandInAsk.search_id).where(StandInAsk.id == ask_id, StandInAsk.worker_id == actor.worker_id)
    )
    if search_id is None or actor.worker_id is None:
        raise NotFound(_("没有找到这次询问。"), _("可能是问别人的，请回到“今天”。"))
    visit, search = held_search(search_id)
    ask = next(one for one in search.asks if one.id == ask_id)
    if ask.answer is AskAnswer.YES and goes(visit, actor.worker_id) is not None:
        return Answered(ask, visit, _("您已经答应了，这次由您去。去不了的话，请从“今天”里退出。"), goes=True)
    ended = settle(search, visit)
    if not yes:
        if ask.answer in (None, AskAnswer.YES):
            _note_answer(ask, AskAnswer.NO)
            if not ended:
                _widen_early(search, visit)
        db.session.flush()
        return Answered(ask, visit, _("记下了，您去不了。谢谢您回一声。"))
    if ended or visit.state is VisitState.CLAIMED:
        _note_answer(ask, AskAnswer.LATE)
        db.session.flush()
        return Answered(ask, visit, _too_late(search, visit))
    why = _against(actor.worker_id, visit)
    placed = None
    if why is None:
        also = _waiting(search, visit, actor.worker_id)
        if len(also) + 1 < _missing(visit):
            _note_answer(ask, AskAnswer.YES)
            _widen_early(search, visit)
            db.session.flush()
            return Answered(ask, visit, _("记下了，谢谢您。这次要两个人，再找到一位就告诉您。"))
        placed, why = _try(actor, search, visit, also)
    if placed is None:
        _note_answer(ask, AskAnswer.NO)
        audit.record(actor, "standin.unfit", visit, _("%(name)s想顶替，但现在去不了", name=actor.name))
        _widen_early(search, visit)
        db.session.flush()
        return Answered(ask, visit, _("谢谢您。不过这次您现在去不了：%(why)s", why=why or ""))
    _note_answer(ask, AskAnswer.YES)
    _found(actor, search, visit, placed)
    return Answered(ask, visit, _("谢谢您，这次由您去。"), goes=True)


def _note_answer(ask: StandInAsk, answer: AskAnswer) -> None:
    ask.answer = answer
    ask.answered_at = clock.now()


def _widen_early(search: StandInSearch, visit: Visit) -> None:
    """Everybody who was asked has said no: the next wave does not wait."""
    if all(one.answer is not None for one in search.asks):
        ask_next(search, visit)


def _too_late(search: StandInSearch, visit: Visit) -> str:
    if visit.state is VisitState.CANCELLED:
        return str(_("这次探访已经取消了，不用去。谢谢您。"))
    if visit.state is VisitState.CLAIMED or search.outcome is SearchOutcome.FOUND:
        return str(_("已经有人去了，您不用去。谢谢您。"))
    if visit.starts_at <= clock.now():
        return str(_("探访的时间已经过了，不用去了。谢谢您。"))
    return str(_("社区已经另作安排，您不用去。谢谢您。"))


def _against(worker_id: int, visit: Visit) -> str | None:
    """What stands against this person now, in one sentence; None when nothing does."""
    worker = duty_workers([worker_id])[worker_id]
    opening = openings_of([visit.id])[visit.id]
    held = held_by([worker_id], opening.day, opening.day)[worker_id]
    if judged(worker, opening, held) is None:
        return str(_("您的时间或手续已经不合适了，请问一问社区。"))
    return None


def _missing(visit: Visit) -> int:
    """How many adults the visit still needs; somebody who is to be replaced counts as one who is missing."""
    if visit.state is not VisitState.OPEN:
        return 1
    return visit.people - sum(not one.is_companion for one in approved(visit))


def _waiting(search: StandInSearch, visit: Visit, without: int) -> list[int]:
    """Who has said yes to a visit for two and waits for the other one, as many as fit, the first to answer first.

    Whoever cannot go any more is taken out.
    """
    found = []
    for one in sorted(search.asks, key=lambda row: (row.answered_at is None, row.answered_at, row.id)):
        if one.answer is not AskAnswer.YES or one.worker_id == without or goes(visit, one.worker_id):
            continue
        if _against(one.worker_id, visit) is None:
            found.append(one.worker_id)
        else:
            _note_answer(one, AskAnswer.NO)
    return found[: max(0, _missing(visit) - 1)]


def _try(
    actor: Actor, search: StandInSearch, visit: Visit, also: Sequence[int]
) -> tuple[Placed | None, str | None]:
    """Put the person on the visit, or say what the rules have against it; a refusal leaves nothing behind."""
    assert actor.worker_id is not None, "checked by the caller"
    try:
        with db.session.begin_nested():
            instead_of, reason = search.lost_worker_id, _("本人答应顶替")
            return put_on(actor, visit, actor.worker_id, reason, instead_of=instead_of, also=also), None
    except DomainError as problem:
        locked_visit(visit.id)
        return None, f"{problem.message}{problem.remedy}"


def _found(actor: Actor, search: StandInSearch, visit: Visit, placed: Placed) -> None:
    end_search(search, SearchOutcome.FOUND, placed.at)
    audit.record(
        actor,
        "standin.found",
        visit,
        _("%(name)s答应顶替", name=placed.names),
        changes={"search": [search.id, None]},
    )
    told = coordinators_of(visit.area.path)
    notify(
        told,
        _("找到人顶替了"),
        _(
            "%(name)s去%(elder)s %(when)s的探访。%(sheets)s",
            name=placed.names,
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            sheets=placed.sheet_words,
        ),
        f"/visits/{visit.id}",
        dedupe_key=f"standin-found:{search.id}",
        urgent=bool(placed.sheets),
    )
    tell_lost(search, visit)
    thank(search, visit)
    db.session.flush()


def tell_lost(search: StandInSearch, visit: Visit) -> None:
    """Tell who asked to be replaced that somebody was found."""
    if search.lost_worker_id is None:
        return
    user_id = db.session.scalar(select(Worker.user_id).where(Worker.id == search.lost_worker_id))
    if user_id is None:
        return
    notify(
        [user_id],
        _("有人替您去了"),
        _("%(when)s的探访有人替您去，您不用去了。", when=i18n.moment(visit.starts_at)),
        "/today",
        dedupe_key=f"standin-lost:{search.id}",
    )


def choose(actor: Actor, search_id: int, worker_id: int) -> Placed:
    """A coordinator settles it: this person goes. Raises Conflict for what stands against it."""
    visit, search = held_search(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if settle(search, visit):
        db.session.flush()
        raise Conflict(_("已经不用找人了。"), _("请刷新页面看最新的情况。"), code="decided")
    if visit.state is VisitState.CLAIMED:
        raise Conflict(_("已经有人申请去，请先审批。"), code="claimed")
    people = workers_for_duty([worker_id])
    if worker_id not in people:
        raise NotFound(_("没有找到这个人。"), _("请重新选一位。"))
    refuse_minors_place(visit, people[worker_id])
    placed = put_on(
        actor,
        visit,
        worker_id,
        _("社区选定顶替"),
        instead_of=search.lost_worker_id,
        also=_waiting(search, visit, worker_id),
    )
    end_search(search, SearchOutcome.FOUND, placed.at)
    for one in search.asks:
        if one.worker_id == worker_id and one.answer is None:
            _note_answer(one, AskAnswer.YES)
    tell_lost(search, visit)
    thank(search, visit)
    db.session.flush()
    return placed
