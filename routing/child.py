"""The program of one child process: ``python -m routing.child``; see `routing.parallel`.

The package does not import this module: it is only ever run.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from dataclasses import replace
from typing import Any, TextIO

from routing.keep import Keeper
from routing.limits import Clock, Limits
from routing.model import Model
from routing.parallel import SEND_SECONDS, read_key, read_snapshot
from routing.plan import Score
from routing.scenario import Scenario
from routing.search import Search
from routing.state import Key, Snapshot, State
from routing.tables import unpack

SEND_SHARE = 15
"""A process spends one part in so many on sending its best plan."""


class Parent:
    """The child's end: sends the best plan now and then, hears better ones and the wish to stop."""

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self.source, self.sink = source, sink
        self.stop = False
        self.other: tuple[Key, Snapshot] | None = None
        self.sent: Key | None = None
        self.last = 0.0
        self.pause = SEND_SECONDS

    def listen_in_background(self) -> None:
        """Read messages until the parent is gone, then end this process."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.source:
            message = json.loads(line)
            if message.get("stop"):
                self.stop = True
            else:
                self.other = read_key(message["key"]), read_snapshot(message["best"])
        os._exit(0)

    def tell(self, stage: str, search: Search, *, now: bool = False) -> None:
        """Send the best plan if it is new; at most every `SEND_SECONDS`, a large one more rarely."""
        begun = time.monotonic()
        if not now and begun - self.last < self.pause:
            return
        message: dict[str, Any] = {"stage": stage}
        key, score = search.key, search.score
        if key != self.sent:
            self.sent = key
            figures = (
                score.unserved_statutory,
                score.unserved_priority,
                score.travel_seconds,
                score.continuity,
                score.busiest_to_mean,
                score.cost,
            )
            stages = [(s.name, s.seconds, s.score) for s in search.stages]
            message |= {"key": key, "best": search.best, "score": figures, "stages": stages}
        try:
            self.sink.write(json.dumps(message) + "\n")
            self.sink.flush()
        except BrokenPipeError:
            os._exit(0)
        self.last = time.monotonic()
        self.pause = max(SEND_SECONDS, SEND_SHARE * (self.last - begun))

    def exchange(self, key: Key) -> Snapshot | None:
        """Return a better snapshot when the parent has sent one."""
        other, self.other = self.other, None
        return other[1] if other is not None and other[0] < key else None


def child(source: TextIO, sink: TextIO) -> None:
    """Run one search as the parent's first line says."""
    order = json.loads(source.readline())
    parent = Parent(source, sink)
    parent.listen_in_background()
    limits = Limits(order["seconds"], order["seed"], 1, order["iterations"])
    clock = Clock(limits, lambda: parent.stop, time.monotonic())
    scenario = Scenario.trusted(order.pop("scenario"))
    if order["matrix"] is not None:
        scenario = replace(scenario, matrix=unpack(order.pop("matrix")))
    model = Model(scenario)
    state = State(model)
    state.restore(read_snapshot(order.pop("start")))
    keeper = Keeper.from_environment(model)
    gc.disable()  # tours hold no cycles, and looking for some costs a third of the time

    def listen(stage: str, done: float, score: Score) -> None:
        del done
        del score
        parent.tell(stage, search)
        if keeper is not None:
            keeper.offer(search.key, lambda: search.best)

    search = Search(model, state, limits, clock, listen, parent.exchange)
    search.run(assigning=order["assigning"])
    parent.tell("route", search, now=True)


if __name__ == "__main__":
    child(sys.stdin, sys.stdout)
    sys.stdout.flush()
    os._exit(0)
