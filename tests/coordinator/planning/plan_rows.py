"""What the rows of a plan say, and who has heard of it."""

from datetime import date

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.messages.models import Message
from coordinator.planning import services
from coordinator.planning.draft import Draft
from coordinator.planning.models import Plan, PlanRoute, PlanStop
from coordinator.workforce.models import Worker
from tests.coordinator.planning.conftest import Street


def stop_of(plan: Plan, elder_id: int, number: int = 1) -> PlanStop:
    return db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.visit_key == f"e{elder_id}#{number}")
    ).one()


def another_worker(street: Street, stop: PlanStop) -> Worker:
    assert stop.route is not None
    return next(one for one in street.workers if one.id != stop.route.worker_id)


def told(street: Street) -> list[int]:
    """Users who have a message, the coordinator left out."""
    return sorted(
        db.session.scalars(select(Message.user_id).where(Message.user_id != street.user.id).distinct())
    )


def sound(plan: Plan) -> None:
    """The rows are a plan the checker accepts, soft limits aside."""
    db.session.expire_all()
    draft = Draft(plan)
    _timed, report = draft.timed(draft.orders())
    accepted = {tuple(one) for one in plan.violations}
    from coordinator.planning.services.preview import JUDGED_HERE, mark_of

    assert [
        one.line()
        for one in report.violations
        if one.code not in JUDGED_HERE and tuple(mark_of(one)) not in accepted
    ] == []
    for row in draft.stops:
        if row.route is not None:
            assert row.period_from <= row.route.day <= row.period_to
    positions = db.session.execute(
        select(PlanStop.route_id, func.array_agg(PlanStop.position))
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None))
        .group_by(PlanStop.route_id)
    )
    for _route, found in positions:
        assert sorted(found) == list(range(len(found)))


def first_day(plan: Plan) -> date:
    day = db.session.scalar(select(func.min(PlanRoute.day)).where(PlanRoute.plan_id == plan.id))
    assert day is not None
    return day


def print_first_route(street: Street, plan: Plan) -> PlanRoute:
    """Approve the plan's first day and print the first of its routes."""
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    route = db.session.scalars(
        select(PlanRoute).where(PlanRoute.day == day).order_by(PlanRoute.letter)
    ).first()
    assert route is not None
    services.print_route(street.actor, plan, route)
    return route
