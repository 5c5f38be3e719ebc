"""Bringing a plan's rows of one day to what was agreed on since: the day page and the sheets show one truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.geo import haversine_m
from coordinator.planning.models import PlanRoute, PlanStop, RouteSheet
from coordinator.planning.queries.real_day import Place, end_of, leg, second_of, start_of, team_of
from coordinator.planning.services.routes import begin_route
from coordinator.planning.translate.keys import worker_key
from coordinator.planning.translate.people import DETOURS
from coordinator.planning.translate.roads import times_now
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


def follow_rows(visits: Iterable[Visit], day: date, why: str) -> None:
    """Put the stops of these visits where their people are now; a visit without people leaves its route. Flushes.

    A visit that no plan knows stays without a stop: the sheet prints it from the visit.
    """
    by_id = {visit.id: visit for visit in visits}
    rows = db.session.scalars(
        select(PlanStop).where(PlanStop.visit_id.in_(by_id)).order_by(PlanStop.id)
    ).all()
    groups: dict[tuple[int, int], list[PlanStop]] = defaultdict(list)
    for row in rows:
        groups[row.plan_id, row.visit_id or 0].append(row)
    touched: set[int] = set()
    for (plan_id, visit_id), mine in groups.items():
        touched |= {row.route_id for row in mine if row.route_id is not None}
        touched |= _place(plan_id, by_id[visit_id], mine, day, why)
    db.session.flush()
    for route_id in sorted(touched):
        _retime(route_id)
    db.session.flush()


def _place(plan_id: int, visit: Visit, mine: list[PlanStop], day: date, why: str) -> set[int]:
    """One row for each of the visit's people; returns the routes they are on."""
    team = sorted(team_of(visit), key=lambda one: (one.is_companion, one.id))
    if not team:
        first, *others = mine
        for row in others:
            db.session.delete(row)
        first.route_id = first.position = None
        first.arrival_seconds = first.start_seconds = first.end_seconds = None
        first.pinned = False
        first.reason, first.reason_detail = "not_possible_now", {"text": why}
        return set()
    routes = {one.worker_id: _route(plan_id, one.worker_id, day) for one in team}
    of_worker = {route.id: worker_id for worker_id, route in routes.items()}
    kept = {of_worker[row.route_id]: row for row in mine if row.route_id in of_worker}
    spare = [row for row in mine if row not in kept.values()]
    begin, end = second_of(visit.starts_at), second_of(visit.ends_at)
    for one in team:
        row = kept.get(one.worker_id) or (spare.pop(0) if spare else _copy(mine[0]))
        row.route_id, row.visit_id = routes[one.worker_id].id, visit.id
        row.position = row.position if row.position is not None else 0
        row.arrival_seconds, row.start_seconds, row.end_seconds = begin, begin, end
        row.is_companion, row.reason, row.reason_detail = one.is_companion, None, {}
    for row in spare:
        db.session.delete(row)
    return set(of_worker)


def _copy(row: PlanStop) -> PlanStop:
    """Another person's row of the same visit."""
    names = (
        "plan_id",
        "visit_key",
        "elder_id",
        "rule",
        "tier",
        "label",
        "period_from",
        "period_to",
        "people",
    )
    made = PlanStop(
        **{name: getattr(row, name) for name in names},
        needs_skills=list(row.needs_skills),
        reason_detail={},
        pinned=row.pinned,
    )
    db.session.add(made)
    return made


def _route(plan_id: int, worker_id: int, day: date) -> PlanRoute:
    """The worker's route of the day, else a new one with the next letter."""
    found: PlanRoute | None = db.session.scalar(
        select(PlanRoute).where(
            PlanRoute.plan_id == plan_id, PlanRoute.day == day, PlanRoute.worker_id == worker_id
        )
    )
    if found is not None:
        return found
    return begin_route(plan_id, worker_id, day)


def _retime(route_id: int) -> None:
    """Order, times and way of a route; an empty one goes unless a sheet was handed out for it."""
    route = db.session.get_one(PlanRoute, route_id, options=[joinedload(PlanRoute.worker)])
    stops = db.session.scalars(
        select(PlanStop)
        .where(PlanStop.route_id == route_id)
        .options(joinedload(PlanStop.elder).options(*without_secrets(), joinedload(Elder.household)))
        .order_by(PlanStop.start_seconds, PlanStop.id)
    ).all()
    if not stops:
        printed = db.session.scalar(select(RouteSheet.id).where(RouteSheet.route_id == route_id).limit(1))
        if printed is None:
            db.session.delete(route)
        return
    worker = route.worker
    places = _places(worker, stops)
    # An engine that is silent is then left alone: several routes do not wait for it one after the other.
    times = times_now([(worker_key(worker.id), place) for place in places], {worker.travel_mode.value})
    legs = [leg(worker, a, b, times) for a, b in pairwise(places)]
    free = (stops[0].start_seconds or 0) - legs[0]
    route.departure_seconds = free
    for position, (stop, way) in enumerate(zip(stops, legs, strict=False)):
        stop.position = position
        stop.arrival_seconds = min(stop.start_seconds or 0, free + way)
        free = stop.end_seconds or 0
    route.arrival_seconds = free + legs[-1]
    route.travel_seconds = sum(legs)
    metres = sum(haversine_m(*a, *b) for a, b in pairwise(places))
    route.travel_metres = round(metres * DETOURS[worker.travel_mode])


def _places(worker: Worker, stops: Sequence[PlanStop]) -> list[Place]:
    found = [start_of(worker)]
    for stop in stops:
        home = stop.elder.household
        if home.latitude is None or home.longitude is None:
            found.append(found[-1])
        else:
            found.append((home.latitude, home.longitude))
    return [*found, end_of(worker)]
