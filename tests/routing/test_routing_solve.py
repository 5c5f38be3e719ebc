"""The run as a whole: limits of time, the wish to stop, repeatability, pins, re-planning, processes."""

import itertools
import os
import signal
import time
from dataclasses import replace

import pytest

from routing import STAGES, Limits, Plan, Progress, Scenario, check, schedule, solve
from routing import parallel as together
from tests.routing.routing_scenarios import day, elder, month, street, visit, worker

STREET = Scenario.from_dict(street(3, 60, 16))


def test_a_street_is_planned_cleanly_and_every_gap_explained():
    plan = solve(STREET, Limits(time_limit=4, processes=1))
    report = check(STREET, plan)
    assert report.violations == []
    assert plan.score == report.score
    made = {stop.visit for route in plan.routes for stop in route.stops}
    assert made | {left.visit for left in plan.unassigned} == set(STREET.visit_ids())
    assert len(made) > 0.9 * len(list(STREET.visit_ids()))
    assert all(left.reason != "not_planned" for left in plan.unassigned)


def test_same_seed_same_plan():
    limits = Limits(time_limit=60, seed=5, processes=1, iterations=150)
    first, second = (solve(STREET, limits) for _ in range(2))
    assert first.routes == second.routes
    assert first.unassigned == second.unassigned
    other = solve(STREET, replace(limits, seed=6))
    assert other.routes != first.routes


@pytest.mark.alone
@pytest.mark.parametrize("processes", [1, 2])
def test_progress_and_time_limit(processes):
    seen: list[Progress] = []
    started = time.monotonic()
    plan = solve(STREET, Limits(time_limit=5, processes=processes), seen.append)
    assert time.monotonic() - started < 5.5
    times = [0.0, *(event.seconds for event in seen)]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 1.2
    percents = [event.percent for event in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert {event.stage for event in seen} == set(STAGES)
    assert seen[-1].best_score == plan.score
    keys = [event.best_score.key for event in seen if event.best_score is not None]
    assert keys[-1] == min(keys)


@pytest.mark.parametrize("processes", [1, 2])
def test_the_wish_to_stop_is_heard_within_a_second(processes):
    started = time.monotonic()
    plan = solve(
        STREET, Limits(time_limit=60, processes=processes), should_stop=lambda: time.monotonic() - started > 2
    )
    assert time.monotonic() - started < 3.2
    assert check(STREET, plan).ok
    assert plan.routes


def test_stop_before_anything_is_done():
    plan = solve(STREET, Limits(time_limit=60, processes=1), should_stop=lambda: True)
    assert check(STREET, plan).ok


def test_a_killed_process_is_done_without(monkeypatch):
    children: list[together._Child] = []
    start = together._Child.__init__

    def remember(self, *arguments, **named):
        start(self, *arguments, **named)
        children.append(self)

    monkeypatch.setattr(together._Child, "__init__", remember)
    killed: list[int] = []

    def kill_one(event: Progress) -> None:
        if event.seconds > 1.5 and not killed:
            killed.append(children[0].process.pid)
            os.kill(children[0].process.pid, signal.SIGKILL)

    plan = solve(STREET, Limits(time_limit=5, processes=2), kill_one)
    assert killed
    assert check(STREET, plan).ok
    assert all(child.process.poll() is not None for child in children)


def test_pins_stay_and_the_rest_is_replanned():
    data = street(3, 60, 16)
    before = solve(STREET, Limits(time_limit=20, processes=1, iterations=60))
    pins = [
        {"visit": stop.visit, "worker": route.worker, "day": route.day}
        for route in before.routes[:8]
        for stop in route.stops[:1]
    ]
    scenario = Scenario.from_dict(data | {"pinned": pins})
    after = solve(scenario, Limits(time_limit=20, processes=1, iterations=100), start=before)
    assert check(scenario, after).violations == []
    kept = {
        (route.worker, route.day, stop.visit.split("#")[0]) for route in after.routes for stop in route.stops
    }
    assert {(pin["worker"], pin["day"], pin["visit"].split("#")[0]) for pin in pins} <= kept
    assert before.score is not None
    assert after.score is not None
    assert after.score.unserved_priority <= before.score.unserved_priority


@pytest.mark.parametrize("compiled", ["off", "on"])
def test_the_day_of_a_pin_that_cannot_be_kept_stays_empty(compiled, monkeypatch):
    """Somebody else on that day would make the pin untrue; the other days are planned all the same."""
    monkeypatch.setenv("ROUTING_KERNEL", compiled)
    elders = [elder("e0", 0, frequency=2, window=[28800, 28800])]
    people = [worker("w0", shift=[28800, 28800]), worker("w1")]
    pin = {"visit": "e0#1", "worker": "w0", "day": 0}
    scenario = Scenario.from_dict(month(elders, people, days=2) | {"pinned": [pin]})
    plan = solve(scenario, Limits(time_limit=20, processes=1, iterations=30))
    assert check(scenario, plan).violations == []
    assert [(route.worker, route.day) for route in plan.routes] == [("w1", 1)]
    assert [left.reason for left in plan.unassigned] == ["pin_impossible"]


@pytest.mark.parametrize("first", [0, 1])
def test_every_second_stop_pinned_at_its_position(first):
    before = solve(STREET, Limits(time_limit=20, processes=1, iterations=40))
    single = {visit.id for visit in STREET.visits if visit.people == 1}
    pins = [
        {"visit": stop.visit, "worker": route.worker, "day": route.day, "position": k}
        for route in before.routes
        for k, stop in enumerate(route.stops)
        if k % 2 == first and stop.visit.split("#")[0] in single
    ]
    scenario = Scenario.from_dict(street(3, 60, 16) | {"pinned": pins})
    after = solve(scenario, Limits(time_limit=20, processes=1, iterations=40), start=before)
    assert check(scenario, after).violations == []
    assert "pin_impossible" not in {left.reason for left in after.unassigned}


def test_replanning_without_time_keeps_the_plan():
    before = solve(STREET, Limits(time_limit=20, processes=1, iterations=80))
    after = solve(
        STREET, Limits(time_limit=20, processes=1, iterations=1), start=before, should_stop=lambda: True
    )
    assert before.score is not None
    assert after.score is not None
    assert after.score.key[:2] <= before.score.key[:2]
    single = {visit.id for visit in STREET.visits if visit.people == 1}

    def places(plan: Plan) -> set[tuple[str, int, str]]:
        return {
            (route.worker, route.day, stop.visit)
            for route in plan.routes
            for stop in route.stops
            if stop.visit.split("#")[0] in single
        }

    assert len(places(before) & places(after)) >= 0.9 * len(places(before))


def test_a_worker_who_falls_ill_is_replaced():
    data = day([visit(f"v{k}", 0.3 * k) for k in range(4)], [worker("w"), worker("x")])
    before = schedule(Scenario.from_dict(data), {("w", 0): ["v0", "v1", "v2", "v3"]})
    data["workers"] = [worker("x")]
    scenario = Scenario.from_dict(data)
    after = solve(scenario, Limits(time_limit=10, processes=1, iterations=50), start=before)
    assert check(scenario, after).ok
    assert [route.worker for route in after.routes] == ["x"]
    assert after.unassigned == ()


@pytest.mark.parametrize("data", [day([], []), day([visit("v")], []), day([], [worker("w")]), month([], [])])
def test_empty_scenarios(data):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, Limits(time_limit=5, processes=1, iterations=5))
    assert plan.routes == ()
    assert check(scenario, plan).ok


def test_hand_made_plan_is_timed_and_renumbered():
    data = month(
        [{"id": "e", "loc": [31.0, 121.0], "duration": 600, "frequency": 2}],
        [worker("w"), worker("x")],
        days=7,
    )
    scenario = Scenario.from_dict(data)
    plan = schedule(scenario, {("w", 5): ["e#1"], ("x", 1): ["e#2"]})
    assert [(route.worker, route.day, route.stops[0].visit) for route in plan.routes] == [
        ("x", 1, "e#1"),
        ("w", 5, "e#2"),
    ]
    assert check(scenario, plan).ok


def test_hand_made_shared_visits_wait_for_each_other():
    visits = [visit("v", 1, people=2), visit("u", 2, window=[36000, 36000])]
    scenario = Scenario.from_dict(day(visits, [worker("w"), worker("x")]))
    plan = schedule(scenario, {("w", 0): ["u", "v"], ("x", 0): ["v"]})
    assert check(scenario, plan).ok
    late = schedule(scenario, {("w", 0): ["v", "u"], ("x", 0): ["v", "u"]})
    assert {violation.code for violation in check(scenario, late).violations} == {"visit_twice"}


def test_what_would_break_is_told():
    visits = [visit("v", 1, window=[36000, 36600]), visit("u", 1, window=[36000, 36600])]
    scenario = Scenario.from_dict(day(visits, [worker("w")]))
    report = check(scenario, schedule(scenario, {("w", 0): ["v", "u"]}))
    assert [(v.code, v.visit) for v in report.violations] == [("outside_window", "u")]


def test_unknown_names_are_refused():
    scenario = Scenario.from_dict(day([visit("v")], [worker("w")]))
    with pytest.raises(KeyError):
        schedule(scenario, {("x", 0): ["v"]})
    with pytest.raises(KeyError):
        schedule(scenario, {("w", 0): ["u"]})
