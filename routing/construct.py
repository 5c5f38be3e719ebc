"""First plans: start from nothing or from an existing plan, and insert what is missing."""

from __future__ import annotations

from collections import Counter
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


def construct_hard(model: Model, state: State, stop: Callable[[], bool] | None = None) -> None:
    """Insert only what the compiled kernel leaves to the interpreter: pinned and shared visits."""
    hard = [n for n in state.absent if n in model.pins or model.people[model.item_of[n]] == 2]
    insert_all(state, order(model, hard), stop)


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

    A plan that keeps every limit is taken over as it is. Else pinned visits come first, at their
    positions, and stops that no longer fit are left out.
    """
    if _load_whole(model, state, plan):
        return
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


def _load_whole(model: Model, state: State, plan: Plan) -> bool:
    """Take over a plan stop by stop with its common starts; False, and an empty state, when it breaks a limit."""
    worker_of = {worker.id: number for number, worker in enumerate(model.scenario.workers)}
    item_of = {visit.id: number for number, visit in enumerate(model.scenario.visits)}
    shared = Counter(stop.visit for route in plan.routes for stop in route.stops)
    carried: set[str] = set()
    need_of: dict[str, int] = {}
    snapshot = []
    for route in plan.routes:
        worker = worker_of.get(route.worker)
        if worker is None or not 0 <= route.day < model.days or model.shift_no[worker][route.day] < 0:
            return False
        stops, needs = [], []
        for stop in route.stops:
            visit = model.scenario.visit_of(stop.visit)
            if visit is None:
                return False
            item = item_of[visit.id]
            if stop.visit not in need_of:
                need = _need(model, item, route.worker, route.day, set(need_of.values()))
                if need is None:
                    return False
                need_of[stop.visit] = need
            needs.append(need_of[stop.visit])
            load = 0 if stop.visit in carried else model.load[item]
            carried.add(stop.visit)
            stops.append((item, stop.start if shared[stop.visit] > 1 else FREE, load))
        if model.tour(worker, model.shift_no[worker][route.day], tuple(stops)) is None:
            return False
        snapshot.append((worker * model.days + route.day, tuple(stops), tuple(needs)))
    if len({route for route, _, _ in snapshot}) < len(snapshot):
        return False
    state.restore(tuple(snapshot))
    if not _holds(model, state):
        state.restore(())
        return False
    for need, pins in model.pins.items():
        for pin in pins:
            if pin.position is not None and state.place[need]:
                number = next(r for r in state.place[need] if r // model.days == worker_of[pin.worker])
                state.positions.setdefault(number, {})[need] = pin.position
    return True


def _need(model: Model, item: int, worker: str, day: int, taken: set[int]) -> int | None:
    """The need a stop makes: the one that is pinned to it, else one that is not pinned."""
    free = [need for need in model.needs_of[item] if need not in taken]
    for need in free:
        pins = model.pins.get(need, ())
        if any(pin.worker == worker and pin.day in (None, day) for pin in pins):
            return need
    return next((need for need in free if need not in model.pins), None)


def _holds(model: Model, state: State) -> bool:
    """Whether a state keeps the limits that tours alone do not know."""
    for need, place_ in enumerate(state.place):
        if not place_:
            continue
        item = model.item_of[need]
        people = [route // model.days for route in place_]
        days = {route % model.days for route in place_}
        held = [pin.worker for pin in model.pins.get(need, ())]
        names = {model.scenario.workers[worker].id for worker in people}
        if len(days) > 1 or not set(held) <= names or not set(people) <= set(model.near[item]):
            return False
        if need not in model.pins and days & set(model.held.get(item, ())):
            return False
        for pin in model.pins.get(need, ()):
            if pin.day not in (None, *days):
                return False
            row = state.row[
                next(r for r in place_ if model.scenario.workers[r // model.days].id == pin.worker)
            ]
            if pin.position is not None and row.index(need) != pin.position:
                return False
        if len(people) == 1 and (model.people[item] == 2 or people[0] not in model.solo[item]):
            return False
        if len(people) > 2 or (len(people) == 2 and not _may_be_two(model, item, people)):
            return False
    for item, made in enumerate(state.made):
        so_far: tuple[int, ...] = ()
        for day in made:
            if day not in model.options(item, so_far):
                return False
            so_far = (*so_far, day)
    return all(state.fits(route, 0, tour.span) for route, tour in enumerate(state.tours) if tour is not None)


def _may_be_two(model: Model, item: int, people: list[int]) -> bool:
    a, b = people
    if model.people[item] == 2:
        return (a, b) in model.pairs(item)
    if model.minor[a] == model.minor[b]:
        return False
    return (b if model.minor[a] else a) in model.solo[item]


def _keep(model: Model, state: State, item: int, places: list[tuple[int, int]]) -> None:
    """Make one of the item's absent needs at the end of the given routes."""
    day = places[0][0] % model.days
    free = [need for need in model.needs_of[item] if not state.place[need] and need not in model.pins]
    if not free or day in state.made[item] or day not in model.free_options(item, state.made[item]):
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
