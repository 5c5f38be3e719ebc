"""Beginning a search, and asking wave by wave: a wave that was made once is not made again, and each owes the next
in its own transaction.
"""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _

from coordinator.dropouts.models import SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.queries.standins import StandIn, stand_ins
from coordinator.dropouts.rules import wave_gap, wave_size
from coordinator.dropouts.services.placing import goes
from coordinator.dropouts.services.searching.settling import (
    end_search,
    give_up,
    held_search,
    running_search,
    settle,
    thank,
)
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services.common import reason_text

WAVE_JOB = "coordinator.dropouts.jobs.make_wave"
WAVE_SECONDS = 120


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
        ask_next(search, visit)
    else:
        owe_next(search)
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


def stop_search(actor: Actor, search_id: int) -> StandInSearch:
    """A coordinator ends the search; who was asked and has not answered is told. Twice changes nothing."""
    visit, search = held_search(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if search.ended_at is not None:
        return search
    end_search(search, SearchOutcome.STOPPED)
    audit.record(actor, "standin.stop", visit, _("停止找人顶替"), changes={"search": [search.id, None]})
    thank(search, visit)
    db.session.flush()
    return search


def make_wave(search_id: int, wave: int) -> bool:
    """Ask the next people, if the wave with this number is still to be made; True when it was made. Flushes.

    May run twice or be cut anywhere: what a wave changes is one transaction, and the next one is owed in it.
    """
    visit, search = held_search(search_id)
    if search.ended_at is not None or search.wave >= wave:
        return False
    if settle(search, visit):
        db.session.flush()
        return False
    ask_next(search, visit)
    db.session.flush()
    return True


def hurry_wave(actor: Actor, search_id: int) -> bool:
    """A coordinator lets the next people be asked at once."""
    visit, search = held_search(search_id)
    demand(actor, Permission.CLAIM_DECIDE, visit.area.path)
    if settle(search, visit):
        db.session.flush()
        return False
    ask_next(search, visit)
    db.session.flush()
    return True


def ask_next(search: StandInSearch, visit: Visit) -> None:
    """One wave: the best people who were not asked yet; without anybody left, the end once all had time."""
    search.wave += 1
    gap = wave_gap(visit.starts_at - clock.now())
    if visit.state is VisitState.CLAIMED:
        # Somebody wants to go and waits for approval; nobody else is asked meanwhile.
        set_next(search, visit, gap)
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
        give_up(search, visit)
        return
    by_worker = {one.worker_id: one for one in search.asks}
    for one in chosen:
        _ask(by_worker[one.worker.id], one, visit)
    set_next(search, visit, gap)


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


def set_next(search: StandInSearch, visit: Visit, gap: timedelta) -> None:
    # The last look is at the beginning of the visit: then the search ends one way or the other.
    search.next_wave_at = min(clock.now() + gap, visit.starts_at)
    owe_next(search)


def owe_next(search: StandInSearch) -> None:
    """Owe the wave after the ones made so far, for its moment."""
    wave = search.wave + 1
    queue.owe(
        WAVE_JOB,
        key=f"{search.id}:{wave}",
        payload={"search_id": search.id, "wave": wave},
        run_after=search.next_wave_at or clock.now(),
        timeout_seconds=WAVE_SECONDS,
    )
