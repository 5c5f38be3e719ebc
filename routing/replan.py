"""The living plan: repair on the day itself, after an absence, a cancellation or an alert.

A repair starts from the plan that people know. What is under way stays, told visits keep their worker
and their quarter of an hour, and every other stop that changes its worker or moves by more than that
costs a weight, so that the cheapest repair is also a small one. The search is a ruin and recreate
around the hurt places only (Schrimpf et al. 2000); its steps are bounded, not its luck with the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from routing.bench import Bench, Known, RepairWeights
from routing.check import check
from routing.construct import order
from routing.lines import TOLD_SECONDS
from routing.plan import Plan, Stop
from routing.scenario import Elder, Pin, Scenario, Visit, Worker
from routing.travel import Travel

__all__ = ["Change", "Repair", "RepairWeights", "day_of", "repair"]

STEPS = 250
"""Steps of improvement: about half a second for 150 visits, and no more gained from a thousand."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a repair changes for one visit; () and None where it is not made.

    `kind` is ``cancelled``, ``added`` (not in the plan before), ``left_out`` (in it before, or added
    and without a place), ``worker`` (somebody else, at any time) or ``time`` (moved by more than a
    quarter of an hour).
    """

    visit: str
    kind: str
    workers_before: tuple[str, ...]
    start_before: int | None
    workers_after: tuple[str, ...]
    start_after: int | None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired plan, the scenario it belongs to, and every change of what people knew."""

    scenario: Scenario
    plan: Plan
    changes: tuple[Change, ...]
    seconds: float


def repair(
    scenario: Scenario,
    plan: Plan,
    *,
    absent: Iterable[str] | Mapping[str, int | None] = (),
    cancelled: Iterable[str] = (),
    added: Iterable[Visit] = (),
    told: Iterable[str] = (),
    now: int | None = None,
    weights: RepairWeights | None = None,
    seconds: float = 1.5,
    steps: int = STEPS,
    seed: int = 1,
) -> Repair:
    """Return a day's plan after an absence, a cancellation or a new visit, with few changes.

    `absent` names workers who are away, all day or (as a mapping) from a second of the day on. `now`
    freezes what has begun: stops made, under way, or being travelled to. At most `steps` steps of
    improvement are made and about `seconds` spent: with time to spare the result depends on the seed
    only. What the plan left out before is made where nobody's stop changes for it, and no known visit is
    given up for it. Raises `ValueError` for a month (see `day_of`) and `KeyError` for unknown ids.
    """
    begun = time.monotonic()
    if scenario.is_month:
        raise ValueError("a repair takes one day: give routing.replan.day_of(scenario, plan, day)")
    away = dict(absent) if isinstance(absent, Mapping) else dict.fromkeys(absent)
    gone, fresh = set(cancelled), list(added)
    for name in [*away, *gone]:
        if name not in scenario.worker_of and scenario.visit_of(name) is None:
            raise KeyError(name)
    known = Known(plan, set(told), now)
    gone -= known.frozen
    after = _after(scenario, known, away, gone, fresh, now)
    names = {visit.id for visit in fresh}
    bench = Bench(after, known, away, weights or RepairWeights(), now, names)
    bench.insert_missing(order(bench.model, bench.state.absent - bench.waiting))
    bench.improve(steps, begun + seconds, Random(seed))  # noqa: S311 - reproducible, no secret
    bench.fill()
    found = bench.plan(plan)
    report = check(after, found)
    changes = tuple(_changes(known, found, gone, names))
    return Repair(after, found.with_score(report.score), changes, time.monotonic() - begun)


def _after(
    scenario: Scenario,
    known: Known,
    away: Mapping[str, int | None],
    gone: set[str],
    fresh: Sequence[Visit],
    now: int | None,
) -> Scenario:
    """The scenario as it is now: without who is away and what is cancelled."""
    workers = []
    for worker in scenario.workers:
        if worker.id not in away:
            workers.append(worker)
            continue
        begun = known.begun(worker.id)
        since = away[worker.id]
        if since is None and not begun:
            continue
        least = begun[-1].end if begun else worker.shift[0]
        since = now or 0 if since is None else since
        closing = max(since, _home(scenario, worker, begun[-1]) if begun else since, least)
        workers.append(replace(worker, shift=(worker.shift[0], max(worker.shift[0], closing))))
    present = {worker.id for worker in workers}
    visits = (*(visit for visit in scenario.visits if visit.id not in gone), *fresh)
    names = {visit.id for visit in visits}
    if len(names) < len(visits):
        raise ValueError("an added visit has the id of another visit")
    pins = tuple(pin for pin in scenario.pinned if pin.visit in names and pin.worker in present)
    return replace(scenario, workers=tuple(workers), visits=visits, pinned=pins)


def _home(scenario: Scenario, worker: Worker, last: Stop) -> int:
    """When a worker who goes home after a stop is there."""
    travel = Travel(replace(scenario, workers=(worker,)))
    point = next(at for at, visit in enumerate(scenario.visits) if visit.id == last.visit)
    return last.end + travel.row(worker.mode, point)[travel.visits + 1]


def _changes(known: Known, plan: Plan, gone: set[str], fresh: set[str]) -> Iterable[Change]:
    workers: dict[str, tuple[str, ...]] = {}
    starts: dict[str, int] = {}
    for route in plan.routes:
        for stop in route.stops:
            workers[stop.visit] = (*workers.get(stop.visit, ()), route.worker)
            starts[stop.visit] = stop.start
    for name in sorted({*known.workers, *workers, *fresh}):
        before, after = known.workers.get(name, ()), workers.get(name, ())
        old, new = known.start.get(name), starts.get(name)
        if name in gone:
            kind = "cancelled"
        elif not after:
            kind = "left_out"
        elif not before:
            kind = "added"
        elif set(before) != set(after):
            kind = "worker"
        elif old is not None and new is not None and abs(new - old) > TOLD_SECONDS:
            kind = "time"
        else:
            continue
        yield Change(name, kind, before, old, after, new, name in known.told)


# -- one day of a month


def day_of(scenario: Scenario, plan: Plan, day: int) -> tuple[Scenario, Plan]:
    """Return one day of a month as a day scenario and its plan, for a repair.

    The visits are those the plan makes on the day, under their plan ids; what the week and the month
    leave a worker becomes the day's limit. Raises `ValueError` for a day outside the horizon.
    """
    if not 0 <= day < scenario.days:
        raise ValueError(f"day {day} is not one of the {scenario.days} days")
    week = scenario.weeks[day]
    today = [route for route in plan.routes if route.day == day]
    others = [route for route in plan.routes if route.day != day]
    workers = []
    for worker in scenario.workers:
        shift = scenario.shift_of(worker, day)
        if shift is None:
            continue
        own = [route for route in others if route.worker == worker.id]
        weekly = [route for route in own if scenario.weeks[route.day] == week]
        most = [worker.max_visits]
        if worker.max_visits_week is not None:
            most.append(worker.max_visits_week - sum(len(route.stops) for route in weekly))
        if worker.max_visits_month is not None:
            most.append(worker.max_visits_month - sum(len(route.stops) for route in own))
        longest = [worker.max_route_seconds]
        if worker.max_hours_week is not None:
            spent = sum(route.arrival - route.departure for route in weekly)
            longest.append(int(worker.max_hours_week * 3600) - spent)
        workers.append(
            replace(
                worker,
                shift=shift,
                max_visits=_least(most),
                max_route_seconds=_least(longest),
                weekdays=None,
                shifts=(),
                not_days=(),
                max_visits_week=None,
                max_visits_month=None,
                max_hours_week=None,
            )
        )
    visits: dict[str, Visit] = {}
    for route in today:
        for stop in route.stops:
            visit = scenario.visit_of(stop.visit)
            if visit is not None and stop.visit not in visits:
                visits[stop.visit] = _single(visit, stop.visit)
    pins = {(pin.visit, pin.worker): pin for pin in scenario.pinned if pin.day in (None, day)}
    lone = replace(
        scenario,
        kind="day",
        visits=tuple(visits.values()),
        workers=tuple(workers),
        pinned=tuple(Pin(p.visit, p.worker, 0, p.position) for p in pins.values() if p.visit in visits),
        days=1,
        weekday_of_day=(0,),
    )
    return lone, Plan(scenario.name, tuple(replace(route, day=0) for route in today))


def _least(values: Sequence[int | None]) -> int | None:
    given = [max(0, value) for value in values if value is not None]
    return min(given) if given else None


def _single(visit: Visit, name: str) -> Visit:
    preferred = visit.known if isinstance(visit, Elder) else visit.preferred
    return Visit(
        name, visit.loc, visit.duration, visit.window, visit.skills, visit.priority, visit.statutory,
        preferred, visit.excluded, visit.people, visit.load, visit.loc_index,
    )  # fmt: skip
