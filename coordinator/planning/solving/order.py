"""What a run was asked for, and its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

import routing
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.planning.draft import Draft
from coordinator.planning.models import Plan, PlanRoute, PlanStage, PlanState, PlanStop
from coordinator.planning.solving.ending import fail
from coordinator.planning.translate import Options, PinnedStop

MAX_STARTS = 4
"""A plan that was cut this often is given up: it would be cut again."""
PROCESSES = 2
STREET_PROCESSES = 1
"""Of one street among many: the others use the other cores."""


@dataclass(slots=True)
class Order:
    """What was asked for."""

    area_id: int
    month: date
    seed: int
    seconds: int
    options: Options
    pinned: tuple[PinnedStop, ...] = ()
    start: routing.Plan | None = None
    processes: int = PROCESSES
    iterations: int | None = None
    pins: set[tuple[int, date]] = field(default_factory=set)
    free_days: bool = False
    relaxed: set[int] = field(default_factory=set)
    helped: set[int] = field(default_factory=set)

    def limits(self, seconds: float) -> routing.Limits:
        """How a search of so many seconds ends."""
        return routing.Limits(seconds, self.seed, self.processes, self.iterations)


def begin(plan_id: int) -> Order | None:
    """Take up a plan that is waited for; None when it is not, or was cut too often. Commits."""
    plan = db.session.scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None or plan.state not in (PlanState.QUEUED, PlanState.SOLVING):
        db.session.rollback()
        return None
    starts = int(plan.detail.get("starts", 0)) + 1
    if starts > MAX_STARTS:
        db.session.rollback()
        fail(plan_id, _("计算中断了好几次，已经停下。请把计算时间改短再试，还不行请告诉管理员。"))
        return None
    plan.state = PlanState.SOLVING
    plan.stage = PlanStage.OBLIGATIONS
    plan.percent = 0
    plan.started_at = plan.heartbeat_at = clock.now()
    plan.best = {}
    plan.detail = plan.detail | {"starts": starts}
    order = Order(
        area_id=plan.area_id,
        month=plan.month,
        seed=plan.seed,
        seconds=plan.time_limit_seconds,
        options=Options.from_dict(plan.detail.get("options", {})),
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
