"""A named conflict is real and has nothing to spare: everything is tried, for it and for each part of it."""

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings

from routing import Limits, Scenario, conflicts, solve
from routing.__main__ import main
from tests.routing.routing_brute import best
from tests.routing.routing_days import built
from tests.routing.routing_random import a_day
from tests.routing.routing_scenarios import day, elder, month, visit, worker

THREE = [visit(name, 0.1, window=[32400, 34200], duration=1500) for name in ("a", "b", "c")]


def only(scenario: Scenario, names: tuple[str, ...]) -> Scenario:
    return dataclasses.replace(scenario, visits=tuple(v for v in scenario.visits if v.id in names))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=a_day())
def test_against_trying_everything(data):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, Limits(time_limit=20, seed=1, processes=1, iterations=300))
    for left in plan.unassigned:
        for found in conflicts(scenario, plan, left.visit):
            assert found.visits[0] == left.visit
            assert best(only(scenario, found.visits)).alone[0] > 0
            if any(person.max_route_seconds is not None for person in scenario.workers):
                continue
            for spared in found.visits[1:]:
                rest = tuple(name for name in found.visits if name != spared)
                assert best(only(scenario, rest)).alone[0] == 0


def test_three_in_one_hour():
    others = [visit("d", 0.1, priority=3), visit("e", 0.2, priority=3)]
    scenario = Scenario.from_dict(day([*THREE, *others], [worker("w")]))
    plan = built(scenario)
    (left,) = plan.unassigned
    (found,) = conflicts(scenario, plan, left.visit)
    assert set(found.visits) == {"a", "b", "c"}
    assert found.workers == ("w",)
    assert found.text.startswith("On day 0 w cannot make all of ")


def test_each_day_of_a_month_has_its_own():
    people = [elder(v["id"], 0.1, window=v["window"], duration=1500, patterns=[[2], [3]]) for v in THREE]
    people += [elder("x", 0.1, window=[32400, 34200], duration=1500, patterns=[[2], [3]])]
    scenario = Scenario.from_dict(
        month([*people, elder("y", 0.1, window=[32400, 34200], duration=1500, patterns=[[3]])], [worker("w")])
    )
    plan = built(scenario)
    (left,) = plan.unassigned
    found = conflicts(scenario, plan, left.visit)
    assert {one.day for one in found} <= {2, 3}
    assert all(len(one.visits) == 3 for one in found)
    assert found


def test_nobody_at_all_two_people_and_what_is_made():
    scenario = Scenario.from_dict(
        day([visit("v", window=[100, 200]), visit("u"), visit("two", people=2)], [worker("w")])
    )
    plan = built(scenario)
    (found,) = conflicts(scenario, plan, "v")
    assert found.visits == ("v",)
    assert "nobody can make v" in found.text
    assert conflicts(scenario, plan, "two") == ()
    for name in ("u", "nowhere"):
        with pytest.raises(KeyError):
            conflicts(scenario, plan, name)


def test_the_command_tells_it(tmp_path, capsys):
    (tmp_path / "s.json").write_text(json.dumps(day(THREE, [worker("w")])), encoding="utf-8")
    plan = {"routes": [{"worker": "w", "day": 0, "stops": ["a", "b"]}], "unassigned": ["c"]}
    (tmp_path / "p.json").write_text(json.dumps(plan), encoding="utf-8")
    assert main(["explain", str(tmp_path / "s.json"), str(tmp_path / "p.json")]) == 0
    assert (
        "On day 0 w cannot make all of c, a, b, even with nothing else planned (proven)."
        in capsys.readouterr().out
    )
