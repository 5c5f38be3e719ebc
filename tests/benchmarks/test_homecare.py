"""The search over whole home care problems: its times against the judge, its plans against brute force."""

import json
import os
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from benchmarks.engines import ENGINES, Task
from benchmarks.public import find, homecare
from benchmarks.public.homecare import Call
from routing import kernel

pytestmark = pytest.mark.skipif(not kernel.available(), reason="the engine is not compiled here")

if kernel.available():
    from benchmarks.engines import ours_homecare
    from benchmarks.engines.ours_homecare import arrays, ruin, times
    from benchmarks.engines.ours_homecare.anneal import anneal, fill
    from benchmarks.engines.ours_homecare.layout import (
        ABSENT,
        CLOCK,
        DISTANCE,
        GONE,
        LATE,
        MOST,
        STEP,
        Problem,
        Work,
    )
    from benchmarks.engines.ours_homecare.recreate import recreate

Json = dict[str, Any]
SETS = os.environ.get("PUBLIC_SETS")
"""The folder of the published sets, as `make bench-public` takes it."""
HOME = [path for path in sorted(Path(SETS).rglob("*.json")) if path.is_file()] if SETS else []


def problem(dice: Random, patients: int, carers: int, shifts: bool = False) -> Json:
    """An invented problem: half of the patients with two services, distances that differ by direction."""
    places = [(dice.uniform(0, 60), dice.uniform(0, 60)) for _ in range(patients + 1)]
    table = [
        [round(abs(a[0] - b[0]) + abs(a[1] - b[1]) + dice.uniform(0, 3)) if a != b else 0 for b in places]
        for a in places
    ]
    found = []
    for number in range(patients):
        low = dice.randint(0, 300)
        one: Json = {"id": f"p{number}", "location": [0, 0], "time_window": [low, low + dice.randint(10, 60)]}
        services = dice.sample(["s", "t", "u"], 2) if dice.random() < 0.5 else [dice.choice("stu")]
        one["required_caregivers"] = [
            {"service": service, "duration": dice.randint(5, 30)} for service in services
        ]
        if len(services) == 2:
            least = dice.randint(5, 40)
            one["synchronization"] = dice.choice(
                [
                    {"type": "simultaneous"},
                    {"type": "sequential", "distance": [least, least + dice.randint(0, 60)]},
                ]
            )
        found.append(one)
    people: list[Json] = [
        {"id": f"k{number}", "abilities": ["s", "t", "u"] if number < 3 else [dice.choice("stu")]}
        for number in range(carers)
    ]
    if shifts:
        for one in people:
            one["working_shift"] = [dice.randint(0, 60), dice.randint(250, 500)]
    return {
        "patients": found,
        "services": [],
        "caregivers": people,
        "central_offices": [{"id": "d", "location": [0, 0]}],
        "distances": table,
    }


def put_on(data: Json, p: "Problem", s: "Work", routes: dict[str, list[Call]]) -> None:
    number = {call: c for c, call in enumerate(arrays.calls_of(data))}
    calls, carers = len(number), len(data["caregivers"])
    for w, carer in enumerate(data["caregivers"]):
        x = calls + w
        for call in routes[carer["id"]]:
            s.after[x] = number[call]
            x = number[call]
        s.after[x] = calls + carers + w


def any_routes(dice: Random, data: Json) -> dict[str, list[Call]]:
    """Every call with somebody who can do it, the two of a pair with different people, in any order."""
    routes: dict[str, list[Call]] = {carer["id"]: [] for carer in data["caregivers"]}
    for number, patient in enumerate(data["patients"]):
        can = [sorted(homecare.able(data, patient, one["service"])) for one in patient["required_caregivers"]]
        who: list[str] = []
        for one in can:
            who.append(dice.choice([name for name in one if name not in who]))
        for part, name in enumerate(who):
            routes[name].insert(dice.randint(0, len(routes[name])), Call(number, part))
    return routes


def cost(s: "Work") -> float:
    return float(s.total[DISTANCE] + s.total[LATE] + s.total[MOST]) / 3


def same_times(p: "Problem", s: "Work") -> None:
    """All sums and starts are what they are when worked out anew."""
    calls, starts, totals = len(p.mate), s.start.copy(), s.total.copy()
    assert times.time_all(p, s)
    planned = s.who[:calls] >= 0
    assert np.allclose(starts[:calls][planned], s.start[:calls][planned])
    assert np.allclose(totals, s.total)


def test_any_routes_cost_what_the_judge_says() -> None:
    dice = Random(5)
    refused = 0
    for _ in range(400):
        data = problem(dice, dice.randint(2, 9), 4, shifts=dice.random() < 0.3)
        routes = any_routes(dice, data)
        p = arrays.problem(data)
        s = arrays.work(p, 1)
        put_on(data, p, s, routes)
        judged = homecare.cost(data, routes)
        assert times.time_all(p, s) == (judged is not None)
        assert arrays.routes(data, s.after) == routes
        refused += judged is None
        if judged is not None:
            assert cost(s) == pytest.approx(judged)
    assert 40 < refused < 360


@pytest.mark.parametrize("seed", range(6))
def test_what_is_taken_off_and_put_back_keeps_all_times(seed: int) -> None:
    dice = Random(seed)
    data = problem(dice, 25, 6, shifts=seed % 2 == 1)
    p = arrays.problem(data)
    s = arrays.work(p, seed)
    fill(p, s)
    for _ in range(60):
        s.clock[STEP] += 1
        s.clock[GONE] = 0
        ruin.ruin(p, s)
        assert s.total[ABSENT] > 0
        same_times(p, s)
        recreate(p, s, 0.1)
        same_times(p, s)
        s.clock[CLOCK] += 1
    assert s.total[ABSENT] == 0
    assert homecare.cost(data, arrays.routes(data, s.after)) == pytest.approx(cost(s))


def test_minutes_past_a_shift_count_like_lateness() -> None:
    shift = {"working_shift": [10, 60]}
    data: Json = {
        "patients": [
            {"id": "a", "time_window": [50, 52], "required_caregivers": [{"service": "s", "duration": 9}]}
        ],
        "services": [],
        "caregivers": [{"id": "k", "abilities": ["s"], **shift}],
        "central_offices": [{"id": "d"}],
        "distances": [[0, 45], [6, 0]],
    }
    # there at 55, three late and that the most, away at 64, home at 70
    assert homecare.cost(data, {"k": [Call(0, 0)]}) == pytest.approx((45 + 6 + 3 + 3 + 10) / 3)
    found, curve = ours_homecare.solve(data, 60.0, iterations=1)
    assert found == {"k": [Call(0, 0)]}
    assert curve[-1][1] == pytest.approx((45 + 6 + 3 + 3 + 10) / 3)


def test_orders_that_chase_each_other_are_refused() -> None:
    """Two pairs that start together, on two routes the other way round: no place but after the first."""
    both: Json = {
        "required_caregivers": [{"service": "s", "duration": 9}, {"service": "t", "duration": 9}],
        "synchronization": {"type": "simultaneous"},
    }
    data: Json = {
        "patients": [
            {"id": "a", "location": [0, 0], "time_window": [50, 90], **both},
            {"id": "b", "location": [0, 0], "time_window": [0, 90], **both},
        ],
        "services": [],
        "caregivers": [{"id": "k", "abilities": ["s"]}, {"id": "l", "abilities": ["t"]}],
        "central_offices": [{"id": "d", "location": [0, 0]}],
        "distances": [[0, 1, 2], [1, 0, 1], [2, 1, 0]],
    }
    a1, a2, b1, b2 = Call(0, 0), Call(0, 1), Call(1, 0), Call(1, 1)
    crossed = {"k": [a1, b1], "l": [b2, a2]}
    assert homecare.cost(data, crossed) is None
    p = arrays.problem(data)
    s = arrays.work(p, 1)
    put_on(data, p, s, crossed)
    assert not times.time_all(p, s)
    found, _curve = ours_homecare.solve(data, 60.0, iterations=50)
    assert homecare.cost(data, found) == pytest.approx((4 + 4) / 3)


def best_of_all(data: Json) -> float:
    """The least cost over every share of the calls and every order."""
    calls, names = arrays.calls_of(data), [carer["id"] for carer in data["caregivers"]]
    marks: list[Call | None] = [*calls, *[None] * (len(names) - 1)]
    best = float("inf")
    for order in permutations(range(len(marks))):
        splits = [place for place in order if place >= len(calls)]
        if splits != sorted(splits):
            continue  # the marks between routes are all alike
        routes: list[list[Call]] = [[]]
        for place in order:
            call = marks[place]
            if call is None:
                routes.append([])
            else:
                routes[-1].append(call)
        judged = homecare.cost(data, dict(zip(names, routes, strict=True)))
        best = best if judged is None else min(best, judged)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_small_problems_against_brute_force(seed: int) -> None:
    data = problem(Random(100 + seed), 4, 2, shifts=seed % 2 == 1)
    while len(arrays.calls_of(data)) > 6:
        data["patients"].pop()
    for carer in data["caregivers"]:
        carer["abilities"] = ["s", "t", "u"]
    found, curve = ours_homecare.solve(data, 60.0, seed, 400)
    judged = homecare.cost(data, found)
    assert judged == pytest.approx(best_of_all(data))
    assert curve[-1][1] == pytest.approx(judged)


def test_same_seed_and_iterations_same_routes() -> None:
    data = problem(Random(7), 20, 5)
    first, second, other = (ours_homecare.solve(data, 60.0, seed, 300)[0] for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_two_processors_are_no_worse_than_one() -> None:
    data = problem(Random(8), 20, 5)
    one, two = (ours_homecare.solve(data, 60.0, 3, 100, processes)[0] for processes in (1, 2))
    alone, together = homecare.cost(data, one), homecare.cost(data, two)
    assert alone is not None
    assert together is not None
    assert together <= alone


def test_more_than_two_services_are_refused() -> None:
    data = problem(Random(9), 3, 3)
    data["patients"][0]["required_caregivers"] = [{"service": "s", "duration": 1}] * 3
    with pytest.raises(ValueError, match="two services"):
        arrays.problem(data)


def test_what_nobody_can_do_is_on_no_route() -> None:
    data = problem(Random(10), 6, 4)
    for carer in data["caregivers"]:
        carer["abilities"] = ["s", "t"]
    data["patients"][0] |= {"required_caregivers": [{"service": "u", "duration": 5}]}
    data["patients"][0].pop("synchronization", None)
    for patient in data["patients"][1:]:
        patient["required_caregivers"] = [{"service": "s", "duration": 5}]
        patient.pop("synchronization", None)
    found, curve = ours_homecare.solve(data, 60.0, 1, 50)
    made = {call for calls in found.values() for call in calls}
    assert made == {Call(number, 0) for number in range(1, 6)}
    assert curve == []
    assert homecare.cost(data, found) is None


def test_annealing_never_loses_the_best() -> None:
    data = problem(Random(11), 15, 5)
    p = arrays.problem(data)
    s = arrays.work(p, 1)
    fill(p, s)
    before = cost(s)
    anneal(p, s, 200, 50.0, 50.0)
    kept = float(s.best_total[DISTANCE] + s.best_total[LATE] + s.best_total[MOST]) / 3
    assert kept <= before
    assert homecare.cost(data, arrays.routes(data, s.best_after)) == pytest.approx(kept)
    same_times(p, s)


@pytest.mark.skipif(not HOME, reason="no published sets: PUBLIC_SETS is not set")
@pytest.mark.parametrize("path", HOME, ids=lambda path: path.stem)
def test_every_published_instance_has_a_solution(path: Path) -> None:
    one = homecare.read(path, path.name, None)
    assert one.whole is not None
    answer = ENGINES["ours"].run(Task(one.whole, 20.0, 1, 1, "", 60))
    assert one.worth is not None
    assert one.worth(answer.plan) is not None


@pytest.mark.skipif(not HOME, reason="no published sets: PUBLIC_SETS is not set")
def test_published_sets_are_read_whole() -> None:
    assert all(one.whole for one in find(Path(str(SETS)), (".json",)))
    assert json.loads(HOME[0].read_text(encoding="utf-8"))["patients"]
