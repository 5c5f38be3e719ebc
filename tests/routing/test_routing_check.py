"""The checker finds every violation it has a code for, and nothing in a good plan."""

from collections.abc import Callable
from typing import Any

import pytest

from routing import Limits, Plan, Scenario, check, schedule, solve
from routing.violations import VIOLATIONS
from tests.routing.routing_scenarios import day, elder, month, north, visit, worker

Case = tuple[dict[str, Any], dict[str, Any]]
CASES: dict[str, Callable[[], Case]] = {}


def case(code: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    def keep(make: Callable[[], Case]) -> Callable[[], Case]:
        CASES[code] = make
        return make

    return keep


def planned(data: dict[str, Any], routes: dict[tuple[str, int], list[str]]) -> dict[str, Any]:
    return schedule(Scenario.from_dict(data), routes).to_dict() | {"score": None}


def route(data: dict[str, Any], names: list[str], who: str = "w") -> Case:
    return data, planned(data, {(who, 0): names})


@case("unknown_worker")
def _unknown_worker() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["routes"][0]["worker"] = "nobody"
    plan["unassigned"] = ["v"]
    return data, plan


@case("unknown_visit")
def _unknown_visit() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["unassigned"] = ["stranger"]
    return data, plan


@case("unknown_day")
def _unknown_day() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["routes"][0]["day"] = 3
    plan["unassigned"] = ["v"]
    return data, plan


@case("route_twice")
def _route_twice() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["routes"].append(plan["routes"][0] | {"stops": []})
    return data, plan


@case("visit_twice")
def _visit_twice() -> Case:
    data = day([visit("v")], [worker("w"), worker("x")])
    return data, planned(data, {("w", 0): ["v"], ("x", 0): ["v"]})


@case("visit_missing")
def _visit_missing() -> Case:
    data, plan = route(day([visit("v"), visit("u")], [worker("w")]), ["v"])
    plan["unassigned"] = []
    return data, plan


@case("made_and_unassigned")
def _made_and_unassigned() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["unassigned"] = ["v"]
    return data, plan


@case("not_working")
def _not_working() -> Case:
    data = month([elder("e")], [worker("w", weekdays=[1])])
    return route(data, ["e#1"])


@case("outside_shift")
def _outside_shift() -> Case:
    return route(day([visit("v", 3)], [worker("w", shift=[28800, 30000])]), ["v"])


@case("too_little_travel")
def _too_little_travel() -> Case:
    data, plan = route(day([visit("v", 3)], [worker("w")]), ["v"])
    plan["routes"][0]["departure"] += 60
    return data, plan


@case("too_short")
def _too_short() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["routes"][0]["stops"][0]["end"] -= 1
    return data, plan


@case("outside_window")
def _outside_window() -> Case:
    return route(day([visit("v", 4, window=[28800, 29000])], [worker("w")]), ["v"])


@case("missing_skill")
def _missing_skill() -> Case:
    return route(day([visit("v", skills=["nursing"])], [worker("w")]), ["v"])


@case("excluded_worker")
def _excluded_worker() -> Case:
    return route(day([visit("v", excluded=["w"])], [worker("w")]), ["v"])


@case("outside_radius")
def _outside_radius() -> Case:
    return route(day([visit("v", 3)], [worker("w", radius_m=1000)]), ["v"])


@case("too_many_visits_day")
def _too_many_day() -> Case:
    return route(day([visit("v"), visit("u")], [worker("w", max_visits=1)]), ["v", "u"])


@case("too_many_visits_week")
def _too_many_week() -> Case:
    data = month([elder("e"), elder("f")], [worker("w", max_visits_week=1)])
    return data, planned(data, {("w", 0): ["e#1"], ("w", 1): ["f#1"]})


@case("too_many_visits_month")
def _too_many_month() -> Case:
    data = month([elder("e"), elder("f")], [worker("w", max_visits_month=1)])
    return data, planned(data, {("w", 0): ["e#1"], ("w", 10): ["f#1"]})


@case("too_many_hours_week")
def _too_many_hours() -> Case:
    data = month([elder("e"), elder("f")], [worker("w", max_hours_week=1.5)])
    return data, planned(data, {("w", 0): ["e#1"], ("w", 1): ["f#1"]})


@case("route_too_long")
def _route_too_long() -> Case:
    return route(day([visit("v")], [worker("w", max_route_seconds=1800)]), ["v"])


@case("over_capacity")
def _over_capacity() -> Case:
    return route(day([visit("v", load=2), visit("u", load=2)], [worker("w", capacity=3)]), ["v", "u"])


@case("no_break")
def _no_break() -> Case:
    long = visit("v", 0.1, duration=6 * 3600, window=[32400, 32400])
    return route(day([long], [worker("w", breaks=[{"window": [39600, 43200], "duration": 1800}])]), ["v"])


@case("second_person_missing")
def _second_person() -> Case:
    return route(day([visit("v", people=2)], [worker("w")]), ["v"])


@case("not_together")
def _not_together() -> Case:
    data = day([visit("v", people=2)], [worker("w"), worker("x")])
    plan = planned(data, {("w", 0): ["v"], ("x", 0): ["v"]})
    for key in ("arrival", "start", "end"):
        plan["routes"][1]["stops"][0][key] += 60
    plan["routes"][1]["arrival"] += 60
    return data, plan


@case("minor_alone")
def _minor_alone() -> Case:
    return route(day([visit("v")], [worker("w", companion_of_adult=True)]), ["v"])


@case("day_not_permitted")
def _day_not_permitted() -> Case:
    data = month([elder("e", frequency=2, min_gap_days=5)], [worker("w")])
    return data, planned(data, {("w", 0): ["e#1"], ("w", 3): ["e#2"]})


@case("wrong_number")
def _wrong_number() -> Case:
    data = month([elder("e", frequency=2)], [worker("w")])
    plan = planned(data, {("w", 0): ["e#1"], ("w", 3): ["e#2"]})
    for number, name in ((0, "e#2"), (1, "e#1")):
        plan["routes"][number]["stops"][0]["visit"] = name
    return data, plan


@case("pin_broken")
def _pin_broken() -> Case:
    data = day([visit("v")], [worker("w"), worker("x")], pinned=[{"visit": "v", "worker": "x"}])
    return route(data, ["v"])


@case("pin_position")
def _pin_position() -> Case:
    pins = [{"visit": "v", "worker": "w", "position": 0}]
    return route(day([visit("v"), visit("u")], [worker("w")], pinned=pins), ["u", "v"])


@case("wrong_score")
def _wrong_score() -> Case:
    data, plan = route(day([visit("v")], [worker("w")]), ["v"])
    plan["score"] = {"unserved_priority": 0, "travel_seconds": 1}
    return data, plan


@pytest.mark.parametrize("code", sorted(VIOLATIONS))
def test_finds(code):
    data, plan = CASES[code]()
    report = check(Scenario.from_dict(data), Plan.from_dict(plan))
    assert {violation.code for violation in report.violations} == {code}
    assert all(violation.code in violation.line() for violation in report.violations)


def on(data: dict[str, Any], routes: dict[tuple[str, int], list[str]]) -> Case:
    return data, planned(data, routes)


SATURDAY = worker("w", shifts={"5": [30000, 40000]})
FORMS: dict[str, tuple[Case, str | None]] = {
    # the other forms of a limit: scenario and plan, the code that must be found (None: it is kept)
    "shift by weekday": (
        on(month([elder("e", window=[50000, 60000])], [SATURDAY]), {("w", 5): ["e#1"]}),
        "outside_shift",
    ),
    "shift of another weekday": (
        on(month([elder("e", window=[50000, 60000])], [SATURDAY]), {("w", 4): ["e#1"]}),
        None,
    ),
    "day off": (on(month([elder("e")], [worker("w", not_days=[3])]), {("w", 3): ["e#1"]}), "not_working"),
    "listed patterns": (
        on(
            month([elder("e", patterns=[[0, 11], [1, 12]])], [worker("w")]),
            {("w", 0): ["e#1"], ("w", 12): ["e#2"]},
        ),
        "day_not_permitted",
    ),
    "a listed pattern": (
        on(
            month([elder("e", patterns=[[0, 11], [1, 12]])], [worker("w")]),
            {("w", 1): ["e#1"], ("w", 12): ["e#2"]},
        ),
        None,
    ),
    "greatest gap": (
        on(
            month([elder("e", frequency=2, max_gap_days=4)], [worker("w")]),
            {("w", 0): ["e#1"], ("w", 5): ["e#2"]},
        ),
        "day_not_permitted",
    ),
    "weekday of an elder": (
        on(month([elder("e", not_weekdays=[2])], [worker("w")]), {("w", 2): ["e#1"]}),
        "day_not_permitted",
    ),
    "twice on a day": (
        on(
            month([elder("e", frequency=2)], [worker("w"), worker("x")]),
            {("w", 2): ["e#1"], ("x", 2): ["e#2"]},
        ),
        "day_not_permitted",
    ),
    "too soon after the last visit": (
        on(month([elder("e", last_day=-2, min_gap_days=10)], [worker("w")]), {("w", 7): ["e#1"]}),
        "day_not_permitted",
    ),
    "soon enough after the last visit": (
        on(month([elder("e", last_day=-2, min_gap_days=10)], [worker("w")]), {("w", 8): ["e#1"]}),
        None,
    ),
    "pin to a day": (
        on(
            month([elder("e")], [worker("w")], pinned=[{"visit": "e#1", "worker": "w", "day": 3}]),
            {("w", 4): ["e#1"]},
        ),
        "pin_broken",
    ),
    "two minors": (
        on(
            day(
                [visit("v", people=2)],
                [worker("m", companion_of_adult=True), worker("n", companion_of_adult=True)],
            ),
            {("m", 0): ["v"], ("n", 0): ["v"]},
        ),
        "minor_alone",
    ),
    "a visit for two counts for both": (
        on(
            month([elder("e", people=2), elder("f")], [worker("w", max_visits_week=1), worker("x")]),
            {("w", 0): ["e#1", "f#1"], ("x", 0): ["e#1"]},
        ),
        "too_many_visits_week",
    ),
    "skills of two together": (
        on(
            day([visit("v", people=2, skills=["a", "b"])], [worker("w", skills=["a"]), worker("x")]),
            {("w", 0): ["v"], ("x", 0): ["v"]},
        ),
        "missing_skill",
    ),
    "at one address": (
        on(day([visit("v"), visit("u")], [worker("w")]), {("w", 0): ["v", "u"]}),
        None,
    ),
}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_finds_the_other_forms_of_a_limit(name):
    (data, plan), code = FORMS[name]
    report = check(Scenario.from_dict(data), Plan.from_dict(plan))
    assert {violation.code for violation in report.violations} == ({code} if code else set())


@pytest.mark.parametrize(("field", "said", "wrong"), [("continuity", 0.5, False), ("continuity", 1.0, True),
    ("busiest_to_mean", 1.0, False), ("busiest_to_mean", 1.3, True), ("continuity", None, False)])  # fmt: skip
def test_what_a_plan_says_of_continuity_and_balance_is_checked(field, said, wrong):
    data = day([visit("v", preferred=["w"]), visit("u", preferred=["w"])], [worker("w"), worker("x")])
    plan = planned(data, {("w", 0): ["v"], ("x", 0): ["u"]})
    true = check(Scenario.from_dict(data), Plan.from_dict(plan)).score.to_dict()
    report = check(Scenario.from_dict(data), Plan.from_dict(plan | {"score": true | {field: said}}))
    assert [one.code for one in report.violations] == (["wrong_score"] if wrong else [])


def test_people_at_one_address_cost_one_way():
    """They stay visits of their own, one after the other with no way between: a sheet may show one door."""
    near = day([visit("v"), visit("u"), visit("far", 3)], [worker("w")])
    scenario = Scenario.from_dict(near)
    plan = solve(scenario, Limits(time_limit=10, seed=1, processes=1, iterations=200))
    order = [stop.visit for stop in plan.routes[0].stops]
    assert abs(order.index("v") - order.index("u")) == 1
    one, two = sorted((s for s in plan.routes[0].stops if s.visit != "far"), key=lambda s: s.start)
    assert two.start == one.end


def test_a_minor_beside_an_adult_is_welcome():
    data = day(
        [visit("v", skills=["nursing"])],
        [worker("w", skills=["nursing"]), worker("m", companion_of_adult=True)],
    )
    scenario = Scenario.from_dict(data)
    plan = schedule(scenario, {("w", 0): ["v"], ("m", 0): ["v"]})
    assert check(scenario, plan).ok


def test_a_minor_adds_no_skill_to_a_visit_for_one():
    data = day(
        [visit("v", skills=["nursing"])],
        [worker("w"), worker("m", companion_of_adult=True, skills=["nursing"])],
    )
    scenario = Scenario.from_dict(data)
    report = check(scenario, schedule(scenario, {("w", 0): ["v"], ("m", 0): ["v"]}))
    assert [violation.code for violation in report.violations] == ["missing_skill"]


def test_two_people_pool_their_skills_and_either_carries_the_load():
    two = visit("v", people=2, skills=["a", "b"], load=5)
    data = day([two], [worker("w", skills=["a"], capacity=0), worker("x", skills=["b"], capacity=5)])
    scenario = Scenario.from_dict(data)
    assert check(scenario, schedule(scenario, {("w", 0): ["v"], ("x", 0): ["v"]})).ok


@pytest.mark.parametrize(("capacity", "fits"), [(1500, True), (1499, False)])
def test_a_day_of_many_loads_is_summed(capacity, fits):
    """As many stops as a published set has on one day; each is carried by the one who goes there."""
    names = [f"v{number}" for number in range(1500)]
    visits = [visit(name, duration=1, load=1) for name in names]
    data = day(visits, [worker("w", capacity=capacity, max_visits=2000)])
    scenario = Scenario.from_dict(data)
    report = check(scenario, schedule(scenario, {("w", 0): names}))
    assert ("over_capacity" in {one.code for one in report.violations}) is not fits


def test_score_counts_travel_strangers_and_balance():
    visits = [
        visit("v", 1, preferred=["w"]),
        visit("u", 1, preferred=["w"]),
        visit("left", priority=7, statutory=True),
    ]
    data = day(visits, [worker("w"), worker("x")], weights={"continuity": 100, "balance": 2})
    scenario = Scenario.from_dict(data)
    score = check(scenario, schedule(scenario, {("w", 0): ["v"], ("x", 0): ["u"]})).score
    assert (score.unserved_statutory, score.unserved_priority) == (1, 7)
    assert score.continuity == 0.5
    assert score.busiest_to_mean == 1.0
    assert score.cost == score.travel_seconds + 100


def test_travel_is_the_definition_of_the_format():
    data = day([visit("v", 1)], [worker("w", mode="bike")])
    scenario = Scenario.from_dict(data)
    score = check(scenario, schedule(scenario, {("w", 0): ["v"]})).score
    degree = 6371008.8 * 3.141592653589793 / 180
    assert score.travel_seconds == 2 * round(0.009 * degree * 1.3 / (13 / 3.6))


def test_matrix_instead_of_speed():
    matrix = {"locations": [north(0), north(1)], "walk": [[0, 70], [50, 0]]}
    data = day([visit("v", loc_index=1)], [worker("w", start_index=0, end_index=0)], matrix=matrix)
    scenario = Scenario.from_dict(data)
    plan = schedule(scenario, {("w", 0): ["v"]})
    assert check(scenario, plan).score.travel_seconds == 120
    assert plan.routes[0].stops[0].arrival - plan.routes[0].departure == 70


@pytest.mark.parametrize("last", ["made", "listed"])
def test_partial_service_keeps_a_full_pattern_possible(last):
    data = month([elder("e", frequency=3, min_gap_days=5, max_gap_days=6)], [worker("w")])
    scenario = Scenario.from_dict(data)
    days = {"made": (0, 12), "listed": (3, 6)}[last]
    report = check(scenario, schedule(scenario, {("w", days[0]): ["e#1"], ("w", days[1]): ["e#2"]}))
    assert report.ok == (last == "made")
