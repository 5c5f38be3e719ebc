"""Why visits are unassigned, found by probing the finished plan rather than from the search.

What a search happened to try says little about why a visit is missing, so nothing is taken from it.
"""

from __future__ import annotations

import time
from math import inf

from routing.construct import load_plan
from routing.draft import visit_names
from routing.model import Model
from routing.plan import Plan
from routing.probe import Explanation, Prober, Remedy
from routing.scenario import Scenario
from routing.state import State

__all__ = ["Explanation", "Remedy", "explain", "explain_state"]


def explain(scenario: Scenario, plan: Plan) -> list[Explanation]:
    """Return an explanation for every visit the plan does not make, in file order."""
    model = Model(scenario)
    state = State(model)
    load_plan(model, state, plan)
    made = {stop.visit for route in plan.routes for stop in route.stops}
    probe = Prober(model, state)
    item_of = {visit.id: number for number, visit in enumerate(scenario.visits)}
    found = []
    for name in scenario.visit_ids():
        visit = scenario.visit_of(name)
        if name not in made and visit is not None:
            item = item_of[visit.id]
            absent = [need for need in model.needs_of[item] if not state.place[need]]
            need = absent[0] if absent else model.needs_of[item][0]
            found.append(probe.explain(need, name))
    return found


def explain_state(model: Model, state: State, seconds: float = inf) -> list[Explanation]:
    """Return an explanation for every absent need of a state, in their order.

    After `seconds` of probing, the most important ones first, the others are `not_planned`: `explain` tells more.
    """
    probe = Prober(model, state)
    names = visit_names(model, state)
    end = time.monotonic() + seconds
    found: dict[int, Explanation] = {}
    item_of, statutory, priority = model.item_of, model.statutory, model.priority
    for need in sorted(
        state.absent, key=lambda need: (not statutory[item_of[need]], -priority[item_of[need]], need)
    ):
        name = names[need]
        if time.monotonic() < end:
            found[need] = probe.explain(need, name)
        else:
            found[need] = Explanation(name, "not_planned", {}, (Remedy("ask_why"),))
    return [found[need] for need in sorted(found)]
