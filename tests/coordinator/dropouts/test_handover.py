"""Handing over: nothing is forgotten before somebody leaves."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.dropouts.models import StandInSearch
from coordinator.dropouts.queries.handover import handover_of
from coordinator.dropouts.services.handing import hand_over
from coordinator.extensions import db
from coordinator.fieldwork.services.presence import check_in
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.jobs import free_visits_of
from coordinator.visits.lifecycle import VisitState
from coordinator.workforce.models import ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import pair
from tests.coordinator.dropouts.conftest import going, titles
from tests.coordinator.dropouts.test_no_shows import mark
from tests.factories import PLACE


@pytest.fixture
def leaving(field, near):
    """Somebody with two visits at the same hour of two days, one of this afternoon, and a paired elder."""
    worker, actor = field.worker(name="要走的人", start_latitude=PLACE[0] + 0.02)
    elder = field.elder()
    pair(field.coordinator, elder, workers_for_duty([worker.id])[worker.id])
    visits = [
        field.visit((worker, False), day=date(2026, 3, 30)),
        field.visit((worker, False), day=date(2026, 3, 31)),
        field.visit((worker, False), start=time(16, 0)),
    ]
    db.session.expire_all()
    return db.session.get_one(Worker, worker.id), actor, elder, visits


def contact_of(elder):
    return db.session.scalars(
        select(ServiceContact.worker_id).where(
            ServiceContact.elder_id == elder.id, ServiceContact.until.is_(None)
        )
    ).one_or_none()


def test_each_visit_and_elder_has_a_successor_proposed(field, near, leaving):
    worker, _actor, elder, visits = leaving
    found = handover_of(worker)
    assert [one.visit.id for one in found.visits] == [visits[2].id, visits[0].id, visits[1].id]
    assert all(one.best is not None and one.best.worker.id == near[0][0].id for one in found.visits)
    assert [one.elder.id for one in found.pairs] == [elder.id]
    assert worker.id not in {one.id for one in found.pairs[0].choices}
    assert found.pairs[0].choices[0].id == near[0][0].id


def test_nobody_is_proposed_for_two_visits_at_once(field, near):
    worker, _actor = field.worker(name="要走的人")
    other, _ = field.worker(name="也要走的人")
    first = field.visit((worker, False), (other, False), start=time(15, 0), people=2)
    assert first
    second = field.visit((worker, False), start=time(16, 30))
    found = handover_of(db.session.get_one(Worker, worker.id))
    best = {one.visit.id: one.best.worker.id for one in found.visits if one.best is not None}
    assert best[second.id] != best[first.id] or second.starts_at > first.ends_at
    assert other.id != best[first.id]


def test_leaving_without_handing_over_is_refused(field, leaving):
    worker, _actor, _elder, visits = leaving
    with pytest.raises(Conflict) as refused:
        hand_over(field.coordinator, worker, {visits[0].id: "open"}, {}, retire=True)
    assert refused.value.code == "left_open"
    assert worker.status is WorkerStatus.APPROVED


def test_all_in_one_go(field, near, leaving):
    worker, _actor, elder, visits = leaving
    contact = db.session.scalars(select(ServiceContact).where(ServiceContact.elder_id == elder.id)).one()
    done = hand_over(
        field.coordinator,
        worker,
        {visits[0].id: str(near[0][0].id), visits[1].id: "open", visits[2].id: "search"},
        {contact.id: str(near[1][0].id)},
        retire=True,
    )
    assert (done.given, done.opened, done.searched, done.paired, done.retired) == (1, 1, 1, 1, True)
    assert going(visits[0]) == [near[0][0].id]
    assert visits[1].state is visits[2].state is VisitState.OPEN
    search = db.session.scalars(select(StandInSearch)).one()
    assert (search.visit_id, search.lost_worker_id) == (visits[2].id, worker.id)
    assert contact_of(elder) == near[1][0].id
    assert titles(near[0][0].user_id) == ["一次探访交给您了"]
    free_visits_of(worker.id)
    assert going(visits[0]) == [near[0][0].id]


def test_one_tap_opens_everything(field, leaving):
    worker, _actor, elder, visits = leaving
    done = hand_over(field.coordinator, worker, {}, {}, retire=True, all_open=True)
    assert (done.opened, done.unpaired, done.retired) == (3, 1, True)
    assert contact_of(elder) is None
    assert {visit.state for visit in visits} == {VisitState.OPEN}


def test_a_successor_whom_a_rule_forbids_opens_the_visit_and_it_is_said(field, leaving):
    worker, _actor, _elder, visits = leaving
    minor, _ = field.minor()
    done = hand_over(field.coordinator, worker, {visits[0].id: str(minor.id)}, {}, retire=False)
    assert done.given == 0
    assert "未成年" in done.refused[0]
    assert going(visits[0]) == []
    assert visits[0].state is VisitState.OPEN
    assert going(visits[1]) == [worker.id], "what was not named stays"
    assert worker.status is WorkerStatus.APPROVED


def test_who_is_in_a_home_cannot_be_let_go_yet(field, leaving):
    worker, actor, _elder, _visits = leaving
    now = field.visit((worker, False), start=time(9, 10))
    check_in(actor, now.id, mark())
    with pytest.raises(Conflict) as refused:
        hand_over(field.coordinator, worker, {}, {}, retire=True, all_open=True)
    assert refused.value.code == "under_way"


def test_a_minor_stays_beside_the_successor_or_is_told(field, near):
    adult, _actor = field.worker(name="要走的人", start_latitude=PLACE[0] + 0.02)
    minor, _ = field.minor()
    one = field.visit((adult, False), (minor, True), start=time(14, 0))
    two = field.visit((adult, False), (minor, True), start=time(16, 0))
    worker = db.session.get_one(Worker, adult.id)
    assert [len(row.minors) for row in handover_of(worker).visits] == [1, 1]
    fates = {one.id: str(near[0][0].id), two.id: "open"}
    hand_over(field.coordinator, worker, fates, {}, retire=True)
    assert going(one) == sorted([near[0][0].id, minor.id])
    assert going(two) == []
    assert titles(minor.user_id) == ["一起去探访的人换了", "一次探访取消了您的安排"]


def test_a_companion_who_leaves_is_only_taken_off(field, near):
    adult, _actor = near[0]
    minor, _ = field.minor()
    visit = field.visit((adult, False), (minor, True), start=time(14, 0))
    worker = db.session.get_one(Worker, minor.id)
    assert handover_of(worker).visits[0].companion
    hand_over(field.coordinator, worker, {}, {}, retire=True, all_open=True)
    assert going(visit) == [adult.id]
    assert visit.state is VisitState.ASSIGNED


def test_the_queries_do_not_grow(field, near, leaving, queries):
    worker, _actor, _elder, _visits = leaving
    queries.clear()
    handover_of(worker)
    few = len(queries)
    for day in range(10, 18):
        field.visit((worker, False), day=date(2026, 4, day))
    db.session.expire_all()
    worker = db.session.get_one(Worker, worker.id)
    _path = worker.area.path
    queries.clear()
    assert len(handover_of(worker).visits) == 11
    assert len(queries) <= few + 1


def test_the_page(field, near, leaving, signed_in):
    worker, _actor, elder, visits = leaving
    db.session.commit()
    desk = signed_in(field.coordinator)
    url = f"/workforce/{worker.id}/hand-over"
    page = desk.get(url).get_data(as_text=True)
    assert elder.name in page
    assert near[0][0].name in page
    refused = desk.post(url, {"what": "retire"})
    assert refused.status_code == 409
    assert "没有交接" in refused.get_data(as_text=True)
    fates = {f"visit-{visit.id}": str(near[0][0].id) for visit in visits}
    contact = db.session.scalars(select(ServiceContact.id).where(ServiceContact.elder_id == elder.id)).one()
    assert desk.post(url, {"what": "retire", f"pair-{contact}": "", **fates}).status_code == 303
    db.session.expire_all()
    assert worker.status is WorkerStatus.LEFT
    assert [going(visit) for visit in visits] == [[near[0][0].id]] * 3
