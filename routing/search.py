"""The search in one process: days and workers, routes, then improvement until the end.

The order of work is the same alone and in a child process; only who listens differs.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from routing import kernel
from routing.construct import construct
from routing.draft import score_of
from routing.improve import Improver
from routing.limits import Clock, Limits
from routing.model import Model
from routing.plan import Score, Stage
from routing.state import Key, Snapshot, State
from routing.travel import metres

if TYPE_CHECKING:
    from routing.kernel.improver import KernelImprover

ASSIGN_SHARE = 0.2
ASSIGN_SECONDS = 12.0
ASSIGN_WORK = 4.0
"""CP-SAT's share of the time, its most seconds, and its deterministic time in a repeatable run."""
GROUP_STOPS = 40
POLISH_EVERY = 400
POLISH_SECONDS = 0.5
"""A bound that is not reached: a group of this size takes some hundredths of a second."""
LISTEN_EVERY = 20
SLICE_SECONDS = 0.08
REPEATABLE_SLICES = 40
TURNS = 25
TURN_SHARE = 0.2
"""With the kernel: how often the interpreter has a turn at shared visits, and its share of the time."""

Listener = Callable[[str, float, Score], None]
"""Told the stage, how far it is (0 to 1) and the best score; called several times a second."""
Exchange = Callable[[Key], Snapshot | None]
"""Given the aims of the best so far, returns a better snapshot from elsewhere or None."""


class Search:
    """One run over one state; `best` and `key` hold the best snapshot and its aims."""

    def __init__(
        self,
        model: Model,
        state: State,
        limits: Limits,
        clock: Clock,
        listen: Listener,
        exchange: Exchange | None = None,
    ) -> None:
        self.model, self.state, self.limits, self.clock = model, state, limits, clock
        self.listen, self.exchange = listen, exchange
        self.repeatable = limits.iterations is not None
        self.rng = Random(limits.seed)  # noqa: S311 - reproducible, no secret
        self.stages: list[Stage] = []
        self.key: Key = state.key
        self.score = score_of(state)
        self._best: Snapshot | None = state.snapshot()
        self._compiled: KernelImprover | None = None

    @property
    def best(self) -> Snapshot:
        """The best plan found; put together when it is asked for."""
        if self._best is None:
            self._best = self._compiled.best if self._compiled is not None else self.state.snapshot()
        return self._best

    def run(self, *, assigning: bool) -> None:
        """Do all stages; `assigning` lets CP-SAT decide days and workers of a month first."""
        opened = self.clock.seconds
        self._compiled = kernel.compiled_improver(self.model, self.state, self.limits.seed)
        if self._compiled is not None:
            self._fill(self._compiled)
            self.stages.append(Stage("construct", self.clock.seconds - opened, self.score.key))
            opened = self.clock.seconds
            self.anneal(self._compiled)
            self.stages.append(Stage("improve", self.clock.seconds - opened, self.score.key))
            return
        if assigning and self.model.scenario.is_month and not self.clock.over():
            self.assign()
            self.stages.append(Stage("assign", self.clock.seconds - opened, self.score.key))
        opened = self.clock.seconds
        self.route_days()
        self.stages.append(Stage("route", self.clock.seconds - opened, self.score.key))
        opened = self.clock.seconds
        self.improve()
        self.stages.append(Stage("improve", self.clock.seconds - opened, self.score.key))

    def _take(self) -> None:
        if self.state.key < self.key:
            self.key, self._best = self.state.key, self.state.snapshot()
            self.score = score_of(self.state)

    def _over(self) -> bool:
        self.listen("assign", 0.0, self.score)
        return self.clock.over()

    def assign(self) -> None:
        """Let CP-SAT decide days and workers; keep its answer unless it serves less.

        Its tours are longer at first, but it gathers neighbours on the same worker-days, which the
        improvement profits from (figures in docs/planning.md).
        """
        from routing import assign  # takes half a second to load, and the compiled kernel does without

        seconds = min(ASSIGN_SECONDS, ASSIGN_SHARE * self.clock.left)
        work = None
        if self.repeatable:
            seconds, work = self.clock.left, ASSIGN_WORK
        choices = assign.assign(self.model, self.state, seconds, self.limits.seed, work=work, over=self._over)
        if choices is None:
            return
        assign.apply(self.model, self.state, choices)
        self.route_days()
        construct(self.model, self.state, None, self.clock.over)
        self._take()
        if self.state.key[:3] > self.key[:3]:
            self.state.restore(self.best)

    # -- with the compiled kernel

    def _fill(self, improver: KernelImprover) -> None:
        """Make what is missing: the kernel its own visits, the interpreter the shared and pinned ones."""
        if self.state.absent:
            improver.fill()
            improver.sync()
        self._note_compiled(improver)

    def anneal(self, improver: KernelImprover) -> None:
        """Slices of compiled steps until the end; in turns with the interpreter where visits are shared."""
        opened, span, total = self.clock.seconds, max(0.01, self.clock.left), self.limits.iterations
        hard = sorted({self.model.item_of[need] for need in improver.hard})
        turns = 1
        while not self.clock.over() and (total is None or improver.steps < total):
            if total is None:
                done = min(1.0, (self.clock.seconds - opened) / span)
                improver.step(done, min(1.0, done + SLICE_SECONDS / span))
            else:
                done = improver.steps / total
                count = min(max(1, total // REPEATABLE_SLICES), total - improver.steps)
                improver.step(done, (improver.steps + count) / total, count)
            self._note_compiled(improver)
            self.listen("route", done, self.score)
            if self.exchange is not None:
                other = self.exchange(self.key)
                if other is not None:
                    improver.adopt(other)
                    self._note_compiled(improver)
            if hard and done * TURNS >= turns:
                turns = int(done * TURNS) + 1
                self._turn(improver, hard, done, None if total is None else max(4, total // (4 * TURNS)))

    def _turn(self, improver: KernelImprover, hard: list[int], done: float, steps: int | None) -> None:
        """Let the interpreter move shared and pinned visits, and what is near them, for a little while."""
        improver.sync()
        interpreted = Improver(self.model, self.state, self.limits.seed + improver.steps, around=hard)
        begun, share = self.clock.seconds, TURN_SHARE * self.clock.left / max(1.0, TURNS * (1.0 - done))
        while not self.clock.over():
            if steps is None and self.clock.seconds - begun > share:
                break
            if steps is not None and interpreted.steps >= steps:
                break
            interpreted.step(max(done, 0.5))
            if interpreted.steps % LISTEN_EVERY == 0:
                self.listen("route", done, self.score)
        self.state.restore(interpreted.best)
        if improver.take():
            self._note_compiled(improver)

    def _note_compiled(self, improver: KernelImprover) -> None:
        if improver.key < self.key:
            self.key, self.score, self._best = improver.key, improver.score, None

    # -- interpreted

    def route_days(self) -> None:
        """Order the stops of every day with the routing library, a few tours at a time."""
        for day in range(self.model.days):
            for group in self._groups(day):
                if self.clock.over():
                    return
                self.listen("route", 0.0, self.score)
                self._polish(group)
        self._take()

    def _polish(self, group: list[int]) -> bool:
        from routing import routes

        return routes.polish(self.model, self.state, group, POLISH_SECONDS)

    def _groups(self, day: int) -> list[list[int]]:
        """Split a day's workers into groups of neighbours with not too many stops."""
        model, state = self.model, self.state
        open_today = [w * model.days + day for w in range(model.workers) if model.shift_no[w][day] >= 0]
        groups: list[list[int]] = []
        while any(state.row[route] for route in open_today):
            first = max(open_today, key=lambda route: len(state.row[route]))
            group = self._around(first, open_today)
            groups.append(group)
            open_today = [route for route in open_today if route not in group]
        return groups

    def _around(self, first: int, others: list[int]) -> list[int]:
        model, state = self.model, self.state
        start = model.scenario.workers[first // model.days].start

        def away(route: int) -> tuple[bool, float]:
            row = state.row[route]
            item = model.item_of[row[len(row) // 2]] if row else None
            worker = model.scenario.workers[route // model.days]
            return route != first, metres(start, worker.start if item is None else model.travel.places[item])

        group: list[int] = []
        stops = 0
        for route in sorted(others, key=away):
            stops += len(state.row[route])
            if group and (stops > GROUP_STOPS or len(group) >= 12):
                break
            group.append(route)
        return group

    def improve(self) -> None:
        """Ruin and recreate until the end, with the routing library on a group now and then."""
        improver = Improver(self.model, self.state, self.limits.seed)
        opened = self.clock.seconds
        span = max(0.01, self.clock.left)
        total = self.limits.iterations
        while not self.clock.over() and (total is None or improver.steps < total):
            done = improver.steps / total if total else (self.clock.seconds - opened) / span
            if improver.step(done):
                self._note(improver)
            if improver.steps % POLISH_EVERY == 0:
                self._polish_somewhere(improver)
            if improver.steps % LISTEN_EVERY == 0:
                self.listen("route", min(1.0, done), self.score)
                self._swap(improver)

    def _polish_somewhere(self, improver: Improver) -> None:
        used = [route for route, row in enumerate(self.state.row) if row]
        if not used:
            return
        first = self.rng.choice(used)
        day = first % self.model.days
        today = [
            w * self.model.days + day for w in range(self.model.workers) if self.model.shift_no[w][day] >= 0
        ]
        if self._polish(self._around(first, today)) and improver.take():
            self._note(improver)

    def _swap(self, improver: Improver) -> None:
        if self.exchange is None:
            return
        other = self.exchange(self.key)
        if other is not None:
            improver.adopt(other)
            self._note(improver)

    def _note(self, improver: Improver) -> None:
        if improver.key < self.key:
            self.key, self._best = improver.key, improver.best
            self.score = score_of(self.state)
