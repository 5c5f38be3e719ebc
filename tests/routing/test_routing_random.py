"""Random tiny scenarios: the plan is clean, and the first two aims are optimal (brute force)."""

from itertools import pairwise, permutations, product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import Limits, Scenario, check, solve
from routing.quote import Quoter
from routing.replan import day_of, repair
from routing.travel import metres
from tests.routing.routing_days import built, without
from tests.routing.routing_scenarios import day, elder, month, north, visit, worker

QUICK = Limits(time_limit=20, seed=1, processes=1, iterations=1500)
_TIMES = st.integers(16, 30).map(lambda half: half * 1800)


@st.composite
def _window(draw: Any) -> list[int]:
    a, b = draw(_TIMES), draw(_TIMES)
    return [min(a, b), max(a, b)]


@st.composite
def _visit(draw: Any, number: int) -> dict[str, Any]:
    return visit(
        f"v{number}",
        draw(st.integers(-4, 4)),
        window=draw(_window()),
        duration=draw(st.sampled_from([1800, 5400, 9000])),
        priority=draw(st.integers(1, 3)),
        statutory=draw(st.booleans()),
        skills=draw(st.sampled_from([[], [], ["a"]])),
    )


@st.composite
def _worker(draw: Any, number: int) -> dict[str, Any]:
    home = north(draw(st.integers(-3, 3)))
    over: dict[str, Any] = {
        "start": home,
        "end": home,
        "shift": draw(_window()),
        "skills": draw(st.sampled_from([[], ["a"]])),
        "max_visits": draw(st.integers(1, 4)),
    }
    if draw(st.booleans()):
        over["radius_m"] = draw(st.sampled_from([2500, 5000]))
    if draw(st.integers(0, 3)) == 0:
        over["max_route_seconds"] = draw(st.sampled_from([9000, 18000]))
    return worker(f"w{number}", **over)


@st.composite
def _day(draw: Any) -> dict[str, Any]:
    visits = [draw(_visit(number)) for number in range(draw(st.integers(1, 5)))]
    return day(visits, [draw(_worker(number)) for number in range(draw(st.integers(1, 2)))])


def _fits(scenario: Scenario, number: int, order: tuple[int, ...]) -> bool:
    """Whether one worker can make visits in an order: every departure on the half minute is not needed,
    since leaving at the shift's start reaches everything earliest; the length is checked from the
    latest departure that still keeps all windows."""
    person = scenario.workers[number]
    visits = [scenario.visits[index] for index in order]
    if len(visits) > (person.max_visits or 0):
        return False
    places = [person.start, *(v.loc for v in visits), person.end]
    speed = dict(scenario.speed_kmh)[person.mode] / 3.6
    legs = [round(metres(a, b) * scenario.detour / speed) for a, b in pairwise(places)]
    for v in visits:
        if not set(v.skills) <= set(person.skills):
            return False
        if person.radius_m is not None and metres(person.start, v.loc) > person.radius_m:
            return False

    def back(departure: int) -> int | None:
        clock = departure
        for leg, v in zip(legs, visits, strict=False):
            clock = max(clock + leg, v.window[0])
            if clock > v.window[1]:
                return None
            clock += v.duration
        clock += legs[-1]
        return clock if clock <= person.shift[1] else None

    earliest = back(person.shift[0])
    if earliest is None:
        return False
    if person.max_route_seconds is None:
        return True
    low, high = person.shift[0], person.shift[1]
    while low < high:
        middle = (low + high + 1) // 2
        if back(middle) == earliest:
            low = middle
        else:
            high = middle - 1
    return earliest - low <= person.max_route_seconds


def _best(scenario: Scenario) -> tuple[int, int]:
    count, workers = len(scenario.visits), len(scenario.workers)
    possible: dict[tuple[int, frozenset[int]], bool] = {}

    def can(number: int, chosen: frozenset[int]) -> bool:
        key = (number, chosen)
        if key not in possible:
            possible[key] = not chosen or any(_fits(scenario, number, o) for o in permutations(chosen))
        return possible[key]

    best = (1 << 30, 1 << 30)
    for choice in product(range(-1, workers), repeat=count):
        left = [v for v, who in zip(scenario.visits, choice, strict=True) if who < 0]
        key = (sum(v.statutory for v in left), sum(v.priority for v in left))
        if key < best and all(
            can(number, frozenset(i for i, who in enumerate(choice) if who == number))
            for number in range(workers)
        ):
            best = key
    return best


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=_day())
def test_a_day_serves_as_much_as_is_possible(data):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, QUICK)
    report = check(scenario, plan)
    assert report.violations == []
    assert (report.score.unserved_statutory, report.score.unserved_priority) == _best(scenario)
    assert all(left.reason not in ("not_planned", "can_be_inserted") for left in plan.unassigned)


@st.composite
def _month(draw: Any) -> dict[str, Any]:
    days = draw(st.integers(2, 9))
    people = []
    for number in range(draw(st.integers(1, 5))):
        base = draw(_visit(number)) | {"id": f"e{number}"}
        base["people"] = draw(st.sampled_from([1, 1, 1, 2]))
        base["load"] = draw(st.integers(0, 2))
        if draw(st.booleans()):
            size = draw(st.integers(1, 2))
            sets = st.sets(st.integers(0, days - 1), min_size=size, max_size=size).map(sorted)
            base["patterns"] = draw(st.lists(sets, min_size=1, max_size=3))
        else:
            base |= {"frequency": draw(st.integers(1, 2)), "min_gap_days": draw(st.integers(0, 3))}
            base["last_day"] = draw(st.sampled_from([None, -1, -2]))
        people.append(elder(**{"name": base.pop("id"), **base}))
    staff = []
    for number in range(draw(st.integers(1, 3))):
        base = draw(_worker(number))
        base["companion_of_adult"] = draw(st.integers(0, 3)) == 0
        base["capacity"] = draw(st.sampled_from([None, 2]))
        base["max_visits_week"] = draw(st.sampled_from([None, 2]))
        base["max_hours_week"] = draw(st.sampled_from([None, 3.5]))
        base["weekdays"] = draw(st.sampled_from([None, [0, 1, 2], [3, 4, 5, 6]]))
        if draw(st.booleans()):
            base["breaks"] = [{"window": draw(_window()), "duration": 1800}]
        staff.append(base)
    pins = []
    if draw(st.integers(0, 2)) == 0:
        pins = [{"visit": "e0#1", "worker": "w0", "day": draw(st.integers(0, days - 1))}]
        if people[0]["people"] == 1 and not staff[0]["companion_of_adult"]:
            staff[0]["skills"] = sorted({*staff[0]["skills"], *people[0]["skills"]})
    return month(people, staff, days, pinned=pins, weights={"continuity": 50, "balance": 0.1})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=_month())
def test_a_month_is_always_clean_and_explained(data):
    scenario = Scenario.from_dict(data)
    plan = solve(scenario, QUICK)
    assert check(scenario, plan).violations == []
    assert all(left.reason != "not_planned" and left.remedy for left in plan.unassigned)
    again = Scenario.from_dict(scenario.to_dict())
    assert again == scenario


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=_month())
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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=_month(), gone=st.integers(0, 2))
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
