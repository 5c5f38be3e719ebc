"""The invented instances are the same each time, readable, and what they say they are."""

import hashlib
import json
from itertools import pairwise

import pytest

from benchmarks import instances
from routing import Scenario


def digest(scenario: object) -> str:
    return hashlib.sha256(json.dumps(scenario, sort_keys=True).encode()).hexdigest()[:12]


def test_a_name_gives_the_same_instance_on_every_machine() -> None:
    known = {"day-town-tight-50-s1": "cf1a2e4d3dc8", "month-country-300-s2": "fcc55d1f071c"}
    assert {name: digest(instances.named(name)) for name in known} == known


def test_seeds_and_places_differ() -> None:
    one, two = instances.day("town", "tight", 50, 1), instances.day("town", "tight", 50, 2)
    assert one["visits"] != two["visits"]
    assert one["workers"] != two["workers"]


@pytest.mark.parametrize("region", instances.REGIONS)
def test_days_have_many_kinds_of_workers_and_visits(region: str) -> None:
    day = instances.day(region, "tight", 400, 1)
    Scenario.from_dict(day)
    assert len(day["visits"]) == 400
    kinds = {(w["mode"], tuple(w["shift"]), w["max_visits"], tuple(w["skills"])) for w in day["workers"]}
    assert len(kinds) > len(day["workers"]) * 0.7
    assert {tuple(v["window"]) for v in day["visits"]} == {
        (round(low * 3600), round(high * 3600)) for _share, (low, high) in instances.WINDOWS
    }
    assert {v["priority"] for v in day["visits"]} == {1, 2, 3, 4, 5}
    held = {skill for w in day["workers"] for skill in w["skills"]}
    assert {skill for v in day["visits"] for skill in v["skills"]} <= held


def test_a_slack_day_has_more_workers() -> None:
    tight, slack = (len(instances.day("town", load, 150, 1)["workers"]) for load in ("tight", "slack"))
    assert slack > 1.3 * tight


def test_months_have_spacing_known_visitors_and_limits() -> None:
    month = instances.month("country", 300, 1)
    scenario = Scenario.from_dict(month)
    assert scenario.days == 22
    twice = [elder for elder in month["elders"] if elder["frequency"] == 2]
    assert 100 < len(twice) < 200
    assert all((elder["min_gap_days"], elder["max_gap_days"]) == (8, 14) for elder in twice)
    names = {worker["id"] for worker in month["workers"]}
    assert {elder["last_visitor"] for elder in month["elders"] if "last_visitor" in elder} <= names
    assert any("max_visits_month" in worker for worker in month["workers"])


def test_a_city_is_streets_apart() -> None:
    streets = list(instances.city(1, 12, 30))
    assert len({street["name"] for street in streets}) == 12
    middles = [street["elders"][0]["loc"] for street in streets]
    assert all(max(abs(x - y) for x, y in zip(a, b, strict=True)) > 0.005 for a, b in pairwise(middles))
    assert digest(streets) == digest(list(instances.city(1, 12, 30)))


@pytest.mark.parametrize(
    "name", ["", "day", "day-town-tight", "day-sea-loose-5-s1", "year-town-5-s1", "day-town-tight-x-s1"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        instances.named(name)


def test_files_are_written(tmp_path: object) -> None:
    assert instances.main([str(tmp_path), "day-town-slack-50-s2"]) == 0
    assert instances.main([]) == 2
    with open(f"{tmp_path}/day-town-slack-50-s2.json", encoding="utf-8") as file:
        assert json.load(file) == instances.day("town", "slack", 50, 2)
