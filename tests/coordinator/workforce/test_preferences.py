"""What workers decide for themselves: ways and places, wishes and limits, further hours, homes they refuse."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import InvalidInput, NotAllowed
from coordinator.planning.translate.people import Held, Span, worker_record
from coordinator.workforce.fitness import hours
from coordinator.workforce.models import AvailabilityException, Bar, ServiceContact, TravelMode
from coordinator.workforce.queries import worker_for_duty
from coordinator.workforce.queries.spots import dialects_around, spot_in, spots_around
from coordinator.workforce.services.preferences import Travel, refuse_home, set_travel, set_wishes
from coordinator.workforce.services.times import add_days_off, add_further_hours, set_availability
from coordinator.workforce.wishes import Facts, cleaned, meets
from tests.factories import (
    csrf_token,
    make_area_tree,
    make_elder,
    make_household,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)

TODAY = date(2026, 3, 26)
LIMITS = {"max_visits_day": 3, "max_visits_week": 6, "max_visits_month": 20, "max_hours_week": None}


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def tree(db_session):
    return make_area_tree()


@pytest.fixture
def worker(tree):
    return make_worker(tree.street, name="周敏", user_id=make_user(Role.WORKER).id)


@pytest.fixture
def myself(worker):
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


@pytest.fixture
def mine(client, worker):
    db.session.flush()
    sign_in(client, worker.user)
    return client


def travel(**over):
    return Travel(
        **({"mode": TravelMode.BIKE, "start": (28.8861, 105.4412), "end": None, "radius_metres": 2000} | over)
    )


def actions(worker):
    return db.session.scalars(
        select(AuditEntry.action).where(
            AuditEntry.object_type == "workers", AuditEntry.object_id == worker.id
        )
    ).all()


# --- ways and places --------------------------------------------------------------------------------------


def test_places_are_rounded_and_the_change_is_written_down(worker, myself):
    set_travel(myself, worker, travel(start=(28.886123, 105.441987), end=(28.88, 105.45), address="滨江路"))
    assert (worker.start_latitude, worker.start_longitude) == (28.886, 105.442)
    assert (worker.end_latitude, worker.end_longitude) == (28.88, 105.45)
    assert (worker.travel_mode, worker.service_radius_metres) == (TravelMode.BIKE, 2000)
    assert actions(worker) == ["worker.travel"]
    set_travel(myself, worker, travel(start=(28.886, 105.442), end=(28.88, 105.45), address="滨江路"))
    assert actions(worker) == ["worker.travel"], "nothing changed, nothing is written"


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"radius_metres": 0}, "radius"),
        ({"radius_metres": 10**7}, "radius"),
        ({"start": (28.2, 122.9)}, "start"),  # the sea, far from the street
        ({"start": (31.2, 104.4)}, "start"),  # another county
        ({"end": (39.9, 116.4)}, "end"),
        ({"start": (105.44, 28.88)}, "start"),
        ({"start": (float("nan"), 105.0)}, "start"),
    ],
)
def test_bad_places_and_distances_are_refused(tree, worker, myself, over, field):
    from coordinator.workforce.queries.spots import reach_of

    with pytest.raises(InvalidInput) as refusal:
        set_travel(myself, worker, travel(**over), reach_of(tree.street))
    assert refusal.value.field == field


def test_nobody_sets_it_for_another(tree, worker, myself):
    other = make_worker(tree.street)
    for act in (
        lambda: set_travel(myself, other, travel()),
        lambda: set_wishes(myself, other, wanted=[], dialects=[], limits=LIMITS),
        lambda: refuse_home(myself, other, make_elder(tree.community)),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_an_address_in_words_is_the_place_it_names(tree):
    for number in range(5):
        home = make_household(tree.community, latitude=28.8901 + number / 1e4, neighbourhood="滨江片")
        make_elder(tree.community, home)
    spots = spots_around(tree.community)
    assert {one.name for one in spots} >= {"滨河街道", "柳荫社区", "柳荫社区，滨江片", "石桥社区"}
    assert spot_in("柳荫社区滨江片 3 号", spots).name == "柳荫社区，滨江片"
    assert spot_in("石桥社区居委会", spots).name == "石桥社区"
    assert spot_in("石桥12号", spots).name == "石桥社区"
    assert spot_in("北京路 1 号", spots) is None
    assert spot_in("", spots) is None


def page_data(client, **over):
    return {
        "csrf_token": csrf_token(client),
        "travel_mode": "walk",
        "start_spot": "",
        "start_address": "",
        "start_latitude": "",
        "start_longitude": "",
        "end_way": "same",
        "end_spot": "",
        "end_address": "",
        "radius": "1000",
    } | over


def test_the_page_works_with_words_alone(mine, tree, worker):
    url = "/workforce/me/travel"
    page = mine.get(url).get_data(as_text=True)
    assert "1 公里以内，走路约 20 分钟" in page
    assert "10 公里以内，开车约 45 分钟" in page, "nobody walks that far"
    assert mine.post(url, data=page_data(mine, start_address="石桥社区 2 号")).status_code == 303
    db.session.refresh(worker)
    assert (worker.start_latitude, worker.start_longitude) == (28.885, 105.445)
    assert (worker.service_radius_metres, worker.start_address) == (1000, "石桥社区 2 号")
    chosen = page_data(mine, end_way="elsewhere", end_spot=str(tree.community.id))
    assert mine.post(url, data=chosen).status_code == 303
    db.session.refresh(worker)
    assert (worker.end_latitude, worker.end_longitude) == (28.881, 105.441)
    assert worker.start_latitude == 28.885, "what is not told stays"


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"radius": "0"}, ""),
        ({"radius": "999999999"}, ""),
        ({"travel_mode": "rocket"}, ""),
        ({"start_latitude": "28.2", "start_longitude": "122.9"}, "离您服务的街道太远"),
        ({"start_latitude": "abc", "start_longitude": "122.9"}, ""),
        ({"end_way": "elsewhere"}, "请选走完以后去哪一片"),
        ({"end_way": "elsewhere", "end_address": "月球"}, "没认出这个地址"),
        ({"start_spot": "4711"}, ""),
        ({"start_address": "石桥社区尽头以外的北京路" * 20}, ""),
    ],
)
def test_a_bad_answer_comes_back_with_everything_typed(mine, worker, over, said):
    answer = mine.post("/workforce/me/travel", data=page_data(mine, start_address="石桥社区尽头") | over)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert "石桥社区尽头" in page
    db.session.refresh(worker)
    assert worker.start_address is None


def test_an_address_nobody_knows_does_not_leave_the_old_place_beside_it(mine, worker):
    answer = mine.post("/workforce/me/travel", data=page_data(mine, start_address="北京路 1 号"))
    assert answer.status_code == 422
    assert "没认出这个地址" in answer.get_data(as_text=True)
    placed = page_data(mine, start_address="北京路 1 号", start_latitude="28.879", start_longitude="105.44")
    assert mine.post("/workforce/me/travel", data=placed).status_code == 303
    db.session.refresh(worker)
    assert (worker.start_latitude, worker.start_address) == (28.879, "北京路 1 号")


def test_a_distance_that_reaches_nothing_is_said(mine, tree, worker):
    far = page_data(mine, start_latitude="28.97", start_longitude="105.56")
    page = mine.post("/workforce/me/travel", data=far, follow_redirects=True).get_data(as_text=True)
    assert "您选的距离到不了滨河街道" in page


# --- wishes and limits ------------------------------------------------------------------------------------


def test_wishes_that_say_nothing_are_left_out():
    assert cleaned(["home", "call", "alone"]) == ["alone"]
    with pytest.raises(ValueError, match="rocket"):
        cleaned(["rocket"])
    at_home_alone = Facts(in_person=True, several=False, known=False, festival=False)
    assert meets([], at_home_alone)
    assert meets(["home", "alone"], at_home_alone)
    assert not meets(["home", "known"], at_home_alone)
    assert not meets(["festival"], at_home_alone)
    assert meets(["festival", "ordinary"], at_home_alone)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_visits_day": 0}, "max_visits_day"),
        ({"max_visits_day": 10**9}, "max_visits_day"),
        ({"max_visits_day": 7, "max_visits_week": 6}, "max_visits_week"),
        ({"max_visits_week": 30, "max_visits_month": 20}, "max_visits_month"),
        ({"max_hours_week": 0}, "max_hours_week"),
        ({"max_visits_month": None}, "max_visits_month"),
    ],
)
def test_limits_make_sense(worker, myself, limits, field):
    with pytest.raises(InvalidInput) as refusal:
        set_wishes(myself, worker, wanted=[], dialects=[], limits=LIMITS | limits)
    assert refusal.value.field == field


def test_the_wishes_page(mine, tree, worker):
    for _number in range(3):
        make_elder(tree.community, dialect="泸州话")
    make_elder(tree.community, dialect="某某话")
    db.session.flush()
    assert dialects_around(tree.street) == ["泸州话"]
    url = "/workforce/me/wishes"
    page = mine.get(url).get_data(as_text=True)
    assert "泸州话" in page
    assert "某某话" not in page, "what one elder alone speaks points at that elder"
    data = {
        "csrf_token": csrf_token(mine),
        "way": "home",
        "company": "",
        "home": "known",
        "time": "",
        "dialects": ["泸州话", "客家话"],
        "more_dialects": "土话，客家话",
        "max_visits_day": "2",
        "max_visits_week": "4",
        "max_visits_month": "9",
        "max_hours_week": "",
    }
    assert mine.post(url, data=data).status_code == 303
    db.session.refresh(worker)
    assert worker.wanted == ["home", "known"]
    assert worker.dialects == ["泸州话", "客家话", "土话"]
    assert (worker.max_visits_day, worker.max_visits_week, worker.max_visits_month) == (2, 4, 9)
    page = mine.get("/workforce/me").get_data(as_text=True)
    assert "上门、去过的人家" in page
    answer = mine.post(url, data=data | {"max_visits_day": "99999999999", "more_dialects": "鸟语"})
    assert answer.status_code == 422
    assert "鸟语" in answer.get_data(as_text=True)


# --- days that are different ------------------------------------------------------------------------------


def test_further_hours_count_and_leave_takes_them_back(worker, myself):
    sunday = date(2026, 3, 29)
    set_availability(myself, worker, {6: []})
    add_further_hours(myself, worker, date(2026, 3, 28), date(2026, 3, 30), (time(18), time(20)))
    assert hours(worker_for_duty(worker.id), *visit_times(sunday, time(18, 30))) == []
    add_days_off(myself, worker, sunday, sunday)
    kept = worker_for_duty(worker.id)
    assert [one.code for one in hours(kept, *visit_times(sunday, time(18, 30)))] == ["day_off"]
    left = [(one.first_day.day, one.last_day.day) for one in kept.exceptions if not one.is_leave]
    assert sorted(left) == [(28, 28), (30, 30)]
    assert "worker.further_hours" in actions(worker)


@pytest.mark.parametrize(
    ("first", "last", "span", "field"),
    [
        (date(2026, 3, 20), date(2026, 3, 21), (time(9), time(10)), "last_day"),
        (date(2026, 3, 29), date(2026, 3, 28), (time(9), time(10)), "last_day"),
        (date(2026, 3, 29), date(2027, 3, 28), (time(9), time(10)), "last_day"),
        (TODAY, TODAY, (time(20), time(19)), "ends"),
        (TODAY, TODAY, (time(19), time(19)), "ends"),
        (TODAY, TODAY, (time(5), time(9)), "starts"),
        (TODAY, TODAY, (time(9), time(12)), "first_day"),
    ],
)
def test_bad_further_hours(worker, myself, first, last, span, field):
    with pytest.raises(InvalidInput) as refusal:
        add_further_hours(myself, worker, first, last, span)
    assert refusal.value.field == field


def test_the_same_leave_twice_is_refused_and_an_overlapping_one_is_not(worker, myself):
    add_days_off(myself, worker, TODAY, date(2026, 3, 28))
    with pytest.raises(InvalidInput):
        add_days_off(myself, worker, date(2026, 3, 27), date(2026, 3, 28))
    add_days_off(myself, worker, date(2026, 3, 28), date(2026, 4, 2))
    assert len(worker.exceptions) == 2


def test_both_forms_of_the_page(mine, worker):
    url = "/workforce/me/days-off"
    data = {
        "csrf_token": csrf_token(mine),
        "more": "1",
        "more-first_day": "2026-03-28",
        "more-last_day": "2026-03-28",
        "more-starts": "20:00",
        "more-ends": "19:00",
    }
    answer = mine.post(url, data=data)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "结束要晚于开始" in page
    assert 'value="20:00"' in page
    assert mine.post(url, data=data | {"more-starts": "18:30"}).status_code == 303
    assert db.session.scalars(select(AvailabilityException)).one().ends == time(19)
    assert "多来 18:30–19:00" in mine.get(url).get_data(as_text=True)


@pytest.mark.parametrize(("fill", "said"), [("workday_mornings", 5), ("weekend", 2), ("always", 7)])
def test_a_week_in_one_tap_is_only_saved_with_the_button(mine, worker, fill, said):
    url = "/workforce/me/times"
    days = {f"day_{n}-span": "off" for n in range(7)}
    data = {"csrf_token": csrf_token(mine)} | days
    answer = mine.post(url, data=data | {"fill": fill})
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert (
        sum(page.count(f'<input checked id="day_{n}-span-{k}"') for n in range(7) for k in (1, 2, 3)) == said
    )
    db.session.refresh(worker)
    assert len(worker.availability) == 7, "not saved yet"
    assert mine.post(url, data=data | {"fill": "nonsense"}).status_code == 303, (
        "no such tap: the form as it is"
    )


def test_no_day_at_all_is_kept_and_said(mine, worker):
    data = {"csrf_token": csrf_token(mine)} | {f"day_{n}-span": "off" for n in range(7)}
    page = mine.post("/workforce/me/times", data=data, follow_redirects=True).get_data(as_text=True)
    assert "您一天也没有选" in page
    db.session.expire_all()
    assert worker.availability == []


# --- homes one does not go to -----------------------------------------------------------------------------


def test_a_home_refused_without_a_reason(tree, worker, myself):
    elder: Elder = make_elder(tree.community)
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 1)))
    db.session.flush()
    assert refuse_home(myself, worker, elder) is True
    assert refuse_home(myself, worker, elder) is False
    assert db.session.scalars(select(Bar)).one().elder_id == elder.id
    assert db.session.scalars(select(ServiceContact)).one().until == TODAY
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "worker.refuse_home")).all()
    assert [(one.object_type, one.object_id) for one in lines] == [("workers", worker.id)]
    assert elder.name not in lines[0].summary
    assert not db.session.scalars(select(AuditEntry).where(AuditEntry.object_type == "elders")).all()


def test_the_planner_reads_what_was_set(worker, myself):
    """Ways, places, limits and further hours reach the scenario; a wish does not."""
    span = Span(date(2026, 3, 30), date(2026, 4, 1), date(2026, 4, 5))
    set_travel(myself, worker, travel(end=(28.88, 105.45), radius_metres=3000))
    set_wishes(myself, worker, wanted=["call"], dialects=[], limits=LIMITS)
    set_availability(myself, worker, {n: [] for n in range(7)} | {2: [(time(8), time(12))]})
    add_further_hours(myself, worker, date(2026, 4, 4), date(2026, 4, 4), (time(9), time(11)))
    add_days_off(myself, worker, date(2026, 4, 3), date(2026, 4, 3))
    record = worker_record(worker_for_duty(worker.id), span, Held(), (), Counter())
    assert (record["mode"], record["radius_m"]) == ("bike", 3000)
    assert (record["start"], record["end"]) == ([28.886, 105.441], [28.88, 105.45])
    assert (record["max_visits"], record["max_visits_week"]) == (3, 6)
    assert record["weekdays"] == [2, 5]
    assert span.index(date(2026, 4, 3)) in record["not_days"]
