"""Between rows and the engine's plan: writing a finished plan, and reading one back to change it by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import delete, insert, select

import routing
from coordinator.extensions import db
from coordinator.kernel.geo import haversine_m
from coordinator.planning.models import Plan, PlanRoute, PlanStop
from coordinator.planning.translate import Translation, elder_key, read_key, worker_key
from coordinator.planning.translate.needs import need_on
from coordinator.planning.translate.people import DETOURS
from coordinator.planning.translate.roads import read as read_scenario
from coordinator.workforce.models import TravelMode

Place = tuple[float, float]
Key = tuple[int, int]
"""Worker id and day index."""


@dataclass(frozen=True, slots=True)
class Way:
    """A route's way: seconds as the plan counts them, metres estimated from straight lines."""

    seconds: int
    metres: int


class Ways:
    """Travel of routes in a scenario, leg by leg as the checker counts it."""

    def __init__(self, scenario: routing.Scenario) -> None:
        self.scenario = scenario
        self.speed = {mode: kmh / 3.6 for mode, kmh in scenario.speed_kmh}
        self.tables = {} if scenario.matrix is None else dict(scenario.matrix.seconds)

    def of(self, worker: routing.scenario.Worker, visits: Iterable[str]) -> Way:
        """The way from the worker's start through the visits to the end."""
        made = [visit for name in visits if (visit := self.scenario.visit_of(name)) is not None]
        places = [worker.start, *(visit.loc for visit in made), worker.end]
        straight = [haversine_m(*a, *b) for a, b in pairwise(places)]
        metres = round(sum(straight) * DETOURS[TravelMode(worker.mode)])
        if self.scenario.matrix is not None:
            table = self.tables[worker.mode]
            at = [worker.start_index or 0, *(visit.loc_index or 0 for visit in made), worker.end_index or 0]
            return Way(sum(table[a][b] for a, b in pairwise(at)), metres)
        speed = self.speed[worker.mode]
        return Way(sum(round(one * self.scenario.detour / speed) for one in straight), metres)


def write_plan(
    plan: Plan,
    translation: Translation,
    scenario: routing.Scenario,
    solved: routing.Plan,
    why: Sequence[routing.Explanation],
    pinned: Iterable[tuple[int, date]],
) -> None:
    """Replace the rows of a plan by a solved one. Flushes.

    `pinned` are (elder id, day) of visits that the coordinator had fixed.
    """
    span = translation.span
    db.session.execute(delete(PlanStop).where(PlanStop.plan_id == plan.id))
    db.session.execute(delete(PlanRoute).where(PlanRoute.plan_id == plan.id))
    fixed = set(pinned)
    ways = Ways(scenario)
    by_day: dict[int, list[routing.Route]] = defaultdict(list)
    for route in solved.routes:
        if any(not stop.visit.startswith("h") for stop in route.stops):
            by_day[route.day].append(route)
    served = _served(translation, solved)
    order: list[routing.Route] = []
    rows: list[dict[str, Any]] = []
    for index, routes in sorted(by_day.items()):
        routes.sort(key=lambda route: (route.departure, read_key(route.worker)[1]))
        for letter, route in enumerate(routes):
            way = ways.of(scenario.worker_of[route.worker], [stop.visit for stop in route.stops])
            order.append(route)
            rows.append(
                {
                    "plan_id": plan.id,
                    "worker_id": read_key(route.worker)[1],
                    "day": span.day(index),
                    "letter": letter,
                    "departure_seconds": route.departure,
                    "arrival_seconds": route.arrival,
                    "travel_seconds": way.seconds,
                    "travel_metres": way.metres,
                }
            )
    stops: list[dict[str, Any]] = []
    for route_id, route in zip(_insert_routes(rows), order, strict=True):
        worker, day = scenario.worker_of[route.worker], span.day(route.day)
        for position, stop in enumerate(route.stops):
            visit = scenario.visit_of(stop.visit)
            assert visit is not None, "the checker has accepted the plan"
            stops.append(
                _about(translation, served, stop.visit)
                | {
                    "route_id": route_id,
                    "position": position,
                    "arrival_seconds": stop.arrival,
                    "start_seconds": stop.start,
                    "end_seconds": stop.end,
                    "is_companion": worker.companion_of_adult,
                    "people": visit.people,
                    "needs_skills": list(visit.skills),
                    "pinned": (read_key(stop.visit)[1], day) in fixed,
                }
            )
    reason_of = {one.visit: one for one in why}
    for left in solved.unassigned:
        if not left.visit.startswith("e"):
            continue
        visit = scenario.visit_of(left.visit)
        assert visit is not None, "the checker has accepted the plan"
        found = reason_of.get(left.visit)
        stops.append(
            _about(translation, served, left.visit)
            | {
                "people": visit.people,
                "needs_skills": list(visit.skills),
                "reason": found.reason if found else left.reason,
                "reason_detail": {
                    "detail": dict(found.detail if found else left.detail),
                    "remedies": [
                        {"code": one.code, "detail": dict(one.detail)}
                        for one in (found.remedies if found else ())
                    ],
                },
            }
        )
    stops += [
        {
            "visit_key": f"{elder_key(left.elder_id)}!{number}",
            "elder_id": left.elder_id,
            "rule": left.rule,
            "tier": left.tier,
            "label": left.label,
            "period_from": left.period_from,
            "period_to": left.period_to,
            "reason": left.reason,
            "reason_detail": {},
        }
        for number, left in enumerate(translation.left)
    ]
    _insert_stops(plan.id, stops)


_DEFAULTS: dict[str, Any] = {
    "route_id": None,
    "position": None,
    "arrival_seconds": None,
    "start_seconds": None,
    "end_seconds": None,
    "is_companion": False,
    "pinned": False,
    "people": 1,
    "needs_skills": [],
    "reason": None,
    "reason_detail": {},
    "visit_id": None,
}


def _insert_routes(rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """All routes in one statement; their ids in the same order."""
    if not rows:
        return []
    statement = insert(PlanRoute).returning(PlanRoute.id, sort_by_parameter_order=True)
    return db.session.scalars(statement, rows).all()


def _insert_stops(plan_id: int, stops: Sequence[Mapping[str, Any]]) -> None:
    if stops:
        db.session.execute(insert(PlanStop), [{**_DEFAULTS, **stop, "plan_id": plan_id} for stop in stops])
    db.session.expire_all()


def _served(translation: Translation, solved: routing.Plan) -> dict[str, int]:
    """Visit id → which of the elder's needs it serves; visits not made take the needs left over."""
    days: dict[int, dict[str, int]] = defaultdict(dict)
    for route in solved.routes:
        for stop in route.stops:
            kind, number = read_key(stop.visit)
            if kind == "e":
                days[number][stop.visit] = route.day
    absent: dict[int, list[str]] = defaultdict(list)
    for left in solved.unassigned:
        kind, number = read_key(left.visit)
        if kind == "e":
            absent[number].append(left.visit)
    found: dict[str, int] = {}
    for elder_id, one in translation.needs.items():
        made = sorted(days[elder_id].items(), key=lambda item: item[1])
        numbers = need_on(one.needs, [day for _, day in made])
        assert numbers is not None, "permitted patterns hold one day of every need"
        found |= {name: number for (name, _), number in zip(made, numbers, strict=True)}
        rest = [number for number in range(len(one.needs)) if number not in numbers]
        found |= dict(zip(sorted(absent[elder_id]), rest, strict=True))
    return found


def _about(translation: Translation, served: Mapping[str, int], name: str) -> dict[str, Any]:
    """What a stop's row says of the obligation behind it."""
    kind, number = read_key(name)
    if kind == "v":
        visit = translation.given[f"v{number}"]
        day = translation.span.first
        return {
            "visit_key": name,
            "elder_id": visit.elder_id,
            "rule": visit.rule or "",
            "tier": None,
            "label": "",
            "period_from": visit.period_from or day,
            "period_to": visit.period_to or day,
            "visit_id": visit.id,
        }
    need = translation.needs[number].needs[served[name]]
    return {
        "visit_key": name,
        "elder_id": number,
        "rule": need.rule,
        "tier": need.tier,
        "label": need.label,
        "period_from": need.period_from,
        "period_to": need.period_to,
    }


# --- reading back ----------------------------------------------------------------------------------------


class Draft:
    """A stored plan as the engine sees it, to be rearranged. Three queries."""

    def __init__(self, plan: Plan) -> None:
        if plan.scenario is None:
            raise ValueError("the plan was never solved")
        self.plan = plan
        # Days are judged by the obligations' periods, so one set of days an elder is enough and quick to read.
        elders = [one | {"patterns": one["patterns"][:1]} for one in plan.scenario["elders"]]
        self.scenario = read_scenario(plan.scenario | {"elders": elders})
        self.origin = date.fromisoformat(plan.detail["origin"])
        self.routes = {
            (row.worker_id, self.index(row.day)): row
            for row in db.session.scalars(select(PlanRoute).where(PlanRoute.plan_id == plan.id))
        }
        self.stops = [
            row
            for row in db.session.scalars(
                select(PlanStop)
                .where(PlanStop.plan_id == plan.id)
                .order_by(PlanStop.route_id, PlanStop.position, PlanStop.id)
            )
            if "!" not in row.visit_key
        ]
        self.key_of = {row.id: key for key, row in self.routes.items()}

    def index(self, day: date) -> int:
        """Day index of a day."""
        return (day - self.origin).days

    def day(self, index: int) -> date:
        """The day of an index."""
        return self.origin + timedelta(days=index)

    def orders(self) -> dict[Key, list[str]]:
        """Visit ids by worker and day in the stored order, the earlier visits of the first week included."""
        found: dict[Key, list[str]] = defaultdict(list)
        for row in self.stops:
            if row.route_id is not None:
                found[self.key_of[row.route_id]].append(row.visit_key)
        for pin in self.scenario.pinned:
            if pin.visit.startswith("h") and pin.day is not None:
                found[read_key(pin.worker)[1], pin.day].append(pin.visit)
        return found

    def one_day(self, key: Key, names: Sequence[str]) -> routing.Scenario:
        """One worker's day by itself, with these visits: small enough to try every order."""
        scenario = self.scenario
        worker = scenario.worker_of[worker_key(key[0])]
        visits = []
        for name in names:
            visit = scenario.visit_of(name)
            assert visit is not None, "names come from the scenario"
            visits.append(
                routing.scenario.Visit(
                    name,
                    visit.loc,
                    visit.duration,
                    visit.window,
                    excluded=visit.excluded,
                    loc_index=visit.loc_index,
                )
            )
        shift = scenario.shift_of(worker, key[1]) or worker.shift
        return replace(
            scenario,
            kind="day",
            visits=tuple(visits),
            workers=(replace(worker, shift=shift),),
            pinned=(),
            days=1,
            weekday_of_day=(0,),
        )

    def timed(self, orders: Mapping[Key, Sequence[str]]) -> tuple[routing.Plan, routing.Report]:
        """The plan with times, and what the checker says about it."""
        named = {(worker_key(worker), day): list(names) for (worker, day), names in orders.items() if names}
        plan = routing.schedule(self.scenario, named)
        return plan, routing.check(self.scenario, plan)

    def solved(self) -> routing.Plan:
        """The stored plan without the earlier visits, with its stored times: a beginning for another run."""
        by_route: dict[int, list[routing.Stop]] = defaultdict(list)
        for row in self.stops:
            if row.route_id is not None and row.arrival_seconds is not None:
                assert row.start_seconds is not None, "stops on a route have times"
                assert row.end_seconds is not None, "stops on a route have times"
                by_route[row.route_id].append(
                    routing.Stop(row.visit_key, row.arrival_seconds, row.start_seconds, row.end_seconds)
                )
        routes = tuple(
            routing.Route(
                worker_key(worker),
                day,
                row.departure_seconds,
                row.arrival_seconds,
                tuple(by_route[row.id]),
            )
            for (worker, day), row in sorted(self.routes.items())
            if by_route[row.id]
        )
        return routing.Plan(scenario=self.scenario.name, routes=routes)
