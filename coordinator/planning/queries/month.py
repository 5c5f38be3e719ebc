"""A month at a glance: days, what is left out and why, who carries how much. The number of queries is constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, distinct, func, or_, select
from sqlalchemy.orm import aliased

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.planning.models import Plan, PlanRoute, PlanStop
from coordinator.planning.reasons import OWN_REASONS, Names, reason_text, remedy_text, short_reason
from coordinator.planning.translate import worker_key
from coordinator.visits.queries import events_of
from coordinator.workforce.models import Worker

EIGHTHS = 8
FULL = 0.94
"""From this share of the day's capacity on a day is called full."""
BLOCKED = "blocked_"


@dataclass(slots=True)
class DayCell:
    """One day of the calendar. `load` is in eighths of what the people can do, None where nobody is planned."""

    day: date
    visits: int = 0
    people: int = 0
    approved: int = 0
    load: int | None = None
    full: bool = False
    short: int = 0
    event: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LeftRow:
    """A visit that was left out, in words. `short_on` is the day that lacks it, `movable` whether it may be planned
    by hand."""

    id: int
    elder_id: int
    elder: str
    place: str
    label: str
    is_key: bool
    period: tuple[date, date]
    reason: str
    reason_text: str
    remedies: tuple[str, ...]
    visit_id: int | None
    short_on: date
    movable: bool


@dataclass(slots=True)
class LeftGroup:
    """Visits left out for the same reason."""

    reason: str
    title: str
    rows: list[LeftRow] = field(default_factory=list)

    @property
    def remedies(self) -> list[tuple[str, int]]:
        """The remedies that help most, with how many visits each would help."""
        counts: dict[str, int] = defaultdict(int)
        for row in self.rows:
            for text in row.remedies[:1]:
                counts[text] += 1
        return sorted(counts.items(), key=lambda item: -item[1])[:2]


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """What one worker carries in the month."""

    worker_id: int
    name: str
    kind: str
    visits: int
    days: int
    out_seconds: int
    travel_seconds: int
    limit: int


@dataclass(slots=True)
class MonthView:
    """What the month page shows of a plan. `busiest_day` and `mean_day` are visits of one worker on one day,
    `drafted` visits on a route that are not approved."""

    cells: list[DayCell]
    groups: list[LeftGroup]
    blocked: LeftGroup | None
    loads: list[WorkerLoad]
    history: Sequence[Row[Any]]
    planned: int = 0
    left: int = 0
    pinned: int = 0
    drafted: int = 0

    busiest_day: int = 0
    mean_day: float = 0.0


def month_view(area: Area, month: date, plan: Plan | None) -> MonthView:
    """Calendar, reasons and loads of a plan; an empty calendar without one."""
    events = events_of(area, month, _last(month), below=False)
    cells = {day: DayCell(day) for day in _days(month)}
    for event in events:
        for day, cell in cells.items():
            if event.first_day <= day <= event.last_day:
                cell.event = event.name
    history = _history(area.id, month)
    if plan is None:
        return MonthView(list(cells.values()), [], None, [], history)
    _fill(cells, plan)
    groups, blocked = left_groups(plan)
    for group in groups:
        for row in group.rows:
            if row.short_on in cells and row.visit_id is None:
                cells[row.short_on].short += 1
    view = MonthView(
        cells=list(cells.values()), groups=groups, blocked=blocked, loads=_loads(plan), history=history
    )
    per_route = (
        select(func.count().label("n"))
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None))
        .group_by(PlanStop.route_id)
        .subquery()
    )
    view.planned, view.pinned, view.drafted, most, mean = db.session.execute(
        select(
            func.count(distinct(PlanStop.visit_key)).filter(PlanStop.route_id.is_not(None)),
            func.count(distinct(PlanStop.visit_key)).filter(PlanStop.pinned),
            func.count(distinct(PlanStop.visit_key)).filter(
                PlanStop.route_id.is_not(None), PlanStop.visit_id.is_(None)
            ),
            select(func.max(per_route.c.n)).scalar_subquery(),
            select(func.avg(per_route.c.n)).scalar_subquery(),
        ).where(PlanStop.plan_id == plan.id)
    ).one()
    view.left = sum(len(group.rows) for group in groups)
    view.busiest_day, view.mean_day = most or 0, float(mean or 0)
    return view


def left_groups(plan: Plan) -> tuple[list[LeftGroup], LeftGroup | None]:
    """What is not on a route by reason, the commonest first; and what is blocked, None where nothing is."""
    groups: dict[str, LeftGroup] = {}
    blocked = LeftGroup("blocked", "")
    for row in left_rows(plan):
        if row.reason.startswith(BLOCKED):
            blocked.rows.append(row)
        else:
            group = groups.setdefault(row.reason, LeftGroup(row.reason, short_reason(row.reason)))
            group.rows.append(row)
    found = sorted(groups.values(), key=lambda group: -len(group.rows))
    return found, blocked if blocked.rows else None


def _last(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _days(month: date) -> list[date]:
    return [month + timedelta(days=n) for n in range((_last(month) - month).days + 1)]


def _fill(cells: Mapping[date, DayCell], plan: Plan) -> None:
    rows = db.session.execute(
        select(
            PlanRoute.day,
            func.count(distinct(PlanStop.visit_key)),
            func.count(distinct(PlanRoute.worker_id)),
            func.count(distinct(PlanStop.visit_key)).filter(PlanStop.visit_id.is_not(None)),
            func.count(PlanStop.id),
        )
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id)
        .group_by(PlanRoute.day)
    )
    capacity = plan.detail.get("capacity", {})
    for day, visits, people, approved, places in rows:
        cell = cells.get(day)
        if cell is None:
            continue
        cell.visits, cell.people, cell.approved = visits, people, approved
        room = float(capacity.get(day.isoformat(), [0, 0])[0])
        share = places / room if room else 1.0
        cell.load = max(1, min(EIGHTHS, round(share * EIGHTHS)))
        cell.full = share >= FULL


def left_rows(plan: Plan) -> list[LeftRow]:
    """Everything that is not on a route, the most pressing first; two queries."""
    rows = db.session.execute(
        select(PlanStop, Elder.name, Area.name)
        .join(Elder, Elder.id == PlanStop.elder_id)
        .join(Area, Area.id == Elder.area_id)
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_(None))
        .order_by(PlanStop.period_to, Elder.name, PlanStop.id)
    ).all()
    names = _names([row[0] for row in rows], plan)
    found = []
    for stop, elder, place in rows:
        detail = stop.reason_detail.get("detail", {})
        remedies = [
            remedy_text(one["code"], one["detail"], names) for one in stop.reason_detail.get("remedies", ())
        ]
        if stop.reason in OWN_REASONS:
            remedies = [remedy_text(stop.reason, {}, names)]
        text = stop.reason_detail.get("text") or reason_text(stop.reason or "not_planned", detail, names)
        found.append(
            LeftRow(
                id=stop.id,
                elder_id=stop.elder_id,
                elder=elder,
                place=place,
                label=stop.label,
                is_key=stop.is_key,
                period=(stop.period_from, stop.period_to),
                reason=stop.reason or "not_planned",
                reason_text=text,
                remedies=tuple(remedies),
                visit_id=stop.visit_id,
                short_on=min(stop.period_to, _last(plan.month)),
                movable="!" not in stop.visit_key,
            )
        )
    return found


def _names(stops: Sequence[PlanStop], plan: Plan) -> Names:
    """Names of the workers and elders that reasons and remedies speak of."""
    keys: set[str] = set()
    for stop in stops:
        details = [stop.reason_detail.get("detail", {})]
        details += [one.get("detail", {}) for one in stop.reason_detail.get("remedies", ())]
        for detail in details:
            for name in ("worker", "second", "visit"):
                keys.add(str(detail.get(name, "")))
            keys |= {str(one) for one in detail.get("workers", ())}
    workers = {int(key[1:]) for key in keys if key.startswith("w") and key[1:].isdigit()}
    elders = {int(key[1:].partition("#")[0]) for key in keys if key.startswith("e")}
    people: dict[str, str] = {}
    if workers:
        people |= {
            worker_key(worker_id): name
            for worker_id, name in db.session.execute(
                select(Worker.id, Worker.name).where(Worker.id.in_(workers))
            )
        }
    if elders:
        people |= {
            f"e{elder_id}": name
            for elder_id, name in db.session.execute(select(Elder.id, Elder.name).where(Elder.id.in_(elders)))
        }
    return Names(people, date.fromisoformat(plan.detail.get("origin", plan.month.isoformat())))


def _loads(plan: Plan) -> list[WorkerLoad]:
    stops = (
        select(PlanStop.route_id, func.count().label("visits"))
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None))
        .group_by(PlanStop.route_id)
        .subquery()
    )
    routes = (
        select(
            PlanRoute.worker_id,
            func.sum(stops.c.visits).label("visits"),
            func.count().label("days"),
            func.sum(PlanRoute.arrival_seconds - PlanRoute.departure_seconds).label("out_seconds"),
            func.sum(PlanRoute.travel_seconds).label("travel_seconds"),
        )
        .join(stops, stops.c.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id)
        .group_by(PlanRoute.worker_id)
        .subquery()
    )
    workers: list[int] = plan.detail.get("workers", [])
    rows = db.session.execute(
        select(Worker.id, Worker.name, Worker.kind, Worker.max_visits_month, routes)
        .outerjoin(routes, routes.c.worker_id == Worker.id)
        .where(or_(Worker.id.in_(workers), routes.c.worker_id.is_not(None)))
        .order_by(func.coalesce(routes.c.out_seconds, 0).desc(), Worker.id)
    )
    return [
        WorkerLoad(
            row.id,
            row.name,
            row.kind.value,
            int(row.visits or 0),
            int(row.days or 0),
            int(row.out_seconds or 0),
            int(row.travel_seconds or 0),
            row.max_visits_month,
        )
        for row in rows
    ]


def _history(area_id: int, month: date) -> Sequence[Row[Any]]:
    creator, approver = aliased(User), aliased(User)
    return db.session.execute(
        select(
            Plan.id,
            Plan.state,
            Plan.created_at,
            Plan.approved_at,
            Plan.finished_at,
            Plan.based_on_id,
            Plan.score,
            Plan.error,
            creator.name.label("creator"),
            approver.name.label("approver"),
        )
        .outerjoin(creator, creator.id == Plan.created_by_id)
        .outerjoin(approver, approver.id == Plan.approved_by_id)
        .where(Plan.area_id == area_id, Plan.month == month)
        .order_by(Plan.id.desc())
        .limit(20)
    ).all()


def call_list(plan: Plan) -> list[tuple[int, str, str, date, date]]:
    """(elder id, name, rule, first day, last day) of obligations a call can meet and no planned visit meets."""
    calls = plan.detail.get("calls", [])
    if not calls:
        return []
    elder_ids = {elder_id for elder_id, *_ in calls}
    names = dict(db.session.execute(select(Elder.id, Elder.name).where(Elder.id.in_(elder_ids))).all())
    days: dict[int, set[date]] = defaultdict(set)
    for elder_id, day in db.session.execute(
        select(PlanStop.elder_id, PlanRoute.day)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id, PlanStop.elder_id.in_(elder_ids))
    ):
        days[elder_id].add(day)
    found = []
    for elder_id, label, first, last in calls:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        if not any(start <= day <= end for day in days[elder_id]):
            found.append((elder_id, names.get(elder_id, ""), label, start, end))
    return sorted(found, key=lambda row: (row[4], row[1]))
