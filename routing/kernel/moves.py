"""Ruin and recreate on the kernel's arrays (compiled): what is taken off, where it is put back.

Ruins: strings of neighbouring stops (SISR, Christiaens and Vanden Berghe 2020), over all days or within
one, and the exchange of whole routes or their tails between two workers. Recreate: one elder after the
other, all missing visits of an elder together, on the cheapest days that make a permitted pattern.
"""

from __future__ import annotations

import numpy as np

from routing.kernel.jit import compiled
from routing.kernel.layout import (
    ALLOWED,
    AT,
    BIG,
    BREAKS,
    BUSY,
    C_CLOSED,
    C_SCOPE,
    C_STEP,
    C_TOUCHED,
    C_VERSION,
    CANDS,
    CAP_DAY,
    CAP_MONTH,
    CAP_SECONDS,
    CAP_WEEK,
    CAPACITY,
    CARRIED,
    COUNT,
    FIRST,
    GIVEN_UP,
    HIGH,
    K_ABSENT,
    K_LARGE,
    K_LARGER,
    K_ONE_DAY,
    K_SMALL,
    K_SPLIT,
    K_STRING,
    K_WHOLE,
    LAST,
    LEAST,
    LEFT,
    LENGTH,
    LOAD,
    LOW,
    MADE,
    MODE,
    MONTH,
    MOST,
    NAMED,
    NODE,
    OPEN,
    POINT,
    PRIORITY,
    READY,
    ROUTE_WIDTH,
    RULE,
    S_DELTA,
    S_POSITION,
    S_SPAN,
    S_VERSION,
    SHUT,
    SIZE,
    SPAN,
    STATUTORY,
    STOP_WIDTH,
    T_ABSENT,
    T_NAMED,
    T_PRIORITY,
    T_STATUTORY,
    T_STRANGERS,
    TAKEN,
    VERSION,
    W_BALANCE,
    W_CONTINUITY,
    W_PRIORITY,
    W_STATUTORY,
    WEEKS,
    Problem,
    Work,
)
from routing.kernel.times import book, look, look_with_rests, refresh, seconds

FEW = 24
"""So many absent elders are all tried again in each step; of more, `SAMPLE` are."""
SAMPLE = 12
WIDE = 400
"""More worker-days than these are not all looked at for a visit: only those that pass near it."""
AROUND = 60
"""Whose neighbours' routes are looked at, and how many of the nearest workers' whatever they do."""
CLOSEST = 6


@compiled
def draw(random: np.ndarray) -> float:
    """Return a number from 0 up to 1 (xorshift64)."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return float(x >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def below(random: np.ndarray, count: float) -> int:
    """Return an integer from 0 up to `count`."""
    return int(draw(random) * count)


# -- one visit more or less


@compiled
def stranger(p: Problem, v: int, w: int) -> int:
    """Whether a worker is none of those the elder knows; 0 where none is named."""
    if p.item[v, NAMED] == 0:
        return 0
    for i in range(p.known.shape[1]):
        if p.known[v, i] == w:
            return 0
    return 1


@compiled
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


@compiled
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


@compiled
def book_route(p: Problem, s: Work, r: int, sign: int) -> None:
    """Add a route to all sums, or take it off."""
    days = p.week.shape[0]
    w = r // days
    weeks = (s.sums.shape[1] - WEEKS) // 2
    book(s.route, s.sums, s.total, p.week[r - w * days], weeks, w, r, sign)


@compiled
def time_route(p: Problem, s: Work, r: int) -> bool:
    """Work out a changed route and add it to the sums; False when it cannot be kept."""
    items, workers = p.item.shape[0], p.worker.shape[0]
    w = r // p.week.shape[0]
    start, end = items + w, items + workers + w
    fits = refresh(
        p.node,
        p.worker,
        p.rest,
        p.shift,
        p.table,
        p.points,
        p.pace,
        s.stops,
        s.route,
        s.scratch,
        s.clocks,
        r,
        w,
        start,
        end,
    )
    s.clock[C_VERSION] += 1
    s.route[r, VERSION] = s.clock[C_VERSION]
    book_route(p, s, r, 1)
    return fits


@compiled
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


@compiled
def movable(p: Problem, s: Work, r: int, k: int) -> bool:
    """Whether a stop may be taken off: not shared or pinned, nor before a position that a pin holds."""
    return bool(s.stops[r, k, NODE] < p.item.shape[0] and k >= s.route[r, OPEN])


@compiled
def take_string(p: Problem, s: Work, r: int, at: int, longest: float) -> None:
    """Take a string of stops around a position off a route; sometimes some in its middle stay."""
    size = s.route[r, SIZE]
    d = r % p.week.shape[0]
    length = min(size, 1 + below(s.random, min(float(size), longest)))
    kept = 0
    if 2 <= length < size and draw(s.random) < p.knob[K_SPLIT]:
        kept = 1
        while length + kept < size and draw(s.random) < 0.5:
            kept += 1
    whole = length + kept
    low, high = max(0, at - whole + 1), min(at, size - whole)
    first = low + below(s.random, high - low + 1)
    pause = first + (below(s.random, length + 1) if kept > 0 else 0)
    touch(p, s, r)
    q = first
    for k in range(first, size):
        x = s.stops[r, k, NODE]
        if k < first + whole and not pause <= k < pause + kept and movable(p, s, r, k):
            taken_off(p, s, x, d)
        else:
            s.stops[r, q, NODE] = x
            q += 1
    s.route[r, SIZE] = q


@compiled
def take_others(p: Problem, s: Work) -> None:
    """Take the other visits of everybody off who lost one in this step."""
    days = p.week.shape[0]
    for i in range(s.total[T_ABSENT]):
        v = s.absent[i]
        if s.visits[v, TAKEN] != s.clock[C_STEP] or s.visits[v, MADE] == 0:
            continue
        for d in range(days):
            w = s.where[v, d]
            if w < 0:
                continue
            r = w * days + d
            k = place_of(s, r, v)
            if not movable(p, s, r, k):
                continue
            touch(p, s, r)
            remove_at(s, r, k)
            taken_off(p, s, v, d)


@compiled
def place_of(s: Work, r: int, x: int) -> int:
    """Return the position of a node on its route."""
    k = 0
    while s.stops[r, k, NODE] != x:
        k += 1
    return k


@compiled
def remove_at(s: Work, r: int, at: int) -> None:
    """Close the gap at a position."""
    size = s.route[r, SIZE] - 1
    for k in range(at, size):
        s.stops[r, k, NODE] = s.stops[r, k + 1, NODE]
    s.route[r, SIZE] = size


@compiled
def insert_at(s: Work, r: int, at: int, x: int) -> None:
    """Put a node at a position."""
    size = s.route[r, SIZE]
    for k in range(size, at, -1):
        s.stops[r, k, NODE] = s.stops[r, k - 1, NODE]
    s.stops[r, at, NODE] = x
    s.route[r, SIZE] = size + 1


@compiled
def some_day(s: Work, v: int) -> int:
    """Return a random day on which a free visit of an item is made, -1 when there is none."""
    count = 0
    found = -1
    for d in range(s.where.shape[1]):
        if s.where[v, d] >= 0:
            count += 1
            if count == 1 or draw(s.random) * count < 1.0:
                found = d
    return found


@compiled
def some_item(p: Problem, s: Work) -> int:
    """Return the item a ruin begins at: any one, or now and then an absent one."""
    if s.total[T_ABSENT] > 0 and draw(s.random) < p.knob[K_ABSENT]:
        return int(s.absent[below(s.random, s.total[T_ABSENT])])
    return below(s.random, p.item.shape[0])


@compiled
def ruin_strings(p: Problem, s: Work, seed: int, mean_size: float) -> None:
    """Take strings off the routes around an item, as in the paper."""
    knob = p.knob
    days = p.week.shape[0]
    average = knob[K_LARGE] if draw(s.random) < knob[K_LARGER] else knob[K_SMALL]
    longest = min(knob[K_STRING], mean_size)
    strings = int(draw(s.random) * (4.0 * average / (1.0 + longest) - 1.0) + 1.0)
    only = -1
    one_day = days > 1 and draw(s.random) < knob[K_ONE_DAY]
    ruined = 0
    for a in range(p.near.shape[1]):
        if ruined >= strings:
            break
        v = p.near[seed, a]
        d = only if only >= 0 else some_day(s, v)
        if d < 0 or s.where[v, d] < 0:
            continue
        r = s.where[v, d] * days + d
        if s.mark[r, 0] == s.clock[C_STEP]:
            continue
        if one_day:
            only = d
        take_string(p, s, r, place_of(s, r, v), longest)
        ruined += 1
    if days > 1 and draw(s.random) < knob[K_WHOLE]:
        take_others(p, s)


@compiled
def candidate(p: Problem, v: int, w: int) -> bool:
    """Whether a worker is among an item's candidates."""
    for c in range(p.item[v, CANDS]):  # noqa: SIM110 - numba takes no generators
        if p.cand[v, c] == w:
            return True
    return False


@compiled
def append_tail(p: Problem, s: Work, r: int, copy: int, first: int, size: int) -> None:
    """Put the stops of a kept copy from a position on at the end of a route, as far as they fit there."""
    days = p.week.shape[0]
    items, workers = p.item.shape[0], p.worker.shape[0]
    w = r // days
    d = r - w * days
    mode, end = p.worker[w, MODE], items + workers + w
    count = s.route[r, SIZE]
    clock, here = p.shift[r, 0], items + w
    load = 0
    for k in range(count):
        load += p.node[s.stops[r, k, NODE], LOAD]
    if count > 0:
        clock = s.stops[r, count - 1, READY]
        here = p.node[s.stops[r, count - 1, NODE], POINT]
    for k in range(first, size):
        x = s.saved_stops[copy, k, NODE]
        if count >= p.worker[w, CAP_DAY] or not candidate(p, x, w):
            continue
        begin = clock + seconds(p.table, p.points, p.pace, mode, here, p.node[x, POINT])
        if begin > p.node[x, HIGH] or load + p.node[x, LOAD] > p.worker[w, CAPACITY]:
            continue
        done = max(begin, p.node[x, LOW]) + p.node[x, LENGTH]
        if done + seconds(p.table, p.points, p.pace, mode, p.node[x, POINT], end) > p.shift[r, 1]:
            continue
        clock, here = done, p.node[x, POINT]
        load += p.node[x, LOAD]
        s.stops[r, count, NODE] = x
        count += 1
        put_on(p, s, x, d, w)
    s.route[r, SIZE] = count


@compiled
def ruin_exchange(p: Problem, s: Work) -> None:
    """Exchange the tails of two routes of a day, often all of them; what does not fit is taken off."""
    days = p.week.shape[0]
    items = p.item.shape[0]
    v = below(s.random, items)
    d = some_day(s, v)
    if d < 0 or p.item[v, CANDS] < 2:
        return
    a = s.where[v, d]
    b = p.cand[v, below(s.random, p.item[v, CANDS])]
    ra, rb = a * days + d, b * days + d
    if a == b or p.shift[rb, 1] < p.shift[rb, 0]:
        return
    size_a, size_b = s.route[ra, SIZE], s.route[rb, SIZE]
    cut_a, cut_b = s.route[ra, OPEN], s.route[rb, OPEN]
    if cut_a > size_a or cut_b > size_b:
        return
    if draw(s.random) < 0.6:
        cut_a, cut_b = below(s.random, size_a + 1), below(s.random, size_b + 1)
    for k in range(cut_a, size_a):
        if not movable(p, s, ra, k):
            return
    for k in range(cut_b, size_b):
        if not movable(p, s, rb, k):
            return
    if cut_a >= size_a and cut_b >= size_b:
        return
    copy_a, copy_b = touch(p, s, ra), touch(p, s, rb)
    for k in range(cut_a, size_a):
        taken_off(p, s, s.stops[ra, k, NODE], d)
    for k in range(cut_b, size_b):
        taken_off(p, s, s.stops[rb, k, NODE], d)
    s.route[ra, SIZE], s.route[rb, SIZE] = cut_a, cut_b
    append_tail(p, s, ra, copy_b, cut_b, size_b)
    append_tail(p, s, rb, copy_a, cut_a, size_a)


@compiled
def ruin_route(p: Problem, s: Work, mean_size: float) -> None:
    """Take a whole route off with strings around it; mostly it stays closed while all is put back.

    Somebody else then has to go: without this, the wrong one of two workers may go for ever.
    """
    days = p.week.shape[0]
    v = below(s.random, p.item.shape[0])
    d = some_day(s, v)
    if d < 0:
        return
    r = s.where[v, d] * days + d
    touch(p, s, r)
    q = 0
    for k in range(s.route[r, SIZE]):
        x = s.stops[r, k, NODE]
        if movable(p, s, r, k):
            taken_off(p, s, x, d)
        else:
            s.stops[r, q, NODE] = x
            q += 1
    s.route[r, SIZE] = q
    ruin_strings(p, s, v, mean_size)
    if draw(s.random) < 0.7:
        s.clock[C_CLOSED] = r


# -- recreate


@compiled
def spot_of(p: Problem, s: Work, x: int, c: int, w: int, d: int) -> int:
    """Return the number of the up-to-date cheapest insertion of an item with its c-th candidate on a day."""
    days = p.week.shape[0]
    items, workers = p.item.shape[0], p.worker.shape[0]
    r = w * days + d
    i = (x * p.cand.shape[1] + c) * days + d
    if s.spots[i, S_VERSION] != s.route[r, VERSION]:
        if p.worker[w, BREAKS] > 0:
            look_with_rests(
                p.node,
                p.worker,
                p.rest,
                p.shift,
                p.table,
                p.points,
                p.pace,
                s.stops,
                s.route,
                s.spots[i],
                s.scratch,
                s.clocks,
                x,
                r,
                w,
                items + w,
                items + workers + w,
            )
        else:
            look(
                p.node,
                p.worker,
                p.shift,
                p.table,
                p.points,
                p.pace,
                s.stops,
                s.route,
                s.spots[i],
                x,
                r,
                w,
                items + w,
                items + workers + w,
            )
    return int(i)


@compiled
def room(p: Problem, s: Work, x: int, w: int, d: int, span: int) -> bool:
    """Whether the sums of a worker's day, week and month allow one more visit and a new span."""
    r = w * p.week.shape[0] + d
    week = p.week[d]
    weeks = (s.sums.shape[1] - WEEKS) // 2
    size = s.route[r, SIZE]
    if size >= p.worker[w, CAP_DAY] or size + 1 >= s.stops.shape[1]:
        return False
    if s.route[r, CARRIED] + p.node[x, LOAD] > p.worker[w, CAPACITY]:
        return False
    if s.sums[w, MONTH] >= p.worker[w, CAP_MONTH] or s.sums[w, WEEKS + week] >= p.worker[w, CAP_WEEK]:
        return False
    longer = span - s.route[r, SPAN]
    return bool(s.sums[w, WEEKS + weeks + week] + longer <= p.worker[w, CAP_SECONDS])


@compiled
def mark_scope(p: Problem, s: Work, v: int) -> int:
    """Mark the routes that pass near an item; returns the number of the mark."""
    days = p.week.shape[0]
    s.clock[C_SCOPE] += 1
    stamp = s.clock[C_SCOPE]
    for a in range(1, min(AROUND, p.near.shape[1])):
        u = p.near[v, a]
        if s.visits[u, MADE] != 0:
            for d in range(days):
                if s.where[u, d] >= 0:
                    s.mark[s.where[u, d] * days + d, 3] = stamp
    return int(stamp)


@compiled
def scan(p: Problem, s: Work, v: int, days_open: int, blink: float, ceiling: int) -> None:
    """Write the cheapest insertion of an item on each of the open days (bits) to `day_cost`, `day_pick`."""
    days = p.week.shape[0]
    cost, pick = s.day_cost[0], s.day_pick[0]
    for d in range(days):
        cost[d] = float(BIG)
    balance = p.weight[W_BALANCE]
    stamp = -1
    if p.item[v, CANDS] * days > WIDE:
        stamp = mark_scope(p, s, v)
    for c in range(p.item[v, CANDS]):
        w = p.cand[v, c]
        extra = p.weight[W_CONTINUITY] * stranger(p, v, w)
        if s.sums[w, MONTH] >= p.worker[w, CAP_MONTH]:
            continue
        for d in range(days):
            r = w * days + d
            if not (days_open >> d) & 1 or p.shift[r, 1] < p.shift[r, 0] or r == s.clock[C_CLOSED]:
                continue
            # most routes are full most of the time: this saves nearly all the looking
            if s.route[r, SIZE] >= p.worker[w, CAP_DAY]:
                continue
            if p.shift[r, 0] > p.node[v, HIGH] or p.shift[r, 1] < p.node[v, LOW] + p.node[v, LENGTH]:
                continue
            if stamp >= 0 and c >= CLOSEST and s.mark[r, 3] != stamp and s.route[r, SIZE] > 0:
                continue
            i = spot_of(p, s, v, c, w, d)
            value = s.spots[i, S_DELTA] + extra
            if s.spots[i, S_DELTA] >= SHUT or value >= cost[d]:
                continue
            if balance > 0.0:
                more = s.sums[w, BUSY] + s.spots[i, S_SPAN] - s.route[r, SPAN] - ceiling
                value += balance * max(0, more)
                if value >= cost[d]:
                    continue
            if not room(p, s, v, w, d, s.spots[i, S_SPAN]) or draw(s.random) < blink:
                continue
            cost[d], pick[d] = value, c


@compiled
def lost(p: Problem, v: int) -> float:
    """Return what one visit of an item is worth in seconds."""
    return float(p.weight[W_PRIORITY] * p.item[v, PRIORITY] + p.weight[W_STATUTORY] * p.item[v, STATUTORY])


@compiled
def choose_days(p: Problem, s: Work, v: int) -> int:
    """Return the days (bits) for an item's missing visits: the cheapest permitted pattern.

    A pattern must contain the days already made; one of its days may stay without a visit at the price
    of the visit. Patterns by gaps are searched by dynamic programming over (visits, last day).
    """
    days = p.week.shape[0]
    q = p.item[v, RULE]
    made = s.visits[v, MADE]
    count = p.item[v, COUNT]
    loss = lost(p, v)
    cost = s.day_cost[0]
    best, chosen = float(BIG), 0
    if count == 1 and made == 0:
        for d in range(days):
            if cost[d] < best:
                best, chosen = cost[d], 1 << d
        return chosen
    if p.rule[q, FIRST] < p.rule[q, LAST]:
        for i in range(p.rule[q, FIRST], p.rule[q, LAST]):
            bits = p.pattern[i]
            if bits & made != made:
                continue
            value = loss * count
            for d in range(days):
                if bits >> d & 1:
                    value += min(cost[d], loss) - loss if not made >> d & 1 else -loss
            if value < best:
                best, chosen = value, bits
    else:
        sure = 4.0 * (abs(loss) + float(SHUT)) * count
        least, most, allowed = p.rule[q, LEAST], p.rule[q, MOST], p.rule[q, ALLOWED]
        for d in range(days):
            worth = -sure if made >> d & 1 else min(cost[d], loss)
            s.day_cost[1, d] = worth if allowed >> d & 1 else float(BIG)
        for k in range(2, count + 1):
            for d in range(days):
                s.day_cost[k, d] = float(BIG)
                if not allowed >> d & 1:
                    continue
                worth = -sure if made >> d & 1 else min(cost[d], loss)
                for before in range(max(0, d - most), d - least + 1):
                    if s.day_cost[k - 1, before] + worth < s.day_cost[k, d]:
                        s.day_cost[k, d] = s.day_cost[k - 1, before] + worth
                        s.day_pick[k, d] = before
        last = -1
        for d in range(days):
            if s.day_cost[count, d] < best:
                best, last = s.day_cost[count, d], d
        if last >= 0:
            for k in range(count, 0, -1):
                chosen |= 1 << last
                last = s.day_pick[k, last]
        if chosen & made != made:
            return 0
    return int(chosen & ~made)


@compiled
def insert(p: Problem, s: Work, v: int, c: int, d: int) -> bool:
    """Make a visit with the item's c-th candidate on a day, where it is cheapest; False if there is no room."""
    days = p.week.shape[0]
    w = p.cand[v, c]
    r = w * days + d
    i = spot_of(p, s, v, c, w, d)
    if s.spots[i, S_DELTA] >= SHUT or not room(p, s, v, w, d, s.spots[i, S_SPAN]):
        return False
    if s.mark[r, 0] == s.clock[C_STEP]:
        book_route(p, s, r, -1)
    else:
        touch(p, s, r)
    insert_at(s, r, s.spots[i, S_POSITION], v)
    put_on(p, s, v, d, w)
    time_route(p, s, r)
    return True


@compiled
def place(p: Problem, s: Work, v: int, blink: float) -> None:
    """Make an item's missing visits on the cheapest permitted days, as many as fit."""
    days = p.week.shape[0]
    ceiling = 0
    if p.weight[W_BALANCE] > 0.0:
        for w in range(s.sums.shape[0]):
            ceiling = max(ceiling, s.sums[w, BUSY])
    for _ in range(p.item[v, COUNT]):
        scan(p, s, v, p.rule[p.item[v, RULE], ALLOWED] & ~s.visits[v, MADE], blink, ceiling)
        chosen = choose_days(p, s, v)
        placed = failed = False
        for d in range(days):
            if chosen >> d & 1 and s.visits[v, LEFT] > 0 and s.day_cost[0, d] < SHUT:
                if insert(p, s, v, s.day_pick[0, d], d):
                    placed = True
                else:
                    failed = True
        if not placed or not failed or s.visits[v, LEFT] == 0:
            return


@compiled
def sort(key: np.ndarray, todo: np.ndarray, count: int) -> None:
    """Sort `todo` by `key`, least first (Shell's sort: nearly always some twenty entries)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            value, entry = key[i], todo[i]
            j = i
            while j >= gap and key[j - gap] > value:
                key[j], todo[j] = key[j - gap], todo[j - gap]
                j -= gap
            key[j], todo[j] = value, entry
        gap //= 3


@compiled
def rank(p: Problem, s: Work, count: int) -> None:
    """Give every entry of `todo` its key, in one of eight orders drawn anew in each step."""
    choice = draw(s.random)
    for i in range(count):
        v = s.todo[i]
        chance = draw(s.random)
        length, low, high = p.node[v, LENGTH], p.node[v, LOW], p.node[v, HIGH]
        if choice < 0.25:
            key = chance
        elif choice < 0.43:
            key = -float(length * s.visits[v, LEFT])
        elif choice < 0.53:
            key = float(high - low)
        elif choice < 0.61:
            key = float(low)
        elif choice < 0.69:
            key = -float(high)
        elif choice < 0.79:
            key = float(p.item[v, CANDS]) + chance
        elif choice < 0.93:
            key = -float(p.item[v, STATUTORY] * BIG + p.item[v, PRIORITY] * 1000) + chance
        else:
            key = -float(s.visits[v, GIVEN_UP]) + chance
        s.key[i] = key


@compiled
def recreate(p: Problem, s: Work, blink: float, everybody: bool) -> None:
    """Put back what was taken off and try the absent again: all of them if they are few."""
    absent = s.total[T_ABSENT]
    count = 0
    older = 0
    for i in range(absent):
        v = s.absent[i]
        if s.visits[v, TAKEN] == s.clock[C_STEP] or everybody:
            s.todo[count] = v
            count += 1
        else:
            older += 1
    if not everybody and older <= FEW:
        for i in range(absent):
            v = s.absent[i]
            if s.visits[v, TAKEN] != s.clock[C_STEP]:
                s.todo[count] = v
                count += 1
    elif not everybody:
        for _ in range(SAMPLE):
            v = s.absent[below(s.random, absent)]
            if s.visits[v, TAKEN] != s.clock[C_STEP]:
                s.visits[v, TAKEN] = s.clock[C_STEP]
                s.todo[count] = v
                count += 1
    rank(p, s, count)
    sort(s.key, s.todo, count)
    for i in range(count):
        v = s.todo[i]
        place(p, s, v, blink)
        if s.visits[v, LEFT] > 0:
            s.visits[v, GIVEN_UP] += 1
