"""Moving house: at once within one's areas, else as a request; nobody is forgotten in between."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import ElderStatus, HouseholdMember
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.queue import OwedJob
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Message
from coordinator.register.jobs import remind_of_move
from coordinator.register.models import MoveState
from coordinator.register.services.leaving import leave
from coordinator.register.services.moving import accept_move, move_elder, return_move, withdraw_move
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.services.owed import due_counts
from coordinator.workforce.models import ServiceContact
from tests import factories
from tests.coordinator.register.conftest import TODAY, as_worker


def ask(place, elder, area=None, **over):
    values = {"to_address": "望江路5号", "moved_on": TODAY, "reason": "搬去和女儿同住"} | over
    return move_elder(place.here, elder, area or place.tree.outside, **values)


def titles(user_id):
    return db.session.scalars(select(Message.title).where(Message.user_id == user_id)).all()


def test_within_ones_areas_it_happens_at_once_and_history_stays(place, worker):
    elder = place.elder(name="王素珍")
    db.session.add(HouseholdMember(household_id=elder.household_id, name="李小明", relation="儿子"))
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2025, 1, 1)))
    planned = place.visit(elder, 3, worker)
    old = elder.household
    move = ask(place, elder, place.tree.other_community, to_address=" 石桥路 8 号")
    db.session.expire_all()
    assert move.state is MoveState.ACCEPTED
    assert (elder.area_id, elder.household.address) == (place.tree.other_community.id, "石桥路8号")
    assert elder.household_id != old.id
    assert [one.name for one in elder.household.members] == ["李小明"]
    assert elder.status is ElderStatus.ACTIVE
    assert elder.enrolled_on == factories.LONG_AGO
    assert planned.state is VisitState.CANCELLED
    assert planned.area_id == place.tree.community.id  # where it was planned is history
    assert titles(worker.user_id)
    # Same street: the person keeps the worker who knows the family.
    assert db.session.scalars(select(ServiceContact.until)).all() == [None]


def test_the_family_is_copied_while_another_elder_stays(place):
    elder = place.elder()
    other = place.elder(home=elder.household)
    db.session.add(HouseholdMember(household_id=elder.household_id, name="李小明", relation="儿子"))
    db.session.flush()
    ask(place, elder, place.tree.other_community)
    db.session.expire_all()
    assert [one.name for one in elder.household.members] == ["李小明"]
    assert [one.name for one in other.household.members] == ["李小明"]


def test_until_accepted_the_elder_is_the_senders_and_owed_there(place, worker):
    elder = place.elder()
    planned = place.visit(elder, 3, worker)
    open_visit = place.visit(elder, 4)
    claim = claim_visit(as_worker(worker), open_visit.id)
    move = ask(place, elder)
    assert move.state is MoveState.REQUESTED
    assert move.due_on == TODAY + timedelta(days=7)
    here, there = place.tree.street.path, place.tree.other_street.path
    before = due_counts([here], TODAY)
    assert sum(before.values()) > 0
    assert sum(due_counts([there], TODAY).values()) == 0
    assert (elder.area_id, planned.state) == (place.tree.community.id, VisitState.ASSIGNED)
    assert titles(place.there.user_id) == ["有一位长者转到您这里，请接收"]

    accept_move(place.there, move)
    db.session.expire_all()
    assert elder.area_id == place.tree.outside.id
    assert (planned.state, open_visit.state) == (VisitState.CANCELLED, VisitState.CANCELLED)
    assert db.session.get(Claim, claim.id).state is ClaimState.REFUSED
    assert sum(due_counts([here], TODAY).values()) == 0
    assert sum(due_counts([there], TODAY).values()) > 0
    assert "您转出的一位长者已经被接收" in titles(place.here.user_id)


def test_the_contact_of_the_old_street_ends_with_acceptance(place, worker):
    elder = place.elder()
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2025, 1, 1)))
    db.session.flush()
    move = ask(place, elder)
    assert db.session.scalars(select(ServiceContact.until)).all() == [None]
    accept_move(place.there, move)
    assert db.session.scalars(select(ServiceContact.until)).all() == [TODAY]


def test_returning_needs_a_reason_that_the_sender_reads(place):
    elder = place.elder()
    move = ask(place, elder)
    with pytest.raises(InvalidInput):
        return_move(place.there, move, " ")
    return_move(place.there, move, "新住址查无此人")
    assert (move.state, elder.area_id) == (MoveState.RETURNED, place.tree.community.id)
    body = db.session.scalars(select(Message.body).where(Message.user_id == place.here.user_id)).one()
    assert "新住址查无此人" in body
    ask(place, elder)  # and may be asked again


def test_only_the_receiver_answers_and_only_once(place):
    elder = place.elder()
    move = ask(place, elder)
    with pytest.raises(NotAllowed):
        accept_move(place.here, move)
    with pytest.raises(NotAllowed):
        withdraw_move(place.there, move)
    accept_move(place.there, move)
    with pytest.raises(Conflict) as refused:
        accept_move(place.there, move)
    assert refused.value.code == "decided"
    with pytest.raises(Conflict):
        return_move(place.there, move, "晚了")


def test_one_request_at_a_time(place):
    elder = place.elder()
    move = ask(place, elder)
    with pytest.raises(Conflict) as refused:
        ask(place, elder)
    assert refused.value.code == "already_requested"
    withdraw_move(place.here, move)
    assert ask(place, elder).state is MoveState.REQUESTED


def test_who_dies_while_a_request_waits_is_not_received(place):
    elder = place.elder()
    move = ask(place, elder)
    leave(place.here, elder, ElderStatus.DECEASED, TODAY)
    db.session.expire_all()
    assert move.state is MoveState.WITHDRAWN
    with pytest.raises(Conflict):
        accept_move(place.there, move)


def test_the_same_area_a_closed_one_and_one_without_anybody_are_refused(place):
    elder = place.elder()
    with pytest.raises(InvalidInput) as refused:
        ask(place, elder, place.tree.community)
    assert refused.value.code == "same_area"
    with pytest.raises(InvalidInput):
        ask(place, elder, place.tree.other_street)
    place.tree.other_street.settings = {"closed": True}
    db.session.flush()
    with pytest.raises(InvalidInput) as refused:
        ask(place, elder)
    assert refused.value.code == "closed_area"
    empty_street = create_area(AreaLevel.STREET, "空街道", place.tree.county)
    empty = create_area(AreaLevel.COMMUNITY, "空社区", empty_street)
    with pytest.raises(InvalidInput) as refused:
        ask(place, elder, empty)
    assert refused.value.code == "nobody_there"
    for wrong in (
        {"moved_on": TODAY + timedelta(days=1)},
        {"moved_on": date(2020, 1, 1)},
        {"to_address": " "},
        {"reason": ""},
    ):
        with pytest.raises(InvalidInput):
            ask(place, elder, place.tree.other_community, **wrong)


def test_an_area_that_closes_meanwhile_receives_nobody(place):
    elder = place.elder()
    move = ask(place, elder)
    place.tree.outside.settings = {"closed": True}
    db.session.flush()
    with pytest.raises(InvalidInput):
        accept_move(place.there, move)
    assert elder.area_id == place.tree.community.id


def test_both_sides_are_reminded_until_somebody_answers(place):
    elder = place.elder()
    move = ask(place, elder)
    name = "coordinator.register.jobs.remind_of_move"
    owed = db.session.scalars(select(OwedJob).where(OwedJob.name == name)).one()
    # Jobs wait by the machine's time, as long as the days between.
    wait = owed.run_after - clock.machine_now()
    assert abs(wait - timedelta(days=7)) < timedelta(minutes=5)
    remind_of_move(move.id)
    remind_of_move(move.id)
    assert titles(place.there.user_id).count("有一位转来的长者还没有接收") == 1
    assert titles(place.here.user_id).count("您转出的一位长者还没有被接收") == 1
    jobs = db.session.scalars(select(OwedJob.run_after).where(OwedJob.name == name)).all()
    assert len(jobs) == 2
    withdraw_move(place.here, move)
    remind_of_move(move.id)
    assert len(db.session.scalars(select(OwedJob).where(OwedJob.name == name)).all()) == 2


def test_a_community_coordinator_asks_the_next_community(place):
    actor = factories.make_actor(Role.COMMUNITY_COORDINATOR, place.tree.community)
    elder = place.elder()
    move = move_elder(actor, elder, place.tree.other_community, "石桥路8号", TODAY, "搬家")
    assert move.state is MoveState.REQUESTED
    accept_move(place.here, move)
    assert elder.area_id == place.tree.other_community.id
