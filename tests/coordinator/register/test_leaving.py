"""Leaving the register: what is planned is called off, people are told without a reason, a mistake is undone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.elders.models import ElderStatus
from coordinator.elders.services import reinstate_elder
from coordinator.extensions import db
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import claim_visit
from coordinator.messages.models import Message
from coordinator.planning.models import Plan, PlanRoute, PlanStop, RouteSheet
from coordinator.register.services.leaving import leave, undo_leaving
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.queries import obligations_for
from coordinator.workforce.models import ServiceContact
from tests import factories
from tests.coordinator.register.conftest import TODAY, as_worker


def test_leaving_calls_off_what_comes_after_and_leaves_what_came_before(place, worker):
    elder = place.elder(name="王素珍")
    before = place.visit(elder, 1, worker)
    after = place.visit(elder, 5, worker)
    done = leave(place.here, elder, ElderStatus.MOVED, TODAY + timedelta(days=3), "搬去女儿家")
    db.session.expire_all()
    assert (before.state, after.state) == (VisitState.ASSIGNED, VisitState.CANCELLED)
    assert after.assignments[0].state is AssignmentState.CANCELLED
    assert (done.visits, done.told) == (1, 1)


def test_a_waiting_claim_ends_and_the_claimer_is_told(place, worker):
    elder = place.elder()
    visit = place.visit(elder, 5)
    claim = claim_visit(as_worker(worker), visit.id)
    leave(place.here, elder, ElderStatus.IN_INSTITUTION, TODAY)
    db.session.expire_all()
    assert visit.state is VisitState.CANCELLED
    assert db.session.get(Claim, claim.id).state is ClaimState.REFUSED
    assert db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).all()


def test_nobody_learns_of_a_death_from_a_telephone(place, worker):
    elder = place.elder(name="王素珍")
    place.visit(elder, 2, worker)
    leave(place.here, elder, ElderStatus.DECEASED, TODAY, "昨夜在家中去世")
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).all()
    assert len(told) == 1
    words = told[0].title + told[0].body
    assert "不用去了" in words
    for secret in ("王素珍", "去世", "离册", elder.household.address):
        assert secret not in words
    visit = elder and db.session.scalars(select(Claim)).all()
    assert visit == []


def test_the_reason_on_the_cancelled_visit_says_no_cause(place, worker):
    elder = place.elder()
    visit = place.visit(elder, 2, worker)
    leave(place.here, elder, ElderStatus.DECEASED, TODAY, "去世")
    db.session.expire_all()
    assert "去世" not in visit.cancelled_reason


def test_drafts_and_printed_sheets_lose_the_elder(place, worker):
    elder, other = place.elder(), place.elder()
    plan = Plan(area_id=place.tree.street.id, month=date(2026, 3, 1), state="ready")
    route = PlanRoute(
        plan=plan,
        worker_id=worker.id,
        day=TODAY + timedelta(days=4),
        letter=0,
        departure_seconds=1,
        arrival_seconds=9,
        travel_seconds=1,
        travel_metres=1,
    )
    common = {
        "rule": "LZ-G",
        "period_from": date(2026, 3, 1),
        "period_to": date(2026, 3, 31),
        "arrival_seconds": 1,
        "start_seconds": 1,
        "end_seconds": 2,
    }
    stops = [
        PlanStop(plan=plan, route=route, visit_key=f"e{one.id}#1", elder_id=one.id, position=n, **common)
        for n, one in enumerate((elder, other))
    ]
    db.session.add_all([plan, route, *stops])
    db.session.flush()
    sheet = RouteSheet(
        route_id=route.id,
        number="S-1",
        code="s1",
        content_sha256="0" * 64,
        expires_at=factories.visit_times(TODAY)[0],
    )
    db.session.add(sheet)
    db.session.flush()
    done = leave(place.here, elder, ElderStatus.MOVED, TODAY)
    db.session.expire_all()
    assert done.stops == 1
    assert stops[0].route_id is None
    assert stops[0].reason == "not_possible_now"
    assert stops[1].route_id == route.id
    assert sheet.voided_at is not None


def test_the_service_contact_is_free_again(place, worker):
    elder = place.elder()
    db.session.add(ServiceContact(elder_id=elder.id, worker_id=worker.id, since=date(2025, 1, 1)))
    db.session.flush()
    leave(place.here, elder, ElderStatus.MOVED, TODAY)
    contact = db.session.scalars(select(ServiceContact).where(ServiceContact.elder_id == elder.id)).one()
    assert contact.until == TODAY


def test_undoing_a_mistake_is_as_if_nobody_had_left(place):
    elder = place.elder(enrolled_on=date(2024, 5, 6))
    owed = obligations_for([elder], None, TODAY, TODAY, TODAY)[elder.id]
    leave(place.here, elder, ElderStatus.DECEASED, TODAY)
    with pytest.raises(InvalidInput):
        undo_leaving(place.here, elder, " ")
    undo_leaving(place.here, elder, "登记错了人")
    assert (elder.status, elder.left_on, elder.enrolled_on) == (ElderStatus.ACTIVE, None, date(2024, 5, 6))
    again = obligations_for([elder], None, TODAY, TODAY, TODAY)[elder.id]
    assert [(one.rule, one.status) for one in again] == [(one.rule, one.status) for one in owed]
    with pytest.raises(Conflict):
        undo_leaving(place.here, elder, "再来一次")


def test_somebody_who_left_long_ago_has_come_back_and_is_enrolled_anew(place):
    elder = place.elder(enrolled_on=date(2024, 5, 6))
    leave(place.here, elder, ElderStatus.MOVED, date(2026, 2, 1))
    with pytest.raises(Conflict) as refused:
        undo_leaving(place.here, elder, "又回来了")
    assert refused.value.code == "too_late"
    reinstate_elder(place.here, elder)
    assert elder.enrolled_on == TODAY


def test_another_streets_coordinator_lets_nobody_go(place):
    elder = place.elder()
    with pytest.raises(Exception, match="权限"):
        leave(place.there, elder, ElderStatus.MOVED, TODAY)
    with pytest.raises(InvalidInput):
        leave(place.here, elder, ElderStatus.MERGED, TODAY)
