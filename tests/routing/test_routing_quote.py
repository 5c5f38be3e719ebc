"""Quotes: the cheapest place over all routes, exact, and fast enough to be shown in a list."""

from dataclasses import replace
from random import Random
from time import perf_counter

import pytest

from routing import Scenario, check, schedule
from routing.plan import Plan, Unassigned
from routing.quote import Quoter
from routing.scenario import Elder, Visit
from tests.routing.routing_days import built, town, without
from tests.routing.routing_scenarios import HOME, day, elder, month, north, visit, worker


@pytest.fixture(scope="module")
def planned() -> tuple[Scenario, Plan]:
    scenario = Scenario.from_dict(town(3, 60, 26))
    return scenario, built(scenario)


def test_every_quote_can_be_taken_up(planned):
    scenario, plan = planned
    assert plan.score is not None
    seen = 0
    names = sorted({stop.visit for route in plan.routes for stop in route.stops})
    for name in names:
        less = without(plan, name)
        base = check(scenario, less)
        quoter = Quoter(scenario, less)
        quotes = quoter.quote(name)
        assert quotes, name
        assert quotes[0].added_seconds <= plan.score.travel_seconds - base.score.travel_seconds
        for quote in quotes:
            taken = quoter.plan_with(quote)
            report = check(scenario, taken)
            assert report.violations == [], (name, quote)
            assert report.score.travel_seconds - base.score.travel_seconds == quote.added_seconds
            starts = {s.start for r in taken.routes for s in r.stops if s.visit == name}
            assert starts == {quote.start}
            seen += 1
    assert seen > len(names)


def test_nothing_cheaper_is_overlooked(planned):
    """Against every position of every route, timed by the scheduler and judged by the checker."""
    scenario, plan = planned
    singles = [v.id for v in scenario.visits if v.people == 1]
    shared = {
        stop.visit
        for route in plan.routes
        for stop in route.stops
        if (visit := scenario.visit_of(stop.visit)) is not None and visit.people == 2
    }
    for name in Random(5).sample(singles, 6):
        less = without(plan, name)
        # without shared visits, which the scheduler would move
        for other in sorted(shared):
            less = without(less, other)
        base = check(scenario, less).score.travel_seconds
        orders = {(w.id, 0): [] for w in scenario.workers}
        orders |= {(r.worker, r.day): [s.visit for s in r.stops] for r in less.routes}
        cheapest: dict[str, int] = {}
        for key, order in orders.items():
            for at in range(len(order) + 1):
                tried = schedule(scenario, orders | {key: [*order[:at], name, *order[at:]]})
                report = check(scenario, tried)
                if report.ok:
                    added = report.score.travel_seconds - base
                    cheapest[key[0]] = min(added, cheapest.get(key[0], added))
        quotes = {quote.workers[0]: quote.added_seconds for quote in Quoter(scenario, less).quote(name)}
        assert quotes == cheapest


def test_a_visit_that_is_new(planned):
    scenario, plan = planned
    new = Visit("new", (31.0, 121.0), 1800, (32400, 57600), skills=("nursing",))
    quoter = Quoter(scenario, plan)
    quotes = quoter.quote(new)
    assert quotes
    wider = replace(scenario, visits=(*scenario.visits, new))
    again = Quoter(wider, replace(plan, unassigned=(Unassigned("new", "not_planned"),))).quote("new")
    assert [(q.workers, q.added_seconds, q.start) for q in again] == [
        (q.workers, q.added_seconds, q.start) for q in quotes
    ]
    taken = quoter.plan_with(quotes[0], new)
    assert check(wider, replace(taken, score=None)).violations == []
    for quote in quotes:
        (name,) = quote.workers
        assert "nursing" in scenario.worker_of[name].skills
        assert not scenario.worker_of[name].companion_of_adult


def test_between_two_visits_of_yours():
    scenario = Scenario.from_dict(
        day([visit("near", 1), visit("far", 3), visit("open", 2), visit("wide", 9)], [worker("w")])
    )
    plan = schedule(scenario, {("w", 0): ["near", "far"]})
    quotes = Quoter(scenario, plan).quote_for_worker("w", ["wide", "open"])
    assert [quote.visit for quote in quotes] == ["open", "wide"]
    (place,) = quotes[0].places
    assert (place.after, place.before, place.position) == ("near", "far", 1)
    assert abs(quotes[0].added_seconds) <= 1  # it lies on the way
    assert quotes[1].added_seconds > 3600


def test_a_told_visit_keeps_its_time():
    scenario = Scenario.from_dict(
        day([visit("a", 1), visit("b", 1, duration=3600)], [worker("w", shift=[28800, 64800])])
    )
    plan = schedule(scenario, {("w", 0): ["a"]})
    (start,) = [stop.start for route in plan.routes for stop in route.stops]
    (free,) = Quoter(scenario, plan).quote("b")
    (kept,) = Quoter(scenario, plan, told=["a"]).quote("b")
    assert (free.places[0].position, kept.places[0].position) == (0, 1) or free.start < kept.start
    told = {s.visit: s.start for s in Quoter(scenario, plan, told=["a"]).plan_with(kept).routes[0].stops}
    assert abs(told["a"] - start) <= 900


@pytest.mark.parametrize(
    ("over", "asked"),
    [
        ({"skills": ["nursing"]}, {}),
        ({"excluded": ["w"]}, {}),
        ({"window": [20000, 24000]}, {}),
        ({}, {"radius_m": 500}),
        ({}, {"max_visits": 1}),
        ({}, {"max_route_seconds": 4000}),
        ({"load": 3}, {"capacity": 2}),
        ({"duration": 36000}, {}),
        ({}, {"companion_of_adult": True}),
        ({"people": 2}, {}),
        (
            {"window": [36000, 36000], "duration": 1800},
            {"breaks": [{"window": [36000, 36000], "duration": 1800}]},
        ),
    ],
)
def test_no_quote_against_a_limit(over, asked):
    data = day([visit("v", **over), visit("u", 0.5)], [worker("w")])
    scenario = Scenario.from_dict(data)
    plan = schedule(scenario, {("w", 0): ["u"]})
    if over != {"people": 2}:
        plain = Scenario.from_dict(day([visit("v"), visit("u", 0.5)], [worker("w")]))
        assert Quoter(plain, plan).quote("v")
    hard = Scenario.from_dict(data | {"workers": [worker("w", **asked)]})
    assert Quoter(hard, plan).quote("v") == []


def test_two_people_start_together():
    scenario = Scenario.from_dict(
        day(
            [visit("v", people=2, skills=["nursing"]), visit("a", 2), visit("b", 3)],
            [worker("w"), worker("x", skills=["nursing"], shift=[36000, 61200]), worker("y")],
        )
    )
    quoter = Quoter(scenario, schedule(scenario, {("w", 0): ["a"], ("x", 0): ["b"]}))
    quotes = quoter.quote("v")
    assert quotes
    for quote in quotes:
        assert len(quote.workers) == 2
        assert "x" in quote.workers
        assert check(scenario, quoter.plan_with(quote)).ok
    (one,) = quoter.quote_for_worker("w", ["v"])
    assert set(one.workers) == {"w", "x"}


def test_a_second_person_joins_at_the_start_in_the_plan():
    scenario = Scenario.from_dict(
        day(
            [visit("v", people=2), visit("a", 2)],
            [worker("w"), worker("x"), worker("minor", companion_of_adult=True)],
        )
    )
    plan = schedule(scenario, {("w", 0): ["v"], ("x", 0): ["a"]})
    quotes = Quoter(scenario, plan).quote("v")
    assert {quote.workers for quote in quotes} == {("x",), ("minor",)}
    (start,) = [s.start for r in plan.routes for s in r.stops if s.visit == "v"]
    for quote in quotes:
        assert quote.start == start
        assert check(scenario, Quoter(scenario, plan).plan_with(quote)).ok


def test_a_minor_goes_beside_an_adult_only():
    scenario = Scenario.from_dict(
        day([visit("v"), visit("made", 2)], [worker("w"), worker("minor", companion_of_adult=True)])
    )
    quoter = Quoter(scenario, schedule(scenario, {("w", 0): ["made"]}))
    assert [quote.workers for quote in quoter.quote("v")] == [("w",)]
    found = quoter.quote_for_worker("minor", ["v", "made"])
    assert {(q.visit, frozenset(q.workers)) for q in found} == {
        ("v", frozenset({"w", "minor"})),
        ("made", frozenset({"minor"})),
    }
    for quote in found:
        assert check(scenario, quoter.plan_with(quote)).ok


def test_pins_hold():
    data = day(
        [visit("v"), visit("a", 2), visit("b", 3)],
        [worker("w"), worker("x")],
        pinned=[{"visit": "a", "worker": "w", "position": 0}],
    )
    scenario = Scenario.from_dict(data)
    plan = schedule(scenario, {("w", 0): ["a", "b"]})
    assert {q.workers[0]: q.places[0].position for q in Quoter(scenario, plan).quote("v")}["w"] > 0
    held = Scenario.from_dict(data | {"pinned": [{"visit": "v", "worker": "x"}]})
    assert [q.workers for q in Quoter(held, plan).quote("v")] == [("x",)]


def test_months_keep_days_and_sums():
    scenario = Scenario.from_dict(
        month(
            [elder("e", patterns=[[0, 4], [1, 5]]), elder("f", 2, patterns=[[0]]), elder("g", 2)],
            [worker("w", max_visits_week=2), worker("x", not_days=[4])],
        )
    )
    plan = schedule(scenario, {("w", 0): ["e#1", "f#1"]})
    quotes = Quoter(scenario, plan).quote("e#2")
    assert quotes == []  # only day 4 is left, x is away and w has both visits of the week
    free = Quoter(scenario, schedule(scenario, {("w", 0): ["e#1"]})).quote("e#2")
    assert [(q.workers, q.day) for q in free] == [(("w",), 4)]


def test_a_route_that_is_longer_than_it_needs_to_be_counts_once_in_the_week():
    """Somebody was taken off and the others' times stayed: the visit fits where it was."""
    scenario = Scenario.from_dict(
        month(
            [elder("e", 0, window=[28800, 28800]), elder("f", 2, window=[28800, 34200])],
            [worker("w", shift=[28800, 37800], max_hours_week=2.5)],
        )
    )
    plan = schedule(scenario, {("w", 0): ["e#1", "f#1"]})
    assert check(scenario, plan).violations == []
    (route,) = plan.routes
    assert 1.25 * 3600 < route.arrival - route.departure < 2.5 * 3600
    quotes = Quoter(scenario, without(plan, "f#1")).quote("f#1", days=[0])
    assert [(q.day, q.workers) for q in quotes] == [(0, ("w",))]
    new = Elder("new", tuple(HOME), 1800, frequency=1, not_weekdays=(0, 1, 2, 3, 5, 6))
    assert {q.day % 7 for q in Quoter(scenario, plan).quote(new)} == {4}


def test_a_matrix_needs_an_index():
    table = [[0, 100, 200], [150, 0, 300], [250, 350, 0]]
    data = day(
        [visit("v", loc_index=1)],
        [worker("w", start_index=0, end_index=0)],
        matrix={"locations": [north(0), north(1), north(2)], "walk": table},
    )
    scenario = Scenario.from_dict(data)
    quoter = Quoter(scenario, schedule(scenario, {("w", 0): ["v"]}))
    (quote,) = quoter.quote(Visit("new", tuple(north(2)), 60, loc_index=2))
    # before v: 200 + 350 - 100, after v: 300 + 250 - 150
    assert quote.added_seconds == 400
    with pytest.raises(ValueError):
        quoter.quote(Visit("new", tuple(north(2)), 60))
    with pytest.raises(KeyError):
        quoter.quote("nobody")


def test_a_route_that_breaks_its_limits_gets_nothing_more():
    scenario = Scenario.from_dict(day([visit("v"), visit("u", window=[20000, 20001])], [worker("w")]))
    quoter = Quoter(scenario, schedule(scenario, {("w", 0): ["u"]}))
    assert quoter.broken == (("w", 0),)
    assert quoter.quote("v") == []


@pytest.mark.alone
def test_a_quote_is_quick():
    scenario = Scenario.from_dict(town(1, 150, 60))
    plan = built(scenario)
    begun = perf_counter()
    quoter = Quoter(scenario, plan)
    assert perf_counter() - begun < 0.1
    new = Visit("new", (31.0, 121.0), 1800, (32400, 57600))
    pair = replace(new, people=2)
    for asked in (new, pair):
        times = []
        for _ in range(9):
            begun = perf_counter()
            assert quoter.quote(asked)
            times.append(perf_counter() - begun)
        assert sorted(times)[4] < 0.01


def test_a_pin_of_a_month_means_its_day_whatever_the_number():
    scenario = Scenario.from_dict(
        month(
            [elder("e", patterns=[[0, 1]])],
            [worker("w"), worker("x")],
            pinned=[{"visit": "e#1", "worker": "w", "day": 0}],
        )
    )
    for name in ("e#1", "e#2"):
        found = {(q.workers, q.day) for q in Quoter(scenario, Plan("", ())).quote(name)}
        assert found == {(("w",), 0), (("x",), 1)} or found == {(("w",), 1), (("x",), 1)}
        assert (("x",), 0) not in found
    made = schedule(scenario, {("w", 0): ["e#1"]})
    assert {(q.workers, q.day) for q in Quoter(scenario, made).quote("e#2")} == {(("w",), 1), (("x",), 1)}
    last = schedule(scenario, {("x", 1): ["e#2"]})
    assert {(q.workers, q.day) for q in Quoter(scenario, last).quote("e#1")} == {(("w",), 0)}
