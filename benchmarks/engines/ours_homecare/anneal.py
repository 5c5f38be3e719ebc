"""Simulated annealing over ruin and recreate (compiled)."""

from __future__ import annotations

from math import exp, log

from benchmarks.engines.ours_homecare.jit import compiled, inlined
from benchmarks.engines.ours_homecare.layout import (
    ABSENT,
    BLINK,
    DISTANCE,
    GONE,
    LATE,
    MOST,
    STEP,
    Array,
    Problem,
    Work,
)
from benchmarks.engines.ours_homecare.recreate import recreate
from benchmarks.engines.ours_homecare.ruin import ruin
from routing.kernel.books import draw


@compiled
def price(p: Problem, total: Array) -> float:
    """Return three times the published cost, and a high price for every call that is on no route."""
    return float(total[DISTANCE] + total[LATE] + total[MOST] + p.dear[0] * total[ABSENT])


@inlined
def save(s: Work) -> None:
    """Keep the plan as it was before a step."""
    for x in range(s.after.shape[0]):
        s.saved_after[x], s.saved_before[x] = s.after[x], s.before[x]
        s.saved_who[x], s.saved_start[x], s.saved_leg[x] = s.who[x], s.start[x], s.leg[x]
    for i in range(s.total.shape[0]):
        s.saved_total[i] = s.total[i]


@inlined
def restore(s: Work) -> None:
    """Go back to before the step."""
    for x in range(s.after.shape[0]):
        s.after[x], s.before[x] = s.saved_after[x], s.saved_before[x]
        s.who[x], s.start[x], s.leg[x] = s.saved_who[x], s.saved_start[x], s.saved_leg[x]
    for i in range(s.total.shape[0]):
        s.total[i] = s.saved_total[i]


@inlined
def keep_best(s: Work) -> None:
    """Keep the plan as the best."""
    for x in range(s.after.shape[0]):
        s.best_after[x] = s.after[x]
    for i in range(s.total.shape[0]):
        s.best_total[i] = s.total[i]


@inlined
def note_absent(p: Problem, s: Work) -> None:
    """Note what is on no route, to be put back."""
    s.clock[GONE] = 0
    if s.total[ABSENT] > 0:
        for c in range(p.mate.shape[0]):
            if s.who[c] < 0 and not 0 <= p.mate[c] < c:
                s.gone[s.clock[GONE]] = c
                s.clock[GONE] += 1


@compiled
def fill(p: Problem, s: Work) -> None:
    """Put every call on the cheapest place, one after the other; keep the plan as the best."""
    note_absent(p, s)
    recreate(p, s, 0.0)
    keep_best(s)


@compiled
def anneal(p: Problem, s: Work, steps: int, hot: float, cold: float) -> int:
    """Do some steps while the temperature goes from `hot` to `cold`; return those kept."""
    kept = 0
    now = price(p, s.total)
    best = price(p, s.best_total)
    cooling = log(cold / hot) / max(1, steps)
    for step in range(steps):
        s.clock[STEP] += 1
        save(s)
        note_absent(p, s)
        ruin(p, s)
        recreate(p, s, p.knob[BLINK])
        new = price(p, s.total)
        if new > now - hot * exp(cooling * step) * log(draw(s.random) + 1e-300):
            restore(s)
            continue
        kept += 1
        now = new
        if new < best - 1e-6:
            best = new
            keep_best(s)
    return kept
