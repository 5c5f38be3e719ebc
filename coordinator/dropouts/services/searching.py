"""The search for a stand-in: the best-fitting are asked first, then it widens, wave by wave.

A search is a row; each wave is owed to the queue in the transaction of the wave before, and a wave that was made
once is not made again. Rows are always held in one order: the visit, the search, the worker.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.queries.standins import StandIn, judged, stand_ins
from coordinator.dropouts.rules import rules_for, wave_gap, wave_size
from coordinator.dropouts.services.placing import Placed, goes, locked_visit, put_on, refuse_minors_place
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, queue
from coordinator.kernel.access import SYSTEM, Actor, Permission, demand
from coordinator.kernel.errors import Conflict, DomainError, NotFound
from coordinator.marketplace.duty import duty_workers
from coordinator.marketplace.queries.claims import coordinators_of
from coordinator.marketplace.queries.openings import held_by, openings_of
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services.common import reason_text
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty

WAVE_JOB = "coordinator.dropouts.jobs.make_wave"
WAVE_SECONDS = 120


# --- beginning and ending --------------------------------------------------------------------------------


def start_search(
    actor: Actor, visit: Visit, why: str, *, lost_worker_id: int | None = None, at_once: bool = True
) -> StandInSearch:
    """Begin to look for somebody; the one that runs already is returned. The visit is held by the caller.

    `lost_worker_id`: who cannot come; while that person is still on the visit, a yes replaces them. `at_once` makes
    the first wave here, otherwise the queue does. Raises Conflict when nobody is missing or the time is over.
    """
    text = reason_text(why)
    _demand_missing(visit, lost_worker_id)
    running = running_search(visit.id)
    if running is not None:
        if lost_worker_id is not None and goes(visit, lost_worker_id) is None:
            running.lost_worker_id = running.lost_worker_id or lost_worker_id
        return running
    search = StandInSearch(
        visit_id=visit.id,
        lost_worker_id=lost_worker_id,
        why=text,
        started_by_id=actor.user_id,
        started_at=clock.now(),
        wave=0,
        next_wave_at=clock.now(),
    )
    db.session.add(search)
    db.session.flush()
    audit.record(
        actor,
        "standin.start",
        visit,
        _(
            "开始为%(elder)s %(when)s的探访找人顶替",
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
        ),
        changes={"search": [None, search.id]},
    )
    if at_once:
        _ask_next(search, visit)
    else:
        _owe_wave(search)
    db.session.flush()
    return search


def _demand_missing(visit: Visit, lost_worker_id: int | None) -> None:
    if visit.starts_at <= clock.now():
        raise Conflict(
            _("探访的时间已经到了，来不及找人了。"), _("请打电话，或者改天再去。"), code="too_late"
        )
    missing = visit.state is VisitState.OPEN
    replacing = visit.state is VisitState.ASSIGNED and goes(visit, lost_worker_id) is not None
    if not missing and not replacing:
        raise Conflict(_("这次探访现在不缺人。"), _("请刷新页面看最新的情况。"), code="nobody_missing")


def running_search(visit_id: int, *, lock: bool = False) -> StandInSearch | None:
    """The search that runs for a visit."""
    statement = (
        select(StandInSearch)
        .where(StandInSearch.visit_id == visit_id, StandInSearch.ended_at.is_(None))
        .options(selectinload(StandInSearch.asks))
        .execution_options(populate_existing=True)
    )
    if lock:
        statement = statement.with_for_update(of=StandInSearch)
    return db.session.scalars(statement).one_or_none()


def _held(search_id: int) -> tuple[Visit, StandInSearch]:
    """The visit and its search, held in this order and as they are now. Raises NotFound."""
    visit_id = db.session.scalar(select(StandInSearch.visit_id).where(StandInSearch.id == search_id))
    visit = locked_visit(visit_id) if visit_id is not None else None
    if visit is None:
        raise NotFound(_("没有找到这次找人。"), _("请回到探访看最新的情况。"))
    search = db.session.scalars(
        select(StandInSearch)
        .where(StandInSearch.id == search_id)
        .options(selectinload(StandInSearch.asks).joinedload(StandInAsk.worker))
        .with_for_update(of=StandInSearch)
        .execution_options(populate_existing=True)
    ).one()
    return visit, search


def _end(search: StandInSearch, outcome: SearchOutcome, at: datetime | None = None) -> None:
    search.outcome = outcome
    search.ended_at = at or clock.now()
    search.next_wave_at = None


def stop_search(actor: Actor, search_id: int) -> StandInSearch:
    """A coordinator ends the search; who was asked and has not answered is told. Twice changes nothing."""
    visit, search = _held(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if search.ended_at is not None:
        return search
    _end(search, SearchOutcome.STOPPED)
    audit.record(actor, "standin.stop", visit, _("停止找人顶替"), changes={"search": [search.id, None]})
    _thank(search, visit)
    db.session.flush()
    return search


def still_wanted(search: StandInSearch, visit: Visit) -> bool:
    """Whether somebody is still missing, or the person who asked to be replaced still goes."""
    if visit.starts_at <= clock.now():
        return False
    if visit.state is VisitState.OPEN:
        return True
    return visit.state is VisitState.ASSIGNED and goes(visit, search.lost_worker_id) is not None


def _settle(search: StandInSearch, visit: Visit) -> bool:
    """End a search that is no longer needed; True when it has ended."""
    if search.ended_at is not None:
        return True
    if visit.state is VisitState.CLAIMED or still_wanted(search, visit):
        return False
    if visit.state is VisitState.ASSIGNED and goes(visit, search.lost_worker_id) is not None:
        _give_up(search, visit)
        return True
    if visit.state in (VisitState.ASSIGNED, VisitState.IN_PROGRESS, VisitState.COMPLETED, VisitState.NOT_MET):
        _end(search, SearchOutcome.FOUND)
    elif visit.state is VisitState.OPEN:
        _give_up(search, visit)
        return True
    else:
        _end(search, SearchOutcome.STOPPED)
    _thank(search, visit)
    return True


def _give_up(search: StandInSearch, visit: Visit) -> None:
    _end(search, SearchOutcome.NOBODY)
    audit.record(
        SYSTEM,
        "standin.nobody",
        visit,
        _("问了 %(n)s 个人，没有找到人顶替", n=len(search.asks)),
        changes={"search": [search.id, None]},
    )
    notify(
        coordinators_of(visit.area.path),
        _("没有找到人顶替，请马上安排"),
        _(
            "%(elder)s %(when)s的探访，问了 %(n)s 个人都去不了。可以自己选人、改时间，或者打电话问候。",
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            n=len(search.asks),
        ),
        f"/visits/{visit.id}/stand-in",
        dedupe_key=f"standin-nobody:{search.id}",
        urgent=True,
    )
    _thank(search, visit)


def _thank(search: StandInSearch, visit: Visit, *, winner: int | None = None) -> None:
    """Tell whoever was asked and has not answered that it is settled."""
    waiting = [one.worker_id for one in search.asks if one.answer is None and one.worker_id != winner]
    if not waiting:
        return
    users = db.session.scalars(
        select(Worker.user_id).where(Worker.id.in_(waiting), Worker.user_id.is_not(None))
    ).all()
    notify(
        [one for one in users if one is not None],
        _("顶替的事已经有结果，您不用去"),
        _("%(when)s的探访不用您去了，谢谢。", when=i18n.moment(visit.starts_at)),
        "/today",
        dedupe_key=f"standin-over:{search.id}",
        expires_at=visit.ends_at,
    )


# --- waves -----------------------------------------------------------------------------------------------


def make_wave(search_id: int, wave: int) -> bool:
    """Ask the next people, if the wave with this number is still to be made; True when it was made. Flushes.

    May run twice or be cut anywhere: what a wave changes is one transaction, and the next one is owed in it.
    """
    visit, search = _held(search_id)
    if search.ended_at is not None or search.wave >= wave:
        return False
    if _settle(search, visit):
        db.session.flush()
        return False
    _ask_next(search, visit)
    db.session.flush()
    return True


def hurry_wave(actor: Actor, search_id: int) -> bool:
    """A coordinator lets the next people be asked at once."""
    visit, search = _held(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if _settle(search, visit):
        db.session.flush()
        return False
    _ask_next(search, visit)
    db.session.flush()
    return True


def _ask_next(search: StandInSearch, visit: Visit) -> None:
    """One wave: the best people who were not asked yet; without anybody left, the end once all had time."""
    search.wave += 1
    gap = wave_gap(visit.starts_at - clock.now())
    if visit.state is VisitState.CLAIMED:
        # Somebody wants to go and waits for approval; nobody else is asked meanwhile.
        _set_next(search, visit, gap)
        return
    asked = {one.worker_id for one in search.asks}
    fit = candidates(search, visit)
    chosen = fit[: wave_size(search.wave)]
    for place, one in enumerate(chosen, start=len(asked) + 1):
        search.asks.append(
            StandInAsk(
                worker_id=one.worker.id,
                wave=search.wave,
                place=place,
                added_seconds=one.added_seconds,
                asked_at=clock.now(),
            )
        )
    db.session.flush()
    if not chosen and not any(_may_still_answer(one, gap) for one in search.asks):
        _give_up(search, visit)
        return
    by_worker = {one.worker_id: one for one in search.asks}
    for one in chosen:
        _ask(by_worker[one.worker.id], one, visit)
    _set_next(search, visit, gap)


def _may_still_answer(ask: StandInAsk, gap: timedelta) -> bool:
    return ask.answer is None and ask.asked_at > clock.now() - gap


def candidates(search: StandInSearch, visit: Visit) -> list[StandIn]:
    """Who is asked next, best first: not asked yet, and not who has left this visit before."""
    left = {
        one.worker_id
        for one in visit.assignments
        if one.state in (AssignmentState.WITHDRAWN, AssignmentState.NO_SHOW)
    }
    without = left | {one.worker_id for one in search.asks}
    if search.lost_worker_id is not None:
        without.add(search.lost_worker_id)
    return stand_ins([visit.id], without=without).get(visit.id, [])


def _ask(ask: StandInAsk, one: StandIn, visit: Visit) -> None:
    assert one.worker.user_id is not None, "people without an account are not asked"
    more = _("，路上多约 %(n)s 分钟", n=one.added_minutes) if one.added_minutes is not None else ""
    notify(
        [one.worker.user_id],
        _("想请您顶替去一次探访"),
        _(
            "%(when)s，%(place)s%(more)s。点开答“能去”或“去不了”，先答应的人去。",
            when=i18n.moment(visit.starts_at),
            place=visit.area.name,
            more=more,
        ),
        f"/stand-in/{ask.id}",
        dedupe_key=f"standin-ask:{ask.id}",
        urgent=_soon(visit),
        expires_at=visit.starts_at,
    )


def _soon(visit: Visit) -> bool:
    return visit.starts_at - clock.now() < timedelta(hours=12)


def _set_next(search: StandInSearch, visit: Visit, gap: timedelta) -> None:
    # The last look is at the beginning of the visit: then the search ends one way or the other.
    search.next_wave_at = min(clock.now() + gap, visit.starts_at)
    _owe_wave(search)


def _owe_wave(search: StandInSearch) -> None:
    moment = search.next_wave_at or clock.now()
    owe_wave(search.id, search.wave + 1, moment, "")


def owe_wave(search_id: int, wave: int, moment: datetime, suffix: str) -> None:
    """Owe the wave with this number for a moment; `suffix` owes it again where the first was given up."""
    queue.owe(
        WAVE_JOB,
        key=f"{search_id}:{wave}{suffix}",
        payload={"search_id": search_id, "wave": wave},
        run_after=moment,
        timeout_seconds=WAVE_SECONDS,
    )


# --- answers ---------------------------------------------------------------------------------------------


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
    visit, search = _held(search_id)
    ask = next(one for one in search.asks if one.id == ask_id)
    if ask.answer is AskAnswer.YES and goes(visit, actor.worker_id) is not None:
        return Answered(ask, visit, _("您已经答应了，这次由您去。去不了的话，请从“今天”里退出。"), goes=True)
    ended = _settle(search, visit)
    if not yes:
        if ask.answer is None:
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
        placed, why = _try(actor, search, visit)
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
        _ask_next(search, visit)


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


def _try(actor: Actor, search: StandInSearch, visit: Visit) -> tuple[Placed | None, str | None]:
    """Put the person on the visit, or say what the rules have against it; a refusal leaves nothing behind."""
    assert actor.worker_id is not None, "checked by the caller"
    try:
        with db.session.begin_nested():
            return put_on(
                actor, visit, actor.worker_id, _("本人答应顶替"), instead_of=search.lost_worker_id
            ), None
    except DomainError as problem:
        locked_visit(visit.id)
        return None, f"{problem.message}{problem.remedy}"


def _found(actor: Actor, search: StandInSearch, visit: Visit, placed: Placed) -> None:
    _end(search, SearchOutcome.FOUND, placed.at)
    audit.record(
        actor,
        "standin.found",
        visit,
        _("%(name)s答应顶替", name=placed.worker.name),
        changes={"search": [search.id, None]},
    )
    told = coordinators_of(visit.area.path)
    notify(
        told,
        _("找到人顶替了"),
        _(
            "%(name)s去%(elder)s %(when)s的探访。%(sheets)s",
            name=placed.worker.name,
            elder=visit.elder.name,
            when=i18n.moment(visit.starts_at),
            sheets=placed.sheet_words,
        ),
        f"/visits/{visit.id}",
        dedupe_key=f"standin-found:{search.id}",
        urgent=bool(placed.sheets),
    )
    tell_lost(search, visit)
    _thank(search, visit, winner=placed.worker.id)
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
    visit, search = _held(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if _settle(search, visit):
        db.session.flush()
        raise Conflict(_("已经不用找人了。"), _("请刷新页面看最新的情况。"), code="decided")
    if visit.state is VisitState.CLAIMED:
        raise Conflict(_("已经有人申请去，请先审批。"), code="claimed")
    people = workers_for_duty([worker_id])
    if worker_id not in people:
        raise NotFound(_("没有找到这个人。"), _("请重新选一位。"))
    refuse_minors_place(visit, people[worker_id])
    placed = put_on(actor, visit, worker_id, _("社区选定顶替"), instead_of=search.lost_worker_id)
    _end(search, SearchOutcome.FOUND, placed.at)
    for one in search.asks:
        if one.worker_id == worker_id and one.answer is None:
            _note_answer(one, AskAnswer.YES)
    tell_lost(search, visit)
    _thank(search, visit, winner=worker_id)
    db.session.flush()
    return placed


# --- what nobody began -----------------------------------------------------------------------------------


def search_if_late(actor: Actor, visit: Visit, why: str, lost_worker_id: int | None) -> StandInSearch | None:
    """Begin a search by itself where the community's rule says so: the visit is near and lacks people."""
    rules = rules_for(visit.area.path)
    left = visit.starts_at - clock.now()
    if visit.state is not VisitState.OPEN or not timedelta(0) < left <= rules.automatic:
        return None
    return start_search(actor, visit, why, lost_worker_id=lost_worker_id, at_once=False)


def keep_searches(now: datetime) -> list[int]:
    """Ids of searches whose wave is overdue by minutes: the queue gave it up, or the visit is settled elsewhere."""
    rows = db.session.scalars(
        select(StandInSearch.id)
        .join(Visit, Visit.id == StandInSearch.visit_id)
        .where(
            StandInSearch.ended_at.is_(None),
            (StandInSearch.next_wave_at < now - timedelta(minutes=2))
            | Visit.state.not_in((VisitState.OPEN, VisitState.CLAIMED)),
        )
        .order_by(StandInSearch.id)
    )
    return list(rows)


def keep_search(search_id: int) -> None:
    """Settle one search, or make the wave that is overdue. Flushes."""
    visit, search = _held(search_id)
    if _settle(search, visit):
        db.session.flush()
        return
    if search.next_wave_at is not None and search.next_wave_at <= clock.now():
        _ask_next(search, visit)
        db.session.flush()


def deserted_visits(now: datetime) -> list[int]:
    """Open visits of the next day that lost somebody who was stopped or has left, without any search so far."""
    longest = timedelta(days=3)
    gone = (
        select(Assignment.visit_id)
        .join(Worker, Worker.id == Assignment.worker_id)
        .where(
            Assignment.state == AssignmentState.WITHDRAWN,
            Assignment.ended_at > now - timedelta(hours=6),
            Worker.status.in_(("suspended", "left")),
        )
    )
    searched = select(StandInSearch.visit_id)
    return list(
        db.session.scalars(
            select(Visit.id)
            .where(
                Visit.state == VisitState.OPEN,
                Visit.starts_at > now,
                Visit.starts_at < now + longest,
                Visit.id.in_(gone),
                Visit.id.not_in(searched),
            )
            .order_by(Visit.starts_at)
        )
    )


def search_deserted(visit_id: int) -> None:
    """Begin the automatic search of one such visit. Flushes."""
    visit = locked_visit(visit_id)
    if visit is None:
        return
    lost = next(
        (one.worker_id for one in reversed(visit.assignments) if one.state is AssignmentState.WITHDRAWN), None
    )
    search_if_late(SYSTEM, visit, _("原来的人不能去了"), lost)


def asked_now(worker_id: int) -> int:
    """How many unanswered questions a worker has."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(StandInAsk)
            .join(StandInSearch, StandInSearch.id == StandInAsk.search_id)
            .where(
                StandInAsk.worker_id == worker_id,
                StandInAsk.answer.is_(None),
                StandInSearch.ended_at.is_(None),
            )
        )
        or 0
    )
