"""One day of a plan: routes with their stops, places for the map, what is left out and could be made that day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import distinct, func, select
from sqlalchemy.orm import joinedload

from coordinator.elders.doors import at_doors
from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.errors import NotFound
from coordinator.planning.labels import letter
from coordinator.planning.models import Plan, PlanRoute, PlanStop
from coordinator.planning.queries.month import BLOCKED, LeftRow, left_rows
from coordinator.planning.translate.week import LUNCH_SECONDS, LUNCH_WINDOW
from coordinator.workforce.models import Worker

HOUR = 3600
COLUMNS = 9
"""The lanes have nine columns; they hold an hour each, or more on a long day."""
EARLIEST = 8 * HOUR + HOUR // 2


@dataclass(slots=True)
class Axis:
    """The hours over the lanes."""

    start: int
    column: int

    def left(self, seconds: int) -> float:
        """Percent from the left for a time of day."""
        return round(100 * (seconds - self.start) / (self.column * COLUMNS), 3)

    def width(self, seconds: int) -> float:
        """Percent for a duration."""
        return round(100 * seconds / (self.column * COLUMNS), 3)

    @property
    def ticks(self) -> list[tuple[float, int]]:
        """(percent, seconds) of the column heads."""
        return [(round(100 * n / COLUMNS, 3), self.start + n * self.column) for n in range(COLUMNS)]


@dataclass(slots=True)
class Lane:
    """One worker's route with its stops in order and the people who come along."""

    route: PlanRoute
    stops: list[PlanStop]
    together: dict[int, list[str]] = field(default_factory=dict)

    @property
    def letter(self) -> str:
        """甲, 乙, 丙 …"""
        return letter(self.route.letter)

    @property
    def numbered(self) -> list[tuple[int, PlanStop]]:
        """The visits with the number of their stop: people at one address are one stop."""
        return list(at_doors(self.stops, lambda stop: stop.elder.household))

    @property
    def doors(self) -> dict[int, list[PlanStop]]:
        """The visits of each stop."""
        found: dict[int, list[PlanStop]] = {}
        for number, stop in self.numbered:
            found.setdefault(number, []).append(stop)
        return found

    @property
    def rest(self) -> tuple[int, int] | None:
        """The hour at noon that stays free between stops, as start and length; None when there is none."""
        free_from = self.route.departure_seconds
        for stop in [*self.stops, None]:
            until = self.route.arrival_seconds if stop is None else stop.start_seconds or 0
            begin = max(free_from, LUNCH_WINDOW[0])
            if begin <= LUNCH_WINDOW[1] and until - begin >= LUNCH_SECONDS:
                return begin, LUNCH_SECONDS
            free_from = (stop.end_seconds or 0) if stop is not None else free_from
        return None

    @property
    def approved(self) -> bool:
        """Whether everything on the route is a visit already."""
        return all(stop.visit_id is not None for stop in self.stops)


@dataclass(slots=True)
class DayView:
    """What the day page shows."""

    day: date
    lanes: list[Lane]
    left: list[LeftRow]
    days: list[tuple[date, int]]
    axis: Axis
    workers: list[tuple[int, str]]
    places: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def visits(self) -> int:
        """Visits on the routes; one of two people counts once."""
        return len({stop.visit_key for lane in self.lanes for stop in lane.stops})

    @property
    def drafts(self) -> int:
        """Visits not approved yet."""
        return len({stop.visit_key for lane in self.lanes for stop in lane.stops if stop.visit_id is None})

    @property
    def draft_people(self) -> int:
        """Workers an approval would tell."""
        return sum(any(stop.visit_id is None for stop in lane.stops) for lane in self.lanes)

    @property
    def neighbours(self) -> tuple[date | None, date | None]:
        """The day before and after that has routes."""
        before = [day for day, _ in self.days if day < self.day]
        after = [day for day, _ in self.days if day > self.day]
        return (before[-1] if before else None), (after[0] if after else None)


def day_view(plan: Plan, day: date) -> DayView:
    """A day of a plan in seven queries."""
    routes = db.session.scalars(
        select(PlanRoute)
        .where(PlanRoute.plan_id == plan.id, PlanRoute.day == day)
        .options(joinedload(PlanRoute.worker))
        .order_by(PlanRoute.letter)
    ).all()
    stops = db.session.scalars(
        select(PlanStop)
        .where(PlanStop.route_id.in_([route.id for route in routes]))
        .options(_elder())
        .order_by(PlanStop.route_id, PlanStop.position)
    ).all()
    lanes = {route.id: Lane(route, []) for route in routes}
    people: dict[str, list[int]] = {}
    for stop in stops:
        lanes[stop.route_id or 0].stops.append(stop)
        people.setdefault(stop.visit_key, []).append(stop.route_id or 0)
    for stop in stops:
        others = [lanes[one].route.worker.name for one in people[stop.visit_key] if one != stop.route_id]
        if others:
            lanes[stop.route_id or 0].together[stop.id] = others
    left = [
        row
        for row in left_rows(plan)
        if row.period[0] <= day <= row.period[1] and not row.reason.startswith(BLOCKED)
    ]
    days = db.session.execute(
        select(PlanRoute.day, func.count(distinct(PlanStop.visit_key)))
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id)
        .group_by(PlanRoute.day)
        .order_by(PlanRoute.day)
    )
    used = [lane for lane in lanes.values() if lane.stops]
    view = DayView(
        day=day,
        lanes=used,
        left=left,
        days=[(one, count) for one, count in days],
        axis=_axis([lane.route for lane in used]),
        workers=workers_of(plan),
    )
    view.places = _places([row.elder_id for row in left])
    return view


def load_stop(plan: Plan, stop_id: int) -> PlanStop:
    """A stop of the plan with its elder and route; NotFound otherwise."""
    stop = db.session.scalar(
        select(PlanStop)
        .where(PlanStop.id == stop_id, PlanStop.plan_id == plan.id)
        .options(_elder(), joinedload(PlanStop.route).joinedload(PlanRoute.worker))
    )
    if stop is None:
        raise NotFound(_("没有找到这一次。"), _("计划可能刚被改过，请刷新页面。"))
    return stop


def load_route(plan: Plan, route_id: int) -> PlanRoute:
    """A route of the plan; NotFound otherwise."""
    route = db.session.scalar(select(PlanRoute).where(PlanRoute.id == route_id, PlanRoute.plan_id == plan.id))
    if route is None:
        raise NotFound(_("没有找到这条路线。"), _("计划可能刚被改过，请刷新页面。"))
    return route


def _elder() -> Any:
    return joinedload(PlanStop.elder).options(*without_secrets(), joinedload(Elder.household))


def workers_of(plan: Plan) -> list[tuple[int, str]]:
    """(id, name) of everybody in the plan, by name."""
    workers: list[int] = plan.detail.get("workers", [])
    return [
        (worker_id, name)
        for worker_id, name in db.session.execute(
            select(Worker.id, Worker.name).where(Worker.id.in_(workers)).order_by(Worker.name, Worker.id)
        )
    ]


def _places(elder_ids: list[int]) -> dict[int, tuple[float, float]]:
    if not elder_ids:
        return {}
    rows = db.session.scalars(
        select(Elder).where(Elder.id.in_(elder_ids)).options(*without_secrets(), joinedload(Elder.household))
    )
    return {
        elder.id: (elder.household.latitude, elder.household.longitude)
        for elder in rows
        if elder.household.latitude is not None and elder.household.longitude is not None
    }


def _axis(routes: list[PlanRoute]) -> Axis:
    start = min([EARLIEST, *(route.departure_seconds for route in routes)]) // (HOUR // 2) * (HOUR // 2)
    end = max([start + COLUMNS * HOUR, *(route.arrival_seconds for route in routes)])
    column = HOUR
    while start + COLUMNS * column < end:
        column += HOUR // 2
    return Axis(start, column)
