"""From the model to the kernel's arrays and back: scenario, routes of a snapshot, best routes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routing.kernel import times
from routing.kernel.layout import (
    CLOCK_WIDTH,
    ITEM_WIDTH,
    KNOB_WIDTH,
    NODE_WIDTH,
    ROUTE_WIDTH,
    RULE_WIDTH,
    SPOT_WIDTH,
    STOP_WIDTH,
    TOTAL_WIDTH,
    VISIT_WIDTH,
    WEEKS,
    Array,
    Problem,
    Work,
)
from routing.kernel.reach import longest_route
from routing.model import Model
from routing.scenario import Place
from routing.travel import EARTH_RADIUS_M, metres_from

SPOTS = 4_500_000
"""Insertions remembered at most (20 bytes each)."""
CANDIDATES = 20_000_000
"""Items times candidates of each at most (4 bytes each): the nearest workers of very many."""
TABLE_POINTS = 3_000
"""Up to so many points travel comes from a table (108 MB for three modes), above from the sphere."""
NEAR = 100


def problem(model: Model, knob: Array) -> Problem:
    """Return the constant arrays of a model; `node` holds free visits only (see `load`)."""
    items, workers, days = model.items, model.workers, model.days
    modes = sorted({worker.mode for worker in model.scenario.workers})
    node = np.zeros((items, NODE_WIDTH), np.int64)
    node[:, 0] = np.arange(items)
    node[:, 1] = model.duration
    node[:, 2:4] = np.array(model.window, np.int64).reshape(items, 2)
    node[:, 4] = model.load
    cand, far = _candidates(model)
    rules, patterns, rule_of = _rules(model)
    item = np.zeros((items, ITEM_WIDTH), np.int64)
    item[:, 0] = model.priority
    item[:, 1] = model.statutory
    item[:, 2] = [len(needs) for needs in model.needs_of]
    item[:, 4] = rule_of
    item[:, 5] = (cand >= 0).sum(axis=1)
    item[:, 6] = [bool(known) for known in model.known]
    # services and loads have no common unit, so that each counts as its share of all
    item[:, 7] = 1e6 * (node[:, 1] / max(1, node[:, 1].sum()) + node[:, 4] / max(1, node[:, 4].sum()))
    item[:, 8] = far
    longest = longest_route(model)
    worker = np.array(
        [
            (
                modes.index(model.scenario.workers[w].mode),
                min(model.cap_day[w], longest),
                model.cap_week[w],
                model.cap_month[w],
                model.cap_seconds[w],
                model.capacity[w],
                model.max_route[w],
                len(model.breaks[w]),
                model.span_counts[w],
            )
            for w in range(workers)
        ],
        np.int64,
    ).reshape(workers, 9)
    rest = np.zeros((workers, max(1, *map(len, model.breaks), 1), 3), np.int64)
    for w, breaks in enumerate(model.breaks):
        for k, pause in enumerate(sorted(breaks, key=lambda b: (b.window, b.duration))):
            rest[w, k] = (*pause.window, pause.duration)
    shift = np.zeros((workers * days, 2), np.int64)
    shift[:, 1] = -1
    for w in range(workers):
        for day in range(days):
            if model.shift_no[w][day] >= 0:
                shift[w * days + day] = model.shifts[w][model.shift_no[w][day]]
    table, points, pace = _travel(model, modes)
    weights = model.scenario.weights
    known = np.full((items, max(1, *map(len, model.known), 1)), -1, np.int32)
    for v, names in enumerate(model.known):
        known[v, : len(names)] = sorted(names)
    return Problem(
        node=node,
        item=item,
        rule=rules,
        pattern=patterns,
        worker=worker,
        rest=rest,
        shift=shift,
        week=np.array(model.weeks if model.scenario.is_month else (0,), np.int64),
        table=table,
        points=points,
        pace=pace,
        cand=cand,
        number=_numbers(cand, workers),
        known=known,
        near=_near(model),
        weight=np.array([0.0, 0.0, weights.continuity, weights.balance]),
        knob=np.asarray(knob, np.float64).reshape(KNOB_WIDTH),
    )


def _travel(model: Model, modes: list[str]) -> tuple[Array, Array, Array]:
    """Return table and points on the unit sphere (one of the two is used), and `pace`."""
    scenario = model.scenario
    count = model.items + 2 * model.workers
    speed = dict(scenario.speed_kmh)
    symmetric = scenario.matrix is None
    pace = np.array([float(symmetric), scenario.detour] + [speed.get(mode, 3.6) / 3.6 for mode in modes])
    points = np.zeros((count, 3))
    if symmetric:
        points = sphere(model.travel.places)
    table = np.zeros((len(modes), 0, 0), np.int32)
    if not symmetric or count <= TABLE_POINTS:
        table = np.zeros((len(modes), count, count), np.int32)
    if symmetric:
        times.fill_table(table, points, pace)
    else:
        for number, mode in enumerate(modes):
            table[number] = model.travel.square(mode)
    return table, points, pace


def farthest(model: Model, given: Problem) -> float:
    """Return a bound of the travel seconds between any two points of a scenario."""
    if given.table.size:
        return float(given.table.max())
    low, high = given.points.min(axis=0), given.points.max(axis=0)
    chord = float(np.sqrt(((high - low) ** 2).sum()))
    # an arc is at most pi/2 times its chord
    return (
        EARTH_RADIUS_M * min(chord, 2.0) * (np.pi / 2) * model.scenario.detour / float(given.pace[2:].min())
    )


def sphere(places: Sequence[Place]) -> Array:
    """Return the places as points on the unit sphere."""
    radians = np.radians(np.array(places, np.float64).reshape(-1, 2))
    lat, lon = radians[:, 0], radians[:, 1]
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _candidates(model: Model) -> tuple[Array, Array]:
    """Return the workers who may make each item alone (the known ones, then the nearest), and how far it is off.

    The second are metres over km/h from the nearest start or end of any worker, only to be compared.
    """
    items, workers = model.items, model.workers
    places = np.asarray(model.travel.places[:items], np.float64)
    speed = dict(model.scenario.speed_kmh)
    away = np.empty((items, workers), np.float32)
    for w, worker in enumerate(model.scenario.workers):
        near = np.minimum(metres_from(worker.start, places), metres_from(worker.end, places))
        away[:, w] = near / speed.get(worker.mode, 3.6)
    widest = max((len(solo) for solo in model.solo), default=0)
    width = max(1, min(widest, CANDIDATES // max(1, items)))
    cand = np.full((items, width), -1, np.int32)
    for v, solo in enumerate(model.solo):
        if model.people[v] != 1 or not solo:
            continue
        order = np.array(solo)[np.argsort(away[v, solo], kind="stable")]
        known = [w for w in order if w in model.known[v]]
        chosen = (known + [w for w in order if w not in model.known[v]])[:width]
        cand[v, : len(chosen)] = chosen
    return cand, away.min(axis=1)


def _numbers(cand: Array, workers: int) -> Array:
    """Return the reverse of the candidates: the place of each worker among those of each item, or -1."""
    number = np.full((len(cand), workers), -1, np.int32)
    rows, places = np.nonzero(cand >= 0)
    number[rows, cand[rows, places]] = places
    return number


def _rules(model: Model) -> tuple[Array, Array, Array]:
    """Return the different day rules, their patterns as bits, and the rule of each item."""
    numbers: dict[tuple[object, ...], int] = {}
    rules: list[list[int]] = []
    patterns: list[int] = []
    rule_of = []
    for v, rule in enumerate(model.rules):
        key = (1,) if rule is None else rule.key
        if key not in numbers:
            numbers[key] = len(rules)
            if rule is None:
                rules.append([1, 1, model.days, 1, 0, 0])
            else:
                first = len(patterns)
                patterns += rule.sets
                least, most, allowed = rule.gaps
                count = len(model.needs_of[v])
                rules.append([count, least, most, allowed, first, len(patterns)])
        rule_of.append(numbers[key])
    table = np.array(rules, np.int64).reshape(-1, RULE_WIDTH)
    return table, np.array(patterns or [0], np.int64), np.array(rule_of, np.int64)


def _near(model: Model) -> Array:
    """Return the items nearest to each item, itself first."""
    items = model.items
    width = min(items, NEAR)
    near = np.empty((items, width), np.int32)
    if model.scenario.matrix is not None:
        rows = model.travel.square(model.scenario.workers[0].mode)[:items, :items]
        for v in range(items):
            near[v] = _first(rows[v], v, width)
        return near
    points = sphere(model.travel.places[:items])
    for v in range(items):
        near[v] = _first(-(points @ points[v]), v, width)
    return near


def _first(away: Array, v: int, width: int) -> Array:
    """Return the `width` least entries of a row in order, v first."""
    away[v] = away.min() - 1
    some = np.argpartition(away, width - 1)[:width] if width < len(away) else np.arange(len(away))
    return some[np.lexsort((some, away[some]))]


def work(model: Model, given: Problem, seed: int) -> Work:
    """Return empty arrays for a search."""
    items, routes = model.items, model.workers * model.days
    longest = int(given.worker[:, 1].max()) + 2
    weeks = int(given.week.max()) + 1
    rests = given.rest.shape[1]
    return Work(
        stops=np.zeros((routes, longest, STOP_WIDTH), np.int64),
        route=np.zeros((routes, ROUTE_WIDTH), np.int64),
        where=np.full((items, model.days), -1, np.int32),
        visits=np.zeros((items, VISIT_WIDTH), np.int64),
        absent=np.zeros(items + 1, np.int64),
        sums=np.zeros((model.workers, WEEKS + 2 * weeks), np.int64),
        total=np.zeros(TOTAL_WIDTH, np.int64),
        clock=np.zeros(CLOCK_WIDTH, np.int64),
        mark=np.zeros((routes, 4), np.int64),
        touched=np.zeros(routes, np.int64),
        dirty=np.zeros(routes, np.int64),
        saved_stops=np.zeros((routes, longest, STOP_WIDTH), np.int64),
        saved_route=np.zeros((routes, ROUTE_WIDTH), np.int64),
        best_nodes=np.zeros((routes, longest), np.int32),
        best_size=np.zeros(routes, np.int64),
        best_total=np.zeros(TOTAL_WIDTH, np.int64),
        spots=np.full((min(SPOTS, given.cand.size * model.days), SPOT_WIDTH), -1, np.int32),
        scratch=np.zeros((longest + 2, 4), np.int64),
        clocks=np.zeros((3, rests + 2), np.int64),
        todo=np.zeros(items + 64, np.int64),
        key=np.zeros(items + 64, np.float64),
        day_cost=np.zeros((max(map(len, model.needs_of)) + 2, model.days)),
        day_pick=np.zeros((max(map(len, model.needs_of)) + 2, model.days), np.int64),
        random=_random(seed),
        energy=np.zeros(3),
    )


def _random(seed: int) -> Array:
    """Return a well mixed state that is never zero (splitmix64)."""
    x = (seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) % (1 << 64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = ((x ^ (x >> shift)) * factor) % (1 << 64)
    return np.array([(x ^ (x >> 31)) or 1], np.uint64)
