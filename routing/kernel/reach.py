"""Which scenarios the kernel can take; asked without numba."""

from __future__ import annotations

from routing.model import Model

DAYS = 62
"""Days that fit into the bits of an integer."""
PAIRS = 100_000_000
"""Items times workers at most: two tables hold a number for each pair."""


def fits(model: Model) -> bool:
    """Whether the kernel can take a scenario."""
    return (
        model.items > 0
        and model.workers > 0
        and model.days <= DAYS
        and model.workers * model.days * (longest_route(model) + 2) < 8_000_000
        and model.items * model.workers < PAIRS
    )


def longest_route(model: Model) -> int:
    """Return the most stops a route can have."""
    shortest = sorted(model.duration)
    longest = 0
    for worker in range(model.workers):
        room = max((shift[1] - shift[0] for shift in model.shifts[worker]), default=0)
        count = 0
        for duration in shortest:
            room -= duration
            if room < 0 or count >= model.cap_day[worker]:
                break
            count += 1
        longest = max(longest, count)
    # shared visits may come on top of those that belong to one worker's shortest ones
    return longest + 1
