"""The engines side by side: ours and the solvers a user could pick instead, behind one small interface."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any

Json = dict[str, Any]
Point = tuple[float, float, int | None]
"""Seconds since the start, cost (prizes missed + travel, see `benchmarks.grid.WORTH`), priority missed if known."""


@dataclass(frozen=True)
class Task:
    """What an engine is asked: a scenario, wall-clock seconds, a seed, cores it may use, one of its settings."""

    scenario: Json
    seconds: float
    seed: int = 1
    processes: int = 1
    setting: str = ""
    iterations: int | None = None


@dataclass
class Answer:
    """A plan and what was best when (see `Point`)."""

    plan: Json
    curve: list[Point] = field(default_factory=list)


@dataclass(frozen=True)
class Engine:
    """How an engine is run.

    `settings` are all tried and the best result counts, by number of visits of the day. `seeded` is False where a
    seed changes nothing: then one run stands for all seeds. `shares_cores` is False for an engine with one thread:
    on several cores it runs once on each, with different seeds, and the best result counts.
    `own_end` tells that the engine has no use for a time limit and stops by itself. `whole` tells that it has words
    for published problems the scenario format has none for (`Problem.whole`).
    """

    name: str
    title: str
    module: str
    package: str
    settings: Callable[[int], tuple[str, ...]]
    seeded: bool = True
    shares_cores: bool = False
    own_end: bool = False
    whole: bool = False

    @property
    def absent(self) -> bool:
        """Whether its package is not installed."""
        return importlib.util.find_spec(self.package) is None

    @property
    def version(self) -> str:
        names = {"vroom": "pyvroom"}
        if self.package == "routing":
            return str(import_module("routing.plan").VERSION)
        return version(names.get(self.package, self.package))

    def run(self, task: Task) -> Answer:
        """Solve in this process; raises `NotExpressible` where the engine has no words for the instance."""
        answer: Answer = import_module(self.module).run(task)
        return answer


def _pyvrp_settings(visits: int) -> tuple[str, ...]:
    del visits
    return "both", "distance-stiff"


def _vroom_settings(visits: int) -> tuple[str, ...]:
    return ("x5",) if visits < 1000 else ("x0",)


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            "ours",
            "ours",
            "benchmarks.engines.ours",
            "routing",
            lambda _n: ("",),
            shares_cores=True,
            whole=True,
        ),
        Engine(
            "ortools",
            "OR-Tools",
            "benchmarks.engines.ortools_routing",
            "ortools",
            lambda _n: ("insertion",),
            seeded=False,
            whole=True,
        ),
        Engine("pyvrp", "PyVRP", "benchmarks.engines.pyvrp_search", "pyvrp", _pyvrp_settings),
        Engine(
            "vroom",
            "VROOM",
            "benchmarks.engines.vroom_levels",
            "vroom",
            _vroom_settings,
            seeded=False,
            shares_cores=True,
            own_end=True,
        ),
    )
}
"""Every engine by name."""
