"""Several plans of one month side by side. The number of queries is constant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import cos, radians

from sqlalchemy import distinct, func, select

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop
from coordinator.planning.queries.month import BLOCKED
from coordinator.planning.translate import Options
from coordinator.workforce.models import Worker

WIDTH, HEIGHT, MARGIN = 320.0, 200.0, 14.0
"""Of a small map, in its own units."""
Place = tuple[float, float]


@dataclass(slots=True)
class Line:
    """One route on a small map: `points` as an SVG polyline, `stops` where the homes are."""

    letter: int
    points: str
    stops: list[Place]


@dataclass(slots=True)
class Choice:
    """One of the plans. `same_share` is the share of visits by the person the elder knows, None where nobody is
    known; `busiest` and `mean` are visits in the month of one worker who may be planned."""

    plan: Plan
    options: Options
    made: int = 0
    missing: int = 0
    statutory_missing: int = 0
    travel_seconds: int = 0
    same_share: float | None = None
    busiest: int = 0
    mean: float = 0.0
    used: int = 0
    workers: int = 0
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Choices:
    """All of them with the day whose routes are drawn. `to_come` plans are not begun yet, `taken` is the one that
    was chosen."""

    rows: list[Choice]
    running: Plan | None
    to_come: int
    taken: int | None
    day: date | None


def choices_of(group: Sequence[Plan]) -> Choices:
    """Figures and routes of the plans in a group; four queries."""
    first = group[0]
    ready = [plan for plan in group if plan.score]
    rows = {
        plan.id: Choice(plan, Options.from_dict(plan.detail.get("options", {})), **_of_score(plan))
        for plan in ready
    }
    _count(rows)
    _load(rows)
    day = _example_day(ready[0].id) if ready else None
    if day is not None:
        _draw(rows, day)
    return Choices(
        rows=list(rows.values()),
        running=next((p for p in group if p.state in (PlanState.QUEUED, PlanState.SOLVING)), None),
        to_come=len(first.detail.get("to_come", ())),
        taken=first.detail.get("taken"),
        day=day,
    )


def _of_score(plan: Plan) -> dict[str, object]:
    return {
        "travel_seconds": int(plan.score.get("travel_seconds", 0)),
        "same_share": plan.score.get("continuity"),
        "statutory_missing": int(plan.score.get("unserved_statutory", 0)),
        "workers": len(plan.detail.get("workers", ())),
    }


def _count(rows: dict[int, Choice]) -> None:
    on_route = PlanStop.route_id.is_not(None)
    for plan_id, made, missing in db.session.execute(
        select(
            PlanStop.plan_id,
            func.count(distinct(PlanStop.visit_key)).filter(on_route),
            func.count().filter(~on_route, ~PlanStop.reason.startswith(BLOCKED)),
        )
        .where(PlanStop.plan_id.in_(list(rows)))
        .group_by(PlanStop.plan_id)
    ):
        rows[plan_id].made, rows[plan_id].missing = made, missing


def _load(rows: dict[int, Choice]) -> None:
    loads: dict[int, list[int]] = defaultdict(list)
    for plan_id, _worker, visits in db.session.execute(
        select(PlanRoute.plan_id, PlanRoute.worker_id, func.count())
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id.in_(list(rows)))
        .group_by(PlanRoute.plan_id, PlanRoute.worker_id)
    ):
        loads[plan_id].append(visits)
    for plan_id, row in rows.items():
        mine = loads[plan_id]
        row.used = len(mine)
        row.busiest = max(mine, default=0)
        row.mean = sum(mine) / max(1, row.workers, len(mine))


def _example_day(plan_id: int) -> date | None:
    """The day with most visits."""
    return db.session.scalar(
        select(PlanRoute.day)
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan_id)
        .group_by(PlanRoute.day)
        .order_by(func.count().desc(), PlanRoute.day)
        .limit(1)
    )


def _draw(rows: dict[int, Choice], day: date) -> None:
    """The routes of a day as lines between doors, all plans on the same scale."""
    found = db.session.execute(
        select(
            PlanRoute.plan_id,
            PlanRoute.letter,
            Worker.start_latitude,
            Worker.start_longitude,
            Household.latitude,
            Household.longitude,
        )
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .join(Worker, Worker.id == PlanRoute.worker_id)
        .join(Elder, Elder.id == PlanStop.elder_id)
        .join(Household, Household.id == Elder.household_id)
        .where(PlanRoute.plan_id.in_(list(rows)), PlanRoute.day == day, Household.latitude.is_not(None))
        .order_by(PlanRoute.plan_id, PlanRoute.letter, PlanStop.position)
    ).all()
    if not found:
        return
    homes = [(lat, lon) for *_rest, lat, lon in found]
    starts = [(lat, lon) for _plan, _letter, lat, lon, *_home in found]
    frame = _Frame([*homes, *starts])
    routes: dict[tuple[int, int], list[Place]] = {}
    for plan_id, letter, start_lat, start_lon, lat, lon in found:
        routes.setdefault((plan_id, letter), [(start_lat, start_lon)]).append((lat, lon))
    for (plan_id, letter), places in routes.items():
        drawn = [frame.at(place) for place in [*places, places[0]]]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        rows[plan_id].lines.append(Line(letter, points, drawn[1:-1]))


class _Frame:
    """Where a place lies on the small map."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.south, self.west = (min(place[axis] for place in places) for axis in (0, 1))
        north, east = (max(place[axis] for place in places) for axis in (0, 1))
        self.squeeze = cos(radians(self.south))
        wide, high = max(1e-5, (east - self.west) * self.squeeze), max(1e-5, north - self.south)
        self.scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
        self.left = (WIDTH - wide * self.scale) / 2
        self.top = (HEIGHT + high * self.scale) / 2

    def at(self, place: Place) -> Place:
        """Left and top."""
        lat, lon = place
        return (
            self.left + (lon - self.west) * self.squeeze * self.scale,
            self.top - (lat - self.south) * self.scale,
        )
