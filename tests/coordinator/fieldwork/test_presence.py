"""Arriving and leaving: when, how, and who may go in."""

from __future__ import annotations

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.fieldwork.door import door_code, is_code_of
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod
from coordinator.fieldwork.services.presence import Mark, check_in, check_out
from coordinator.fieldwork.services.records import submit_record
from coordinator.hours.services import enter_visit
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict, InvalidInput, NotFound
from coordinator.kernel.queue import OwedJob
from coordinator.visits.lifecycle import VisitState
from coordinator.workforce.models import Guardian, WorkerStatus
from tests.coordinator.fieldwork.conftest import GOOD, TODAY, place, uuid_field

ANSWERS = {**GOOD, "signed": True, "needs": [], "needs_text": "", "advice": ""}


def word(**over) -> Mark:
    return Mark(**({"client_uuid": uuid4(), "word": True} | over))


def test_the_server_computes_the_distance(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    home = visit.elder.household
    presence = check_in(actor, visit.id, Mark(uuid4(), home.latitude + 0.001, home.longitude, 25))
    assert presence.method is PresenceMethod.LOCATION
    assert presence.distance_metres == 111
    assert presence.at == clock.now()


@pytest.mark.parametrize(
    ("latitude", "longitude", "accuracy"),
    [(float("nan"), 105.4, 10), (200.0, 105.4, 10), (28.8, None, 10), (28.8, 105.4, 10**6)],
)
def test_an_unbelievable_place_is_no_place(field, latitude, longitude, accuracy):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    with pytest.raises(InvalidInput) as refusal:
        check_in(actor, visit.id, Mark(uuid4(), latitude, longitude, accuracy))
    assert refusal.value.code == "how"
    assert visit.state is VisitState.ASSIGNED


def test_without_place_the_code_of_the_sheet_or_ones_word(field):
    worker, actor = field.worker()
    visit, other = field.visit((worker, False)), field.visit((worker, False), start=time(9, 50))
    assert door_code(visit.id) == door_code(visit.id)
    assert door_code(visit.id) != door_code(other.id)
    assert is_code_of(visit.id, f" {door_code(visit.id)[:3]} {door_code(visit.id)[3:]} ")
    with pytest.raises(InvalidInput) as refusal:
        check_in(actor, visit.id, Mark(uuid4(), code=door_code(other.id)))
    assert refusal.value.field == "code"
    assert check_in(actor, visit.id, Mark(uuid4(), code=door_code(visit.id))).method is (
        PresenceMethod.DOOR_CODE
    )
    assert check_in(actor, other.id, word(note="手机没电")).method is PresenceMethod.WORD


def test_pressing_twice_is_one_check_in(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    mark = word()
    first = check_in(actor, visit.id, mark)
    assert check_in(actor, visit.id, mark) is first
    assert check_in(actor, visit.id, word()) is first
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 1


@pytest.mark.parametrize(
    ("day", "start", "code"),
    [
        (date(2026, 3, 27), time(9, 0), "too_early"),
        (TODAY, time(10, 30), "too_early"),
        (TODAY, time(5, 0), "too_late"),
    ],
)
def test_not_before_its_time_and_not_long_after(field, day, start, code):
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=day, start=start)
    with pytest.raises(Conflict) as refusal:
        check_in(actor, visit.id, word())
    assert refusal.value.code == code


def test_the_street_may_widen_the_time(field):
    field.tree.street.settings = {"fieldwork": {"early_minutes": 180}}
    worker, actor = field.worker()
    visit = field.visit((worker, False), start=time(11, 30))
    assert check_in(actor, visit.id, word()).kind is PresenceKind.ARRIVED


def test_never_on_the_day_before_whatever_is_set(field, freeze):
    field.tree.street.settings = {"fieldwork": {"early_minutes": 6000}}
    worker, actor = field.worker()
    visit = field.visit((worker, False), day=date(2026, 3, 27), start=time(8, 0))
    with pytest.raises(Conflict):
        check_in(actor, visit.id, word())


def test_a_minor_waits_for_the_adult(field, signed_in):
    adult, adult_actor = field.worker()
    minor, actor = field.minor()
    visit = field.visit((adult, False), (minor, True))
    with pytest.raises(Conflict) as refusal:
        check_in(actor, visit.id, word())
    assert refusal.value.code == "minor_alone"
    assert "请在门外等一等" in refusal.value.remedy
    db.session.commit()
    page = signed_in(actor).post(f"/today/{visit.id}/arrive", place(visit.elder) | uuid_field())
    assert page.status_code == 409
    assert adult.name in page.text
    check_in(adult_actor, visit.id, word())
    assert check_in(actor, visit.id, word()).worker_id == minor.id


def test_a_minor_does_not_go_in_when_the_adult_has_left(field):
    adult, adult_actor = field.worker()
    minor, actor = field.minor()
    visit = field.visit((adult, False), (minor, True))
    check_in(adult_actor, visit.id, word())
    check_out(adult_actor, visit.id, word())
    with pytest.raises(Conflict) as refusal:
        check_in(actor, visit.id, word())
    assert refusal.value.code == "minor_alone"


def test_the_adult_does_not_leave_the_minor_behind(field, later):
    adult, adult_actor = field.worker()
    minor, actor = field.minor()
    visit = field.visit((adult, False), (minor, True))
    check_in(adult_actor, visit.id, word())
    check_in(actor, visit.id, word())
    later(30)
    with pytest.raises(Conflict) as refusal:
        check_out(adult_actor, visit.id, word())
    assert refusal.value.code == "minor_still_there"
    check_out(adult_actor, visit.id, word(), with_minors=True)
    left = db.session.scalars(
        select(Presence).where(Presence.kind == PresenceKind.LEFT).order_by(Presence.worker_id)
    ).all()
    assert {one.worker_id for one in left} == {adult.id, minor.id}
    assert len({one.at for one in left}) == 1


@pytest.mark.parametrize("stop", ["suspended", "guardian"])
def test_who_is_no_longer_fit_does_not_go_in(field, stop):
    adult, adult_actor = field.worker()
    minor, actor = field.minor()
    visit = field.visit((adult, False), (minor, True))
    check_in(adult_actor, visit.id, word())
    if stop == "suspended":
        minor.status = WorkerStatus.SUSPENDED
    else:
        guardian = db.session.scalars(select(Guardian).where(Guardian.worker_id == minor.id)).one()
        guardian.withdrawn_at = clock.now() - timedelta(hours=1)
    db.session.flush()
    with pytest.raises(Conflict) as refusal:
        check_in(actor, visit.id, word())
    assert refusal.value.code in ("not_approved", "guardian_withdrawn")


def test_visits_of_others_do_not_exist(field, signed_in):
    worker, _actor = field.worker()
    _other, stranger = field.worker()
    visit = field.visit((worker, False))
    with pytest.raises(NotFound):
        check_in(stranger, visit.id, word())
    with pytest.raises(NotFound):
        check_out(stranger, visit.id, word())
    phone = signed_in(stranger)
    for page in (
        "",
        "/arrive",
        "/depart",
        "/record",
        "/not-met",
        "/late",
        "/way",
        "/emergency",
        "/leave-visit",
    ):
        assert phone.get(f"/today/{visit.id}{page}").status_code == 404, page
    assert phone.post(f"/today/{visit.id}/draft", {"care_given": "x"}).status_code == 404
    assert phone.post(f"/today/{visit.id}/record", GOOD | uuid_field()).status_code == 404


def test_who_leaves_after_the_record_gets_hours_too(field, later):
    first, first_actor = field.worker()
    second, second_actor = field.worker()
    visit = field.visit((first, False), (second, False), people=2)
    check_in(first_actor, visit.id, word())
    check_in(second_actor, visit.id, word())
    later(30)
    submit_record(first_actor, visit.id, uuid4(), dict(ANSWERS), word())
    assert visit.state is VisitState.COMPLETED
    assert [one.worker_id for one in enter_visit(visit.id)] == [first.id]
    later(5)
    check_out(second_actor, visit.id, word())
    keys = db.session.scalars(
        select(OwedJob.key).where(OwedJob.name == "coordinator.hours.jobs.enter_visit").order_by(OwedJob.id)
    ).all()
    assert keys == [str(visit.id), f"{visit.id}:{second.id}"]
    assert [one.worker_id for one in enter_visit(visit.id)] == [second.id]


def test_leaving_needs_arriving(field):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    with pytest.raises(Conflict) as refusal:
        check_out(actor, visit.id, word())
    assert refusal.value.code == "not_here"


# --- who sees the door, and when -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "visible"),
    [
        ((25, 17, 59), False),  # the afternoon before
        ((25, 18, 0), True),
        ((26, 9, 0), True),
        ((26, 13, 40), True),  # four hours after the planned end
        ((26, 13, 41), False),
    ],
)
def test_the_door_is_shown_from_the_evening_before_until_some_hours_after(
    field, signed_in, freeze, now, visible
):
    day, hour, minute = now
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    elder = visit.elder
    freeze(clock.at_local(date(2026, 3, day), hour * 3600 + minute * 60))
    phone = signed_in(actor)
    for path in ("/today", f"/today/{visit.id}"):
        page = phone.get(path).text
        assert (elder.household.address in page) is (visible and not (path == "/today" and day == 25)), path
        assert (elder.name in page) is visible, path
    assert phone.get(f"/today/{visit.id}/way").status_code == (200 if visible else 404)


def test_navigation_hands_over_converted_places_and_no_name(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    page = signed_in(actor).get(f"/today/{visit.id}/way").text
    assert "https://uri.amap.com/navigation?to=105.44" in page
    home = visit.elder.household
    assert f"geo:{home.latitude:.6f},{home.longitude:.6f}" in page
    links = [part.split('"')[0] for part in page.split('href="http')[1:]]
    assert len(links) == 2
    assert not any(f"{home.latitude:.4f}" in link for link in links), "each map gets its own datum"


def test_emergency_contacts_only_during_the_visit_and_written_down(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    phone = signed_in(actor)
    before = phone.get(f"/today/{visit.id}/emergency").text
    assert "tel:120" in before
    assert "tel:0830-2345678" in before
    assert "13800000001" not in before
    phone.post(f"/today/{visit.id}/arrive", place(visit.elder) | uuid_field())
    during = phone.get(f"/today/{visit.id}/emergency").text
    assert "tel:13800000001" in during
    from coordinator.kernel.audit import AuditEntry

    looks = db.session.scalar(
        select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "emergency.open")
    )
    assert looks == 2
    told = phone.post(f"/today/{visit.id}/emergency", {"what": "老人摔倒，已打 120"})
    assert told.status_code == 303
