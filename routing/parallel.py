"""Several processes on one scenario: each searches with its own seed, the best is passed round.

Children are fresh interpreters (``python -m routing.child``), so that neither database
connections nor the threads of a native solver are inherited. They speak JSON lines over their
standard streams and end when the parent does.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from routing.draft import score_of
from routing.limits import Clock, Limits
from routing.model import Model
from routing.plan import Score, Stage
from routing.scenario import Scenario
from routing.state import Key, Snapshot, State
from routing.tables import pack

POLL_SECONDS = 0.1
SEND_SECONDS = 0.4
GRACE_SECONDS = 0.4
EXCHANGES = 30
FIRST_EXCHANGE = 12
"""The best plan is passed to the processes that are behind at these thirtieths of the time: not before
a good third of it, so that different beginnings can show their worth."""


def search_together(
    model: Model,
    state: State,
    limits: Limits,
    clock: Clock,
    listen: Callable[[str, float, Score], None],
    *,
    assigning: bool,
) -> list[Stage]:
    """Search in `limits.processes` children from a state; it ends as the best of all.

    A child that dies is done without; returns the stages of the child with the best plan.
    """
    best_key, best, score = state.key, state.snapshot(), score_of(state)
    stages: list[Stage] = []
    inbox: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
    children = [
        _Child(number, model.scenario, limits, clock, best, inbox, assigning=assigning and number == 0)
        for number in range(limits.processes)
    ]
    opened, span = clock.seconds, max(0.01, clock.left)
    stage, rounds, alive, asked = (
        "assign" if assigning else "route",
        FIRST_EXCHANGE - 1,
        set(range(len(children))),
        False,
    )
    try:
        limit = None
        while alive:
            try:
                number, message = inbox.get(timeout=POLL_SECONDS)
            except queue.Empty:
                number, message = -1, {}
            if message is None:
                alive.discard(number)
                continue
            if "key" in message and tuple(message["key"]) < best_key:
                best_key, best = read_key(message["key"]), read_snapshot(message["best"])
                score = Score(*message["score"])
                stages = [Stage(name, seconds, tuple(key)) for name, seconds, key in message["stages"]]
            if message.get("stage") == "route":
                stage = "route"
            done = (clock.seconds - opened) / span
            listen(stage, min(1.0, done), score)
            if clock.over() and not asked:
                asked, limit = True, time.monotonic() + GRACE_SECONDS
                for child in children:
                    child.send({"stop": True})
            if limit is not None and time.monotonic() > limit:
                break
            if not asked and int(done * EXCHANGES) > rounds:
                rounds = int(done * EXCHANGES)
                for child in children:
                    child.send({"key": best_key, "best": best})
    finally:
        for child in children:
            child.end()
    state.restore(best)
    return stages


def read_key(values: list[Any]) -> Key:
    """Return a key from its JSON form."""
    return int(values[0]), int(values[1]), int(values[2]), float(values[3])


def read_snapshot(data: list[Any]) -> Snapshot:
    """Return a snapshot from its JSON form."""
    return tuple((route, tuple(tuple(stop) for stop in stops), tuple(row)) for route, stops, row in data)


class _Child:
    """One child process and the thread that reads what it says."""

    def __init__(
        self,
        number: int,
        scenario: Scenario,
        limits: Limits,
        clock: Clock,
        start: Snapshot,
        inbox: queue.SimpleQueue[tuple[int, dict[str, Any] | None]],
        *,
        assigning: bool,
    ) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "routing.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # a Ctrl-C in the terminal is the parent's to handle
        )
        self._number, self._inbox = number, inbox
        self._outbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()
        self.send(
            {
                "scenario": replace(scenario, matrix=None).to_dict(),
                "matrix": None if scenario.matrix is None else pack(scenario.matrix),
                "seconds": clock.left,
                "seed": limits.seed * 1000 + number,
                "iterations": limits.iterations,
                "start": start,
                "assigning": assigning,
            }
        )

    def send(self, message: dict[str, Any]) -> None:
        """Queue one message: a child that is still starting reads slowly, and nobody waits for it."""
        self._outbox.put(json.dumps(message) + "\n")

    def _write(self) -> None:
        stream = self.process.stdin
        while stream is not None and (text := self._outbox.get()) is not None:
            try:
                stream.write(text)
                stream.flush()
            except BrokenPipeError:
                return  # the child is gone; its reader says so

    def _read(self) -> None:
        stream = self.process.stdout
        for line in stream or ():
            try:
                self._inbox.put((self._number, json.loads(line)))
            except json.JSONDecodeError:
                break  # killed in the middle of a line
        self._inbox.put((self._number, None))

    def end(self) -> None:
        """Kill the process if it still runs and close its streams."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(1.0)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # unsent text for a child that is gone
