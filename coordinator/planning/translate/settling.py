"""Times of a repaired day as near to those people know as may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import routing
from coordinator.planning.queries.real_day import Place, leg
from coordinator.planning.translate.mending import Scene
from coordinator.planning.translate.roads import Times
from coordinator.workforce.models import Worker
from routing.lines import TOLD_SECONDS
from routing.scenario import Break, Scenario
from routing.scenario import Worker as Person


def settle(sight: Scene, scenario: Scenario, found: routing.Plan) -> dict[str, int]:
    """Start of each visit in a repaired plan, moved from the time people know only as far as it must be.

    The engine times a route anew when anything on it changes; nobody is to be told another time for that.
    """
    shared = Counter(stop.visit for route in found.routes for stop in route.stops)
    known = {stop.visit: stop.start for route in sight.plan.routes for stop in route.stops}
    same = {route.worker: [stop.visit for stop in route.stops] for route in sight.plan.routes}
    starts: dict[str, int] = {}
    for route in found.routes:
        names = [stop.visit for stop in route.stops]
        agreed = all(stop.start == known.get(stop.visit) for stop in route.stops if shared[stop.visit] > 1)
        if agreed and same.get(route.worker) == names:
            starts |= {name: known[name] for name in names}
            continue
        person = scenario.worker_of[route.worker]
        worker = sight.real.workers[int(route.worker[1:])]
        windows = []
        for stop in route.stops:
            if shared[stop.visit] > 1:
                windows.append((stop.start, stop.start))
                continue
            visit, wish = scenario.visit_of(stop.visit), known.get(stop.visit)
            assert visit is not None, "the engine plans what it was given"
            low, high = visit.window
            if wish is not None:
                low, high = max(low, wish - TOLD_SECONDS), min(high, wish + TOLD_SECONDS)
            windows.append((min(low, stop.start), max(high, stop.start)))
        wishes = [_wish(sight, known, stop) for stop in route.stops]
        hours = _near(worker, person, route, windows, wishes, scenario, sight.real.times)
        starts |= {stop.visit: at for stop, at in zip(route.stops, hours, strict=True)}
    return starts


def _wish(sight: Scene, known: Mapping[str, int], stop: routing.Stop) -> int:
    if stop.visit in known:
        return known[stop.visit]
    one = sight.wanted.get(stop.visit)
    return one.start if one is not None and one.start is not None else 0


def _near(
    worker: Worker,
    person: Person,
    route: routing.Route,
    windows: Sequence[tuple[int, int]],
    wishes: Sequence[int],
    scenario: Scenario,
    times: Times,
) -> list[int]:
    places = [scenario.visit_of(stop.visit) for stop in route.stops]
    points: list[Place] = [person.start, *(visit.loc for visit in places if visit is not None), person.end]
    legs = [leg(worker, a, b, times) for a, b in pairwise(points)]
    seconds = [stop.end - stop.start for stop in route.stops]
    late = [0] * len(seconds)
    after = person.shift[1]
    for index in reversed(range(len(seconds))):
        late[index] = min(windows[index][1], after - legs[index + 1] - seconds[index])
        after = late[index]
    ready = min(person.shift[0], route.departure)
    found = []
    for index, wish in enumerate(wishes):
        ready += legs[index]
        at = max(ready, windows[index][0], min(wish, late[index]))
        if at != wish:
            at = max(at, min(late[index], -(-at // 300) * 300))
        found.append(at)
        ready = at + seconds[index]
    good = all(at <= latest for at, latest in zip(found, late, strict=True))
    if good and all(_rests(rest, person, found, seconds, legs) for rest in person.breaks):
        return found
    return [stop.start for stop in route.stops]


def _rests(
    rest: Break,
    person: Person,
    starts: Sequence[int],
    seconds: Sequence[int],
    legs: Sequence[int],
) -> bool:
    """Whether the break fits before, between or after the stops."""
    free = person.shift[0]
    for index, start in enumerate(starts):
        begin = max(free, rest.window[0])
        if begin <= rest.window[1] and begin + rest.duration <= start - legs[index]:
            return True
        free = start + seconds[index]
    free += legs[-1]
    return max(free, rest.window[0]) <= rest.window[1]
