"""Text messages of the demo: lines in a file, so that a code can be read without a gateway."""

from __future__ import annotations

import os
from collections.abc import Callable

from coordinator.config import Settings
from coordinator.kernel import clock
from coordinator.messages.channels.outcome import Later, Post, Receipt

FILE_NAME = "text-messages.log"


def send(settings: Settings, post: Post, mark: Callable[[], None]) -> Receipt:
    """Append the text to `logs/text-messages.log` of the data directory (mode 600)."""
    said = post.content.get("link") or post.content["value"]
    line = f"{clock.local_now():%Y-%m-%d %H:%M:%S}\t{post.address}\t{said}\t{post.token}\n"
    try:
        settings.logs_dir.mkdir(parents=True, exist_ok=True)
        mark()
        descriptor = os.open(settings.logs_dir / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)
    except OSError as problem:
        raise Later(f"{type(problem).__name__}: {problem.strerror}") from problem
    return Receipt()
