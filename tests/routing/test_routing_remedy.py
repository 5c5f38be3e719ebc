"""Remedies are proven: the change they name, made to the scenario, gets the visit made."""

from dataclasses import replace

import pytest

from routing import Scenario, check
from routing.construct import construct, load_plan
from routing.draft import draft
from routing.edits import Edit, edited
from routing.model import Model
from routing.plan import Plan
from routing.reasons import REMEDIES
from routing.remedy import remedies
from routing.shortage import shortage
from routing.state import State
from tests.routing.routing_days import built, town
from tests.routing.routing_scenarios import day, elder, month, street, visit, worker
from tests.routing.test_routing_reasons import SOLVED

SAID_OTHERWISE = {"recruit_skill", "add_adult", "insert_now"}
"""Told by probing; proven, they are another_worker or need no change."""


@pytest.mark.parametrize("reason", sorted(SOLVED))
def test_each_reason_has_a_proven_remedy(reason):
    data, name, expected = SOLVED[reason]
    scenario = Scenario.from_dict(data)
    plan = built(scenario)
    found = remedies(scenario, plan, name, seconds=20)
    assert found
    assert [r.effort for r in found] == sorted(r.effort for r in found)
    assert {remedy.code for remedy in found} & (expected | {"another_worker", "permit_day"})
    for remedy in found:
        assert remedy.code in REMEDIES
        assert "[" not in remedy.text, remedy.text
        assert remedy.edits
        assert (remedy.gain.statutory, remedy.gain.priority) > (0, 0)
        if remedy.edits[0].what != "take_off":
            assert made_after(scenario, remedy.edits, plan, name)


def made_after(scenario: Scenario, edits: tuple[Edit, ...], plan: Plan, name: str) -> bool:
    """Build the changed scenario from nothing, or from the plan, and look for the visit's owner."""
    changed = edited(scenario, edits)
    owner = name.rpartition("#")[0] if scenario.is_month else name
    counts = []
    before = sum(owner in (s.visit, s.visit.rpartition("#")[0]) for r in plan.routes for s in r.stops)
    for start in (Plan("", ()), plan):
        model = Model(changed)
        state = State(model)
        load_plan(model, state, start)
        construct(model, state)
        found = draft(model, state)
        assert check(changed, found).violations == []
        counts.append(
            sum(owner in (s.visit, s.visit.rpartition("#")[0]) for r in found.routes for s in r.stops)
        )
    return max(counts) > before


def test_the_smallest_stretch_is_given():
    """A shift that ends 20 minutes early needs half an hour; 15 minutes do not do."""
    base = day([visit("v", 0, duration=3600)], [worker("w", shift=[28800, 28800 + 2400])])
    scenario = Scenario.from_dict(base)
    found = {remedy.code: remedy for remedy in remedies(scenario, built(scenario), "v", seconds=20)}
    assert found["extend_shift"].detail["seconds"] == 1800
    assert found["extend_shift"].edits == (Edit("worker", "w", "shift", (28800, 28800 + 4200)),)
    assert "widen_window" not in found
    far = Scenario.from_dict(day([visit("v", 3)], [worker("w", radius_m=1000), worker("x", radius_m=2500)]))
    first = remedies(far, built(far), "v", seconds=20)[0]
    assert (first.code, first.detail["worker"]) == ("raise_radius", "x")
    assert first.detail["metres"] - first.detail["more"] == 2500
    less = edited(far, [replace(first.edits[0], value=first.detail["metres"] - 1)])
    assert built(less).unassigned


def test_less_is_enough_when_others_make_room():
    """Put in as things stand the visit needs 45 minutes more; in another order 15 are enough."""
    scenario = Scenario.from_dict(
        day(
            [
                visit("a", 0, duration=1800, window=[28800, 32400]),
                visit("v", 0, duration=3600, window=[28800, 29700]),
            ],
            [worker("w", shift=[28800, 28800 + 5400 - 900])],
        )
    )
    alone = Scenario.from_dict(scenario.to_dict() | {"visits": [visit("a", 0, window=[28800, 32400])]})
    plan = built(alone)
    assert [stop.visit for stop in plan.routes[0].stops] == ["a"]
    found = {remedy.code: remedy for remedy in remedies(scenario, plan, "v", seconds=20)}
    assert found["extend_shift"].detail["seconds"] == 900


def test_a_half_day_on_a_free_weekday():
    scenario = Scenario.from_dict(
        month(
            [elder("e", patterns=[[3]])],
            [worker("w", weekdays=[0, 1]), worker("x", weekdays=[3], not_days=[3])],
        )
    )
    found = remedies(scenario, built(scenario), "e#1", seconds=20)
    half = {remedy.detail["worker"]: remedy for remedy in found if remedy.code == "work_on_day"}
    assert half["w"].detail["half"] == [28800, 43200]
    assert half["x"].detail["half"] is None
    changed = edited(scenario, half["w"].edits)
    days = {day for day in range(14) if changed.shift_of(changed.worker_of["w"], day) is not None}
    assert days == {0, 1, 7, 8, 3}


def test_nothing_to_change_when_solving_again_is_enough():
    scenario = Scenario.from_dict(day([visit("v"), visit("u")], [worker("w")]))
    (only,) = remedies(scenario, Plan("", ()), "v")
    assert (only.code, only.edits, only.detail) == ("insert_now", (), {"worker": "w", "day": 0})


def test_the_data_of_a_remedy_is_plain():
    data, name, _ = SOLVED["outside_radius"]
    scenario = Scenario.from_dict(data)
    first = remedies(scenario, built(scenario), name)[0].to_dict()
    assert first["edits"] == [{"what": "worker", "id": "w", "field": "radius_m", "value": 3003}]
    assert first["gain"] == {
        "visits": 1,
        "statutory": 0,
        "priority": 1,
        "travel_seconds": first["gain"]["travel_seconds"],
    }


def test_unknown_and_made_visits_are_refused():
    scenario = Scenario.from_dict(day([visit("v")], [worker("w")]))
    plan = built(scenario)
    with pytest.raises(ValueError):
        remedies(scenario, plan, "v")
    with pytest.raises(KeyError):
        remedies(scenario, plan, "who")
    for edit in (Edit("worker", "who", "shift", (0, 1)), Edit("visit", "v", "colour", 1), Edit("magic", "v")):
        with pytest.raises(KeyError):
            edited(scenario, [edit])


def test_the_same_question_has_the_same_answer():
    scenario = Scenario.from_dict(town(7, 60, 14))
    plan = built(scenario)
    left = [entry.visit for entry in plan.unassigned][:2]
    assert left
    for name in left:
        assert remedies(scenario, plan, name, 30) == remedies(scenario, plan, name, 30)


def test_a_plan_is_taken_over_as_it_is():
    """What explains and proves must start from the plan itself, common starts and pins included."""
    for data in (town(5, 60, 24), street(2, 60, 16, days=14)):
        scenario = Scenario.from_dict(data)
        plan = built(scenario)
        model = Model(scenario)
        state = State(model)
        load_plan(model, state, plan)
        assert draft(model, state).routes == plan.routes


def test_shortage_by_skill_day_and_neighbourhood():
    scenario = Scenario.from_dict(
        month(
            [
                elder("n1", skills=["nursing"], patterns=[[0], [1]], priority=3),
                elder("n2", 2, skills=["nursing"], patterns=[[1]]),
                elder("far", 9, statutory=True),
                elder("fine"),
            ],
            [worker("w", role="volunteer", radius_m=3000)],
        )
    )
    found = shortage(scenario, built(scenario), 30, places={"n1": "North", "n2": "North"})
    assert found.complete
    assert (found.missing.visits, found.missing.priority, found.missing.statutory) == (3, 5, 1)
    assert {lack.key: lack.visits for lack in found.by_skill} == {"nursing": 2, "": 1}
    days = {lack.key: lack.visits for lack in found.by_day}
    assert days["0"] == pytest.approx(0.5 + 1 / 14, abs=0.01)
    assert days["1"] == pytest.approx(1.5 + 1 / 14, abs=0.01)
    assert {lack.key: lack.visits for lack in found.by_place}["North"] == 2
    assert {lack.key for lack in found.by_reason} == {"no_worker_with_skill", "outside_radius"}
    best = found.one_more[0]
    assert (best.skills, best.gain.visits, best.gain.statutory) == (("nursing",), 3, 1)
    assert {one.role for one in found.one_more} == {"", "volunteer"}
    assert all(one.gain.visits > 0 for one in found.one_more)


def test_no_shortage():
    scenario = Scenario.from_dict(day([visit("v")], [worker("w")]))
    found = shortage(scenario, built(scenario))
    assert (found.missing.visits, found.one_more, found.complete) == (0, (), True)
