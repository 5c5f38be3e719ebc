"""A draft with one visit somewhere else: who goes where in which order, timed and checked. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import routing
from coordinator.planning.draft import Draft, Key
from coordinator.planning.models import PlanStop

BREAKS = frozenset({"outside_window", "outside_shift", "too_little_travel", "no_break"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a visit is to go; without a position, where it costs least.

    `second_id` is the other of two people, or a minor who comes along; without it the people already beside the
    visit stay with it.
    """

    worker_id: int
    day: date
    position: int | None = None
    second_id: int | None = None


@dataclass(slots=True)
class Change:
    """A rearranged plan, ready to be written. `beside` are the other people on the visit, with their row where they
    had one; `dropped` are rows of people who are no longer on it."""

    draft: Draft
    plan: routing.Plan
    report: routing.Report
    orders: dict[Key, list[str]]
    touched: set[Key]
    beside: dict[int, PlanStop | None] = field(default_factory=dict)
    dropped: list[PlanStop] = field(default_factory=list)


def rearrange(draft: Draft, stop: PlanStop, target: Target) -> Change:
    """Move a visit and the other people on it to a worker and day. Company of a minor goes with the adult only
    when it is asked for again."""
    name, to_day = stop.visit_key, draft.index(target.day)
    orders = draft.orders()
    rows = [row for row in draft.stops if row.visit_key == name and row.route_id and row.id != stop.id]
    beside, dropped = _beside(draft, rows, stop, target)
    before = {key: list(names) for key, names in orders.items()}
    touched = set(keys_of(orders, name))
    for key in touched:
        orders[key].remove(name)
    to = target.worker_id, to_day
    position = cheapest(draft, orders, to, name) if target.position is None else target.position
    orders[to].insert(max(0, min(position, len(orders[to]))), name)
    for worker_id in beside:
        key = worker_id, to_day
        stood = before.get(key, [])
        place = stood.index(name) if name in stood else cheapest(draft, orders, key, name)
        orders[key].insert(min(place, len(orders[key])), name)
        touched.add(key)
    timed, report = draft.timed(orders)
    return Change(draft, timed, report, orders, {*touched, to}, beside, dropped)


def without(draft: Draft, stop: PlanStop) -> Change:
    """The draft without a visit."""
    orders = draft.orders()
    touched = set(keys_of(orders, stop.visit_key))
    for key in touched:
        orders[key].remove(stop.visit_key)
    timed, report = draft.timed(orders)
    rows = [row for row in draft.stops if row.visit_key == stop.visit_key and row.id != stop.id]
    return Change(draft, timed, report, orders, touched, dropped=rows)


def keys_of(orders: Mapping[Key, Sequence[str]], name: str) -> list[Key]:
    """The routes a visit is on."""
    return [key for key, names in orders.items() if name in names]


def cheapest(draft: Draft, orders: Mapping[Key, list[str]], key: Key, name: str) -> int:
    """Position that breaks least and then costs least travel on this route alone."""
    here = orders.get(key, [])
    day = draft.one_day(key, [*here, name])
    worker = day.workers[0].id
    best: tuple[int, int, int] | None = None
    for position in range(len(here) + 1):
        plan = routing.schedule(day, {(worker, 0): [*here[:position], name, *here[position:]]})
        report = routing.check(day, plan)
        broken = sum(one.code in BREAKS for one in report.violations)
        cost = broken, plan.score.travel_seconds if plan.score else 0, position
        best = cost if best is None else min(best, cost)
    return best[2] if best else 0


def _beside(
    draft: Draft, rows: Sequence[PlanStop], stop: PlanStop, target: Target
) -> tuple[dict[int, PlanStop | None], list[PlanStop]]:
    worker_of = {row.id: draft.key_of[row.route_id or 0][0] for row in rows}
    if target.second_id is not None:
        kept = next((row for row in rows if worker_of[row.id] == target.second_id), None)
        return {target.second_id: kept}, [row for row in rows if row is not kept]
    same = stop.route_id is not None and draft.key_of[stop.route_id] == (
        target.worker_id,
        draft.index(target.day),
    )
    beside: dict[int, PlanStop | None] = {}
    dropped = []
    for row in rows:
        alone = worker_of[row.id] == target.worker_id or (row.is_companion and not same)
        if alone:
            dropped.append(row)
        else:
            beside[worker_of[row.id]] = row
    return beside, dropped
