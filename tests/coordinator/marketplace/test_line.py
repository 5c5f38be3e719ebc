"""The waiting list: places, moving up, and nobody forgotten."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict
from coordinator.kernel.queue import OwedJob
from coordinator.marketplace import jobs
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.queries.line import places_in_line
from coordinator.marketplace.queries.standing import standing_of
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import (
    approve_claim,
    claim_visit,
    leave_visit,
    move_up,
    refuse_claim,
    stand_in_line,
    withdraw_claim,
)
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.services import cancel_visit, release
from coordinator.workforce.models import WorkerStatus
from coordinator.workforce.queries import workers_for_duty

SATURDAY = date(2026, 3, 28)


def state_of(visit) -> VisitState:
    db.session.refresh(visit)
    return visit.state


def titles(worker) -> list[str]:
    return list(
        db.session.scalars(
            select(Message.title).where(Message.user_id == worker.user_id).order_by(Message.id)
        )
    )


def test_the_first_in_line_moves_up_when_the_claim_is_refused(field):
    _a, first = field.worker()
    second, second_actor = field.worker()
    _third, third_actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(first, visit.id)
    waiting = stand_in_line(second_actor, visit.id)
    later = stand_in_line(third_actor, visit.id)
    assert stand_in_line(second_actor, visit.id).id == waiting.id, "asking again gives the same place"
    assert claim_visit(second_actor, visit.id).id == waiting.id
    assert stand_in_line(first, visit.id).id == claim.id, "whoever has asked for it does not wait for it"
    assert places_in_line([waiting.id, later.id]) == {waiting.id: 1, later.id: 2}

    refuse_claim(field.coordinator, claim.id, "这位长者只要熟人去")
    db.session.expire_all()
    assert (waiting.state, later.state) == (ClaimState.PENDING, ClaimState.QUEUED)
    assert state_of(visit) is VisitState.CLAIMED
    assert titles(second) == ["您排队的探访轮到您了"]
    assert places_in_line([later.id]) == {later.id: 1}
    said = db.session.scalars(
        select(AuditEntry.action)
        .where(AuditEntry.object_type == "claims", AuditEntry.object_id == waiting.id)
        .order_by(AuditEntry.id)
    ).all()
    assert said == ["claim.queue", "claim.move_up"]


@pytest.mark.parametrize("how", ["withdrawn", "left", "stopped", "released"])
def test_whoever_frees_a_visit_moves_the_line(field, how):
    first, first_actor = field.worker()
    _second, second_actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(first_actor, visit.id)
    if how != "withdrawn":
        approve_claim(field.coordinator, claim.id)
    waiting = stand_in_line(second_actor, visit.id)
    db.session.expire_all()
    if how == "withdrawn":
        withdraw_claim(first_actor, claim.id)
    elif how == "left":
        leave_visit(first_actor, visit.id, "家里有事")
    elif how == "stopped":
        first.status = WorkerStatus.SUSPENDED
        db.session.flush()
        jobs.free_visits_of(first.id)
    else:
        release(field.coordinator, visit, workers_for_duty([first.id])[first.id], "换一位")
        db.session.flush()
        owed = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("move_up_in"))).one()
        assert "coordinator.marketplace.jobs.tend_lines" in {name for name, _key in jobs.due_by_itself()}
        jobs.move_up_in(**owed.payload)
    db.session.expire_all()
    assert waiting.state is ClaimState.PENDING
    assert visit.state is VisitState.CLAIMED
    assert jobs.due_by_itself() == []


def test_who_no_longer_fits_is_passed_over_and_keeps_the_place(field):
    _a, first = field.worker()
    busy, busy_actor = field.worker()
    _free, free_actor = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(first, visit.id)
    passed = stand_in_line(busy_actor, visit.id)
    taken = stand_in_line(free_actor, visit.id)
    claim_visit(busy_actor, field.visit(day=SATURDAY).id)
    withdraw_claim(first, claim.id)
    db.session.expire_all()
    assert (passed.state, taken.state) == (ClaimState.QUEUED, ClaimState.PENDING)
    assert titles(busy) == []
    assert places_in_line([passed.id]) == {passed.id: 1}


def test_leaving_the_line_changes_nothing_else(field):
    _a, first = field.worker()
    _b, second = field.worker()
    visit = field.visit(day=SATURDAY)
    claim_visit(first, visit.id)
    waiting = stand_in_line(second, visit.id)
    withdraw_claim(second, waiting.id)
    withdraw_claim(second, waiting.id)
    db.session.expire_all()
    assert waiting.state is ClaimState.WITHDRAWN
    assert visit.state is VisitState.CLAIMED
    assert stand_in_line(second, visit.id).id != waiting.id, "one may come back, at the end"


def test_several_fall_out_at_once_and_nobody_is_forgotten(field):
    gone = [field.worker() for _n in range(3)]
    waiters = [field.worker() for _n in range(4)]
    visits = [field.visit(day=SATURDAY, start=time(9 + n, 0)) for n in range(3)]
    for (_worker, actor), visit in zip(gone, visits, strict=True):
        approve_claim(field.coordinator, claim_visit(actor, visit.id).id)
    places = {}
    for index, (_worker, actor) in enumerate(waiters):
        for visit in visits:
            if index < 3:
                places[index, visit.id] = stand_in_line(actor, visit.id)
    last = [stand_in_line(waiters[3][1], visit.id) for visit in visits]
    for (_worker, actor), visit in zip(gone, visits, strict=True):
        leave_visit(actor, visit.id, "生病")
    db.session.expire_all()
    moved = [claim for claim in places.values() if claim.state is ClaimState.PENDING]
    assert {claim.visit_id for claim in moved} == {visit.id for visit in visits}
    assert {claim.worker_id for claim in moved} == {waiters[0][0].id}, "the first in each line"
    assert all(claim.state is ClaimState.QUEUED for claim in last)
    assert jobs.due_by_itself() == []


def test_a_line_ends_with_its_visit(field, later):
    _a, first = field.worker()
    waiter, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    called_off = field.visit(day=SATURDAY, start=time(15, 0))
    claim_visit(first, visit.id)
    claim_visit(first, called_off.id)
    begun, cancelled = stand_in_line(actor, visit.id), stand_in_line(actor, called_off.id)
    db.session.refresh(called_off)
    cancel_visit(field.coordinator, called_off, "长者住院")
    db.session.flush()
    jobs.tend_lines()
    db.session.expire_all()
    assert (begun.state, cancelled.state) == (ClaimState.QUEUED, ClaimState.WITHDRAWN)
    assert cancelled.reason == "这次探访取消了"
    later(2 * 24 * 60 + 5)
    jobs.tend_lines()
    jobs.tend_lines()
    db.session.expire_all()
    assert begun.state is ClaimState.WITHDRAWN
    assert titles(waiter) == ["您排队的探访没有轮到您"] * 2
    with pytest.raises(Conflict) as refused:
        stand_in_line(actor, visit.id)
    assert refused.value.code == "over"


def test_a_free_visit_is_claimed_and_not_waited_for(field):
    _a, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    with pytest.raises(Conflict) as refused:
        stand_in_line(actor, visit.id)
    assert refused.value.code == "free"
    assert move_up(visit.id) is None


def test_limits_count_places_in_line_and_hours_ahead(field):
    field.tree.street.settings = {
        "claims": {"open_at_once": 4, "queue_places": 2, "hours_ahead": 2, "ahead_days": 14}
    }
    _other, other_actor = field.worker()
    worker, actor = field.worker()
    taken = [field.visit(day=SATURDAY, start=time(9 + n, 0), minutes=30) for n in range(3)]
    for visit in taken:
        claim_visit(other_actor, visit.id)
    for visit in taken[:2]:
        stand_in_line(actor, visit.id)
    with pytest.raises(Conflict) as refused:
        stand_in_line(actor, taken[2].id)
    assert refused.value.code == "too_many_places"
    rules = Rules.of(field.tree.street.settings["claims"])
    assert standing_of(worker.id, rules) == (0, 2, 60)
    claim_visit(actor, field.visit(day=SATURDAY, start=time(14, 0), minutes=40).id)
    long = field.visit(day=SATURDAY, start=time(15, 0), minutes=40)
    with pytest.raises(Conflict) as refused:
        claim_visit(actor, long.id)
    assert refused.value.code == "too_many_hours"
    assert "2 小时" in refused.value.message
    claim_visit(actor, field.visit(day=SATURDAY, start=time(16, 0), minutes=20).id)
    with pytest.raises(Conflict) as refused:
        claim_visit(actor, field.visit(day=date(2026, 4, 15), start=time(15, 0), minutes=20).id)
    assert refused.value.code == "too_many_claims"


def test_the_hours_of_a_visit_far_ahead_do_not_count(field):
    field.tree.street.settings = {"claims": {"hours_ahead": 1, "ahead_days": 7}}
    _worker, actor = field.worker()
    claim_visit(actor, field.visit(day=SATURDAY, minutes=60).id)
    far = field.visit(day=date(2026, 4, 8), minutes=60)
    assert claim_visit(actor, far.id).state is ClaimState.PENDING


def test_a_minor_waits_with_an_adult_and_moves_up_with_that_adult(field):
    _a, first = field.worker()
    _minor, actor = field.minor()
    adult, _adult_actor = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14, 0))
    claim = claim_visit(first, visit.id)
    with pytest.raises(Conflict) as refused:
        stand_in_line(actor, visit.id)
    assert refused.value.code == "minor_alone"
    waiting = stand_in_line(actor, visit.id, adult.id)
    withdraw_claim(first, claim.id)
    db.session.expire_all()
    assert (waiting.state, waiting.companion_id) == (ClaimState.PENDING, adult.id)
    assert any("请您一起去探访" in title for title in titles(adult))
    assert db.session.get_one(Claim, claim.id).state is ClaimState.WITHDRAWN
