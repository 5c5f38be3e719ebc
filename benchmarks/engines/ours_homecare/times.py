"""Exact times of a plan (compiled): the least starts under travel, windows and the relations of pairs.

With all orders fixed the starts are longest paths in the graph of routes and pairs: travel after a service, and
both ways between the two services of a patient (start₂ ≥ start₁ + least, start₁ ≥ start₂ - most). They are least in
every start at once. An insertion raises some of them (`spread`), a removal lowers some (`settle`); orders that
chase each other around a circle have no starts and are refused.
"""

from __future__ import annotations

from benchmarks.engines.ours_homecare.jit import compiled, inlined
from benchmarks.engines.ours_homecare.layout import (
    ABSENT,
    BIG,
    CLOCK,
    DISTANCE,
    EPS,
    EXTRA,
    LATE,
    MOST,
    TOP,
    Problem,
    Work,
)

TURNS = 12
"""A pair some time apart whose starts are raised so often in a trial is taken for a circle."""


@inlined
def travel(p: Problem, x: int, y: int) -> float:
    """Return the way between two nodes."""
    return float(p.table[p.row[x], p.row[y]])


@inlined
def travel_to(p: Problem, x: int, c: int) -> float:
    """Return the same; quicker where many nodes x are asked for one c: they lie side by side."""
    return float(p.back[p.row[c], p.row[x]])


@inlined
def lateness(p: Problem, x: int, start: float) -> float:
    """Return by how much a start overruns its window, or the end of a route its shift."""
    return float(max(0.0, start - p.due[x]))


@inlined
def link(p: Problem, s: Work, c: int, x: int, w: int) -> None:
    """Put a call on a caregiver's route after a node."""
    y = s.after[x]
    s.leg[x] = travel(p, x, c)
    s.leg[c] = travel(p, c, y)
    s.after[x] = c
    s.before[c] = x
    s.after[c] = y
    s.before[y] = c
    s.who[c] = w


@inlined
def unlink(p: Problem, s: Work, c: int) -> None:
    """Take a call off its route."""
    x, y = s.before[c], s.after[c]
    s.leg[x] = travel(p, x, y)
    s.after[x] = y
    s.before[y] = x
    s.who[c] = -1


@inlined
def when(s: Work, x: int) -> float:
    """Return a node's start in the trial."""
    return float(s.trial[x] if s.stamp[x] == s.clock[CLOCK] else s.start[x])


@inlined
def lift(p: Problem, s: Work, x: int, start: float, count: int) -> int:
    """Raise a node's start in the trial; return the number of nodes touched."""
    late = start - p.due[x]
    if late > 0.0:
        s.tally[EXTRA] += late - lateness(p, x, when(s, x))
        if x < p.mate.shape[0]:
            s.tally[TOP] = max(s.tally[TOP], late)
    if s.stamp[x] != s.clock[CLOCK]:
        s.stamp[x] = s.clock[CLOCK]
        s.touched[count] = x
        count += 1
    s.trial[x] = start
    return count


@inlined
def begin_trial(s: Work) -> None:
    """Start a trial: nothing is raised yet."""
    s.clock[CLOCK] += 1
    s.tally[EXTRA] = 0.0
    s.tally[TOP] = s.total[MOST]


@inlined
def spread(p: Problem, s: Work, c: int, m: int, start: float, other: float, budget: float) -> int:
    """Try the starts of one or two calls just linked (m = -1: one) and raise what depends on them.

    Returns the number of nodes touched; -1 if the orders chase each other or the lateness grows to the budget. A
    circle leads through a new call: what is raised by nothing but a call (or a pair that starts together) cannot
    raise it in turn. The two of a pair some time apart may raise each other, fewer than `TURNS` times.
    """
    calls = p.mate.shape[0]
    begin_trial(s)
    stamp = s.clock[CLOCK]
    room = s.queue.shape[0]
    locked = m < 0 or p.lag[c] + p.lag[m] >= 0.0
    count = lift(p, s, c, start, 0)
    turns = 1 if locked else TURNS
    head, tail = 0, 1
    s.queue[0] = c
    s.queued[c] = stamp
    if m >= 0:
        count = lift(p, s, m, other, count)
        s.queue[1] = m
        s.queued[m] = stamp
        tail = 2
    while head != tail:
        x = s.queue[head]
        head = head + 1 if head + 1 < room else 0
        s.queued[x] = 0
        for side in range(2):
            if side == 0:
                y = s.after[x]
                reach = s.trial[x] + p.length[x] + s.leg[x]
            else:
                y = p.mate[x]
                if y < 0 or s.who[y] < 0:
                    continue
                reach = s.trial[x] + p.lag[x]
            if reach <= when(s, y) + EPS:
                continue
            if y in (c, m):
                turns -= 1
                if turns == 0:
                    return -1
            count = lift(p, s, y, reach, count)
            if s.tally[EXTRA] + s.tally[TOP] - s.total[MOST] >= budget:
                return -1
            if y < calls and s.queued[y] != stamp:
                s.queued[y] = stamp
                s.queue[tail] = y
                tail = tail + 1 if tail + 1 < room else 0
    return count


@inlined
def pair_starts(p: Problem, c: int, m: int, reach: float, other: float) -> tuple[float, float]:
    """Return the least starts of a pair whose caregivers arrive then."""
    first, second = max(reach, p.low[c]), max(other, p.low[m])
    second = max(second, first + p.lag[c])
    first = max(first, second + p.lag[m])
    return first, second


@inlined
def take_over(s: Work, count: int) -> None:
    """Make the starts and the lateness of a trial those of the plan."""
    for i in range(count):
        x = s.touched[i]
        s.start[x] = s.trial[x]
    s.total[LATE] += s.tally[EXTRA]
    s.total[MOST] = s.tally[TOP]


@compiled
def sum_up(p: Problem, s: Work) -> None:
    """Add up the lateness of all starts and the minutes past all shifts."""
    late, most = 0.0, 0.0
    for c in range(p.mate.shape[0]):
        if s.who[c] >= 0:
            one = lateness(p, c, s.start[c])
            late += one
            most = max(most, one)
    for x in range(p.mate.shape[0] + p.able.shape[1], p.row.shape[0]):
        late += lateness(p, x, s.start[x])
    s.total[LATE], s.total[MOST] = late, most


@inlined
def take_off(p: Problem, s: Work, c: int, count: int) -> int:
    """Take a call off its route; note the node after it, whose start may fall (see `settle`)."""
    x, y = s.before[c], s.after[c]
    s.total[DISTANCE] -= s.leg[x] + s.leg[c]
    unlink(p, s, c)
    s.total[DISTANCE] += s.leg[x]
    s.total[ABSENT] += 1
    s.start[c] = -BIG
    s.touched[count] = y
    return count + 1


@compiled
def settle(p: Problem, s: Work, count: int) -> None:
    """Lower the starts that depended on calls taken off; `touched` has the nodes after them."""
    calls, carers = p.mate.shape[0], p.able.shape[1]
    s.clock[CLOCK] += 1
    stamp = s.clock[CLOCK]
    kept = 0
    for i in range(count):
        x = s.touched[i]
        if (x >= calls or s.who[x] >= 0) and s.stamp[x] != stamp:
            s.stamp[x] = stamp
            s.queue[kept] = x
            kept += 1
    i = 0
    while i < kept:  # whatever stands on a start that may fall may fall
        x = s.queue[i]
        i += 1
        if x >= calls + carers or s.start[x] <= p.low[x] + EPS:
            continue
        y = s.after[x]
        if s.stamp[y] != stamp:
            s.stamp[y] = stamp
            s.queue[kept] = y
            kept += 1
        y = p.mate[x]
        if y >= 0 and s.who[y] >= 0 and s.stamp[y] != stamp:
            s.stamp[y] = stamp
            s.queue[kept] = y
            kept += 1
    for i in range(kept):
        s.start[s.queue[i]] = p.low[s.queue[i]]
    changed = True
    while changed:
        changed = False
        for i in range(kept):
            x = s.queue[i]
            b = s.before[x]
            least = max(p.low[x], s.start[b] + p.length[b] + s.leg[b])
            if x < calls and p.mate[x] >= 0 and s.who[p.mate[x]] >= 0:
                least = max(least, s.start[p.mate[x]] + p.lag[p.mate[x]])
            if least > s.start[x] + EPS:
                s.start[x] = least
                changed = True
    sum_up(p, s)


@compiled
def time_all(p: Problem, s: Work) -> bool:
    """Work out distance, starts and lateness of the routes; False when the orders chase each other."""
    calls, carers = p.mate.shape[0], p.able.shape[1]
    s.total[DISTANCE] = 0.0
    s.total[ABSENT] = calls
    for x in range(calls):
        s.start[x] = -BIG
        s.who[x] = -1
    for w in range(carers):
        x = calls + w
        s.start[x] = p.low[x]
        while x != calls + carers + w:
            y = s.after[x]
            s.before[y] = x
            s.leg[x] = travel(p, x, y)
            s.total[DISTANCE] += s.leg[x]
            if y < calls:
                s.who[y] = w
                s.total[ABSENT] -= 1
            s.start[y] = p.low[y]
            x = y
    good = True
    changed = True
    sweeps = 0
    while changed and good:
        changed = False
        sweeps += 1
        good = sweeps <= calls + 1
        for w in range(carers):
            x = calls + w
            while x != calls + carers + w:
                y = s.after[x]
                least = s.start[x] + p.length[x] + s.leg[x]
                if y < calls and p.mate[y] >= 0 and s.who[p.mate[y]] >= 0:
                    least = max(least, s.start[p.mate[y]] + p.lag[p.mate[y]])
                if least > s.start[y] + EPS:
                    s.start[y] = least
                    changed = True
                x = y
    sum_up(p, s)
    return good
