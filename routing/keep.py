"""The best plan so far in a file, so that it outlives a run that is killed.

Every searching process writes for itself: the one that started the run may be the one that is killed. A
file is replaced as a whole or not at all, at most every few seconds, and only by a better plan of the run.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from routing.draft import checked
from routing.model import Model
from routing.plan import Plan
from routing.state import Key, Snapshot, State

VARIABLE = "ROUTING_KEEP"
"""How child processes learn of the file: when the run began (seconds since 1970) and the path."""
PAUSE_SECONDS = 3.0
SHARE = 25
"""A process spends one part in so many on writing."""


def write_whole(path: Path, text: str) -> None:
    """Replace a file as a whole; what is no ordinary file (a pipe, a terminal) is written to as it is."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def told(path: Path | None) -> Iterator[None]:
    """Let the child processes started meanwhile know the file."""
    if path is None:
        yield
        return
    os.environ[VARIABLE] = f"{time.time()} {path.resolve()}"
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)


class Keeper:
    """Writes one search's best plan to the file now and then; `since` is when the run began."""

    def __init__(self, model: Model, path: Path, since: float) -> None:
        self.model, self.path, self.since = model, path, since
        self._state: State | None = None
        self._kept: Key | None = None
        self._next = time.monotonic() + PAUSE_SECONDS

    @classmethod
    def from_environment(cls, model: Model) -> Keeper | None:
        """Return the keeper of the run this process belongs to, None when it keeps no file."""
        since, _, path = os.environ.get(VARIABLE, "").partition(" ")
        return cls(model, Path(path), float(since)) if path else None

    def offer(self, key: Key, best: Callable[[], Snapshot]) -> None:
        """Write the plan if it is better than what is kept and it is time; a file that cannot be written stays."""
        begun = time.monotonic()
        if begun < self._next or (self._kept is not None and key >= self._kept):
            return
        self._kept = key
        if self._state is None:
            self._state = State(self.model)
        self._state.restore(best())
        plan, _ = checked(self.model, self._state)
        try:
            self._replace(plan)
        except OSError:
            self._next = float("inf")  # the end of the run says what is wrong with the file
            return
        spent = time.monotonic() - begun
        self._next = begun + max(PAUSE_SECONDS, SHARE * spent)

    def _replace(self, plan: Plan) -> None:
        """One process at a time, and never for a worse plan of the same run."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not self._better_there(plan):
                write_whole(self.path, json.dumps(plan.to_dict(), ensure_ascii=False, indent=1) + "\n")
        finally:
            os.close(folder)

    def _better_there(self, plan: Plan) -> bool:
        if not self.path.is_file() or self.path.stat().st_mtime < self.since:
            return False
        there = Plan.from_dict(json.loads(self.path.read_text(encoding="utf-8"))).score
        return there is not None and plan.score is not None and there.key <= plan.score.key
