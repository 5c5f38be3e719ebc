"""The whole run: read, assign, route, improve, check, explain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path

from routing import kernel
from routing.construct import construct, construct_hard, load_plan
from routing.draft import checked, score_of
from routing.explain import explain_state
from routing.keep import Keeper, told
from routing.limits import Clock, Limits, Progress
from routing.model import Model
from routing.parallel import search_together
from routing.plan import Plan, Score, Stage
from routing.scenario import Scenario
from routing.search import Search
from routing.state import State

OnProgress = Callable[[Progress], None]
TELL_SECONDS = 0.3
WORTH_A_PROCESS = 2.0
"""Seconds that must be left for child processes to be worth their start."""
READOUT_SECONDS = 1.5e-4
READOUT_SHARE = 0.1
"""What writing out, checking and explaining a plan takes for each visit, and its most of the time limit."""
EXPLAIN_LEAST, EXPLAIN_SHARE = 3.0, 0.1
"""Seconds for finding reasons, and their share of the time limit where that is more."""
LAST_TRIES = 100_000
"""Missing visits × routes up to which everything is tried once more at the end."""


def solve(
    scenario: Scenario,
    limits: Limits,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
    start: Plan | None = None,
    started: float | None = None,
    keep: Path | None = None,
) -> Plan:
    """Return the best plan found within the limits; it always passes the checker.

    `should_stop` is asked about ten times a second; when it says yes the best plan so far is
    returned. `start` is a plan to re-plan from: what still fits is the beginning, and the
    scenario's pins stay. `started` (a `time.monotonic` value) moves the beginning of the time
    limit back. Both callbacks run in the calling thread. `keep` is a file that gets the best plan every
    few seconds, for a run that may be killed.
    """
    clock = Clock(limits, should_stop, time.monotonic() if started is None else started)
    teller = _Teller(clock, on_progress)
    teller.tell(0, "obligations", None)
    model = Model(scenario)
    clock.excuse(-min(READOUT_SHARE * limits.time_limit, READOUT_SECONDS * model.needs))
    state = State(model)
    if start is not None:
        load_plan(model, state, start)
    teller.tell(2, "assign", None)
    compiled = kernel.suits(model)
    if compiled:
        _compile_once(teller, clock)
        construct_hard(model, state, lambda: teller.over("assign", state))
    else:
        construct(model, state, None, lambda: teller.over("assign", state))
    stages = [Stage("construct", clock.seconds, score_of(state).key)]
    teller.tell(5, "assign", score_of(state))

    def listen(stage: str, done: float, score: Score) -> None:
        teller.tell(5 + int(90 * done), stage, score, pause=TELL_SECONDS)

    assigning = start is None
    together = limits.processes > 1 and clock.left > WORTH_A_PROCESS and model.needs > 1
    if together:
        with told(keep):
            stages += search_together(model, state, limits, clock, listen, assigning=assigning)
    if not together or (not clock.over() and clock.left > WORTH_A_PROCESS and limits.iterations is None):
        keeper = None if keep is None else Keeper(model, keep, time.time())

        def listen_and_keep(stage: str, done: float, score: Score) -> None:
            listen(stage, done, score)
            if keeper is not None:
                keeper.offer(search.key, lambda: search.best)

        search = Search(model, state, limits, clock, listen_and_keep)
        search.run(assigning=assigning and not together)
        state.restore(search.best)
        stages += search.stages
    teller.tell(96, "check", score_of(state))
    if len(state.absent) * model.workers * model.days < LAST_TRIES:
        construct(model, state)
    plan, report = checked(model, state)
    # a run by steps gives the same plan each time, its reasons included
    seconds = inf if limits.iterations is not None else max(EXPLAIN_LEAST, EXPLAIN_SHARE * limits.time_limit)
    left = tuple(found.unassigned() for found in explain_state(model, state, seconds))
    teller.tell(100, "draft", report.score)
    return replace(plan, unassigned=left, seconds=clock.seconds, stages=tuple(stages))


def _compile_once(teller: _Teller, clock: Clock) -> None:
    """Compile the kernel where a fresh installation has not yet; this time does not count."""
    if not kernel.is_compiled():
        teller.tell(2, "assign", None, detail="compiling once")
        clock.excuse(kernel.compile_ahead())


class _Teller:
    """Passes progress on, not too often; percent and stage never go back."""

    def __init__(self, clock: Clock, on_progress: OnProgress | None) -> None:
        self.clock, self.on_progress = clock, on_progress
        self.percent = 0
        self.last = -1.0
        self.route_begun = False

    def tell(
        self, percent: int, stage: str, score: Score | None, pause: float = 0.0, detail: str = ""
    ) -> None:
        """Pass one event on unless the last one is less than `pause` seconds old."""
        now = self.clock.seconds
        if self.on_progress is None or now - self.last < pause:
            return
        self.last = now
        self.percent = max(self.percent, min(100, percent))
        self.route_begun = self.route_begun or stage == "route"
        shown = "route" if stage == "assign" and self.route_begun else stage
        self.on_progress(Progress(self.percent, shown, now, score, detail))

    def over(self, stage: str, state: State) -> bool:
        """Whether the search must end; keeps the listener informed meanwhile."""
        self.tell(self.percent, stage, score_of(state), pause=TELL_SECONDS)
        return self.clock.over()
