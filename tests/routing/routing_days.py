"""A made-up town day with every kind of limit in it, of any size."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from routing import Plan, Scenario
from routing.construct import construct
from routing.draft import checked
from routing.model import Model
from routing.plan import Unassigned
from routing.state import State
from tests.routing.routing_scenarios import day, visit, worker

SKILLS = ["nursing", "psych", "legal", "rehab"]


def town(seed: int, visits: int, workers: int, **over: Any) -> dict[str, Any]:
    """Return a day: some pairs, minors, breaks, radius, loads, exclusions; about `visits`/`workers` each."""
    rng = Random(seed)

    def place() -> list[float]:
        return [round(31.0 + rng.gauss(0, 0.012), 6), round(121.0 + rng.gauss(0, 0.012), 6)]

    staff = []
    for number in range(workers):
        home = place()
        person = worker(
            f"w{number}",
            start=home,
            end=home,
            mode=rng.choice(["walk", "bike", "car"]),
            shift=rng.choice([[28800, 61200], [30600, 43200], [46800, 64800]]),
            max_visits=rng.choice([3, 4, 6]),
            skills=rng.sample(SKILLS, rng.choice([0, 1, 2])),
        )
        kind = rng.random()
        if kind < 0.2:
            person |= {"breaks": [{"window": [41400, 46800], "duration": 2700}], "shift": [28800, 61200]}
        elif kind < 0.3:
            person |= {"companion_of_adult": True}
        elif kind < 0.4:
            person |= {"radius_m": 2500}
        elif kind < 0.5:
            person |= {"max_route_seconds": 4 * 3600}
        elif kind < 0.6:
            person |= {"capacity": 6}
        staff.append(person)
    return day(
        [
            visit(
                f"v{number}",
                loc=place(),
                duration=rng.choice([1200, 1800, 2700]),
                window=rng.choice([[28800, 61200], [28800, 41400], [46800, 61200], [34200, 36000]]),
                priority=rng.choice([1, 1, 2, 4]),
                statutory=rng.random() < 0.4,
                skills=rng.sample(SKILLS, 1) if rng.random() < 0.25 else [],
                preferred=[f"w{rng.randrange(workers)}"] if rng.random() < 0.3 else [],
                excluded=[f"w{rng.randrange(workers)}"] if rng.random() < 0.1 else [],
                people=2 if rng.random() < 0.08 else 1,
                load=rng.choice([0, 0, 0, 2]),
            )
            for number in range(visits)
        ],
        staff,
        **over,
    )


def built(scenario: Scenario) -> Plan:
    """Return the first plan there is, without any search: what is asked about plans needs no better one."""
    model = Model(scenario)
    state = State(model)
    construct(model, state)
    return checked(model, state)[0]


def without(plan: Plan, name: str) -> Plan:
    """Take a visit off a plan and leave every time as it is."""
    routes = tuple(
        replace(route, stops=tuple(stop for stop in route.stops if stop.visit != name))
        for route in plan.routes
    )
    left = (*plan.unassigned, Unassigned(name, "not_planned"))
    return replace(plan, routes=tuple(r for r in routes if r.stops), unassigned=left, score=None)
