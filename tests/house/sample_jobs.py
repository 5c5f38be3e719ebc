"""Jobs that only the tests of operations owe; the worker imports them by name."""

import time
from pathlib import Path


def append(path: str, line: str) -> None:
    """Leave a trace."""
    with Path(path).open("a") as file:
        file.write(line + "\n")


def append_slowly(path: str, seconds: float) -> None:
    """Leave a trace at the beginning and at the end."""
    append(path, "begun")
    time.sleep(seconds)
    append(path, "ended")
