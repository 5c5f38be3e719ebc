"""What an area lacks: missing visits by skill, day and neighbourhood, and what one more worker would bring.

The counts come from probing each missing visit (`routing.explain`); what a worker of each kind would
bring is found by solving again with that worker, not by counting.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from routing.bound import Bound, bound
from routing.check import check
from routing.explain import explain
from routing.loosen import HALF_DAYS, new_worker
from routing.patterns import DayRule
from routing.plan import Plan
from routing.probe import Explanation
from routing.remedy import Gain, prove
from routing.scenario import Elder, Scenario, Span, Visit, Worker
from routing.travel import metres_from

CELL_DEGREES = 0.01
"""Side of the squares that stand for neighbourhoods where none are named: about a kilometre."""
KINDS = 8
BOUND_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Lack:
    """Missing visits of one group: how many, with what priority, how many statutory, how long in all."""

    key: str
    visits: float
    priority: float
    statutory: float
    service_seconds: float


@dataclass(frozen=True, slots=True)
class OneMore:
    """What one more worker would bring, by solving again: living at `place`, in `shift`, with `skills`.

    `role` names the role of the scenario whose limits and weekdays the worker shares, "" for none.
    """

    role: str
    skills: tuple[str, ...]
    shift: Span
    place: tuple[float, float]
    gain: Gain


@dataclass(frozen=True, slots=True)
class Shortage:
    """The shortage of an area. `complete` says whether every kind of worker could be tried in time.

    A visit that needs two skills counts for both; one that may be made on several days counts for each
    day with an equal share.
    """

    missing: Lack
    by_reason: tuple[Lack, ...]
    by_skill: tuple[Lack, ...]
    by_day: tuple[Lack, ...]
    by_place: tuple[Lack, ...]
    one_more: tuple[OneMore, ...]
    complete: bool
    bound: Bound | None = None
    """What these people can do at most, proven; None when nothing is missing."""


@dataclass(slots=True)
class _Missing:
    found: Explanation
    visit: Visit
    days: tuple[int, ...]
    place: str


def shortage(
    scenario: Scenario,
    plan: Plan,
    seconds: float = 10.0,
    places: Mapping[str, str] | None = None,
) -> Shortage:
    """Return what the area of a plan lacks; workers of the most wanted kinds are tried for `seconds`.

    `places` names the neighbourhood of a visit or elder id; others are grouped in squares of about a
    kilometre. With time to spare the answer is always the same.
    """
    deadline = time.monotonic() + seconds
    missing = [
        _Missing(found, visit, _days(scenario, plan, visit), _place(visit, places or {}))
        for found in explain(scenario, plan)
        if (visit := scenario.visit_of(found.visit)) is not None
    ]
    ones = [(found, "", 1.0) for found in missing]
    by_day = [(m, str(day), 1 / len(m.days)) for m in missing for day in m.days]
    by_skill = [(m, skill, 1.0) for m in missing for skill in sorted(set(m.visit.skills)) or [""]]
    limit = bound(scenario, BOUND_SHARE * seconds) if missing else None
    gains, complete = _one_more(scenario, plan, missing, deadline)
    return Shortage(
        next(iter(_sums(ones)), Lack("", 0, 0, 0, 0)),
        _sums((m, m.found.reason, 1.0) for m in missing),
        _sums(by_skill),
        _sums(by_day),
        _sums((m, m.place, 1.0) for m in missing),
        gains,
        complete,
        limit,
    )


def _sums(parts: Iterable[tuple[_Missing, str, float]]) -> tuple[Lack, ...]:
    """Sum up by key, the most priority first."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for missing, key, share in parts:
        visit = missing.visit
        for index, value in enumerate((1, visit.priority, int(visit.statutory), visit.duration)):
            sums[key][index] += share * value
    rows = [Lack(key, *(round(value, 3) for value in values)) for key, values in sums.items()]
    return tuple(sorted(rows, key=lambda lack: (-lack.statutory, -lack.priority, lack.key)))


def _days(scenario: Scenario, plan: Plan, visit: Visit) -> tuple[int, ...]:
    if not isinstance(visit, Elder):
        return (0,)
    made = sorted(
        route.day
        for route in plan.routes
        for stop in route.stops
        if stop.visit.rpartition("#")[0] == visit.id
    )
    return DayRule(visit, scenario).options(tuple(dict.fromkeys(made)))


def _place(visit: Visit, places: Mapping[str, str]) -> str:
    lat, lon = (round(value / CELL_DEGREES) * CELL_DEGREES for value in visit.loc)
    return places.get(visit.id) or f"{lat:.2f},{lon:.2f}"


# -- one more worker of each kind


def _one_more(
    scenario: Scenario, plan: Plan, missing: list[_Missing], deadline: float
) -> tuple[tuple[OneMore, ...], bool]:
    base = check(scenario, replace(plan, score=None)).score
    found: list[OneMore] = []
    for role, skills, shift, limits, at in _kinds(scenario, missing):
        if time.monotonic() > deadline:
            return _ranked(found), False
        edit = new_worker(scenario, at, shift, list(skills), role=role, **limits)
        proof = prove(scenario, plan, (edit,), None, base)
        if proof is not None and (proof.gain.statutory, proof.gain.priority) > (0, 0):
            found.append(OneMore(role, skills, shift, at.loc, proof.gain))
    return _ranked(found), True


def _ranked(found: list[OneMore]) -> tuple[OneMore, ...]:
    return tuple(sorted(found, key=lambda one: (*(-value for value in one.gain.key), one.role, one.skills)))


def _kinds(
    scenario: Scenario, missing: list[_Missing]
) -> Iterable[tuple[str, tuple[str, ...], Span, dict[str, Any], Visit]]:
    """Most wanted skills × roles of the scenario (or half-days where it has none), best place each."""
    groups: dict[tuple[str, ...], list[Visit]] = defaultdict(list)
    for one in missing:
        groups[tuple(sorted(set(one.visit.skills)))].append(one.visit)
    every = tuple(sorted({skill for skills in groups for skill in skills}))
    wanted = sorted(groups, key=lambda skills: (-sum(v.priority for v in groups[skills]), skills))[:KINDS]
    for skills in dict.fromkeys([*wanted, *([every] if groups else [])]):
        able = [v for own, visits in sorted(groups.items()) if set(own) <= set(skills) for v in visits]
        at = _middle(able)
        for worker in _one_of_each_role(scenario):
            yield worker.role, skills, worker.shift, _limits(scenario, worker), at
        for half in HALF_DAYS:
            yield "", skills, half, {}, at


def _middle(visits: list[Visit]) -> Visit:
    """The visit with the least way to all others."""
    places = [visit.loc for visit in visits]
    return min(visits, key=lambda visit: (float(metres_from(visit.loc, places).sum()), visit.id))


def _one_of_each_role(scenario: Scenario) -> list[Worker]:
    """The worker of each role whose day is neither the longest nor the shortest; minors go with others."""
    roles: dict[str, list[Worker]] = defaultdict(list)
    for worker in scenario.workers:
        if worker.role and not worker.companion_of_adult:
            roles[worker.role].append(worker)
    middle = []
    for _, members in sorted(roles.items()):
        members.sort(key=lambda w: (w.shift[1] - w.shift[0], w.id))
        middle.append(members[len(members) // 2])
    return middle


def _limits(scenario: Scenario, worker: Worker) -> dict[str, Any]:
    limits: dict[str, Any] = {"mode": worker.mode, "max_visits": worker.max_visits}
    limits["max_route_seconds"] = worker.max_route_seconds
    if scenario.is_month:
        limits |= {
            "weekdays": worker.weekdays,
            "shifts": worker.shifts,
            "max_visits_week": worker.max_visits_week,
            "max_visits_month": worker.max_visits_month,
            "max_hours_week": worker.max_hours_week,
        }
    return limits
