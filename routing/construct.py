"""First plans: start from nothing or from an existing plan, and insert what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from routing.insert import place, place_pair
from routing.model import FREE, Model
from routing.plan import Plan
from routing.state import State


def construct(
    model: Model, state: State, rng: Random | None = None, stop: Callable[[], bool] | None = None
) -> None:
    """Insert every missing need at its cheapest place: pinned first, then the hardest."""
    insert_all(state, order(model, state.absent, rng), stop)


def order(model: Model, needs: Iterable[int], rng: Random | None = None) -> list[int]:
    """Sort needs: pinned by position, visits for two, statutory, priority, fewest workers, far ones."""

    def rank(need: int) -> tuple[float, ...]:
        item = model.item_of[need]
        pins = model.pins.get(need, ())
        position = min((pin.position for pin in pins if pin.position is not None), default=10**6)
        able = len(model.solo[item]) if model.people[item] == 1 else 0
        noise = 0.0 if rng is None else rng.random() * 6
        hours = model.window[item][1] - model.window[item][0]
        return (
            not pins,
            position,
            model.people[item] != 2,
            not model.statutory[item],
            -model.priority[item],
            able + noise,
            hours,
            need,
        )

    return sorted(needs, key=rank)


def insert_all(state: State, needs: Iterable[int], stop: Callable[[], bool] | None = None) -> None:
    """Insert needs in the given order where they fit."""
    for number, need in enumerate(needs):
        if stop is not None and number % 8 == 0 and stop():
            return
        place(state, need)


def load_plan(model: Model, state: State, plan: Plan) -> None:
    """Put an existing plan's stops into an empty state as far as today's limits allow.

    Pinned visits come first, at their positions; stops that no longer fit are left out.
    """
    insert_all(state, order(model, model.pins))
    scenario = model.scenario
    worker_of = {worker.id: number for number, worker in enumerate(scenario.workers)}
    item_of = {visit.id: number for number, visit in enumerate(scenario.visits)}
    shared: dict[str, list[tuple[int, int]]] = {}
    for route in plan.routes:
        if route.worker not in worker_of or not 0 <= route.day < model.days:
            continue
        number = worker_of[route.worker] * model.days + route.day
        for stop in route.stops:
            shared.setdefault(stop.visit, []).append((number, stop.start))
    for route in plan.routes:
        for stop in route.stops:
            places = shared.pop(stop.visit, None)
            visit = scenario.visit_of(stop.visit)
            if places and visit is not None:
                _keep(model, state, item_of[visit.id], places)


def _keep(model: Model, state: State, item: int, places: list[tuple[int, int]]) -> None:
    """Make one of the item's absent needs at the end of the given routes."""
    day = places[0][0] % model.days
    free = [need for need in model.needs_of[item] if not state.place[need]]
    if not free or day in state.made[item] or day not in model.options(item, state.made[item]):
        return
    need = free[0]
    if model.people[item] == 2 or len(places) > 1:
        place_pair(state, need, [route // model.days for route, _ in places], day)
        return
    for route, _ in places:
        tour = state.tours[route]
        if tour is None or route // model.days not in model.solo[item]:
            return
        stop = (item, FREE, model.load[item])
        for at in range(len(tour.stops), -1, -1):
            new = model.with_stop(tour, at, stop)
            if new is not None and state.allowed(route, at) and state.fits(route, 1, new.span):
                state.insert(need, ((route, at, stop),))
                return
