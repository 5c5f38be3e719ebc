"""Visits that stand already as fixed points of a scenario, and those that no plan could hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import routing
from coordinator.kernel import clock
from coordinator.planning.translate.keys import read_key, visit_key, worker_key
from coordinator.planning.translate.people import DETOUR, Crew, Span, speeds
from coordinator.planning.translate.standing import STANDING
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import Worker

FIXED_PRIORITY = 1000


@dataclass(slots=True)
class Fixed:
    """Visits that are part of the plan. `apart_days` are worker-days that are kept out of it, with `apart` visits:
    what was arranged by hand may break limits that a plan must keep; such a day is left to whoever arranged it."""

    visits: list[Visit]
    apart_days: dict[int, set[int]] = field(default_factory=dict)
    apart: int = 0


def fixed_points(given: Sequence[Visit], crew: Crew) -> Fixed:
    """Keep the visits that fit together and drop the worker-days that do not, until the checker is content."""
    found = Fixed(list(given), defaultdict(set))
    while found.visits:
        broken = _broken(found, crew)
        if not broken:
            break
        kept = [
            visit
            for visit in found.visits
            if not any((one.worker_id, day_of(visit, crew.span)) in broken for one in people_of(visit))
        ]
        for visit in found.visits:
            if visit in kept:
                continue
            found.apart += 1
            index = day_of(visit, crew.span)
            for one in people_of(visit):
                found.apart_days[one.worker_id].add(index)
                if one.worker_id in crew.held:
                    crew.held[one.worker_id].fixed[index] -= 1
        found.visits = kept
    return found


def _broken(found: Fixed, crew: Crew) -> set[tuple[int, int]]:
    """Worker-days on which a limit does not hold."""
    days = {(one.worker_id, day_of(visit, crew.span)) for visit in found.visits for one in people_of(visit)}
    off = {
        (worker, day)
        for worker, day in days
        if worker not in crew.workers or day in crew.duty[worker] or day in found.apart_days[worker]
    }
    if off:
        return off
    records, _ = crew.records({}, found.apart_days)
    present = {record["id"] for record in records}
    absent = {(worker, day) for worker, day in days if worker_key(worker) not in present}
    if absent:
        return absent
    span = crew.span
    scenario = routing.Scenario.from_dict(
        {
            "kind": "month",
            "name": "standing",
            "days": span.days,
            "weekday_of_day": span.weekdays,
            "speed_kmh": speeds(),
            "detour": DETOUR,
            "elders": [fixed_item(visit, span, crew.workers) for visit in found.visits],
            "workers": records,
        }
    )
    orders: dict[tuple[str, int], list[str]] = defaultdict(list)
    for visit in found.visits:
        for one in people_of(visit):
            orders[worker_key(one.worker_id), day_of(visit, span)].append(f"{visit_key(visit.id)}#1")
    if crew.times is not None:
        scenario = crew.times.into(scenario)
    report = routing.check(scenario, routing.schedule(scenario, orders))
    return {
        (read_key(worker)[1], index)
        for violation in report.violations
        for worker, index in orders
        if violation.worker in (None, worker) and violation.day in (None, index)
    }


def people_of(visit: Visit) -> list[Assignment]:
    """The people a visit is given to."""
    return [one for one in visit.assignments if one.state in STANDING]


def day_of(visit: Visit, span: Span) -> int:
    """Day index of a visit."""
    return span.index(clock.to_local(visit.starts_at).date())


def fixed_item(visit: Visit, span: Span, workers: Mapping[int, Worker]) -> dict[str, Any]:
    """A visit that stands, as an elder of the scenario with one day and one start."""
    home, starts = visit.elder.household, clock.to_local(visit.starts_at)
    seconds = starts.hour * 3600 + starts.minute * 60 + starts.second
    leading = [one for one in people_of(visit) if not one.is_companion]
    if home.latitude is None or home.longitude is None:
        worker = workers[people_of(visit)[0].worker_id]
        place = [worker.start_latitude, worker.start_longitude]
    else:
        place = [home.latitude, home.longitude]
    return {
        "id": visit_key(visit.id),
        "loc": place,
        "duration": int((visit.ends_at - visit.starts_at).total_seconds()),
        "window": [seconds, seconds],
        "skills": [],
        "priority": FIXED_PRIORITY,
        "statutory": True,
        "people": min(2, max(1, len(leading))),
        "patterns": [[day_of(visit, span)]],
    }


def fixed_pins(visit: Visit, span: Span) -> list[dict[str, Any]]:
    """The pins that keep a visit with its people on its day."""
    return [
        {
            "visit": f"{visit_key(visit.id)}#1",
            "worker": worker_key(one.worker_id),
            "day": day_of(visit, span),
        }
        for one in people_of(visit)
    ]
