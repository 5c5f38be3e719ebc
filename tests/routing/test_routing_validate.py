"""Bad input is refused with a number, its place, a cause and a remedy."""

import copy
import inspect
import re
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from routing import Plan, Scenario, ScenarioError, check, validate
from tests.routing.routing_days import built
from tests.routing.routing_scenarios import day, elder, month, north, visit, worker

GOOD_DAY = day([visit("v")], [worker("w")])
GOOD_MONTH = month([elder("e")], [worker("w")])
MATRIX = {"locations": [north(0), north(1)], "walk": [[0, 1], [1, 0]]}
INDEXED = day([visit("v", loc_index=1)], [worker("w", start_index=0, end_index=0)], matrix=MATRIX)


def change(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with the value at a dotted path replaced; None deletes."""
    new = copy.deepcopy(data)
    *way, last = path.split(".")
    place: Any = new
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return new


CASES: list[tuple[str, str, Any]] = [
    ("E100", "", []),
    ("E101", "kind", change(GOOD_DAY, "kind", "year")),
    ("E102", "workers", change(GOOD_DAY, "workers", None)),
    ("E103", "days", change(GOOD_MONTH, "days", 0)),
    ("E104", "weekday_of_day", change(GOOD_MONTH, "weekday_of_day", [0])),
    ("E105", "speed_kmh", change(GOOD_DAY, "speed_kmh", {"walk": 0})),
    ("E106", "detour", change(GOOD_DAY, "detour", -1)),
    ("E107", "locations", change(INDEXED, "matrix.locations", "here")),
    ("E108", "walk", change(INDEXED, "matrix.walk", [[0, 1]])),
    ("E110", "duration", change(GOOD_DAY, "visits.0.duration", "1 h")),
    ("E110", "window", change(GOOD_DAY, "visits.0.window", [2, 1])),
    ("E110", "priority", change(GOOD_DAY, "visits.0.priority", 0)),
    ("E109", "walk", change(INDEXED, "matrix.walk", [[0, 1], [-1, 0]])),
    ("E109", "walk", change(INDEXED, "matrix.walk", [[0, 1], [float("nan"), 0]])),
    ("E109", "walk", change(INDEXED, "matrix.walk", [[0, 1.5], [1, 0]])),
    ("E108", "walk", change(INDEXED, "matrix.walk", [[0, 1], [1]])),
    ("E110", "loc", change(GOOD_DAY, "visits.0.loc", [float("nan"), 121.0])),
    ("E110", "loc", change(GOOD_DAY, "visits.0.loc", [31.0, 181.0])),
    ("E110", "radius_m", change(GOOD_DAY, "workers.0.radius_m", float("inf"))),
    ("E105", "speed_kmh", change(GOOD_DAY, "speed_kmh", {"walk": float("nan")})),
    ("E128", "loc", change(GOOD_DAY, "visits.0.loc", [121.0, 31.0])),
    ("E128", "start", change(GOOD_DAY, "workers.0.start", [121.0, 31.0])),
    (
        "E128",
        "loc",
        day(
            [visit("a", loc=[44.0, 81.0]), visit("b", loc=[81.02, 44.01])],
            [worker("w", start=[44.0, 81.0], end=[44.0, 81.0])],
        ),
    ),
    ("E110", "people", change(GOOD_DAY, "visits.0.people", 3)),
    ("E110", "shift", change(GOOD_DAY, "workers.0.shift", [28800.5, 30000])),
    ("E110", "shifts", change(GOOD_MONTH, "workers.0.shifts", {"9": [0, 1]})),
    ("E110", "last_day", change(GOOD_MONTH, "elders.0.last_day", 2)),
    ("E111", "loc", change(GOOD_DAY, "visits.0.loc", None)),
    ("E111", "start", change(GOOD_DAY, "workers.0.start", None)),
    ("E112", "", change(GOOD_DAY, "visits", ["v"])),
    ("E113", "id", change(GOOD_DAY, "visits.0.id", None)),
    ("E114", "id", change(GOOD_DAY, "workers", [worker("w"), worker("w")])),
    ("E115", "loc_index", change(INDEXED, "visits.0.loc_index", 2)),
    ("E116", "breaks", change(GOOD_DAY, "workers.0.breaks", {"window": [0, 1]})),
    ("E117", "not_days", change(GOOD_MONTH, "workers.0.not_days", [99])),
    ("E118", "preferred", change(GOOD_DAY, "visits.0.preferred", ["nobody"])),
    ("E119", "skills", change(day([visit("v", skills=["nurse"])], [worker("w")]), "skills", ["nursing"])),
    ("E119", "skills", change(day([visit("v")], [worker("w", skills=["nurse"])]), "skills", ["nursing"])),
    ("E110", "skills", change(GOOD_DAY, "skills", "nursing")),
    ("E127", "shift", day([visit("v")], [worker("w", shift=[28800, 29800], end=north(1))])),
    (
        "E127",
        "shifts.5",
        change(change(GOOD_MONTH, "workers.0.end", north(1)), "workers.0.shifts", {"5": [28800, 29800]}),
    ),
    (
        "E127",
        "shift",
        day(
            [visit("v", loc_index=1)],
            [worker("w", shift=[0, 98], start_index=0, end_index=1)],
            matrix=MATRIX | {"walk": [[0, 99], [1, 0]]},
        ),
    ),
    (
        "E134",
        "worker",
        day([visit("v", skills=["nursing"])], [worker("w")], pinned=[{"visit": "v", "worker": "w"}]),
    ),
    (
        "E134",
        "worker",
        day(
            [visit("v", skills=["nursing"], people=2)],
            [worker("w"), worker("x")],
            pinned=[{"visit": "v", "worker": "w"}, {"visit": "v", "worker": "x"}],
        ),
    ),
    ("E120", "mode", change(GOOD_DAY, "workers.0.mode", "boat")),
    ("E121", "frequency", change(GOOD_MONTH, "elders.0.frequency", None)),
    ("E122", "frequency", change(GOOD_MONTH, "elders.0.frequency", 15)),
    (
        "E123",
        "max_gap_days",
        change(change(GOOD_MONTH, "elders.0.min_gap_days", 5), "elders.0.max_gap_days", 4),
    ),
    ("E124", "patterns", change(GOOD_MONTH, "elders.0.patterns", [])),
    ("E125", "patterns", change(GOOD_MONTH, "elders.0.patterns", [[0, 14]])),
    ("E126", "patterns", change(GOOD_MONTH, "elders.0.patterns", [[0], [0, 1]])),
    ("E110", "duration", change(GOOD_DAY, "visits.0.duration", 10**30)),
    ("E110", "window", change(GOOD_DAY, "visits.0.window", [0, 10**10])),
    ("E110", "priority", change(GOOD_DAY, "visits.0.priority", 10**30)),
    ("E110", "max_hours_week", change(GOOD_MONTH, "workers.0.max_hours_week", 1e300)),
    ("E109", "walk", change(INDEXED, "matrix.walk", [[0, 10**12], [1, 0]])),
    ("E105", "speed_kmh", change(GOOD_DAY, "speed_kmh", {"walk": 1e-300})),
    ("E106", "detour", change(GOOD_DAY, "detour", 1e300)),
    ("E129", "weights", GOOD_DAY | {"weights": [1]}),
    ("E129", "weights", GOOD_DAY | {"weights": {"continuity": "much"}}),
    ("E129", "weights", GOOD_DAY | {"weights": {"balance": float("nan")}}),
    ("E129", "weights", GOOD_DAY | {"weights": {"balance": -1}}),
    ("E135", "pinned", GOOD_DAY | {"pinned": {"visit": "v", "worker": "w"}}),
    ("E135", "pinned", GOOD_DAY | {"pinned": 3}),
    ("E136", "worker", GOOD_DAY | {"pinned": [{"visit": "v", "worker": "w"}] * 2}),
    ("E130", "visit", change(GOOD_MONTH, "pinned", [{"visit": "e#2", "worker": "w"}])),
    ("E131", "worker", change(GOOD_DAY, "pinned", [{"visit": "v", "worker": "x"}])),
    ("E132", "day", change(GOOD_MONTH, "pinned", [{"visit": "e#1", "worker": "w", "day": 14}])),
    (
        "E133",
        "worker",
        change(
            change(GOOD_DAY, "workers", [worker("w"), worker("x")]),
            "pinned",
            [{"visit": "v", "worker": "w"}, {"visit": "v", "worker": "x"}],
        ),
    ),
]


@pytest.mark.parametrize(("code", "field", "data"), CASES, ids=[f"{c}-{f}" for c, f, _ in CASES])
def test_refuses(code, field, data):
    errors = validate(data)
    assert [(error.code, error.field) for error in errors] == [(code, field)]
    assert errors[0].cause
    assert errors[0].remedy
    with pytest.raises(ScenarioError):
        Scenario.from_dict(data)


def test_every_number_is_tested():
    folder = Path(inspect.getfile(validate)).parent
    source = "".join((folder / f"{name}.py").read_text("utf-8") for name in ("validate", "inputs", "sense"))
    assert set(re.findall(r'"(E\d{3})"', source)) == {code for code, _, _ in CASES}


@pytest.mark.parametrize("data", [GOOD_DAY, GOOD_MONTH, INDEXED])
def test_good_input_passes_and_comes_back(data):
    assert validate(data) == []
    scenario = Scenario.from_dict(data)
    assert Scenario.from_dict(scenario.to_dict()) == scenario


@pytest.mark.parametrize(
    "data",
    [
        day([], [worker("w")]),
        day([visit("v")], []),
        day([], []),
        month([], [worker("w")]),
        month([elder("e")], []),
        day([visit("v", window=[30000, 30000], duration=0)], [worker("w", shift=[30000, 30000])]),
        # of two people the other may have the skill; a minor is pinned beside somebody who has it
        day(
            [visit("v", skills=["nursing"], people=2)],
            [worker("w"), worker("x", skills=["nursing"])],
            pinned=[{"visit": "v", "worker": "w"}],
        ),
        day(
            [visit("v", skills=["nursing"])],
            [worker("m", companion_of_adult=True), worker("x", skills=["nursing"])],
            pinned=[{"visit": "v", "worker": "m"}],
        ),
        # a place far away that would be as far with its numbers turned round
        day([visit("a"), visit("b"), visit("c", loc=[45.0, 10.0])], [worker("w")]),
        change(day([visit("v", skills=["nursing"])], [worker("w")]), "skills", ["nursing", "legal"]),
    ],
)
def test_unusual_input_passes(data):
    assert validate(data) == []
    scenario = Scenario.from_dict(data)
    plan = built(scenario)
    assert check(scenario, plan).violations == []


def crowd(count: int) -> dict[str, Any]:
    people = [elder(f"e{k}", excluded=["w3"], preferred=["w1", "w2"]) for k in range(count)]
    pins = [{"visit": f"e{k}#1", "worker": "w0"} for k in range(0, count, 2)]
    return month(people, [worker(f"w{k}") for k in range(100)], pinned=pins)


@pytest.mark.alone
def test_a_hundred_thousand_visits_take_ten_times_as_long_as_ten_thousand():
    times = []
    for count in (10_000, 100_000):
        data = crowd(count)
        begun = perf_counter()
        assert validate(data) == []
        times.append(perf_counter() - begun)
    assert times[1] < 30 * times[0]
    assert times[1] < 20


def test_the_line_names_the_element():
    line = validate(change(GOOD_DAY, "visits.0.window", [2, 1]))[0].line()
    assert line.startswith('E110 visits[0] "v", window: [2, 1]')


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("E301", {}),
        ("E302", {"routes": [{}]}),
        ("E303", {"routes": [{"worker": "w", "day": "x"}]}),
        ("E304", {"routes": [{"worker": "w", "stops": [3]}]}),
        ("E305", {"routes": [{"worker": "w", "stops": [{"visit": "v", "start": "9:00"}]}]}),
        ("E306", {"routes": [], "unassigned": [{}]}),
    ],
)
def test_bad_plans(code, data):
    with pytest.raises(ScenarioError) as caught:
        Plan.from_dict(data)
    assert [error.code for error in caught.value.errors] == [code]
