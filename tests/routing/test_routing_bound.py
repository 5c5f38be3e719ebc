"""The proven limit never says more than is true, and says it where it can be seen by hand."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import Limits, Scenario, bound, check, shortage, solve
from routing.__main__ import main
from tests.routing.routing_brute import best
from tests.routing.routing_days import built
from tests.routing.routing_random import a_day, a_full_month, a_small_month
from tests.routing.routing_scenarios import day, elder, month, north, street, visit, worker

HARD = {"max_examples": 40, "deadline": None, "suppress_health_check": list(HealthCheck)}


def no_more_than_is_true(data: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(data)
    true = best(scenario).alone
    for columns in (100_000, 0):  # the finest and the coarsest relaxation
        found = bound(scenario, columns=columns)
        assert found.complete
        assert found.missed <= true[0]
        assert found.missed_statutory <= true[1]
        assert found.missed_priority <= true[2]


@settings(**HARD)
@given(data=a_day())
def test_a_day_against_trying_everything(data):
    no_more_than_is_true(data)


@settings(**HARD)
@given(data=a_small_month())
def test_a_month_against_trying_everything(data):
    no_more_than_is_true(data)


@settings(**HARD)
@given(data=a_day(), dice=st.randoms(use_true_random=False), idle=st.booleans())
def test_ways_that_are_shorter_through_another_place(data, dice, idle):
    """A matrix need not keep the triangle inequality, and services may take no time."""
    count = len(data["visits"]) + len(data["workers"])
    rows = [[0 if a == b else dice.choice([1, 60, 4000, 9000]) for b in range(count)] for a in range(count)]
    data["matrix"] = {"locations": [north(k) for k in range(count)], "walk": rows}
    for number, item in enumerate([*data["visits"], *data["workers"]]):
        for name in ("loc_index",) if "loc" in item else ("start_index", "end_index"):
            item[name] = number
        if idle and "loc" in item:
            item["duration"] = 0
    no_more_than_is_true(data)


@settings(**HARD)
@given(data=a_full_month())
def test_the_engine_never_does_better(data):
    """With visits for two, minors, breaks, loads and pins, which trying everything does not know."""
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, Limits(time_limit=20, seed=1, processes=1, iterations=200))
    score = check(scenario, plan).score
    for columns in (100_000, 0):
        found = bound(scenario, columns=columns)
        assert found.missed <= len(plan.unassigned)
        assert found.missed_statutory <= score.unserved_statutory
        assert found.missed_priority <= score.unserved_priority


@pytest.mark.parametrize("columns", [100_000, 0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_street_is_not_promised_too_little(seed, columns):
    scenario = Scenario.from_dict(street(seed, 80, 10))
    plan = solve(scenario, Limits(time_limit=3, seed=1, processes=1))
    found = bound(scenario, columns=columns)
    assert found.complete
    assert found.missed <= len(plan.unassigned)
    assert plan.score is not None
    assert found.missed_statutory <= plan.score.unserved_statutory
    assert found.missed_priority <= plan.score.unserved_priority


HOUR = 3600
SIX = [visit(f"v{k}", 0.1, priority=k + 1) for k in range(6)]
SEEN: dict[str, tuple[dict[str, Any], int, str]] = {
    # name: scenario, visits that must be missed, the limit that binds
    "visits_day": (day(SIX, [worker("w", max_visits=4)]), 2, "visits_day"),
    "time": (day(SIX, [worker("w", shift=[8 * HOUR, 10 * HOUR])]), 3, "time"),
    "route": (day(SIX, [worker("w", max_route_seconds=2 * HOUR)]), 3, "time"),
    "break": (
        day(SIX, [worker("w", shift=[28800, 41400], breaks=[{"window": [32400, 34200], "duration": 5400}])]),
        3,
        "time",
    ),
    "window": (
        day([visit(f"v{k}", 0.1, window=[9 * HOUR, 10 * HOUR]) for k in range(5)], [worker("w")]),
        2,
        "window",
    ),
    "nobody": (day([*SIX, visit("u", skills=["legal"])], [worker("w")]), 1, "nobody"),
    "load": (day([visit(f"v{k}", load=2) for k in range(4)], [worker("w", capacity=5)]), 2, "load"),
    "visits_week": (
        month([elder(f"e{k}") for k in range(7)], [worker("w", max_visits_week=3)]),
        1,
        "visits_week",
    ),
    "visits_month": (
        month([elder(f"e{k}") for k in range(7)], [worker("w", max_visits_month=4)]),
        3,
        "visits_month",
    ),
    "hours_week": (
        month([elder(f"e{k}", 0.1, duration=HOUR) for k in range(7)], [worker("w", max_hours_week=2.5)]),
        3,
        "hours_week",
    ),
    "days": (month([elder("e", frequency=3, min_gap_days=5)], [worker("w", weekdays=[0, 1])]), 1, "days"),
    "together": (
        day([visit("v", people=2), visit("u", people=2)], [worker("w"), worker("x", max_visits=1)]),
        1,
        "",
    ),
}


@pytest.mark.parametrize("name", sorted(SEEN))
def test_seen_by_hand(name):
    data, missed, binds = SEEN[name]
    scenario = Scenario.from_dict(data)
    found = bound(scenario)
    assert found.missed == missed
    assert len(built(scenario).unassigned) == missed
    assert binds in found.binding or not binds
    assert f"at most {found.most} of {found.visits} visits" in found.text


def test_each_sum_by_itself_and_by_skill():
    nurses = [visit(f"n{k}", 0.1, skills=["nursing"], statutory=True, priority=2) for k in range(5)]
    scenario = Scenario.from_dict(
        day([*SIX, *nurses], [worker("w", max_visits=5), worker("n", max_visits=3, skills=["nursing"])])
    )
    found = bound(scenario)
    assert (found.visits, found.most, found.missed_statutory) == (11, 8, 2)
    assert [(one.skill, one.visits, one.most) for one in found.by_skill] == [("nursing", 5, 3)]
    assert "Of 5 that need nursing at most 3." in found.text
    limit = shortage(scenario, built(scenario)).bound
    assert limit is not None
    assert (limit.most, limit.by_skill) == (found.most, found.by_skill)


def test_what_is_too_large_or_late_is_not_computed_and_says_so():
    scenario = Scenario.from_dict(street(1, 30, 6))
    found = bound(scenario, seconds=0.0)
    assert not found.complete
    assert found.missed == 0
    assert "not all of it computed" in found.text


@pytest.mark.parametrize("data", [day([], []), day([], [worker("w")]), month([], []), day([visit("v")], [])])
def test_nothing_to_do_or_nobody(data):
    found = bound(Scenario.from_dict(data))
    assert found.complete
    assert found.missed == len(data.get("visits", ()))


def test_the_command(tmp_path, capsys):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(SEEN["visits_day"][0]), encoding="utf-8")
    assert main(["bound", str(path)]) == 0
    line, figures = capsys.readouterr().out.splitlines()
    assert line == "With these people at most 4 of 6 visits are possible (proven). What binds: visits a day."
    assert json.loads(figures)["missed_priority"] == 3
    plan = {"routes": [{"worker": "w", "day": 0, "stops": ["v5"]}], "unassigned": [f"v{k}" for k in range(5)]}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert main(["explain", str(path), str(tmp_path / "plan.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line
