"""From demands to visits and days: pure, so every rule can be tried by itself."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from coordinator.planning.translate.needs import Demand, around, need_on, needs_of, patterns_of


def demand(first: int, last: int, *, count: int = 1, rule: str = "month", statutory: bool = True) -> Demand:
    """A demand of April 2026 whose days are those of its period (day 0 is the first)."""
    days = tuple(range(first - 1, last))
    return Demand(rule, "key", rule, date(2026, 4, first), date(2026, 4, last), count, statutory, days)


def test_two_halves_are_two_visits() -> None:
    needs = needs_of([demand(1, 15, rule="a"), demand(16, 30, rule="b")])
    assert [(need.days[0], need.days[-1]) for need in needs] == [(0, 14), (15, 29)]


def test_one_visit_serves_a_month_and_the_half_month_inside() -> None:
    needs = needs_of([demand(1, 30, rule="month"), demand(16, 30, rule="half")])
    assert len(needs) == 1
    assert needs[0].rule == "half"
    assert needs[0].days == tuple(range(15, 30))


def test_overlapping_periods_share_the_days_they_have_in_common() -> None:
    needs = needs_of([demand(1, 15, rule="half"), demand(10, 20, rule="festival")])
    assert [need.days for need in needs] == [tuple(range(9, 15))]


def test_a_count_of_two_is_two_visits() -> None:
    assert len(needs_of([demand(1, 30, count=2)])) == 2


def test_a_visit_is_statutory_when_any_duty_behind_it_is() -> None:
    needs = needs_of([demand(1, 30, rule="share", statutory=False), demand(16, 30, rule="half")])
    assert [need.statutory for need in needs] == [True]


def test_spacing_is_kept_where_it_leaves_a_choice() -> None:
    needs = needs_of([demand(1, 15, rule="a"), demand(16, 30, rule="b")])
    patterns = patterns_of(needs, 7)
    assert all(second - first >= 7 for first, second in patterns)
    assert {day for pattern in patterns for day in pattern} == set(range(30))


def test_spacing_never_takes_the_last_days() -> None:
    needs = needs_of([demand(14, 15, rule="a"), demand(16, 17, rule="b")])
    assert patterns_of(needs, 7), "two visits within four days are better than one"


def test_days_of_standing_visits_are_left_alone() -> None:
    needs = needs_of([demand(1, 15)])
    assert (4,) not in patterns_of(needs, 1, [4])
    assert [day for (day,) in patterns_of(needs, 7, [1])] == list(range(8, 15))
    assert min(day for (day,) in patterns_of(needs, 7, [4])) == 0, (
        "four days are no choice: the wish is halved"
    )


def test_without_strictness_every_day_is_offered() -> None:
    needs = needs_of([demand(1, 15, rule="a"), demand(16, 30, rule="b")])
    assert (14, 15) in patterns_of(needs, 7, strict=False)


def test_four_needs_stay_bounded_and_reach_every_week() -> None:
    needs = needs_of([demand(1 + 7 * n, 7 + 7 * n, rule=f"w{n}") for n in range(4)])
    patterns = patterns_of(needs, 5)
    assert 0 < len(patterns) <= 140
    assert all(len(set(pattern)) == 4 for pattern in patterns)


def test_a_week_about_a_share_of_the_capacity() -> None:
    days, even = tuple(range(30)), dict.fromkeys(range(30), 1.0)
    assert around(days, even, 0.5) == tuple(range(11, 18))
    assert around(days, even, 0.0) == tuple(range(7))
    assert around(days, even, 1.0) == tuple(range(23, 30))
    late = {day: float(day >= 20) for day in days}
    assert around(days, late, 0.5)[3] == 24, "days on which nobody works take no share"
    assert around(days, {}, 0.5) == days


def test_which_need_a_day_serves() -> None:
    needs = needs_of([demand(1, 15, rule="a"), demand(16, 30, rule="b")])
    assert need_on(needs, [3, 20]) == [0, 1]
    assert need_on(needs, [20]) == [1]
    assert need_on(needs, [3, 4]) is None


spans = st.tuples(st.integers(1, 30), st.integers(0, 29)).map(lambda t: (t[0], min(30, t[0] + t[1])))


@given(st.lists(spans, min_size=1, max_size=5))
def test_meeting_every_need_meets_every_demand(periods: list[tuple[int, int]]) -> None:
    demands = [demand(first, last, rule=str(n)) for n, (first, last) in enumerate(periods)]
    needs = needs_of(demands)
    assert len(needs) <= len(demands)
    for choose in (min, max):
        days = [choose(need.days) for need in needs]
        for one in demands:
            assert any(day in one.days for day in days)
