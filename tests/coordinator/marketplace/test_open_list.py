"""The open list of one worker: judged as fitness judges, the figures the engine's, the best fitting first."""

from __future__ import annotations

import random
from datetime import date, time, timedelta

import pytest

import routing
from coordinator.elders.models import Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.models import ClaimState
from coordinator.marketplace.queries.claims import companions_for
from coordinator.marketplace.queries.judging import Judge, findings
from coordinator.marketplace.queries.market import market_for
from coordinator.marketplace.queries.offered import open_visits
from coordinator.marketplace.queries.openings import held_by
from coordinator.marketplace.queries.own_day import placed, way_now
from coordinator.marketplace.services import claim_visit, own_duty
from coordinator.planning.queries.real_day import second_of
from coordinator.planning.translate.people import DETOUR, never_together, speeds
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.models import SurgeKind
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.services import add_event
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Bar, TravelMode
from coordinator.workforce.queries import worker_for_duty
from coordinator.workforce.services.preferences import set_wishes
from coordinator.workforce.services.times import add_days_off
from routing.scenario import Scenario
from routing.scenario import Visit as Item
from routing.scenario import Worker as Person
from tests.coordinator.marketplace.listed import (
    RULES,
    SATURDAY,
    TOMORROW,
    at,
    hint,
    ids,
    limits_of,
    market,
)
from tests.factories import (
    make_household,
)

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
