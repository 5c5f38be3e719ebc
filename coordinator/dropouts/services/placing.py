"""Putting somebody on a visit in another's place, and what follows from it: plan, sheets, and who is told.

The visit keeps its time, and so do all the others: the route only gets one stop more, or one less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.agenda.services import note_told
from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import SYSTEM, Actor
from coordinator.kernel.errors import Conflict
from coordinator.messages.services import notify
from coordinator.planning.models import Plan, PlanRoute, RouteSheet
from coordinator.planning.services.followed import follow_rows
from coordinator.planning.services.sheets import reissue
from coordinator.visits import services as visits
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services.common import LONGEST_REASON, approved, end_assignment, move_visit, when
from coordinator.workforce.fitness import is_minor
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import fitness_options, workers_for_duty


@dataclass(slots=True)
class Placed:
    """Who goes newly; `sheets` are (old number, new number or None) of printed sheets that became void."""

    visit: Visit
    workers: list[Worker]
    at: datetime
    sheets: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def names(self) -> str:
        """Who goes now."""
        return "、".join(one.name for one in self.workers)

    @property
    def sheet_words(self) -> str:
        """What is to be printed again; empty when no sheet was handed out."""
        return sheet_words(self.sheets)


def sheet_words(sheets: Iterable[tuple[str, str | None]]) -> str:
    """路线单 … 作废，换成 ….  Empty without any."""
    parts = [
        _("路线单 %(old)s 作废，换成 %(new)s，请重新打印", old=old, new=new)
        if new
        else _("路线单 %(old)s 作废，请收回", old=old)
        for old, new in sheets
    ]
    return "；".join(parts)


def locked_visit(visit_id: int) -> Visit | None:
    """A visit with its people, held until the end of the transaction and as it is now."""
    return db.session.scalars(
        select(Visit)
        .where(Visit.id == visit_id)
        .options(
            joinedload(Visit.elder).options(
                *without_secrets(), joinedload(Elder.household), selectinload(Elder.consents)
            ),
            joinedload(Visit.area),
            selectinload(Visit.assignments).joinedload(Assignment.worker).options(*fitness_options()),
        )
        .with_for_update(of=Visit)
        .execution_options(populate_existing=True)
    ).one_or_none()


def goes(visit: Visit, worker_id: int | None) -> Assignment | None:
    """The worker's live assignment on a visit."""
    return next((one for one in approved(visit) if one.worker_id == worker_id), None)


def put_on(
    actor: Actor,
    visit: Visit,
    worker_id: int,
    reason: str,
    *,
    instead_of: int | None = None,
    also: Sequence[int] = (),
) -> Placed:
    """Give a visit to somebody (and `also` to others, where several are missing), in the place of `instead_of`
    where that person still goes. The visit is held.

    Every rule is checked as for any assignment (Conflict); a minor who goes along stays with the new adult. Writes
    the audit line, brings the plan and the printed sheets up to date, tells the newcomer and whoever goes along.
    Telling the person who is replaced, and the coordinators, is the caller's.
    """
    known = workers_for_duty([worker_id, *also])
    people = [known[one] for one in (worker_id, *also)]
    # While another place is empty, that one is filled first.
    old = goes(visit, instead_of) if visit.state is not VisitState.OPEN else None
    for worker in people:
        refuse_minors_place(visit, worker, old)
    beside = [one for one in approved(visit) if one is not old]
    moment = clock.now()
    if old is not None:
        if visit.state is not VisitState.ASSIGNED:
            raise Conflict(_("这次探访已经开始或结束了，不能再换人。"), code="illegal_move")
        end_assignment(old, AssignmentState.WITHDRAWN, reason[:LONGEST_REASON], moment)
        # Its time is free for the database before the next one takes it.
        db.session.flush()
        move_visit(visit, VisitState.OPEN)
    by = SYSTEM if actor.worker_id is not None else actor
    made = visits.assign(by, visit, [(worker, False) for worker in people], override_reason=reason)
    done = Placed(visit, people, moment)
    _note(actor, visit, done, old)
    note_told(actor, [(one.id, visit.starts_at) for one in made], off=False)
    if old is not None:
        note_told(actor, [(old.id, visit.starts_at)], off=True)
    concerned = [*people, *(one.worker for one in beside), *([old.worker] if old is not None else [])]
    done.sheets = papers_after([visit], {one.id for one in concerned}, reason)
    notify(
        [one.user_id for one in people if one.user_id is not None],
        _("一次探访交给您了"),
        _(
            "%(when)s，%(place)s。姓名和门牌号到时在“今天”里显示，别的探访时间都不变。",
            when=i18n.moment(visit.starts_at),
            place=visit.area.name,
        ),
        f"/today/{visit.id}",
        dedupe_key=f"put-on:{made[0].id}",
        urgent=is_soon(visit),
    )
    tell_beside(visit, beside, made[0].id, done.names)
    db.session.flush()
    return done


def _note(actor: Actor, visit: Visit, done: Placed, old: Assignment | None) -> None:
    values = {"name": done.names, "elder": visit.elder.name, "when": when(visit)}
    summary = (
        _("%(name)s接替，去%(elder)s %(when)s的探访", **values)
        if old is not None
        else _("%(name)s顶替，去%(elder)s %(when)s的探访", **values)
    )
    audit.record(
        actor,
        "visit.replace" if old is not None else "visit.stand_in",
        visit,
        summary,
        changes={"workers": [[old.worker_id] if old is not None else None, [one.id for one in done.workers]]},
    )


def refuse_minors_place(visit: Visit, worker: Worker, old: Assignment | None = None) -> None:
    """An adult's place is taken by an adult only. Raises Conflict 'minor_alone'."""
    day = clock.to_local(visit.starts_at).date()
    if is_minor(worker, day):
        raise Conflict(
            _("%(name)s未成年，不能单独上门，也不能顶替成年人。", name=worker.name),
            _("请由一位成年人去。"),
            code="minor_alone",
        )
    if old is not None and old.is_companion:
        raise Conflict(_("陪同的位置不用找人顶替。"), _("去不了的，请直接退出。"), code="companion_place")


def is_soon(visit: Visit) -> bool:
    """Today or tomorrow morning: a message about it does not wait for the end of the quiet hours."""
    return (visit.starts_at - clock.now()).total_seconds() < 24 * 3600


def tell_beside(visit: Visit, beside: Collection[Assignment], key: int, name: str) -> None:
    """Tell whoever goes along who comes now. No name of whom does not come, and no reason."""
    notify(
        [one.worker.user_id for one in beside if one.worker.user_id is not None],
        _("一起去探访的人换了"),
        _("%(when)s的探访，改由%(name)s和您一起去，时间不变。", when=i18n.moment(visit.starts_at), name=name),
        f"/today/{visit.id}",
        dedupe_key=f"beside:{key}",
        urgent=is_soon(visit),
    )


def papers_after(
    changed: Collection[Visit], people: Collection[int], why: str
) -> list[tuple[str, str | None]]:
    """Bring the plan's stops of these visits to who goes now, and give new numbers to the printed sheets of the
    people concerned. Returns (old number, new one or None). The other stops stay where and when they are.
    """
    by_day: dict[date, list[Visit]] = {}
    for visit in changed:
        by_day.setdefault(clock.to_local(visit.starts_at).date(), []).append(visit)
    sheets: list[tuple[str, str | None]] = []
    for day, there in by_day.items():
        follow_rows(there, day, why)
        rows = db.session.scalars(
            select(PlanRoute)
            .join(RouteSheet, RouteSheet.route_id == PlanRoute.id)
            .where(PlanRoute.day == day, PlanRoute.worker_id.in_(people), RouteSheet.voided_at.is_(None))
            .options(joinedload(PlanRoute.plan).joinedload(Plan.area))
            .order_by(PlanRoute.plan_id, PlanRoute.letter)
        ).all()
        plans: dict[int, tuple[Plan, list[PlanRoute]]] = {}
        for route in rows:
            plans.setdefault(route.plan_id, (route.plan, []))[1].append(route)
        for plan, routes in plans.values():
            # Whoever changes a visit by right changes what was printed about it.
            sheets += reissue(SYSTEM, plan, routes)
    return sheets
