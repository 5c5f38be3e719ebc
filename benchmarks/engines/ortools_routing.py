"""OR-Tools' routing library as a user sets it up: matrices, parallel cheapest insertion, guided local search."""

from __future__ import annotations

import time
from dataclasses import astuple

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from benchmarks.engines import Answer, Point, Task, ortools_homecare
from benchmarks.engines.days_first import by_days
from benchmarks.grid import Grid, Orders

FIRST = {
    "insertion": routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION,
    "arc": routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC,
}

COPIES = 1000
"""Seeds above this are of copies on further cores (`benchmarks.child`)."""


def run(task: Task) -> Answer:
    """Solve a day, a month day by day, or a whole home care problem."""
    if "patients" in task.scenario:
        routes = ortools_homecare.solve(task.scenario, task.seconds) or {}
        return Answer({"calls": {name: [astuple(call) for call in calls] for name, calls in routes.items()}})
    return by_days(task, solve_day)


def solve_day(
    grid: Grid, seconds: float, seed: int, setting: str, threads: int
) -> tuple[Orders, list[Point]]:
    """Return orders and the curve. The search has no seed and one thread; a second copy begins differently."""
    del threads
    started = time.monotonic()
    first = FIRST["arc" if seed > COPIES else setting]
    starts, ends = [ends[0] for ends in grid.ends], [ends[1] for ends in grid.ends]
    manager = pywrapcp.RoutingIndexManager(grid.points, grid.workers, starts, ends)
    model = pywrapcp.RoutingModel(manager)
    service = [*grid.duration, *[0] * (grid.points - grid.visits)]
    cost, clock = {}, {}
    for mode, table in grid.travel.items():
        cost[mode] = model.RegisterTransitMatrix(table.tolist())
        clock[mode] = model.RegisterTransitMatrix((table + [[time_spent] for time_spent in service]).tolist())
    for worker, mode in enumerate(grid.mode):
        model.SetArcCostEvaluatorOfVehicle(cost[mode], worker)
    horizon = int(grid.horizon)
    model.AddDimensionWithVehicleTransits(
        [clock[mode] for mode in grid.mode], horizon, horizon, False, "time"
    )
    times = model.GetDimensionOrDie("time")
    nothing = [0] * (grid.points - grid.visits)
    if any(most is not None for most in grid.most):
        ones = model.RegisterUnaryTransitVector([1] * grid.visits + nothing)
        most = [grid.visits if limit is None else limit for limit in grid.most]
        model.AddDimensionWithVehicleCapacity(ones, 0, most, True, "visits")
    if any(limit is not None for limit in grid.capacity):
        loads = model.RegisterUnaryTransitVector([*grid.load, *nothing])
        room = [sum(grid.load) if limit is None else limit for limit in grid.capacity]
        model.AddDimensionWithVehicleCapacity(loads, 0, room, True, "load")
    for visit in range(grid.visits):
        index = manager.NodeToIndex(visit)
        low, high = grid.window[visit]
        times.CumulVar(index).SetRange(int(low), int(min(high, horizon)))
        model.AddDisjunction([index], grid.prize[visit])
        able = grid.able[visit].nonzero()[0].tolist()
        if len(able) < grid.workers:
            model.VehicleVar(index).SetValues([-1, *able])
    for worker, (low, high) in enumerate(grid.shift):
        times.CumulVar(model.Start(worker)).SetRange(int(low), int(high))
        times.CumulVar(model.End(worker)).SetRange(int(low), int(high))
        longest = grid.longest[worker]
        if longest is not None:
            times.SetSpanUpperBoundForVehicle(int(longest), worker)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = first
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    left = max(0.05, seconds - (time.monotonic() - started))
    parameters.time_limit.FromMilliseconds(int(left * 1000))
    curve: list[Point] = []
    best = float("inf")

    def seen() -> None:
        nonlocal best
        worth = model.CostVar().Min()
        if worth < best:
            best = worth
            curve.append((round(time.monotonic() - started, 2), worth, None))

    model.AddAtSolutionCallback(seen)
    solution = model.SolveWithParameters(parameters)
    orders: Orders = {}
    if solution is None:
        return orders, curve
    for worker in range(grid.workers):
        index, order = solution.Value(model.NextVar(model.Start(worker))), []
        while not model.IsEnd(index):
            order.append(manager.IndexToNode(index))
            index = solution.Value(model.NextVar(index))
        orders[worker] = order
    return orders, curve
