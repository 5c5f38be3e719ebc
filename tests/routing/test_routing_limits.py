"""The solver keeps every limit: small scenarios in which breaking it would pay."""

import itertools
from typing import Any

import pytest

from routing import Limits, Plan, Scenario, check, solve
from tests.routing.routing_scenarios import day, elder, month, visit, worker

QUICK = Limits(time_limit=20, seed=1, processes=1, iterations=60)
NURSE = worker("nurse", skills=["nursing"])
PLAIN = worker("plain")


def plan_of(data: dict[str, Any]) -> tuple[Scenario, Plan]:
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, QUICK)
    assert check(scenario, plan).violations == []
    return scenario, plan


def made(plan: Plan) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for route in plan.routes:
        for stop in route.stops:
            found.setdefault(stop.visit, []).append((route.worker, route.day))
    return found


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # name: scenario, expected {visit: worker or None when it must stay out}
    "skills": (day([visit("v", skills=["nursing"])], [PLAIN, NURSE]), {"v": "nurse"}),
    "skill nobody has": (day([visit("v", skills=["legal"])], [PLAIN, NURSE]), {"v": None}),
    "window": (
        day([visit("v", window=[28800, 30000])], [worker("late", shift=[36000, 60000]), PLAIN]),
        {"v": "plain"},
    ),
    "shift": (
        day(
            [visit("v", 5)], [worker("short", shift=[28800, 30600], start=[31.04, 121.0], end=[31.04, 121.0])]
        ),
        {"v": None},
    ),
    "radius": (
        day([visit("v", 3)], [worker("near", radius_m=1000), worker("far", mode="walk")]),
        {"v": "far"},
    ),
    "excluded": (day([visit("v", excluded=["plain"])], [PLAIN, worker("x")]), {"v": "x"}),
    "max visits": (
        day([visit("v", priority=5), visit("u")], [worker("w", max_visits=1)]),
        {"v": "w", "u": None},
    ),
    "priority": (
        day(
            [visit("v", window=[30000, 30000], priority=2), visit("u", window=[30000, 30000], priority=3)],
            [worker("w")],
        ),
        {"v": None, "u": "w"},
    ),
    "statutory before priority": (
        day(
            [
                visit("v", window=[30000, 30000], priority=99),
                visit("u", window=[30000, 30000], statutory=True),
            ],
            [worker("w")],
        ),
        {"v": None, "u": "w"},
    ),
    "capacity": (
        day([visit("v", load=4), visit("u", load=4, priority=2)], [worker("w", capacity=7)]),
        {"u": "w"},
    ),
    "route length": (
        day([visit("v", 2)], [worker("short", max_route_seconds=3600), worker("w")]),
        {"v": "w"},
    ),
    "break": (
        day(
            [visit("v", 0.1, duration=4 * 3600, window=[36000, 36000])],
            [worker("rests", breaks=[{"window": [39600, 43200], "duration": 1800}])],
        ),
        {"v": None},
    ),
    "minor alone": (day([visit("v")], [worker("m", companion_of_adult=True)]), {"v": None}),
    "weekdays": (month([elder("e")], [worker("w", weekdays=[])]), {"e#1": None}),
    "not days": (month([elder("e", patterns=[[2]])], [worker("w", not_days=[2])]), {"e#1": None}),
    "weekday shift": (
        month(
            [elder("e", patterns=[[5]], window=[50000, 60000])], [worker("w", shifts={"5": [30000, 40000]})]
        ),
        {"e#1": None},
    ),
    "not weekdays": (
        month([elder("e", not_weekdays=[0, 1, 2, 3, 4, 5])], [worker("w", not_days=[13])]),
        {"e#1": ("w", 6)},
    ),
    "last day": (
        month([elder("e", last_day=-2, min_gap_days=10)], [worker("w", not_days=[8, 9])]),
        {"e#1": "w"},
    ),
    "soon enough after the last visit": (
        month([elder("e", last_day=-2, min_gap_days=10)], [worker("w", not_days=list(range(9, 14)))]),
        {"e#1": ("w", 8)},
    ),
    "too soon after the last visit": (
        month([elder("e", last_day=-2, min_gap_days=10)], [worker("w", not_days=list(range(8, 14)))]),
        {"e#1": None},
    ),
    "day off leaves another": (
        month([elder("e", patterns=[[2], [3]])], [worker("w", not_days=[2])]),
        {"e#1": ("w", 3)},
    ),
    "shift by weekday leaves another": (
        month(
            [elder("e", patterns=[[4], [5]], window=[50000, 60000])],
            [worker("w", shifts={"5": [30000, 40000]})],
        ),
        {"e#1": ("w", 4)},
    ),
    "week visits": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[1]], priority=2)],
            [worker("w", max_visits_week=1)],
        ),
        {"e#1": None, "f#1": "w"},
    ),
    "month visits": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[9]], priority=2)],
            [worker("w", max_visits_month=1)],
        ),
        {"e#1": None, "f#1": "w"},
    ),
    "week hours": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[1]], priority=2)],
            [worker("w", max_hours_week=1.5)],
        ),
        {"e#1": None, "f#1": "w"},
    ),
    "continuity": (
        month(
            [elder("e", last_visitor="far")],
            [worker("w"), worker("far", start=[31.02, 121.0], end=[31.02, 121.0])],
            weights={"continuity": 10000, "balance": 0},
        ),
        {"e#1": "far"},
    ),
    "preferred": (
        day(
            [visit("v", preferred=["far"])],
            [worker("w"), worker("far", start=[31.02, 121.0], end=[31.02, 121.0])],
            weights={"continuity": 10000, "balance": 0},
        ),
        {"v": "far"},
    ),
    "pin to worker": (
        day([visit("v")], [PLAIN, worker("x", start=[31.05, 121.0])], pinned=[{"visit": "v", "worker": "x"}]),
        {"v": "x"},
    ),
    "pin to day": (
        month([elder("e")], [worker("w")], pinned=[{"visit": "e#1", "worker": "w", "day": 11}]),
        {"e#1": ("w", 11)},
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_keeps(name):
    data, expected = CASES[name]
    _, plan = plan_of(data)
    found = made(plan)
    for visit_id, who in expected.items():
        if who is None:
            assert visit_id not in found
            assert visit_id in {left.visit for left in plan.unassigned}
        elif isinstance(who, tuple):
            assert found[visit_id] == [who]
        else:
            assert [name for name, _ in found[visit_id]] == [who]


def test_gaps_between_an_elders_visits():
    _, plan = plan_of(month([elder("e", frequency=3, min_gap_days=4, max_gap_days=5)], [worker("w")]))
    days = [places[0][1] for _, places in sorted(made(plan).items())]
    assert len(days) == 3
    assert all(4 <= b - a <= 5 for a, b in itertools.pairwise(days))


def test_partial_service_when_a_day_is_missing():
    _, plan = plan_of(month([elder("e", patterns=[[0, 11]])], [worker("w", not_days=[11])]))
    assert made(plan) == {"e#1": [("w", 0)]}


def test_two_people_start_together_and_pool_skills():
    two = visit("v", people=2, skills=["a", "b"], load=3)
    others = [visit("u", 2, window=[28800, 33000]), visit("t", 0.5)]
    workers = [
        worker("w", skills=["a"], capacity=0),
        worker("x", skills=["b"], capacity=3, shift=[32400, 60000]),
    ]
    _, plan = plan_of(day([two, *others], workers))
    stops = [stop for route in plan.routes for stop in route.stops if stop.visit == "v"]
    assert len(stops) == 2
    assert stops[0].start == stops[1].start


def test_two_minors_never_go_together():
    minors = [worker(name, companion_of_adult=True) for name in ("m", "n")]
    _, plan = plan_of(day([visit("v", people=2)], minors))
    assert made(plan) == {}
    _, plan = plan_of(day([visit("v", people=2)], [*minors, worker("w")]))
    assert {name for name, _ in made(plan)["v"]} & {"w"}


def test_a_pinned_minor_gets_an_adult():
    workers = [worker("m", companion_of_adult=True), worker("w")]
    _, plan = plan_of(day([visit("v")], workers, pinned=[{"visit": "v", "worker": "m"}]))
    assert {name for name, _ in made(plan)["v"]} == {"m", "w"}


def test_pinned_positions_hold():
    visits = [visit(f"v{k}", k * 0.4 + 0.2) for k in range(5)]
    pins = [{"visit": "v4", "worker": "w", "position": 0}, {"visit": "v0", "worker": "w", "position": 2}]
    _, plan = plan_of(day(visits, [worker("w")], pinned=pins))
    order = [stop.visit for stop in plan.routes[0].stops]
    assert (order[0], order[2], len(order)) == ("v4", "v0", 5)


def test_a_pinned_pair_keeps_both_positions():
    visits = [visit("two", 2, people=2), *(visit(f"v{k}", k * 0.5 + 0.5) for k in range(4))]
    pins = [
        {"visit": "two", "worker": "w", "position": 1},
        {"visit": "two", "worker": "x", "position": 0},
        {"visit": "v0", "worker": "w", "position": 2},
    ]
    _, plan = plan_of(day(visits, [worker("w"), worker("x"), worker("y")], pinned=pins))
    orders = {route.worker: [stop.visit for stop in route.stops] for route in plan.routes}
    assert orders["x"][0] == "two"
    assert orders["w"][-2:] == ["two", "v0"] or orders["w"][1:3] == ["two", "v0"]
    assert plan.unassigned == ()


def test_balance_spreads_the_work():
    visits = [visit(f"v{k}", 0.2, duration=3000) for k in range(6)]
    weights = {"continuity": 0, "balance": 10}
    _, plan = plan_of(day(visits, [worker("w"), worker("x")], weights=weights))
    assert plan.score is not None
    assert plan.score.busiest_to_mean == pytest.approx(1.0, abs=0.1)


def test_times_beyond_a_day_and_absent_limits():
    bare = {
        "id": "w",
        "start": [31.0, 121.0],
        "end": [31.0, 121.0],
        "start_index": 0,
        "end_index": 0,
        "mode": "car",
    }
    data = {
        "kind": "day",
        "matrix": {"locations": [[31.0, 121.0], [31.1, 121.0]], "car": [[0, 90000], [90000, 0]]},
        "visits": [{"id": "v", "loc": [31.1, 121.0], "loc_index": 1, "duration": 90000}],
        "workers": [bare],
    }
    _, plan = plan_of(data)
    assert made(plan) == {"v": [("w", 0)]}
