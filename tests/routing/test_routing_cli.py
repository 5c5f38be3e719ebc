"""The engine on the command line: files, exit codes, one-line messages, progress, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from routing import Plan, Scenario, check
from routing.__main__ import main
from tests.routing.routing_scenarios import day, elder, month, north, street, visit, worker

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def files(tmp_path):
    data = day([visit("v"), visit("u", skills=["legal"])], [worker("w")])
    (tmp_path / "scenario.json").write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_solve_check_explain(files, capsys):
    scenario, plan = files / "scenario.json", files / "plan.json"
    options = ["--time-limit", "5", "--seed", "1", "--processes", "1", "--iterations", "20", "--progress"]
    assert run("solve", scenario, "-o", plan, *options) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events[-1]["percent"] == 100
    assert run("check", scenario, plan) == 0
    score = json.loads(capsys.readouterr().out)
    assert (score["unserved_priority"], score["travel_seconds"]) == (
        1,
        json.loads(plan.read_text())["score"]["travel_seconds"],
    )
    assert run("explain", scenario, plan) == 0
    out = capsys.readouterr().out
    assert out.startswith("u: no_worker_with_skill: No worker has the skills legal.\n  ")


def test_plan_goes_to_standard_output_without_a_file(files, capsys):
    assert run("solve", files / "scenario.json", "--iterations", "5", "--processes", "1") == 0
    assert json.loads(capsys.readouterr().out)["routes"]


def test_check_of_a_broken_plan(files, capsys):
    plan = {"routes": [{"worker": "w", "day": 0, "stops": ["u"]}], "unassigned": ["v"]}
    (files / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert run("check", files / "scenario.json", files / "plan.json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("missing_skill (visit u; worker w; day 0)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read (No such file or directory); give an existing file"),
        ("{", "not JSON ("),
        ('{"kind": "week"}', 'E101 scenario, kind: \'week\' is unknown; give "day" or "month"'),
        (
            json.dumps(day([visit("v", duration=-1)], [])),
            'E110 visits[0] "v", duration: -1 is not usable; give',
        ),
        (json.dumps(day([visit("v", duration=-1)] * 2, [])), "(and 2 more)"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, text, expected):
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert run("solve", path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"{path}: ")
    assert expected in line


PIN = [{"visit": "v", "worker": "w"}]
TABLE = {"locations": [north(0), north(1)], "walk": [[0, 1], [1, 0]]}
BY_TABLE = {"visits": [visit("v", loc_index=1)], "workers": [worker("w", start_index=0, end_index=0)]}
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # what is wrong: scenario, the line up to the cause, the remedy
    "unknown skill": (
        day([visit("v", skills=["nurse"])], [worker("w")], skills=["nursing"]),
        'E119 visits[0] "v", skills: ',
        "give some of",
    ),
    "window shorter than zero": (
        day([visit("v", window=[36000, 32400])], [worker("w")]),
        'E110 visits[0] "v", window: [36000, 32400] ',
        "earliest not after latest",
    ),
    "shift that cannot reach its own end": (
        day([visit("v")], [worker("w", shift=[28800, 29000], end=north(2))]),
        'E127 workers[0] "w", shift: ',
        "give",
    ),
    "duplicate visit": (
        day([visit("v")] * 2, [worker("w")]),
        "E114 visits[1], id: 'v' is used twice",
        "own id",
    ),
    "duplicate worker": (
        day([visit("v")], [worker("w")] * 2),
        "E114 workers[1], id: 'w' is used twice",
        "own id",
    ),
    "NaN coordinates": (
        day([visit("v", loc=[float("nan"), 121.0])], [worker("w")]),
        'E110 visits[0] "v", loc: [nan, 121.0] ',
        "give [latitude, longitude] in degrees",
    ),
    "swapped coordinates": (
        day([visit("v", loc=[121.0, 31.0])], [worker("w")]),
        'E128 visits[0] "v", loc: [121.0, 31.0] looks like [longitude, latitude]',
        "give [latitude, longitude] in degrees: [31.0, 121.0]",
    ),
    "matrix of the wrong shape": (
        {**day([], []), **BY_TABLE, "matrix": TABLE | {"walk": [[0, 1]]}},
        "E108 matrix, walk: not a table of 2 times 2",
        "give one row and one column for each location",
    ),
    "negative time": (
        {**day([], []), **BY_TABLE, "matrix": TABLE | {"walk": [[0, 1], [-5, 0]]}},
        "E109 matrix, walk: from 1 to 0 it says -5",
        "give whole seconds",
    ),
    "pattern outside the horizon": (
        month([elder("e", patterns=[[0, 14]])], [worker("w")]),
        'E125 elders[0] "e", patterns: a day beyond the horizon',
        "give indices from 0 to 13",
    ),
    "pin that contradicts a skill": (
        day([visit("v", skills=["nursing"])], [worker("w")], pinned=PIN),
        "E134 pinned[0], worker: 'v' needs ['nursing'], which w lack",
        "pin it to somebody with the skills",
    ),
    "number too large": (
        day([visit("v", duration=10**30)], [worker("w")]),
        'E110 visits[0] "v", duration: ',
        "at most 1000000000",
    ),
}


@pytest.mark.parametrize("command", ["solve", "bound"])
@pytest.mark.parametrize("name", sorted(BAD))
def test_each_bad_input_is_one_line_with_file_element_field_and_remedy(tmp_path, capsys, name, command):
    data, begins, remedy = BAD[name]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert run(command, path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"{path}: {begins}")
    assert remedy in line.partition("; ")[2]


@pytest.mark.parametrize(("visits", "workers"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("kind", ["day", "month"])
def test_nobody_nothing_or_one_is_no_error(tmp_path, capsys, kind, visits, workers):
    people = [worker("w")][:workers]
    data = day([visit("v")][:visits], people) if kind == "day" else month([elder("v")][:visits], people)
    scenario, plan = tmp_path / "scenario.json", tmp_path / "plan.json"
    scenario.write_text(json.dumps(data), encoding="utf-8")
    assert run("solve", scenario, "-o", plan, "--iterations", "5", "--processes", "1") == 0
    assert run("check", scenario, plan) == 0
    assert run("explain", scenario, plan) == 0
    assert run("bound", scenario) == 0
    assert len(json.loads(plan.read_text())["routes"]) == visits * workers
    said = "no_worker_with_skill" in capsys.readouterr().out
    assert said == (visits > workers)


def test_bad_plan_and_unwritable_output(files, capsys):
    (files / "plan.json").write_text('{"routes": [{"worker": "x", "stops": ["v"]}]}', encoding="utf-8")
    assert run("check", files / "scenario.json", files / "plan.json") == 2
    assert "'x' is not in the scenario" in capsys.readouterr().err
    arguments = ["--iterations", "1", "--processes", "1", "-o", files / "no" / "plan.json"]
    assert run("solve", files / "scenario.json", *arguments) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["solve"], ["solve", "x", "--time-limit", "0"], ["dance"]])
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_interrupt_prints_the_best_plan(tmp_path):
    data = street(2, 50, 12)
    path = tmp_path / "street.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "routing", "solve", path, "--time-limit", "60", "--progress"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["stage"] == "route":
            break
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, _ = process.communicate(timeout=20)
    assert time.monotonic() - asked < 2.5
    assert process.returncode == 0
    scenario = Scenario.from_dict(data)
    assert check(scenario, Plan.from_dict(json.loads(out))).violations == []


@pytest.mark.alone
def test_time_limit_covers_the_whole_command(tmp_path):
    path = tmp_path / "street.json"
    path.write_text(json.dumps(street(2, 50, 12)), encoding="utf-8")
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "routing", "solve", path, "-o", tmp_path / "plan.json", "--time-limit", "4"],
        check=True,
        env=ENVIRONMENT,
        timeout=30,
    )
    assert time.monotonic() - started < 6
    assert json.loads((tmp_path / "plan.json").read_text())["engine"]["seconds"] <= 4.2
