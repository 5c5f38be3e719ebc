"""Home care with OR-Tools' routing library, which has words for it: late starts at a price, starts tied together.

The price is distance + total tardiness and overtime; the greatest tardiness, which the published cost adds to them,
is left to the judge of the result. Each service is a place of its own; two services of a patient are done by two
caregivers.
"""

from __future__ import annotations

import time
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from benchmarks.public import homecare

Json = dict[str, Any]


def solve(data: Json, seconds: float) -> dict[str, list[homecare.Call]] | None:
    """Return each caregiver's services in order, None when no solution was found."""
    started = time.monotonic()
    scale, carers = homecare.SCALE, data["caregivers"]
    calls = [
        homecare.Call(number, part)
        for number, patient in enumerate(data["patients"])
        for part in range(len(patient["required_caregivers"]))
    ]
    places = [homecare.patient_index(data, call.patient) for call in calls]
    bases = [homecare.base_index(carer) for carer in carers]
    points = [*places, *bases]
    ends = [len(calls) + number for number in range(len(carers))]
    manager = pywrapcp.RoutingIndexManager(len(points), len(carers), ends, ends)
    model = pywrapcp.RoutingModel(manager)
    table = [[round(data["distances"][a][b] * scale) for b in points] for a in points]
    service = [round(homecare.service_minutes(data, call) * scale) for call in calls] + [0] * len(carers)
    model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(table))
    clock = model.RegisterTransitMatrix([[cell + service[a] for cell in row] for a, row in enumerate(table)])
    horizon = round(homecare.HORIZON * scale)
    model.AddDimension(clock, horizon, horizon, False, "time")
    times = model.GetDimensionOrDie("time")
    index = {call: manager.NodeToIndex(node) for node, call in enumerate(calls)}
    for call, node in index.items():
        patient = data["patients"][call.patient]
        low, high = (round(part * scale) for part in patient["time_window"])
        times.CumulVar(node).SetMin(low)
        times.SetCumulVarSoftUpperBound(node, high, 1)
        able = homecare.able(data, patient, patient["required_caregivers"][call.part]["service"])
        model.VehicleVar(node).SetValues([k for k, carer in enumerate(carers) if carer["id"] in able])
    for number, carer in enumerate(carers):
        low, high = (round(part * scale) for part in carer.get("working_shift") or (0, homecare.HORIZON))
        times.CumulVar(model.Start(number)).SetMin(low)
        times.SetCumulVarSoftUpperBound(model.End(number), high, 1)
    solver = model.solver()
    for number, patient in enumerate(data["patients"]):
        if "synchronization" in patient:
            first, second = (index[homecare.Call(number, part)] for part in (0, 1))
            rule = patient["synchronization"]
            least, most = (0, 0) if rule["type"] == "simultaneous" else rule["distance"]
            gap = times.CumulVar(second) - times.CumulVar(first)
            solver.Add(gap >= round(least * scale))
            solver.Add(gap <= round(most * scale))
            solver.Add(model.VehicleVar(first) != model.VehicleVar(second))
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(max(0.05, seconds - (time.monotonic() - started)) * 1000))
    solution = model.SolveWithParameters(parameters)
    if solution is None:
        # ties between starts can leave the insertion without a way out; arc by arc may still find one
        parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC
        solution = model.SolveWithParameters(parameters)
    if solution is None:
        return None
    routes: dict[str, list[homecare.Call]] = {}
    for number, carer in enumerate(carers):
        node, order = solution.Value(model.NextVar(model.Start(number))), []
        while not model.IsEnd(node):
            order.append(calls[manager.IndexToNode(node)])
            node = solution.Value(model.NextVar(node))
        routes[carer["id"]] = order
    return routes
