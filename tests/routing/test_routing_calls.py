"""Calls beside the routes: who rings, when, and why somebody is not rung."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.calls import Call, Caller, Given, LeftReason, Lists, Why, check, distribute, without

HOUR = 3600
QUARTER = 900
MORNING = (9 * HOUR, 10 * HOUR)


def caller(name: str, *days: int, free: tuple[tuple[int, int], ...] = (MORNING,), **over: object) -> Caller:
    return Caller(name, dict.fromkeys(days, free), **over)  # type: ignore[arg-type]


def call(name: str, *days: int, **over: object) -> Call:
    return Call(name, over.pop("elder", name), days, QUARTER, **over)  # type: ignore[arg-type]


def by_call(lists: Lists) -> dict[str, Given]:
    return {one.call: one for one in lists.given}


def test_who_knows_the_elder_rings() -> None:
    people = [caller("a", 0), caller("b", 0), caller("c", 0)]
    found = by_call(distribute(people, [call("x", 0, first=("c", "b")), call("y", 0, first=("gone", "b"))]))
    assert (found["x"].caller, found["x"].why) == ("c", Why.KNOWN)
    assert found["y"].caller == "b"


def test_who_understands_the_elder_comes_before_others() -> None:
    found = by_call(distribute([caller("a", 0), caller("b", 0)], [call("x", 0, liking={"b": 1})]))
    assert (found["x"].caller, found["x"].why) == ("b", Why.SPEAKS)


def test_calls_spread_over_people_and_days() -> None:
    found = distribute([caller("a", 0, 1), caller("b", 0, 1)], [call(str(n), 0, 1) for n in range(4)])
    assert sorted((one.caller, one.day) for one in found.given) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_a_call_fits_between_route_and_end_of_shift() -> None:
    free = without([(9 * HOUR, 12 * HOUR)], [(9 * HOUR, 11 * HOUR + 2700)])
    found = by_call(distribute([caller("a", 0, free=free)], [call("x", 0)]))
    assert (found["x"].start, found["x"].end) == (11 * HOUR + 2700, 12 * HOUR)


def test_the_hours_of_the_elder_are_kept() -> None:
    found = by_call(distribute([caller("a", 0)], [call("x", 0, window=(9 * HOUR + 1800, 17 * HOUR))]))
    assert found["x"].start == 9 * HOUR + 1800


def test_somebody_moves_so_that_all_are_rung() -> None:
    """x can go to both, y only to a: whoever comes first, both have a place."""
    people = [caller("a", 0, most_day=1), caller("b", 0, most_day=1)]
    calls = [call("x", 0, first=("a",)), call("y", 0, excluded=frozenset({"b"}))]
    assert {one.call: one.caller for one in distribute(people, calls).given} == {"x": "b", "y": "a"}


def test_what_is_left_says_why() -> None:
    people = [caller("a", 0, most_day=1), caller("young", 0, 1, adult=False)]
    calls = [
        call("full1", 0),
        call("full2", 0),
        call("barred", 0, excluded=frozenset({"a"})),
        call("nobody", 1),
        call("never"),
    ]
    assert dict(distribute(people, calls).left) == {
        "full2": LeftReason.FULL,
        "barred": LeftReason.NOBODY_MAY,
        "nobody": LeftReason.NOBODY_FREE,
        "never": LeftReason.NO_DAY,
    }


def test_one_elder_is_not_rung_twice_a_day() -> None:
    found = distribute([caller("a", 0, 1)], [call("x", 0, 1, elder="e"), call("y", 0, 1, elder="e")])
    assert {one.day for one in found.given} == {0, 1}
    third = distribute([caller("a", 0)], [call("x", 0, elder="e"), call("y", 0, elder="e")])
    assert len(third.left) == 1


def test_what_was_set_by_hand_stays() -> None:
    kept = Given("x", "b", 0, 9 * HOUR, 9 * HOUR + QUARTER, Why.KEPT)
    people = [caller("a", 0), caller("b", 0, most_day=2)]
    calls = [call("x", 0, first=("a",)), call("y", 0, first=("b",)), call("z", 0, first=("b",))]
    found = distribute(people, calls, [kept])
    assert by_call(found)["x"] == kept
    assert not check(people, calls, found, {"x"})
    assert by_call(found)["y"].start == 9 * HOUR + QUARTER


def test_the_weekly_limit() -> None:
    found = distribute([caller("a", *range(8), most_week=3)], [call(str(n), *range(7)) for n in range(5)])
    assert len(found.given) == 3
    assert {reason for _, reason in found.left} == {LeftReason.FULL}


@pytest.mark.parametrize("field", ["callers", "calls", "kept", "length"])
def test_bad_input_is_named(field: str) -> None:
    people, calls, kept = [caller("a", 0)], [call("x", 0)], [Given("x", "a", 0, 0, 1, Why.KEPT)]
    if field == "length":
        calls = [replace(calls[0], seconds=0)]
    else:
        {"callers": people, "calls": calls, "kept": kept}[field].extend(  # type: ignore[attr-defined]
            {"callers": people, "calls": calls, "kept": kept}[field]
        )
    with pytest.raises(ValueError, match=r"twice|no length"):
        distribute(people, calls, kept)


def test_the_check_finds_each_fault() -> None:
    people = [caller("a", 0, most_day=1), caller("young", 0, adult=False)]
    calls = [call("x", 0), call("y", 0)]
    right = distribute(people, calls)
    assert not check(people, calls, right)
    one = right.given[0]

    def faults(*given: Given, left: tuple[tuple[str, LeftReason], ...] = right.left) -> str:
        return "; ".join(check(people, calls, Lists(given, left)))

    assert "missing" in faults()
    assert "times" in faults(one, one)
    assert "may not" in faults(replace(one, caller="young"))
    assert "not permitted" in faults(replace(one, day=1))
    assert "length" in faults(replace(one, end=one.end + 1))
    assert "not free" in faults(replace(one, start=one.start - 60, end=one.end - 60))
    assert "overlap" in faults(one, replace(one, call="y"), left=())
    assert "2 calls" in faults(one, replace(one, call="y", start=one.end, end=one.end + QUARTER), left=())
    assert "room" in faults(left=(("x", LeftReason.FULL), ("y", LeftReason.FULL)))


# --- random ----------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")


@st.composite
def desks(draw: st.DrawFn, most: int = 8) -> tuple[list[Caller], list[Call], dict[str, dict[int, list[int]]]]:
    """People with shifts and a route each day, and calls."""
    people, routes = [], {}
    for name in NAMES[: draw(st.integers(1, 3))]:
        free, routes[name] = {}, {}
        for day in draw(st.sets(st.integers(0, 9), max_size=4)):
            low = draw(st.integers(8, 14)) * HOUR
            shift = (low, low + draw(st.integers(1, 8)) * QUARTER)
            begins = draw(st.integers(0, 6)) * QUARTER + low
            routes[name][day] = [begins, begins + draw(st.integers(0, 4)) * QUARTER]
            free[day] = without([shift], [(routes[name][day][0], routes[name][day][1])])
        people.append(
            Caller(name, free, draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(0, 5)) > 0)
        )
    calls = [
        Call(
            f"c{number}",
            f"e{draw(st.integers(0, most))}",
            tuple(sorted(draw(st.sets(st.integers(0, 9), max_size=3)))),
            QUARTER,
            (draw(st.sampled_from((0, 9 * HOUR))), draw(st.sampled_from((11 * HOUR, 86_400)))),
            tuple(draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))),
            {},
            frozenset(draw(st.sets(st.sampled_from(NAMES), max_size=1))),
        )
        for number in range(draw(st.integers(0, most)))
    ]
    return people, calls, routes


@settings(max_examples=150, deadline=None)
@given(desks())
def test_any_desk_holds(desk: tuple[list[Caller], list[Call], dict[str, dict[int, list[int]]]]) -> None:
    people, calls, routes = desk
    found = distribute(people, calls)
    assert not check(people, calls, found)
    assert found == distribute(people, calls)
    assert len(found.given) + len(found.left) == len(calls)
    for one in found.given:
        begins, ends = routes[one.caller][one.day]
        assert one.end <= begins or ends <= one.start, "beside the route"


@settings(max_examples=60, deadline=None)
@given(desks(most=4))
def test_as_many_as_possible_are_rung(desk: tuple[list[Caller], list[Call], object]) -> None:
    """Against every way of choosing persons and days, where the hours do not bind and no elder is asked twice."""
    people, calls, _routes = desk
    people = [replace(one, most_week=99) for one in people]
    calls = [replace(one, elder=one.id, window=(0, 86_400)) for one in calls]
    found = distribute(people, calls)
    room = {
        (one.id, day): min(one.most_day, sum((high - low) // QUARTER for low, high in spans))
        for one in people
        for day, spans in one.free.items()
    }
    choices = [
        [
            None,
            *(
                (one.id, day)
                for one in people
                if one.adult and one.id not in each.excluded
                for day in each.days
                if room.get((one.id, day))
            ),
        ]
        for each in calls
    ]
    best = 0
    for chosen in product(*choices):
        used = [one for one in chosen if one is not None]
        if all(used.count(bucket) <= room[bucket] for bucket in set(used)):
            best = max(best, len(used))
    assert len(found.given) == best
