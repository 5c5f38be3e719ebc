"""Handing over: each visit and each paired elder of somebody who leaves goes to a named place before they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flask_babel import gettext as _

from coordinator.agenda.services import note_told
from coordinator.dropouts.queries.handover import contacts_open, visits_ahead
from coordinator.dropouts.services.leaving import end_swaps_of
from coordinator.dropouts.services.placing import goes, locked_visit, papers_after, put_on
from coordinator.dropouts.services.searching import start_search
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor, Permission, covers, demand
from coordinator.kernel.errors import Conflict, DomainError
from coordinator.marketplace.services.line import move_up
from coordinator.messages.services import notify
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.queries.visits import loads_of
from coordinator.visits.services import release
from coordinator.workforce.fitness import limits
from coordinator.workforce.models import ContactPart, ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import pair, retire_worker
from coordinator.workforce.services.pairs import end_pair


class Fate(StrEnum):
    """open: into the list of visits to claim · search: people are asked in turn · else a worker's id."""

    OPEN = "open"
    SEARCH = "search"


@dataclass(slots=True)
class HandedOver:
    """What was done; `refused` says, visit by visit, why a successor could not be: those are open now."""

    given: int = 0
    opened: int = 0
    searched: int = 0
    paired: int = 0
    unpaired: int = 0
    retired: bool = False
    refused: list[str] = field(default_factory=list)
    sheets: list[tuple[str, str | None]] = field(default_factory=list)


def hand_over(
    actor: Actor,
    worker: Worker,
    visits: Mapping[int, str],
    pairs: Mapping[int, str],
    *,
    retire: bool,
    all_open: bool = False,
) -> HandedOver:
    """Hand over the visits (id → 'open', 'search' or a worker's id) and the pairs (id of the pair → worker's id or
    ''), and then, with `retire`, let the person go.

    `all_open`: what is not named is opened; without it a retirement that forgets something is refused (Conflict
    'left_open'), as is one with a visit under way. What a rule, or a
    limit of their own, has against a successor opens the visit and is told.
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    done = HandedOver()
    ahead = list(visits_ahead(worker.id))
    if retire and any(one.state is VisitState.IN_PROGRESS for one in ahead):
        raise Conflict(_("%(name)s正在探访，请等这次结束。", name=worker.name), code="under_way")
    ahead = [one for one in ahead if one.state is not VisitState.IN_PROGRESS]
    contacts = contacts_open(worker.id)
    missing = [one for one in ahead if one.id not in visits]
    unnamed = [one for one in contacts if one.id not in pairs]
    if retire and not all_open and (missing or unnamed):
        raise Conflict(
            _("还有 %(n)s 次探访、%(p)s 位结对的长者没有交接。", n=len(missing), p=len(unnamed)),
            _("请逐个选好接手的人，或者选“全部放到可认领”。"),
            code="left_open",
        )
    for visit in ahead:
        fate = visits.get(visit.id, Fate.OPEN if all_open else "")
        if fate:
            _hand_visit(actor, worker, visit, fate, done)
    for contact in contacts:
        if contact.id in pairs or all_open:
            _hand_pair(actor, worker, contact, pairs.get(contact.id, ""), done)
    db.session.flush()
    if retire and worker.status is not WorkerStatus.LEFT:
        retire_worker(actor, worker)
        done.retired = True
    audit.record(
        actor,
        "worker.hand_over",
        worker,
        _(
            "%(name)s交接：%(given)s 次探访有人接手，%(opened)s 次放到可认领，%(searched)s 次请系统找人",
            name=worker.name,
            given=done.given,
            opened=done.opened,
            searched=done.searched,
        ),
    )
    db.session.flush()
    return done


def _hand_visit(actor: Actor, worker: Worker, row: Visit, fate: str, done: HandedOver) -> None:
    visit = locked_visit(row.id)
    mine = goes(visit, worker.id) if visit is not None else None
    if visit is None or mine is None or visit.state not in (VisitState.OPEN, VisitState.ASSIGNED):
        return
    if not covers(actor, Permission.CLAIM_DECIDE, visit.area.path):
        done.refused.append(
            _(
                "%(when)s的探访在%(area)s，请那边的社区安排",
                when=i18n.moment(visit.starts_at),
                area=visit.area.name,
            )
        )
        return
    reason = _("%(name)s离开，交接", name=worker.name)
    if fate.isdecimal() and visit.state is VisitState.ASSIGNED:
        try:
            refuse_over_limit(visit, int(fate))
            with db.session.begin_nested():
                placed = put_on(actor, visit, int(fate), reason, instead_of=worker.id)
        except (DomainError, KeyError) as problem:
            why = problem.message if isinstance(problem, DomainError) else _("没有找到这个人")
            done.refused.append(f"{i18n.moment(visit.starts_at)} {visit.elder.name}：{why}")
            visit = locked_visit(row.id)
            assert visit is not None, "it is held"
        else:
            end_swaps_of(visit.id, worker.id)
            done.sheets += placed.sheets
            done.given += 1
            return
    _open(actor, worker, visit, reason, done)
    # Whoever stood in line may have it by now.
    db.session.refresh(visit, ["state"])
    if fate == Fate.SEARCH and visit.state is VisitState.OPEN:
        start_search(actor, visit, _("原来的人离开了"), lost_worker_id=worker.id, at_once=False)
        done.searched += 1
    else:
        done.opened += 1


def refuse_over_limit(visit: Visit, worker_id: int) -> None:
    """A hand-over gives nobody more than they take in a day, a week or a month, what was just handed to them
    included. Raises Conflict; KeyError for somebody unknown. Who knows better assigns by hand."""
    worker = workers_for_duty([worker_id])[worker_id]
    day = clock.to_local(visit.starts_at).date()
    load = loads_of([worker_id], day, without_visit=visit.id)[worker_id]
    over = limits(worker, load, round((visit.ends_at - visit.starts_at).total_seconds() / 60))
    if over:
        raise Conflict(over[0].message, over[0].remedy, code=over[0].code.value)


def _open(actor: Actor, worker: Worker, visit: Visit, reason: str, done: HandedOver) -> None:
    before = {one.id: one.worker for one in visit.assignments if one.state is AssignmentState.APPROVED}
    release(actor, visit, worker, reason)
    end_swaps_of(visit.id, worker.id)
    gone = {
        one.id for one in visit.assignments if one.id in before and one.state is not AssignmentState.APPROVED
    }
    note_told(actor, [(one, visit.starts_at) for one in gone], off=True)
    notify(
        [
            one.user_id
            for key, one in before.items()
            if key in gone and one.id != worker.id and one.user_id is not None
        ],
        _("一次探访取消了您的安排"),
        _("一起去的人不能去了，%(when)s的探访您不用去了。", when=i18n.moment(visit.starts_at)),
        "/today",
        dedupe_key=f"handed-over:{visit.id}:{worker.id}",
    )
    done.sheets += papers_after([visit], {one.id for one in before.values()}, reason)
    move_up(visit.id)


def _hand_pair(actor: Actor, worker: Worker, contact: ServiceContact, fate: str, done: HandedOver) -> None:
    elder = contact.elder
    if fate.isdecimal() and contact.part is ContactPart.MAIN:
        successor = workers_for_duty([int(fate)]).get(int(fate))
        if successor is not None:
            try:
                pair(actor, elder, successor)
            except DomainError as problem:
                done.refused.append(f"{elder.name}：{problem.message}")
            else:
                done.paired += 1
                if successor.user_id is not None:
                    notify(
                        [successor.user_id],
                        _("请您接着做一位长者的联系人"),
                        _("%(area)s的一位长者以后由您联系，社区会和您说。", area=elder.area.name),
                        "/today",
                        dedupe_key=f"paired:{elder.id}:{successor.id}:{clock.today()}",
                    )
                return
    end_pair(actor, elder, worker)
    done.unpaired += 1
