"""Ruin on the kernel's arrays (compiled): what is taken off.

Strings of neighbouring stops (SISR, Christiaens and Vanden Berghe 2020), over all days or within one, the exchange
of whole routes or their tails between two workers, the closing of a whole route for one step, the favouring of
somebody idle, and making room for an absent visit where one of the few who could make it has a day full of others.
"""

from __future__ import annotations

from routing.kernel.books import (
    below,
    draw,
    put_on,
    taken_off,
    touch,
)
from routing.kernel.jit import compiled, inlined
from routing.kernel.layout import (
    ALLOWED,
    C_CLOSED,
    C_FIRST,
    C_OPENED,
    C_STEP,
    CANDS,
    CAP_DAY,
    CAPACITY,
    HIGH,
    K_ABSENT,
    K_LARGE,
    K_LARGER,
    K_NEAR,
    K_ONE_DAY,
    K_OPEN,
    K_SMALL,
    K_SPLIT,
    K_STRING,
    K_WHOLE,
    LENGTH,
    LOAD,
    LOW,
    MADE,
    MODE,
    NODE,
    OPEN,
    POINT,
    READY,
    RULE,
    SIZE,
    T_ABSENT,
    TAKEN,
    Problem,
    Work,
)
from routing.kernel.times import seconds

NEIGHBOURS = 30
"""One of so many neighbours is chosen, whose route exchanges its tail."""


@inlined
def movable(p: Problem, s: Work, r: int, k: int) -> bool:
    """Whether a stop may be taken off: not shared or pinned, nor before a position that a pin holds."""
    return bool(s.stops[r, k, NODE] < p.item.shape[0] and k >= s.route[r, OPEN])


@inlined
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


@inlined
def place_of(s: Work, r: int, x: int) -> int:
    """Return the position of a node on its route."""
    k = 0
    while s.stops[r, k, NODE] != x:
        k += 1
    return k


@inlined
def remove_at(s: Work, r: int, at: int) -> None:
    """Close the gap at a position."""
    size = s.route[r, SIZE] - 1
    for k in range(at, size):
        s.stops[r, k, NODE] = s.stops[r, k + 1, NODE]
    s.route[r, SIZE] = size


@inlined
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
        if count >= p.worker[w, CAP_DAY] or p.number[x, w] < 0:
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
    """Exchange the tails of two routes of a day, often all of them; what does not fit is taken off.

    The other route is any able worker's or, for the share `K_NEAR`, that of one of the nearest workers or the
    one that a neighbour is on: the neighbour then follows the item (2-opt*: Potvin and Rousseau 1995).
    """
    days = p.week.shape[0]
    items = p.item.shape[0]
    v = below(s.random, items)
    d = some_day(s, v)
    if d < 0 or p.item[v, CANDS] < 2:
        return
    a = s.where[v, d]
    u = -1
    if p.knob[K_NEAR] == 0.0 or draw(s.random) >= p.knob[K_NEAR]:
        b = p.cand[v, below(s.random, p.item[v, CANDS])]
    elif draw(s.random) < 0.5:
        b = p.cand[v, int(draw(s.random) ** 2 * p.item[v, CANDS])]
    else:
        u = p.near[v, below(s.random, min(NEIGHBOURS, p.near.shape[1]))]
        b = s.where[u, d]
        if b < 0:
            return
    ra, rb = a * days + d, b * days + d
    if a == b or p.shift[rb, 1] < p.shift[rb, 0]:
        return
    size_a, size_b = s.route[ra, SIZE], s.route[rb, SIZE]
    cut_a, cut_b = s.route[ra, OPEN], s.route[rb, OPEN]
    if cut_a > size_a or cut_b > size_b:
        return
    if u >= 0:
        cut_a, cut_b = place_of(s, ra, v) + 1, place_of(s, rb, u)
    elif draw(s.random) < 0.6:
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
        if p.knob[K_OPEN] > 0.0 and draw(s.random) < 0.5:
            favour_idle(p, s, v, d)


@compiled
def favour_idle(p: Problem, s: Work, v: int, d: int) -> None:
    """Favour somebody near an item who has no stops on a day while all is put back in this step.

    One stop alone does not pay the way from home and back: insertion opens no route that only several stops
    together would pay.
    """
    for c in range(p.item[v, CANDS]):
        r = p.cand[v, c] * p.week.shape[0] + d
        if s.route[r, SIZE] == 0 and p.shift[r, 0] <= p.shift[r, 1] and draw(s.random) < 0.4:
            s.clock[C_OPENED] = r
            return


@compiled
def day_for(p: Problem, s: Work, v: int, w: int) -> int:
    """Return a random day on which an item may be visited and a worker has stops, -1 when there is none."""
    days = p.week.shape[0]
    open_days = p.rule[p.item[v, RULE], ALLOWED] & ~s.visits[v, MADE]
    count = 0
    found = -1
    for d in range(days):
        if open_days >> d & 1 and s.route[w * days + d, SIZE] > 0:
            count += 1
            if draw(s.random) * count < 1.0:
                found = d
    return found


@compiled
def make_room(p: Problem, s: Work, v: int, mean_size: float) -> None:
    """Take off a day of somebody who could make an absent visit what others could make too; it is placed first.

    The only nurse of a county is busy with whatever lies on the way, and no string around the absent
    visit meets more than one or two of those.
    """
    w = p.cand[v, below(s.random, p.item[v, CANDS])]
    d = day_for(p, s, v, w)
    if d < 0:
        return
    r = w * p.week.shape[0] + d
    touch(p, s, r)
    middle = s.stops[r, below(s.random, s.route[r, SIZE]), NODE]
    q = 0
    for k in range(s.route[r, SIZE]):
        x = s.stops[r, k, NODE]
        if movable(p, s, r, k) and p.item[x, CANDS] > p.item[v, CANDS] and draw(s.random) < 0.7:
            taken_off(p, s, x, d)
        else:
            s.stops[r, q, NODE] = x
            q += 1
    unchanged = q == s.route[r, SIZE]
    s.route[r, SIZE] = q
    if unchanged:
        take_string(p, s, r, below(s.random, q), p.knob[K_STRING])
    s.clock[C_FIRST] = v
    s.visits[v, TAKEN] = s.clock[C_STEP]
    if draw(s.random) < 0.5:
        ruin_strings(p, s, middle if middle < p.item.shape[0] else v, mean_size)
