"""Times on one route: the earliest return, and then the latest departure that keeps it.

A route is a row of stops with service windows between a start and an end place. The worker returns
as early as possible and leaves as late as that allows, so that departure to arrival is shortest
(Savelsbergh 1992, forward time slack). Breaks are placed between stops, while waiting at a door, or
outside the route.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from routing.scenario import Break, Span

NEVER = 1 << 60


@dataclass(slots=True)
class Timing:
    """Times of one feasible route with n stops (seconds).

    `ready[g]` is when the worker can begin leg g, `late[g]` the latest arrival at the end of leg g
    (g = 0 … n); `gaps` are the legs at which a break is taken.
    """

    departure: int
    arrival: int
    ready: list[int]
    late: list[int]
    before: list[list[Break]] = field(default_factory=list)
    after: list[list[Break]] = field(default_factory=list)
    gaps: tuple[int, ...] = ()


def time_route(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    shift: Span,
    breaks: Sequence[Break] = (),
) -> Timing | None:
    """Return the times of a route, None when no schedule keeps its windows, shift and breaks.

    `legs` has one more entry than there are stops: start to first stop, …, last stop to end.
    """
    n = len(durations)
    opening, closing = shift
    before: list[list[Break]] = []
    after: list[list[Break]] = []
    gaps: tuple[int, ...] = ()
    if breaks:
        placed = _place_breaks(legs, durations, windows, shift, breaks)
        if placed is None:
            return None
        opening, closing, before, after = placed
        gaps = tuple(g for g in range(n + 1) if before[g] or after[g])
        if opening > shift[0]:
            gaps = (0, *gaps)
        if closing < shift[1]:
            gaps = (*gaps, n)
    ready = [opening] * (n + 1)
    clock = opening
    for g in range(n):
        clock += legs[g]
        if before:
            for pause in after[g]:
                clock = max(clock, pause.window[0]) + pause.duration
        low, high = windows[g]
        if clock > high:
            return None
        clock = max(clock, low) + durations[g]
        if before:
            for pause in before[g + 1]:
                clock = max(clock, pause.window[0]) + pause.duration
        ready[g + 1] = clock
    clock += legs[n]
    if clock > closing:
        return None
    late = _latest(legs, durations, windows, closing, before, after)
    departure = _latest(legs, durations, windows, clock, before, after)[0] - legs[0]
    return Timing(max(departure, opening), clock, ready, late, before, after, gaps)


def _latest(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    closing: int,
    before: list[list[Break]],
    after: list[list[Break]],
) -> list[int]:
    n = len(durations)
    late = [closing] * (n + 1)
    clock = closing
    for g in range(n - 1, -1, -1):
        clock -= legs[g + 1]
        if before:
            for pause in reversed(before[g + 1]):
                clock = min(clock - pause.duration, pause.window[1])
        clock = min(clock - durations[g], windows[g][1])
        if before:
            for pause in reversed(after[g]):
                clock = min(clock - pause.duration, pause.window[1])
        late[g] = clock
    return late


Placed = tuple[int, int, list[list[Break]], list[list[Break]]]
"""Opening and closing of the shift left over, breaks before each leg, breaks after each leg."""


def _place_breaks(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    shift: Span,
    breaks: Sequence[Break],
) -> Placed | None:
    """Choose where each break goes for the earliest return, then for the latest departure that keeps it.

    Breaks are taken in the order of their windows. Dynamic programming over (stops made, breaks taken):
    forward for the earliest time, backward for the latest one. A break before departure or after the
    return needs no place on the route; it moves the opening or the closing of the shift instead.
    """
    n = len(durations)
    order = sorted(breaks, key=lambda pause: (pause.window, pause.duration))
    first, last = _outside(order, shift)
    back = min(
        (
            time
            for time, closing in zip(_earliest(legs, durations, windows, order, first), last, strict=True)
            if time <= closing
        ),
        default=NEVER,
    )
    if back >= NEVER:
        return None
    count = range(len(order) + 1)
    leave: list[list[int]] = [[] for _ in range(n + 1)]
    serve: list[list[int]] = [[] for _ in range(n + 1)]
    late = [back if back <= last[k] else -NEVER for k in count]
    for g in range(n, -1, -1):
        leave[g] = [late[k] - legs[g] for k in count]
        if g:
            low, high = windows[g - 1]
            late = [min(time - durations[g - 1], high) for time in _rest_backward(leave[g], order)]
            serve[g - 1] = [time if time >= low else -NEVER for time in late]
            late = _rest_backward(serve[g - 1], order)
    departure, taken = max((leave[0][k], -k) for k in count if leave[0][k] >= first[k])
    k = opened = -taken
    before: list[list[Break]] = [[] for _ in range(n + 1)]
    after: list[list[Break]] = [[] for _ in range(n + 1)]
    clock = departure
    for g in range(n):
        clock += legs[g]
        while clock > serve[g][k]:
            clock = max(clock, order[k].window[0]) + order[k].duration
            after[g].append(order[k])
            k += 1
        clock = max(clock, windows[g][0]) + durations[g]
        while clock > leave[g + 1][k]:
            clock = max(clock, order[k].window[0]) + order[k].duration
            before[g + 1].append(order[k])
            k += 1
    return first[opened], last[k], before, after


def _outside(order: Sequence[Break], shift: Span) -> tuple[list[int], list[int]]:
    """Return opening and closing of the shift when the first k breaks come before, or the rest after it."""
    first, rested = [shift[0]], -NEVER
    for pause in order:
        possible = first[-1] < NEVER and rested <= pause.window[1]
        rested = max(rested, pause.window[0]) + pause.duration
        first.append(max(shift[0], rested) if possible else NEVER)
    last, latest = [shift[1]], NEVER
    for pause in reversed(order):
        possible = pause.window[0] + pause.duration <= latest
        latest = min(latest - pause.duration, pause.window[1]) if possible else -NEVER
        last.append(min(shift[1], latest))
    return first, last[::-1]


def _earliest(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    order: Sequence[Break],
    first: Sequence[int],
) -> list[int]:
    """Return the earliest return with k breaks taken before it, `NEVER` where there is none."""

    def rest(times: list[int]) -> None:
        for k, pause in enumerate(order):
            if times[k] <= pause.window[1]:
                times[k + 1] = min(times[k + 1], max(times[k], pause.window[0]) + pause.duration)

    times = list(first)
    for g, duration in enumerate(durations):
        if g:
            rest(times)
        times = [min(NEVER, time + legs[g]) for time in times]
        rest(times)
        low, high = windows[g]
        times = [NEVER if time > high else max(time, low) + duration for time in times]
    if durations:
        rest(times)
    return [min(NEVER, time + legs[-1]) for time in times]


def _rest_backward(late: Sequence[int], order: Sequence[Break]) -> list[int]:
    """Return the latest times when breaks may be taken first; `late` holds those for none."""
    found = list(late)
    for k in range(len(order) - 1, -1, -1):
        pause = order[k]
        if pause.window[0] + pause.duration <= found[k + 1]:
            found[k] = max(found[k], min(found[k + 1] - pause.duration, pause.window[1]))
    return found


def clock_times(
    timing: Timing, legs: Sequence[int], durations: Sequence[int], windows: Sequence[Span]
) -> list[tuple[int, int, int]]:
    """Return arrival, start and end of service at each stop, leaving at `timing.departure`."""
    clock = timing.departure
    times = []
    for g, duration in enumerate(durations):
        if timing.before:
            for pause in timing.before[g] if g else ():
                clock = max(clock, pause.window[0]) + pause.duration
        clock += legs[g]
        arrival = clock
        if timing.before:
            for pause in timing.after[g]:
                clock = max(clock, pause.window[0]) + pause.duration
        start = max(clock, windows[g][0])
        clock = start + duration
        times.append((arrival, start, clock))
    return times


def loose_times(
    legs: Sequence[int], durations: Sequence[int], windows: Sequence[Span], opening: int
) -> tuple[int, int, list[tuple[int, int, int]]]:
    """Return departure, arrival and stop times of a route that cannot keep its limits.

    Windows are waited for but may be missed; breaks are left out. For showing what a hand-made
    route would break.
    """
    clock = opening
    times = []
    for g, duration in enumerate(durations):
        clock += legs[g]
        arrival = clock
        clock = max(clock, windows[g][0])
        times.append((arrival, clock, clock + duration))
        clock += duration
    if not times:
        return opening, opening + legs[0], times
    departure = times[0][1] - legs[0]
    times[0] = (times[0][1], times[0][1], times[0][2])
    return departure, clock + legs[len(durations)], times
