"""Asking for a plan and throwing one away."""

from datetime import date

import pytest

from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.planning import services
from coordinator.planning.models import Plan, PlanState
from tests.coordinator.planning.conftest import MONTH, Street


def test_one_run_at_a_time(street: Street) -> None:
    services.request_plan(street.actor, street.area, MONTH)
    with pytest.raises(Conflict) as refused:
        services.request_plan(street.actor, street.area, MONTH)
    assert refused.value.code == "plan_running"
    services.request_plan(street.actor, street.area, date(2026, 5, 1))


def test_a_month_that_is_over_is_refused(street: Street) -> None:
    with pytest.raises(InvalidInput):
        services.request_plan(street.actor, street.area, date(2026, 2, 1))


def test_discarding_a_draft_but_not_what_is_approved(street: Street, plan: Plan) -> None:
    day = plan.routes[0].day
    services.approve_day(street.actor, plan, day)
    with pytest.raises(Conflict):
        services.discard_plan(street.actor, plan)
    services.withdraw_day(street.actor, plan, day, "改期")
    services.discard_plan(street.actor, plan)
    assert plan.state is PlanState.DISCARDED
