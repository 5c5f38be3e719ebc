"""What a run promises whatever happens to it: a plan outlives a kill, memory stays, seeds repeat."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.referee import judge
from routing import Limits, Plan, Progress, Scenario, check, kernel, parallel, solve
from routing.keep import PAUSE_SECONDS, Keeper, write_whole
from routing.model import Model
from routing.state import State
from tests.routing.routing_scenarios import day, elder, month, street, visit, worker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def compile_once():
    if kernel.available():
        kernel.compile_ahead()


def begin(folder: Path, processes: int) -> subprocess.Popen[str]:
    (folder / "street.json").write_text(json.dumps(street(2, 60, 14)), encoding="utf-8")
    command = [sys.executable, "-m", "routing", "solve", "street.json", "-o", "plan.json"]
    return subprocess.Popen(
        [*command, "--time-limit", "120", "--processes", str(processes)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def kept(folder: Path) -> Plan:
    scenario = Scenario.from_dict(json.loads((folder / "street.json").read_text()))
    data = json.loads((folder / "plan.json").read_text())
    plan = Plan.from_dict(data)
    report = check(scenario, plan)
    assert report.violations == []
    assert judge(json.loads((folder / "street.json").read_text()), data).ok
    assert plan.score == report.score
    assert len(plan.routes) > 10
    return plan


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(400):
        if path.exists():
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("no plan was kept")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_command_killed_outright_leaves_its_best_plan(tmp_path, processes):
    process = begin(tmp_path, processes)
    try:
        wait_for(tmp_path / "plan.json", process)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()
    plan = kept(tmp_path)
    assert {left.reason for left in plan.unassigned} <= {"not_planned"}
    time.sleep(1.0)  # its children end with it, and leave nothing half written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json", "street.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_asked_to_end_writes_the_plan_and_its_reasons(tmp_path, number):
    process = begin(tmp_path, 2)
    try:
        wait_for(tmp_path / "plan.json", process)
        process.send_signal(number)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    plan = kept(tmp_path)
    assert "not_planned" not in {left.reason for left in plan.unassigned}
    assert plan.stages


def test_only_a_better_plan_of_the_same_run_is_kept(tmp_path):
    scenario = Scenario.from_dict(day([visit("v"), visit("u")], [worker("w")]))
    model, path = Model(scenario), tmp_path / "plan.json"
    full, empty = State(model), State(model)
    full.restore(((0, ((0, -1, 0), (1, -1, 0)), (0, 1)),))

    def offer(state: State, since: float) -> int:
        keeper = Keeper(model, path, since)
        keeper._next = 0.0
        keeper.offer(state.key, state.snapshot)
        return len(json.loads(path.read_text())["unassigned"])

    begun = time.time() - 1
    assert offer(empty, begun) == 2
    assert offer(full, begun) == 0
    assert offer(empty, begun) == 0
    assert offer(empty, time.time() + 1) == 2  # another run begins anew
    assert list(tmp_path.iterdir()) == [path]


def test_a_plan_is_not_written_too_often_or_where_it_cannot_be(tmp_path):
    model = Model(Scenario.from_dict(day([visit("v")], [worker("w")])))
    state = State(model)
    keeper = Keeper(model, tmp_path / "plan.json", 0.0)
    keeper.offer(state.key, state.snapshot)
    assert not (tmp_path / "plan.json").exists()
    assert 0 < keeper._next - time.monotonic() <= PAUSE_SECONDS
    nowhere = Keeper(model, tmp_path / "no" / "plan.json", 0.0)
    nowhere._next = 0.0
    nowhere.offer(state.key, state.snapshot)
    assert nowhere._next == float("inf")


def test_a_pipe_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "plan")
        assert os.read(reader, 10) == b"plan"
    finally:
        os.close(reader)


def memory() -> int:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def with_kernel(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if wanted and not kernel.available():
        pytest.skip("numba is not installed")
    if not wanted:
        monkeypatch.setenv("ROUTING_KERNEL", "off")


@pytest.mark.parametrize("compiled", [True, False])
def test_memory_does_not_grow_with_time(compiled, monkeypatch):
    """The interpreter remembers tours, up to a number that is made small here."""
    with_kernel(compiled, monkeypatch)
    monkeypatch.setattr("routing.model.TOURS_KEPT", 2_000)
    data = street(3, 80, 16)
    data["elders"] = [one | {"people": 1} for one in data["elders"]]
    seen: list[tuple[float, int]] = []
    solve(Scenario.from_dict(data), Limits(9, 1, 1), lambda event: seen.append((event.seconds, memory())))
    early = max(size for seconds, size in seen if seconds < 4)
    late = max(size for seconds, size in seen if 6 < seconds < 8)
    assert late - early < (3 if compiled else 12)


@pytest.mark.parametrize("kind", ["day", "month"])
@pytest.mark.parametrize("compiled", [True, False])
def test_the_same_seed_and_steps_give_the_same_plan(kind, compiled, monkeypatch):
    with_kernel(compiled, monkeypatch)
    if kind == "day":
        visits = [visit(f"v{k}", (k * 7 % 11) * 0.4, priority=1 + k % 3) for k in range(24)]
        data = day(visits, [worker(f"w{k}", max_visits=7) for k in range(4)])
    else:
        people = [elder(f"e{k}", (k * 5 % 9) * 0.3, frequency=1 + k % 2, min_gap_days=3) for k in range(20)]
        data = month(people, [worker(f"w{k}", max_visits=4, weekdays=[k, k + 1]) for k in range(3)])
    scenario = Scenario.from_dict(data)
    limits = Limits(60, 4, 1, 2000 if compiled else 60)
    first, second = solve(scenario, limits), solve(scenario, limits)
    assert first.routes == second.routes
    assert first.unassigned == second.unassigned


def test_both_processes_killed_and_nothing_is_lost(monkeypatch):
    """What they had told is kept, and the run goes on by itself until its time is over."""
    children: list[parallel._Child] = []
    start = parallel._Child.__init__

    def remember(self, *arguments, **named):
        start(self, *arguments, **named)
        children.append(self)

    monkeypatch.setattr(parallel._Child, "__init__", remember)
    known: list[tuple[int, int, float]] = []

    def kill_all(event: Progress) -> None:
        if event.seconds > 4 and event.best_score is not None and not known:
            known.append(event.best_score.key)
            for child in children:
                os.kill(child.process.pid, signal.SIGKILL)

    scenario = Scenario.from_dict(street(3, 60, 16))
    plan = solve(scenario, Limits(9, 1, 2), kill_all)
    assert known
    assert len(children) == 2
    assert check(scenario, plan).ok
    assert plan.score is not None
    assert plan.score.key <= known[0]
    assert "improve" in {stage.name for stage in plan.stages}
