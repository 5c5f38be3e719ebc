"""Ours and the solvers a user could pick instead, on the same instances, cores and seconds.

    python -m benchmarks.compare day|month|public|scale [options]

Engines run one after the other, each pinned to the same number of cores, in processes of their own. Every result
is checked by the engine's checker and by the referee. Prints each run, a table of medians and worst seeds, and the
goals; writes JSON into var/benchmarks. Exit code 1 when a result is not valid or the two checks differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import campaign, goals, instances, public, results, scale, table
from benchmarks.campaign import Case, Options, flush
from benchmarks.engines import ENGINES

Json = dict[str, Any]
DAY_SECONDS = {50: 5.0, 150: 20.0, 400: 60.0, 1000: 60.0}
MONTH_SECONDS = {300: 10.0, 2000: 60.0, 10000: 120.0}
PUBLIC_SECONDS = {"periodic": 60.0}
OTHER_SECONDS = 20.0
STREET_STEPS = 25_000
"""Steps of a street's search where no seconds are given: about 7 s of one core for 2,000 elders."""
HOME = Path(__file__).resolve().parents[1]
REGIONS = {"urban": "town", "rural": "country"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
    try:
        seeds = tuple(range(1, options.seeds + 1))
        chosen = Options(
            tuple(options.engines), seeds, options.processes, options.seconds, options.iterations
        )
        campaign.cores(options.processes)
        rows = _rows(options, chosen)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not rows:
        print("no instance was found; see --only, --instances, --public", file=sys.stderr)
        return 2
    told = {"seconds": options.seconds, "seeds": options.seeds, "processes": options.processes}
    told |= {"only": options.only, "iterations": options.iterations}
    if options.command == "scale":
        told |= {"processes": max(row["workers"] for row in rows), "iterations": rows[0]["steps"]}
    path, found = results.save(options.command, told, rows, options.out)
    print()
    print(table.aligned(table.by_class(rows)))
    judged = goals.judge_all(options.command, found)
    print()
    print(table.aligned(table.goals(judged)))
    print(f"\nwritten: {path}")
    bad = [row for row in rows if not row["valid"] and not row.get("refused")]
    for row in bad:
        print(f"not valid: {row['case']} {row['engine']}: {row.get('failure') or row.get('broken')}")
    return 1 if bad else 0


def _rows(options: argparse.Namespace, chosen: Options) -> list[Json]:
    if "ours" in chosen.engines:
        _warm_up("routing", "compile")
        if options.command == "public" and options.public is not None and any(options.public.rglob("*.json")):
            _warm_up("benchmarks.engines.ours_homecare")
    if options.command == "scale":
        if options.seconds is None and options.iterations is None:
            chosen = replace(chosen, iterations=STREET_STEPS)
        return scale.run(
            chosen, options.streets, options.elders, options.seconds, workers_each=options.workers
        )
    if options.command == "public":
        if options.public is None:
            raise ValueError("give the folder of the published sets: PUBLIC=folder")
        return campaign.run(_public(options), chosen, flush)
    cases = list(_generated(options))
    rows = campaign.run(cases, chosen, flush)
    if options.command == "month" and options.long:
        long = Options(("ours",), chosen.seeds[:1], chosen.processes, options.long)
        flush(f"reference: {options.long:g} s")
        rows += [row | {"long": True} for row in campaign.run(cases, long, flush)]
    return rows


def _warm_up(*module: str) -> None:
    """Compile ahead, as an installation does, before any clock runs."""
    command = [sys.executable, "-m", *module]
    told = subprocess.run(command, cwd=HOME, capture_output=True, text=True)  # noqa: S603  the command is built here
    flush((told.stdout or told.stderr).strip())
    if told.returncode:
        raise ValueError("the engine cannot be compiled ahead")


def _generated(options: argparse.Namespace) -> Iterator[Case]:
    """The invented instances of a command, or the scenario files of a folder."""
    month = options.command == "month"
    for scenario in _folder(options.instances) if options.instances else _invented(month, options.only):
        if scenario["kind"] != options.command or not _wanted(scenario["name"], options.only):
            continue
        size = len(scenario["elders" if month else "visits"])
        known = MONTH_SECONDS if month else DAY_SECONDS
        seconds = next((known[most] for most in sorted(known) if size <= most), max(known.values()))
        region = scenario.get("region", "")
        group = " ".join(filter(None, (REGIONS.get(region, region), scenario.get("load", "")))) or "given"
        yield Case(scenario["name"], group, size, seconds, lambda scenario=scenario: {"": scenario})


def _invented(month: bool, only: tuple[str, ...]) -> Iterator[Json]:
    for name in instances.month_names() if month else instances.day_names():
        if _wanted(name, only):
            yield instances.named(name)


def _folder(folder: Path) -> Iterator[Json]:
    for path in sorted(folder.glob("*.json")):
        scenario = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(scenario, dict) and "kind" in scenario:
            yield {"name": path.stem, **scenario}


def _public(options: argparse.Namespace) -> Iterable[Case]:
    if not options.public.is_dir():
        raise ValueError(f"{options.public} is no folder")
    for problem in public.find(options.public, options.only):
        seconds = PUBLIC_SECONDS.get(problem.group, OTHER_SECONDS)
        facts = {"best_known": problem.best_known, "trusted": problem.trusted}
        make = problem.make
        yield Case(
            problem.name, problem.group, problem.size, seconds, make, problem.worth, facts, problem.whole
        )


def _wanted(name: str, only: tuple[str, ...]) -> bool:
    return not only or any(part in name for part in only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Compare engines.")
    parser.add_argument("command", choices=("day", "month", "public", "scale"))
    parser.add_argument("--seconds", type=float, help="for each run (else by size)")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 1")
    parser.add_argument(
        "--only", type=_parts, default=(), help="parts of instance names, separated by commas"
    )
    parser.add_argument("--engines", type=_engines, default=tuple(ENGINES), help="ours,ortools,pyvrp,vroom")
    parser.add_argument("--processes", type=int, default=1, help="cores for each engine")
    parser.add_argument("--iterations", type=int, help="improvement steps of ours at most (scale: 25,000)")
    parser.add_argument(
        "--instances", type=Path, help="a folder of scenario files instead of the invented ones"
    )
    parser.add_argument("--public", type=Path, help="a folder of published sets")
    parser.add_argument(
        "--long", type=float, help="month: seconds of a long run of ours to hold the others against"
    )
    parser.add_argument("--streets", type=int, default=instances.STREETS, help="scale: number of streets")
    parser.add_argument(
        "--elders", type=int, default=instances.STREET_ELDERS, help="scale: elders of a street"
    )
    parser.add_argument(
        "--workers", type=_numbers, default=(1, 2), help="scale: queue workers of each run, as 1,2"
    )
    parser.add_argument("--out", type=Path, help="where to write the results")
    return parser


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _parts(text))


def _engines(text: str) -> tuple[str, ...]:
    names = _parts(text)
    for name in names:
        if name not in ENGINES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(ENGINES)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
