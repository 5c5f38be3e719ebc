"""Write docs/benchmarks.md and its pictures from result files: no figure of that page is typed by hand.

    python -m benchmarks.render RESULT.json [...] [--page docs/benchmarks.md]

Several files of one command are joined; of an instance that is in two of them the last one counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks import goals, results, table

Json = dict[str, Any]
PAGE = Path("docs/benchmarks.md")
TITLES = {"day": "Days", "month": "Months", "public": "Published sets", "scale": "A city"}
MOST_INSTANCES = 60
INTRODUCTION = Path(__file__).with_name("introduction.md")
SKETCH = (
    "\n> **Short run.** {what} The figures show that the commands work and roughly where the engine stands; "
    "they do not count against the goals.\n"
)


CURVES = (
    "Cost is missed priority × 10,000 s + travel, over the best reached by any engine; one instance of each size, "
    "the middle seed."
)


def main(arguments: list[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.render", description="Write docs/benchmarks.md."
    )
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    try:
        parts: dict[str, list[Json]] = {}
        for path in options.results:
            one = results.load(path)
            parts.setdefault(one["command"], []).append(one)
        found = {command: results.joined(files) for command, files in parts.items()}
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    options.page.parent.mkdir(parents=True, exist_ok=True)
    options.page.write_text(page(found, options.page.with_suffix("")), encoding="utf-8")
    print(options.page)
    return 0


def page(found: dict[str, Json], pictures: Path) -> str:
    """Return the page of results by command; pictures are written into a folder beside it."""
    parts = [INTRODUCTION.read_text(encoding="utf-8")]
    parts += [_section(command, found[command], pictures) for command in TITLES if command in found]
    return "\n".join(parts)


def _section(command: str, result: Json, pictures: Path) -> str:
    judged = goals.judge_all(command, result)
    rows = result["rows"]
    lines = [f"## {TITLES[command]}", "", _circumstances(result)]
    lacks = sorted({one.short for one in judged if one.short})
    if lacks or all(one.value is None for one in judged):
        lines.append(
            SKETCH.format(what="; ".join(lacks).capitalize() + "." if lacks else "No goal is measured by it.")
        )
    lines += ["### Goals", "", table.markdown(table.goals(judged)), ""]
    if command != "scale":
        lines += ["### Classes", "", table.markdown(table.by_class(rows)), ""]
        cases = table.by_case(rows)
        shown = cases[: MOST_INSTANCES + 1]
        lines += ["### Instances", "", table.markdown(shown), ""]
        if len(cases) > len(shown):
            lines += [f"{len(cases) - len(shown)} more are in the result file.", ""]
    lines += _pictures(command, rows, pictures)
    return "\n".join(lines)


def _circumstances(result: Json) -> str:
    versions = {**result["engines"], **result["libraries"], "Python": result["python"]}
    options = result["options"]
    seconds = "/".join(f"{one:g}" for one in sorted({row["seconds"] for row in result["rows"]}))
    seeds = "/".join(map(str, sorted(_seeds(result["rows"]))))
    load = " ".join(map(str, result["load_average"]))
    lines = [
        f"Measured {result['date'][:10]}, revision {result['revision'] or 'unknown'}.",
        ", ".join(f"{name} {number}" for name, number in versions.items()) + ".",
        f"{result['processor']}, {result['cores']} cores, {result['memory_gb']} GB; load at the end {load}.",
        f"{_share(result['rows'], seconds)}, {options['processes']} core(s), {seeds} seed(s).",
    ]
    return " ".join(lines)


def _share(rows: list[Json], seconds: str) -> str:
    """What each run was given: seconds, or so many steps of the search."""
    steps = sorted({row["steps"] for row in rows if row.get("steps") and row.get("fixed_work")})
    return f"{'/'.join(map(str, steps))} steps for each street" if steps else f"{seconds} s for each run"


def _seeds(rows: list[Json]) -> set[int]:
    """How many seeds ours was run with, instance by instance."""
    found: dict[str, set[int]] = {}
    for row in rows:
        if row["engine"] == "ours":
            found.setdefault(row["case"], set()).add(row["seed"])
    return {len(seeds) for seeds in found.values()}


def _pictures(command: str, rows: list[Json], folder: Path) -> list[str]:
    try:
        from benchmarks import pictures
    except ModuleNotFoundError as error:
        print(f"no pictures: {error.name} is not installed (pip install '.[bench]')", file=sys.stderr)
        return []
    lines = []
    if command in ("day", "month") and pictures.curves(rows, folder / f"{command}-curves.svg"):
        lines += [f"![Best cost over time]({folder.name}/{command}-curves.svg)", ""]
        lines += [CURVES, ""]
    if command == "day":
        case = pictures.route_map(rows, folder / "day-map.svg")
        if case:
            lines += [
                f"![Routes of {case}]({folder.name}/day-map.svg)",
                "",
                f"Routes of `{case}`: squares are starts.",
                "",
            ]
    if command == "scale" and pictures.streets(rows, folder / "scale-streets.svg"):
        lines += [f"![Streets planned over time]({folder.name}/scale-streets.svg)", ""]
    return lines


if __name__ == "__main__":
    sys.exit(main())
