"""Random tiny scenarios: the plan is clean, and the first two aims are optimal (everything is tried)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import Limits, Scenario, check, solve
from routing.quote import Quoter
from routing.replan import day_of, repair
from tests.routing.routing_brute import best
from tests.routing.routing_days import built, without
from tests.routing.routing_random import a_day, a_full_month, a_small_month

QUICK = Limits(time_limit=20, seed=1, processes=1, iterations=1500)
INTERPRETED = Limits(time_limit=20, seed=1, processes=1, iterations=150)
HARD = {"max_examples": 60, "deadline": None, "suppress_health_check": list(HealthCheck)}


def serves_as_much_as_is_possible(data, limits):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, limits)
    report = check(scenario, plan)
    assert report.violations == []
    assert (report.score.unserved_statutory, report.score.unserved_priority) == best(scenario).aims
    assert all(left.reason not in ("not_planned", "can_be_inserted") for left in plan.unassigned)


@settings(**HARD)
@given(data=a_day())
def test_a_day_serves_as_much_as_is_possible(data):
    serves_as_much_as_is_possible(data, QUICK)


@settings(**HARD)
@given(data=a_small_month())
def test_a_month_serves_as_much_as_is_possible(data):
    serves_as_much_as_is_possible(data, QUICK)


@pytest.fixture(scope="module")
def no_kernel():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROUTING_KERNEL", "off")
        yield


@pytest.mark.usefixtures("no_kernel")
class TestInterpreted:
    """The same where numba is missing."""

    @settings(**(HARD | {"max_examples": 20}))
    @given(data=a_day())
    def test_a_day_serves_as_much_as_is_possible(self, data):
        serves_as_much_as_is_possible(data, INTERPRETED)

    @settings(**(HARD | {"max_examples": 20}))
    @given(data=a_small_month())
    def test_a_month_serves_as_much_as_is_possible(self, data):
        serves_as_much_as_is_possible(data, INTERPRETED)


@settings(**HARD)
@given(data=a_full_month())
def test_a_month_is_always_clean_and_explained(data):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, QUICK)
    assert check(scenario, plan).violations == []
    assert all(left.reason != "not_planned" and left.remedy for left in plan.unassigned)
    again = Scenario.from_dict(scenario.to_dict())
    assert again == scenario


@settings(**HARD)
@given(data=a_full_month())
def test_every_quote_keeps_every_limit(data):
    """Whatever is quoted for a visit that is missing, or taken off, passes the checker when taken up."""
    scenario = Scenario.from_dict(data)
    plan = built(scenario)
    pinned = {pin.visit.rpartition("#")[0] for pin in scenario.pinned}
    made = sorted({stop.visit for route in plan.routes for stop in route.stops})
    for name in [*(left.visit for left in plan.unassigned), *made]:
        less = without(plan, name)
        if not check(scenario, less).ok:
            continue
        quoter = Quoter(scenario, less)
        quotes = quoter.quote(name)
        for quote in quotes:
            report = check(scenario, quoter.plan_with(quote))
            assert report.violations == [], quote
            added = report.score.travel_seconds - check(scenario, less).score.travel_seconds
            assert added == quote.added_seconds
        if name in made and name.rpartition("#")[0] not in pinned and scenario.visit_of(name).people == 1:
            assert quotes or any(scenario.worker_of[r.worker].breaks for r in plan.routes)


@settings(**HARD)
@given(data=a_full_month(), gone=st.integers(0, 2))
def test_a_day_of_a_month_is_repaired_cleanly(data, gone):
    scenario = Scenario.from_dict(data)
    plan = built(scenario)
    for number in sorted({route.day for route in plan.routes}):
        lone, today = day_of(scenario, plan, number)
        assert check(lone, today).violations == []
        absent = [worker.id for worker in lone.workers][gone : gone + 1]
        told = [stop.visit for route in today.routes for stop in route.stops][::2]
        found = repair(lone, today, absent=absent, told=told, steps=20)
        assert check(found.scenario, found.plan).violations == []
