"""What a presence is worth: each finding, each grade, rounding and caps; and what must hold whatever comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.hours.evidence import Mark, Neighbour, Rules, Stay, derive
from coordinator.hours.models import Evidence

START = datetime(2026, 3, 21, 6, 0, tzinfo=UTC)
ORDER = list(Evidence)
ONE_STEP = Rules(step_minutes=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def mark(
    minutes: float, method: str = "location", metres: int | None = 20, accuracy: int | None = 15
) -> Mark:
    placed = method == "location"
    return Mark(at(minutes), method, metres if placed else None, accuracy if placed else None)


def stay(first: float, last: float | None) -> Stay:
    return Stay(at(first), None if last is None else at(last))


def worth(arrived: Mark | None = None, left: Mark | None = None, **over: Any) -> Any:
    return derive(arrived or mark(0), left or mark(40), **({"rules": Rules(), "planned_minutes": 40} | over))


def codes(derivation: Any) -> list[str]:
    return [finding.code for finding in derivation.findings]


def test_a_clean_visit():
    derived = worth()
    assert (derived.minutes_present, derived.minutes_rounded_off, derived.minutes) == (40, 10, 30)
    assert (derived.evidence, derived.findings) == (Evidence.STRONG, ())


@pytest.mark.parametrize(
    ("left", "code", "grade"),
    [
        (mark(40, metres=549, accuracy=400), "coarse_place", Evidence.FAIR),
        (mark(40, metres=20, accuracy=101), "coarse_place", Evidence.FAIR),
        (mark(40, metres=20, accuracy=401), "coarse_place", Evidence.WEAK),
        (mark(40, metres=50_000, accuracy=100_000), "coarse_place", Evidence.WEAK),
        (mark(40, metres=166, accuracy=15), "not_near", Evidence.WEAK),
        (mark(40, metres=416, accuracy=15), "far_away", Evidence.DOUBTFUL),
        (mark(40, metres=416, accuracy=None), "far_away", Evidence.DOUBTFUL),
        (mark(40, metres=None), "home_not_on_map", Evidence.FAIR),
        (mark(40, "door_code"), "only_code", Evidence.FAIR),
        (mark(40, "word"), "no_place", Evidence.WEAK),
        (Mark(at(40), "door_code", 900, 10), "far_away", Evidence.DOUBTFUL),
        (Mark(at(40), "location", 20, 15, phone_at=at(51)), "clock_differs", Evidence.WEAK),
        (mark(4.9), "too_short", Evidence.DOUBTFUL),
        (mark(241), "too_long", Evidence.DOUBTFUL),
        (mark(19), "shorter_than_half", Evidence.FAIR),
    ],
)
def test_a_finding_caps_the_grade(left: Mark, code: str, grade: Evidence):
    derived = worth(left=left)
    assert codes(derived) == [code]
    assert (derived.findings[0].grade, derived.evidence) == (grade, grade)


@pytest.mark.parametrize(
    "left",
    [
        mark(40, metres=165, accuracy=15),
        mark(40, metres=20, accuracy=100),
        Mark(at(40), "door_code", 20, 15),
        Mark(at(40), "location", 20, 15, phone_at=at(50)),
        mark(240),
        mark(20),
    ],
)
def test_at_the_border_nothing_is_found(left: Mark):
    assert codes(worth(left=left)) == []


def test_the_worst_finding_decides():
    derived = worth(mark(0, "word"), mark(10, metres=5_000))
    assert codes(derived) == ["no_place", "far_away", "shorter_than_half"]
    assert derived.evidence is Evidence.DOUBTFUL


def test_leaving_before_arriving_is_an_error():
    with pytest.raises(ValueError, match="left before arriving"):
        worth(mark(10), mark(9))


class TestOtherVisits:
    @pytest.mark.parametrize(
        ("other", "found"),
        [
            (Neighbour(stay(-40, -9), 5_000), []),
            (Neighbour(stay(-40, -5), 5_000), ["too_fast"]),
            (Neighbour(stay(45, 80), 5_000), ["too_fast"]),
            (Neighbour(stay(-40, -5), None), []),
            (Neighbour(stay(-40, 0), 0), []),
            (Neighbour(stay(-40, 5), 5_000), ["two_places_at_once"]),
            (Neighbour(stay(-40, 5), None), ["two_places_at_once"]),
            (Neighbour(stay(-40, None), 5_000), ["two_places_at_once"]),
            (Neighbour(stay(5, 10), 5_000), ["two_places_at_once"]),
            (Neighbour(stay(0, 40), 0), []),
        ],
    )
    def test_travel(self, other: Neighbour, found: list[str]):
        assert codes(worth(neighbours=[other])) == found

    def test_a_minute_counts_once(self):
        """Two elders of one home, looked in on together."""
        other = Neighbour(stay(-20, 20), 0, counted=True)
        derived = worth(neighbours=[other, Neighbour(stay(-10, 10), 0, counted=True)], rules=ONE_STEP)
        assert (derived.minutes_present, derived.minutes_elsewhere, derived.minutes) == (40, 20, 20)
        assert derived.evidence is Evidence.STRONG

    def test_what_is_not_in_the_ledger_takes_nothing_off(self):
        assert worth(neighbours=[Neighbour(stay(0, 40), 0)], rules=ONE_STEP).minutes == 40


class TestMinors:
    @pytest.mark.parametrize(
        ("adults", "alone"),
        [
            ([stay(-1, 41)], None),
            ([stay(-1, None)], None),
            ([stay(-1, 20), stay(20, 41)], None),
            ([stay(0, 30)], None),
            ([stay(0, 29)], 11),
            ([stay(11, 40)], 11),
            ([stay(0, 15), stay(26, 40)], 11),
            ([], 40),
        ],
    )
    def test_an_adult_all_the_time(self, adults: list[Stay], alone: int | None):
        derived = worth(needs_companion=True, companions=adults)
        if alone is None:
            assert derived.findings == ()
        else:
            assert codes(derived) == ["adult_not_there"]
            assert derived.findings[0].detail == {"minutes": alone}
            assert derived.evidence is Evidence.DOUBTFUL

    def test_a_short_stay_without_anybody_is_found(self):
        assert "adult_not_there" in codes(worth(left=mark(8), needs_companion=True))

    def test_adults_need_nobody(self):
        assert codes(worth(companions=[])) == []


class TestCounting:
    @pytest.mark.parametrize(
        ("step", "present", "counts"), [(15, 44, 30), (15, 45, 45), (30, 59, 30), (25, 60, 50), (1, 7, 7)]
    )
    def test_whole_steps(self, step: int, present: int, counts: int):
        assert worth(left=mark(present), rules=Rules(step_minutes=step)).minutes == counts

    def test_the_days_cap(self):
        derived = worth(counted_today=470, rules=ONE_STEP)
        assert (derived.minutes, derived.minutes_over_cap) == (10, 30)
        assert worth(counted_today=600).minutes == 0

    def test_the_visits_cap(self):
        derived = worth(left=mark(300))
        assert (derived.minutes, derived.minutes_over_longest, derived.minutes_rounded_off) == (240, 60, 0)


@pytest.mark.parametrize(
    "settings",
    [
        None,
        [],
        "x",
        {"step_minutes": 0},
        {"step_minutes": "15"},
        {"step_minutes": True},
        {"day_cap_minutes": -1},
        {"old": 1},
    ],
)
def test_impossible_settings_are_ignored(settings: Any):
    assert Rules.of(settings) == Rules()


def test_settings_are_read():
    assert Rules.of({"step_minutes": 30, "day_cap_minutes": 240}) == Rules(
        step_minutes=30, day_cap_minutes=240
    )


minutes = st.integers(-600, 900)
stays = st.builds(
    lambda first, length: stay(first, None if length is None else first + length),
    minutes,
    st.none() | st.integers(0, 400),
)
neighbours = st.lists(
    st.builds(Neighbour, stays, st.none() | st.integers(0, 20_000), counted=st.booleans()), max_size=4
)
rules = st.builds(
    Rules,
    step_minutes=st.integers(1, 60),
    day_cap_minutes=st.integers(30, 1440),
    longest_minutes=st.integers(15, 1440),
)
places = st.none() | st.integers(0, 200_000)
methods = st.sampled_from(["location", "door_code", "word"])


@given(
    st.integers(0, 50_000),
    rules,
    st.integers(0, 2_000),
    neighbours,
    st.booleans(),
    st.lists(stays, max_size=3),
    methods,
    places,
    places,
)
def test_never_more_than_the_time_there(
    seconds, rules, counted, others, needs, companions, method, metres, accuracy
):
    left = Mark(START + timedelta(seconds=seconds), method, metres, accuracy)
    derived = derive(
        mark(0),
        left,
        rules=rules,
        planned_minutes=40,
        counted_today=counted,
        neighbours=others,
        needs_companion=needs,
        companions=companions,
    )
    assert 0 <= derived.minutes <= derived.minutes_present <= seconds / 60
    assert derived.minutes <= max(0, rules.day_cap_minutes - counted)
    parts = (
        derived.minutes_elsewhere,
        derived.minutes_over_longest,
        derived.minutes_rounded_off,
        derived.minutes_over_cap,
    )
    assert min(parts) >= 0
    assert sum(parts) + derived.minutes == derived.minutes_present
    assert derived.minutes_rounded_off < rules.step_minutes
    grades = [finding.grade for finding in derived.findings]
    assert derived.evidence == max(grades, key=ORDER.index, default=Evidence.STRONG)


@given(st.integers(0, 100_000), st.integers(0, 100_000), st.none() | st.integers(0, 100_000), methods)
def test_further_away_is_never_better(near, far, accuracy, method):
    near, far = sorted((near, far))
    grades = [worth(left=Mark(at(40), method, metres, accuracy)).evidence for metres in (near, far)]
    assert ORDER.index(grades[0]) <= ORDER.index(grades[1])


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 60))
def test_longer_never_counts_less(short, long, step):
    short, long = sorted((short, long))
    rules = Rules(step_minutes=step)
    assert worth(left=mark(short), rules=rules).minutes <= worth(left=mark(long), rules=rules).minutes


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)), min_size=1, max_size=5))
def test_no_minute_of_a_day_counts_twice(visits):
    """Stays entered one after another, in any order, never count more than the time they cover together."""
    counted: list[Neighbour] = []
    total = 0
    for first, length in visits:
        derived = derive(
            mark(first), mark(first + length), rules=ONE_STEP, planned_minutes=40, neighbours=counted
        )
        total += derived.minutes
        counted.append(Neighbour(stay(first, first + length), 0, counted=True))
    covered = {minute for first, length in visits for minute in range(first, first + length)}
    assert total <= len(covered)
