"""Random tiny scenarios with every kind of limit, for hypothesis."""

from typing import Any

from hypothesis import strategies as st

from tests.routing.routing_scenarios import day, elder, month, north, visit, worker

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
def a_day(draw: Any) -> dict[str, Any]:
    """A day of up to five visits for one person and two workers."""
    visits = [draw(_visit(number)) for number in range(draw(st.integers(1, 5)))]
    return day(visits, [draw(_worker(number)) for number in range(draw(st.integers(1, 2)))])


@st.composite
def a_small_month(draw: Any) -> dict[str, Any]:
    """A month small enough to try everything: visits for one, up to three elders, two workers, four days."""
    days = draw(st.integers(2, 4))
    people = []
    for number in range(draw(st.integers(1, 3))):
        base = draw(_visit(number)) | {"id": f"e{number}", "load": draw(st.integers(0, 2))}
        if draw(st.booleans()):
            size = draw(st.integers(1, 2))
            sets = st.sets(st.integers(0, days - 1), min_size=size, max_size=size).map(sorted)
            base["patterns"] = draw(st.lists(sets, min_size=1, max_size=3))
        else:
            base |= {"frequency": draw(st.integers(1, 2)), "min_gap_days": draw(st.integers(0, 2))}
            base["max_gap_days"] = draw(st.sampled_from([0, 2]))
            base["not_weekdays"] = draw(st.sampled_from([[], [1]]))
            base["last_day"] = draw(st.sampled_from([None, -1]))
        people.append(elder(**{"name": base.pop("id"), **base}))
    staff = []
    for number in range(draw(st.integers(1, 2))):
        base = draw(_worker(number))
        base["capacity"] = draw(st.sampled_from([None, 2]))
        base["max_visits_week"] = draw(st.sampled_from([None, 1, 2]))
        base["max_visits_month"] = draw(st.sampled_from([None, 2]))
        base["max_hours_week"] = draw(st.sampled_from([None, 2.0, 3.5]))
        base["weekdays"] = draw(st.sampled_from([None, [0, 1], [2, 3, 4, 5, 6]]))
        base["not_days"] = draw(st.sampled_from([[], [1]]))
        staff.append(base)
    weekdays = [(index + draw(st.sampled_from([0, 5]))) % 7 for index in range(days)]
    return month(people, staff, days, weekday_of_day=sorted(weekdays))


@st.composite
def a_full_month(draw: Any) -> dict[str, Any]:
    """A month with visits for two, minors, breaks, loads and pins as well."""
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
