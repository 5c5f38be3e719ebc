"""Same-day repair: what has begun and what was told stays, and little else changes."""

from dataclasses import replace
from time import perf_counter

import pytest

from routing import Scenario, check, schedule
from routing.plan import Plan
from routing.replan import RepairWeights, day_of, repair
from routing.scenario import Visit
from routing.schedule import score_by_hand
from tests.routing.routing_days import built, town
from tests.routing.routing_scenarios import day, elder, month, visit, worker

STEPS = 60


@pytest.fixture(scope="module")
def planned() -> tuple[Scenario, Plan]:
    scenario = Scenario.from_dict(town(4, 70, 30))
    return scenario, built(scenario)


def stops(plan: Plan) -> dict[str, tuple[frozenset[str], int]]:
    """Workers and start of each visit."""
    people: dict[str, set[str]] = {}
    start = {}
    for route in plan.routes:
        for stop in route.stops:
            people.setdefault(stop.visit, set()).add(route.worker)
            start[stop.visit] = stop.start
    return {name: (frozenset(workers), start[name]) for name, workers in people.items()}


def busiest(plan: Plan, count: int) -> list[str]:
    return [route.worker for route in sorted(plan.routes, key=lambda r: (-len(r.stops), r.worker))[:count]]


def test_nothing_happened(planned):
    scenario, plan = planned
    found = repair(scenario, plan, steps=STEPS)
    assert found.changes == ()
    assert found.plan.routes == tuple(
        sorted(plan.routes, key=lambda r: [w.id for w in scenario.workers].index(r.worker))
    )


@pytest.mark.parametrize("count", [1, 3])
def test_absence(planned, count):
    scenario, plan = planned
    gone = busiest(plan, count)
    found = repair(scenario, plan, absent=gone, steps=STEPS)
    assert check(found.scenario, found.plan).violations == []
    after, before = stops(found.plan), stops(plan)
    assert not {name for people, _ in after.values() for name in people} & set(gone)
    lost = {name for name, (people, _) in before.items() if people & set(gone)}
    changed = {change.visit for change in found.changes}
    assert lost <= changed
    assert len(changed - lost) <= len(lost)
    for name in set(before) - changed:
        assert before[name][0] == after[name][0]
        assert abs(before[name][1] - after[name][1]) <= 900


def test_changes_name_every_difference(planned):
    scenario, plan = planned
    new = Visit("new", (31.0, 121.0), 1800, (36000, 54000), priority=4)
    impossible = replace(new, id="impossible", skills=("nobody has this",))
    gone = busiest(plan, 1)
    cancelled = sorted(stops(plan))[5]
    found = repair(scenario, plan, absent=gone, cancelled=[cancelled], added=[new, impossible], steps=STEPS)
    kinds = {change.visit: change.kind for change in found.changes}
    assert (kinds[cancelled], kinds["new"], kinds["impossible"]) == ("cancelled", "added", "left_out")
    before, after = stops(plan), stops(found.plan)
    for change in found.changes:
        assert (frozenset(change.workers_before), change.start_before) == before.get(
            change.visit, (frozenset(), None)
        )
        assert (frozenset(change.workers_after), change.start_after) == after.get(
            change.visit, (frozenset(), None)
        )
    (left,) = [entry for entry in found.plan.unassigned if entry.visit == "impossible"]
    assert left.reason == "no_worker_with_skill"
    assert cancelled not in {visit.id for visit in found.scenario.visits}


def test_told_visits_stay(planned):
    scenario, plan = planned
    gone = busiest(plan, 2)
    before = stops(plan)
    told = [name for name, (people, _) in before.items() if not people & set(gone)]
    found = repair(scenario, plan, absent=gone, told=told, steps=STEPS)
    assert check(found.scenario, found.plan).violations == []
    after = stops(found.plan)
    for name in told:
        assert after[name][0] == before[name][0], name
        assert abs(after[name][1] - before[name][1]) <= 900
    assert {c.visit for c in found.changes if c.told} == set()


@pytest.mark.parametrize("since", [None, 43200])
def test_what_has_begun_stays(planned, since):
    scenario, plan = planned
    now = 39600
    (gone,) = busiest(plan, 1)
    frozen = set()
    for route in plan.routes:
        leave = route.departure
        for stop in route.stops:
            if leave <= now:
                frozen.add(stop.visit)
            leave = stop.end
    late = Visit("late", (31.0, 121.0), 1800, (30000, 54000), statutory=True)
    found = repair(scenario, plan, absent={gone: since}, added=[late], now=now, steps=STEPS)
    assert check(found.scenario, found.plan).violations == []
    before, after = stops(plan), stops(found.plan)
    assert frozen
    assert {name: after[name] for name in frozen} == {name: before[name] for name in frozen}
    for name, (people, start) in after.items():
        if name not in frozen:
            assert start >= now
            assert since is not None or gone not in people
    assert "late" in after
    back = {route.worker: route.arrival for route in found.plan.routes}
    assert since is None or back.get(gone, 0) <= max(
        since, max((before[n][1] for n in frozen), default=0) + 9000
    )


def test_the_weight_of_a_change(planned):
    scenario, plan = planned
    gone = busiest(plan, 3)
    careless = repair(scenario, plan, absent=gone, weights=RepairWeights(0, 0), steps=STEPS, seconds=20)
    careful = repair(scenario, plan, absent=gone, weights=RepairWeights(3000, 3000), steps=STEPS, seconds=20)
    assert len(careful.changes) < len(careless.changes)


def test_a_small_change_is_preferred_to_a_short_way():
    """The cheap place is before two visits that would both move by an hour; the dear one is after them."""
    scenario = Scenario.from_dict(
        day(
            [visit("a", 2, duration=3600), visit("b", 2.1, duration=3600)],
            [worker("w", shift=[28800, 28800 + 5 * 3600])],
        )
    )
    plan = schedule(scenario, {("w", 0): ["a", "b"]})
    new = Visit("new", (31.0 + 0.009, 121.0), 3600, (28800, 60000))
    early = repair(scenario, plan, added=[new], weights=RepairWeights(0, 0))
    calm = repair(scenario, plan, added=[new], weights=RepairWeights(600, 600))
    assert [s.visit for s in calm.plan.routes[0].stops] == ["a", "b", "new"]
    assert {change.kind for change in calm.changes} <= {"added", "time"}
    assert len(calm.changes) <= len(early.changes)


def test_two_people_find_another_second():
    scenario = Scenario.from_dict(
        day([visit("v", people=2), visit("u", 2)], [worker("w"), worker("x"), worker("y")])
    )
    plan = schedule(scenario, {("w", 0): ["v"], ("x", 0): ["v", "u"]})
    found = repair(scenario, plan, absent=["x"], told=["v"])
    assert check(found.scenario, found.plan).violations == []
    after = stops(found.plan)
    assert after["v"][0] == {"w", "y"}
    assert abs(after["v"][1] - stops(plan)["v"][1]) <= 900


def test_a_minor_is_not_left_alone():
    scenario = Scenario.from_dict(day([visit("v")], [worker("w"), worker("minor", companion_of_adult=True)]))
    plan = schedule(scenario, {("w", 0): ["v"], ("minor", 0): ["v"]})
    found = repair(scenario, plan, absent=["w"])
    assert [(c.visit, c.kind) for c in found.changes] == [("v", "left_out")]
    assert check(found.scenario, found.plan).violations == []


def test_an_urgent_visit_pushes_a_lesser_one_out():
    scenario = Scenario.from_dict(
        day([visit("v", duration=7200), visit("u", duration=7200)], [worker("w", shift=[28800, 46000])])
    )
    plan = schedule(scenario, {("w", 0): ["v", "u"]})
    urgent = Visit("urgent", (31.009, 121.0), 7200, (28800, 60000), statutory=True, priority=9)
    found = repair(scenario, plan, added=[urgent])
    assert "urgent" in stops(found.plan)
    assert [c.kind for c in found.changes if c.visit != "urgent"].count("left_out") == 1


def test_the_same_seed_gives_the_same_repair(planned):
    scenario, plan = planned
    runs = [
        repair(scenario, plan, absent=busiest(plan, 3), steps=STEPS, seconds=20, seed=7) for _ in range(2)
    ]
    assert runs[0].plan.routes == runs[1].plan.routes
    assert runs[0].changes == runs[1].changes


def test_unknown_names_and_months_are_refused(planned):
    scenario, plan = planned
    with pytest.raises(KeyError):
        repair(scenario, plan, absent=["nobody"])
    with pytest.raises(KeyError):
        repair(scenario, plan, cancelled=["nothing"])
    with pytest.raises(ValueError):
        repair(scenario, plan, added=[scenario.visits[0]])
    weeks = Scenario.from_dict(month([elder("e")], [worker("w")]))
    with pytest.raises(ValueError):
        repair(weeks, Plan("", ()))


def test_one_day_of_a_month():
    scenario = Scenario.from_dict(
        month(
            [elder("e"), elder("f", 2), elder("g", 3)],
            [worker("w", max_visits_week=3, max_hours_week=4), worker("x", not_days=[1])],
        )
    )
    plan = schedule(scenario, {("w", 0): ["e#1"], ("w", 1): ["f#1", "g#1"]})
    lone, today = day_of(scenario, plan, 1)
    assert [v.id for v in lone.visits] == ["f#1", "g#1"]
    (only,) = lone.workers
    spent = plan.routes[0].arrival - plan.routes[0].departure
    assert (only.id, only.max_visits, only.max_route_seconds) == ("w", 2, 4 * 3600 - spent)
    assert check(lone, today).violations == []
    found = repair(lone, today, cancelled=["f#1"])
    assert [c.visit for c in found.changes if c.kind == "cancelled"] == ["f#1"]
    with pytest.raises(ValueError):
        day_of(scenario, plan, 14)


def test_a_hand_made_plan_names_what_breaks():
    scenario = Scenario.from_dict(
        day(
            [visit("v", 1, window=[28800, 30000]), visit("u", 2, skills=["nursing"]), visit("left", 1)],
            [worker("w", max_visits=1)],
        )
    )
    found = score_by_hand(scenario, {("w", 0): ["u", "v", "who"], ("nobody", 0): ["v"], ("w", 9): ["v"]})
    codes = {(violation.code, violation.visit) for violation in found.violations}
    assert codes >= {
        ("unknown_worker", None),
        ("unknown_visit", "who"),
        ("unknown_day", None),
        ("outside_window", "v"),
        ("missing_skill", "u"),
        ("too_many_visits_day", None),
    }
    assert found.score.unserved_priority == 1
    (figures,) = found.routes
    assert figures.travel_seconds == found.score.travel_seconds
    assert figures.span_seconds == figures.travel_seconds + figures.service_seconds + figures.waiting_seconds
    assert figures.visits == 2
    fine = score_by_hand(Scenario.from_dict(day([visit("v")], [worker("w")])), {("w", 0): ["v"]})
    assert fine.violations == ()


@pytest.mark.alone
def test_a_repair_is_quick():
    scenario = Scenario.from_dict(town(1, 150, 60))
    plan = built(scenario)
    begun = perf_counter()
    repair(scenario, plan, absent=busiest(plan, 3))
    assert perf_counter() - begun < 2


def test_what_was_left_out_before_changes_nothing_that_is_known():
    scenario = Scenario.from_dict(
        day(
            [visit("a", 1), visit("b", 1), visit("old", 1, priority=9), visit("later", 1)],
            [worker("w", shift=[28800, 28800 + 2 * 1050 + 2 * 1800]), worker("x", start=[31.0, 121.2])],
        )
    )
    plan = schedule(scenario, {("w", 0): ["a", "b"]})
    assert check(scenario, plan).violations == []
    alone = replace(scenario, workers=scenario.workers[:1])
    kept = repair(alone, plan)
    assert kept.changes == ()  # the visit with more priority does not push a promised one out
    found = repair(alone, plan, cancelled=["a"])
    assert {(c.visit, c.kind) for c in found.changes} == {("a", "cancelled"), ("old", "added")}
