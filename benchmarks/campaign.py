"""A campaign: every engine on every instance with every seed, each result checked twice.

A row is one run as plain JSON. Rows of the settings of one engine compete: the best is `kept`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import Ended, solve_apart
from benchmarks.engines import ENGINES, Engine
from benchmarks.grid import WORTH
from benchmarks.referee import judge
from routing import Scenario, check
from routing.plan import Plan

Json = dict[str, Any]
OWN_END_CEILING = 8.0
CEILING = 2.0
CURVE_POINTS = 60
WHOLE = "whole"
FAILED = (10**9, 10**12, float("inf"))


@dataclass(frozen=True)
class Case:
    """An instance as it is run: its class, seconds, and the scenario (or several ways to put it).

    `worth` gives the cost in the unit of a published set; without it the cost is the engine's third aim.
    `whole` is a published problem that the scenarios only approach: engines with words for it get it instead.
    """

    name: str
    group: str
    size: int
    seconds: float
    make: Callable[[], dict[str, Json]]
    worth: Callable[[Json], float | None] | None = None
    facts: Json = field(default_factory=dict)
    whole: Json | None = None


@dataclass(frozen=True)
class Options:
    """How a campaign is run; `seconds` overrides each case's own."""

    engines: tuple[str, ...] = tuple(ENGINES)
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    processes: int = 1
    seconds: float | None = None
    iterations: int | None = None


def cores(processes: int) -> list[int]:
    """Return the cores to pin engines to: as many of this process's own as asked for."""
    own = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )
    if processes > len(own):
        raise ValueError(f"{processes} processes need as many cores; there are {len(own)}")
    return own[:processes]


def run(cases: Iterable[Case], options: Options, tell: Callable[[str], None] = print) -> list[Json]:
    """Run a campaign and return its rows; an engine that is not installed is told and left out."""
    present = []
    for name in options.engines:
        engine = ENGINES[name]
        if engine.absent:
            tell(f"{engine.title} is not installed and is left out (pip install '.[bench]')")
        else:
            present.append(engine)
    rows: list[Json] = []
    for case in cases:
        scenarios = case.make()
        checker = Checker(case, scenarios)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            files = {}
            for number, (way, scenario) in enumerate(scenarios.items()):
                files[way] = Path(folder) / f"{number}.json"
                files[way].write_text(json.dumps(scenario), encoding="utf-8")
            whole = {WHOLE: Path(folder) / "whole.json"} if case.whole is not None else {}
            for path in whole.values():
                path.write_text(json.dumps(case.whole), encoding="utf-8")
            for engine in present:
                seeds = options.seeds if engine.seeded else options.seeds[:1]
                for seed in seeds:
                    found = _tries(
                        case, engine, seed, options, whole or files if engine.whole else files, checker
                    )
                    rows += found
                    tell(line(next(row for row in found if row["kept"])))
    return rows


def _tries(
    case: Case, engine: Engine, seed: int, options: Options, files: dict[str, Path], checker: Checker
) -> list[Json]:
    """Run every setting of an engine in every way the case is put; mark the best row as kept."""
    seconds = case.seconds if options.seconds is None else options.seconds
    rows = []
    for setting in engine.settings(case.size):
        for way, path in files.items():
            share = seconds / len(files)
            job = {"engine": engine.name, "setting": setting, "seconds": share, "seed": seed}
            job["processes"] = options.processes if engine.shares_cores else 1
            if options.iterations is not None:
                job["iterations"] = options.iterations
            own = cores(options.processes)
            copies = [own] if engine.shares_cores else [[core] for core in own]
            ceiling = share * OWN_END_CEILING + 60 if engine.own_end else share * CEILING + 30
            for ended in solve_apart(job, path, ceiling, copies):
                row = {"case": case.name, "group": case.group, "size": case.size, "engine": engine.name}
                row |= {"setting": setting, "way": way, "seed": seed, "seconds": seconds}
                rows.append(row | checker.row(way, ended))
    total = sum(row["peak_mb"] for row in rows[: 1 if engine.shares_cores else options.processes])
    best = min(rows, key=key)
    for row in rows:
        row["kept"] = row is best
        if row is not best:
            row.pop("plan", None)
            row.pop("curve", None)
            row.pop("map", None)
    best["peak_mb"] = round(max(best["peak_mb"], total), 1)
    return rows


class Checker:
    """Both checks of a case's results."""

    def __init__(self, case: Case, scenarios: dict[str, Json]) -> None:
        self.case = case
        self.plain = scenarios
        nothing: Json = {"routes": [], "unassigned": []}
        self.all_priority = {way: judge(scenario, nothing).priority for way, scenario in scenarios.items()}
        self.read = {way: Scenario.from_dict(scenario) for way, scenario in scenarios.items()}

    def row(self, way: str, ended: Ended) -> Json:
        """Judge a result with the engine's checker and with the referee."""
        row: Json = {"peak_mb": ended.peak_mb, "valid": False}
        row |= {name: ended.result.get(name) for name in ("wall", "processor")}
        refused = ended.result.get("not_expressible")
        if ended.failure or refused:
            return row | {"failure": ended.failure or f"no words for {refused}", "refused": bool(refused)}
        plan = ended.result["plan"]
        if way == WHOLE:
            return row | self.whole(plan)
        try:
            report = check(self.read[way], Plan.from_dict(plan))
        except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
            return row | {"failure": f"the checker failed: {error!r}", "refused": False}
        verdict = judge(self.plain[way], plan)
        score = report.score
        mine = (verdict.statutory, verdict.priority, verdict.travel, verdict.cost)
        agree = (score.unserved_statutory, score.unserved_priority, score.travel_seconds, score.cost) == mine
        agree = agree and report.ok == verdict.ok
        row |= {
            "valid": report.ok and verdict.ok and agree,
            "agree": agree,
            "broken": [f"{rule}: {where}" for rule, where in verdict.broken[:5]]
            + [violation.line() for violation in report.violations[:5]],
            "statutory": verdict.statutory,
            "priority": verdict.priority,
            "all_priority": self.all_priority[way],
            "travel": verdict.travel,
            "cost": verdict.cost,
            "served": verdict.served,
            "visits": verdict.visits,
            "curve": thin(ended.result["curve"]),
            "plan": plan["routes"],
        }
        if self.case.worth is not None:
            row["worth"] = self.case.worth(plan)
        if "matrix" not in self.plain[way] and self.plain[way]["kind"] == "day":
            row["map"] = drawing(self.plain[way], plan)
        return row | {
            name: self.case.facts[name] for name in ("best_known", "trusted") if name in self.case.facts
        }

    def whole(self, plan: Json) -> Json:
        """Judge a plan for the whole published problem by its own judge; the checkers have no words for it."""
        worth = self.case.worth(plan) if self.case.worth is not None else None
        if worth is None:
            return {"failure": "no solution", "refused": True}
        scores = dict.fromkeys(("statutory", "priority", "travel", "served", "visits"), 0)
        row: Json = {**scores, "valid": True, "agree": True, "cost": worth, "worth": worth, "curve": []}
        return row | {
            name: self.case.facts[name] for name in ("best_known", "trusted") if name in self.case.facts
        }


def key(row: Json) -> tuple[float, float, float]:
    """Order of results: fewest obligations, then priority missed, then cost (or the set's own objective)."""
    if not row["valid"]:
        return FAILED
    if "worth" in row:
        return (0, 0, row["worth"]) if row["worth"] is not None else (1, row["priority"], row["cost"])
    return row["statutory"], row["priority"], row["cost"]


def thin(curve: list[list[float]]) -> list[list[float]]:
    """Keep the points of a curve that improve, at most a few dozen, the last among them."""
    best: list[list[float]] = []
    for point in curve:
        if not best or point[1] < best[-1][1]:
            best.append(point)
    if len(best) <= CURVE_POINTS:
        return best
    step = (len(best) - 1) / (CURVE_POINTS - 1)
    return [best[round(k * step)] for k in range(CURVE_POINTS)]


def drawing(day: Json, plan: Json) -> Json:
    """Return the places along each route, and the places of visits that are not made."""
    visits = {visit["id"]: visit["loc"] for visit in day["visits"]}
    workers = {worker["id"]: worker for worker in day["workers"]}
    lines, made = [], set()
    for route in plan["routes"]:
        names = [stop["visit"] for stop in route["stops"]]
        made.update(names)
        worker = workers[route["worker"]]
        end = worker.get("end") or worker["start"]
        lines.append([worker["start"], *(visits[name] for name in names), end])
    return {"routes": lines, "missed": [place for name, place in visits.items() if name not in made]}


def at(row: Json, seconds: float) -> tuple[int, int] | None:
    """Return (priority missed, travel) a run had reached after some seconds, None when nothing or not known."""
    found = None
    for when, cost, priority in row.get("curve") or ():
        if when <= seconds and priority is not None:
            found = priority, cost - priority * WORTH
    return found


def line(row: Json) -> str:
    """Return a run as one line of text."""
    head = f"{row['case']:28} {ENGINES[row['engine']].title:9} {row['setting'] or '-':14} seed {row['seed']}"
    if "priority" not in row:
        return f"{head}: {row['failure']}"
    state = (
        ""
        if row["valid"]
        else " NOT VALID " + "; ".join(row["broken"]) + ("" if row["agree"] else " (checks differ)")
    )
    worth = row.get("worth")
    own = "" if worth is None else f", cost {worth:.2f}"
    return (
        f"{head}: missed {row['priority']}, travel {row['travel']}, {row['served']}/{row['visits']} visits{own}, "
        f"{row['wall']} s, {row['peak_mb']} MB{state}"
    )


def flush(text: str) -> None:
    """Print a line at once."""
    print(text)
    sys.stdout.flush()
