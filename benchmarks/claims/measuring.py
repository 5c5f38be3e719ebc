"""Times, shares of work, and the processor time of everybody who takes part."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass
class Measured:
    """How many, how long it took, and the milliseconds of each."""

    name: str
    seconds: float
    milliseconds: list[float]
    refused: int = 0

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    def p(self, share: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    def line(self, base: Measured | None = None) -> str:
        share = f"  {100 * self.rate / base.rate:5.1f} % of bare" if base else ""
        return (
            f"{self.name:<34}{self.rate:8.0f}/s  p50 {self.p(0.5):6.1f}  p95 {self.p(0.95):6.1f}"
            f"  p99 {self.p(0.99):6.1f} ms{share}"
        )


def in_threads(name: str, work: Sequence[Sequence[Any]], each: Callable[[Any], bool]) -> Measured:
    """Run `each` over the shares of `work`, one thread a share; False counts as refused."""
    times: list[float] = []
    refused = 0
    lock = threading.Lock()
    ready = threading.Barrier(len(work) + 1)

    def run(share: Sequence[Any]) -> None:
        nonlocal refused
        own, bad = [], 0
        ready.wait()
        for item in share:
            begun = time.perf_counter()
            bad += not each(item)
            own.append((time.perf_counter() - begun) * 1000)
        with lock:
            times.extend(own)
            refused += bad

    threads = [threading.Thread(target=run, args=(share,)) for share in work]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return Measured(name, time.perf_counter() - begun, times, refused)


def shares(items: Sequence[Any], number: int) -> list[Sequence[Any]]:
    """So many parts, each taking its turn."""
    return [items[start::number] for start in range(number)]


# Who is who among the processes that a measurement has started, by what the command line holds.
PARTS = {"web": "gunicorn", "database": "postgres"}


class Processors:
    """Processor time since it was made: of the web server, of PostgreSQL and of this process, the clients."""

    def __init__(self) -> None:
        self._begun = _spent()

    def line(self, answers: int) -> str:
        """Milliseconds for each answer."""
        now = _spent()
        each = {part: (now[part] - self._begun[part]) * 1000 / answers for part in now}
        parts = ", ".join(f"{part} {spent:.2f}" for part, spent in each.items())
        return f"processor time an answer: {parts} ms; load of the machine {os.getloadavg()[0]:.1f}"


def _spent() -> dict[str, float]:
    spent = dict.fromkeys(PARTS, 0.0)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, ValueError):
            line = " ".join(child.cmdline())
            part = next((part for part, mark in PARTS.items() if mark in line), None)
            if part is not None:
                spent[part] += child.cpu_times().user + child.cpu_times().system
    return spent | {"clients": time.process_time()}
