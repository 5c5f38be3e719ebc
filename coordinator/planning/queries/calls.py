"""Who rings whom, on which day, about when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder, ElderStatus
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotFound
from coordinator.planning.models import Plan, PlanCall, PlanRoute
from coordinator.planning.queries.month import call_list
from coordinator.visits.lifecycle import ContactOutcome
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker, WorkerStatus

AGE_OF_MAJORITY = 18


def met_calls(calls: Iterable[PlanCall]) -> dict[int, date]:
    """Call id → day of the contact that met it, by whomever. A contact within the period counts; one query."""
    rows = list(calls)
    if not rows:
        return {}
    contacts: dict[int, list[date]] = defaultdict(list)
    met: Any = db.session.execute(
        select(Visit.elder_id, Visit.contact_on)
        .where(
            Visit.elder_id.in_({one.elder_id for one in rows}),
            Visit.contact_outcome == ContactOutcome.COMPLETED,
            Visit.contact_on.between(
                min(one.period_from for one in rows), max(one.period_to for one in rows)
            ),
        )
        .order_by(Visit.contact_on)
    )
    for elder_id, on in met:
        contacts[elder_id].append(on)
    found = {}
    for one in sorted(rows, key=lambda row: (row.period_to, row.id)):
        on = next((day for day in contacts[one.elder_id] if one.period_from <= day <= one.period_to), None)
        if on is not None:
            found[one.id] = on
    return found


@dataclass(slots=True)
class CallRow:
    """One call as the pages show it. `met_on`: the day of the contact, None while it is owed; `tried`: nobody
    answered so far; `clashes` with a route that was changed since; `late`: its day is over."""

    call: PlanCall
    met_on: date | None
    tried: bool = False
    clashes: bool = False
    late: bool = False


@dataclass(slots=True)
class PersonCalls:
    """One person's list, by day."""

    worker: Worker
    days: list[tuple[date, list[CallRow]]]

    @property
    def rows(self) -> list[CallRow]:
        return [row for _day, rows in self.days for row in rows]

    @property
    def done(self) -> int:
        return sum(row.met_on is not None for row in self.rows)


@dataclass(slots=True)
class Calls:
    """The calls of a plan. `left` has a reason each (code, rows); `fresh` are owed and not looked at yet: (elder
    id, name, rule, first day, last day)."""

    people: list[PersonCalls] = field(default_factory=list)
    left: list[tuple[str, list[CallRow]]] = field(default_factory=list)
    fresh: list[tuple[int, str, str, date, date]] = field(default_factory=list)

    @property
    def rows(self) -> list[CallRow]:
        return [row for one in self.people for row in one.rows] + [
            r for _code, rows in self.left for r in rows
        ]

    @property
    def total(self) -> int:
        return len(self.rows) + len(self.fresh)

    @property
    def given(self) -> int:
        return sum(len(one.rows) for one in self.people)

    @property
    def done(self) -> int:
        return sum(row.met_on is not None for row in self.rows)

    @property
    def clashes(self) -> int:
        return sum(row.clashes or row.late for row in self.rows)


def calls_of(plan: Plan) -> Calls:
    """Everybody's lists; six queries."""
    calls = db.session.scalars(
        select(PlanCall)
        .where(PlanCall.plan_id == plan.id)
        .options(
            joinedload(PlanCall.elder).options(*without_secrets(), joinedload(Elder.area)),
            joinedload(PlanCall.worker).load_only(Worker.name, Worker.kind),
        )
        .order_by(PlanCall.day, PlanCall.start_seconds, PlanCall.id)
    ).all()
    # A plan changed since may bring a visit now, or no longer: then the call stands or falls with it.
    owed = call_list(plan)
    needed = {(elder_id, last) for elder_id, _name, _label, _first, last in owed}
    met = met_calls(calls)
    routes: dict[tuple[int, date], tuple[int, int]] = {
        (row.worker_id, row.day): (row.departure_seconds, row.arrival_seconds)
        for row in db.session.execute(
            select(
                PlanRoute.worker_id, PlanRoute.day, PlanRoute.departure_seconds, PlanRoute.arrival_seconds
            ).where(PlanRoute.plan_id == plan.id)
        )
    }
    tried = _tried(calls)
    found = Calls()
    days: dict[int, dict[date, list[CallRow]]] = defaultdict(lambda: defaultdict(list))
    people: dict[int, Worker] = {}
    left: dict[str, list[CallRow]] = defaultdict(list)
    shown = []
    for call in calls:
        wanted = call.elder.status is ElderStatus.ACTIVE and (call.elder_id, call.period_to) in needed
        if not wanted and call.id not in met:
            continue
        shown.append(call)
        row = CallRow(call, met.get(call.id), tried=call.id in tried)
        if call.worker_id is None or call.day is None or call.worker is None:
            left[call.reason or "no_day"].append(row)
            continue
        people[call.worker_id] = call.worker
        if row.met_on is None:
            row.clashes = _clashes(call, routes.get((call.worker_id, call.day)))
            row.late = call.day < clock.today()
        days[call.worker_id][call.day].append(row)
    found.people = [
        PersonCalls(people[worker_id], list(by_day.items()))
        for worker_id, by_day in sorted(days.items(), key=lambda item: (people[item[0]].name, item[0]))
    ]
    found.left = sorted(left.items())
    have = {(call.elder_id, call.period_to) for call in shown}
    joined = {(call.elder_id, part) for call in shown for part in call.label.split("；")}
    found.fresh = [row for row in owed if (row[0], row[4]) not in have and (row[0], row[2]) not in joined]
    return found


def _clashes(call: PlanCall, route: tuple[int, int] | None) -> bool:
    if route is None or call.start_seconds is None:
        return False
    return route[0] < call.start_seconds + call.minutes * 60 and call.start_seconds < route[1]


def _tried(calls: Sequence[PlanCall]) -> set[int]:
    """Calls whose last tick was "no answer"."""
    ids = {one.visit_id for one in calls if one.visit_id is not None}
    if not ids:
        return set()
    missed = set(
        db.session.scalars(
            select(Visit.id).where(Visit.id.in_(ids), Visit.contact_outcome != ContactOutcome.COMPLETED)
        )
    )
    return {one.id for one in calls if one.visit_id in missed}


def load_call(plan: Plan, call_id: int) -> PlanCall:
    """One call of the plan; NotFound otherwise."""
    found: PlanCall | None = db.session.scalar(
        select(PlanCall)
        .where(PlanCall.id == call_id, PlanCall.plan_id == plan.id)
        .options(joinedload(PlanCall.elder).options(*without_secrets()))
    )
    if found is None:
        raise NotFound(_("没有找到这个电话。"), _("可能重新分配过了，请刷新页面。"))
    return found


def callers_in(area: Area, day: date) -> list[tuple[int, str]]:
    """(id, name) of the adults who serve the area, for choosing; one query."""
    above = [int(part) for part in area.path.split(".") if part]
    grown = day.replace(year=day.year - AGE_OF_MAJORITY, day=min(day.day, 28))
    rows = db.session.execute(
        select(Worker.id, Worker.name)
        .join(Area, Area.id == Worker.area_id)
        .where(
            Area.path.startswith(area.path) | Area.id.in_(above),
            Worker.status == WorkerStatus.APPROVED,
            Worker.birth_date <= grown,
        )
        .order_by(Worker.name, Worker.id)
    )
    return [(row.id, row.name) for row in rows]
