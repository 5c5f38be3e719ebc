"""PyVRP: windows for each visit, one vehicle type for each kind of worker, skills by profile, prizes for visits.

PyVRP was made for fleets of few types; a worker with a home, shift and skills of their own is a type of its own.
Two settings are tried and the better result counts: a visit out of bounds is far away in distance and duration
("both"), or in distance alone with stiffer penalties ("distance-stiff"). Each is the better one on some instances.
"""

from __future__ import annotations

import time

import numpy as np
import pyvrp
from pyvrp.stop import MaxRuntime

from benchmarks.engines import Answer, Point, Task
from benchmarks.engines.days_first import by_days
from benchmarks.grid import Grid, Orders

FAR = 10**7
STIFF = {"min_penalty": 50.0, "max_penalty": 1e6}


def run(task: Task) -> Answer:
    """Solve a day, or a month day by day."""
    return by_days(task, solve_day)


def solve_day(
    grid: Grid, seconds: float, seed: int, setting: str, threads: int
) -> tuple[Orders, list[Point]]:
    """Return orders and the curve of feasible solutions; PyVRP uses one thread."""
    del threads
    started = time.monotonic()
    bases = list(range(grid.visits, grid.points))
    order = [*bases, *range(grid.visits)]
    place = {point: number for number, point in enumerate(order)}
    counted = any(limit is not None for limit in grid.most)
    loaded = any(limit is not None for limit in grid.capacity)
    clients = [
        pyvrp.Client(
            location=place[visit],
            delivery=[1] * counted + [grid.load[visit]] * loaded,
            service_duration=grid.duration[visit],
            tw_early=grid.window[visit][0],
            tw_late=grid.window[visit][1],
            prize=0 if grid.required else grid.prize[visit],
            required=grid.required,
        )
        for visit in range(grid.visits)
    ]
    distances: list[np.ndarray] = []
    durations: list[np.ndarray] = []
    profiles: dict[tuple[str, bytes], int] = {}
    kinds: dict[tuple, list[int]] = {}
    for worker in range(grid.workers):
        key = grid.mode[worker], grid.able[:, worker].tobytes()
        if key not in profiles:
            profiles[key] = len(profiles)
            table = grid.travel[grid.mode[worker]][np.ix_(order, order)]
            barred = table.copy()
            barred[:, [place[visit] for visit in np.nonzero(~grid.able[:, worker])[0]]] += FAR
            np.fill_diagonal(barred, 0)
            distances.append(barred)
            durations.append(barred if setting == "both" else table)
        most, room = grid.most[worker], grid.capacity[worker]
        limits = (
            *((grid.visits if most is None else most,) * counted),
            *((sum(grid.load) if room is None else room,) * loaded),
        )
        kind = (profiles[key], grid.ends[worker], tuple(grid.shift[worker]), limits, grid.longest[worker])
        kinds.setdefault(kind, []).append(worker)
    types = []
    for (profile, (first, last), (low, high), limits, longest), members in kinds.items():
        extra = {} if longest is None else {"shift_duration": longest}
        types.append(
            pyvrp.VehicleType(
                num_available=len(members),
                capacity=list(limits),
                start_depot=place[first],
                end_depot=place[last],
                tw_early=low,
                tw_late=high,
                profile=profile,
                **extra,
            )
        )
    # coordinates serve PyVRP's pictures only; distances come from the matrices
    locations = [pyvrp.Location(float(number), 0.0) for number in range(grid.points)]
    depots = [pyvrp.Depot(location=place[base]) for base in bases]
    data = pyvrp.ProblemData(locations, clients, depots, types, distances, durations)
    parameters = pyvrp.SolveParams()
    if setting == "distance-stiff":
        parameters = pyvrp.SolveParams(penalty=pyvrp.PenaltyParams(**STIFF))
    built = time.monotonic() - started
    result = pyvrp.solve(
        data, MaxRuntime(max(0.05, seconds - built)), seed=seed, display=False, params=parameters
    )
    orders: Orders = {}
    if result.best.is_feasible():
        members = list(kinds.values())
        for route in result.best.routes():
            stops = [activity.idx for activity in route if activity.is_client()]
            orders[members[route.vehicle_type()].pop()] = stops
    return orders, _curve(result, built)


def _curve(result: pyvrp.Result, built: float) -> list[Point]:
    curve: list[Point] = []
    best, clock = float("inf"), built
    for spent, datum in zip(result.stats.runtimes, result.stats, strict=True):
        clock += spent
        if datum.best_feas and datum.best_cost < best:
            best = datum.best_cost
            curve.append((round(clock, 2), int(best), None))
    return curve
