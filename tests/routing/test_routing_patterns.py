"""Permitted days against plain enumeration."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.patterns import DayRule
from routing.scenario import Elder, Scenario
from tests.routing.routing_scenarios import HOME, elder, month, worker


def _patterns(person: Elder, scenario: Scenario) -> list[set[int]]:
    first = 0 if person.last_day is None else person.last_day + max(1, person.min_gap_days)
    days = [
        d
        for d in range(scenario.days)
        if d >= first and scenario.weekday_of_day[d] not in person.not_weekdays
    ]
    high = person.max_gap_days or scenario.days
    return [
        set(chosen)
        for chosen in combinations(days, person.frequency)
        if all(max(1, person.min_gap_days) <= b - a <= high for a, b in pairwise(chosen))
    ]


@settings(max_examples=150, deadline=None)
@given(
    days=st.integers(1, 12),
    frequency=st.integers(1, 4),
    low=st.integers(0, 5),
    extra=st.integers(0, 5),
    limited=st.booleans(),
    closed=st.sets(st.integers(0, 6), max_size=4),
    last=st.none() | st.integers(-6, -1),
    made=st.sets(st.integers(0, 11), max_size=3),
)
def test_options_are_the_days_of_full_patterns(days, frequency, low, extra, limited, closed, last, made):
    frequency = min(frequency, days)
    data = elder(
        "e",
        frequency=frequency,
        min_gap_days=low,
        max_gap_days=low + extra if limited else 0,
        not_weekdays=sorted(closed),
        last_day=last,
    )
    scenario = Scenario.from_dict(month([data], [worker("w")], days))
    person = scenario.visits[0]
    assert isinstance(person, Elder)
    fitting = [pattern for pattern in _patterns(person, scenario) if made <= pattern]
    expected = sorted(set().union(*fitting) - made) if fitting else []
    assert list(DayRule(person, scenario).options(tuple(sorted(made)))) == expected


@pytest.mark.parametrize(
    ("made", "expected"), [((), (0, 1, 11, 12)), ((0,), (11,)), ((12,), (1,)), ((0, 11), ()), ((5,), ())]
)
def test_listed_patterns(made, expected):
    scenario = Scenario.from_dict(
        month([elder("e", patterns=[[0, 11], [1, 12]])], [worker("w", start=HOME)], 14)
    )
    person = scenario.visits[0]
    assert isinstance(person, Elder)
    assert DayRule(person, scenario).options(made) == expected
