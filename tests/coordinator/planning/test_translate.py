"""Rows to a scenario: each rule of the translation."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

import routing
from coordinator.elders.models import Consent, ConsentGiver, ConsentKind, ConsentState, Elder, Sex, Skill
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.planning.translate import Options, PinnedStop, Translation, Wish, horizon, translate
from coordinator.visits.lifecycle import AssignmentState, ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import SurgeEvent, SurgeKind, Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import (
    AvailabilityException,
    Bar,
    CredentialKind,
    Guardian,
    ServiceContact,
    TravelMode,
    Worker,
    WorkerSkill,
)
from coordinator.workforce.queries import workers_for_duty
from routing import Scenario
from tests import factories
from tests.coordinator.planning.conftest import MONTH, TODAY, Street
from tests.statements import statements


def translated(street: Street, today: date = TODAY, **over: Any) -> Translation:
    db.session.flush()
    return translate(street.area, MONTH, today=today, **over)


def elder_in(found: Translation, elder: Elder) -> dict[str, Any]:
    return next(one for one in found.scenario["elders"] if one["id"] == f"e{elder.id}")


def worker_in(found: Translation, worker: Worker) -> dict[str, Any] | None:
    return next((one for one in found.scenario["workers"] if one["id"] == f"w{worker.id}"), None)


def given_visit(street: Street, elder: Elder, worker: Worker, day: date, at: time = time(9)) -> Visit:
    """A visit that stands, given to one worker."""
    starts, ends = factories.visit_times(day, at)
    visit = open_visit(SYSTEM, elder, starts, ends)
    assign(SYSTEM, visit, [(workers_for_duty([worker.id])[worker.id], False)])
    return visit


def consent(elder: Elder, state: ConsentState) -> None:
    db.session.add(
        Consent(
            elder_id=elder.id,
            kind=ConsentKind.SERVICE,
            state=state,
            given_by=ConsentGiver.SELF,
            given_on=date(2026, 1, 1),
            channel="上门",
        )
    )


# --- the horizon -----------------------------------------------------------------------------------------


def test_a_month_is_planned_from_tomorrow_and_from_its_monday_on() -> None:
    whole = horizon(MONTH, TODAY)
    assert whole is not None
    assert (whole.origin, whole.first, whole.last) == (date(2026, 3, 30), MONTH, date(2026, 4, 30))
    part = horizon(MONTH, date(2026, 4, 15))
    assert part is not None
    assert (part.origin, part.first) == (date(2026, 4, 13), date(2026, 4, 16))
    assert horizon(MONTH, date(2026, 4, 30)) is None


def test_the_scenario_is_valid_and_counts_its_days_from_monday(street: Street) -> None:
    found = translated(street)
    scenario = routing.Scenario.from_dict(found.scenario)
    assert scenario.days == 32
    assert scenario.weekday_of_day[:3] == (0, 1, 2)
    days = {day for elder in scenario.visits for pattern in elder.patterns for day in pattern}
    assert min(days) >= 2


# --- what is owed ----------------------------------------------------------------------------------------


def test_key_elders_get_one_visit_a_half_month_general_ones_one_a_month(street: Street) -> None:
    found = translated(street)
    assert found.visits == 2 * 2 + 4
    key = elder_in(found, street.key[0])
    assert all(first <= 16 < second for first, second in key["patterns"])
    assert all(second - first >= 7 for first, second in key["patterns"])
    assert all(len(pattern) == 1 for pattern in elder_in(found, street.general[0])["patterns"])


def test_a_visit_made_this_month_is_not_planned_again(street: Street) -> None:
    elder = street.general[0]
    starts, ends = factories.visit_times(date(2026, 4, 2))
    db.session.add(
        Visit(
            elder_id=elder.id,
            area_id=elder.area_id,
            state=VisitState.COMPLETED,
            starts_at=starts,
            ends_at=ends,
            contact_on=date(2026, 4, 2),
            contact_mode=ContactMode.HOME,
            contact_outcome=ContactOutcome.COMPLETED,
            sequence=1,
            closed_at=ends,
        )
    )
    assert elder.id not in translated(street, date(2026, 4, 10)).needs


def test_a_visit_that_is_given_counts_and_is_a_fixed_point(street: Street) -> None:
    elder, worker = street.general[0], street.workers[0]
    visit = given_visit(street, elder, worker, date(2026, 4, 9), time(10))
    found = translated(street)
    assert elder.id not in found.needs
    fixed = next(one for one in found.scenario["elders"] if one["id"] == f"v{visit.id}")
    assert (fixed["patterns"], fixed["window"]) == ([[10]], [36000, 36000])
    assert {"visit": f"v{visit.id}#1", "worker": f"w{worker.id}", "day": 10} in found.scenario["pinned"]


def test_an_open_visit_counts_although_nobody_has_claimed_it(street: Street) -> None:
    open_visit(SYSTEM, street.general[0], *factories.visit_times(date(2026, 4, 9)))
    found = translated(street)
    assert street.general[0].id not in found.needs
    assert found.offered == 1


def test_other_visits_keep_their_distance_from_one_that_stands(street: Street) -> None:
    elder = street.key[0]
    given_visit(street, elder, street.workers[0], date(2026, 4, 13))
    patterns = elder_in(translated(street), elder)["patterns"]
    assert min(day for (day,) in patterns) >= 14 + 7


def test_a_day_arranged_against_the_limits_is_left_to_whoever_did_it(street: Street) -> None:
    """Two visits by hand at nearly the same time, far apart: no plan could hold them."""
    worker = street.workers[0]
    given_visit(street, street.general[0], worker, date(2026, 4, 9), time(10))
    given_visit(street, street.general[1], worker, date(2026, 4, 9), time(10, 30))
    found = translated(street)
    assert found.apart == 2
    assert not found.given
    record = worker_in(found, worker)
    assert record is not None
    assert 10 in record["not_days"]
    routing.Scenario.from_dict(found.scenario)


def test_blocked_is_listed_with_its_reason_and_not_planned(street: Street) -> None:
    consent(street.key[0], ConsentState.REMOTE_ONLY)
    found = translated(street)
    assert street.key[0].id not in found.needs
    assert {(left.elder_id, left.reason) for left in found.left} == {
        (street.key[0].id, "blocked_remote_only")
    }
    assert len(found.left) == 2


def test_what_a_call_can_meet_goes_on_the_call_list(street: Street) -> None:
    db.session.add(
        SurgeEvent(
            area_id=street.area.id,
            kind=SurgeKind.FESTIVAL,
            name="清明节",
            first_day=date(2026, 4, 4),
            last_day=date(2026, 4, 6),
        )
    )
    found = translated(street)
    assert len(found.calls) == 6
    assert found.visits == 8, "a call suffices, so no visit is added"
    assert elder_in(found, street.key[0])["priority"] == 5


def test_an_epidemic_closes_its_days(street: Street) -> None:
    db.session.add(
        SurgeEvent(
            area_id=street.community.id,
            kind=SurgeKind.EPIDEMIC,
            name="疫情",
            first_day=date(2026, 4, 1),
            last_day=date(2026, 4, 14),
        )
    )
    patterns = elder_in(translated(street), street.key[0])["patterns"]
    assert {first for first, _ in patterns} == {16}, "only the fifteenth is left of the first half"


def test_no_day_left_and_no_place_are_said(street: Street) -> None:
    street.general[0].household.latitude = street.general[0].household.longitude = None
    found = translated(street, date(2026, 4, 15))
    reasons = {(left.elder_id, left.reason) for left in found.left}
    assert (street.general[0].id, "no_place") in reasons
    assert (street.key[0].id, "no_day_left") in reasons
    assert street.general[0].id not in found.needs


def test_duty_and_priority(street: Street) -> None:
    found = translated(street)
    key, general = elder_in(found, street.key[0]), elder_in(found, street.general[0])
    assert key["statutory"]
    assert general["statutory"]
    assert key["priority"] > general["priority"]


def test_spacing_gives_way_for_those_left_out(street: Street) -> None:
    found = translated(street)
    relaxed = found.relaxed({street.key[0].id})
    before = elder_in(found, street.key[0])["patterns"]
    after = next(one for one in relaxed["elders"] if one["id"] == f"e{street.key[0].id}")["patterns"]
    assert len(after) > len(before)
    assert [16, 17] in after
    assert next(one for one in relaxed["elders"] if one["id"] == f"e{street.key[1].id}") == elder_in(
        found, street.key[1]
    )


def test_neighbours_share_a_week_and_the_weeks_differ(street: Street) -> None:
    found = translated(street)
    weeks = {
        elder.id: {day for pattern in elder_in(found, elder)["patterns"] for day in pattern}
        for elder in street.general
    }
    assert len({frozenset(days) for days in weeks.values()}) > 1
    assert all(len(days) <= 7 for days in weeks.values())
    free = translated(street, free_days=True)
    assert len(elder_in(free, street.general[0])["patterns"]) > 15


# --- the visit -------------------------------------------------------------------------------------------


def test_window_duration_skills_and_people(street: Street) -> None:
    elder = street.general[0]
    elder.visit_minutes, elder.visit_from, elder.visit_until = 40, time(9), time(11)
    elder.needs_skills = [Skill.NURSING.value, Skill.DIALECT.value]
    elder.needs_two_visitors = True
    record = elder_in(translated(street), elder)
    assert record["duration"] == 2400
    assert record["window"] == [9 * 3600, 11 * 3600 - 2400]
    assert record["skills"] == ["nursing"], "a dialect is a matter of degree and only remarked on"
    assert record["people"] == 2


def test_people_who_may_not_be_put_together(street: Street) -> None:
    barred, man, _ = street.workers
    db.session.add(Bar(worker_id=barred.id, elder_id=street.general[0].id))
    man.sex = Sex.MALE
    street.general[1].prefers_sex = Sex.FEMALE
    found = translated(street)
    assert elder_in(found, street.general[0])["excluded"] == [f"w{barred.id}"]
    assert elder_in(found, street.general[1])["excluded"] == [f"w{man.id}"]


def test_the_contact_person_and_the_last_visitor_are_known(street: Street) -> None:
    elder, contact, visitor = street.general[0], street.workers[0], street.workers[1]
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=contact.id, since=date(2026, 1, 1)))
    visit = given_visit(street, elder, visitor, date(2026, 4, 10))
    visit.starts_at, visit.ends_at = factories.visit_times(date(2026, 3, 12))
    visit.state = VisitState.COMPLETED
    visit.contact_on, visit.contact_mode = date(2026, 3, 12), ContactMode.HOME
    visit.contact_outcome, visit.sequence, visit.closed_at = ContactOutcome.COMPLETED, 1, visit.ends_at
    visit.assignments[0].state = AssignmentState.DONE
    record = elder_in(translated(street), elder)
    assert record["preferred"] == [f"w{contact.id}"]
    assert (record["last_visitor"], record["last_day"]) == (f"w{visitor.id}", -18)


# --- the workers -----------------------------------------------------------------------------------------


def test_shifts_limits_and_places(street: Street) -> None:
    worker = street.workers[0]
    worker.travel_mode, worker.service_radius_metres = TravelMode.BIKE, 1800
    worker.max_visits_day, worker.max_visits_week, worker.max_visits_month = 4, 9, 20
    worker.max_hours_week = 12
    worker.end_latitude, worker.end_longitude = 28.9, 105.5
    db.session.add(WorkerSkill(worker_id=worker.id, skill=Skill.NURSING, verified_on=date(2026, 1, 1)))
    db.session.add(WorkerSkill(worker_id=worker.id, skill=Skill.FIRST_AID, verified_on=None))
    record = worker_in(translated(street), worker)
    assert record is not None
    assert record["mode"] == "bike"
    assert record["shifts"]["0"] == [8 * 3600, 18 * 3600]
    assert record["weekdays"] == [0, 1, 2, 3, 4]
    assert (record["radius_m"], record["end"]) == (1800, [28.9, 105.5])
    limits = (record["max_visits"], record["max_visits_week"], record["max_visits_month"])
    assert (*limits, record["max_hours_week"]) == (4, 9, 20, 12)
    assert record["skills"] == ["nursing"], "only a verified skill counts"
    assert record["breaks"], "an hour at noon for a long day"


def test_days_off_and_expired_credentials_are_no_days(street: Street) -> None:
    away, lapsed, _ = street.workers
    db.session.add(
        AvailabilityException(worker_id=away.id, first_day=date(2026, 4, 7), last_day=date(2026, 4, 8))
    )
    insurance = next(one for one in lapsed.credentials if one.kind is CredentialKind.INSURANCE)
    insurance.valid_to = date(2026, 4, 20)
    found = translated(street)
    first, second = worker_in(found, away), worker_in(found, lapsed)
    assert first is not None
    assert second is not None
    assert first["not_days"] == [8, 9]
    assert second["not_days"] == list(range(22, 32))


def test_whoever_is_out_of_duty_all_month_is_named_and_left_out(street: Street) -> None:
    worker = street.workers[0]
    for one in worker.credentials:
        one.valid_to = date(2026, 3, 1)
    found = translated(street)
    assert worker_in(found, worker) is None
    assert list(found.unfit_workers) == [worker.id]


def test_minors_keep_daylight_and_are_never_one_of_two(street: Street) -> None:
    minor = factories.make_worker(
        street.community, birth_date=date(2010, 5, 1), shift=(time(7), time(20)), weekdays=[5, 6]
    )
    db.session.add(
        Guardian(
            worker_id=minor.id,
            name="张父",
            relation="父亲",
            phone="13800000002",
            scope="探访",
            given_on=date(2026, 1, 1),
        )
    )
    street.general[0].needs_two_visitors = True
    street.general[1].minors_welcome = False
    found = translated(street)
    record = worker_in(found, minor)
    assert record is not None
    assert record["companion_of_adult"]
    assert record["shifts"]["5"] == [8 * 3600, 18 * 3600]
    for elder in street.general[:2]:
        assert f"w{minor.id}" in elder_in(found, elder)["excluded"]
    assert f"w{minor.id}" not in elder_in(found, street.general[2])["excluded"]


def test_what_was_done_this_week_counts_towards_its_limits(street: Street) -> None:
    worker = street.workers[0]
    worker.max_visits_week, worker.max_visits_month = 3, 10
    for number in range(2):
        given_visit(street, street.general[number], worker, date(2026, 4, 13 + number))
    found = translated(street, date(2026, 4, 15))
    history = [pin for pin in found.scenario["pinned"] if pin["visit"].startswith("h")]
    assert [pin["worker"] for pin in history] == [f"w{worker.id}"] * 2
    assert all(pin["day"] < 3 for pin in history)
    record = worker_in(found, worker)
    assert record is not None
    assert (record["max_visits_week"], record["max_visits_month"]) == (3, 8 + 2)
    worker.max_visits_week = 2
    full = worker_in(translated(street, date(2026, 4, 15)), worker)
    assert full is not None
    assert set(range(3, 7)) <= set(full["not_days"]), "the week is full"


# --- pins and wishes -------------------------------------------------------------------------------------


def test_pins_of_an_earlier_plan_stay_with_limits_raised_to_them(street: Street) -> None:
    worker = street.workers[0]
    worker.max_visits_day = 1
    pins = [PinnedStop(elder.id, worker.id, date(2026, 4, 9)) for elder in street.general[:2]]
    gone = PinnedStop(street.general[2].id, worker.id, date(2026, 5, 9))
    found = translated(street, pinned=[*pins, gone])
    assert {(pin["visit"], pin["day"]) for pin in found.scenario["pinned"]} == {
        (f"e{elder.id}#1", 10) for elder in street.general[:2]
    }
    record = worker_in(found, worker)
    assert record is not None
    assert record["max_visits"] == 2
    assert [10] in elder_in(found, street.general[0])["patterns"], "a pinned visit is not held to its week"


def test_wishes_become_weights() -> None:
    assert Options(Wish.NONE, Wish.NONE).weights == {"continuity": 0.0, "balance": 0.0}
    much = Options(Wish.MUCH, Wish.MUCH)
    assert all(much.weights[key] > Options(Wish.SOME, Wish.SOME).weights[key] for key in much.weights)
    assert Options.from_dict(much.as_dict()) == much


@pytest.mark.parametrize("more", [0, 12])
def test_the_number_of_queries_does_not_grow(street: Street, more: int) -> None:
    for number in range(more):
        home = factories.make_household(street.community)
        factories.make_elder(street.community, home)
        if number % 4 == 0:
            factories.make_worker(street.community)
    db.session.flush()
    db.session.expire_all()
    with statements() as sent:
        translated(street)
    assert len(sent) <= 26


def test_a_day_too_short_for_the_way_to_its_end_is_left_out(street: Street) -> None:
    """The engine would refuse the whole month for it."""
    worker = factories.make_worker(street.community, travel_mode=TravelMode.WALK)
    worker.end_latitude, worker.end_longitude = worker.start_latitude + 0.09, worker.start_longitude  # 10 km
    for hours in worker.availability:
        hours.starts, hours.ends = (time(9), time(10)) if hours.weekday < 6 else (time(9), time(17))
    found = worker_in(translated(street), worker)
    assert found is not None
    assert set(found["shifts"]) == {"6"}
    Scenario.from_dict(translated(street).scenario)


def test_frozen_today_is_not_needed(street: Street, freeze: Callable[[datetime], None]) -> None:
    """`today` is an argument: the same rows on another day give another horizon."""
    freeze(datetime(2026, 4, 20, 1, 0, tzinfo=UTC))
    assert translated(street, date(2026, 4, 9)).span.first == date(2026, 4, 9) + timedelta(days=1)
