"""Several callers at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def at_once(calls: list[Callable[[], Answer]]) -> list[Answer]:
    """Run all calls in threads that start together; their answers, the first one first."""
    answers: list[Answer] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> None:
        start.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers
