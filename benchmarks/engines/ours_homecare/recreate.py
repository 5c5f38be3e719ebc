"""Where calls are put back (compiled): the cheapest place under the whole cost, the two of a pair together.

A place is first held against a bound (detour, own lateness, lateness of the next call); only what may be the
cheapest is timed in full.
"""

from __future__ import annotations

from benchmarks.engines.ours_homecare.jit import compiled, inlined
from benchmarks.engines.ours_homecare.layout import (
    ABSENT,
    BIG,
    DISTANCE,
    EPS,
    EXTRA,
    GONE,
    MOST,
    TOP,
    Problem,
    Work,
)
from benchmarks.engines.ours_homecare.times import (
    lateness,
    link,
    pair_starts,
    spread,
    take_over,
    travel,
    travel_to,
    unlink,
)
from routing.kernel.books import draw
from routing.kernel.recreate import sort


@inlined
def detour(p: Problem, s: Work, c: int, x: int) -> float:
    """Return the extra distance of a call after a node."""
    return float(travel_to(p, x, c) + travel(p, c, s.after[x]) - s.leg[x])


@inlined
def reach(p: Problem, s: Work, c: int, x: int) -> float:
    """Return when the caregiver arrives at a call after a node."""
    return float(s.start[x] + p.length[x] + travel_to(p, x, c))


@inlined
def next_late(p: Problem, s: Work, c: int, x: int, start: float) -> float:
    """Return how much later than now the node after x is late when the call starts then."""
    y = s.after[x]
    arrival = start + p.length[c] + travel(p, c, y)
    if arrival <= s.start[y] + EPS:
        return 0.0
    return lateness(p, y, arrival) - lateness(p, y, s.start[y])


@inlined
def places(p: Problem, s: Work, c: int, side: int, blink: float) -> int:
    """Write every place of a call with its bound; return how many."""
    calls, carers = p.mate.shape[0], p.able.shape[1]
    count = 0
    for k in range(p.ables[c]):
        x = calls + p.able[c, k]
        while x < calls + carers:
            start = max(p.low[c], reach(p, s, c, x))
            if draw(s.random) >= blink:
                after = next_late(p, s, c, x, start)
                s.spot[side, count] = x
                late = lateness(p, c, start)
                s.bound[side, count] = detour(p, s, c, x) + late + after
                if p.mate[c] < 0:  # of a pair only one can be the latest
                    s.bound[side, count] += max(0.0, late - s.total[MOST])
                count += 1
            x = s.after[x]
    return count


@inlined
def bring(s: Work, side: int, at: int, count: int) -> None:
    """Put the cheapest of the places from a position on there: few are ever asked for, so none is sorted ahead."""
    k = at
    for j in range(at + 1, count):
        if s.bound[side, j] < s.bound[side, k]:
            k = j
    s.bound[side, at], s.bound[side, k] = s.bound[side, k], s.bound[side, at]
    s.spot[side, at], s.spot[side, k] = s.spot[side, k], s.spot[side, at]


@compiled
def place_one(p: Problem, s: Work, c: int, blink: float) -> bool:
    """Put a call on the cheapest place of all routes; False where there is none."""
    count = places(p, s, c, 0, blink)
    best, where = p.dear[0], -1
    for i in range(count):
        bring(s, 0, i, count)
        if s.bound[0, i] >= best:
            break
        x = s.spot[0, i]
        way = detour(p, s, c, x)
        start = max(p.low[c], reach(p, s, c, x))
        link(p, s, c, x, s.who[x])
        if spread(p, s, c, -1, start, 0.0, best - way) >= 0:
            value = way + s.tally[EXTRA] + s.tally[TOP] - s.total[MOST]
            if value < best:
                best, where = value, x
        unlink(p, s, c)
    if where < 0:
        return False
    start = max(p.low[c], reach(p, s, c, where))
    s.total[DISTANCE] += detour(p, s, c, where)
    link(p, s, c, where, s.who[where])
    take_over(s, spread(p, s, c, -1, start, 0.0, BIG))
    s.total[ABSENT] -= 1
    return True


@compiled
def place_pair(p: Problem, s: Work, c: int, blink: float) -> bool:
    """Put the two calls of a patient on the cheapest places of two different routes; False where there are none."""
    m = p.mate[c]
    firsts, seconds = places(p, s, c, 0, blink), places(p, s, m, 1, blink)
    best, here, there = 2.0 * p.dear[0], -1, -1
    if firsts == 0 or seconds == 0:
        return False
    bring(s, 1, 0, seconds)
    brought = 1
    for i in range(firsts):
        bring(s, 0, i, firsts)
        if s.bound[0, i] + s.bound[1, 0] >= best:
            break
        x = s.spot[0, i]
        for j in range(seconds):
            if j == brought:
                bring(s, 1, j, seconds)
                brought += 1
            if s.bound[0, i] + s.bound[1, j] >= best:
                break
            z = s.spot[1, j]
            if s.who[x] == s.who[z]:
                continue
            start, other = pair_starts(p, c, m, reach(p, s, c, x), reach(p, s, m, z))
            way = detour(p, s, c, x) + detour(p, s, m, z)
            late, later = lateness(p, c, start), lateness(p, m, other)
            bound = way + late + later + max(0.0, max(late, later) - s.total[MOST])
            if bound >= best:
                continue
            bound += next_late(p, s, c, x, start) + next_late(p, s, m, z, other)
            if bound >= best:
                continue
            link(p, s, c, x, s.who[x])
            link(p, s, m, z, s.who[z])
            if spread(p, s, c, m, start, other, best - way) >= 0:
                value = way + s.tally[EXTRA] + s.tally[TOP] - s.total[MOST]
                if value < best:
                    best, here, there = value, x, z
            unlink(p, s, c)
            unlink(p, s, m)
    if here < 0:
        return False
    start, other = pair_starts(p, c, m, reach(p, s, c, here), reach(p, s, m, there))
    s.total[DISTANCE] += detour(p, s, c, here) + detour(p, s, m, there)
    link(p, s, c, here, s.who[here])
    link(p, s, m, there, s.who[there])
    take_over(s, spread(p, s, c, m, start, other, BIG))
    s.total[ABSENT] -= 2
    return True


@compiled
def rank(p: Problem, s: Work) -> None:
    """Give what is to be put back its order, one of several drawn anew in each step."""
    choice = draw(s.random)
    calls = p.mate.shape[0]
    for i in range(s.clock[GONE]):
        c = s.gone[i]
        chance = draw(s.random)
        pair = p.mate[c] >= 0
        if choice < 0.3:
            key = chance
        elif choice < 0.5:
            key = chance - 1.0 * pair
        elif choice < 0.65:
            key = float(p.low[c])
        elif choice < 0.75:
            key = -float(p.low[c])
        elif choice < 0.85:
            key = -float(travel(p, c, calls + p.able[c, 0]))
        elif choice < 0.92:
            key = float(travel(p, c, calls + p.able[c, 0]))
        else:
            key = float(p.ables[c]) + chance
        s.key[i] = key


@compiled
def recreate(p: Problem, s: Work, blink: float) -> None:
    """Put back what was taken off, and what is on no route; what has no place stays off."""
    rank(p, s)
    sort(s.key, s.gone, s.clock[GONE])
    left = 0
    for i in range(s.clock[GONE]):
        c = s.gone[i]
        placed = place_pair(p, s, c, blink) if p.mate[c] >= 0 else place_one(p, s, c, blink)
        if not placed:
            s.gone[left] = c
            left += 1
    s.clock[GONE] = left
