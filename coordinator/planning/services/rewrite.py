"""Bringing the rows of a draft to a rearranged plan; only the touched routes change."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

import routing
from coordinator.extensions import db
from coordinator.planning.draft import Draft, Key, Ways
from coordinator.planning.models import PlanRoute, PlanStop, RouteSheet
from coordinator.planning.services.preview import matched
from coordinator.planning.services.rearrange import Change, Target
from coordinator.planning.services.routes import begin_route
from coordinator.planning.translate import read_key

ABOUT = ("rule", "tier", "label", "period_from", "period_to")
"""What a row says of the obligation its visit serves."""

Item = tuple[str, int]


def rewrite(change: Change, stop: PlanStop, target: Target | None) -> None:
    """Write a change; without a target the visit was taken off. Flushes."""
    draft = change.draft
    rows: dict[tuple[Item, Key], PlanStop] = {
        (read_key(row.visit_key), draft.key_of[row.route_id]): row
        for row in draft.stops
        if row.route_id is not None and row.visit_key != stop.visit_key
    }
    for row in change.dropped:
        db.session.delete(row)
        draft.stops.remove(row)
    if target is None:
        stop.route_id = stop.position = stop.arrival_seconds = stop.start_seconds = stop.end_seconds = None
        stop.reason, stop.reason_detail, stop.pinned = "not_planned", {}, False
    else:
        # A day has one visit of an elder at most, so that the elder finds the row of a visit the engine renumbers.
        item, to = read_key(stop.visit_key), draft.index(target.day)
        rows[item, (target.worker_id, to)] = stop
        for worker_id, row in change.beside.items():
            rows[item, (worker_id, to)] = row if row is not None else _copy(draft, stop)
    db.session.flush()
    ways = Ways(draft.scenario)
    for route in change.plan.routes:
        key = read_key(route.worker)[1], route.day
        if key in change.touched:
            _write_route(draft, route, key, rows, ways)
        else:
            for made in route.stops:
                if not made.visit.startswith("h"):
                    rows[read_key(made.visit), key].visit_key = made.visit
    _settle(draft, stop, target)
    for key in change.touched:
        if not any(not name.startswith("h") for name in change.orders.get(key, ())):
            _drop(draft, key)
    draft.plan.score = change.report.score.to_dict()
    db.session.flush()
    db.session.expire(draft.plan, ["routes", "stops"])


def _copy(draft: Draft, stop: PlanStop) -> PlanStop:
    """A second person's row of the same visit."""
    row = PlanStop(
        plan_id=stop.plan_id,
        visit_key=stop.visit_key,
        elder_id=stop.elder_id,
        people=stop.people,
        needs_skills=list(stop.needs_skills),
        reason_detail={},
        pinned=stop.pinned,
        reason="not_planned",
        **{name: getattr(stop, name) for name in ABOUT},
    )
    db.session.add(row)
    draft.stops.append(row)
    return row


def _write_route(
    draft: Draft, route: routing.Route, key: Key, rows: Mapping[tuple[Item, Key], PlanStop], ways: Ways
) -> None:
    worker = draft.scenario.worker_of[route.worker]
    row = draft.routes.get(key) or _new_route(draft, key)
    way = ways.of(worker, [made.visit for made in route.stops])
    row.departure_seconds, row.arrival_seconds = route.departure, route.arrival
    row.travel_seconds, row.travel_metres = way.seconds, way.metres
    mine = [made for made in route.stops if not made.visit.startswith("h")]
    for position, made in enumerate(mine):
        at = rows[read_key(made.visit), key]
        at.route_id, at.position, at.visit_key = row.id, position, made.visit
        at.arrival_seconds, at.start_seconds, at.end_seconds = made.arrival, made.start, made.end
        at.reason, at.reason_detail = None, {}
        at.is_companion = worker.companion_of_adult


def _settle(draft: Draft, stop: PlanStop, target: Target | None) -> None:
    """Visits left out take the numbers left over; each row names the obligation its day serves."""
    mine = [row for row in draft.stops if row.elder_id == stop.elder_id and row.visit_key.startswith("e")]
    made = {row.visit_key for row in mine if row.route_id is not None}
    elder = draft.scenario.visit_of(stop.visit_key)
    count = elder.count if isinstance(elder, routing.scenario.Elder) else 1
    names = (f"e{stop.elder_id}#{number}" for number in range(1, count + 1))
    free = [name for name in names if name not in made]
    absent = sorted((row for row in mine if row.route_id is None), key=lambda row: row.id)
    for row, name in zip(absent, free, strict=True):
        row.visit_key = name
    if target is None:
        return
    days = {
        row.visit_key: draft.day(draft.key_of[row.route_id][1]) for row in mine if row.route_id is not None
    }
    fitting = matched(mine, list(days.values()))
    assert fitting is not None, "the preview has refused days that serve nothing"
    values = {row.visit_key: {name: getattr(row, name) for name in ABOUT} for row in mine}
    serves = {key: fitting[day].visit_key for key, day in days.items()}
    rest = [key for key in values if key not in serves.values()]
    serves |= dict(zip((key for key in values if key not in days), rest, strict=True))
    for row in mine:
        for name, value in values[serves[row.visit_key]].items():
            setattr(row, name, value)


def _new_route(draft: Draft, key: Key) -> PlanRoute:
    """A route with the day's next free letter."""
    row = begin_route(draft.plan.id, key[0], draft.day(key[1]))
    draft.routes[key] = row
    draft.key_of[row.id] = key
    return row


def _drop(draft: Draft, key: Key) -> None:
    """An empty route goes, unless a sheet was printed for it: numbers are never given twice."""
    row = draft.routes.get(key)
    if row is None:
        return
    printed = db.session.scalar(select(RouteSheet.id).where(RouteSheet.route_id == row.id).limit(1))
    if printed is None:
        db.session.flush()
        db.session.delete(row)
        db.session.flush()
