"""Weighing: travel before and after, and the printed sheets that become void."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select

import routing
from coordinator.extensions import db
from coordinator.planning.models import PlanRoute, RouteSheet
from coordinator.planning.queries.real_day import (
    Place,
    RealDay,
    end_of,
    leg,
    place_of,
    second_of,
    start_of,
    team_of,
)
from coordinator.planning.services.repair.steps import Kind, Proposal
from coordinator.planning.translate.mending import Scene, Wanted
from coordinator.visits.models import Visit


def weigh(
    found: Proposal, sight: Scene, made: routing.Repair, kept: Sequence[Visit], wanted: Sequence[Wanted]
) -> None:
    """Travel before and after, of everybody who is in the scene or away."""
    real = found.real
    before: dict[int, list[tuple[int, Place]]] = defaultdict(list)
    for visit in (*kept, *(one.visit for one in wanted if one.visit is not None)):
        for one in team_of(visit):
            if one.worker_id not in sight.apart:
                place = place_of(visit) or start_of(real.workers[one.worker_id])
                before[one.worker_id].append((second_of(visit.starts_at), place))
    for step in found.steps:
        if step.visit is not None and step.kind is Kind.CANCEL:
            for worker_id, _companion in step.before:
                before[worker_id].append((step.start_before or 0, place_of(step.visit) or (0.0, 0.0)))
    after: dict[int, list[tuple[int, Place]]] = defaultdict(list)
    for route in made.plan.routes:
        for stop in route.stops:
            item = made.scenario.visit_of(stop.visit)
            if item is not None:
                after[int(route.worker[1:])].append((stop.start, item.loc))
    found.travel_before, found.travel_after = _travel(real, before), _travel(real, after)


def _travel(real: RealDay, stops: Mapping[int, Sequence[tuple[int, Place]]]) -> int:
    total = 0
    for worker_id, rows in stops.items():
        worker, at = real.workers[worker_id], real.posts[worker_id].place
        for _start, place in sorted(rows):
            total += leg(worker, at, place, real.times)
            at = place
        total += leg(worker, at, end_of(worker), real.times)
    return total


def count_sheets(found: Proposal) -> None:
    """Printed sheets of the people whose day changes; one query."""
    ids = [worker.id for worker in found.told]
    if not ids:
        return
    rows = db.session.execute(
        select(RouteSheet.number, PlanRoute.worker_id)
        .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
        .where(
            PlanRoute.day == found.trouble.day,
            PlanRoute.worker_id.in_(ids),
            RouteSheet.voided_at.is_(None),
        )
        .order_by(RouteSheet.number)
    )
    found.sheets = [(number, found.real.workers[worker_id].name) for number, worker_id in rows]
