"""This project's engine, through its public functions only; whole home care problems by its method."""

from __future__ import annotations

import time
from dataclasses import astuple

from benchmarks.engines import Answer, Point, Task
from benchmarks.grid import WORTH, NotExpressible
from routing import Limits, Progress, Scenario, Score, kernel, solve


def run(task: Task) -> Answer:
    """Solve; the time limit counts the reading of the scenario too."""
    if "patients" in task.scenario:
        return _homecare(task)
    started = time.monotonic()
    curve: list[Point] = []
    worth = task.scenario.get("prize_worth", WORTH)

    def note(seconds: float, score: Score | None) -> None:
        if score is None:
            return
        cost = score.unserved_priority * worth + score.travel_seconds
        if not curve or curve[-1][1] != cost:
            curve.append((round(seconds, 2), cost, score.unserved_priority))

    def listen(progress: Progress) -> None:
        note(progress.seconds, progress.best_score)

    limits = Limits(task.seconds, task.seed, task.processes, task.iterations)
    plan = solve(Scenario.from_dict(task.scenario), limits, listen, started=started)
    note(time.monotonic() - started, plan.score)
    return Answer(plan.to_dict(), curve)


def _homecare(task: Task) -> Answer:
    """Solve a whole home care problem, for which the engine itself has no words (see `ours_homecare`)."""
    if not kernel.available():
        raise NotExpressible("home care without compiled code")
    from benchmarks.engines import ours_homecare

    routes, curve = ours_homecare.solve(
        task.scenario, task.seconds, task.seed, task.iterations, task.processes
    )
    calls = {name: [astuple(call) for call in made] for name, made in routes.items()}
    return Answer({"calls": calls}, [(seconds, cost, None) for seconds, cost in curve])
