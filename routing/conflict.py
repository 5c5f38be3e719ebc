"""Visits that cannot all be made on one day, even with nothing else planned: a group none of which can be spared.

For a missing visit and each day it may be made on, it is put together with the stops of the people who
could make it. Every way to share the group out and every order is tried (dynamic programming over sets,
Held and Karp 1962); if none works, visits are taken out one by one while it still does not. Breaks and the
length of routes are left out, so that no group is named that could be made.
"""

from __future__ import annotations

from dataclasses import dataclass

from routing.model import Model
from routing.plan import Plan
from routing.scenario import Scenario

MOST_VISITS = 8
"""Visits looked at together."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """On `day` the `visits` (the missing one first) cannot all be made; `workers` are all who could make any."""

    day: int
    visits: tuple[str, ...]
    workers: tuple[str, ...]

    @property
    def text(self) -> str:
        """The conflict in an English sentence."""
        if len(self.visits) == 1:
            return f"On day {self.day} nobody can make {self.visits[0]}, even with nothing else planned (proven)."
        names = ", ".join(self.visits)
        who = ", ".join(self.workers)
        return f"On day {self.day} {who} cannot make all of {names}, even with nothing else planned (proven)."


def conflicts(scenario: Scenario, plan: Plan, visit: str) -> tuple[Conflict, ...]:
    """Return what is in the way of a missing visit for one person: one group for each day that has one.

    Raises KeyError when the visit is not in the scenario or is made in the plan.
    """
    return conflicts_of(Model(scenario), plan, visit)


def conflicts_of(model: Model, plan: Plan, visit: str) -> tuple[Conflict, ...]:
    """Return the same for a scenario that is already read."""
    scenario = model.scenario
    owner = scenario.visit_of(visit)
    numbers = {one.id: number for number, one in enumerate(scenario.visits)}
    made = {stop.visit: route.day for route in plan.routes for stop in route.stops}
    if owner is None or visit in made:
        raise KeyError(visit)
    item = numbers[owner.id]
    if model.people[item] != 1:
        return ()
    own_days = tuple(sorted({day for name, day in made.items() if scenario.visit_of(name) is owner}))
    found = []
    for day in model.options(item, own_days):
        able = {w for w in model.solo[item] if model.shift_no[w][day] >= 0}
        others: dict[int, str] = {}
        for route in plan.routes:
            if route.day == day and any(scenario.workers[w].id == route.worker for w in able):
                for stop in route.stops:
                    other = scenario.visit_of(stop.visit)
                    if other is not None and other.people == 1:
                        others[numbers[other.id]] = stop.visit
        hardest = sorted(
            others, key=lambda i: (len(model.solo[i]), model.window[i][1] - model.window[i][0], i)
        )
        group = [item, *hardest[: MOST_VISITS - 1]]
        smallest = _smallest(model, day, group)
        if smallest is None:
            continue
        people = sorted({w for i in smallest for w in model.solo[i] if model.shift_no[w][day] >= 0})
        names = (visit, *(others[i] for i in smallest[1:]))
        found.append(Conflict(day, names, tuple(scenario.workers[w].id for w in people)))
    return tuple(found)


def _smallest(model: Model, day: int, group: list[int]) -> list[int] | None:
    """Return a group no visit of which can be spared, the first always in it; None when all can be made."""
    everybody = sorted({w for i in group for w in model.solo[i] if model.shift_no[w][day] >= 0})
    possible = [_possible(model, day, w, group) for w in everybody]
    if _all_made(possible, (1 << len(group)) - 1):
        return None
    kept = (1 << len(group)) - 1
    for position in range(len(group) - 1, 0, -1):
        less = kept & ~(1 << position)
        if not _all_made(possible, less):
            kept = less
    return [i for position, i in enumerate(group) if kept >> position & 1]


def _all_made(possible: list[list[int]], wanted: int) -> bool:
    """Whether the sets (bits) that each worker can make cover what is wanted, one set each."""
    reached = {0}
    for sets in possible:
        reached |= {(one | other) & wanted for one in reached for other in sets}
    return wanted in reached


def _possible(model: Model, day: int, worker: int, group: list[int]) -> list[int]:
    """Return the largest sets (bits) of a group that a worker can make on a day."""
    opening, closing = model.shifts[worker][model.shift_no[worker][day]]
    rows = model.rows[worker]
    start, end = model.items + worker, model.items + model.workers + worker
    mine = [position for position, i in enumerate(group) if worker in model.solo[i]]
    loads = not any(model.minor)  # a minor beside an adult may carry the load
    earliest: dict[tuple[int, int], int] = {(0, -1): opening}
    good: set[int] = set()
    wave = dict(earliest)
    for _ in range(min(len(mine), model.cap_day[worker])):
        following: dict[tuple[int, int], int] = {}
        for (made, last), clock in wave.items():
            for position in mine:
                if made >> position & 1:
                    continue
                i = group[position]
                low, high = model.window[i]
                begin = max(low, clock + rows[start if last < 0 else group[last]][i])
                key = made | 1 << position, position
                if begin > high or following.get(key, 1 << 60) <= begin + model.duration[i]:
                    continue
                load = sum(model.load[group[p]] for p in mine if key[0] >> p & 1)
                if not loads or load <= model.capacity[worker]:
                    following[key] = begin + model.duration[i]
        good |= {
            made for (made, last), clock in following.items() if clock + rows[group[last]][end] <= closing
        }
        wave = following
    return [one for one in good if not any(one != other and one & other == one for other in good)]
