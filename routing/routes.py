"""Routes of one day by the OR-Tools routing library: several workers' tours solved together.

Only integer matrices and vectors are registered (a Python callback that raises would still yield a
"solution"), and a result is taken only when the state accepts every tour of it. Visits shared by two
workers keep their agreed start and their workers; missing visits of the day may be taken up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from routing.model import FREE, Model, StopKey, Tour
from routing.state import State

FAR = 10**7
PRIORITY_SECONDS = 10**6
STATUTORY_SECONDS = 10**9
MOST_ABSENT = 12


@dataclass(frozen=True, slots=True)
class _Node:
    """One stop to be ordered: its need, window, the vehicles it may go to, whether it may stay out."""

    need: int
    stop: StopKey
    window: tuple[int, int]
    vehicles: tuple[int, ...]
    penalty: int | None


def polish(model: Model, state: State, routes: list[int], seconds: float) -> bool:
    """Order and exchange the stops of some routes of one day; True when the state became better.

    Ends in the first local optimum: the improvement afterwards gains more in the same time than
    guided local search here does. `seconds` bounds the call, which cannot be interrupted.
    """
    day = routes[0] % model.days
    routes = [route for route in routes if state.tours[route] is not None and route not in state.positions]
    nodes = _nodes(model, state, routes, day)
    if not routes or not any(node.need for node in nodes):
        return False
    orders = _solve(model, state, routes, nodes, seconds)
    if orders is None:
        return False
    changes: dict[int, tuple[Tour, tuple[int, ...]]] = {}
    for route, order in zip(routes, orders, strict=True):
        tour = state.tours[route]
        new = (
            None if tour is None else model.tour(tour.worker, tour.shift, tuple(node.stop for node in order))
        )
        if new is None:
            return False
        changes[route] = new, tuple(node.need for node in order)
    before = state.key
    state.begin()
    if state.replace(changes) and state.key < before:
        return True
    state.undo()
    return False


def _nodes(model: Model, state: State, routes: list[int], day: int) -> list[_Node]:
    workers = [route // model.days for route in routes]
    nodes = []
    for vehicle, route in enumerate(routes):
        tour = state.tours[route]
        if tour is None:
            continue
        for need, stop in zip(state.row[route], tour.stops, strict=True):
            item = stop[0]
            if stop[1] != FREE:
                nodes.append(_Node(need, stop, (stop[1], stop[1]), (vehicle,), None))
                continue
            able = tuple(v for v, w in enumerate(workers) if w in model.solo[item])
            pins = model.pins.get(need)
            if pins:
                able = (vehicle,)
            penalty = None if pins else _penalty(model, item)
            nodes.append(_Node(need, stop, model.window[item], able, penalty))
    spare = 0
    taken: set[int] = set()
    for need in sorted(state.absent):
        item = model.item_of[need]
        if spare == MOST_ABSENT or item in taken or need in model.pins or model.people[item] == 2:
            continue
        able = tuple(v for v, w in enumerate(workers) if w in model.solo[item])
        if able and day in model.free_options(item, state.made[item]):
            stop = (item, FREE, model.load[item])
            nodes.append(_Node(need, stop, model.window[item], able, _penalty(model, item)))
            taken.add(item)
            spare += 1
    return nodes


def _penalty(model: Model, item: int) -> int:
    return model.priority[item] * PRIORITY_SECONDS + STATUTORY_SECONDS * model.statutory[item]


def _solve(
    model: Model, state: State, routes: list[int], nodes: list[_Node], seconds: float
) -> list[list[_Node]] | None:
    count, fleet = len(nodes), len(routes)
    starts = [count + v for v in range(fleet)]
    ends = [count + fleet + v for v in range(fleet)]
    manager = pywrapcp.RoutingIndexManager(count + 2 * fleet, fleet, starts, ends)
    routing = pywrapcp.RoutingModel(manager)
    transits = []
    for vehicle, route in enumerate(routes):
        cost, time = _tables(model, route // model.days, routes, nodes)
        routing.SetArcCostEvaluatorOfVehicle(routing.RegisterTransitMatrix(cost), vehicle)
        transits.append(routing.RegisterTransitMatrix(time))
    routing.AddDimensionWithVehicleTransits(transits, FAR * 10, FAR * 10, False, "time")
    clock = routing.GetDimensionOrDie("time")
    _vehicle_limits(model, state, routes, nodes, routing, clock)
    for number, node in enumerate(nodes):
        index = manager.NodeToIndex(number)
        low, high = node.window
        clock.CumulVar(index).SetRange(min(low, FAR * 10), min(high, FAR * 10))
        allowed = list(node.vehicles)
        if node.penalty is not None:
            routing.AddDisjunction([index], node.penalty)
            allowed = [-1, *allowed]
        routing.VehicleVar(index).SetValues(allowed)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GREEDY_DESCENT
    parameters.time_limit.FromMilliseconds(int(max(20.0, 1000 * seconds)))
    routing.CloseModelWithParameters(parameters)
    numbers, begin = [], 0  # `_nodes` lists the stops route by route
    for route in routes:
        numbers.append(list(range(begin, begin + len(state.row[route]))))
        begin += len(state.row[route])
    first = routing.ReadAssignmentFromRoutes(numbers, True)
    found = (
        routing.SolveWithParameters(parameters)
        if first is None
        else routing.SolveFromAssignmentWithParameters(first, parameters)
    )
    if found is None:
        return None
    orders = []
    for vehicle in range(fleet):
        order = []
        index = found.Value(routing.NextVar(routing.Start(vehicle)))
        while not routing.IsEnd(index):
            order.append(nodes[manager.IndexToNode(index)])
            index = found.Value(routing.NextVar(index))
        orders.append(order)
    return orders


def _tables(
    model: Model, worker: int, routes: list[int], nodes: list[_Node]
) -> tuple[list[list[int]], list[list[int]]]:
    """Return cost (travel and strangers) and time (travel and service) between all nodes."""
    weight = model.scenario.weights.continuity
    points = [node.stop[0] for node in nodes]
    people = [route // model.days for route in routes]
    points += [model.items + w for w in people] + [model.items + model.workers + w for w in people]
    services = [model.duration[node.stop[0]] for node in nodes] + [0] * (2 * len(routes))
    strange = [
        int(weight) if model.known[node.stop[0]] and worker not in model.known[node.stop[0]] else 0
        for node in nodes
    ] + [0] * (2 * len(routes))
    cost, time = [], []
    for a, service in zip(points, services, strict=True):
        row = model.rows[worker][a]
        legs = [row[b] for b in points]
        cost.append([leg + extra for leg, extra in zip(legs, strange, strict=True)])
        time.append([leg + service for leg in legs])
    return cost, time


def _vehicle_limits(
    model: Model,
    state: State,
    routes: list[int],
    nodes: list[_Node],
    routing: pywrapcp.RoutingModel,
    clock: pywrapcp.RoutingDimension,
) -> None:
    """Shift, length, breaks, number of visits and load of each worker-day."""
    size = len(nodes) + 2 * len(routes)
    ones = [1] * len(nodes) + [0] * (size - len(nodes))
    loads = [node.stop[2] for node in nodes] + [0] * (size - len(nodes))
    visits, rooms = [], []
    services = [model.duration[node.stop[0]] for node in nodes] + [0] * (size - len(nodes))
    for vehicle, route in enumerate(routes):
        worker, day = divmod(route, model.days)
        tour = state.tours[route]
        if tour is None:
            raise ValueError("a worker without a shift has no tour")
        week = model.weeks[day]
        opening, closing = model.shifts[worker][tour.shift]
        for index in (routing.Start(vehicle), routing.End(vehicle)):
            clock.CumulVar(index).SetRange(min(opening, FAR * 10), min(closing, FAR * 10))
        hours = model.cap_seconds[worker] - state.week_seconds[worker][week] + tour.span
        longest = min(model.max_route[worker], hours)
        if longest < closing - opening:
            clock.SetSpanUpperBoundForVehicle(max(0, int(longest)), vehicle)
        spare = min(
            model.cap_day[worker] - len(tour.stops),
            model.cap_week[worker] - state.week_visits[worker][week],
            model.cap_month[worker] - state.month_visits[worker],
        )
        visits.append(min(size, len(tour.stops) + max(0, spare)))
        rooms.append(min(model.capacity[worker], FAR))
        if model.breaks[worker]:
            solver = routing.solver()
            rests = [
                solver.FixedDurationIntervalVar(
                    pause.window[0], min(pause.window[1], FAR), pause.duration, False, "rest"
                )
                for pause in model.breaks[worker]
            ]
            clock.SetBreakIntervalsOfVehicle(rests, vehicle, services)
    counting = routing.RegisterUnaryTransitVector(ones)
    routing.AddDimensionWithVehicleCapacity(counting, 0, visits, True, "visits")
    if any(loads) and min(rooms) < FAR:
        carrying = routing.RegisterUnaryTransitVector(loads)
        routing.AddDimensionWithVehicleCapacity(carrying, 0, rooms, True, "load")
