"""What is kept in step with the routes (compiled): sums of the aims, times of a route, and taking a step back."""

from __future__ import annotations

import numpy as np

from routing.kernel.jit import compiled, inlined
from routing.kernel.layout import (
    AT,
    C_STEP,
    C_TOUCHED,
    C_VERSION,
    CAP_DAY,
    CAP_MONTH,
    CAP_SECONDS,
    CAP_WEEK,
    LEFT,
    MADE,
    MONTH,
    NAMED,
    NODE,
    PRIORITY,
    ROUTE_WIDTH,
    SIZE,
    STATUTORY,
    STOP_WIDTH,
    T_ABSENT,
    T_NAMED,
    T_PRIORITY,
    T_STATUTORY,
    T_STRANGERS,
    TAKEN,
    VERSION,
    WEEKS,
    Problem,
    Work,
)
from routing.kernel.times import book, refresh


@inlined
def draw(random: np.ndarray) -> float:
    """Return a number from 0 up to 1 (xorshift64)."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return float(x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inlined
def below(random: np.ndarray, count: float) -> int:
    """Return an integer from 0 up to `count`."""
    return int(draw(random) * count)


# -- one visit more or less


@inlined
def stranger(p: Problem, v: int, w: int) -> int:
    """Whether a worker is none of those the elder knows; 0 where none is named."""
    if p.item[v, NAMED] == 0:
        return 0
    for i in range(p.known.shape[1]):
        if p.known[v, i] == w:
            return 0
    return 1


@inlined
def taken_off(p: Problem, s: Work, v: int, d: int) -> None:
    """Write down that a free visit is no longer made on a day."""
    s.total[T_STRANGERS] -= stranger(p, v, s.where[v, d])
    s.total[T_PRIORITY] += p.item[v, PRIORITY]
    s.total[T_STATUTORY] += p.item[v, STATUTORY]
    s.total[T_NAMED] -= p.item[v, NAMED]
    s.where[v, d] = -1
    s.visits[v, MADE] ^= 1 << d
    s.visits[v, LEFT] += 1
    s.visits[v, TAKEN] = s.clock[C_STEP]
    if s.visits[v, AT] < 0:
        s.visits[v, AT] = s.total[T_ABSENT]
        s.absent[s.total[T_ABSENT]] = v
        s.total[T_ABSENT] += 1


@inlined
def put_on(p: Problem, s: Work, v: int, d: int, w: int) -> None:
    """Write down that a free visit is made on a day by a worker."""
    s.total[T_STRANGERS] += stranger(p, v, w)
    s.total[T_PRIORITY] -= p.item[v, PRIORITY]
    s.total[T_STATUTORY] -= p.item[v, STATUTORY]
    s.total[T_NAMED] += p.item[v, NAMED]
    s.where[v, d] = w
    s.visits[v, MADE] |= 1 << d
    s.visits[v, LEFT] -= 1
    if s.visits[v, LEFT] == 0:
        at = s.visits[v, AT]
        s.total[T_ABSENT] -= 1
        moved = s.absent[s.total[T_ABSENT]]
        s.absent[at] = moved
        s.visits[moved, AT] = at
        s.visits[v, AT] = -1


@inlined
def book_route(p: Problem, s: Work, r: int, sign: int) -> None:
    """Add a route to all sums, or take it off."""
    days = p.week.shape[0]
    w = r // days
    weeks = (s.sums.shape[1] - WEEKS) // 2
    book(s.route, s.sums, s.total, p.week[r - w * days], weeks, w, r, sign)


@inlined
def time_route(p: Problem, s: Work, r: int) -> bool:
    """Work out a changed route and add it to the sums; False when it cannot be kept."""
    fits = refresh(p, s, r)
    s.clock[C_VERSION] += 1
    s.route[r, VERSION] = s.clock[C_VERSION]
    book_route(p, s, r, 1)
    return fits


@inlined
def touch(p: Problem, s: Work, r: int) -> int:
    """Keep a copy of a route before its first change in a step and take it off the sums; its copy's number."""
    if s.mark[r, 0] == s.clock[C_STEP]:
        return int(s.mark[r, 2])
    i = s.clock[C_TOUCHED]
    s.clock[C_TOUCHED] += 1
    s.mark[r, 0] = s.clock[C_STEP]
    s.mark[r, 2] = i
    s.touched[i] = r
    for k in range(s.route[r, SIZE]):
        for f in range(STOP_WIDTH):
            s.saved_stops[i, k, f] = s.stops[r, k, f]
    for f in range(ROUTE_WIDTH):
        s.saved_route[i, f] = s.route[r, f]
    book_route(p, s, r, -1)
    return int(i)


@compiled
def sums_fit(p: Problem, s: Work, r: int) -> bool:
    """Whether a route's worker keeps the limits of day, week and month."""
    days = p.week.shape[0]
    w = r // days
    week = p.week[r - w * days]
    weeks = (s.sums.shape[1] - WEEKS) // 2
    return bool(
        s.route[r, SIZE] <= p.worker[w, CAP_DAY]
        and s.sums[w, MONTH] <= p.worker[w, CAP_MONTH]
        and s.sums[w, WEEKS + week] <= p.worker[w, CAP_WEEK]
        and s.sums[w, WEEKS + weeks + week] <= p.worker[w, CAP_SECONDS]
    )


@compiled
def settle(p: Problem, s: Work) -> bool:
    """Work out every route changed by a ruin; False when one of them cannot be kept.

    Without the triangle inequality, or around breaks, fewer stops can take longer.
    """
    good = True
    for i in range(s.clock[C_TOUCHED]):
        if not time_route(p, s, s.touched[i]):
            good = False
    for i in range(s.clock[C_TOUCHED]):
        if not sums_fit(p, s, s.touched[i]):
            good = False
    return good


@compiled
def undo(p: Problem, s: Work) -> None:
    """Take back a whole step. Routes get their old versions, so that old insertions hold again."""
    days = p.week.shape[0]
    items = p.item.shape[0]
    for i in range(s.clock[C_TOUCHED]):
        r = s.touched[i]
        book_route(p, s, r, -1)
        for k in range(s.route[r, SIZE]):
            x = s.stops[r, k, NODE]
            if x < items:
                taken_off(p, s, x, r % days)
    for i in range(s.clock[C_TOUCHED]):
        r = s.touched[i]
        w = r // days
        for f in range(ROUTE_WIDTH):
            s.route[r, f] = s.saved_route[i, f]
        for k in range(s.route[r, SIZE]):
            for f in range(STOP_WIDTH):
                s.stops[r, k, f] = s.saved_stops[i, k, f]
            x = s.stops[r, k, NODE]
            if x < items:
                put_on(p, s, x, r - w * days, w)
        book_route(p, s, r, 1)


# -- ruin
