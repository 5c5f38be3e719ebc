"""Two spans of hours on a weekday: what the engine is told, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any

import pytest

import routing
from coordinator.extensions import db
from coordinator.planning.services.repair import propose
from coordinator.planning.steps import Change, change_of
from coordinator.planning.translate.people import Span
from coordinator.planning.translate.week import LUNCH_SECONDS, LUNCH_WINDOW, common, joined, week_of
from coordinator.workforce.models import Availability, AvailabilityException, Worker
from routing import Scenario
from tests import factories
from tests.coordinator.planning.conftest import Day, Street, team_on
from tests.coordinator.planning.test_translate import translated, worker_in

SPAN = Span(date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 30))
EARLY, LATE = (8, 11), (16, 18)
LUNCH = {"window": list(LUNCH_WINDOW), "duration": LUNCH_SECONDS}


def worker(week: dict[int, Sequence[tuple[float, float]]]) -> Worker:
    made = Worker(birth_date=date(1960, 1, 1))
    made.availability = [
        Availability(weekday=weekday, starts=clock(low), ends=clock(high))
        for weekday, spans in week.items()
        for low, high in spans
    ]
    return made


def clock(hour: float) -> time:
    return time(int(hour), round(hour % 1 * 60))


def hours(week: Any) -> dict[int, tuple[float, float]]:
    return {weekday: (low / 3600, high / 3600) for weekday, (low, high) in week.shifts.items()}


def gaps(week: Any) -> list[tuple[float, float]]:
    return [(low / 3600, high / 3600) for low, high in week.gaps]


def test_the_same_gap_every_day_is_a_break() -> None:
    found = week_of(worker(dict.fromkeys(range(5), (EARLY, LATE)) | {5: (EARLY,)}), SPAN, minor=False)
    assert hours(found) == dict.fromkeys(range(5), (8, 18)) | {5: (8, 11)}
    assert gaps(found) == [(11, 16)]
    assert found.breaks == [{"window": [11 * 3600] * 2, "duration": 5 * 3600}]


def test_one_span_has_no_gap_and_a_long_one_a_rest() -> None:
    assert week_of(worker({0: (EARLY,)}), SPAN, minor=False).breaks == []
    assert week_of(worker({0: ((8, 18),)}), SPAN, minor=False).breaks == [LUNCH]


def test_a_rest_at_noon_beside_a_gap_in_the_afternoon() -> None:
    found = week_of(worker({0: ((8, 15), (17, 19))}), SPAN, minor=False)
    assert found.breaks == [{"window": [15 * 3600] * 2, "duration": 2 * 3600}, LUNCH]


def test_a_break_that_costs_another_day_more_is_not_taken() -> None:
    """On Monday an hour in the evening; from Tuesday on the whole day."""
    found = week_of(
        worker({0: (EARLY, (17, 18))} | dict.fromkeys(range(1, 5), ((8, 18),))), SPAN, minor=False
    )
    assert hours(found) == {0: (8, 11)} | dict.fromkeys(range(1, 5), (8, 18))
    assert gaps(found) == []


def test_different_gaps_become_the_one_that_loses_least() -> None:
    found = week_of(worker({0: ((8, 11), (16, 19)), 1: ((8, 10.5), (15, 19))}), SPAN, minor=False)
    assert gaps(found) == [(10.5, 16)]
    assert hours(found) == {0: (8, 19), 1: (8, 19)}


@pytest.mark.parametrize(
    "week",
    [
        {0: ((8, 11), (16, 19)), 1: ((8, 18),), 2: ((7, 9), (12, 14)), 3: ((15, 20),)},
        {n: ((7 + n * 0.5, 9 + n * 0.5), (13 + n * 0.5, 18)) for n in range(7)},
        {0: ((8, 12), (12.5, 18)), 1: ((8, 12),), 5: ((12, 12.5),)},
    ],
)
def test_the_engine_is_never_told_more_than_the_worker_said(week: dict[int, Any]) -> None:
    found = week_of(worker(week), SPAN, minor=False)
    assert found.shifts
    for weekday, shift in found.shifts.items():
        said = joined((round(low * 3600), round(high * 3600)) for low, high in week[weekday])
        told = routing.calls.without([shift], found.gaps)
        assert common(told, said) == list(told)


def test_of_a_minor_what_lies_in_daylight() -> None:
    found = week_of(worker({5: ((7, 11), (16, 20))}), SPAN, minor=True)
    assert hours(found) == {5: (8, 18)}
    assert gaps(found) == [(11, 16)]


def test_further_hours_on_one_day_do_not_close_the_gap_of_all() -> None:
    who = worker({0: (EARLY, LATE)})
    day = date(2026, 4, 6)
    who.exceptions = [
        AvailabilityException(first_day=day, last_day=day, starts=time(11), ends=time(16)),
    ]
    assert gaps(week_of(who, SPAN, minor=False)) == [(11, 16)]


def test_no_visit_of_the_month_lies_in_the_gap(street: Street) -> None:
    people = [factories.make_worker(street.community, weekdays=range(5), shift=(time(8), time(10)))]
    for who in people:
        for weekday in range(5):
            who.availability.append(Availability(weekday=weekday, starts=time(16), ends=time(18)))
    for number in range(12):
        home = factories.make_household(street.community, latitude=28.88 + number * 0.0005)
        factories.make_elder(street.community, home, visit_from=time(8), visit_until=time(19))
    found = translated(street)
    record = worker_in(found, people[0])
    assert record is not None
    assert record["shift"] == [8 * 3600, 18 * 3600]
    scenario = Scenario.from_dict(found.scenario)
    plan = routing.solve(scenario, routing.Limits(iterations=300, processes=1))
    assert routing.check(scenario, plan).ok
    made = [stop for route in plan.routes if route.worker == record["id"] for stop in route.stops]
    assert made
    assert all(stop.end <= 10 * 3600 or stop.start >= 16 * 3600 for stop in made)


def test_a_longer_day_asks_for_the_part_that_is_new_only() -> None:
    record = {
        "id": "w1",
        "start": [28.88, 105.44],
        "end": [28.88, 105.44],
        "shift": [8 * 3600, 18 * 3600],
        "shifts": {"0": [8 * 3600, 18 * 3600]},
        "weekdays": [0],
        "breaks": [{"window": [11 * 3600] * 2, "duration": 5 * 3600}],
    }
    scenario = Scenario.from_dict(
        {
            "kind": "month",
            "name": "",
            "days": 7,
            "weekday_of_day": list(range(7)),
            "speed_kmh": {"walk": 4.5},
            "detour": 1.3,
            "elders": [],
            "workers": [record],
        }
    )

    def asked(span: tuple[int, int]) -> tuple[int | None, int | None]:
        edit = {"what": "worker", "id": "w1", "field": "shifts", "value": [[0, list(span)]]}
        day = date(2026, 3, 30)
        found = change_of("extend_shift", {"day": 0}, [edit], scenario, day, day)
        assert isinstance(found, Change)
        return found.starts, found.ends

    assert asked((8 * 3600, 19 * 3600)) == (16 * 3600, 19 * 3600)
    assert asked((7 * 3600, 18 * 3600)) == (7 * 3600, 11 * 3600)


def test_what_the_database_holds_is_read_in_order(street: Street) -> None:
    who = factories.make_worker(street.community, weekdays=())
    for low, high in (LATE, EARLY):
        db.session.add(Availability(worker_id=who.id, weekday=2, starts=clock(low), ends=clock(high)))
    db.session.flush()
    db.session.expire(who, ["availability"])
    assert [one.starts for one in who.availability] == [time(8), time(16)]


def test_a_repair_puts_nobody_into_their_gap(today: Day) -> None:
    """The others come from 8:00 to 9:20 and from 16:00 on: what the first one leaves behind waits or is alone."""
    away, two, three = today.street.workers
    for who in (two, three):
        for row in who.availability:
            row.starts, row.ends = time(8), time(9, 20) if who is three else time(10, 30)
        for weekday in range(7):
            db.session.add(Availability(worker_id=who.id, weekday=weekday, starts=time(16), ends=time(18)))
    db.session.flush()
    for who in (two, three):
        db.session.expire(who, ["availability"])
    found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    mine = [one for one in found.steps if three.id in {worker_id for worker_id, _companion in one.after}]
    assert found.steps
    for one in mine:
        end = one.start_after + one.seconds
        assert end <= 9 * 3600 + 1200 or one.start_after >= 16 * 3600


def test_what_stands_in_a_gap_stays_and_the_longest_span_takes_more(today: Day) -> None:
    away, two, _three = today.street.workers
    for row in two.availability:
        row.starts, row.ends = time(8), time(9, 10)
    for weekday in range(7):
        db.session.add(Availability(worker_id=two.id, weekday=weekday, starts=time(16), ends=time(18)))
    db.session.flush()
    db.session.expire(two, ["availability"])
    found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert today.visits[2].id not in {one.visit.id for one in found.steps if one.visit}
    assert team_on(today.visits[2]) == [two.id]
