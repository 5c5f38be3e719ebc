"""Solving a plan. May run twice or be cut anywhere: it begins anew and ends in the same way.

No transaction is open while the engine works; progress is written in short ones of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import structlog
from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

import routing
from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM, Actor, Grant, Role
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import DomainError
from coordinator.messages.services import notify
from coordinator.planning import services
from coordinator.planning.draft import Draft, write_plan
from coordinator.planning.labels import month_name
from coordinator.planning.models import Plan, PlanRoute, PlanStage, PlanState, PlanStop
from coordinator.planning.translate import Options, PinnedStop, Translation, read_key, times_of, translate
from coordinator.planning.translate.roads import stored as stored_scenario
from coordinator.visits.queries import pack_of
from coordinator.visits.services import store_policy_version

log = structlog.get_logger(__name__)

BEAT_SECONDS = 0.6
"""Progress is written this often; a wish to stop is read with it."""
MAX_STARTS = 4
"""A plan that was cut this often is given up: it would be cut again."""
PROCESSES = 2
STREET_PROCESSES = 1
"""Of one street among many: the others use the other cores."""
SECOND_TRY_SECONDS = 10.0


def solve_plan(plan_id: int) -> None:
    """Solve one plan and store it as a draft; nobody but the person who asked is told.

    Does nothing when the plan is no longer waited for.
    """
    order = _begin(plan_id)
    if order is None:
        return
    beat = _Beat(plan_id)
    try:
        translation = _translate(plan_id, order, beat)
    except DomainError as problem:
        _fail(plan_id, " ".join(str(part) for part in (problem.message, problem.remedy) if part))
        return
    try:
        scenario, solved = _solve(order, translation, beat)
    except routing.ScenarioError as problem:
        log.exception("scenario refused by the engine", plan_id=plan_id)
        _fail(plan_id, _("资料里有算不了的地方，请告诉管理员。"), [one.line() for one in problem.errors[:50]])
        return
    if beat.abandoned:
        log.info("plan no longer wanted", plan_id=plan_id)
        return
    beat.tell(PlanStage.CHECK, 96, force=True)
    report = routing.check(scenario, solved)
    if not report.ok:
        log.error("plan refused by the checker", plan_id=plan_id, first=report.violations[0].line())
        lines = [violation.line() for violation in report.violations[:50]]
        _fail(plan_id, _("算出的方案没有通过独立核对，已经作废。"), lines)
        return
    why = routing.explain(scenario, solved) if solved.unassigned else []
    beat.tell(PlanStage.DRAFT, 98, force=True)
    _store(plan_id, order, translation, scenario, solved, report, why, beat)


def give_visits(plan_id: int) -> None:
    """Make the visits of an approved plan, a day a transaction, then tell the workers. May run twice or be cut."""
    plan = db.session.get(Plan, plan_id, options=[joinedload(Plan.area)])
    if plan is None or plan.state is not PlanState.APPROVED:
        db.session.rollback()
        return
    user = db.session.get(User, plan.approved_by_id) if plan.approved_by_id is not None else None
    # Whoever approved was allowed to; the visits are made in that name.
    grant = Grant(Role.STREET_COORDINATOR, plan.area_id, plan.area.path)
    actor = SYSTEM if user is None else Actor(user.id, user.name, (grant,))
    for day in services.days_to_give(plan):
        plan = db.session.scalars(
            select(Plan).where(Plan.id == plan_id).options(joinedload(Plan.area)).with_for_update(of=Plan)
        ).one()
        services.give_day(actor, plan, day)
        db.session.commit()
    # The routes may have been changed by hand since the draft was made.
    services.distribute_calls(plan)
    told = services.tell_all(plan)
    services.tell_callers(plan)
    giving = plan.detail.get("giving", {})
    plan.detail = plan.detail | {"giving": giving | {"told": giving.get("told", 0) + told}}
    db.session.commit()
    log.info("plan given out", plan_id=plan_id, told=told)


@dataclass(slots=True)
class _Order:
    """What was asked for."""

    area_id: int
    month: date
    seed: int
    seconds: int
    options: Options
    pinned: tuple[PinnedStop, ...] = ()
    start: routing.Plan | None = None
    creator: int | None = None
    processes: int = PROCESSES
    iterations: int | None = None
    pins: set[tuple[int, date]] = field(default_factory=set)
    free_days: bool = False
    relaxed: set[int] = field(default_factory=set)
    helped: set[int] = field(default_factory=set)

    def limits(self, seconds: float) -> routing.Limits:
        """How a search of so many seconds ends."""
        return routing.Limits(seconds, self.seed, self.processes, self.iterations)


def _begin(plan_id: int) -> _Order | None:
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state not in (PlanState.QUEUED, PlanState.SOLVING):
        db.session.rollback()
        return None
    starts = int(plan.detail.get("starts", 0)) + 1
    if starts > MAX_STARTS:
        db.session.rollback()
        _fail(plan_id, _("计算中断了好几次，已经停下。请把计算时间改短再试，还不行请告诉管理员。"))
        return None
    plan.state = PlanState.SOLVING
    plan.stage = PlanStage.OBLIGATIONS
    plan.percent = 0
    plan.started_at = plan.heartbeat_at = clock.now()
    plan.best = {}
    plan.detail = plan.detail | {"starts": starts}
    order = _Order(
        area_id=plan.area_id,
        month=plan.month,
        seed=plan.seed,
        seconds=plan.time_limit_seconds,
        options=Options.from_dict(plan.detail.get("options", {})),
        creator=plan.created_by_id,
        helped=set(plan.detail.get("helped", ())),
        processes=PROCESSES if plan.batch_id is None else STREET_PROCESSES,
        # For measurements: the same work however fast the machine is.
        iterations=plan.detail.get("iterations"),
    )
    if plan.based_on_id is not None:
        before = db.session.get_one(Plan, plan.based_on_id)
        order.pinned = _pinned(before.id)
        order.pins = {(pin.elder_id, pin.day) for pin in order.pinned}
        order.start = _moved(Draft(before), order.month)
        # Plans to choose from are made under the same terms as the first of them.
        first = before if plan.compared_with_id == before.id else plan
        order.free_days = first.based_on_id is not None
        order.relaxed = set(first.detail.get("relaxed", ()))
    db.session.commit()
    return order


def _pinned(plan_id: int) -> tuple[PinnedStop, ...]:
    """What the coordinator had fixed; visits that exist already stand by themselves."""
    rows = db.session.execute(
        select(PlanStop.elder_id, PlanRoute.worker_id, PlanRoute.day)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan_id, PlanStop.pinned, PlanStop.visit_id.is_(None))
        .order_by(PlanStop.id)
    )
    return tuple(PinnedStop(*row) for row in rows)


def _moved(draft: Draft, month: date) -> routing.Plan:
    """The earlier plan with its days counted from the new horizon's first one."""
    first = max(month, clock.today() + timedelta(days=1))
    shift = (draft.origin - (first - timedelta(days=first.weekday()))).days
    plan = draft.solved()
    routes = tuple(
        routing.Route(route.worker, route.day + shift, route.departure, route.arrival, route.stops)
        for route in plan.routes
        if route.day + shift >= 0
    )
    return routing.Plan(scenario=plan.scenario, routes=routes)


def _translate(plan_id: int, order: _Order, beat: _Beat) -> Translation:
    area = db.session.get_one(Area, order.area_id)
    times = times_of(area, clock.today(), beat.question)
    version = store_policy_version(pack_of(area))
    found = translate(
        area,
        order.month,
        today=clock.today(),
        options=order.options,
        pinned=order.pinned,
        free_days=order.free_days,
        times=times,
    )
    plan = db.session.get_one(Plan, plan_id)
    plan.policy_version_id = version.id
    plan.heartbeat_at = clock.now()
    span = found.span
    plan.detail = plan.detail | {
        "origin": span.origin.isoformat(),
        "first": span.first.isoformat(),
        "visits": found.visits + len(found.beyond_reach),
        "standing": len(found.given),
        "apart": found.apart,
        "offered": found.offered,
        "left": len(found.left) - len(found.beyond_reach),
        "workers": [read_key(worker["id"])[1] for worker in found.scenario["workers"]],
        "unfit": [[worker_id, one.code.value] for worker_id, one in sorted(found.unfit_workers.items())],
        "capacity": {
            span.day(index).isoformat(): [round(visits, 1), people]
            for index, (visits, people) in found.capacity.items()
        },
        "calls": [
            [one.elder_id, one.label, one.period_from.isoformat(), one.period_to.isoformat()]
            for one in found.calls
        ],
        "seconds": {},
        "roads": dict(times.note),
    }
    db.session.commit()
    return found


class _Beat:
    """The life sign of a run: writes progress, reads the wish to stop."""

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id
        self.begun = self.last = time.monotonic()
        self.stage, self.percent = PlanStage.OBLIGATIONS, 2
        self.best: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        self.stopping = self.abandoned = False

    @property
    def seconds_so_far(self) -> float:
        """Since the run began, by the machine's time: the site's clock may stand still."""
        return time.monotonic() - self.begun

    def progress(self, progress: routing.Progress) -> None:
        """Called by the engine."""
        score = progress.best_score
        if score is not None:
            self.best = score.to_dict()
        stage = PlanStage(progress.stage)
        self.tell(PlanStage.CHECK if stage is PlanStage.DRAFT else stage, min(95, progress.percent))

    def question(self) -> None:
        """Called before each question to the road engine; a wish to stop ends them."""
        if self.should_stop():
            raise routing.RoadsError("stopped")

    def should_stop(self) -> bool:
        """Called by the engine about ten times a second."""
        self._write()
        return self.stopping

    def tell(self, stage: PlanStage, percent: int, *, force: bool = False) -> None:
        """Take note of where the run is."""
        if stage is not self.stage:
            self.seconds[self.stage.value] = round(time.monotonic() - self.begun, 1)
        self.stage, self.percent = stage, max(self.percent, percent)
        self._write(force=force)

    def _write(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self.last < BEAT_SECONDS:
            return
        self.last = now
        try:
            row = db.session.execute(
                update(Plan)
                .where(Plan.id == self.plan_id, Plan.state == PlanState.SOLVING)
                .values(
                    stage=self.stage,
                    percent=self.percent,
                    best=self.best,
                    heartbeat_at=clock.now(),
                    detail=Plan.detail.concat({"seconds": self.seconds}),
                )
                .returning(Plan.stop_requested_at)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            db.session.commit()
        except OperationalError as problem:
            # The database is away for the moment; the engine's work is worth more than one life sign.
            db.session.rollback()
            log.warning("life sign not written", plan_id=self.plan_id, error=str(problem.orig)[:200])
            return
        self.abandoned = row is None
        self.stopping = row is None or row.stop_requested_at is not None


def _solve(order: _Order, translation: Translation, beat: _Beat) -> tuple[routing.Scenario, routing.Plan]:
    if order.relaxed:
        translation.scenario = translation.relaxed(order.relaxed)
    # Somebody was asked to help just these; an equal one may not take their place.
    translation.scenario = translation.before_others(order.helped)
    scenario = translation.times.into(routing.Scenario.from_dict(translation.scenario))
    solved = routing.solve(
        scenario, order.limits(order.seconds), beat.progress, beat.should_stop, order.start
    )
    missing = {read_key(left.visit)[1] for left in solved.unassigned if left.visit.startswith("e")}
    if not missing or beat.stopping:
        return scenario, solved
    wider = translation.relaxed(missing)
    if wider == translation.scenario:
        return scenario, solved
    # Spacing was only a wish: those left out may come on any day of their period.
    relaxed = translation.times.into(routing.Scenario.from_dict(wider))
    seconds = min(SECOND_TRY_SECONDS, order.seconds / 2)
    again = routing.solve(relaxed, order.limits(seconds), beat.progress, beat.should_stop, solved)
    translation.scenario = wider
    order.relaxed |= missing
    return relaxed, again


def _store(
    plan_id: int,
    order: _Order,
    translation: Translation,
    scenario: routing.Scenario,
    solved: routing.Plan,
    report: routing.Report,
    why: list[routing.Explanation],
    beat: _Beat,
) -> None:
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state is not PlanState.SOLVING:
        db.session.rollback()
        return
    write_plan(plan, translation, scenario, solved, why, order.pins)
    plan.scenario = stored_scenario(scenario)
    plan.result = {"engine": solved.to_dict()["engine"]}
    plan.detail = plan.detail | {"relaxed": sorted(order.relaxed)}
    plan.score = report.score.to_dict()
    db.session.flush()
    services.distribute_calls(plan)
    plan.violations = []
    plan.state = PlanState.READY
    plan.stage = PlanStage.DRAFT
    plan.percent = 100
    plan.finished_at = plan.heartbeat_at = clock.now()
    missing = sum(1 for left in solved.unassigned if left.visit.startswith("e"))
    missing += len(translation.beyond_reach)
    visits = translation.visits + len(translation.beyond_reach)
    plan.detail = plan.detail | {
        "summary": {
            "visits": visits,
            "planned": visits - missing,
            "missing": missing,
            "people": len({route.worker for route in solved.routes}),
            "seconds": round(beat.seconds_so_far, 1),
        }
    }
    more = services.go_on_choosing(_creator_of(plan), plan)
    if plan.batch_id is not None:
        services.tell_of_batch(plan)
    elif order.creator is not None and not more:
        notify(
            [order.creator],
            _("%(month)s计划算好了", month=month_name(plan.month)),
            _(
                "应访 %(all)s 次，已安排 %(made)s 次，还没排上 %(left)s 次。批准前不会通知任何人。",
                all=visits,
                made=visits - missing,
                left=missing,
            ),
            f"/planning/plans/{plan.id}",
            dedupe_key=f"plan-ready:{plan.id}",
        )
    db.session.commit()
    log.info("plan ready", plan_id=plan_id, visits=visits, missing=missing)


def _creator_of(plan: Plan) -> Actor:
    """Whoever asked for the plan was allowed to; what follows from it happens in that name."""
    user = db.session.get(User, plan.created_by_id) if plan.created_by_id is not None else None
    if user is None:
        return SYSTEM
    return Actor(user.id, user.name, (Grant(Role.STREET_COORDINATOR, plan.area_id, plan.area.path),))


def _fail(plan_id: int, text: str, violations: list[str] | None = None) -> None:
    db.session.rollback()
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state not in (PlanState.QUEUED, PlanState.SOLVING):
        db.session.rollback()
        return
    plan.state = PlanState.FAILED
    plan.error = text
    plan.violations = list(violations or ())
    plan.finished_at = clock.now()
    services.go_on_choosing(_creator_of(plan), plan)
    if plan.batch_id is not None:
        services.tell_of_batch(plan)
    elif plan.created_by_id is not None:
        notify(
            [plan.created_by_id],
            _("%(month)s计划没有算成", month=month_name(plan.month)),
            text,
            f"/planning/plans/{plan.id}",
            dedupe_key=f"plan-failed:{plan.id}",
        )
    db.session.commit()
