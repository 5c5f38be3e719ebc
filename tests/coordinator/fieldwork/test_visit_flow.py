"""From the door to the confirmed record, through the pages."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select

from coordinator.extensions import db
from coordinator.fieldwork.models import Presence, PresenceKind, PresenceMethod, RecordState, VisitRecord
from coordinator.kernel.queue import OwedJob
from coordinator.visits.lifecycle import AssignmentState, ContactOutcome, VisitState
from tests.coordinator.fieldwork.conftest import GOOD, place, uuid_field


def test_from_the_door_to_the_confirmed_record(field, signed_in, later):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    elder = visit.elder
    phone = signed_in(actor)

    page = phone.get("/today")
    assert page.status_code == 200
    assert elder.name in page.text
    assert elder.household.address in page.text

    answer = phone.post(f"/today/{visit.id}/arrive", place(elder) | uuid_field())
    assert (answer.status_code, answer.location) == (303, f"/today/{visit.id}/record")
    assert visit.state is VisitState.IN_PROGRESS

    later(35)
    page = phone.get(f"/today/{visit.id}/record")
    assert page.status_code == 200
    assert page.text.count(" checked") == 1, "only the way of the visit is filled in beforehand"
    answer = phone.post(f"/today/{visit.id}/record", GOOD | place(elder) | uuid_field())
    assert (answer.status_code, answer.location) == (303, "/today")

    assert visit.state is VisitState.COMPLETED
    assert visit.contact_outcome is ContactOutcome.COMPLETED
    assert visit.sequence == 1
    assert [one.state for one in visit.assignments] == [AssignmentState.DONE]
    marks = db.session.scalars(select(Presence).order_by(Presence.id)).all()
    assert [(one.kind, one.method, one.distance_metres) for one in marks] == [
        (PresenceKind.ARRIVED, PresenceMethod.LOCATION, 0),
        (PresenceKind.LEFT, PresenceMethod.LOCATION, 0),
    ]
    assert (marks[1].at - marks[0].at).total_seconds() == 35 * 60
    owed = db.session.scalars(
        select(OwedJob).where(OwedJob.name == "coordinator.hours.jobs.enter_visit")
    ).one()
    assert (owed.key, owed.payload) == (str(visit.id), {"visit_id": visit.id})

    record = db.session.scalars(select(VisitRecord)).one()
    assert record.answers["care_given"] == "陪聊半小时，帮忙换了灯泡"
    desk = signed_in(field.coordinator)
    listing = desk.get("/records")
    assert listing.status_code == 200
    assert elder.name in listing.text
    paper = desk.get(f"/records/{record.id}")
    assert paper.status_code == 200
    assert "陪聊半小时" in paper.text
    printed = desk.get(f"/records/{record.id}/print")
    assert printed.status_code == 200
    assert "四川省特殊困难老年人探访关爱服务记录表" in printed.text
    answer = desk.post("/records/confirm", {"id": str(record.id)})
    assert answer.status_code == 303
    db.session.refresh(record)
    assert record.state is RecordState.CONFIRMED


def test_every_page_of_a_visit_opens(field, signed_in):
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    phone = signed_in(actor)
    before = ("", "/arrive", "/not-met", "/late", "/way", "/leave-visit", "/emergency")
    for page in before:
        assert phone.get(f"/today/{visit.id}{page}").status_code == 200, page
    phone.post(f"/today/{visit.id}/arrive", {"how": "word", "client_uuid": str(uuid4())})
    for page in ("", "/record", "/depart", "/emergency", "/way"):
        assert phone.get(f"/today/{visit.id}{page}").status_code == 200, page
    assert phone.get("/my-visits").status_code == 200
    assert phone.get("/open-visits").status_code == 200
    assert phone.get("/open-visits?view=map").status_code == 200
    desk = signed_in(field.coordinator)
    assert desk.get(f"/records/paper/{visit.id}").status_code == 200
    assert desk.get("/approvals").status_code == 200
