"""What a caller allows the engine, and what the engine tells while it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from routing.plan import Score

STAGES = ("obligations", "assign", "route", "check", "draft")
"""Stage keys in order: reading, days and workers, routes, checking, finished."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run.

    `time_limit` is wall-clock seconds; `iterations` bounds the improvement steps, and with
    `processes` 1 and an ample time limit makes the result depend on the seed alone.
    """

    time_limit: float = 30.0
    seed: int = 1
    processes: int = 2
    iterations: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is: percent 0–100, stage key, seconds since the start, best score so far."""

    percent: int
    stage: str
    seconds: float
    best_score: Score | None
    detail: str = ""


class Clock:
    """The end of a run: time used up or the caller's wish to stop."""

    POLL_SECONDS = 0.1

    def __init__(self, limits: Limits, should_stop: Callable[[], bool] | None, started: float) -> None:
        self.limits = limits
        self.started = started
        reserve = min(0.9, 0.05 * limits.time_limit) + 0.1
        self.deadline = started + max(0.05, limits.time_limit - reserve)
        self._should_stop = should_stop
        self._asked = 0.0
        self._stopped = False

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds until the search must end."""
        return max(0.0, self.deadline - time.monotonic())

    def excuse(self, seconds: float) -> None:
        """Move the end back by time the search need not answer for (compiling once); forward if negative."""
        self.deadline += seconds

    @property
    def stopped(self) -> bool:
        """Whether the caller asked to stop."""
        return self._stopped

    def over(self) -> bool:
        """Whether the search must end now."""
        now = time.monotonic()
        if self._should_stop is not None and not self._stopped and now - self._asked >= self.POLL_SECONDS:
            self._asked = now
            self._stopped = self._should_stop()
        return self._stopped or now >= self.deadline
