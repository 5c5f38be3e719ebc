"""Every reason and every remedy can be reached, and has its wording."""

import string
from typing import Any

import pytest

from routing import Explanation, Limits, Plan, Scenario, explain, schedule, solve
from routing.explain import explain_state
from routing.model import Model
from routing.reasons import REASONS, REMEDIES
from routing.state import State
from tests.routing.routing_scenarios import day, elder, month, visit, worker

QUICK = Limits(time_limit=20, seed=1, processes=1, iterations=40)
NURSE = worker("nurse", skills=["nursing"])
BUSY = [visit(f"b{k}", 0.1, duration=3600, priority=9, window=[28800, 61200]) for k in range(3)]

SOLVED: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    # reason: scenario, visit, remedies that must be among those given
    "no_worker_with_skill": (
        day([visit("v", skills=["nursing", "legal"])], [NURSE]),
        "v",
        {"recruit_skill", "train_worker"},
    ),
    "no_pair_with_skills": (
        day([visit("v", skills=["legal"], people=2)], [NURSE, worker("w")]),
        "v",
        {"recruit_skill"},
    ),
    "only_minors": (
        day([visit("v", skills=["nursing"])], [NURSE | {"companion_of_adult": True}, worker("w")]),
        "v",
        {"add_adult", "recruit_skill"},
    ),
    "all_excluded": (day([visit("v", excluded=["w"])], [worker("w")]), "v", {"allow_excluded"}),
    "outside_radius": (day([visit("v", 3)], [worker("w", radius_m=1000)]), "v", {"raise_radius"}),
    "no_permitted_day": (
        month([elder("e", last_day=-1, min_gap_days=30)], [worker("w")]),
        "e#1",
        {"relax_spacing"},
    ),
    "spacing": (
        month(
            [elder("e", patterns=[[0, 11], [1, 12]])],
            [worker("w", not_days=[11])],
            pinned=[{"visit": "e#1", "worker": "w", "day": 0}],
        ),
        "e#2",
        {"relax_spacing", "work_on_day"},
    ),
    "no_worker_on_permitted_days": (
        month([elder("e", patterns=[[3]])], [worker("w", not_days=[3])]),
        "e#1",
        {"work_on_day", "permit_day"},
    ),
    "window_outside_shifts": (
        day([visit("v", window=[28800, 30000])], [worker("w", shift=[36000, 60000])]),
        "v",
        {"widen_window", "another_worker"},
    ),
    "load_over_capacity": (day([visit("v", load=9)], [worker("w", capacity=5)]), "v", {"share_load"}),
    "route_too_long": (day([visit("v", 3)], [worker("w", max_route_seconds=1000)]), "v", {"longer_route"}),
    "day_visits_reached": (
        day([visit("v"), visit("u", priority=2)], [worker("w", max_visits=1)]),
        "v",
        {"one_more_visit"},
    ),
    "week_visits_reached": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[1]], priority=2)],
            [worker("w", max_visits_week=1)],
        ),
        "e#1",
        {"one_more_visit"},
    ),
    "month_visits_reached": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[9]], priority=2)],
            [worker("w", max_visits_month=1)],
        ),
        "e#1",
        {"one_more_visit"},
    ),
    "week_hours_reached": (
        month(
            [elder("e", patterns=[[0]]), elder("f", patterns=[[1]], priority=2)],
            [worker("w", max_hours_week=1.5)],
        ),
        "e#1",
        {"more_hours"},
    ),
    "no_time_left": (
        day([visit("v", 0.1), *BUSY], [worker("w", shift=[28800, 28800 + 3 * 3700])]),
        "v",
        {"extend_shift", "another_worker"},
    ),
    "no_two_free_together": (
        day(
            [
                visit("v", 0.1, people=2, window=[30000, 30000]),
                visit("u", 0.1, statutory=True, window=[30000, 30000]),
            ],
            [worker("w"), worker("x", shift=[29000, 40000], max_visits=1)],
            pinned=[{"visit": "u", "worker": "x"}],
        ),
        "v",
        {"second_person", "another_worker"},
    ),
    "pin_impossible": (
        day([visit("v")], [worker("w", max_visits=0), worker("x")], pinned=[{"visit": "v", "worker": "w"}]),
        "v",
        {"loosen_pin"},
    ),
}
ELSEWHERE = {"can_be_inserted", "not_planned"}


def _only(found: list[Explanation], name: str) -> Explanation:
    (entry,) = [entry for entry in found if entry.visit == name]
    return entry


@pytest.mark.parametrize("reason", sorted(set(REASONS) - ELSEWHERE))
def test_reason(reason):
    data, name, remedies = SOLVED[reason]
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, QUICK)
    (left,) = [entry for entry in plan.unassigned if entry.visit == name]
    assert left.reason == reason
    assert left.remedy
    found = _only(explain(scenario, plan), name)
    assert found.reason == reason
    assert remedies <= {remedy.code for remedy in found.remedies}
    for text in (found.text, *(remedy.text for remedy in found.remedies)):
        assert "[" not in text, text


def test_room_for_a_visit_in_a_hand_made_plan():
    scenario = Scenario.from_dict(day([visit("v"), visit("u")], [worker("w")]))
    plan = schedule(scenario, {("w", 0): ["v"]})
    assert [(left.visit, left.reason) for left in plan.unassigned] == [("u", "not_planned")]
    found = _only(explain(scenario, plan), "u")
    assert (found.reason, [remedy.code for remedy in found.remedies]) == ("can_be_inserted", ["insert_now"])


def test_a_less_important_visit_could_give_way():
    same = {"window": [30000, 30000]}
    scenario = Scenario.from_dict(day([visit("v", priority=5, **same), visit("u", **same)], [worker("w")]))
    found = _only(explain(scenario, schedule(scenario, {("w", 0): ["u"]})), "v")
    assert found.reason == "no_time_left"
    assert ("give_way", "u") in {(remedy.code, remedy.detail.get("visit")) for remedy in found.remedies}


def test_remedies_are_all_reachable():
    reached = {code for _, _, codes in SOLVED.values() for code in codes} | {
        "insert_now",
        "give_way",
        "ask_why",
    }
    assert reached == set(REMEDIES)


def test_raising_the_radius_as_told_helps():
    data, name, _ = SOLVED["outside_radius"]
    found = _only(explain(Scenario.from_dict(data), Plan("", ())), name)
    first = data["workers"][0] | {"radius_m": found.remedies[0].detail["metres"]}
    changed = data | {"workers": [first, *data["workers"][1:]]}
    assert solve(Scenario.from_dict(changed), QUICK).unassigned == ()


@pytest.mark.parametrize("table", [REASONS, REMEDIES])
def test_wording_is_a_template(table):
    for code, text in table.items():
        assert code == code.lower()
        assert text.endswith((".", "yet.", "after all."))
        list(string.Formatter().parse(text))


def test_reasons_are_found_for_so_long_and_the_most_important_first():
    visits = [visit(f"v{k}", priority=1 + k, skills=["nursing"]) for k in range(4)]
    scenario = Scenario.from_dict(day(visits, [worker("w0")]))
    model = Model(scenario)
    state = State(model)
    assert {found.reason for found in explain_state(model, state)} == {"no_worker_with_skill"}
    late = explain_state(model, state, seconds=0.0)
    assert [(found.visit, found.reason) for found in late] == [(f"v{k}", "not_planned") for k in range(4)]
    assert late[0].unassigned().remedy
