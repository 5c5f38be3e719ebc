"""Travel and times of one route, and where one more stop fits (compiled).

Without breaks a route keeps, at every stop, the earliest end of service before it and the latest arrival
after it, so that one insertion is judged in constant time (Savelsbergh 1992), and the shortest time from
departure to return over both parts (Vidal, Crainic, Gendreau and Prins 2013, joining of segments). With
breaks all orders of stops and rests are judged by dynamic programming over (stops made, rests taken).
"""

from __future__ import annotations

from math import asin, sqrt

import numpy as np

from routing.kernel.jit import compiled, inlined
from routing.kernel.layout import (
    BIG,
    BREAKS,
    BUSY,
    CAPACITY,
    CARRIED,
    HEAD,
    HEAD_LATE,
    HIGH,
    HOME,
    LATE,
    LEG,
    LENGTH,
    LOAD,
    LOW,
    MAX_ROUTE,
    MODE,
    MONTH,
    NODE,
    OPEN,
    POINT,
    READY,
    S_DELTA,
    S_POSITION,
    S_SPAN,
    S_VERSION,
    SHUT,
    SIZE,
    SPAN,
    SPANS,
    T_TRAVEL,
    TAIL,
    TAIL_EARLY,
    TRAVEL,
    VERSION,
    WEEKS,
    Array,
    Problem,
    Work,
)

RADIUS = 6_371_008.8


@inlined
def seconds(table: Array, points: Array, pace: Array, mode: int, a: int, b: int) -> int:
    """Return the travel seconds between two points, the integers of the scenario format.

    From the chord of the unit sphere: the same great-circle distance as the haversine, to within
    a nanosecond of travel, for a third of the work.
    """
    if table.shape[1] > 0:
        return int(table[mode, a, b])
    x = points[a, 0] - points[b, 0]
    y = points[a, 1] - points[b, 1]
    z = points[a, 2] - points[b, 2]
    half = 0.5 * sqrt(x * x + y * y + z * z)
    if half < 0.02:
        square = half * half
        angle = half * (1.0 + square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0))))
    else:
        angle = asin(min(1.0, half))
    return int(np.rint(2.0 * RADIUS * angle * pace[1] / pace[2 + mode]))


@compiled
def fill_table(table: Array, points: Array, pace: Array) -> None:
    """Write the seconds between all points of the sphere into a table."""
    none = table[:, :0, :0]
    for mode in range(table.shape[0]):
        for a in range(table.shape[1]):
            for b in range(a):
                table[mode, a, b] = table[mode, b, a] = seconds(none, points, pace, mode, a, b)


@compiled
def span_with_rests(
    scratch: Array, count: int, opening: int, closing: int, rest: Array, rests: int, clocks: Array
) -> int:
    """Return the least time from departure to return of `count` stops with all rests, -1 if impossible.

    The return is the earliest possible, the departure the latest that keeps it. `scratch[g]` holds leg,
    duration, earliest and latest start of stop g, and the last leg at [count, 0]. Rests are taken in the
    order given, before departure, before or after a leg, or after the return.
    """
    ahead, first, last = clocks[0], clocks[1], clocks[2]
    # rests before departure and after the return
    rested = -BIG
    first[0] = opening
    for k in range(rests):
        first[k + 1] = BIG
        if first[k] < BIG and rested <= rest[k, 1]:
            rested = max(rested, rest[k, 0]) + rest[k, 2]
            first[k + 1] = max(opening, rested)
    latest = BIG
    last[rests] = closing
    for k in range(rests - 1, -1, -1):
        latest = min(latest - rest[k, 2], rest[k, 1]) if rest[k, 0] + rest[k, 2] <= latest else -BIG
        last[k] = min(closing, latest)
    for k in range(rests + 1):
        ahead[k] = first[k]
    for g in range(count + 1):
        if g > 0:
            for k in range(rests):
                if ahead[k] <= rest[k, 1]:
                    ahead[k + 1] = min(ahead[k + 1], max(ahead[k], rest[k, 0]) + rest[k, 2])
        for k in range(rests + 1):
            ahead[k] = min(BIG, ahead[k] + scratch[g, 0])
        if g == count:
            break
        for k in range(rests):
            if ahead[k] <= rest[k, 1]:
                ahead[k + 1] = min(ahead[k + 1], max(ahead[k], rest[k, 0]) + rest[k, 2])
        for k in range(rests + 1):
            if ahead[k] > scratch[g, 3]:
                ahead[k] = BIG
            else:
                ahead[k] = max(ahead[k], scratch[g, 2]) + scratch[g, 1]
    back = BIG
    for k in range(rests + 1):
        if ahead[k] <= last[k]:
            back = min(back, ahead[k])
    if back >= BIG:
        return -1
    # the latest departure that still returns then
    for k in range(rests + 1):
        ahead[k] = back if back <= last[k] else -BIG
    for g in range(count, -1, -1):
        for k in range(rests + 1):
            ahead[k] -= scratch[g, 0]
        if g == 0:
            break
        for k in range(rests - 1, -1, -1):
            if rest[k, 0] + rest[k, 2] <= ahead[k + 1]:
                ahead[k] = max(ahead[k], min(ahead[k + 1] - rest[k, 2], rest[k, 1]))
        for k in range(rests + 1):
            ahead[k] = min(ahead[k] - scratch[g - 1, 1], scratch[g - 1, 3])
            if ahead[k] < scratch[g - 1, 2]:
                ahead[k] = -BIG
        for k in range(rests - 1, -1, -1):
            if rest[k, 0] + rest[k, 2] <= ahead[k + 1]:
                ahead[k] = max(ahead[k], min(ahead[k + 1] - rest[k, 2], rest[k, 1]))
    departure = -BIG
    for k in range(rests + 1):
        if ahead[k] >= first[k]:
            departure = max(departure, ahead[k])
    return int(back - departure)


@inlined
def book(route: Array, sums: Array, total: Array, week: int, weeks: int, w: int, r: int, sign: int) -> None:
    """Add a route to the sums over worker, week and month, or take it off."""
    size = sign * route[r, SIZE]
    span = sign * route[r, SPAN]
    sums[w, MONTH] += size
    sums[w, BUSY] += span
    sums[w, WEEKS + week] += size
    sums[w, WEEKS + weeks + week] += span
    total[T_TRAVEL] += sign * route[r, TRAVEL]


@inlined
def refresh(p: Problem, s: Work, r: int) -> bool:
    """Work out legs, times, travel and load of a route; False when it cannot be kept."""
    w = r // p.week.shape[0]
    start = p.item.shape[0] + w
    end = start + p.worker.shape[0]
    size = s.route[r, SIZE]
    mode = p.worker[w, MODE]
    opening, closing = p.shift[r, 0], p.shift[r, 1]
    travel = 0
    load = 0
    here = start
    clock = opening
    head, head_late = 0, closing
    fits = True
    for k in range(size):
        x = s.stops[r, k, NODE]
        leg = seconds(p.table, p.points, p.pace, mode, here, p.node[x, POINT])
        length, low, high = p.node[x, LENGTH], p.node[x, LOW], p.node[x, HIGH]
        travel += leg
        load += p.node[x, LOAD]
        clock += leg
        if clock > high:
            fits = False
        clock = max(clock, low) + length
        onset = head + leg
        wait = max(0, low - onset - head_late)
        head = onset + wait + length
        head_late = min(high - onset, head_late)
        s.stops[r, k, LEG] = leg
        s.stops[r, k, READY] = clock
        s.stops[r, k, HEAD] = head
        s.stops[r, k, HEAD_LATE] = head_late
        here = p.node[x, POINT]
    home = 0
    if size > 0:
        home = seconds(p.table, p.points, p.pace, mode, here, end)
        travel += home
    s.route[r, HOME] = home
    s.route[r, TRAVEL] = travel
    s.route[r, CARRIED] = load
    s.route[r, SPAN] = 0
    if size == 0:
        return True
    rests = p.worker[w, BREAKS]
    if rests > 0:
        for k in range(size):
            x = s.stops[r, k, NODE]
            s.scratch[k, 0] = s.stops[r, k, LEG]
            s.scratch[k, 1] = p.node[x, LENGTH]
            s.scratch[k, 2] = p.node[x, LOW]
            s.scratch[k, 3] = p.node[x, HIGH]
        s.scratch[size, 0] = home
        span = span_with_rests(s.scratch, size, opening, closing, p.rest[w], rests, s.clocks)
        fits = span >= 0
    else:
        late, tail, early, onward = closing, 0, -BIG, home
        for k in range(size - 1, -1, -1):
            x = s.stops[r, k, NODE]
            length, low, high = p.node[x, LENGTH], p.node[x, LOW], p.node[x, HIGH]
            onset = length + onward
            wait = max(0, early - onset - high)
            tail = tail + onset + wait
            early = max(early - onset, low) - wait
            late = min(late - onset, high)
            s.stops[r, k, LATE] = late
            s.stops[r, k, TAIL] = tail
            s.stops[r, k, TAIL_EARLY] = early
            onward = s.stops[r, k, LEG]
        if clock + home > closing:
            fits = False
        span = s.stops[r, size - 1, HEAD] + home
    s.route[r, SPAN] = span
    return fits and span <= p.worker[w, MAX_ROUTE] and load <= p.worker[w, CAPACITY]


@inlined
def look(p: Problem, s: Work, i: int, x: int, r: int) -> None:
    """Write the cheapest insertion of a node into a route without rests to `spots[i]`."""
    w = r // p.week.shape[0]
    start = p.item.shape[0] + w
    end = start + p.worker.shape[0]
    size = s.route[r, SIZE]
    mode = p.worker[w, MODE]
    length, low, high, point = p.node[x, LENGTH], p.node[x, LOW], p.node[x, HIGH], p.node[x, POINT]
    longest = p.worker[w, MAX_ROUTE]
    spans = p.worker[w, SPANS]
    best, best_at, best_span = SHUT, 0, 0
    first = s.route[r, OPEN]
    # the same both ways: one look at a row that stays in the cache is enough for two legs
    same_back = p.pace[0] > 0.0
    ready, head, head_late = p.shift[r, 0], 0, p.shift[r, 1]
    here = start
    onward = -1
    for k in range(first, size + 1):
        if k > 0:
            ready, head, head_late = (
                s.stops[r, k - 1, READY],
                s.stops[r, k - 1, HEAD],
                s.stops[r, k - 1, HEAD_LATE],
            )
            here = p.node[s.stops[r, k - 1, NODE], POINT]
        if ready > high:
            break
        there = onward
        if there < 0 or not same_back:
            if same_back:
                there = seconds(p.table, p.points, p.pace, mode, point, here)
            else:
                there = seconds(p.table, p.points, p.pace, mode, here, point)
        if k < size:
            late, tail, early = s.stops[r, k, LATE], s.stops[r, k, TAIL], s.stops[r, k, TAIL_EARLY]
            onward = seconds(p.table, p.points, p.pace, mode, point, p.node[s.stops[r, k, NODE], POINT])
            old = s.stops[r, k, LEG]
        else:
            late, tail, early = p.shift[r, 1], 0, -BIG
            onward = seconds(p.table, p.points, p.pace, mode, point, end)
            old = s.route[r, HOME]
        begin = ready + there
        if begin > high:
            continue
        begin = max(begin, low)
        if begin + length + onward > late:
            continue
        delta = there + onward - old
        if delta >= best:
            continue
        span = 0
        if spans > 0:
            onset = head + there
            wait = max(0, low - onset - head_late)
            total = onset + wait + length + onward
            middle_late = min(high - onset, head_late)
            span = total + max(0, early - total - middle_late) + tail
            if span > longest:
                continue
        best, best_at, best_span = delta, k, span
    s.spots[i, S_VERSION] = s.route[r, VERSION]
    s.spots[i, S_DELTA] = best
    s.spots[i, S_POSITION] = best_at
    s.spots[i, S_SPAN] = best_span


@compiled
def look_with_rests(
    node: Array,
    worker: Array,
    rest: Array,
    shift: Array,
    table: Array,
    points: Array,
    pace: Array,
    stops: Array,
    route: Array,
    spot: Array,
    scratch: Array,
    clocks: Array,
    x: int,
    r: int,
    w: int,
    start: int,
    end: int,
) -> None:
    """Write the cheapest insertion of a node into a route with rests to `spot`."""
    size = route[r, SIZE]
    mode = worker[w, MODE]
    point = node[x, POINT]
    best, best_at, best_span = SHUT, 0, 0
    here = start
    for k in range(size + 1):
        if k > 0:
            here = node[stops[r, k - 1, NODE], POINT]
        if k < route[r, OPEN]:
            continue
        there = seconds(table, points, pace, mode, here, point)
        if k < size:
            onward = seconds(table, points, pace, mode, point, node[stops[r, k, NODE], POINT])
            old = stops[r, k, LEG]
        else:
            onward = seconds(table, points, pace, mode, point, end)
            old = route[r, HOME]
        delta = there + onward - old
        if delta >= best:
            continue
        row = 0
        for j in range(size + 1):
            if j == k:
                scratch[row, 0], scratch[row, 1] = there, node[x, LENGTH]
                scratch[row, 2], scratch[row, 3] = node[x, LOW], node[x, HIGH]
                row += 1
            if j < size:
                y = stops[r, j, NODE]
                scratch[row, 0] = onward if j == k else stops[r, j, LEG]
                scratch[row, 1] = node[y, LENGTH]
                scratch[row, 2] = node[y, LOW]
                scratch[row, 3] = node[y, HIGH]
                row += 1
        scratch[row, 0] = onward if k == size else route[r, HOME]
        span = span_with_rests(scratch, row, shift[r, 0], shift[r, 1], rest[w], worker[w, BREAKS], clocks)
        if 0 <= span <= worker[w, MAX_ROUTE]:
            best, best_at, best_span = delta, k, span
    spot[S_VERSION] = route[r, VERSION]
    spot[S_DELTA] = best
    spot[S_POSITION] = best_at
    spot[S_SPAN] = best_span
