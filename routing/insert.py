"""The cheapest way to make one need in a state: alone, as two people, or a minor beside an adult."""

from __future__ import annotations

from bisect import insort
from random import Random

from routing.model import FREE, Model, StopKey
from routing.state import State

Parts = tuple[tuple[int, int, StopKey], ...]
Way = tuple[float, int, int, int, int, int]
"""Cost, then route and position of both workers, then the common start."""
Meeting = tuple[int, int, int, int, int, int]
"""Extra travel, then route and position of both workers, then the common start."""
Openings = tuple[tuple[int, int, int, int], ...]
Held = dict[int, int]
"""Positions at which a pin holds the visit, by worker."""
PAIR_WIDTH = 14
"""How many of the nearest workers are tried as partners of a shared visit."""

WAYS_KEPT = 25
"""How many ways to make a shared visit are kept for trying in full."""


def place(state: State, need: int, rng: Random | None = None, blink: float = 0.0) -> bool:
    """Make a need in the cheapest place found; False when there is none.

    With `rng`, places are overlooked with probability `blink` (Christiaens and Vanden Berghe 2020).
    """
    model = state.model
    item = model.item_of[need]
    if need in model.pins:
        return _place_pinned(state, need)
    if model.people[item] == 2:
        return place_pair(state, need)
    return place_single(state, need, rng, blink)


def place_single(
    state: State,
    need: int,
    rng: Random | None = None,
    blink: float = 0.0,
    only: set[int] | None = None,
) -> bool:
    """Make a need with one worker at the cheapest place, on one of the routes `only` where given."""
    model = state.model
    item = model.item_of[need]
    tours, fits = state.tours, state.fits
    cap_day, summed = model.cap_day, model.summed
    balance = model.scenario.weights.balance
    ceiling = max(state.busy, default=0)
    best: float = 1 << 60
    found: tuple[int, int] | None = None
    spot_of = model.spot
    random = rng.random if rng is not None else None
    positions = state.positions
    for day in model.free_options(item, state.made[item]):
        for route, worker, penalty in model.cand[item][day]:
            tour = tours[route]
            if tour is None or (only is not None and route not in only):
                continue
            try:
                spot = tour.spots[item]
            except KeyError:
                spot = tour.spots[item] = spot_of(tour, item)
            if spot is None:
                continue
            value: float = spot[0] + penalty
            if balance:
                value += balance * max(0, state.busy[worker] + spot[2] - tour.span - ceiling)
            if value >= best or len(tour.stops) >= cap_day[worker]:
                continue
            if summed[worker] and not fits(route, 1, spot[2]):
                continue
            if random is not None and random() < blink:
                continue
            position = spot[1]
            if positions and not state.allowed(route, position):
                chosen = _held_position(state, route, item)
                if chosen is None or chosen[0] + penalty >= best:
                    continue
                value, position = chosen[0] + penalty, chosen[1]
            best, found = value, (route, position)
    if found is None:
        return False
    return state.insert(need, ((found[0], found[1], (item, FREE, model.load[item])),))


def _held_position(state: State, route: int, item: int) -> tuple[int, int] | None:
    """Return extra travel and position of the best insertion that keeps pinned positions."""
    model, tour = state.model, state.tours[route]
    if tour is None:
        return None
    stop = (item, FREE, model.load[item])
    best = None
    for position in range(len(tour.stops) + 1):
        if not state.allowed(route, position):
            continue
        new = model.with_stop(tour, position, stop)
        if new is not None and state.fits(route, 1, new.span):
            entry = (new.travel - tour.travel, position)
            best = entry if best is None else min(best, entry)
    return best


def _place_pinned(state: State, need: int) -> bool:
    """Make a pinned need with its workers, on its day, at its position."""
    model = state.model
    item = model.item_of[need]
    pins = model.pins[need]
    names = {pin.worker for pin in pins}
    workers = [w for w, worker in enumerate(model.scenario.workers) if worker.id in names]
    shared = model.people[item] == 2 or len(workers) == 2 or any(model.minor[w] for w in workers)
    day = next((pin.day for pin in pins if pin.day is not None), None)
    if shared:
        return place_pair(state, need, workers, day)
    position = pins[0].position
    best: tuple[float, int, int] | None = None
    for option in model.options(item, state.made[item]):
        if day is not None and option != day:
            continue
        for route, worker, penalty in model.cand[item][option]:
            tour = state.tours[route]
            if worker not in workers or tour is None:
                continue
            if position is None:
                choice = _held_position(state, route, item)
            else:
                choice = _at_position(state, route, item, position)
            if choice is not None:
                entry = (choice[0] + penalty, route, choice[1])
                best = entry if best is None else min(best, entry)
    if best is None:
        return False
    _, route, at = best
    if not state.insert(need, ((route, at, (item, FREE, model.load[item])),)):
        return False
    if position is not None:
        state.positions.setdefault(route, {})[need] = position
    return True


def _at_position(state: State, route: int, item: int, position: int) -> tuple[int, int] | None:
    tour = state.tours[route]
    if tour is None:
        return None
    at = min(position, len(tour.stops))
    if not state.allowed(route, at, held_too=True):
        return None
    new = state.model.with_stop(tour, at, (item, FREE, state.model.load[item]))
    if new is None or not state.fits(route, 1, new.span):
        return None
    return new.travel - tour.travel, at


def place_pair(state: State, need: int, held: list[int] | None = None, held_day: int | None = None) -> bool:
    """Make a need with two workers who start together.

    The start is fixed when the pair is placed (the earliest both can make), which keeps the two
    tours independent afterwards. `held` are workers who must be among the two, `held_day` the day
    it must be on.
    """
    return any(take_pair(state, need, way) for way in pair_ways(state, need, held, held_day))


def pair_ways(
    state: State, need: int, held: list[int] | None = None, held_day: int | None = None
) -> list[Way]:
    """Return the cheapest ways for two workers to make a need together, cheapest first."""
    model = state.model
    item = model.item_of[need]
    ways: list[Way] = []
    pins = {pin.worker: pin.position for pin in model.pins.get(need, ())}
    names = model.scenario.workers
    wanted = {w: p for w in held or () if (p := pins.get(names[w].id)) is not None}
    days = model.options if need in model.pins else model.free_options
    for day in days(item, state.made[item]):
        if held_day is None or day == held_day:
            _pairs(state, item, day, held, wanted, ways)
    return ways


def take_pair(state: State, need: int, way: Way) -> bool:
    """Make a need in one of its ways; either of the two carries the load. False when it does not fit."""
    model = state.model
    item = model.item_of[need]
    pins = {pin.worker: pin.position for pin in model.pins.get(need, ())}
    _, route_a, at_a, route_b, at_b, start = way
    load = model.load[item]
    for share in ((load, 0), (0, load)) if load else ((0, 0),):
        parts = ((route_a, at_a, (item, start, share[0])), (route_b, at_b, (item, start, share[1])))
        if state.insert(need, parts):
            for route in (route_a, route_b):
                position = pins.get(model.scenario.workers[route // model.days].id)
                if position is not None:
                    state.positions.setdefault(route, {})[need] = position
            return True
    return False


def _pairs(state: State, item: int, day: int, held: list[int] | None, wanted: Held, ways: list[Way]) -> None:
    """Add the day's ways to `ways`, which keeps the cheapest few in order."""
    model = state.model
    first, second = partners(model, item, held)
    ranked_a = _ranked(state, item, day, first)
    ranked_b = ranked_a if second is first else _ranked(state, item, day, second)
    known = model.known[item]
    weight = model.scenario.weights.continuity if known else 0.0
    allowed = model.pairs(item) if not held else None
    for order, (least_a, a) in enumerate(ranked_a):
        for least_b, b in ranked_b[order + 1 :] if ranked_b is ranked_a else ranked_b:
            full = len(ways) >= WAYS_KEPT
            if full and least_a + least_b >= ways[-1][0]:
                continue
            if (a, b) not in allowed if allowed is not None else not may_pair(model, item, a, b, held):
                continue
            best = _meet(state, item, (a, b), day, wanted)
            if best is None:
                continue
            stranger = weight if a not in known and b not in known else 0.0
            insort(ways, (best[0] + stranger, *best[1:]))
            del ways[WAYS_KEPT:]


def partners(model: Model, item: int, held: list[int] | None) -> tuple[list[int], list[int]]:
    """Return who can be the first and the second person on a shared visit."""
    near = model.near[item]
    if model.people[item] == 2:
        if not held:
            return near, near
        pinned = [w for w in near if w in held]
        return pinned, pinned if len(held) == 2 else near
    held = held or []
    adults = [w for w in model.solo[item] if w in held] or model.solo[item]
    if any(not model.minor[w] for w in held):
        adults = [w for w in model.solo[item] if w in held]
    return adults, [w for w in near if model.minor[w] and w in held]


def may_pair(model: Model, item: int, a: int, b: int, held: list[int] | None) -> bool:
    """Whether two workers may make a visit together: an adult among them, skills, both pins."""
    if a == b or (model.minor[a] and model.minor[b]):
        return False
    if held and not set(held) <= {a, b}:
        return False
    if model.people[item] == 1:
        return True
    return model.needs_skills[item] & ~(model.has_skills[a] | model.has_skills[b]) == 0


def _ranked(state: State, item: int, day: int, workers: list[int]) -> list[tuple[int, int]]:
    """Return (extra travel, worker) of those who could take part on a day, the least first."""
    model = state.model
    ranked = []
    for worker in workers:
        route = worker * model.days + day
        tour = state.tours[route]
        if tour is None or not state.fits(route, 1, tour.span):
            continue
        openings = model.openings(tour, item)
        if openings:
            ranked.append((openings[0][0], worker))
    ranked.sort()
    able = [way for way in ranked[PAIR_WIDTH:] if model.has_skills[way[1]] & model.needs_skills[item]]
    return ranked[:PAIR_WIDTH] + able[:PAIR_WIDTH]


def _meet(state: State, item: int, pair: tuple[int, int], day: int, wanted: Held) -> Meeting | None:
    """Return (extra travel, route, position, route, position, start) of the cheapest common start."""
    model = state.model
    route_a, route_b = (worker * model.days + day for worker in pair)
    tour_a, tour_b = state.tours[route_a], state.tours[route_b]
    if tour_a is None or tour_b is None:
        return None
    openings_a, openings_b = model.openings(tour_a, item), model.openings(tour_b, item)
    if state.positions or wanted:
        openings_a = _held_openings(state, route_a, openings_a, wanted.get(pair[0]))
        openings_b = _held_openings(state, route_b, openings_b, wanted.get(pair[1]))
    best: Meeting | None = None
    least = 1 << 60
    for delta_a, at_a, low_a, high_a in openings_a:
        for delta_b, at_b, low_b, high_b in openings_b:
            if delta_a + delta_b >= least:
                break
            start = low_a if low_a > low_b else low_b
            if start <= high_a and start <= high_b:
                least = delta_a + delta_b
                best = (least, route_a, at_a, route_b, at_b, start)
    return best


def _held_openings(state: State, route: int, openings: Openings, position: int | None) -> Openings:
    """Return the insertions that keep pinned positions, the new stop's own among them."""
    if position is None:
        return tuple(opening for opening in openings if state.allowed(route, opening[1]))
    at = min(position, len(state.row[route]))
    fits = state.allowed(route, at, held_too=True)
    return tuple(opening for opening in openings if fits and opening[1] == at)
