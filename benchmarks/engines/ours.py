"""This project's engine, through its public functions only."""

from __future__ import annotations

import time

from benchmarks.engines import Answer, Point, Task
from benchmarks.grid import WORTH
from routing import Limits, Progress, Scenario, Score, solve


def run(task: Task) -> Answer:
    """Solve; the time limit counts the reading of the scenario too."""
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
