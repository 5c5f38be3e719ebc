"""The readers of published forms, on tiny invented instances; their costs worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.public import Problem, cordeau, find, homecare, solomon, vrplib
from benchmarks.referee import judge
from routing import Limits, Scenario, check, solve

Json = dict[str, Any]

WINDOWS = """INVENTED

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.  XCOORD.  YCOORD.  DEMAND  READY TIME  DUE DATE  SERVICE TIME

    0      0       0       0       0     100     0
    1      3       4       6       0      50     5
    2      6       8       6      20      60     5
"""
PERIODIC = """1 2 3 3
0 9
0 9
0 9
0 0 0 0 0 0 0
1 3 4 2 5 2 1 5
2 0 7 2 5 1 3 4 2 1
3 6 8 2 4 0 1 7
"""
SITES = """NAME : INVENTED
TYPE : SDVRPTW
DIMENSION : 4
VEHICLES : 2
VEHICLES_MAX_DURATION : 40
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 0 2
4 0 1.5
DEMAND_SECTION
1 0
2 5
3 5
4 1
SERVICE_TIME_SECTION
1 0
2 2
3 2
4 2
TIME_WINDOW_SECTION
1 0 100
2 0 50
3 10 50
4 0 9
CAPACITY_SECTION
1 6
2 11
VEHICLES_ALLOWED_CLIENTS_SECTION
1 2 4
2 2 3 4
EOF
"""
DEPOTS = """NAME: TWO
VEHICLES: 2
CAPACITY: 9
NODE_COORD_SECTION
1 0 0
2 10 0
3 9 0
TIME_WINDOW_SECTION
1 0 30
2 5 40
3 0 40
VEHICLES_DEPOT_SECTION
1 1
2 2
DEPOT_SECTION
1
2
-1
EOF
"""
PRIZES = """NAME : INVENTED
VEHICLES : 1
CAPACITY : 5
SERVICE_TIME : 3
NODE_COORD_SECTION
1 0 0
2 1 1
3 5 5
DEMAND_SECTION
1 0
2 5
3 5
TIME_WINDOW_SECTION
1 0 99
2 0 99
3 0 99
PRIZE_SECTION
1 0
2 7
3 30
DEPOT_SECTION
1
-1
EOF
"""
CARE: Json = {
    "patients": [
        {
            "id": "a",
            "location": [0, 1],
            "time_window": [10, 20],
            "required_caregivers": [{"service": "wash", "duration": 5}],
        },
        {
            "id": "b",
            "location": [0, 2],
            "time_window": [30, 60],
            "required_caregivers": [{"service": "wash", "duration": 5}, {"service": "dress", "duration": 8}],
            "synchronization": {"type": "simultaneous"},
        },
        {
            "id": "c",
            "location": [1, 0],
            "time_window": [0, 90],
            "required_caregivers": [{"service": "dress"}, {"service": "wash", "duration": 5}],
            "synchronization": {"type": "sequential", "distance": [20, 30]},
        },
    ],
    "services": [{"id": "wash", "default_duration": 9}, {"id": "dress", "default_duration": 4}],
    "caregivers": [{"id": "k1", "abilities": ["wash"]}, {"id": "k2", "abilities": ["dress"]}],
    "central_offices": [{"id": "d", "location": [0, 0]}],
    "distances": [[0, 12, 20, 10], [12, 0, 8, 16], [20, 8, 0, 22], [10, 16, 22, 0]],
}


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def plan(*routes: tuple[str, list[str]]) -> Json:
    stops = {name: [{"visit": visit} for visit in visits] for name, visits in routes}
    return {"routes": [{"worker": name, "day": 0, "stops": found} for name, found in stops.items()]}


def solved(problem: Problem) -> Json:
    """The engine's plan of the first way to put it, good by both checks."""
    scenario = next(iter(problem.scenarios.values()))
    found = solve(Scenario.from_dict(scenario), Limits(10.0, 1, 1, 30))
    assert check(Scenario.from_dict(scenario), found).ok
    assert judge(scenario, found.to_dict()).ok
    return found.to_dict()


def test_windows(tmp_path: Path) -> None:
    problem = solomon.read(file(tmp_path, "r1.txt", WINDOWS), "r1.txt", 30.0)
    scenario = problem.scenarios[""]
    assert [worker["capacity"] for worker in scenario["workers"]] == [10, 10]
    assert scenario["visits"][1] == {
        "id": "c2",
        "loc": [40.0, 130.0],
        "loc_index": 2,
        "duration": 5000,
        "window": [20000, 60000],
        "load": 6,
    }
    assert scenario["matrix"]["car"] == [[0, 5000, 10000], [5000, 0, 5000], [10000, 5000, 0]]
    assert problem.worth is not None
    assert problem.worth(solved(problem)) == 30.0  # the loads do not fit together: 2·5 + 2·10
    assert problem.worth(plan(("k1", ["c1"]))) is None


def test_windows_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="sections"):
        solomon.parse("1 2 3\n4 5 6\n")


def test_periodic(tmp_path: Path) -> None:
    problem = cordeau.read(file(tmp_path, "p1.txt", PERIODIC), "p1.txt", None)
    scenario = problem.scenarios[""]
    assert [elder["patterns"] for elder in scenario["elders"]] == [[[0, 2]], [[0], [1], [2]], [[0, 1, 2]]]
    assert scenario["workers"][0]["capacity"] == 9
    assert "max_route_seconds" not in scenario["workers"][0]
    assert problem.worth is not None
    # day 0 and 2: 1 and 3 lie on one line (20); day 1: 3 alone (20) or with 2: 10 + √37 + 7
    assert problem.worth(solved(problem)) == pytest.approx(20 + 20 + 10 + 37**0.5 + 7, abs=1e-3)
    assert problem.worth(plan(("k1", ["c1#1", "c3#1"]))) is None


def test_periodic_with_limits_by_day_is_refused() -> None:
    with pytest.raises(ValueError, match="differ by day"):
        cordeau.parse("x", PERIODIC.replace("0 9", "5 9", 1))
    with pytest.raises(ValueError, match="type 2"):
        cordeau.parse("x", "2" + PERIODIC[1:])


def test_sites(tmp_path: Path) -> None:
    path = file(tmp_path, "s.vrp", SITES)
    file(tmp_path, "s.sol", "Route #1: 1\nCost: 14500\n")
    (problem,) = find(tmp_path)
    assert (problem.group, problem.best_known) == ("sites", 14.5)
    scenario = problem.scenarios[""]
    (first, second, third), (small, large) = scenario["visits"], scenario["workers"]
    assert first["skills"] == third["skills"] != second["skills"]
    assert set(second["skills"]) <= set(large["skills"])
    assert not set(second["skills"]) <= set(small["skills"])
    assert (small["capacity"], large["capacity"], small["max_route_seconds"]) == (6, 11, 40000)
    assert problem.worth is not None
    assert problem.worth(solved(problem)) is not None
    assert problem.worth(plan(("k1", ["c1", "c3"]), ("k2", ["c2"]))) == pytest.approx(5 + 3.905 + 1.5 + 4)
    assert vrplib.read(path, "s.vrp", 1.0).best_known == 1.0


def test_depots(tmp_path: Path) -> None:
    problem = vrplib.read(file(tmp_path, "d.vrp", DEPOTS), "d.vrp", None)
    scenario = problem.scenarios[""]
    assert [worker["start_index"] for worker in scenario["workers"]] == [0, 1]
    assert [worker["shift"] for worker in scenario["workers"]] == [[0, 30000], [5000, 40000]]
    assert [visit["id"] for visit in scenario["visits"]] == ["c2"]
    assert problem.worth is not None
    assert problem.worth(plan(("k2", ["c2"]))) == 2.0
    assert problem.worth(solved(problem)) == 2.0


def test_prizes(tmp_path: Path) -> None:
    problem = vrplib.read(file(tmp_path, "p.vrp", PRIZES), "p.vrp", None)
    scenario = problem.scenarios[""]
    assert [visit["priority"] for visit in scenario["visits"]] == [7, 30]
    assert scenario["visits"][0]["duration"] == 30
    assert scenario["matrix"]["car"][0] == [0, 14, 70]  # tenths, cut off
    assert problem.worth is not None
    assert problem.worth(plan(("k1", ["c2"]))) == pytest.approx(14.0 + 7)
    assert problem.worth(plan()) == 37


def test_home_care_is_put_into_the_scenario_format() -> None:
    scenario = homecare.scenario(CARE, "care", 0)
    visits = {visit["id"]: visit for visit in scenario["visits"]}
    assert visits["0:0"]["window"] == [10000, 20000]
    assert visits["0:0"]["excluded"] == ["k2"]
    assert visits["1:0"]["people"] == 2
    assert visits["1:0"]["duration"] == 8000
    assert visits["1:0"]["excluded"] == []
    first, second = visits["2:0"], visits["2:1"]
    assert (first["duration"], second["duration"]) == (4000, 5000)
    assert second["window"][0] - first["window"][1] == 20000  # the least distance, whatever happens
    assert second["window"][1] - first["window"][0] == 30000  # the most
    assert homecare.scenario(CARE, "care", 60)["visits"][0]["window"] == [10000, 80000]


def test_home_care_cost_by_hand(tmp_path: Path) -> None:
    a, b1, b2 = homecare.Call(0, 0), homecare.Call(1, 0), homecare.Call(1, 1)
    c1, c2 = homecare.Call(2, 0), homecare.Call(2, 1)
    routes = {"k1": [a, c2, b1], "k2": [c1, b2]}
    # k2: c at 10; k1: a at 12 to 17, at c 33 (10 + 20 is earlier) to 38, at b 60; k2 waits for it there
    distance = (12 + 16 + 22 + 20) + (10 + 22 + 20)
    assert homecare.cost(CARE, routes) == pytest.approx(distance / 3)
    late = {"k1": [c2, a, b1], "k2": [c1, b2]}
    # c2 at 30 to 35, a at 51: 31 late; b at 64: 4 late, for both caregivers
    assert homecare.cost(CARE, late) == pytest.approx((10 + 16 + 8 + 20 + 52 + 31 + 4 + 4 + 31) / 3)
    assert homecare.cost(CARE, {"k1": [a, c2, b2], "k2": [c1, b1]}) is None  # services they cannot do
    assert homecare.cost(CARE, {"k1": [a, c2], "k2": [c1]}) is None  # b is missing
    crossed = {"k1": [b1, c2, a], "k2": [b2, c1]}
    assert homecare.cost(CARE, crossed) is not None  # c2 waits for c1
    path = file(tmp_path, "care.json", json.dumps(CARE))
    problem = homecare.read(path, "care.json", None)
    assert problem.worth is not None
    costs = [problem.worth(solved_way(scenario)) for scenario in problem.scenarios.values()]
    # b first for both, c afterwards: 12 + 8 + 22 + 10 and 20 + 22 + 10, nobody late
    assert min(cost for cost in costs if cost is not None) == pytest.approx(104 / 3)


def solved_way(scenario: Json) -> Json:
    return solve(Scenario.from_dict(scenario), Limits(10.0, 1, 1, 40)).to_dict()


def test_home_care_starts_that_chase_each_other_are_no_solution() -> None:
    apart = json.loads(json.dumps(CARE))
    apart["patients"][2]["synchronization"]["distance"] = [0, 1]
    a, b1, b2 = homecare.Call(0, 0), homecare.Call(1, 0), homecare.Call(1, 1)
    c1, c2 = homecare.Call(2, 0), homecare.Call(2, 1)
    # c1 before b2, b2 together with b1, b1 before c2: c2 is far more than a minute after c1
    assert homecare.cost(apart, {"k1": [a, b1, c2], "k2": [c1, b2]}) is None


def test_a_folder_is_read_by_form_with_its_list_of_best_known_costs(tmp_path: Path) -> None:
    for folder in ("windows", "periodic", "care"):
        (tmp_path / folder).mkdir()
    file(tmp_path, "windows/r1.txt", WINDOWS)
    file(tmp_path, "periodic/p1.txt", PERIODIC)
    file(tmp_path, "care/one.json", json.dumps(CARE))
    rows = "windows/r1.txt,29.5,BKS for vehicles-first objective\nperiodic/p1.txt,,\n"
    file(tmp_path, "bks.csv", "file,best_known,note\n" + rows)
    problems = {problem.name: problem for problem in find(tmp_path)}
    assert set(problems) == {"R1", "p1", "one"}
    assert (problems["R1"].best_known, problems["R1"].trusted) == (29.5, False)
    assert problems["p1"].best_known is None
    assert problems["one"].group == "home care care"
    assert [problem.name for problem in find(tmp_path, ("windows",))] == ["R1"]
