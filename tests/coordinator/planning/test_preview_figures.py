"""What a change by hand does to the figures of the day, and which broken rules may be gone past."""

from datetime import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from coordinator.extensions import db
from coordinator.planning import services
from coordinator.planning.draft import Draft, Ways
from coordinator.planning.models import PlanStop
from coordinator.planning.services import Target
from coordinator.planning.translate import worker_key
from tests import factories
from tests.coordinator.planning.conftest import Street, solve
from tests.coordinator.planning.pages import text_of


def planned(street: Street) -> PlanStop:
    plan = solve(street)
    return next(one for one in plan.stops if one.elder_id == street.general[0].id and one.route_id)


def travel_of_day(draft: Draft, day: int) -> int:
    ways, orders = Ways(draft.scenario), draft.orders()
    return sum(
        ways.of(draft.scenario.worker_of[worker_key(worker)], names).seconds
        for (worker, on), names in orders.items()
        if on == day and names
    )


def test_the_figures_are_those_of_the_day_before_and_after(street: Street) -> None:
    stop = planned(street)
    assert stop.route is not None
    other = next(one for one in street.workers if one.id != stop.route.worker_id)
    draft = Draft(stop.plan)
    found = services.preview_move(stop.plan, stop, Target(other.id, stop.route.day))
    day = draft.index(stop.route.day)
    assert found.before is not None
    assert found.after is not None
    assert found.before.travel == pytest.approx(travel_of_day(draft, day), abs=30)
    assert found.after.travel - found.before.travel == pytest.approx(found.more_travel, abs=30)
    assert found.before.late == 0
    db.session.rollback()


def test_lateness_is_counted_and_the_elder_named(street: Street) -> None:
    elder = street.general[0]
    elder.visit_from, elder.visit_until = time(8, 0), time(9, 0)
    # Somebody who begins at ten comes too late for that.
    late = factories.make_worker(
        street.community, weekdays=range(5), shift=(time(10, 0), time(12, 0)), start_latitude=28.886
    )
    db.session.flush()
    stop = planned(street)
    assert stop.route is not None
    found = services.preview_move(stop.plan, stop, Target(late.id, stop.route.day))
    assert not found.ok
    assert found.after is not None
    assert found.after.late > 0
    assert any(elder.name in text for text in found.hard)
    db.session.rollback()


@pytest.fixture
def desk(client: FlaskClient, street: Street) -> FlaskClient:
    factories.sign_in(client, street.user)
    return client


def test_only_what_may_be_gone_past_offers_the_button(desk: FlaskClient, street: Street) -> None:
    stop = planned(street)
    assert stop.route is not None
    other: Any = next(one for one in street.workers if one.id != stop.route.worker_id)
    where = f"/planning/plans/{stop.plan_id}/stops/{stop.id}/preview?worker={other.id}"
    good = text_of(desk.get(f"{where}&day={stop.route.day}"))
    assert "路上合计" in good
    assert "仍要这样排" not in good
    saturday = text_of(desk.get(f"{where}&day=2026-04-25"))
    assert "不能越过" in saturday
    assert "仍要这样排" not in saturday
