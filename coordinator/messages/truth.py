"""Does what a message says still hold? A reminder of a visit that was cancelled must not go out any more.

Features that write such messages say how to find out; `messages` knows nothing of visits.
"""

from __future__ import annotations

from collections.abc import Callable

_checks: dict[str, Callable[[str], bool]] = {}


def check_with(kind: str, holds: Callable[[str], bool]) -> None:
    """Messages whose dedupe key begins with `kind` and a colon hold while `holds(dedupe_key)` says so."""
    _checks[kind] = holds


def still_true(dedupe_key: str) -> bool:
    """Ask the feature that wrote it; what nobody checks stays true."""
    check = _checks.get(dedupe_key.partition(":")[0])
    return check is None or check(dedupe_key)
