"""The open list of one worker: judged as fitness judges, the figures the engine's, the reasons worked out."""

from __future__ import annotations

import random
import re
from datetime import date, time, timedelta

import pytest
from sqlalchemy import event, select

import routing
from coordinator.accounts.models import User
from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.bundles import Round, bundles
from coordinator.marketplace.queries.claims import companions_for
from coordinator.marketplace.queries.hints import hints
from coordinator.marketplace.queries.judging import Judge, findings
from coordinator.marketplace.queries.market import market_for
from coordinator.marketplace.queries.openings import held_by, open_visits
from coordinator.marketplace.queries.own_day import placed, way_now
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import claim_visit, own_duty
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.translate.people import DETOUR, never_together, speeds
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.models import SurgeKind
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.services import add_event, open_visit
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Bar, ServiceContact, TravelMode, WorkerKind
from coordinator.workforce.queries import worker_for_duty
from coordinator.workforce.services.preferences import Travel, set_travel, set_wishes
from coordinator.workforce.services.times import add_days_off, set_availability
from routing.scenario import Scenario
from routing.scenario import Visit as Item
from routing.scenario import Worker as Person
from tests.factories import (
    csrf_token,
    make_actor,
    make_elder,
    make_household,
    make_worker,
    sign_in,
    visit_times,
)

TOMORROW = date(2026, 3, 27)
SATURDAY = date(2026, 3, 28)
RULES = Rules()


def market(actor, rules=RULES):
    return market_for(own_duty(actor), rules)


def ids(offers):
    return [one.opening.visit_id for one in offers]


def at(field, latitude=28.881, longitude=105.441, **over):
    """An elder's home somewhere."""
    return field.elder(
        household=make_household(field.tree.community, latitude=latitude, longitude=longitude, **over)
    )


def abroad(field):
    """An open visit in the next street."""
    there = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    return open_visit(there, make_elder(field.tree.outside), *visit_times(TOMORROW), mode=ContactMode.HOME)


def hint(actor, why, rules=RULES):
    worker = own_duty(actor)
    return next(one for one in hints(worker, market_for(worker, rules), rules) if one.why == why)


def limits_of(worker, **over):
    names = ("max_visits_day", "max_visits_week", "max_visits_month", "max_hours_week")
    return {name: getattr(worker, name) for name in names} | over


# --- the rules -------------------------------------------------------------------------------------------


def test_many_are_judged_as_one_is(field):
    """The list asks what depends on the day only once; the answers are those of fitness all the same."""
    chance = random.Random(7)
    worker, actor = field.worker(
        max_visits_day=2,
        max_hours_week=2,
        weekdays=(0, 2, 4, 5),
        dialects=["四川话"],
        service_radius_metres=900,
    )
    _minor, pupil = field.minor(weekdays=(4, 5))
    add_days_off(actor, worker, SATURDAY, SATURDAY)
    for day in (TOMORROW, date(2026, 3, 30)):
        for hour in (9, 13):
            field.visit((worker, False), day=day, start=time(hour), minutes=50)
    for _number in range(40):
        home = make_household(field.tree.community, latitude=28.881 + chance.uniform(-0.015, 0.015))
        elder = field.elder(
            household=home,
            prefers_sex=chance.choice((None, None, Sex.MALE)),
            dialect=chance.choice((None, "四川话", "客家话")),
            minors_welcome=chance.random() < 0.7,
        )
        if chance.random() < 0.15:
            db.session.add(Bar(worker_id=worker.id, elder_id=elder.id))
        field.visit(
            elder=elder,
            day=TOMORROW + timedelta(days=chance.randrange(8)),
            start=time(chance.randrange(7, 19), chance.choice((0, 30))),
            minutes=chance.choice((30, 60)),
            needs_skills=chance.choice(([], [], ["nursing"])),
        )
    db.session.flush()
    seen = set()
    for somebody in (actor, pupil):
        duty = own_duty(somebody)
        held = held_by([duty.id], TOMORROW, TOMORROW + timedelta(days=21))[duty.id]
        judge = Judge(duty, held, RULES, clock.now())
        for opening in open_visits(duty, RULES, clock.now()).openings:
            expected = findings(duty, opening, held)
            assert judge.findings(opening) == expected
            seen |= {one.code for one in expected}
    assert {"barred", "sex_preference", "outside_radius", "limit_day", "limit_hours", "day_off"} <= seen


@pytest.mark.parametrize("mode", [ContactMode.HOME, ContactMode.PHONE])
def test_who_the_elder_wishes_to_come_is_respected_everywhere(field, mode):
    man, actor = field.worker(sex=Sex.MALE)
    woman, _other = field.worker(sex=Sex.FEMALE)
    elder = field.elder(prefers_sex=Sex.FEMALE)
    visit = field.visit(elder=elder, day=TOMORROW)
    visit.mode = mode
    db.session.flush()
    at_home = mode is ContactMode.HOME
    assert (ids(market(actor).offers) == []) is at_home, "a voice on the telephone is another matter"
    fit = {one.worker.id: one.possible for one in candidates_for(visit)}
    assert fit == {man.id: not at_home, woman.id: True}
    if at_home:
        assert never_together(worker_for_duty(man.id), elder, TOMORROW)
        assert not never_together(worker_for_duty(woman.id), elder, TOMORROW)


def test_who_goes_along_is_of_the_sex_wished_for(field):
    _minor, pupil = field.minor(sex=Sex.FEMALE)
    field.worker(sex=Sex.MALE)
    woman, _other = field.worker(sex=Sex.FEMALE)
    field.visit(elder=field.elder(prefers_sex=Sex.FEMALE), day=TOMORROW)
    duty = own_duty(pupil)
    (offer,) = market_for(duty, RULES).offers
    assert [one.id for one in companions_for(duty, offer.opening)] == [woman.id]


# --- the figure ------------------------------------------------------------------------------------------


def checked(worker, stops):
    """Seconds on the way of a day in time order, by the engine's checker; None when it cannot be walked."""
    day = Scenario(
        kind="day",
        visits=tuple(Item(name, place, end - start, (start, start)) for name, start, end, place in stops),
        workers=(
            Person("w", worker.start, worker.end, mode=worker.travel_mode.value, shift=(-86400, 172800)),
        ),
        speed_kmh=tuple(speeds().items()),
        detour=DETOUR,
    )
    order = [name for name, *_rest in sorted(stops, key=lambda one: one[1])]
    report = routing.check(day, routing.schedule(day, {("w", 0): order}))
    return report.score.travel_seconds if report.ok else None


@pytest.mark.parametrize("seed", range(12))
def test_the_minutes_agree_with_the_engines_checker(field, seed):
    """Days made at random: what the list says a visit adds is what the independent checker says."""
    chance = random.Random(seed)

    def somewhere():
        return 28.881 + chance.uniform(-0.012, 0.012), 105.441 + chance.uniform(-0.012, 0.012)

    end = somewhere() if seed % 3 else (None, None)
    worker, actor = field.worker(
        travel_mode=list(TravelMode)[seed % 3],
        end_latitude=end[0],
        end_longitude=end[1],
        service_radius_metres=9000,
    )
    hours = chance.sample(range(8, 18), chance.randrange(5))
    for hour in hours:
        field.visit(
            (worker, False), elder=at(field, *somewhere()), day=TOMORROW, start=time(hour), minutes=30
        )
    for _number in range(6):
        begins = time(chance.randrange(8, 17), chance.choice((15, 35, 45)))
        field.visit(elder=at(field, *somewhere()), day=TOMORROW, start=begins, minutes=20)
    duty = own_duty(actor)
    seen = market_for(duty, RULES)
    booked = [
        (f"h{one.visit_id}", second_of(one.stop.starts_at), second_of(one.stop.ends_at), one.stop.place)
        for one in seen.held
    ]
    before = checked(duty, booked) if booked else 0
    offers = placed(duty, seen.held, [*seen.offers, *seen.tight]).offers
    assert offers or hours
    if before is not None:
        late = {one.opening.visit_id for one in offers if not one.placing.reachable}
        assert late == set(ids(seen.tight)), "the list and the engine agree on what cannot be reached in time"
    if before is None:  # what is held already cannot be walked in time: no figure is made up
        assert [one.placing for one in offers] == [None] * len(offers)
        return
    for offer in offers:
        opening = offer.opening
        start = second_of(opening.starts_at)
        with_it = checked(duty, [*booked, ("new", start, start + opening.minutes * 60, opening.place)])
        assert offer.placing.reachable == (with_it is not None)
        if with_it is None:
            continue
        assert offer.placing.added_seconds == max(0, with_it - before)
        assert offer.added_minutes == max(1, round(max(0, with_it - before) / 60))
        # What a claim keeps is reckoned leg by leg and differs by rounding alone.
        assert abs(way_now(duty, seen.held, opening).added_seconds - offer.placing.added_seconds) <= 3
    assert [one.placing.reachable for one in offers] == sorted(
        (one.placing.reachable for one in offers), reverse=True
    )


def test_the_end_of_the_day_counts(field):
    worker, actor = field.worker(end_latitude=28.891, end_longitude=105.441)
    field.visit(elder=at(field, 28.886), day=TOMORROW)
    (offer,) = placed(own_duty(actor), [], market(actor).offers).offers
    there_and_on = checked(own_duty(actor), [("v", 3600 * 9, 3600 * 9 + 2400, (28.886, 105.441))])
    assert offer.placing.added_seconds == there_and_on
    worker.end_latitude = worker.end_longitude = None
    db.session.flush()
    (offer,) = placed(own_duty(actor), [], market(actor).offers).offers
    assert offer.placing.added_seconds == pytest.approx(there_and_on, abs=2), "there and back is as far here"


# --- what is wished for, and the order -------------------------------------------------------------------


def test_a_wish_hides_nothing_for_good(field, signed_in):
    worker, actor = field.worker()
    call = field.visit(day=TOMORROW)
    call.mode = ContactMode.PHONE
    home = field.visit(day=TOMORROW, start=time(14))
    set_wishes(actor, worker, wanted=["call"], dialects=[], limits=limits_of(worker))
    seen = market(actor)
    assert (ids(seen.offers), ids(seen.not_wished)) == ([call.id], [home.id])
    assert hint(actor, Hidden.NOT_WISHED).gain == 1
    phone = signed_in(actor)
    page = phone.get("/open-visits").text
    assert f"offer-{home.id}" not in page
    assert "别的也看" in page
    assert f"offer-{home.id}" in phone.get("/open-visits?all=1").text
    assert claim_visit(actor, home.id).state is ClaimState.PENDING, "a wish forbids nothing"


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (["known"], {"known"}),
        (["new"], {"new", "feast"}),
        (["festival"], {"feast"}),
        (["ordinary"], {"known", "new"}),
    ],
)
def test_homes_known_and_festivals(field, wanted, shown):
    worker, actor = field.worker()
    old_friend = field.elder()
    done = field.visit((worker, False), elder=old_friend, day=TOMORROW, start=time(17))
    db.session.execute(db.text("UPDATE assignments SET state = 'done' WHERE visit_id = :id"), {"id": done.id})
    db.session.execute(
        db.text(
            "UPDATE visits SET state = 'completed', contact_on = '2026-03-20', contact_mode = 'home',"
            " contact_outcome = 'completed', closed_at = now() WHERE id = :id"
        ),
        {"id": done.id},
    )
    feast_day = date(2026, 4, 4)
    add_event(field.coordinator, field.tree.street, SurgeKind.FESTIVAL, "清明节", feast_day, feast_day)
    visits = {
        "known": field.visit(elder=old_friend, day=TOMORROW),
        "new": field.visit(day=TOMORROW, start=time(11)),
        "feast": field.visit(day=feast_day),
    }
    worker.wanted = wanted
    db.session.flush()
    db.session.expire_all()
    seen = ids(market(actor).offers)
    assert {name for name, visit in visits.items() if visit.id in seen} == shown


def test_the_best_fitting_comes_first(field):
    _worker, actor = field.worker(dialects=["四川话"])
    stranger = field.visit(elder=field.elder(dialect="客家话"), day=TOMORROW)
    plain = field.visit(day=TOMORROW, start=time(11))
    same = field.visit(elder=field.elder(dialect="四川话"), day=TOMORROW, start=time(15))
    near = market(actor)
    assert ids(near.offers) == [same.id, plain.id, stranger.id]
    assert ids(placed(own_duty(actor), near.held, near.offers).offers) == [same.id, plain.id, stranger.id]


def test_only_the_nearest_are_read_and_the_others_are_counted(field):
    _worker, actor = field.worker(service_radius_metres=1200)
    for number in range(6):
        field.visit(elder=at(field, 28.8815 + number * 0.002), day=TOMORROW, start=time(9 + number))
    seen = market_for(own_duty(actor), RULES, 3)
    assert (len(seen.offers), seen.unread, dict(seen.hidden)) == (3, 3, {Hidden.FURTHER: 3})
    far = market_for(own_duty(actor), RULES, 6)
    assert far.unread == 0
    assert len(far.offers) + far.hidden[UnfitCode.OUTSIDE_RADIUS] == 6


# --- why others are not shown ----------------------------------------------------------------------------


def test_a_wider_radius_brings_what_is_promised(field):
    worker, actor = field.worker(service_radius_metres=1000)
    for number in range(12):
        field.visit(
            elder=at(field, 28.881 + 0.0095 + number * 0.001), day=TOMORROW + timedelta(days=number % 5)
        )
    barred = field.visit(elder=at(field, 28.881 + 0.011), day=TOMORROW, start=time(15))
    db.session.add(Bar(worker_id=worker.id, elder_id=barred.elder_id))
    db.session.flush()
    said = hint(actor, UnfitCode.OUTSIDE_RADIUS)
    assert said.number == 12
    assert said.endpoint == "workforce.my_travel"
    metres = re.search(r"调到([\d.]+) ?(公里|米)，就能看到其中 (\d+) 次", said.advice)
    assert metres, said.advice
    radius = round(float(metres[1]) * (1000 if metres[2] == "公里" else 1))
    before = len(market(actor).offers)
    set_travel(
        actor,
        worker,
        Travel(worker.travel_mode, (worker.start_latitude, worker.start_longitude), None, radius),
    )
    assert len(market(actor).offers) - before == said.gain == int(metres[3]) > 0


def test_one_visit_more_a_day_brings_what_is_promised(field):
    worker, actor = field.worker(max_visits_day=1)
    field.visit((worker, False), day=TOMORROW, start=time(9))
    for hour in (11, 14, 16):
        field.visit(day=TOMORROW, start=time(hour))
    said = hint(actor, UnfitCode.LIMIT_DAY)
    assert (said.number, said.gain, said.anchor) == (3, 3, "max_visits_day")
    set_wishes(actor, worker, wanted=[], dialects=[], limits=limits_of(worker, max_visits_day=2))
    assert len(market(actor).offers) == 3
    set_wishes(
        actor, worker, wanted=[], dialects=[], limits=limits_of(worker, max_visits_day=1, max_visits_week=1)
    )
    assert hint(actor, UnfitCode.LIMIT_DAY).gain == 0, "the week would not hold it"


def test_another_weekday_brings_what_is_promised(field):
    worker, actor = field.worker(weekdays=(0,))
    for hour in (8, 10):
        field.visit(day=SATURDAY, start=time(hour))
    field.visit(day=SATURDAY, start=time(19))
    field.visit(day=TOMORROW, start=time(15))
    said = hint(actor, Hidden.HOURS)
    assert (said.number, said.gain, said.anchor) == (4, 2, "day_5")
    assert "周六" in said.advice
    assert "上午" in said.advice
    set_availability(actor, worker, {5: [(time(8), time(12))]})
    assert len(market(actor).offers) == 2


def test_skills_and_credentials_say_what_to_do(field):
    _worker, actor = field.worker()
    field.visit(day=TOMORROW, needs_skills=["nursing"])
    assert "其中 1 次要" in hint(actor, UnfitCode.SKILL_MISSING).advice
    _newcomer, second = field.worker(ready=False)
    assert hint(second, UnfitCode.CREDENTIAL_MISSING).endpoint == "workforce.me"


# --- several in one walk ---------------------------------------------------------------------------------


def neighbours(field, number=3, day=TOMORROW, **over):
    return [
        field.visit(
            elder=at(field, 28.8815 + n * 0.0004, **over),
            day=day,
            start=time(9 + n // 2, 30 * (n % 2)),
            minutes=25,
        )
        for n in range(number)
    ]


def test_neighbours_are_offered_together_and_claimed_one_by_one(field, signed_in):
    _worker, actor = field.worker()
    _other, rival = field.worker()
    visits = neighbours(field)
    seen = market(actor)
    (group,) = bundles(own_duty(actor), seen, RULES, 0)
    assert ids(group.offers) == [one.id for one in visits]
    assert group.kind is Round.NEAR_HOME
    assert 85 * 60 <= group.seconds <= 100 * 60
    phone = signed_in(actor)
    page = phone.get("/open-visits").text
    assert "您出发的地方附近，3 位" in page
    assert "这 3 位我都去" in page
    claim_visit(rival, visits[1].id)
    db.session.commit()
    answer = phone.post("/open-visits/together", {"visit": [str(one.id) for one in visits]})
    assert answer.status_code == 303
    page = phone.get("/open-visits").text
    assert "2 次替您留着" in page
    assert "刚被别人认领" in page
    held = db.session.scalars(select(Claim.visit_id).where(Claim.worker_id == actor.worker_id)).all()
    assert sorted(held) == [visits[0].id, visits[2].id]
    again = phone.post("/open-visits/together", {"visit": [str(visits[0].id)]})
    assert again.status_code == 303
    assert len(db.session.scalars(select(Claim.id).where(Claim.worker_id == actor.worker_id)).all()) == 2


def test_a_bundle_of_anything_is_refused_piece_by_piece(field, signed_in):
    _worker, actor = field.worker()
    foreign = abroad(field)
    phone = signed_in(actor)
    for sent in ([], ["abc"], ["0"], [str(foreign.id)], [str(n) for n in range(900, 990)]):
        assert phone.post("/open-visits/together", {"visit": sent}).status_code == 303
    assert db.session.scalars(select(Claim.id)).all() == []


@pytest.mark.parametrize(
    ("worker", "expected"),
    [
        ({"max_visits_day": 2}, [2, 2]),
        ({"max_visits_day": 1}, []),
        ({"max_visits_week": 2, "max_visits_day": 2}, [2, 2]),
        ({"max_hours_week": 1}, [2, 2]),
        ({"kind": WorkerKind.PROPERTY_STAFF}, [2]),
        ({"kind": WorkerKind.COURIER}, [4]),
        ({}, [4]),
    ],
)
def test_a_bundle_keeps_the_limits_and_the_round(field, worker, expected):
    _worker, actor = field.worker(**worker)
    neighbours(field, 2)
    for number in (2, 3):
        field.visit(
            elder=at(field, 28.8815 + number * 0.0004, neighbourhood=f"别处{number}"),
            day=TOMORROW,
            start=time(10, 30 * (number - 2)),
            minutes=25,
        )
    found = bundles(own_duty(actor), market(actor), RULES, 0)
    assert [len(one.offers) for one in found] == expected
    assert bundles(own_duty(actor), market(actor), RULES, RULES.open_at_once - 1) == []


def test_a_bundle_leaves_time_for_what_is_held(field):
    worker, actor = field.worker()
    field.visit((worker, False), elder=at(field, 28.899), day=TOMORROW, start=time(10, 35))
    neighbours(field, 3)
    found = bundles(own_duty(actor), market(actor), RULES, 0)
    assert [len(one.offers) for one in found] == [2], "after the third there is no time for the way"


# --- the page --------------------------------------------------------------------------------------------


def statements(client_get):
    sent = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("SAVEPOINT", "RELEASE", "UPDATE user_sessions")):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        client_get()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(sent)


def test_the_page_asks_the_same_few_questions_however_long_the_list(field, signed_in):
    _worker, actor = field.worker()
    neighbours(field, 2)
    phone = signed_in(actor)
    phone.get("/open-visits")
    few = statements(lambda: phone.get("/open-visits"))
    for day in range(2, 9):
        neighbours(field, 6, day=TOMORROW + timedelta(days=day))
    db.session.commit()
    assert statements(lambda: phone.get("/open-visits")) == few <= 12
    assert statements(lambda: phone.get("/open-visits?view=map")) <= 12


def test_days_and_kinds(field, signed_in):
    _worker, actor = field.worker()
    first, later = field.visit(day=TOMORROW), field.visit(day=SATURDAY)
    later.mode = ContactMode.PHONE
    db.session.flush()
    phone = signed_in(actor)

    def shown(query):
        page = phone.get(f"/open-visits{query}").text
        return [f'id="offer-{one.id}"' in page for one in (first, later)]

    assert shown("") == [True, True]
    assert shown("?day=2026-03-28") == [False, True]
    assert shown("?kind=home") == [True, False]
    assert shown("?kind=call&day=2026-03-27") == [False, False]
    assert shown("?day=gestern&kind=%F0%9F%92%A9&view=sea&hours=&near=") == [True, True]
    assert "这些条件下没有" in phone.get("/open-visits?day=2027-01-01").text


def test_the_map_shows_circles_of_neighbourhoods(field, signed_in):
    _worker, actor = field.worker(start_latitude=28.8712, start_longitude=105.4312)
    for number in range(5):
        home = make_household(field.tree.community, latitude=28.881234 + number / 1e4, longitude=105.44987)
        field.visit(elder=make_elder(field.tree.community, home), day=TOMORROW, start=time(9 + number))
    page = signed_in(actor).get("/open-visits?view=map").text
    places = set(re.findall(r"\[(105\.\d+), (28\.\d+)\]", page.replace("&#34;", '"')))
    assert places == {("105.45", "28.881"), ("105.4312", "28.8712")}, "one middle, and the own start"
    assert "circle" in page


def test_nothing_to_show_says_what_to_do(field, signed_in):
    _worker, actor = field.worker(service_radius_metres=500)
    field.visit(elder=at(field, 28.89), day=TOMORROW)
    page = signed_in(actor).get("/open-visits").text
    assert "现在没有您能去的" in page
    assert '<details class="tf-more tf-card tf-pad" open>' in page
    assert "把服务距离从500 米调到" in page.replace("500 米", "500 米")
    assert "/workforce/me/travel#radius" in page


# --- homes one does not go to, and what does not fit any more --------------------------------------------


def test_not_this_home(field, signed_in):
    worker, actor = field.worker()
    elder = field.elder(name="欧阳素珍")
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2026, 1, 1)))
    asked = field.visit(elder=elder, day=TOMORROW)
    agreed = field.visit((worker, False), elder=elder, day=SATURDAY)
    claim = claim_visit(actor, asked.id)
    phone = signed_in(actor)
    page = phone.get(f"/open-visits/{asked.id}/not-this-home").text
    assert "不用说为什么" in page
    assert elder.name not in page
    answer = phone.post(f"/open-visits/{asked.id}/refuse-home")
    assert answer.status_code == 303
    page = phone.get(answer.headers["Location"]).text
    assert "在这一家申请的 1 次也撤回了" in page
    assert f"/today/{agreed.id}/leave-visit" in page
    db.session.expire_all()
    assert claim.state is ClaimState.WITHDRAWN
    assert [one.state.value for one in agreed.assignments] == ["approved"], "nothing is dropped by itself"
    assert ids(market(actor).offers) == []
    assert phone.post(f"/open-visits/{asked.id}/refuse-home").status_code == 303, "twice changes nothing"
    assert len(db.session.scalars(select(Bar)).all()) == 1


def test_nobody_refuses_a_home_elsewhere(field, signed_in):
    _worker, actor = field.worker()
    foreign = abroad(field)
    phone = signed_in(actor)
    assert phone.get(f"/open-visits/{foreign.id}/not-this-home").status_code == 404
    assert phone.post(f"/open-visits/{foreign.id}/refuse-home").status_code == 404
    assert db.session.scalars(select(Bar)).all() == []


def test_what_does_not_fit_any_more_is_shown_and_kept(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=TOMORROW)
    kept = field.visit((worker, False), day=SATURDAY)
    phone = signed_in(actor)
    assert phone.get("/my-visits/still-fit").headers["Location"].endswith("/workforce/me")
    days = {f"day_{n}-span": "whole" for n in range(7)} | {"day_4-span": "off"}
    answer = phone.post("/workforce/me/times", days)
    page = phone.get(answer.headers["Location"]).text
    assert "3月27日" in page
    assert "不在您登记的可以来的时间里" in page
    assert "3月28日" not in page
    db.session.expire_all()
    assert {one.state.value for one in (*visit.assignments, *kept.assignments)} == {"approved"}


def test_the_coordinator_sees_it_too_and_only_of_the_own_area(field, client):
    worker, _actor = field.worker()
    visit = field.visit((worker, False), day=TOMORROW)
    stranger = make_worker(field.tree.other_street)
    sign_in(client, db.session.get_one(User, field.coordinator.user_id))
    days = {f"day_{n}-span": "off" for n in range(7)} | {"csrf_token": csrf_token(client)}
    answer = client.post(f"/workforce/{worker.id}/times", data=days)
    assert answer.headers["Location"] == f"/workforce/{worker.id}/still-fit"
    page = client.get(answer.headers["Location"]).text
    assert f"{worker.name} 3月27日不能来" in page
    assert f'href="/visits/{visit.id}"' in page
    assert client.get(f"/workforce/{stranger.id}/still-fit").status_code == 404
    always = days | {f"day_{n}-span": "whole" for n in range(7)}
    after = client.post(f"/workforce/{worker.id}/times", data=always).headers["Location"]
    assert client.get(after).headers["Location"] == f"/workforce/{worker.id}"
