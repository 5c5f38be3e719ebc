"""Working out what would help the visits that are missing, and what an area lacks.

May run twice or be cut anywhere: what is worked out for one visit is committed with the note that it was; nothing
of the plan changes. No transaction is open while the engine works.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import structlog
from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import joinedload

import routing
from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.planning.draft import Draft
from coordinator.planning.models import (
    Plan,
    PlanRemedy,
    PlanState,
    PlanStop,
    PlanStudy,
    StudyKind,
    StudyState,
)
from coordinator.planning.reasons import SOFT
from coordinator.planning.services.studies import BUSY, fingerprint_of, owe_study
from coordinator.planning.steps import Change, change_of, settle, values_before
from coordinator.planning.translate import horizon, read_key, worker_key
from coordinator.planning.translate.roads import read as read_scenario
from coordinator.workforce.fitness import duty_gate, is_minor
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty

log = structlog.get_logger(__name__)

SECONDS_EACH = 4.0
"""For one missing visit."""
SECONDS_IN_ALL = 300.0
SHORTAGE_SECONDS = 30.0
BOUND_SECONDS = 15.0
MOST_REMEDIES = 6
MAX_STARTS = 4


@dataclass(slots=True)
class _Ground:
    """The plan as the engine sees it."""

    scenario: routing.Scenario
    plan: routing.Plan
    origin: date
    first: date


def find_remedies(study_id: int, part: int = 0) -> None:
    """Find proven remedies for each visit a plan does not make, the most important first, until the time is over.

    Lets other planning work go first between two visits and owes its own rest then.
    """
    study = _begin(study_id)
    if study is None:
        return
    ground = _ground(study.plan_id)
    waiting = _missing(study, ground) if ground is not None else []
    if ground is None or not waiting:
        _end(study_id)
        return
    begun = time.monotonic()
    for stop_id, visit in waiting:
        if time.monotonic() - begun > SECONDS_IN_ALL:
            break
        found = routing.remedies(ground.scenario, ground.plan, visit, SECONDS_EACH)
        if not _keep(study_id, stop_id, ground, found):
            return
        if _others_wait():
            study = db.session.get_one(PlanStudy, study_id)
            owe_study(study, part + 1)
            db.session.commit()
            return
    _end(study_id)


def _begin(study_id: int) -> PlanStudy | None:
    study = db.session.scalar(select(PlanStudy).where(PlanStudy.id == study_id).with_for_update())
    if study is None or study.state not in BUSY:
        db.session.rollback()
        return None
    plan = db.session.get_one(Plan, study.plan_id)
    if study.state is StudyState.QUEUED:
        study.fingerprint = fingerprint_of(plan)
        if study.kind is StudyKind.REMEDIES:
            study.result = {"tried": []}
            db.session.execute(delete(PlanRemedy).where(PlanRemedy.plan_id == plan.id))
    study.starts += 1
    study.state = StudyState.FAILED if _hopeless(study) else StudyState.RUNNING
    study.heartbeat_at = clock.now()
    db.session.commit()
    return study if study.state is StudyState.RUNNING else None


def _hopeless(study: PlanStudy) -> bool:
    """Whether it was begun often without getting on: it would be cut again."""
    return study.starts > MAX_STARTS + study.done


def _end(study_id: int) -> None:
    study = db.session.scalar(select(PlanStudy).where(PlanStudy.id == study_id).with_for_update())
    if study is not None and study.state in BUSY:
        study.state = StudyState.DONE
        study.finished_at = study.heartbeat_at = clock.now()
    db.session.commit()


def _ground(plan_id: int) -> _Ground | None:
    """The plan with its times, None when it is over or nothing of it can be read. Ends the transaction."""
    plan = db.session.get_one(Plan, plan_id)
    span = horizon(plan.month, clock.today())
    if plan.scenario is None or span is None:
        db.session.rollback()
        return None
    scenario = read_scenario(plan.scenario)
    draft = Draft(plan)
    orders = {(worker_key(worker), day): names for (worker, day), names in draft.orders().items() if names}
    db.session.rollback()
    solved = routing.schedule(scenario, orders)
    report = routing.check(scenario, solved)
    scenario = _tolerant(scenario, report)
    if report.violations and not routing.check(scenario, replace(solved, score=None)).ok:
        log.warning("plan breaks a limit, nothing can be proven from it", plan_id=plan_id)
        return None
    return _Ground(scenario, solved, draft.origin, span.first)


def _tolerant(scenario: routing.Scenario, report: routing.Report) -> routing.Scenario:
    """With the limits that a coordinator has gone past by hand raised to what the plan does."""
    edits = []
    fields = {
        "too_many_visits_day": ("max_visits", "visits"),
        "too_many_visits_week": ("max_visits_week", "visits"),
        "too_many_visits_month": ("max_visits_month", "visits"),
        "too_many_hours_week": ("max_hours_week", "hours"),
    }
    for one in report.violations:
        if one.code in SOFT and one.worker is not None:
            name, figure = fields.get(one.code, ("breaks", ""))
            value = one.detail[figure] if figure else ()
            edits.append(routing.Edit("worker", one.worker, name, value))
    return routing.edited(scenario, edits)


def _missing(study: PlanStudy, ground: _Ground) -> list[tuple[int, str]]:
    """Stop id and visit of what is not planned and not looked at yet: statutory first, then by priority and end."""
    made = {stop.visit for route in ground.plan.routes for stop in route.stops}
    rows = []
    for stop in db.session.scalars(
        select(PlanStop).where(
            PlanStop.plan_id == study.plan_id,
            PlanStop.route_id.is_(None),
            PlanStop.visit_id.is_(None),
            PlanStop.visit_key.like("e%#%"),
        )
    ):
        visit = ground.scenario.visit_of(stop.visit_key)
        if visit is not None and stop.visit_key not in made:
            rows.append((not visit.statutory, -visit.priority, stop.period_to, stop.id, stop.visit_key))
    tried = set(study.result.get("tried", ()))
    study.total = len(rows)
    study.done = sum(row[3] in tried for row in rows)
    db.session.commit()
    return [(row[3], row[4]) for row in sorted(rows) if row[3] not in tried]


def _keep(study_id: int, stop_id: int, ground: _Ground, found: list[routing.ProvenRemedy]) -> bool:
    """Write what was found for a visit; False when the study is no longer wanted."""
    study = db.session.scalar(select(PlanStudy).where(PlanStudy.id == study_id).with_for_update())
    if study is None or study.state is not StudyState.RUNNING:
        db.session.rollback()
        return False
    stop = db.session.scalar(
        select(PlanStop).where(PlanStop.id == stop_id).options(joinedload(PlanStop.elder))
    )
    db.session.execute(delete(PlanRemedy).where(PlanRemedy.stop_id == stop_id))
    if stop is not None:
        position = 0
        for one in found:
            edits = [edit.to_dict() for edit in one.edits]
            change = change_of(one.code, one.detail, edits, ground.scenario, ground.origin, ground.first)
            if change is None or position >= MOST_REMEDIES or not _may_be_asked(change):
                continue
            worker = _worker(change)
            if worker is not None:
                settle(change, worker)
            db.session.add(
                PlanRemedy(
                    plan_id=study.plan_id,
                    stop_id=stop_id,
                    position=position,
                    code=one.code,
                    detail=_plain(one.detail),
                    edits=edits,
                    change=change.as_dict(),
                    before=values_before(worker, stop.elder, change),
                    visits=one.gain.visits,
                    statutory=one.gain.statutory,
                    priority=one.gain.priority,
                    travel_seconds=one.gain.travel_seconds,
                    effort=one.effort,
                )
            )
            position += 1
    study.result = study.result | {"tried": [*study.result.get("tried", ()), stop_id]}
    study.done = min(study.total, study.done + 1)
    study.heartbeat_at = clock.now()
    db.session.commit()
    return True


def _worker(change: Change) -> Worker | None:
    return workers_for_duty([change.worker_id]).get(change.worker_id) if change.worker_id else None


def _may_be_asked(change: Change) -> bool:
    """A worker who could come on those days at all; nobody under age is asked to do more."""
    worker = _worker(change)
    if worker is None:
        return change.worker_id is None
    if is_minor(worker, clock.today()):
        return False
    return not any(one.hard for day in change.days for one in duty_gate(worker, day))


def _plain(detail: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in detail.items()}


def _others_wait() -> bool:
    """Whether somebody's plan waits for a worker process."""
    found = db.session.scalar(select(exists().where(Plan.state == PlanState.QUEUED)))
    db.session.rollback()
    return bool(found)


# --- the shortage of an area -------------------------------------------------------------------------------


def find_shortage(study_id: int) -> None:
    """Sum up what an area lacks, and prove what one more worker of each kind would bring."""
    study = _begin(study_id)
    if study is None:
        return
    plan_id = study.plan_id
    ground = _ground(plan_id)
    if ground is None:
        _end(study_id)
        return
    places = _places(ground.scenario)
    found = routing.shortage(ground.scenario, ground.plan, SHORTAGE_SECONDS, places)
    result = {
        "visits": found.missing.visits,
        "statutory": found.missing.statutory,
        "service_seconds": found.missing.service_seconds,
        "by_reason": _lacks(found.by_reason),
        "by_skill": _lacks(found.by_skill),
        "by_day": _lacks(found.by_day),
        "by_place": _lacks(found.by_place),
        "one_more": [
            {
                "role": one.role,
                "skills": list(one.skills),
                "shift": list(one.shift),
                "place": _nearest(one.place, ground.scenario, places),
                "visits": one.gain.visits,
                "statutory": one.gain.statutory,
            }
            for one in found.one_more
        ],
        "complete": found.complete,
        "origin": ground.origin.isoformat(),
        "all": sum(1 for name in ground.scenario.visit_ids() if name.startswith("e")),
    }
    limit = routing.bound(ground.scenario, BOUND_SECONDS)
    result |= {"missed_at_least": limit.missed, "binding": list(limit.binding)}
    study = db.session.scalar(select(PlanStudy).where(PlanStudy.id == study_id).with_for_update())
    if study is None or study.state is not StudyState.RUNNING:
        db.session.rollback()
        return
    study.result = result
    db.session.commit()
    _end(study_id)


def _lacks(rows: tuple[Any, ...]) -> list[list[Any]]:
    return [[one.key, one.visits, one.statutory, one.service_seconds] for one in rows]


def _places(scenario: routing.Scenario) -> dict[str, str]:
    """The neighbourhood of each elder in a scenario."""
    ids = {read_key(visit.id)[1]: visit.id for visit in scenario.visits if visit.id.startswith("e")}
    rows = db.session.execute(
        select(Elder.id, func.coalesce(func.nullif(Household.neighbourhood, ""), Household.address))
        .join(Household, Household.id == Elder.household_id)
        .where(Elder.id.in_(list(ids)))
    )
    found = {ids[elder_id]: name for elder_id, name in rows if name}
    db.session.rollback()
    return found


def _nearest(place: tuple[float, float], scenario: routing.Scenario, places: dict[str, str]) -> str:
    """The neighbourhood of the home at a place."""
    return next((places[one.id] for one in scenario.visits if one.loc == place and one.id in places), "")
