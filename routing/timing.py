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
        placing = _place_breaks if len(breaks) > 1 else _place_one_break
        placed = placing(legs, durations, windows, shift, breaks)
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


def _place_one_break(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    shift: Span,
    breaks: Sequence[Break],
) -> Placed | None:
    """Choose the place of a single break for the earliest return, in one pass over the route.

    The return after arriving at stop g at time t is max(floor[g], t + rest[g]).
    """
    n, pause = len(durations), breaks[0]
    low, high = pause.window
    late = _latest(legs, durations, windows, shift[1], [], [])
    floor, rest = [0] * (n + 1), [0] * (n + 1)
    for g in range(n - 1, -1, -1):
        rest[g] = durations[g] + legs[g + 1] + rest[g + 1]
        floor[g] = max(floor[g + 1], windows[g][0] + rest[g])
        if late[g] < windows[g][0]:
            return None
    options: list[tuple[int, int, int, int, int, int]] = []

    def offer(g: int, time: int, opening: int, closing: int, side: int) -> None:
        back = max(floor[g], time + rest[g])
        if time <= late[g] and back <= closing:
            options.append((back, abs(side), opening, -closing, side, g))

    opening = max(shift[0], low + pause.duration)
    offer(0, opening + legs[0], opening, shift[1], 0)
    offer(0, shift[0] + legs[0], shift[0], min(shift[1], high), 0)
    clock = shift[0]
    for g in range(n + 1):
        if g > 0 and clock <= high:
            offer(g, max(clock, low) + pause.duration + legs[g], shift[0], shift[1], 1)
        clock += legs[g]
        if g == n or clock > windows[g][1]:
            break
        if clock <= high:
            offer(g, max(clock, low) + pause.duration, shift[0], shift[1], -1)
        clock = max(clock, windows[g][0]) + durations[g]
    if not options:
        return None
    _, _, opening, closing, side, g = min(options)
    before: list[list[Break]] = [[] for _ in range(n + 1)]
    after: list[list[Break]] = [[] for _ in range(n + 1)]
    if side:
        (before if side > 0 else after)[g].append(pause)
    return opening, -closing, before, after


def _place_breaks(
    legs: Sequence[int],
    durations: Sequence[int],
    windows: Sequence[Span],
    shift: Span,
    breaks: Sequence[Break],
) -> Placed | None:
    """Choose where each break goes (in order of their windows), for the earliest return.

    A break before departure or after arrival needs no place on the route; it moves the opening or
    the closing of the shift instead.
    """
    n = len(durations)
    order = sorted(breaks, key=lambda pause: (pause.window, pause.duration))
    found: list[tuple[int, int, int, int, int, tuple[tuple[int, int], ...]]] = []

    def walk(g: int, clock: int, k: int, path: tuple[tuple[int, int], ...]) -> None:
        # a step (g, 1) of the path is a break before leg g, (g, -1) one at the door of stop g
        if k < len(order) and clock > order[k].window[1]:
            return
        choices = [(clock, k, path)]
        if g > 0:
            while k < len(order) and clock <= order[k].window[1]:
                clock = max(clock, order[k].window[0]) + order[k].duration
                k, path = k + 1, (*path, (g, 1))
                choices.append((clock, k, path))
        for time, j, steps in choices:
            time += legs[g]
            if g == n:
                finish(time, j, steps)
                continue
            while time <= windows[g][1]:
                walk(g + 1, max(time, windows[g][0]) + durations[g], j, steps)
                if j == len(order) or time > order[j].window[1]:
                    break
                time = max(time, order[j].window[0]) + order[j].duration
                j, steps = j + 1, (*steps, (g, -1))

    def finish(time: int, k: int, path: tuple[tuple[int, int], ...]) -> None:
        latest = NEVER
        for pause in reversed(order[k:]):
            latest = min(latest - pause.duration, pause.window[1])
        closing = min(shift[1], latest)
        if time <= closing:
            found.append((time, len(path), opening, -closing, skipped, path))

    opening, rested = shift[0], -NEVER
    for skipped in range(len(order) + 1):
        walk(0, opening, skipped, ())
        if skipped == len(order) or rested > order[skipped].window[1]:
            break
        rested = max(rested, order[skipped].window[0]) + order[skipped].duration
        opening = max(opening, rested)
    if not found:
        return None
    _, _, opening, closing, skipped, path = min(found)
    before: list[list[Break]] = [[] for _ in range(n + 1)]
    after: list[list[Break]] = [[] for _ in range(n + 1)]
    for pause, (g, side) in zip(order[skipped:], path, strict=False):
        (before if side > 0 else after)[g].append(pause)
    return opening, -closing, before, after


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
