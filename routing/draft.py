"""From a state of the search to a plan with names, and back to a clean one when the checker objects."""

from __future__ import annotations

from routing.check import check
from routing.model import Model
from routing.plan import Plan, Route, Score, Stop, Unassigned
from routing.scenario import Elder
from routing.state import State
from routing.violations import Report


def visit_names(model: Model, state: State) -> dict[int, str]:
    """Return the visit id of every need: numbers follow the days, the rest is left over."""
    names: dict[int, str] = {}
    for item, needs in enumerate(model.needs_of):
        visit = model.scenario.visits[item]
        if not isinstance(visit, Elder):
            names[needs[0]] = visit.id
            continue
        made = sorted((state.place[need][0] % model.days, need) for need in needs if state.place[need])
        numbers = _numbers(model, [need for _, need in made], len(needs))
        for (_, need), number in zip(made, numbers, strict=True):
            names[need] = f"{visit.id}#{number}"
        free = [k for k in range(1, len(needs) + 1) if k not in numbers]
        for need, number in zip((n for n in needs if not state.place[n]), free, strict=True):
            names[need] = f"{visit.id}#{number}"
    return names


def _numbers(model: Model, made: list[int], count: int) -> list[int]:
    """Number visits upwards; a pinned one keeps its number where the order allows."""
    numbers: list[int] = []
    last = 0
    for index, need in enumerate(made):
        pins = model.pins.get(need)
        wanted = int(pins[0].visit.rpartition("#")[2]) if pins else last + 1
        last = max(last + 1, min(wanted, count - (len(made) - index - 1)))
        numbers.append(last)
    return numbers


def draft(model: Model, state: State) -> Plan:
    """Return the plan of a state, scored by the checker; reasons are added by `routing.explain`."""
    scenario = model.scenario
    names = visit_names(model, state)
    routes = []
    for day in range(model.days):
        for worker in range(model.workers):
            number = worker * model.days + day
            tour = state.tours[number]
            if tour is None or not tour.stops:
                continue
            stops = tuple(
                Stop(names[need], *times)
                for need, times in zip(state.row[number], model.stop_times(tour), strict=True)
            )
            timing = tour.timing
            routes.append(Route(scenario.workers[worker].id, day, timing.departure, timing.arrival, stops))
    made = {stop.visit for route in routes for stop in route.stops}
    left = tuple(Unassigned(name, "not_planned") for name in scenario.visit_ids() if name not in made)
    return Plan(scenario=scenario.name, routes=tuple(routes), unassigned=left)


def checked(model: Model, state: State) -> tuple[Plan, Report]:
    """Return a plan the checker has nothing against; stops that break something are taken off.

    The search keeps every limit itself, so this is a guard: it costs one check when all is well.
    """
    while True:
        plan = draft(model, state)
        report = check(model.scenario, plan)
        if report.ok:
            return plan.with_score(report.score), report
        names = visit_names(model, state)
        guilty = {violation.visit for violation in report.violations}
        days = {(v.worker, v.day) for v in report.violations if v.visit is None}
        taken = 0
        for need in range(model.needs):
            place = state.place[need]
            if not place:
                continue
            owners = {(model.scenario.workers[r // model.days].id, r % model.days) for r in place}
            weekly = {(worker, None) for worker, _ in owners}
            if names[need] in guilty or days & (owners | weekly):
                drop(state, need)
                taken += 1
        if not taken:
            raise RuntimeError(f"the checker refuses the plan: {report.violations[0].line()}")


def drop(state: State, need: int) -> None:
    """Take a need off even where the rest then has to go as well."""
    if not state.remove(need):
        for route in state.place[need]:
            state.clear(route)


def score_of(state: State) -> Score:
    """Return the score of a state without checking it (for progress)."""
    known = sum(len(days) for item, days in enumerate(state.made) if state.model.known[item])
    used = [seconds for seconds in state.busy if seconds]
    mean = sum(used) / len(used) if used else 0.0
    return Score(
        state.missing_statutory,
        state.missing_priority,
        state.travel,
        round(1 - state.strangers / known, 4) if known else None,
        round(max(used) / mean, 4) if mean else None,
        round(state.cost, 2),
    )
