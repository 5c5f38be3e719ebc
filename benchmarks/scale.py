"""A city of streets through the engine, one after the other, then by two workers: seconds, growth, memory.

A worker is one process on one core that takes its streets in turn: reads the scenario, solves, writes the plan.
With `iterations` each street is a fixed piece of work and two workers can be held against one; with seconds alone a
street takes what it is given, and only the rest (reading, checking, explaining, writing) shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import instances
from benchmarks.campaign import Case, Checker, Options, cores, flush
from benchmarks.child import POLL_SECONDS, Ended, family_memory, own_peak_mb
from benchmarks.engines import Task
from benchmarks.engines.ours import run as solve

Json = dict[str, Any]


def run(options: Options, streets: int, elders: int, seconds: float, seed: int = 1) -> list[Json]:
    """Run the city with one worker and with two; returns one row for each street and number of workers."""
    rows: list[Json] = []
    with tempfile.TemporaryDirectory(prefix="city-") as name:
        folder = Path(name)
        files = []
        for number, scenario in enumerate(instances.city(seed, streets, elders)):
            files.append(folder / f"{number:02}.json")
            files[-1].write_text(json.dumps(scenario), encoding="utf-8")
        for workers in (1, 2):
            if workers > options.processes:
                flush("two workers need two cores: give PROCESSES=2")
                break
            rows += _together(files, workers, options, seconds, folder)
    return rows


def _together(files: list[Path], workers: int, options: Options, seconds: float, folder: Path) -> list[Json]:
    started = time.time()
    running = []
    for worker, core in enumerate(cores(workers)):
        job = {"core": core, "files": [str(path) for path in files[worker::workers]], "started": started}
        job |= {"seconds": seconds, "iterations": options.iterations, "seed": options.seeds[0]}
        path = folder / f"job-{workers}-{worker}.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        home = Path(__file__).resolve().parents[1]
        command = [sys.executable, "-m", "benchmarks.scale", str(path), str(path.with_suffix(".out"))]
        running.append(subprocess.Popen(command, cwd=home))  # noqa: S603  the command is built here
    peak = 0
    while any(process.poll() is None for process in running):
        peak = max(peak, sum(family_memory(process.pid) for process in running))
        time.sleep(POLL_SECONDS)
    rows: list[Json] = []
    for number, process in enumerate(running):
        if process.returncode:
            raise RuntimeError(f"a worker of the city ended with {process.returncode}")
        for one in json.loads((folder / f"job-{workers}-{number}.out").read_text(encoding="utf-8")):
            rows.append(_row(one, workers, round(peak / 2**20, 1), options, seconds))
    flush(
        f"{workers} worker(s): {len(files)} streets in {max(row['ended'] for row in rows):.1f} s, "
        f"{sum(row['visits'] - row['served'] for row in rows)} visits missed, {peak / 2**20:.0f} MB"
    )
    return sorted(rows, key=lambda row: row["begun"])


def _row(one: Json, workers: int, peak: float, options: Options, seconds: float) -> Json:
    scenario = json.loads(Path(one["file"]).read_text(encoding="utf-8"))
    case = Case(scenario["name"], "street", len(scenario["elders"]), seconds, lambda: {"": scenario})
    result = {"plan": one["plan"], "curve": one["curve"], "wall": round(one["ended"] - one["begun"], 2)}
    row = Checker(case, {"": scenario}).row("", Ended(result, "", peak))
    del row["plan"], row["curve"]
    row |= {
        "case": case.name,
        "group": "street",
        "size": case.size,
        "engine": "ours",
        "setting": "",
        "way": "",
    }
    row |= {"seed": options.seeds[0], "seconds": seconds, "kept": True, "workers": workers}
    return row | {
        "begun": one["begun"],
        "ended": one["ended"],
        "resident_mb": one["resident_mb"],
        "fixed_work": options.iterations is not None,
    }


def main(arguments: list[str]) -> int:
    """Be one worker: solve the streets of a job file in turn and write what came of them."""
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [job["core"]])
    done = []
    for name in job["files"]:
        begun = time.time() - job["started"]
        scenario = json.loads(Path(name).read_text(encoding="utf-8"))
        answer = solve(Task(scenario, job["seconds"], job["seed"], 1, "", job["iterations"]))
        Path(name).with_suffix(".plan").write_text(json.dumps(answer.plan), encoding="utf-8")
        one = {"file": name, "begun": round(begun, 2), "ended": round(time.time() - job["started"], 2)}
        one |= {"plan": answer.plan, "curve": answer.curve}
        one["resident_mb"] = own_peak_mb()
        done.append(one)
    Path(arguments[1]).write_text(json.dumps(done), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
