"""Ids of a scenario."""

from __future__ import annotations


def elder_key(elder_id: int) -> str:
    """The elder's id in a scenario."""
    return f"e{elder_id}"


def visit_key(visit_id: int) -> str:
    """The id in a scenario of a visit that stands already."""
    return f"v{visit_id}"


def worker_key(worker_id: int) -> str:
    """The worker's id in a scenario."""
    return f"w{worker_id}"


def read_key(key: str) -> tuple[str, int]:
    """Kind ('e', 'v', 'h', 'w') and number of a scenario's id, the visit number after '#' left out."""
    name = key.partition("#")[0]
    return name[0], int(name[1:])
