"""One engine, one instance, in a process of its own: on given cores, with its memory watched.

`solve_apart` starts `python -m benchmarks.child JOB RESULT` and watches it; the program pins itself to the cores,
reads the scenario, and only then starts the clock: start-up and imports count for no engine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES, Task
from benchmarks.grid import NotExpressible

Json = dict[str, Any]
POLL_SECONDS = 0.1
START_UP_SECONDS = 60.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Ended:
    """A child's result (empty when it gave none), why it failed, and the most memory of its processes together."""

    result: Json
    failure: str
    peak_mb: float


def solve_apart(job: Json, scenario: Path, ceiling: float, copies: Iterable[list[int]]) -> list[Ended]:
    """Run copies of a job at the same time, each on its own cores with its own seed; kill them at the ceiling.

    `job` holds engine, setting, seconds, seed, processes and perhaps iterations; the ceiling is in seconds.
    """
    children = [_Child(job, scenario, cores, number) for number, cores in enumerate(copies)]
    deadline = time.monotonic() + ceiling + START_UP_SECONDS
    try:
        while sum(child.watch() for child in children):  # every one must be watched
            if time.monotonic() > deadline:
                for child in children:
                    child.end(f"still running after {ceiling:.0f} s")
                break
            time.sleep(POLL_SECONDS)
        return [child.ended() for child in children]
    finally:
        for child in children:
            child.end("interrupted")


class _Child:
    def __init__(self, job: Json, scenario: Path, cores: list[int], number: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        root = Path(self.folder.name)
        self.output, self.errors = root / "result.json", root / "errors.txt"
        seed = job["seed"] if number == 0 else 1000 * job["seed"] + number + 1
        description = {**job, "seed": seed, "cores": cores, "scenario": str(scenario.resolve())}
        (root / "job.json").write_text(json.dumps(description), encoding="utf-8")
        self.peak = 0
        self.failure = ""
        command = [sys.executable, "-m", "benchmarks.child", str(root / "job.json"), str(self.output)]
        home = Path(__file__).resolve().parents[1]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(command, cwd=home, stderr=errors)  # noqa: S603  the command is built here

    def watch(self) -> bool:
        """Measure the memory of the process and its children; whether it still runs."""
        self.peak = max(self.peak, family_memory(self.process.pid))
        return self.process.poll() is None

    def end(self, why: str) -> None:
        if self.process.poll() is None:
            self.failure = why
            for pid in reversed(_family(self.process.pid)):
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    continue
            self.process.wait()

    def ended(self) -> Ended:
        result: Json = {}
        if self.output.exists():
            result = json.loads(self.output.read_text(encoding="utf-8"))
        elif not self.failure:
            lines = self.errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            self.failure = lines[-1] if lines else f"exit code {self.process.returncode}"
        peak = max(self.peak / 2**20, result.get("peak_mb", 0.0))
        self.folder.cleanup()
        return Ended(result, self.failure, round(peak, 1))


def family_memory(pid: int) -> int:
    """Return the resident bytes of a process and all below it."""
    return sum(map(_resident, _family(pid)))


def _family(pid: int) -> list[int]:
    """A process and all below it; empty once it is gone."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += [int(part) for part in path.read_text().split()]
            except OSError:
                continue  # the process ended while it was looked at
    return found


def _processor_seconds() -> float:
    """Seconds of processor time of this process and of the children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def own_peak_mb() -> float:
    """Return this process's peak in megabytes.

    The peak of `getrusage` is of no use here: it begins with the size of the process that started this one.
    """
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0  # it ended while it was looked at


def main(arguments: list[str]) -> int:
    """Run the job of a file and write the result."""
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    engine = ENGINES[job["engine"]]
    import_module(engine.module)
    scenario = json.loads(Path(job["scenario"]).read_text(encoding="utf-8"))
    task = Task(
        scenario, job["seconds"], job["seed"], job["processes"], job["setting"], job.get("iterations")
    )
    started, used = time.monotonic(), _processor_seconds()
    result: Json
    try:
        answer = engine.run(task)
        result = {"plan": answer.plan, "curve": answer.curve}
    except NotExpressible as error:
        result = {"not_expressible": str(error)}
    result["wall"] = round(time.monotonic() - started, 2)
    result["processor"] = round(_processor_seconds() - used, 2)
    result["peak_mb"] = own_peak_mb()
    Path(arguments[1]).write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
