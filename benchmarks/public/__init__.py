"""Published instance sets as scenarios, with the best known costs.

`PUBLIC=folder` holds the sets as they are published, in folders of their own; `best_known.csv` or `bks.csv` in it
(columns file, best_known, note) or a `.sol` file beside an instance names the best known cost. Known by their form:
`.txt` Solomon and Gehring-Homberger (windows) or Cordeau (periodic), `.vrp` VRPLIB with windows and several depots,
vehicles for some clients only, or prizes, `.json` home care.

Distances are given to every engine as whole numbers: thousandths, rounded (tenths, cut off, for the
prize-collecting set, as its best known costs were). Costs are told in the unit of the set, from unrounded
coordinates where the set's best known costs are. All visits are to be made: missed visits come before distance.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """One instance: what it belongs to, its scenario (or several ways to put it), and what a plan is worth.

    `worth(plan)` is the cost in the set's own unit and objective, None for a plan that does not count there.
    `trusted` is False where the best known cost is of another objective or in doubt. `whole` is the published
    problem itself, where the scenario format cannot hold all of it.
    """

    name: str
    group: str
    make: Callable[[], dict[str, Json]]
    worth: Callable[[Json], float | None] | None = None
    best_known: float | None = None
    trusted: bool = True
    aim: str = "distance"
    size: int = 0
    facts: Json = field(default_factory=dict)
    whole: Json | None = None

    @cached_property
    def scenarios(self) -> dict[str, Json]:
        """The ways to put the problem, by name; most have one, named ""."""
        return self.make()


def find(folder: Path, only: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Yield the problems of a folder in order; `only` are parts of names or folders to keep."""
    from benchmarks.public import cordeau, homecare, solomon, vrplib

    known = best_known(folder)
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder).as_posix()
        if only and not any(part.lower() in where.lower() for part in only):
            continue
        best, note = known.get(where, (None, ""))
        if path.suffix == ".json":
            yield homecare.read(path, where, best)
        elif path.suffix == ".vrp":
            yield vrplib.read(path, where, _solution_cost(path, best))
        elif path.suffix == ".txt" and solomon.fits(path):
            yield solomon.read(path, where, best, trusted="vehicles-first" not in note)
        elif path.suffix == ".txt":
            yield cordeau.read(path, where, best)


def best_known(folder: Path) -> dict[str, tuple[float | None, str]]:
    """Return best known cost and note by file, from the first list there is."""
    for name in ("best_known.csv", "bks.csv"):
        path = folder / name
        if path.exists():
            with path.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines))
            return {
                row["file"]: (float(row["best_known"]) if row["best_known"] else None, row.get("note") or "")
                for row in rows
            }
    return {}


def _solution_cost(path: Path, listed: float | None) -> float | None:
    """Cost line of a `.sol` file (whole numbers of the rounded scale) before the list."""
    from benchmarks.public import vrplib

    solution = path.with_suffix(".sol")
    if not solution.exists():
        return listed
    for line in solution.read_text(encoding="utf-8").splitlines():
        if line.startswith("Cost"):
            return float(line.split()[-1]) / vrplib.scale_of(path)
    return listed


def euclid(places: list[tuple[float, float]], scale: int, cut: bool = False) -> list[list[int]]:
    """Return scaled whole distances between points of a plane: rounded, or cut off."""
    whole = math.floor if cut else round
    return [[whole(math.dist(a, b) * scale) for b in places] for a in places]


def worth_of_a_visit(table: list[list[int]]) -> int:
    """More than any detour: what a missed visit costs a solver that knows only one sum."""
    return 10 * max(map(max, table))


def degrees(places: list[tuple[float, float]]) -> list[list[float]]:
    """Draw a plane on the map: places for the scenario format; distances come from the matrix.

    Longitudes stay far from latitudes, so that no place looks as if its two numbers were exchanged.
    """
    reach = max((abs(part) for place in places for part in place), default=1.0) or 1.0
    return [[round(y / reach * 40, 6), round(x / reach * 40 + 100, 6)] for x, y in places]


def length(
    plan: Json, places: list[tuple[float, float]], index: dict[str, int], depots: dict[str, int]
) -> float:
    """Return the unrounded length of a plan's routes; `index` and `depots` give places of visits and workers."""
    total = 0.0
    for route in plan["routes"]:
        if not route["stops"]:
            continue
        depot = depots[route["worker"]]
        path = [depot, *(index[stop["visit"].partition("#")[0]] for stop in route["stops"]), depot]
        total += sum(math.dist(places[a], places[b]) for a, b in pairwise(path))
    return total
