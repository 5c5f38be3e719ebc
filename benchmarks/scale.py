"""A county of streets on the site, from the due list to stored routes: seconds, growth, memory, visits.

The streets are generated into a PostgreSQL and a Valkey of their own (benchmarks/county.py), one order plans them
all, and real queue workers (`tanfang worker`) compute it: once with one worker, once with two. What is measured is
the site's whole job of a street: reading who is owed what, translating, searching, checking, explaining, storing.
Then every stored plan is read back from its rows and judged by the engine's checker and by the referee.

A street's search ends after `seconds`, or after `iterations` steps: with steps each street is a fixed piece of
work, and two workers can be held against one.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.campaign import Case, Checker, Options, cores, flush
from benchmarks.child import Ended
from coordinator.config import Settings

machine = importlib.import_module("benchmarks.import")  # its servers, and a step in a process of its own
Json = dict[str, Any]
POLL_SECONDS = 0.5
AMPLE_SECONDS = 600
"""Time limit of a street whose search ends by steps."""
WAIT_SECONDS = 7200


def run(
    options: Options,
    streets: int,
    elders: int,
    seconds: float | None,
    seed: int = 1,
    workers_each: tuple[int, ...] = (1, 2),
) -> list[Json]:
    """Plan the county with one worker, then with two; returns one row for each street and number of workers.

    Give `options.iterations` or `seconds`, or both: then the first of them ends a street's search.
    """
    rows: list[Json] = []
    with machine.servers() as settings:
        made, spent, *_rest = machine.in_own_process(lambda: _build(settings, streets, elders, seed))
        flush(
            f"{streets} streets, {made['elders']} elders, {made['workers']} people to go, made in {spent:.0f} s"
        )
        for workers in workers_each:
            try:
                own = cores(workers)
            except ValueError as error:
                flush(f"not with {workers} workers: {error}")
                break
            limit = AMPLE_SECONDS if seconds is None else round(seconds)
            order = machine.in_own_process(lambda limit=limit: _order(settings, made, limit, options))[0]
            log = Path(settings.data_dir) / f"workers-{workers}.log"
            peak = _work(settings, order["batch"], own, log)
            run_of = Run(workers, peak, options, seconds, elders)
            done = machine.in_own_process(
                lambda order=order, run_of=run_of: _results(settings, order["batch"], run_of)
            )[0]
            rows += done
            _tell(done, workers, peak)
    return rows


# --- in processes of their own: the site ---------------------------------------------------------------------


@contextmanager
def _site(settings: Settings) -> Iterator[None]:
    from benchmarks import county
    from coordinator.app import create_app
    from coordinator.extensions import db
    from coordinator.kernel import clock

    app = create_app(settings)
    with app.app_context():
        clock.freeze(county.NOW)
        yield
        db.session.remove()
        db.engine.dispose()
    app.extensions["redis"].close()


def _build(settings: Settings, streets: int, elders: int, seed: int) -> Json:
    import flask_migrate

    from benchmarks import county

    with _site(settings):
        flask_migrate.upgrade(directory=str(machine.ROOT / "coordinator" / "migrations"))
        made = county.build(streets, elders, seed)
        return {
            "area": made.area_id,
            "streets": made.street_ids,
            "elders": made.elders,
            "workers": made.workers,
        }


def _order(settings: Settings, made: Json, seconds: int, options: Options) -> Json:
    """Order the drafts of all streets, and say how their search ends."""
    from sqlalchemy import text

    from benchmarks import county
    from coordinator.extensions import db
    from coordinator.kernel.access import SYSTEM
    from coordinator.kernel.areas import Area
    from coordinator.planning import services

    with _site(settings):
        area = db.session.get_one(Area, made["area"])
        batch = services.order_plans(SYSTEM, area, county.MONTH, made["streets"], seconds=seconds)
        more = json.dumps({"iterations": options.iterations})
        db.session.execute(
            text(
                "UPDATE plans SET seed = :seed, detail = detail || CAST(:more AS jsonb) WHERE batch_id = :batch"
            ),
            {"seed": options.seeds[0], "more": more, "batch": batch.id},
        )
        db.session.commit()
        return {"batch": batch.id}


def _results(settings: Settings, batch_id: int, run_of: Run) -> list[Json]:
    with _site(settings):
        return rows_of(batch_id, run_of)


def rows_of(batch_id: int, run_of: Run) -> list[Json]:
    """Every street of an order: when its job ran, and its plan as its rows say it, judged."""
    from sqlalchemy import select

    from coordinator.extensions import db
    from coordinator.kernel.queue import OwedJob
    from coordinator.planning.draft import Draft
    from coordinator.planning.models import Plan, PlanState

    plans = list(db.session.scalars(select(Plan).where(Plan.batch_id == batch_id).order_by(Plan.id)))
    owed = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("solve_plan")))
    jobs = {job.key: job for job in owed}
    first = min(begun for plan in plans if (begun := jobs[str(plan.id)].started_at))
    found = []
    for plan in plans:
        job = jobs[str(plan.id)]
        one = {
            "name": f"street {plan.area_id}",
            "begun": _after(first, job.started_at),
            "ended": _after(first, job.finished_at),
            "failure": plan.error or "",
            "summary": plan.detail.get("summary", {}),
        }
        if plan.state is PlanState.READY:
            draft = Draft(plan)
            solved = draft.solved().to_dict()
            solved["unassigned"] = [
                {"visit": row.visit_key, "reason": row.reason, "detail": {}, "remedy": None}
                for row in draft.stops
                if row.route_id is None
            ]
            one |= {"scenario": plan.scenario, "plan": solved}
        found.append(run_of.row(one))
    return found


def _after(first: datetime, then: datetime | None) -> float:
    return round((then - first).total_seconds(), 2) if then is not None else 0.0


# --- the workers ---------------------------------------------------------------------------------------------


def _work(settings: Settings, batch_id: int, own: list[int], log: Path) -> float:
    """Run a queue worker on each of these cores until the queue is empty; returns megabytes at most."""
    running = []
    with log.open("ab") as output:
        for core in own:
            command = [sys.executable, "-m", "benchmarks.scale", str(core)]
            running.append(
                subprocess.Popen(  # noqa: S603  the command is built here
                    command, cwd=machine.ROOT, env=_environment(settings), stdout=output, stderr=output
                )
            )
    peak, deadline = 0, time.monotonic() + WAIT_SECONDS
    try:
        while any(process.poll() is None for process in running):
            peak = max(peak, sum(_memory(process.pid) for process in running))
            if time.monotonic() > deadline:
                raise RuntimeError(f"order {batch_id} was not done in {WAIT_SECONDS} s")
            time.sleep(POLL_SECONDS)
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
    if any(process.returncode for process in running):
        raise RuntimeError(f"a worker ended with an error\n{log.read_text(errors='replace')[-2000:]}")
    return round(peak / 2**20, 1)


def _memory(pid: int) -> int:
    """Bytes of a worker and the job it has forked, what they share counted once."""
    with suppress(psutil.NoSuchProcess):
        worker = psutil.Process(pid)
        family = [worker, *worker.children(recursive=True)]
        return sum(int(one.memory_full_info().pss) for one in family)
    return 0  # one of them ended while it was looked at


def _environment(settings: Settings) -> dict[str, str]:
    from benchmarks import county
    from coordinator.kernel import clock

    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "NUMBA_CACHE_DIR", "ROUTING_KERNEL")
    own = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TANFANG_DATA": str(settings.data_dir),
        "TANFANG_SECRET_KEY": settings.secret_key,
        "TANFANG_FIELD_KEY": settings.field_key.hex(),
        "TANFANG_DEMO": "on",  # the clock stands still only there
        "TANFANG_NOW": f"{clock.to_local(county.NOW):%Y-%m-%dT%H:%M}",
        "PYTHONUNBUFFERED": "1",
    }
    return {name: os.environ[name] for name in kept if name in os.environ} | own


def main(arguments: list[str]) -> int:
    """Be one worker on one core; ends when the queues are empty."""
    from coordinator.worker import run_worker

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [int(arguments[0])])
    run_worker(burst=True)
    return 0


# --- rows ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What the streets of one order have in common."""

    workers: int
    peak_mb: float
    options: Options
    seconds: float | None
    elders: int

    def row(self, one: Json) -> Json:
        """A street's result as the tables and figures want it."""
        wall = round(one["ended"] - one["begun"], 2)
        row: Json = {
            "case": one["name"],
            "group": "street",
            "size": self.elders,
            "engine": "ours",
            "setting": "",
            "way": "",
            "seed": self.options.seeds[0],
            "seconds": self.seconds or 0.0,
            "steps": self.options.iterations,
            "kept": True,
            "workers": self.workers,
            "begun": one["begun"],
            "ended": one["ended"],
            "owed": one["summary"].get("visits"),
            "fixed_work": self.seconds is None,
            "wall": wall,
            "peak_mb": self.peak_mb,
        }
        if "plan" not in one:
            return row | {"valid": False, "failure": one["failure"] or "not planned"}
        scenario = one["scenario"]
        case = Case(one["name"], "street", self.elders, self.seconds or 0.0, lambda: {"": scenario})
        result = {"plan": one["plan"], "curve": [], "wall": wall}
        judged = Checker(case, {"": scenario}).row("", Ended(result, "", self.peak_mb))
        return row | {name: value for name, value in judged.items() if name not in ("plan", "curve")}


def _tell(rows: list[Json], workers: int, peak: float) -> None:
    for row in rows:
        state = "" if row["valid"] else f" NOT VALID {row.get('failure') or row.get('broken')}"
        flush(
            f"  {row['case']:12} {row['wall']:7.1f} s  {row.get('served', 0)}/{row.get('visits', 0)} visits{state}"
        )
    missed = sum(row.get("visits", 0) - row.get("served", 0) for row in rows)
    flush(
        f"{workers} worker(s): {len(rows)} streets in {max(row['ended'] for row in rows):.1f} s, "
        f"{missed} of {sum(row.get('visits', 0) for row in rows)} visits missed, {peak:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
