"""The arrays of the search. Times and distances are float64 minutes (units of the set's table), the rest int64.

A *node* is a call (0 ≤ c < calls), the start of a caregiver's route (calls + w) or its end (calls + carers + w).
"""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any
"""A NumPy array; what numba compiles is fixed by `arrays`."""

BIG = 1e12
"""More than any cost, later than any time."""
EPS = 1e-9

DISTANCE, LATE, MOST, ABSENT = range(4)
"""`total`: distance, sum of lateness and of minutes past shifts, greatest lateness, calls that are on no route."""
EXTRA, TOP = range(2)
"""`tally`: lateness added by a trial, greatest lateness after it."""
CLOCK, STEP, GONE = range(3)
"""`clock`: number of the trial, of the step, entries of `gone`."""
SMALL, LARGE, LARGER, LONGEST, SPLIT, BLINK, LATE_SEED = range(7)
"""`knob`: calls taken off on average (small, large), share of large ruins, longest string, share of split strings,
blinks, share of ruins around a late call."""


class Problem(NamedTuple):
    """What is given."""

    table: Array
    """Distance = minutes between rows."""
    back: Array
    """The same, rows and columns exchanged."""
    row: Array
    """Row of each node."""
    low: Array
    """Least start of each node: begin of the window or shift."""
    due: Array
    """End of the window; for a route's end the end of the shift."""
    length: Array
    """Minutes of service of each node."""
    mate: Array
    """The other call of the patient, -1 without."""
    lag: Array
    """start[mate] ≥ start[call] + lag: both calls of a pair have one (-BIG where there is no relation)."""
    able: Array
    """able[c, k]: caregivers for a call."""
    ables: Array
    """How many."""
    near: Array
    """near[c, k]: calls by distance, the call itself first."""
    dear: Array
    """[0]: the price of a call on no route."""
    knob: Array


class Work(NamedTuple):
    """What the search works on; `after`, `before`, `who`, `start`, `total` are the plan."""

    after: Array
    before: Array
    leg: Array
    """Way from each node to the next."""
    who: Array
    """Caregiver of each node, -1 for a call on no route."""
    start: Array
    """Least start of each node that all relations allow; -BIG for a call on no route."""
    total: Array
    saved_after: Array
    saved_before: Array
    saved_leg: Array
    saved_who: Array
    saved_start: Array
    saved_total: Array
    best_after: Array
    best_total: Array
    trial: Array
    """Start of a node in a trial, where `stamp` has its number."""
    stamp: Array
    touched: Array
    queue: Array
    queued: Array
    tally: Array
    clock: Array
    gone: Array
    """Calls to put back (of a pair the first only)."""
    key: Array
    mark: Array
    """Step in which a caregiver's route was last ruined."""
    spot: Array
    """spot[side, k]: node before the k-th place for a call of a pair."""
    bound: Array
    """Least cost of that place."""
    random: Array
