"""The engine on the command line: ``python -m routing solve|check|explain|bound|roads|compile``.

Exit codes: 0 good, 1 violations found by ``check``, 2 bad input or usage.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from routing import kernel
from routing.bound import bound
from routing.check import check
from routing.conflict import conflicts_of
from routing.errors import ScenarioError
from routing.explain import explain
from routing.keep import write_whole
from routing.limits import Limits, Progress
from routing.model import Model
from routing.osrm import Osrm, RoadsError
from routing.plan import Plan
from routing.roadcache import RoadCache
from routing.roads import with_roads
from routing.scenario import Scenario
from routing.schedule import schedule
from routing.solve import solve

CONFLICT_SECONDS = 10.0
IN_PLAN = ("no_time_left", "day_visits_reached")
"""Reasons that lie in what else is planned on the day: the visits in conflict are told as well."""


class _BadInput(Exception):
    """A file that cannot be used; the message is one line."""


def main(arguments: Sequence[str] | None = None, started: float | None = None) -> int:
    """Run one command and return its exit code."""
    begun = time.monotonic() if started is None else started
    options = _parser().parse_args(arguments)
    try:
        if options.command == "solve":
            return _solve(options, begun)
        if options.command == "check":
            return _check(options)
        if options.command == "roads":
            return _roads(options)
        if options.command == "compile":
            return _compile()
        if options.command == "bound":
            return _bound(options)
        return _explain(options)
    except _BadInput as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing", description="Plan visits.")
    commands = parser.add_subparsers(dest="command", required=True)
    solving = commands.add_parser("solve", help="make a plan")
    solving.add_argument("scenario", type=Path)
    solving.add_argument("-o", "--output", type=Path, help="where to write the plan (else standard output)")
    solving.add_argument("--time-limit", type=_seconds, default=30.0, help="wall-clock seconds")
    solving.add_argument("--seed", type=int, default=1)
    solving.add_argument("--processes", type=_count, default=2)
    solving.add_argument("--iterations", type=_count, default=None, help="improvement steps at most")
    solving.add_argument("--start", type=Path, help="a plan to begin from")
    solving.add_argument("--progress", action="store_true", help="tell the progress on standard error")
    for name, text in (("check", "check and score a plan"), ("explain", "say why visits are unassigned")):
        other = commands.add_parser(name, help=text)
        other.add_argument("scenario", type=Path)
        other.add_argument("plan", type=Path)
    bounding = commands.add_parser("bound", help="prove how many visits are possible at most")
    bounding.add_argument("scenario", type=Path)
    bounding.add_argument("--time-limit", type=_seconds, default=15.0, help="wall-clock seconds")
    commands.add_parser("compile", help="compile the kernel ahead, so that no run has to")
    road = commands.add_parser("roads", help="put a matrix of road times into a scenario")
    road.add_argument("scenario", type=Path)
    road.add_argument("-o", "--output", type=Path, help="where to write the scenario (else standard output)")
    road.add_argument("--osrm", action="append", required=True, metavar="MODE=URL", help="for each mode")
    road.add_argument("--retries", type=int, default=4, help="how often a request is repeated")
    road.add_argument("--cache", type=Path, help="a file that remembers what was asked for")
    road.add_argument("--strict", action="store_true", help="no estimates where the engine does not answer")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError("give seconds, more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("give an integer of at least 1")
    return value


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _BadInput(f"{path}: cannot be read ({error.strerror}); give an existing file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _BadInput(f"{path}: not JSON ({error}); mend the file") from None


def _scenario(path: Path) -> Scenario:
    try:
        return Scenario.from_dict(_read(path))
    except ScenarioError as error:
        raise _BadInput(_first(path, error)) from None


def _plan(path: Path, scenario: Scenario) -> Plan:
    try:
        plan = Plan.from_dict(_read(path))
    except ScenarioError as error:
        raise _BadInput(_first(path, error)) from None
    if plan.timed:
        return plan
    orders: dict[tuple[str, int], list[str]] = {}
    for route in plan.routes:
        orders.setdefault((route.worker, route.day), []).extend(stop.visit for stop in route.stops)
    try:
        return schedule(scenario, orders)
    except KeyError as error:
        raise _BadInput(f"{path}: {error.args[0]!r} is not in the scenario; mend the plan") from None


def _first(path: Path, error: ScenarioError) -> str:
    more = f" (and {len(error.errors) - 1} more)" if len(error.errors) > 1 else ""
    return f"{path}: {error.errors[0].line()}{more}"


def _solve(options: argparse.Namespace, started: float) -> int:
    scenario = _scenario(options.scenario)
    start = None if options.start is None else _plan(options.start, scenario)
    limits = Limits(options.time_limit, options.seed, options.processes, options.iterations)
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        del number, frame
        interrupted = True

    asked = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        tell = _tell if options.progress else None
        plan = solve(scenario, limits, tell, lambda: interrupted, start, started, options.output)
    finally:
        for number, previous in asked.items():
            signal.signal(number, previous)
    _write(options.output, json.dumps(plan.to_dict(), ensure_ascii=False, indent=1))
    return 0


def _write(path: Path | None, text: str) -> None:
    if path is None:
        print(text)
        return
    try:
        write_whole(path, text + "\n")
    except OSError as error:
        raise _BadInput(f"{path}: cannot be written ({error.strerror}); give another file") from None


def _tell(progress: Progress) -> None:
    score = progress.best_score
    line = {
        "percent": progress.percent,
        "stage": progress.stage,
        "seconds": round(progress.seconds, 1),
        "score": None if score is None else score.to_dict(),
        "detail": progress.detail,
    }
    print(json.dumps(line), file=sys.stderr, flush=True)


def _check(options: argparse.Namespace) -> int:
    scenario = _scenario(options.scenario)
    report = check(scenario, _plan(options.plan, scenario))
    print(json.dumps(report.score.to_dict()))
    for violation in report.violations:
        print(violation.line())
    return 0 if report.ok else 1


def _explain(options: argparse.Namespace) -> int:
    scenario = _scenario(options.scenario)
    plan = _plan(options.plan, scenario)
    reasons = explain(scenario, plan)
    model, until = Model(scenario), time.monotonic() + CONFLICT_SECONDS
    for found in reasons:
        print(f"{found.visit}: {found.reason}: {found.text}")
        for remedy in found.remedies:
            print(f"  {remedy.text}")
        if found.reason in IN_PLAN and time.monotonic() < until:
            for conflict in conflicts_of(model, plan, found.visit):
                print(f"  {conflict.text}")
    if reasons:
        print(bound(scenario).text)
    return 0


def _bound(options: argparse.Namespace) -> int:
    found = bound(_scenario(options.scenario), options.time_limit)
    print(found.text)
    print(json.dumps(found.to_dict(), ensure_ascii=False))
    return 0


def _roads(options: argparse.Namespace) -> int:
    scenario = _scenario(options.scenario)
    given = [entry.partition("=") for entry in options.osrm]
    addresses: dict[str, str] | str = {mode: url for mode, mark, url in given if mark}
    if len(given) == 1 and "//" in given[0][0]:
        addresses = options.osrm[0]
    cache = None if options.cache is None else RoadCache(options.cache)
    try:
        with Osrm(addresses, retries=options.retries) as engine:
            found, report = with_roads(scenario, engine, cache, strict=options.strict)
    except (RoadsError, ValueError) as error:
        raise _BadInput(f"{error}; start the road engine or plan without it") from None
    _write(options.output, json.dumps(found.to_dict(), ensure_ascii=False))
    print(report.line(), file=sys.stderr)
    return 0


def _compile() -> int:
    if not kernel.available():
        print("nothing to compile: numba is not installed or switched off; plans are made without it")
        return 0
    print(f"compiled in {kernel.compile_ahead():.1f} s")
    return 0


if __name__ == "__main__":
    # the processor time used so far is the loading of this program: it counts towards the time limit
    sys.exit(main(started=time.monotonic() - time.process_time()))
