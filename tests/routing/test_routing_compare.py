"""Weights in words: each preset is best in what it is named for, on the same scenario."""

from dataclasses import replace

import pytest

from routing import Limits, Scenario, check
from routing.compare import PRESETS, compare
from routing.scenario import Weights
from tests.routing.routing_days import town
from tests.routing.routing_scenarios import day, visit, worker

QUICK = Limits(time_limit=60, seed=1, processes=1, iterations=60)


def test_each_preset_shows_its_effect():
    """The known visitor lives far away; one worker alone has the shortest way."""
    scenario = Scenario.from_dict(
        day(
            [visit(f"v{k}", 1 + 0.1 * k, preferred=["far"]) for k in range(4)],
            [worker("near"), worker("far", start=[31.0, 121.02], end=[31.0, 121.02])],
        )
    )
    found = {entry.preset: entry.score for entry in compare(scenario, limits=QUICK)}
    assert list(found) == list(PRESETS)
    assert found["shortest_way"].travel_seconds < found["same_visitor"].travel_seconds
    assert found["same_visitor"].continuity == 1.0
    assert found["shortest_way"].continuity == 0.0
    assert (found["spread_load"].busiest_to_mean or 9) <= (found["shortest_way"].busiest_to_mean or 9)


def test_no_preset_looks_worse_than_it_is():
    scenario = Scenario.from_dict(town(2, 30, 12))
    found = compare(scenario, limits=replace(QUICK, iterations=20))
    for entry in found:
        own = replace(scenario, weights=entry.weights)
        report = check(own, entry.plan)
        assert report.violations == []
        assert report.score == entry.score
        for other in found:
            assert check(own, replace(other.plan, score=None)).score.key >= entry.score.key


def test_names_and_own_weights():
    scenario = Scenario.from_dict(day([visit("v")], [worker("w")]))
    assert [e.preset for e in compare(scenario, ["spread_load"], QUICK)] == ["spread_load"]
    (own,) = compare(scenario, {"ours": Weights(5, 0)}, QUICK)
    assert (own.preset, own.weights.continuity) == ("ours", 5)
    assert compare(scenario, [], QUICK) == []
    with pytest.raises(KeyError):
        compare(scenario, ["nicest"], QUICK)
