"""A same-day change of a planned day: the plan's rows follow, sheets get new numbers."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.planning import queries, services
from coordinator.planning.models import Plan, PlanRoute, PlanStop, RouteSheet
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.services.adjust import adjust, note_of, read_note
from coordinator.planning.services.repair import Trouble, propose
from coordinator.visits.models import Visit
from tests.coordinator.planning.conftest import Street, make_street, solve, team_on


@pytest.fixture
def planned(
    db_session: object, last_of_march: None, freeze: Callable[[datetime], None]
) -> tuple[Street, Plan, date]:
    """The busiest day of the month, approved and printed; it is eight o'clock of that day."""
    street = make_street(key=4, general=6)
    plan = solve(street)
    day, _count = db.session.execute(
        select(PlanRoute.day, func.count())
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id)
        .group_by(PlanRoute.day)
        .order_by(func.count().desc(), PlanRoute.day)
    ).first() or (None, 0)
    assert day is not None
    services.approve_day(street.actor, plan, day)
    services.print_day(street.actor, plan, day)
    db.session.commit()
    freeze(clock.at_local(day, 7 * 3600).astimezone(UTC))
    return street, plan, day


def sheets_on(day: date) -> list[RouteSheet]:
    return list(
        db.session.scalars(
            select(RouteSheet)
            .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
            .where(PlanRoute.day == day)
            .order_by(RouteSheet.number)
        )
    )


def mend(street: Street, day: date, worker_id: int) -> None:
    trouble = Trouble(street.area.id, day, "发烧", absent={worker_id: None})
    found = propose(street.actor, street.area, trouble)
    assert found.sheets
    done = adjust(street.actor, street.area, read_note(note_of(street.actor, found)))
    assert done.sheets
    db.session.commit()
    db.session.expire_all()


def test_old_sheets_are_void_and_new_numbers_given(planned: tuple[Street, Plan, date]) -> None:
    street, plan, day = planned
    before = {sheet.number for sheet in sheets_on(day)}
    route = db.session.scalars(
        select(PlanRoute).where(PlanRoute.plan_id == plan.id, PlanRoute.day == day)
    ).first()
    assert route is not None
    away, elders = route.worker_id, {stop.elder_id for stop in route.stops}
    mend(street, day, away)
    sheets = sheets_on(day)
    void = {sheet.number for sheet in sheets if sheet.voided_at is not None}
    assert void & before
    for sheet in sheets:
        if sheet.route.worker_id == away:
            assert sheet.voided_at is not None, "nobody is left on that route"
    live = [sheet for sheet in sheets if sheet.voided_at is None]
    assert {sheet.number for sheet in live} & before == before - void
    # The day page tells who goes now, in the order of time.
    view = queries.day_view(plan, day)
    assert away not in {lane.route.worker_id for lane in view.lanes}
    assert elders <= {stop.elder_id for lane in view.lanes for stop in lane.stops}
    for lane in view.lanes:
        starts = [stop.start_seconds or 0 for stop in lane.stops]
        assert starts == sorted(starts)
        assert [stop.position for stop in lane.stops] == list(range(len(starts)))
        assert lane.route.departure_seconds <= starts[0]
        for stop in lane.stops:
            visit = db.session.get_one(Visit, stop.visit_id)
            assert second_of(visit.starts_at) == stop.start_seconds
            assert team_on(visit) == [lane.route.worker_id]
    # Printed again on the same day: the numbers stand.
    services.print_day(street.actor, plan, day)
    assert {sheet.number for sheet in sheets_on(day)} >= {sheet.number for sheet in live}


def test_a_cancelled_visit_leaves_its_route(planned: tuple[Street, Plan, date]) -> None:
    street, plan, day = planned
    stop = db.session.scalars(
        select(PlanStop)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id, PlanRoute.day == day)
    ).first()
    assert stop is not None
    trouble = Trouble(street.area.id, day, "长者住院", cancelled=(stop.visit_id or 0,))
    found = propose(street.actor, street.area, trouble)
    adjust(street.actor, street.area, read_note(note_of(street.actor, found)))
    db.session.expire_all()
    assert stop.route_id is None
    assert stop.reason_detail == {"text": "长者住院"}
    view = queries.day_view(plan, day)
    assert stop.elder_id not in {one.elder_id for lane in view.lanes for one in lane.stops}
