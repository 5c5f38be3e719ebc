"""Every engine solves a small day, a month and a published form; each answer passes both checks."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import campaign, child, compare, instances, results, scale
from benchmarks.campaign import Case, Options
from benchmarks.engines import ENGINES, Engine, Task
from benchmarks.grid import Grid, NotExpressible
from benchmarks.public import homecare, solomon
from benchmarks.referee import judge
from routing import Scenario, check
from routing.plan import Plan

Json = dict[str, Any]
PEERS = ["ortools", "pyvrp", "vroom"]
INVENTED = """X

VEHICLE
NUMBER CAPACITY
 3 20

CUSTOMER
CUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE
0 0 0 0 0 200 0
1 3 4 9 0 150 5
2 6 8 9 20 160 5
3 -3 4 9 0 150 5
4 -6 8 9 0 150 5
"""


CARE: Json = {
    "patients": [
        {
            "id": "a",
            "location": [0, 1],
            "time_window": [10, 40],
            "required_caregivers": [{"service": "wash"}],
        },
        {
            "id": "b",
            "location": [0, 2],
            "time_window": [30, 60],
            "required_caregivers": [{"service": "wash"}, {"service": "dress"}],
            "synchronization": {"type": "simultaneous"},
        },
    ],
    "services": [{"id": "wash", "default_duration": 9}, {"id": "dress", "default_duration": 4}],
    "caregivers": [{"id": "k1", "abilities": ["wash"]}, {"id": "k2", "abilities": ["dress"]}],
    "central_offices": [{"id": "d", "location": [0, 0]}],
    "distances": [[0, 6, 10], [6, 0, 4], [10, 4, 0]],
}


def engine(name: str) -> Engine:
    found = ENGINES[name]
    if found.absent:
        pytest.skip(f"{found.title} is not installed")
    return found


def answer(name: str, scenario: Json, seconds: float = 1.0) -> Json:
    one = engine(name)
    found = one.run(Task(scenario, seconds, 1, 1, one.settings(10)[0]))
    report = check(Scenario.from_dict(scenario), Plan.from_dict(found.plan))
    verdict = judge(scenario, found.plan)
    assert report.violations == []
    assert verdict.broken == []
    assert (report.score.unserved_priority, report.score.travel_seconds) == (verdict.priority, verdict.travel)
    return {"verdict": verdict, "plan": found.plan, "curve": found.curve}


@pytest.mark.parametrize("name", [*PEERS, "ours"])
def test_a_small_day(name: str) -> None:
    scenario = instances.day("town", "slack", 12, 1)
    found = answer(name, scenario)
    assert found["verdict"].priority == answer("ours", scenario)["verdict"].priority
    assert found["curve"]
    when, cost, _priority = found["curve"][-1]
    assert when <= 2
    assert cost == found["verdict"].priority * campaign.WORTH + found["verdict"].travel


@pytest.mark.parametrize("name", PEERS)
def test_a_small_month_day_by_day(name: str) -> None:
    scenario = instances.month("town", 14, 1)
    found = answer(name, scenario, 2.4)
    assert found["verdict"].served >= 0.8 * found["verdict"].visits


@pytest.mark.parametrize("name", PEERS)
def test_published_windows_with_loads(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(INVENTED)
    problem = solomon.read(tmp_path / "x.txt", "x.txt", None)
    found = answer(name, problem.scenarios[""])
    assert problem.worth is not None
    assert problem.worth(found["plan"]) == pytest.approx(40.0)


def test_home_care_as_a_whole_and_as_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "care.json").write_text(json.dumps(CARE))
    problem = homecare.read(tmp_path / "care.json", "care.json", 104 / 3)
    facts = {"best_known": problem.best_known, "trusted": True}
    one = Case("care", problem.group, 2, 4.0, problem.make, problem.worth, facts, problem.whole)
    rows = campaign.run([one], Options(("ours", "ortools"), (1,)), lambda _line: None)
    best = {row["engine"]: row["worth"] for row in rows if row["kept"]}
    assert best == {"ours": pytest.approx(40 / 3), "ortools": pytest.approx(40 / 3)}
    assert {row["way"] for row in rows} == {campaign.WHOLE}
    nearest = replace(one, whole=None)
    rows = campaign.run([nearest], Options(("ours",), (1,)), lambda _line: None)
    assert {row["way"] for row in rows} == {f"late{minutes}" for minutes in homecare.ALLOWANCES}
    assert next(row["worth"] for row in rows if row["kept"]) == pytest.approx(40 / 3)


def test_limits_the_others_have_no_words_for_are_told() -> None:
    day = instances.day("town", "slack", 12, 1)
    for change, words in (
        ({"visits": [{**day["visits"][0], "people": 2}]}, "two people"),
        ({"workers": [{**day["workers"][0], "companion_of_adult": True}]}, "minor"),
        ({"workers": [{**day["workers"][0], "breaks": [{"window": [0, 9], "duration": 5}]}]}, "breaks"),
        ({"pinned": [{"visit": "v1", "worker": "w1"}]}, "pinned"),
        ({"kind": "month"}, "month"),
    ):
        with pytest.raises(NotExpressible, match=words):
            Grid({**day, **change})


def test_a_grid_measures_like_the_referee() -> None:
    day = instances.day("country", "tight", 30, 2)
    grid = Grid(day)
    orders = {worker: [2 * worker, 2 * worker + 1] for worker in range(grid.workers)}
    plan = grid.plan(orders)
    assert judge(day, plan).travel == grid.distance(orders)
    assert "travel" not in judge(day, plan).rules


def test_a_plan_leaves_as_late_as_its_return_allows() -> None:
    day = instances.day("town", "slack", 12, 1)
    day["visits"] = [{**day["visits"][0], "window": [15 * 3600, 16 * 3600], "skills": []}]
    day["workers"] = [{**day["workers"][0], "shift": [8 * 3600, 18 * 3600]}]
    (route,) = Grid(day).plan({0: [0]})["routes"]
    assert route["stops"][0]["arrival"] == route["stops"][0]["start"] == 15 * 3600
    assert route["departure"] > 14 * 3600


def case(scenario: Json, seconds: float = 1.0) -> Case:
    return Case(scenario["name"], "town", len(scenario["visits"]), seconds, lambda: {"": scenario})


def test_a_campaign_checks_and_keeps_the_best_setting(tmp_path: Path) -> None:
    lines: list[str] = []
    names = tuple(name for name in ("ours", "pyvrp") if not ENGINES[name].absent)
    rows = campaign.run([case(instances.day("town", "slack", 10, 3))], Options(names, (1,)), lines.append)
    assert all(row["valid"] and row["agree"] for row in rows)
    assert all(row["peak_mb"] > 20 for row in rows)
    for name in names:
        mine = [row for row in rows if row["engine"] == name]
        assert len(mine) == len(ENGINES[name].settings(10))
        (kept,) = (row for row in mine if row["kept"])
        assert kept["cost"] == min(row["cost"] for row in mine)
    assert len(lines) == len(names)
    path, saved = results.save("day", {"processes": 1}, rows, tmp_path / "r.json")
    assert results.load(path)["rows"] == json.loads(json.dumps(saved["rows"]))
    assert saved["engines"]["ours"]


def test_an_engine_that_is_absent_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "absent", property(lambda self: self.name != "ours"))
    lines: list[str] = []
    rows = campaign.run([case(instances.day("town", "slack", 6, 3))], Options(seeds=(1,)), lines.append)
    assert {row["engine"] for row in rows} == {"ours"}
    assert sum("is not installed" in line for line in lines) == 3


def test_a_run_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "START_UP_SECONDS", 3.0)
    path = tmp_path / "day.json"
    path.write_text(json.dumps(instances.day("town", "slack", 10, 3)))
    job = {"engine": "ours", "setting": "", "seconds": 60.0, "seed": 1, "processes": 1}
    (ended,) = child.solve_apart(job, path, 0.0, [campaign.cores(1)])
    assert ended.result == {}
    assert "still running" in ended.failure
    assert ended.peak_mb > 20


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    path = tmp_path / "day.json"
    path.write_text('{"kind": "day"}')
    job = {"engine": "ours", "setting": "", "seconds": 1.0, "seed": 1, "processes": 1}
    (ended,) = child.solve_apart(job, path, 5.0, [campaign.cores(1)])
    assert "ScenarioError" in ended.failure


def test_more_processes_than_cores_are_refused() -> None:
    with pytest.raises(ValueError, match="cores"):
        campaign.cores(4096)


def test_a_city_street_after_street() -> None:
    workers = min(2, len(os.sched_getaffinity(0)))
    rows = scale.run(Options(("ours",), (1,), workers, iterations=5), 2, 8, None)
    assert {row["workers"] for row in rows} == set(range(1, workers + 1))
    assert all(row["valid"] and row["fixed_work"] for row in rows)
    first, second = (row for row in rows if row["workers"] == 1)
    assert first["ended"] <= second["begun"] + 0.02


def test_the_command_prints_tables_and_writes_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instances.main([str(tmp_path / "days"), "day-town-slack-12-s1"])
    out = tmp_path / "r.json"
    arguments = ["day", "--instances", str(tmp_path / "days"), "--engines", "ours", "--seeds", "1"]
    assert compare.main([*arguments, "--seconds", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "day-town-slack-12-s1" in printed
    assert "not measured" in printed
    saved = results.load(out)
    assert saved["options"]["seeds"] == 1
    assert saved["rows"][0]["size"] == 12
    assert compare.main([*arguments, "--only", "nothing-like-it"]) == 2
    assert compare.main(["public"]) == 2
    assert "PUBLIC" in capsys.readouterr().err


def test_results_tell_versions_and_machine_but_no_place() -> None:
    told = results.surroundings()
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told["cores"] >= 1
    assert os.uname().nodename not in json.dumps(told)
