"""Recreate on the kernel's arrays (compiled): where what was taken off is put back.

One elder after the other, all missing visits of an elder together, on the cheapest days that make a permitted
pattern.
"""

from __future__ import annotations

import numpy as np

from routing.kernel.books import below, book_route, draw, put_on, stranger, time_route, touch
from routing.kernel.jit import compiled, inlined
from routing.kernel.layout import (
    ALLOWED,
    BIG,
    BREAKS,
    BULK,
    BUSY,
    C_CLOSED,
    C_FIRST,
    C_OPENED,
    C_SCOPE,
    C_STEP,
    CANDS,
    CAP_DAY,
    CAP_MONTH,
    CAP_SECONDS,
    CAP_WEEK,
    CAPACITY,
    CARRIED,
    COUNT,
    FAR,
    FIRST,
    GIVEN_UP,
    HIGH,
    K_BULKY,
    LAST,
    LEAST,
    LEFT,
    LENGTH,
    LOAD,
    LOW,
    MADE,
    MONTH,
    MOST,
    PRIORITY,
    RULE,
    S_DELTA,
    S_ITEM,
    S_POSITION,
    S_SPAN,
    S_VERSION,
    SHUT,
    SIZE,
    SPAN,
    STATUTORY,
    T_ABSENT,
    T_PRIORITY,
    T_STATUTORY,
    T_STRANGERS,
    T_TRAVEL,
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
from routing.kernel.ruin import insert_at
from routing.kernel.times import look, look_with_rests

FEW = 8
"""So many absent elders are all tried again in each step; of more, `SAMPLE` are."""
SAMPLE = 6
WIDE, WIDE_MONTH = 40, 400
"""More worker-days than these, in a day or month, are not all looked at for a visit: only those that pass near."""
AROUND = 40
"""Whose neighbours' routes are looked at, and how many of the nearest workers' whatever they do."""
CLOSEST = 6
FARTHER = 0.01
"""How often all of them are looked at nevertheless."""
FAVOUR = 0.4
"""What an insertion into the favoured route counts of its cost."""


@inlined
def spot_of(p: Problem, s: Work, x: int, c: int, w: int, d: int) -> int:
    """Return the number of the up-to-date cheapest insertion of an item with its c-th candidate on a day."""
    days = p.week.shape[0]
    items, workers = p.item.shape[0], p.worker.shape[0]
    r = w * days + d
    i = ((x * p.cand.shape[1] + c) * days + d) % s.spots.shape[0]
    if s.spots[i, S_VERSION] != s.route[r, VERSION] or s.spots[i, S_ITEM] != x:
        s.spots[i, S_ITEM] = x
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
            look(p, s, i, x, r)
    return int(i)


@inlined
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


@inlined
def weigh(p: Problem, s: Work, v: int, c: int, d: int, blink: float, ceiling: int) -> None:
    """Take an item's c-th candidate for a day if that is the cheapest so far; now and then it is passed over."""
    days = p.week.shape[0]
    w = p.cand[v, c]
    r = w * days + d
    # most routes are full most of the time: this saves nearly all the looking
    if s.route[r, SIZE] >= p.worker[w, CAP_DAY] or r == s.clock[C_CLOSED]:
        return
    if p.shift[r, 0] > p.node[v, HIGH] or p.shift[r, 1] < p.node[v, LOW] + p.node[v, LENGTH]:
        return
    i = spot_of(p, s, v, c, w, d)
    value = s.spots[i, S_DELTA] + p.weight[W_CONTINUITY] * stranger(p, v, w)
    if r == s.clock[C_OPENED]:
        value *= FAVOUR
    if s.spots[i, S_DELTA] >= SHUT or value >= s.day_cost[0, d]:
        return
    if p.weight[W_BALANCE] > 0.0:
        more = s.sums[w, BUSY] + s.spots[i, S_SPAN] - s.route[r, SPAN] - ceiling
        value += p.weight[W_BALANCE] * max(0, more)
        if value >= s.day_cost[0, d]:
            return
    if room(p, s, v, w, d, s.spots[i, S_SPAN]) and draw(s.random) >= blink:
        s.day_cost[0, d], s.day_pick[0, d] = value, c


@inlined
def scan_near(p: Problem, s: Work, v: int, days_open: int, blink: float, ceiling: int) -> None:
    """Weigh the routes that pass near an item, and the nearest workers with room whatever they do."""
    days = p.week.shape[0]
    s.clock[C_SCOPE] += 1
    stamp = s.clock[C_SCOPE]
    for a in range(1, min(AROUND, p.near.shape[1])):
        u = p.near[v, a]
        if s.visits[u, MADE] & days_open == 0:
            continue
        for d in range(days):
            w = s.where[u, d]
            if w < 0 or not (days_open >> d) & 1 or s.mark[w * days + d, 3] == stamp:
                continue
            s.mark[w * days + d, 3] = stamp
            if p.number[v, w] >= 0:
                weigh(p, s, v, p.number[v, w], d, blink, ceiling)
    for d in range(days):
        if not (days_open >> d) & 1:
            continue
        found = 0
        for c in range(p.item[v, CANDS]):
            r = p.cand[v, c] * days + d
            if s.mark[r, 3] == stamp or s.route[r, SIZE] >= p.worker[p.cand[v, c], CAP_DAY]:
                continue
            weigh(p, s, v, c, d, blink, ceiling)
            found += 1
            if found == CLOSEST:
                break


@inlined
def scan(p: Problem, s: Work, v: int, days_open: int, blink: float, ceiling: int) -> None:
    """Write the cheapest insertion of an item on each of the open days (bits) to `day_cost`, `day_pick`."""
    days = p.week.shape[0]
    for d in range(days):
        s.day_cost[0, d] = float(BIG)
    if p.item[v, CANDS] * days > (WIDE if days == 1 else WIDE_MONTH) and draw(s.random) >= FARTHER:
        scan_near(p, s, v, days_open, blink, ceiling)
        for d in range(days):
            if s.day_cost[0, d] < SHUT:
                return
    for c in range(p.item[v, CANDS]):
        if s.sums[p.cand[v, c], MONTH] >= p.worker[p.cand[v, c], CAP_MONTH]:
            continue
        for d in range(days):
            if (days_open >> d) & 1:
                weigh(p, s, v, c, d, blink, ceiling)


@inlined
def lost(p: Problem, v: int) -> float:
    """Return what one visit of an item is worth in seconds."""
    return float(p.weight[W_PRIORITY] * p.item[v, PRIORITY] + p.weight[W_STATUTORY] * p.item[v, STATUTORY])


@inlined
def spent(p: Problem, s: Work) -> float:
    """Return what is missing, travel and strangers as seconds: all aims but balance."""
    missing = p.weight[W_PRIORITY] * s.total[T_PRIORITY] + p.weight[W_STATUTORY] * s.total[T_STATUTORY]
    return float(missing + s.total[T_TRAVEL] + p.weight[W_CONTINUITY] * s.total[T_STRANGERS])


@inlined
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


@inlined
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


@inlined
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


@inlined
def rank_bulky(p: Problem, s: Work, count: int) -> None:
    """Give every entry of `todo` its key where days are to be chosen; equal ones come in random order.

    What is large or far off first, as in the paper: without windows, orders by windows say nothing.
    """
    choice = draw(s.random)
    for i in range(count):
        v = s.todo[i]
        key = draw(s.random)
        if choice < 0.20:
            key -= float(p.item[v, BULK] * s.visits[v, LEFT])
        elif choice < 0.32:
            key -= float(p.item[v, FAR])
        elif choice < 0.36:
            key += float(p.item[v, FAR])
        elif choice < 0.44:
            key += float(p.node[v, HIGH] - p.node[v, LOW])
        elif choice < 0.48:
            key += float(p.node[v, LOW])
        elif choice < 0.52:
            key -= float(p.node[v, HIGH])
        elif choice < 0.60:
            key += float(p.item[v, CANDS])
        elif choice < 0.68:
            key -= float(p.item[v, STATUTORY] * BIG + p.item[v, PRIORITY] * 1000)
        elif choice < 0.72:
            key -= float(s.visits[v, GIVEN_UP])
        s.key[i] = -1e300 if v == s.clock[C_FIRST] else key


@compiled
def rank(p: Problem, s: Work, count: int) -> None:
    """Give every entry of `todo` its key, in one of eight orders drawn anew in each step."""
    if p.knob[K_BULKY] > 0.0 and draw(s.random) < p.knob[K_BULKY]:
        rank_bulky(p, s, count)
        return
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
        s.key[i] = -1e300 if v == s.clock[C_FIRST] else key


@compiled
def recreate(p: Problem, s: Work, blink: float, everybody: bool, most: float) -> bool:
    """Put back what was taken off and try the absent again: all of them if they are few.

    False, with some left out, once the aims must become more than `most` seconds whatever the rest costs.
    """
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
    hope = 0.0
    for i in range(count):
        hope += lost(p, s.todo[i]) * s.visits[s.todo[i], LEFT]
    for i in range(count):
        v = s.todo[i]
        hope -= lost(p, v) * s.visits[v, LEFT]
        place(p, s, v, blink)
        if s.visits[v, LEFT] > 0:
            s.visits[v, GIVEN_UP] += 1
        if spent(p, s) - hope > most:
            return False
    return True
