"""Handing over keeps to what people take on, and elders whose paired person has left are not forgotten."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.accounts.models import OrganisationKind
from coordinator.dropouts.queries.handover import handover_of, pairs_left
from coordinator.dropouts.services.handing import hand_over
from coordinator.extensions import db
from coordinator.home.queries import badges
from coordinator.kernel.access import Role
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import VisitState
from coordinator.workforce.models import ServiceContact, Worker, WorkerKind, WorkerStatus
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import add_helper, pair
from coordinator.workforce.services.rosters import take_out
from tests.coordinator.dropouts.conftest import going, titles
from tests.factories import PLACE, make_actor, make_organisation


@pytest.fixture
def leaving(field):
    """Somebody with a visit on each workday of a week."""
    worker, _actor = field.worker(name="要走的人", start_latitude=PLACE[0] + 0.02)
    visits = [
        field.visit((worker, False), day=date(2026, 3, 30)),
        field.visit((worker, False), day=date(2026, 3, 31)),
    ]
    visits += [field.visit((worker, False), day=date(2026, 4, day)) for day in (1, 2, 3)]
    db.session.expire_all()
    return db.session.get_one(Worker, worker.id), visits


@pytest.mark.parametrize(
    "over",
    [
        {"max_visits_week": 2},
        {"max_visits_month": 1},
        {"max_hours_week": 2},
    ],
)
def test_what_is_proposed_adds_up(field, leaving, over):
    worker, visits = leaving
    little, _ = field.worker(name="近的", **over)
    much, _ = field.worker(name="远的", start_latitude=PLACE[0] + 0.004)
    best = [one.best.worker.id for one in handover_of(worker).visits]
    # 40 minutes each, two hours: three; a month of one: one in March, one in April.
    most = {"max_visits_week": 2, "max_visits_month": 2, "max_hours_week": 3}[next(iter(over))]
    assert best.count(little.id) == most
    assert best.count(much.id) == len(visits) - most


def test_what_somebody_holds_already_counts(field, leaving):
    worker, _visits = leaving
    little, _ = field.worker(name="近的", max_visits_week=2)
    field.visit((little, False), day=date(2026, 4, 4))
    assert [one.best is not None for one in handover_of(worker).visits].count(True) == 1


def test_more_than_somebody_takes_is_opened_and_said(field, leaving):
    worker, visits = leaving
    little, _ = field.worker(name="近的", max_visits_week=2)
    done = hand_over(field.coordinator, worker, {one.id: str(little.id) for one in visits}, {}, retire=True)
    assert (done.given, done.opened) == (2, 3)
    assert [going(one) == [little.id] for one in visits] == [True, True, False, False, False]
    assert {one.state for one in visits[2:]} == {VisitState.OPEN}
    assert len(done.refused) == 3
    assert "近的这一周已经有 2 次，每周最多 2 次" in done.refused[0]
    assert worker.status is WorkerStatus.LEFT


@pytest.fixture
def company(field):
    """A company with one of its people paired with an elder, a helper of another; and its manager."""
    made = make_organisation(field.tree.street, name="安居物业", kind=OrganisationKind.PROPERTY_COMPANY)
    worker, _ = field.worker(name="安居甲", kind=WorkerKind.PROPERTY_STAFF, organisation_id=made.id)
    known = workers_for_duty([worker.id])[worker.id]
    elders = field.elder(name="吴秀英"), field.elder(name="钱素珍")
    pair(field.coordinator, elders[0], known)
    add_helper(field.coordinator, elders[1], known)
    visit = field.visit((worker, False), elder=elders[0], start=time(15, 0))
    return known, make_actor(Role.ORGANISATION_MANAGER, organisation=made), elders, visit


def test_somebody_taken_out_leaves_pairs_on_the_list_and_a_message(field, company, signed_in):
    worker, manager, elders, _visit = company
    near = make_actor(Role.COMMUNITY_COORDINATOR, field.tree.community)
    street = make_actor(Role.STREET_COORDINATOR, field.tree.street)
    before = badges(near)["dropouts"]
    take_out(manager, worker, "已离职")
    db.session.commit()
    for who, link in ((street, f"/workforce/{worker.id}/hand-over"), (near, "/dropouts#h-pairs")):
        told = db.session.scalars(
            select(Message).where(Message.user_id == who.user_id).order_by(Message.id)
        ).all()
        assert (told[-1].title, told[-1].link) == ("安居物业移出了安居甲", link)
        assert "2 位结对的长者要定新的联系人" in told[-1].body
    (left,) = pairs_left(near).values()
    assert [one.elder_id for one in left] == [one.id for one in elders]
    assert badges(near)["dropouts"] == before + 2
    page = signed_in(near).get("/dropouts").get_data(as_text=True)
    assert "吴秀英" in page
    assert f"/workforce/{worker.id}/hand-over" not in page, "the worker is the street's"
    page = signed_in(street).get("/dropouts").get_data(as_text=True)
    assert f"/workforce/{worker.id}/hand-over" in page
    dossier = signed_in(near).get(f"/elders/{elders[0].id}").get_data(as_text=True)
    assert "安居甲已经不在队伍里，请换人" in dossier
    listed = signed_in(near).get("/elders?care=service_contact").get_data(as_text=True)
    assert "吴秀英" in listed


def test_handed_over_they_are_off_the_list(field, company):
    worker, manager, elders, _visit = company
    other, _ = field.worker(name="接手的人")
    near = make_actor(Role.COMMUNITY_COORDINATOR, field.tree.community)
    take_out(manager, worker, "已离职")
    ids = dict(
        db.session.execute(
            select(ServiceContact.elder_id, ServiceContact.id).where(ServiceContact.until.is_(None))
        ).all()
    )
    pairs = {ids[elders[0].id]: str(other.id), ids[elders[1].id]: ""}
    hand_over(field.coordinator, worker, {}, pairs, retire=False)
    assert pairs_left(near) == {}
    assert titles(other.user_id) == ["请您接着做一位长者的联系人"]


def test_somebody_elses_elders_are_not_on_the_list(field, company):
    worker, manager, _elders, _visit = company
    far = make_actor(Role.STREET_COORDINATOR, field.tree.other_street)
    take_out(manager, worker, "已离职")
    assert pairs_left(far) == {}
