"""The whole run: read, assign, route, improve, check, explain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from random import Random

from routing.construct import construct, load_plan
from routing.draft import checked, score_of
from routing.explain import explain_state
from routing.improve import Improver
from routing.limits import Clock, Limits, Progress
from routing.model import Model
from routing.plan import Plan, Stage
from routing.scenario import Scenario
from routing.state import State

OnProgress = Callable[[Progress], None]


def solve(
    scenario: Scenario,
    limits: Limits,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
    start: Plan | None = None,
    started: float | None = None,
) -> Plan:
    """Return the best plan found within the limits; it always passes the checker.

    `start` is a plan to re-plan from: what it contains is kept as a beginning, the scenario's pins
    stay. `started` (a `time.monotonic` value) moves the beginning of the time limit back.
    """
    begun = time.monotonic() if started is None else started
    clock = Clock(limits, should_stop, begun)
    tell = on_progress or _silent
    tell(Progress(0, "obligations", clock.seconds, None))
    model = Model(scenario)
    state = State(model)
    if start is not None:
        load_plan(model, state, start)
    construct(model, state, None, clock.over)
    stages = [Stage("assign", clock.seconds, score_of(state).key)]
    tell(Progress(5, "assign", clock.seconds, score_of(state)))
    improver = Improver(model, state, limits.seed)
    told = clock.seconds
    opened, limit = clock.seconds, max(0.01, clock.left)
    best = score_of(state)
    while not clock.over() and (limits.iterations is None or improver.steps < limits.iterations):
        done = (clock.seconds - opened) / limit
        if limits.iterations is not None:
            done = improver.steps / limits.iterations
        if improver.step(done):
            best = score_of(state)
        if clock.seconds - told > 0.4:
            told = clock.seconds
            tell(Progress(5 + int(90 * done), "route", told, best, str(improver.steps)))
    state.restore(improver.best)
    construct(model, state, Random(limits.seed))  # noqa: S311 - reproducible, no secret
    stages.append(Stage("route", clock.seconds - opened, score_of(state).key))
    plan, report = checked(model, state)
    tell(Progress(100, "draft", clock.seconds, report.score))
    left = tuple(found.unassigned() for found in explain_state(model, state))
    return replace(plan, unassigned=left, seconds=clock.seconds, stages=tuple(stages))


def _silent(progress: Progress) -> None:
    del progress
