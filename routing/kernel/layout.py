"""The kernel's arrays: which column means what.

Everything is int64 unless said otherwise; times are seconds from midnight, lengths seconds. A *node* is a
stop's content: node i < items is a free visit of item i, a higher one a stop that must not move (a shared
visit with its agreed start, a pinned visit). Route r = worker × days + day.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any
"""A NumPy array; what numba compiles is fixed by `routing.kernel.arrays`."""

BIG = 1 << 50
"""Later than any time, dearer than any travel."""
SHUT = 1 << 30
"""Extra travel of an insertion that is not possible (fits 32 bits)."""

# node[x]: point, length of the service, earliest and latest start, load
POINT, LENGTH, LOW, HIGH, LOAD = range(5)
NODE_WIDTH = 5

# item[v]: COUNT visits in a whole pattern, NEEDS of them for the kernel to place, CANDS known candidates; BULK is
# its share of all services and loads in millionths, FAR how far off the nearest worker is (only to be compared)
PRIORITY, STATUTORY, COUNT, NEEDS, RULE, CANDS, NAMED, BULK, FAR = range(9)
ITEM_WIDTH = 9

# rule[q]: gaps and allowed days (a bit each), or patterns FIRST ≤ p < LAST
RULE_COUNT, LEAST, MOST, ALLOWED, FIRST, LAST = range(6)
RULE_WIDTH = 6

# worker[w]; BREAKS of them in rest[w, b] = (earliest start, latest start, duration)
MODE, CAP_DAY, CAP_WEEK, CAP_MONTH, CAP_SECONDS, CAPACITY, MAX_ROUTE, BREAKS, SPANS = range(9)

# stops[r, k]: node, leg to it, end of service at the earliest, latest arrival at the door; then shortest
# time from departure to its end and the latest begin of it, the same from its door to the return
NODE, LEG, READY, LATE, HEAD, HEAD_LATE, TAIL, TAIL_EARLY = range(8)
STOP_WIDTH = 8

# route[r]: stops, last leg, travel, departure to arrival, load, version, first position open to insertion
SIZE, HOME, TRAVEL, SPAN, CARRIED, VERSION, OPEN = range(7)
ROUTE_WIDTH = 7

# visits[v]: days made (a bit each), visits still to be placed, place in the list of the absent or -1,
# iteration in which it was taken off last
MADE, LEFT, AT, TAKEN, GIVEN_UP = range(5)
VISIT_WIDTH = 5

# sums[w]: visits of the month, seconds on the road; then visits of each week, then seconds of each week
MONTH, BUSY, WEEKS = 0, 1, 2

# total: travel, visits by strangers, missing priority and statutory visits, visits made to elders who
# name somebody, entries of the list of the absent
T_TRAVEL, T_STRANGERS, T_PRIORITY, T_STATUTORY, T_NAMED, T_ABSENT = range(6)
TOTAL_WIDTH = 6

# clock: newest version, iteration, routes touched in it, routes changed since the best was kept, number
# of the placing, steps accepted, the route that nothing may be put on in this step or -1, steps whose plan
# missed more than the best, the item to be placed before all others in this step or -1, the idle route that
# is favoured in this step or -1
C_VERSION, C_STEP, C_TOUCHED, C_DIRTY, C_SCOPE, C_ACCEPTED, C_CLOSED, C_SHORT, C_FIRST, C_OPENED = range(10)
CLOCK_WIDTH = 10

# spots[(v × candidates + c) × days + d, modulo the length]: version of the route it was worked out for (a route and
# its content at once), extra travel, position, span, and whose place it is: another item may take it over
S_VERSION, S_DELTA, S_POSITION, S_SPAN, S_ITEM = range(5)
SPOT_WIDTH = 5

# weight (float64): seconds for a priority point, for a statutory visit, for a stranger, balance per second
W_PRIORITY, W_STATUTORY, W_CONTINUITY, W_BALANCE = range(4)

# knob (float64): stops taken off on average (small, large), longest string, share of large ruins, of split
# strings, blinks, share of exchanges, of whole elders, of ruins within one day, of ruins at an absent visit,
# of ruins of whole routes, of exchanges with a route near by, of steps that favour somebody idle, of steps that put
# back in the orders of a small month
K_SMALL, K_LARGE, K_STRING, K_LARGER, K_SPLIT, K_BLINK, K_EXCHANGE, K_WHOLE, K_ONE_DAY = range(9)
K_ABSENT, K_ROUTE, K_NEAR, K_OPEN, K_BULKY = range(9, 14)
KNOB_WIDTH = 14


class Problem(NamedTuple):
    """What does not change: the scenario in numbers."""

    node: Array
    item: Array
    rule: Array
    pattern: Array  # a permitted set of days, a bit each
    worker: Array
    rest: Array
    shift: Array  # [r, 2]: opening and closing; closing before opening when the worker is off
    week: Array  # of each day
    table: Array  # int32 [mode, point, point]; empty when seconds come from `points`
    points: Array  # float64 [point, 3], on the unit sphere
    pace: Array  # float64: 1 where travel is the same both ways, the detour, metres a second of each mode
    cand: Array  # int32 [item, c]: workers who may make it, nearest first, -1 at the end
    number: Array  # int32 [item, worker]: which candidate of the item a worker is, -1 where he is none
    known: Array  # int32 [item, …]: workers who count as known, -1 at the end
    near: Array  # int32 [item, …]: nearest items, itself first
    weight: Array
    knob: Array


class Work(NamedTuple):
    """What the search changes."""

    stops: Array
    route: Array
    where: Array  # int32 [item, day]: worker of a free visit, -1 when there is none
    visits: Array
    absent: Array
    sums: Array
    total: Array
    clock: Array
    mark: Array  # [r, 4]: iteration that touched it, whether it changed since the best was kept, its copy,
    # and the placing it is in the scope of
    touched: Array
    dirty: Array
    saved_stops: Array
    saved_route: Array
    best_nodes: Array  # int32 [r, k]
    best_size: Array
    best_total: Array
    spots: Array  # int32
    scratch: Array  # [row, 4]: leg, duration, earliest and latest start
    clocks: Array  # [row, breaks + 1]
    todo: Array
    key: Array  # float64
    day_cost: Array  # float64 [row, day]
    day_pick: Array  # [row, day]
    random: Array  # uint64
    energy: Array  # float64: all aims now, third aim of the best, its busiest worker over the mean
