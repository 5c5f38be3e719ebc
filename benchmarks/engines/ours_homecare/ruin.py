"""What is taken off in a step (compiled): strings of neighbouring calls (SISR, Christiaens & Vanden Berghe 2020).

The other service of a patient goes with each call.
"""

from __future__ import annotations

from benchmarks.engines.ours_homecare.jit import compiled, inlined
from benchmarks.engines.ours_homecare.layout import (
    GONE,
    LARGE,
    LARGER,
    LATE_SEED,
    LONGEST,
    SMALL,
    SPLIT,
    STEP,
    Problem,
    Work,
)
from benchmarks.engines.ours_homecare.times import settle, take_off
from routing.kernel.books import below, draw


@inlined
def take_call(p: Problem, s: Work, c: int, count: int) -> int:
    """Take a call and its mate off and note them to be put back."""
    m = p.mate[c]
    count = take_off(p, s, c, count)
    if m >= 0 and s.who[m] >= 0:
        count = take_off(p, s, m, count)
    s.gone[s.clock[GONE]] = c if m < 0 else min(c, m)
    s.clock[GONE] += 1
    return count


@inlined
def take_string(p: Problem, s: Work, c: int, longest: float, count: int) -> int:
    """Take a string around a call off its route; sometimes some calls in its middle stay."""
    calls = p.mate.shape[0]
    w = s.who[c]
    size, at = 0, 0
    x = s.after[calls + w]
    while x < calls:
        if x == c:
            at = size
        size += 1
        x = s.after[x]
    length = min(size, 1 + below(s.random, min(float(size), longest)))
    kept = 0
    if 2 <= length < size and draw(s.random) < p.knob[SPLIT]:
        kept = 1
        while length + kept < size and draw(s.random) < 0.5:
            kept += 1
    whole = length + kept
    low, high = max(0, at - whole + 1), min(at, size - whole)
    first = low + below(s.random, high - low + 1)
    pause = first + (below(s.random, length + 1) if kept > 0 else 0)
    k = 0
    x = s.after[calls + w]
    while x < calls:
        y = s.after[x]
        if first <= k < first + whole and not pause <= k < pause + kept:
            count = take_call(p, s, x, count)
        k += 1
        x = y
    return count


@inlined
def seed_call(p: Problem, s: Work) -> int:
    """Return the call a ruin begins at: any one, now and then a late one."""
    c = below(s.random, p.mate.shape[0])
    if draw(s.random) < p.knob[LATE_SEED]:
        for _ in range(8):
            if s.start[c] > p.due[c]:
                break
            c = below(s.random, p.mate.shape[0])
    return c


@compiled
def ruin(p: Problem, s: Work) -> None:
    """Take strings off the routes around a call."""
    calls, carers = p.mate.shape[0], p.able.shape[1]
    average = p.knob[LARGE] if draw(s.random) < p.knob[LARGER] else p.knob[SMALL]
    longest = min(p.knob[LONGEST], calls / carers)
    strings = int(draw(s.random) * (4.0 * average / (1.0 + longest) - 1.0) + 1.0)
    c = seed_call(p, s)
    count, ruined = 0, 0
    for k in range(calls):
        if ruined >= strings:
            break
        x = p.near[c, k]
        w = s.who[x]
        if w >= 0 and s.mark[w] != s.clock[STEP]:
            s.mark[w] = s.clock[STEP]
            count = take_string(p, s, x, longest, count)
            ruined += 1
    settle(p, s, count)
