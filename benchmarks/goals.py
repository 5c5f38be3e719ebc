"""What the engine must reach, as data, and whether results reach it.

A goal names a figure of `benchmarks.figures`, the runs it is taken from, a bound and an aim. It counts in full only
on runs of its seconds and cores, with five seeds and three instances; with less the verdict says what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks import figures
from benchmarks.instances import STREET_ELDERS, STREETS

Json = dict[str, Any]
SEEDS, INSTANCES = 5, 3
LEAST_SHARE = 0.85
"""Of the processor time of its cores that a run must have had, for its figures to count."""


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals: figure ≤ `bound` (or ≥ where `at_least`), better still `aim`.

    `group` and `size` choose the rows; `seconds` and `processes` are how the runs must have been made.
    """

    command: str
    text: str
    figure: Callable[[list[Json]], float | None]
    bound: float
    aim: float
    group: str = ""
    size: int = 0
    seconds: float = 0
    processes: int = 1
    at_least: bool = False
    unit: str = ""

    def rows(self, rows: list[Json]) -> list[Json]:
        """The rows of a result this goal is about."""
        return [
            row
            for row in rows
            if row["group"].startswith(self.group) and (not self.size or row["size"] == self.size)
        ]

    def reaches(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


@dataclass(frozen=True)
class Judgement:
    """A goal held against results: `value` is None where the runs do not tell; `short` says what a sketch lacks."""

    goal: Goal
    value: float | None
    short: str

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        if not self.goal.reaches(self.value, self.goal.bound):
            return "missed"
        return "aim reached" if self.goal.reaches(self.value, self.goal.aim) else "reached"


GOALS = (
    Goal(
        "day", "no more priority missed than any peer (runs)", figures.more_missed, 0, 0, size=50, seconds=5
    ),
    Goal("day", "travel ÷ best peer, worst instance", figures.worst_instance, 1.005, 1.0, size=50, seconds=5),
    Goal(
        "day", "no more priority missed than any peer (runs)", figures.more_missed, 0, 0, size=150, seconds=20
    ),
    Goal(
        "day",
        "travel ÷ best peer serving the same, median",
        figures.median_ratio,
        0.95,
        0.9,
        size=150,
        seconds=20,
    ),
    Goal("day", "worst seed ÷ best seed, worst instance", figures.spread, 1.03, 1.0, size=150, seconds=20),
    Goal("day", "travel ÷ VROOM, median", figures.against("vroom"), 0.87, 0.83, size=400, seconds=60),
    Goal(
        "day", "travel at 20 s ÷ VROOM, median", figures.against("vroom", 20), 0.9, 0.87, size=400, seconds=60
    ),
    Goal("day", "travel ÷ VROOM, median", figures.against("vroom"), 0.84, 0.8, size=1000, seconds=60),
    Goal(
        "public",
        "mean gap to PyVRP",
        figures.gap_to("pyvrp"),
        0.3,
        0.0,
        group="windows",
        seconds=20,
        unit="%",
    ),
    Goal(
        "public",
        "mean gap to best known",
        figures.mean_gap,
        0.5,
        0.2,
        group="periodic",
        seconds=60,
        processes=2,
        unit="%",
    ),
    Goal(
        "public",
        "worst gap to best known (medians of seeds)",
        figures.worst_gap,
        1.5,
        1.0,
        group="periodic",
        seconds=60,
        processes=2,
        unit="%",
    ),
    Goal("public", "instances without a solution", figures.unsolved, 0, 0, group="home care", seconds=20),
    Goal(
        "public",
        "mean gap to best published",
        figures.mean_gap,
        1.0,
        0.0,
        group="home care",
        seconds=20,
        unit="%",
    ),
    Goal(
        "month",
        "all visits made after, worst run",
        figures.complete_after,
        5,
        2,
        group="town",
        size=2000,
        seconds=60,
        unit=" s",
    ),
    Goal(
        "month",
        "priority missed at 5 s beyond the long run's, share of all",
        figures.behind_long_at(5),
        0.5,
        0.2,
        group="country",
        size=2000,
        seconds=60,
        unit="%",
    ),
    Goal(
        "month",
        "cost after 60 s over the long run's, worst",
        figures.cost_over_long,
        1.0,
        0.5,
        size=2000,
        seconds=60,
        unit="%",
    ),
    Goal(
        "month",
        "visits made, worst run",
        figures.served_share,
        99.8,
        99.9,
        group="town",
        size=10000,
        seconds=120,
        processes=2,
        at_least=True,
        unit="%",
    ),
    Goal(
        "month",
        "most memory",
        figures.most_memory,
        600,
        400,
        size=10000,
        seconds=120,
        processes=2,
        unit=" MB",
    ),
    Goal("scale", "50 streets, 2 workers", figures.city_seconds, 360, 180, unit=" s"),
    Goal("scale", "last fifth of streets ÷ first fifth, time each", figures.growth, 1.1, 1.02),
    Goal("scale", "two workers ÷ one, same work", figures.speed_up, 1.8, 1.9, at_least=True),
)
"""The table of goals. Insertion quotes and repair are single calls of the engine and measured by its own tests."""


def judge_all(command: str, results: Json) -> list[Judgement]:
    """Hold every goal of a command against its results."""
    return [judge(goal, results) for goal in GOALS if goal.command == command]


def judge(goal: Goal, results: Json) -> Judgement:
    """Hold one goal against results."""
    rows = goal.rows(results["rows"])
    value = goal.figure(rows) if rows else None
    return Judgement(goal, value, "" if value is None else shortfall(goal, rows, results))


def shortfall(goal: Goal, rows: list[Json], results: Json) -> str:
    """Say what keeps a figure from counting in full; empty when nothing does."""
    if goal.command == "scale":
        lacking = []
        streets, elders = len({row["case"] for row in rows}), min(row["size"] for row in rows)
        if streets < STREETS:
            lacking.append(f"{streets} of {STREETS} streets")
        if elders < STREET_ELDERS:
            lacking.append(f"{elders} of {STREET_ELDERS} elders in a street")
        return ", ".join(lacking)
    ours = [row for row in rows if row["engine"] == "ours"]
    found = []
    seconds = {row["seconds"] for row in ours}
    if seconds != {goal.seconds}:
        found.append(f"{'/'.join(f'{value:g}' for value in sorted(seconds))} s instead of {goal.seconds:g}")
    if results["options"]["processes"] != goal.processes:
        found.append(f"{results['options']['processes']} core(s) instead of {goal.processes}")
    seeds, cases = len({row["seed"] for row in ours}), len({row["case"] for row in ours})
    if seeds < SEEDS:
        found.append(f"{seeds} of {SEEDS} seeds")
    if cases < INSTANCES:
        found.append(f"{cases} of {INSTANCES} instances")
    shares = [row["processor"] / row["wall"] for row in ours if row.get("processor") and row.get("wall")]
    share = median(shares) / results["options"]["processes"] if shares else 1.0
    if share < LEAST_SHARE:
        found.append(f"{100 * share:.0f} % of the processor (the machine was busy)")
    return ", ".join(found)
