"""Simulated annealing over ruin and recreate, a slice of steps at a time (compiled)."""

from __future__ import annotations

from math import exp, log

from routing.kernel.books import below, draw, put_on, settle, time_route, undo
from routing.kernel.jit import compiled
from routing.kernel.layout import (
    AT,
    BIG,
    BUSY,
    C_ACCEPTED,
    C_CLOSED,
    C_DIRTY,
    C_FIRST,
    C_OPENED,
    C_SHORT,
    C_STEP,
    C_TOUCHED,
    CANDS,
    K_BLINK,
    K_EXCHANGE,
    K_OPEN,
    K_ROUTE,
    LEFT,
    NODE,
    SIZE,
    T_ABSENT,
    T_PRIORITY,
    T_STATUTORY,
    T_STRANGERS,
    T_TRAVEL,
    TAKEN,
    TOTAL_WIDTH,
    VERSION,
    W_BALANCE,
    W_CONTINUITY,
    W_PRIORITY,
    W_STATUTORY,
    Problem,
    Work,
)
from routing.kernel.recreate import recreate
from routing.kernel.ruin import favour_idle, make_room, ruin_exchange, ruin_route, ruin_strings, some_item

NOW, BEST, RATIO = 0, 1, 2
ROOM = 0.1
"""Share of the steps that make room for an absent visit, while there are any."""


@compiled
def third_aim(p: Problem, s: Work) -> float:
    """Return travel with weighted continuity and balance, as the scenario format defines it."""
    cost = float(s.total[T_TRAVEL]) + p.weight[W_CONTINUITY] * s.total[T_STRANGERS]
    if p.weight[W_BALANCE] > 0.0:
        most, whole, used = 0, 0, 0
        for w in range(s.sums.shape[0]):
            busy = s.sums[w, BUSY]
            if busy > 0:
                used += 1
                whole += busy
                most = max(most, busy)
        if used > 0:
            cost += p.weight[W_BALANCE] * (most - whole / used)
    return float(cost)


@compiled
def worth(p: Problem, s: Work) -> float:
    """Return all aims as one number of seconds; smaller is better."""
    missing = p.weight[W_PRIORITY] * s.total[T_PRIORITY] + p.weight[W_STATUTORY] * s.total[T_STATUTORY]
    return float(missing + third_aim(p, s))


@compiled
def keep_best(p: Problem, s: Work) -> None:
    """Copy what changed since the best plan was kept last."""
    for i in range(s.clock[C_DIRTY]):
        r = s.dirty[i]
        s.mark[r, 1] = 0
        s.best_size[r] = s.route[r, SIZE]
        for k in range(s.route[r, SIZE]):
            s.best_nodes[r, k] = s.stops[r, k, NODE]
    s.clock[C_DIRTY] = 0
    for i in range(TOTAL_WIDTH):
        s.best_total[i] = s.total[i]
    s.energy[BEST] = third_aim(p, s)
    most, whole, used = 0, 0, 0
    for w in range(s.sums.shape[0]):
        busy = s.sums[w, BUSY]
        if busy > 0:
            used += 1
            whole += busy
            most = max(most, busy)
    s.energy[RATIO] = most * used / whole if whole > 0 else 0.0


@compiled
def better(p: Problem, s: Work) -> bool:
    """Whether the plan is better than the best, one aim after the other."""
    if s.total[T_STATUTORY] != s.best_total[T_STATUTORY]:
        return bool(s.total[T_STATUTORY] < s.best_total[T_STATUTORY])
    if s.total[T_PRIORITY] != s.best_total[T_PRIORITY]:
        return bool(s.total[T_PRIORITY] < s.best_total[T_PRIORITY])
    return bool(third_aim(p, s) < s.energy[BEST] - 1e-9)


@compiled
def accept(s: Work) -> None:
    """Make a step's changes final; a route that is as before keeps its version and its insertions."""
    for i in range(s.clock[C_TOUCHED]):
        r = s.touched[i]
        same = s.route[r, SIZE] == s.saved_route[i, SIZE]
        if same:
            for k in range(s.route[r, SIZE]):
                if s.stops[r, k, NODE] != s.saved_stops[i, k, NODE]:
                    same = False
                    break
        if same:
            s.route[r, VERSION] = s.saved_route[i, VERSION]
        elif s.mark[r, 1] == 0:
            s.mark[r, 1] = 1
            s.dirty[s.clock[C_DIRTY]] = r
            s.clock[C_DIRTY] += 1


@compiled
def begin(p: Problem, s: Work) -> bool:
    """Work out all sums from the nodes on the routes; False when a route cannot be kept.

    To be called with `visits` as if no free visit were made and `total` with what is fixed.
    """
    days, items = p.week.shape[0], p.item.shape[0]
    good = True
    s.clock[C_DIRTY] = 0
    s.total[T_ABSENT] = 0
    for v in range(items):
        s.visits[v, AT] = -1
        s.visits[v, TAKEN] = -1
        if s.visits[v, LEFT] > 0 and p.item[v, CANDS] > 0:
            s.visits[v, AT] = s.total[T_ABSENT]
            s.absent[s.total[T_ABSENT]] = v
            s.total[T_ABSENT] += 1
    for r in range(s.route.shape[0]):
        w = r // days
        for k in range(s.route[r, SIZE]):
            x = s.stops[r, k, NODE]
            if x < items:
                put_on(p, s, x, r - w * days, w)
        if not time_route(p, s, r) and s.route[r, SIZE] > 0:
            good = False
        s.mark[r, 0] = -1
        s.mark[r, 1] = 1
        s.dirty[s.clock[C_DIRTY]] = r
        s.clock[C_DIRTY] += 1
    s.energy[NOW] = worth(p, s)
    return good


@compiled
def fill(p: Problem, s: Work) -> None:
    """Make every missing visit that fits, the most important and hardest first; keep it as the best."""
    s.clock[C_STEP] += 1
    s.clock[C_TOUCHED] = 0
    s.clock[C_CLOSED] = -1
    s.clock[C_FIRST] = -1
    s.clock[C_OPENED] = -1
    recreate(p, s, 0.0, True, float(BIG))
    accept(s)
    s.energy[NOW] = worth(p, s)
    if better(p, s):
        keep_best(p, s)


@compiled
def anneal(p: Problem, s: Work, steps: int, hot: float, cold: float) -> int:
    """Do some steps while the temperature (seconds) goes from `hot` to `cold`; return those kept."""
    routes, stops = 0, 0
    for r in range(s.route.shape[0]):
        if s.route[r, SIZE] > 0:
            routes += 1
            stops += s.route[r, SIZE]
    mean_size = stops / max(1, routes)
    kept = 0
    s.energy[NOW] = worth(p, s)
    # what is put on only makes the way longer, but may bring the busiest worker nearer to the mean
    early = p.week.shape[0] == 1 and p.weight[W_BALANCE] == 0.0
    cooling = log(cold / hot) / max(1, steps)
    for step in range(steps):
        s.clock[C_STEP] += 1
        s.clock[C_TOUCHED] = 0
        s.clock[C_CLOSED] = -1
        s.clock[C_FIRST] = -1
        s.clock[C_OPENED] = -1
        choice = draw(s.random)
        if s.total[T_ABSENT] > 0 and draw(s.random) < ROOM:
            make_room(p, s, s.absent[below(s.random, s.total[T_ABSENT])], mean_size)
        elif choice < p.knob[K_EXCHANGE]:
            ruin_exchange(p, s)
        elif choice < p.knob[K_EXCHANGE] + p.knob[K_ROUTE]:
            ruin_route(p, s, mean_size)
        elif choice < p.knob[K_EXCHANGE] + p.knob[K_ROUTE] + p.knob[K_OPEN]:
            v = some_item(p, s)
            favour_idle(p, s, v, below(s.random, p.week.shape[0]))
            ruin_strings(p, s, v, mean_size)
        else:
            ruin_strings(p, s, some_item(p, s), mean_size)
        good = settle(p, s)
        if good:
            most = s.energy[NOW] - hot * exp(cooling * step) * log(draw(s.random) + 1e-300)
            good = recreate(p, s, p.knob[K_BLINK], False, most if early else float(BIG))
        if good:
            now = worth(p, s)
            good = now <= most
        if not good:
            undo(p, s)
        else:
            kept += 1
            accept(s)
            s.energy[NOW] = now
            if better(p, s):
                keep_best(p, s)
        s.clock[C_SHORT] += s.total[T_PRIORITY] > s.best_total[T_PRIORITY]
    s.clock[C_ACCEPTED] += kept
    return kept
