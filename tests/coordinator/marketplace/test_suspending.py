"""A worker who is stopped: the visits need people again, and the coordinators are told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.queue import OwedJob
from coordinator.marketplace.jobs import free_visits_of
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.queries import workers_for_duty
from coordinator.workforce.services import approve_worker, retire_worker, suspend_worker
from tests import factories

TODAY = date(2026, 3, 26)


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def tree(db_session):
    return factories.make_area_tree()


@pytest.fixture
def actor(tree):
    return factories.make_actor(Role.STREET_COORDINATOR, tree.street)


@pytest.fixture
def worker(tree):
    return factories.make_worker(tree.community, user_id=factories.make_user(Role.WORKER).id)


def visit_for(actor, tree, days, *workers, people=1):
    made = open_visit(
        actor,
        factories.make_elder(tree.community),
        *factories.visit_times(TODAY + timedelta(days=days), time(9), 30),
        people=people,
    )
    if workers:
        ready = workers_for_duty([one.id for one in workers])
        assign(actor, made, [(ready[one.id], False) for one in workers], override_reason="示例")
    return made


@pytest.mark.parametrize("stop", ["suspend", "retire"])
def test_visits_of_a_stopped_worker_need_people_again(actor, tree, worker, stop):
    visits = [visit_for(actor, tree, days, worker) for days in (2, 5)]
    claimed = visit_for(actor, tree, 7)
    me = Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)
    claim = claim_visit(me, claimed.id)
    if stop == "suspend":
        suspend_worker(actor, worker, "证件过期")
    else:
        retire_worker(actor, worker)
    job = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("free_visits_of"))).one()
    for _twice in range(2):
        free_visits_of(**job.payload)
    db.session.expire_all()
    assert [one.state for one in visits] == [VisitState.OPEN, VisitState.OPEN]
    assert {one.state for visit in visits for one in visit.assignments} == {AssignmentState.WITHDRAWN}
    assert claimed.state is VisitState.OPEN
    assert db.session.get(Claim, claim.id).state is ClaimState.WITHDRAWN
    told = db.session.scalars(select(Message.title).where(Message.user_id == actor.user_id)).all()
    assert told == ["有 2 次探访要重新找人"]


def test_who_goes_along_stays_and_one_visit_of_two_lacks_one(actor, tree, worker):
    other = factories.make_worker(tree.community)
    visit = visit_for(actor, tree, 3, worker, other, people=2)
    suspend_worker(actor, worker, "证件过期")
    free_visits_of(worker.id)
    db.session.expire_all()
    assert visit.state is VisitState.OPEN
    live = [one.worker_id for one in visit.assignments if one.state is AssignmentState.APPROVED]
    assert live == [other.id]


def test_somebody_approved_again_before_the_job_ran_keeps_the_visits(actor, tree, worker):
    visit = visit_for(actor, tree, 3, worker)
    suspend_worker(actor, worker, "证件过期")
    approve_worker(actor, worker)
    free_visits_of(worker.id)
    db.session.expire_all()
    assert visit.state is VisitState.ASSIGNED
