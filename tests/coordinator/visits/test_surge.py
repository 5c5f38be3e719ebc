"""The call list of an event: who stands on it in which order, ticks that count once, paper there and back."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select

from coordinator.elders.models import Category, ConsentState, FirstVisitingContact
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.policy import Status
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import CallResult, CallTarget, SurgeCall, SurgeKind, Visit
from coordinator.visits.queries import obligations_for
from coordinator.visits.queries.owed import areas_of
from coordinator.visits.queries.surge import call_rows, family_of, progress_below, tab_counts
from coordinator.visits.services import tick, withdraw_tick
from coordinator.visits.services.surge import Tick
from tests.coordinator.visits.conftest import TODAY
from tests.factories import csrf_token, make_actor, make_user, sign_in, visit_times

ELDER, FAMILY = CallTarget.ELDER, CallTarget.FAMILY
REACHED, NO_ANSWER = CallResult.REACHED, CallResult.NO_ANSWER
LAST = TODAY + timedelta(days=3)


@pytest.fixture
def event(world):
    return world.event(SurgeKind.EXTREME_WEATHER, "台风", TODAY, LAST, world.tree.street)


def given(target=ELDER, result=REACHED, page="a", **over) -> Tick:
    return Tick(target, result, over.pop("token", page), **over)


def rows_of(world, event) -> dict[int, object]:
    rows = call_rows(event, world.tree.street.path, world.coordinator, TODAY)
    return {row.elder.id: row for row in rows}


def duty(world, elder):
    owed = obligations_for([elder], world.tree.street, TODAY, TODAY, TODAY)[elder.id]
    return next(one for one in owed if one.event == "台风")


# --- ticks -----------------------------------------------------------------------------------------------


def test_a_tick_of_the_elder_is_a_contact_that_meets_the_duty(world, event):
    elder = world.general_elder()
    assert duty(world, elder).status is Status.OWED
    call = tick(world.coordinator, event, world.tree.street, elder, given())
    visit = db.session.get_one(Visit, call.visit_id)
    assert (visit.contact_mode, visit.contact_outcome, visit.contact_on) == (
        ContactMode.PHONE,
        ContactOutcome.COMPLETED,
        TODAY,
    )
    assert duty(world, elder).status is Status.MET
    assert rows_of(world, event)[elder.id].elder_done


def test_no_answer_is_a_contact_that_does_not_count_and_may_be_tried_again(world, event):
    elder = world.general_elder()
    tick(world.coordinator, event, world.tree.street, elder, given(result=NO_ANSWER))
    assert duty(world, elder).status is Status.OWED
    row = rows_of(world, event)[elder.id]
    assert row.no_answer
    assert not row.elder_done
    assert (
        tick(world.coordinator, event, world.tree.street, elder, given(result=NO_ANSWER, token="b"))
        is not None
    )
    assert tick(world.coordinator, event, world.tree.street, elder, given(token="b")) is not None
    assert duty(world, elder).status is Status.MET
    assert db.session.scalar(select(func.count(Visit.id)).where(Visit.elder_id == elder.id)) == 3


def test_a_tick_of_the_family_stands_beside_and_counts_for_nothing(world, event):
    elder = world.general_elder()
    tick(world.coordinator, event, world.tree.street, elder, given(FAMILY))
    row = rows_of(world, event)[elder.id]
    assert (row.family_done, row.elder_done) == (True, False)
    assert duty(world, elder).status is Status.OWED
    assert db.session.scalars(select(Visit)).all() == []


def test_sent_twice_is_once(world, event):
    elder = world.general_elder()
    for target in (ELDER, FAMILY):
        assert tick(world.coordinator, event, world.tree.street, elder, given(target, NO_ANSWER)) is not None
        assert tick(world.coordinator, event, world.tree.street, elder, given(target, NO_ANSWER)) is None
    # Somebody else reaches the same elder a moment later, from another page.
    tick(world.coordinator, event, world.tree.street, elder, given(token="b"))
    other = make_actor(Role.COMMUNITY_COORDINATOR, world.tree.community)
    assert tick(other, event, world.tree.street, elder, given(token="c")) is None
    assert db.session.scalar(select(func.count(Visit.id))) == 2
    assert db.session.scalar(select(func.count(SurgeCall.id))) == 3


def test_a_wrong_tick_is_taken_back_with_its_contact(world, event):
    elder = world.general_elder()
    call = tick(world.coordinator, event, world.tree.street, elder, given())
    withdraw_tick(world.coordinator, event, elder, ELDER)
    assert duty(world, elder).status is Status.OWED
    assert not rows_of(world, event)[elder.id].elder_done
    assert db.session.get_one(Visit, call.visit_id).contact_outcome is ContactOutcome.NO_ANSWER
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.amend")).one()
    assert line.changes == {"contact_outcome": ["completed", "no_answer"]}
    with pytest.raises(Conflict):
        withdraw_tick(world.coordinator, event, elder, ELDER)
    assert tick(world.coordinator, event, world.tree.street, elder, given(token="b")) is not None
    assert duty(world, elder).status is Status.MET


def test_a_contact_made_otherwise_counts_on_the_list_too(world, event):
    visited, called_before = world.general_elder(), world.general_elder()
    world.visited(visited, TODAY)
    world.called(called_before, TODAY - timedelta(days=1))
    rows = rows_of(world, event)
    assert (rows[visited.id].met_on, rows[visited.id].met_by) == (TODAY, ContactMode.HOME)
    assert rows[called_before.id].met_on is None


def test_calls_before_the_warning_or_long_after_are_not_taken(world):
    elder = world.general_elder()
    street = world.tree.street
    far = world.event(SurgeKind.FESTIVAL, "端午节", date(2026, 6, 18), date(2026, 6, 20), street)
    past = world.event(SurgeKind.FESTIVAL, "元宵节", date(2026, 3, 3), date(2026, 3, 3), street)
    for event in (far, past):
        with pytest.raises(Conflict) as refusal:
            tick(world.coordinator, event, street, elder, given())
        assert refusal.value.code == "calls_closed"
    soon = world.event(
        SurgeKind.FESTIVAL, "庙会", TODAY + timedelta(days=2), TODAY + timedelta(days=2), street
    )
    tick(world.coordinator, soon, street, elder, given())
    assert rows_of(world, soon)[elder.id].elder_done
    with pytest.raises(InvalidInput):
        tick(world.coordinator, soon, street, elder, given(FAMILY, at=clock.now() + timedelta(minutes=1)))
    outside = world.general_elder(area=world.tree.outside)
    with pytest.raises(NotAllowed):
        tick(world.coordinator, soon, street, outside, given())


# --- who stands on it ------------------------------------------------------------------------------------


def test_the_list_holds_whom_the_event_concerns(world, event):
    wanted, new = world.general_elder(), world.general_elder(enrolled_on=TODAY + timedelta(days=1))
    refusing = world.general_elder()
    world.consent(refusing, ConsentState.REFUSED)
    world.general_elder(status="moved", left_on=TODAY)
    world.general_elder(area=world.tree.outside)
    world.general_elder(enrolled_on=LAST + timedelta(days=1))
    assert set(rows_of(world, event)) == {wanted.id, new.id}


def test_the_order_is_owed_first_then_key_then_alone(world, event):
    general = world.general_elder(name="甲")
    alone = world.elder(Category.LIVING_ALONE, birth_date=date(1950, 1, 1), name="乙")
    key = world.key_elder(name="丙")
    met, failed = world.key_elder(name="丁"), world.key_elder(name="戊")
    world.called(met, TODAY)
    tick(world.coordinator, event, world.tree.street, failed, given(result=NO_ANSWER))
    rows = call_rows(event, world.tree.street.path, world.coordinator, TODAY)
    assert [row.elder.id for row in rows] == [key.id, alone.id, general.id, met.id, failed.id]
    # Reached from the list, the elder keeps the place while the family is rung.
    tick(world.coordinator, event, world.tree.street, alone, given())
    again = call_rows(event, world.tree.street.path, world.coordinator, TODAY)
    assert [row.elder.id for row in again] == [row.elder.id for row in rows]
    counts = tab_counts(rows)
    assert (counts["all"], counts["elder"], counts["family"], counts["no_answer"]) == (5, 4, 5, 1)


def test_progress_of_areas_equals_the_lists(world, event):
    here, there = world.general_elder(), world.general_elder(area=world.tree.other_community)
    world.general_elder()
    tick(world.coordinator, event, world.tree.street, here, given())
    tick(world.coordinator, event, world.tree.street, there, given(FAMILY))
    world.visited(there, TODAY)
    tree = world.tree
    areas = areas_of([tree.street.path])
    parts = [areas[one.id] for one in (tree.street, tree.community, tree.other_community)]
    progress = progress_below(event, parts, world.coordinator, TODAY)
    found = [(one.elders, one.elders_done, one.families_done) for one in progress]
    assert found == [(3, 2, 1), (2, 1, 0), (1, 1, 1)]


def test_the_list_costs_the_same_for_many(world, event, queries):
    for _ in range(2):
        world.general_elder()
    call_rows(event, world.tree.street.path, world.coordinator, TODAY)  # stores the rules on first need
    queries.clear()
    call_rows(event, world.tree.street.path, world.coordinator, TODAY)
    few = len(queries)
    for _ in range(20):
        world.key_elder()
    queries.clear()
    call_rows(event, world.tree.street.path, world.coordinator, TODAY)
    assert len(queries) <= few


def test_the_first_contact_is_rung_first_and_nobody_twice(world):
    elder = world.general_elder()
    db.session.add(
        FirstVisitingContact(
            elder_id=elder.id, name="李大明", relation="女儿", phone="13900000001", since=TODAY
        )
    )
    db.session.flush()
    db.session.expire(elder)
    assert [(one.name, one.phone) for one in family_of(elder)] == [
        ("李大明", "13900000001"),
        ("李小明", "13800000001"),
    ]
    elder.first_contact.name, elder.first_contact.phone = "李小明", None
    assert [(one.name, one.phone) for one in family_of(elder)] == [("李小明", "13800000001")]


# --- the pages -------------------------------------------------------------------------------------------


@pytest.fixture
def desk(world, client):
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    return client


def press(client, url: str, **data) -> object:
    return client.post(url, data={"csrf_token": csrf_token(client), **data})


def test_ticking_off_on_the_page_without_a_script(world, event, desk):
    elder = world.general_elder(name="王素珍", phone="13900006027")
    html = desk.get(f"/events/{event.id}/calls").text
    assert "139****6027" in html
    assert "13900006027" not in html
    token = re.search(r'name="token" value="(\w+)"', html)[1]
    url = f"/events/{event.id}/calls/{elder.id}"
    assert press(desk, url, answer="elder:reached", token=token).status_code == 303
    assert press(desk, url, answer="elder:reached", token=token).status_code == 303
    assert db.session.scalar(select(func.count(Visit.id))) == 1
    assert press(desk, url, answer="family:no_answer", token=token).status_code == 303
    html = desk.get(f"/events/{event.id}/calls?tab=no_answer").text
    assert "王素珍" in html
    assert press(desk, url, answer="family:reached", token=token).status_code == 303
    assert "都联系过了" in desk.get(f"/events/{event.id}/calls").text
    assert press(desk, url, answer="elder:withdraw").status_code == 303
    assert "王素珍" in desk.get(f"/events/{event.id}/calls?tab=elder").text
    assert press(desk, url, answer="nonsense").status_code == 422


def test_full_numbers_are_opened_with_a_line_and_only_by_those_who_may(world, event, desk, client):
    elder = world.general_elder(phone="13900006027")
    page = press(desk, f"/events/{event.id}/calls/{elder.id}/numbers")
    assert 'href="tel:13900006027"' in page.text
    assert 'href="tel:13800000001"' in page.text
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "surge.reveal")).all()
    assert [(line.object_id, line.changes["event_id"]) for line in lines] == [(elder.id, [None, event.id])]
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, world.tree.county))
    assert press(client, f"/events/{event.id}/calls/{elder.id}/numbers").status_code == 403
    assert "联系上了</button>" not in client.get(f"/events/{event.id}/calls?area={world.tree.street.id}").text


def text_of(pdf: bytes, tmp_path) -> str:
    import subprocess

    file = tmp_path / "sheet.pdf"
    file.write_bytes(pdf)
    return subprocess.run(
        ["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True
    ).stdout


def test_the_sheet_has_full_numbers_only_for_those_who_may_open_them(world, event, desk, client, tmp_path):
    world.general_elder(name="王素珍", phone="13900006027")
    sheet = desk.get(f"/events/{event.id}/calls.pdf")
    assert sheet.mimetype == "application/pdf"
    text = text_of(sheet.data, tmp_path)
    assert "139 0000 6027" in text
    assert "138 0000 0001" in text
    sign_in(client, make_user(Role.COUNTY_SUPERVISOR, world.tree.county))
    text = text_of(client.get(f"/events/{event.id}/calls.pdf?area={world.tree.street.id}").data, tmp_path)
    assert "王素珍" in text
    assert "139****6027" in text
    assert "6027" in text
    assert "139 0000 6027" not in text
    printed = select(AuditEntry).where(AuditEntry.action == "surge.print").order_by(AuditEntry.id)
    lines = db.session.scalars(printed)
    assert [line.summary.endswith("电话完整") for line in lines] == [True, False]


def test_a_list_comes_back_from_paper_once(world, event, client, freeze):
    one, other = world.general_elder(), world.general_elder()
    freeze(visit_times(TODAY + timedelta(days=1), time(17, 0))[0])
    desk = client
    sign_in(desk, make_user(Role.STREET_COORDINATOR, world.tree.street))
    url = f"/events/{event.id}/calls/paper"
    assert one.name in desk.get(url).text
    data = {
        "token": "paper1",
        "day": TODAY.isoformat(),
        "start": "15:30",
        "caller": "网格员老周",
        f"elder-{one.id}": "reached",
        f"family-{one.id}": "no_answer",
        f"elder-{other.id}": "no_answer",
        f"family-{other.id}": "",
    }
    assert press(desk, url, **data).status_code == 303
    assert press(desk, url, **data).status_code == 303
    calls = db.session.scalars(select(SurgeCall).order_by(SurgeCall.id)).all()
    assert len(calls) == 3
    assert {(call.caller_name, call.from_paper) for call in calls} == {("网格员老周", True)}
    assert {clock.to_local(call.called_at).hour for call in calls} == {15}
    assert duty(world, one).status is Status.MET
    assert press(desk, url, token="x", day=TODAY.isoformat(), start="15:30").status_code == 422
    late = {"token": "y", "day": (TODAY + timedelta(days=9)).isoformat(), "start": "15:30"}
    refused = press(desk, url, **late, **{f"family-{other.id}": "reached"})
    assert refused.status_code == 422
    assert db.session.scalar(select(func.count(SurgeCall.id))) == 3


def test_another_street_has_no_list(world, event, client):
    elder = world.general_elder()
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.other_street))
    assert client.get(f"/events/{event.id}/calls").status_code == 404
    assert press(client, f"/events/{event.id}/calls/{elder.id}", answer="elder:reached").status_code == 404
    # An event of the county is theirs too, but not the elders of the first street.
    county = world.event(SurgeKind.EXTREME_WEATHER, "高温", TODAY, LAST, world.tree.county)
    assert elder.name not in client.get(f"/events/{county.id}/calls").text
    assert press(client, f"/events/{county.id}/calls/{elder.id}", answer="elder:reached").status_code == 404


def test_a_county_is_offered_by_parts(world, event, client, monkeypatch):
    from coordinator.visits.views import surge

    monkeypatch.setattr(surge, "MOST_LISTED", 1)
    world.general_elder(name="陈秀兰")
    world.general_elder(area=world.tree.other_community)
    sign_in(client, make_user(Role.STREET_COORDINATOR, world.tree.street))
    html = client.get(f"/events/{event.id}/calls").text
    assert "请先点进一个街道或社区" in html
    assert "陈秀兰" not in html
    part = client.get(f"/events/{event.id}/calls?area={world.tree.community.id}").text
    assert "陈秀兰" in part
