"""Calls beside the routes: the month's owed calls given to people in their free time, by `routing.calls`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, func, select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import audit, clock, i18n
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.messages.services import notify
from coordinator.planning.access import can_edit
from coordinator.planning.labels import CALL_REASONS, month_name
from coordinator.planning.models import Plan, PlanCall, PlanRoute
from coordinator.planning.queries.calls import met_calls
from coordinator.planning.queries.month import call_list
from coordinator.planning.translate.people import Span, out_of_duty
from coordinator.planning.translate.standing import last_visits
from coordinator.planning.translate.week import LUNCH_WINDOW
from coordinator.policy import Mode
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce import fitness
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import partners_of, workers_for_planning
from routing.calls import Call, Caller, Given, Why, distribute, without

CALL_MINUTES = 15
"""Ten minutes of talking and five for writing it down."""
MOST_CALLS_DAY = 8
MOST_CALLS_WEEK = 24
WAY_SECONDS = 1800
"""Left free before and after a visit that stands outside the plan's routes, for the way."""
LONGEST_LABEL = 240
CLOSED_TO = frozenset({UnfitCode.TIED_ELSEWHERE, UnfitCode.BARRED, UnfitCode.MINORS_NOT_WELCOME})


@dataclass(slots=True)
class Wanted:
    """One call and every obligation it meets."""

    elder_id: int
    period_from: date
    period_to: date
    parts: list[tuple[str, date, date]] = field(default_factory=list)

    @property
    def label(self) -> str:
        return "；".join(label for label, _first, _last in self.parts)[:LONGEST_LABEL]


def wanted_calls(owed: Iterable[tuple[int, str, str, date, date]]) -> list[Wanted]:
    """The fewest calls that meet what is owed: one on a day that several periods share meets them all.

    Periods are taken by their last day and join the first call that still has a day for them.
    """
    by_elder: dict[int, list[Wanted]] = defaultdict(list)
    for elder_id, _name, label, first, last in sorted(owed, key=lambda row: (row[0], row[4], row[3], row[2])):
        part = (label, first, last)
        for one in by_elder[elder_id]:
            low, high = max(first, one.period_from), min(last, one.period_to)
            if low <= high and part not in one.parts:
                one.period_from, one.period_to = low, high
                one.parts.append(part)
                break
        else:
            by_elder[elder_id].append(Wanted(elder_id, first, last, [part]))
    return [one for ones in by_elder.values() for one in ones]


def distribute_calls(plan: Plan) -> int:
    """Give the plan's calls out anew; what a coordinator gave by hand and what is done stays. Returns how many are
    somebody's. Only days from tomorrow on (today, once the plan's days have begun) are used."""
    known = db.session.scalars(select(PlanCall).where(PlanCall.plan_id == plan.id).with_for_update()).all()
    done = met_calls(known)
    kept = [one for one in known if one.id in done or (one.by_hand and one.worker_id is not None)]
    stay = {one.id for one in kept}
    gone = [one.id for one in known if one.id not in stay]
    if gone:
        db.session.execute(delete(PlanCall).where(PlanCall.id.in_(gone)))
        for one in known:
            if one.id in gone:
                db.session.expunge(one)
    have = {(one.elder_id, one.period_to): one for one in kept}
    fresh = []
    for wanted in wanted_calls(call_list(plan)):
        if have.pop((wanted.elder_id, wanted.period_to), None) is None:
            fresh.append(wanted)
    rows = [
        PlanCall(
            plan_id=plan.id,
            elder_id=one.elder_id,
            label=one.label,
            period_from=one.period_from,
            period_to=one.period_to,
            minutes=CALL_MINUTES,
            by_hand=False,
            reason="no_day",
        )
        for one in fresh
    ]
    db.session.add_all(rows)
    db.session.flush()
    _give(plan, rows, [one for one in kept if one.worker_id is not None])
    db.session.flush()
    return sum(one.worker_id is not None for one in rows) + len([one for one in kept if one.worker_id])


def redistribute(actor: Actor, plan: Plan) -> int:
    """The same at a coordinator's wish, with a line in the audit trail."""
    _demand_edit(actor, plan)
    given = distribute_calls(plan)
    audit.record(
        actor,
        "calls.distribute",
        plan,
        _("分配%(month)s的电话：%(n)s 次", month=month_name(plan.month), n=given),
    )
    db.session.flush()
    return given


def tell_callers(plan: Plan) -> int:
    """Tell everybody who has calls in an approved plan, once; returns how many were told now."""
    rows: Any = db.session.execute(
        select(Worker.user_id, func.count(PlanCall.id))
        .join(PlanCall, PlanCall.worker_id == Worker.id)
        .where(PlanCall.plan_id == plan.id, PlanCall.day > clock.today(), Worker.user_id.is_not(None))
        .group_by(Worker.user_id)
    )
    told = 0
    for user_id, count in rows:
        told += notify(
            [user_id],
            _("%(month)s请您打 %(n)s 个电话", month=month_name(plan.month), n=count),
            _("排在您空着的时候。哪天打给谁，当天会出现在“今天”里。"),
            "/today",
            dedupe_key=f"plan-calls:{plan.id}",
        )
    return told


def give_call(actor: Actor, plan: Plan, call: PlanCall, worker_id: int, day: date | None = None) -> None:
    """Give one call to a chosen person, on the first day with time or on `day`; it then stays with that person.

    Raises Conflict when it is done, when the person may not ring this elder, or has no time.
    """
    _demand_edit(actor, plan)
    if call.id in met_calls([call]):
        raise Conflict(_("这个电话已经打过了。"), code="done_already")
    before = _whose(call)
    held = db.session.scalars(
        select(PlanCall).where(
            PlanCall.plan_id == plan.id, PlanCall.worker_id.is_not(None), PlanCall.id != call.id
        )
    ).all()
    left = _give(plan, [call], held, only=worker_id, day=day)
    if left:
        raise Conflict(str(CALL_REASONS[left[0]]) + "。", _("请换个人，或换一天。"), code=f"call_{left[0]}")
    call.by_hand, call.why = True, Why.KEPT.value
    db.session.flush()
    audit.record(
        actor,
        "call.give",
        plan,
        _("把给%(elder)s的电话交给%(after)s", elder=call.elder.name, after=_whose(call)),
        changes={"call": [before, _whose(call)]},
        area_id=plan.area_id,
    )
    db.session.flush()


def _whose(call: PlanCall) -> str:
    if call.worker_id is None or call.day is None:
        return ""
    name = db.session.scalar(select(Worker.name).where(Worker.id == call.worker_id))
    return f"{name}，{i18n.day(call.day)}"


def _demand_edit(actor: Actor, plan: Plan) -> None:
    if not can_edit(actor, plan):
        raise NotAllowed(_("这个计划现在不能改。"), _("可能正在计算，或已经作废。"))


# --- the desk --------------------------------------------------------------------------------------------


def _give(
    plan: Plan,
    rows: Sequence[PlanCall],
    held: Sequence[PlanCall],
    *,
    only: int | None = None,
    day: date | None = None,
) -> list[str]:
    """Write persons and times into the rows; returns the reasons of those that are nobody's. Without a person a row
    keeps what it had when `only` was asked for."""
    if not rows:
        return []
    first = max(plan.month, clock.today() + timedelta(days=1))
    last = (plan.month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    span = Span(plan.month - timedelta(days=plan.month.weekday()), first, last)
    workers = [one for one in workers_for_planning(plan.area.path) if only is None or one.id == only]
    elders = _elders({one.elder_id for one in rows})
    callers = _callers(plan, workers, span)
    contacts = partners_of(elders)
    before = last_visits(list(elders), span.last + timedelta(days=1))
    taken = {(one.elder_id, one.day) for one in held}  # nobody is rung twice a day
    no_phone = set(elders) - _with_phone(elders)
    calls = []
    for row in rows:
        elder = elders.get(row.elder_id)
        if elder is None or row.elder_id in no_phone:
            continue
        known = [*contacts.get(elder.id, ()), before[elder.id].worker_id if elder.id in before else None]
        days = [
            index
            for index in span.open_days
            if row.period_from <= span.day(index) <= row.period_to
            and day in (None, span.day(index))
            and (elder.id, span.day(index)) not in taken
        ]
        calls.append(
            Call(
                id=str(row.id),
                elder=str(elder.id),
                days=tuple(days),
                seconds=row.minutes * 60,
                window=(_seconds(elder.visit_from), _seconds(elder.visit_until)),
                first=tuple(dict.fromkeys(str(one) for one in known if one is not None)),
                liking={str(one.id): 1 for one in workers if elder.dialect and elder.dialect in one.dialects},
                excluded=_excluded(workers, elder, first),
            )
        )
    kept = [
        Given(
            f"held{one.id}",
            str(one.worker_id),
            span.index(one.day),
            one.start_seconds,
            one.start_seconds + one.minutes * 60,
            Why.KEPT,
        )
        for one in held
        if one.day is not None and one.start_seconds is not None
    ]
    lists = distribute(callers, calls, kept)
    given = {one.call: one for one in lists.given}
    left = dict(lists.left)
    reasons = []
    for row in rows:
        one = given.get(str(row.id))
        if one is not None:
            row.worker_id, row.day, row.start_seconds = int(one.caller), span.day(one.day), one.start
            row.why, row.reason = one.why.value, None
            continue
        code = "no_phone" if row.elder_id in no_phone else str(left.get(str(row.id), "no_day"))
        reasons.append(code)
        if only is None:
            row.reason = code
    return reasons


def _elders(ids: Collection[int]) -> dict[int, Elder]:
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(ids), Elder.status == ElderStatus.ACTIVE)
        .options(*without_secrets(), joinedload(Elder.household), joinedload(Elder.area))
    )
    return {one.id: one for one in rows}


def _with_phone(ids: Collection[int]) -> set[int]:
    """Whose number is known; the numbers themselves stay where they are."""
    return set(db.session.scalars(select(Elder.id).where(Elder.id.in_(ids), Elder.phone.is_not(None))))


def _excluded(workers: Sequence[Worker], elder: Elder, day: date) -> frozenset[str]:
    return frozenset(
        str(one.id)
        for one in workers
        if any(
            found.code in CLOSED_TO
            for found in fitness.pairing(one, elder, day=day, mode=Mode.PHONE, needs_skills=())
        )
    )


def _callers(plan: Plan, workers: Sequence[Worker], span: Span) -> list[Caller]:
    """People with the time that their hours leave beside routes, visits and the rest at noon."""
    busy = _busy(plan, [one.id for one in workers], span)
    found = []
    for worker in workers:
        off = out_of_duty(worker, span)
        free = {}
        for index in span.open_days:
            day = span.day(index)
            if index in off or fitness.is_day_off(worker.exceptions, day):
                continue
            hours = [
                (_seconds(low), _seconds(high))
                for low, high in fitness.spans_on(worker.availability, worker.exceptions, day)
            ]
            free[index] = without(hours, [LUNCH_WINDOW, *busy.get((worker.id, day), ())])
        adult = not fitness.is_minor(worker, span.first)
        found.append(Caller(str(worker.id), free, MOST_CALLS_DAY, MOST_CALLS_WEEK, adult))
    return found


def _busy(plan: Plan, worker_ids: Sequence[int], span: Span) -> dict[tuple[int, date], list[tuple[int, int]]]:
    found: dict[tuple[int, date], list[tuple[int, int]]] = defaultdict(list)
    for worker_id, day, out, back in db.session.execute(
        select(
            PlanRoute.worker_id, PlanRoute.day, PlanRoute.departure_seconds, PlanRoute.arrival_seconds
        ).where(PlanRoute.plan_id == plan.id, PlanRoute.worker_id.in_(worker_ids))
    ):
        found[worker_id, day].append((out, back))
    rows = db.session.execute(
        select(Assignment.worker_id, func.lower(Assignment.during), func.upper(Assignment.during))
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(
            Assignment.worker_id.in_(worker_ids),
            Assignment.state == AssignmentState.APPROVED,
            func.lower(Assignment.during) >= clock.at_local(span.first, 0),
            func.lower(Assignment.during) < clock.at_local(span.last + timedelta(days=1), 0),
        )
    )
    for worker_id, starts_at, ends_at in rows:
        day = clock.to_local(starts_at).date()
        low, high = _seconds(clock.to_local(starts_at).time()), _seconds(clock.to_local(ends_at).time())
        # On a route the way is known; beside it, it is not.
        inside = any(out <= low and high <= back for out, back in found.get((worker_id, day), ()))
        if not inside:
            found[worker_id, day].append((low - WAY_SECONDS, high + WAY_SECONDS))
    return found


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second
