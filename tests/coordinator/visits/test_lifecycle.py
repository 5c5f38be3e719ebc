"""The table of moves, and that every service keeps to it."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.visits.lifecycle import (
    MOVES,
    AssignmentState,
    ContactMode,
    ContactOutcome,
    IllegalMove,
    VisitState,
    move,
)
from coordinator.visits.models import Visit
from coordinator.visits.services import (
    assign,
    begin_visit,
    cancel_visit,
    close_visit,
    mark_missed,
    mark_no_show,
    move_visit,
    release,
    reopen_visit,
)
from tests.coordinator.visits.conftest import NOW, TODAY
from tests.factories import make_actor, make_worker, visit_times

PAIRS = list(itertools.product(VisitState, VisitState))


def test_the_table_holds_every_state():
    assert set(MOVES) == set(VisitState)


@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_every_illegal_move_is_refused(current, target):
    if target in MOVES[current]:
        assert move(current, target) is target
    else:
        with pytest.raises(IllegalMove):
            move(current, target)


def _in_state(world, state):
    """A visit put into a state behind the services' back."""
    visit = world.visit(world.key_elder())
    values = {"state": state}
    if state in (VisitState.COMPLETED, VisitState.NOT_MET):
        values |= {"contact_on": TODAY, "contact_mode": ContactMode.HOME, "contact_outcome": "completed"}
    if state is VisitState.CANCELLED:
        values["cancelled_reason"] = "长者外出"
    db.session.execute(update(Visit).where(Visit.id == visit.id).values(**values))
    db.session.refresh(visit)
    return visit


VERBS = {
    VisitState.ASSIGNED: lambda world, visit, worker: assign(world.coordinator, visit, [(worker, False)]),
    VisitState.IN_PROGRESS: lambda world, visit, _worker: begin_visit(world.coordinator, visit),
    VisitState.COMPLETED: lambda world, visit, _worker: close_visit(
        world.coordinator, visit, ContactOutcome.COMPLETED
    ),
    VisitState.NOT_MET: lambda world, visit, _worker: close_visit(
        world.coordinator, visit, ContactOutcome.NO_ANSWER
    ),
    VisitState.MISSED: lambda world, visit, _worker: mark_missed(world.coordinator, visit),
    VisitState.CANCELLED: lambda world, visit, _worker: cancel_visit(world.coordinator, visit, "长者外出"),
}


@pytest.mark.parametrize(("current", "target"), list(itertools.product(VisitState, VERBS)))
def test_every_verb_keeps_to_the_table(world, freeze, current, target):
    visit = _in_state(world, current)
    worker = make_worker(world.tree.street)
    freeze(NOW + timedelta(hours=3))
    # An assigned visit may be given to one more person without a move.
    if target in MOVES[current] or (current, target) == (VisitState.ASSIGNED, VisitState.ASSIGNED):
        VERBS[target](world, visit, worker)
        expected = target
    else:
        with pytest.raises(Conflict) as refusal:
            VERBS[target](world, visit, worker)
        assert refusal.value.code == "illegal_move"
        assert "不能改成" in refusal.value.message
        expected = current
    db.session.expire(visit)
    assert visit.state is expected


def test_of_two_who_move_at_once_the_second_is_told(world):
    visit = world.visit(world.key_elder())
    db.session.execute(
        update(Visit)
        .where(Visit.id == visit.id)
        .values(state=VisitState.CLAIMED)
        .execution_options(synchronize_session=False)
    )
    assert visit.state is VisitState.OPEN
    with pytest.raises(Conflict) as refusal:
        move_visit(visit, VisitState.MISSED)
    assert refusal.value.code == "changed_meanwhile"
    assert "待审批" in refusal.value.message
    assert visit.state is VisitState.CLAIMED


def test_a_whole_visit(world):
    elder = world.key_elder(name="王素珍")
    worker = make_worker(world.tree.street, name="陈素芬")
    visit = world.visit(
        elder, rule="luzhou.key.half_month", period=(TODAY.replace(day=16), TODAY.replace(day=31))
    )
    assign(world.coordinator, visit, [(worker, False)])
    by_worker = make_actor(Role.WORKER, worker_id=worker.id)
    begin_visit(by_worker, visit)
    close_visit(by_worker, visit, ContactOutcome.COMPLETED)
    db.session.expire_all()
    assert (visit.state, visit.sequence, visit.contact_on) == (VisitState.COMPLETED, 1, TODAY)
    assert visit.contact_mode is ContactMode.HOME
    assert visit.closed_at == NOW
    assert [one.state for one in visit.assignments] == [AssignmentState.DONE]
    lines = db.session.scalars(
        select(AuditEntry.summary)
        .where(AuditEntry.object_id == visit.id, AuditEntry.object_type == "visits")
        .order_by(AuditEntry.id)
    ).all()
    assert lines == [
        "安排王素珍的上门探访：3月26日 9:00–9:30",
        "把王素珍 3月26日 9:00–9:30的探访派给陈素芬",
        "开始探访王素珍（3月26日 9:00–9:30）",
        "3月26日上门探访王素珍：见到或联系上了，第 1 次",
    ]


def test_only_its_people_and_coordinators_carry_a_visit_out(world):
    visit = world.visit(world.key_elder())
    assign(world.coordinator, visit, [(make_worker(world.tree.street), False)])
    stranger = make_actor(Role.WORKER, worker_id=make_worker(world.tree.street).id)
    with pytest.raises(NotAllowed):
        begin_visit(stranger, visit)
    begin_visit(world.coordinator, visit)
    with pytest.raises(NotAllowed):
        close_visit(stranger, visit, ContactOutcome.COMPLETED)


def test_a_failed_attempt_is_numbered_and_does_not_complete(world):
    elder = world.key_elder()
    world.visited(elder, TODAY, ContactOutcome.NO_ANSWER)
    second = world.visited(elder, TODAY)
    assert second.sequence == 2
    first = db.session.scalars(select(Visit).where(Visit.elder_id == elder.id, Visit.sequence == 1)).one()
    assert first.state is VisitState.NOT_MET


def test_a_visit_is_not_closed_in_the_future(world):
    visit = world.visit(world.key_elder())
    assign(world.coordinator, visit, [(make_worker(world.tree.street), False)])
    begin_visit(world.coordinator, visit)
    with pytest.raises(InvalidInput):
        close_visit(world.coordinator, visit, ContactOutcome.COMPLETED, on=TODAY + timedelta(days=1))
    assert visit.state is VisitState.IN_PROGRESS


def test_a_missed_visit_opens_again_at_another_time(world, freeze):
    visit = world.visit(world.key_elder(), TODAY + timedelta(days=1))
    worker = make_worker(world.tree.street)
    assign(world.coordinator, visit, [(worker, False)])
    with pytest.raises(Conflict) as refusal:
        mark_missed(world.coordinator, visit)
    assert refusal.value.code == "too_early"
    freeze(NOW + timedelta(days=2))
    mark_missed(world.coordinator, visit, "路上堵车")
    assert visit.assignments[0].state is AssignmentState.NO_SHOW
    reopen_visit(world.coordinator, visit, *visit_times(TODAY + timedelta(days=3)))
    assert visit.state is VisitState.OPEN
    assign(world.coordinator, visit, [(worker, False)])
    assert [one.state for one in visit.assignments] == [AssignmentState.NO_SHOW, AssignmentState.APPROVED]


def test_cancelling_frees_the_people(world):
    visit = world.visit(world.key_elder())
    worker = make_worker(world.tree.street)
    assign(world.coordinator, visit, [(worker, False)])
    with pytest.raises(InvalidInput):
        cancel_visit(world.coordinator, visit, "  ")
    cancel_visit(world.coordinator, visit, "长者住院")
    assert visit.assignments[0].state is AssignmentState.CANCELLED
    other = world.visit(world.key_elder())
    assign(world.coordinator, other, [(worker, False)])


def test_releasing_opens_the_visit_again(world):
    visit = world.visit(world.key_elder())
    worker = make_worker(world.tree.street)
    assign(world.coordinator, visit, [(worker, False)])
    with pytest.raises(NotAllowed):
        release(make_actor(area=world.tree.other_street), visit, worker, "有事")
    release(world.coordinator, visit, worker, "临时有事")
    assert visit.state is VisitState.OPEN
    assert (visit.assignments[0].state, visit.assignments[0].end_reason) == (
        AssignmentState.WITHDRAWN,
        "临时有事",
    )
    with pytest.raises(Conflict):
        release(world.coordinator, visit, worker, "再退一次")


def test_one_of_two_who_does_not_come(world):
    visit = world.visit(world.key_elder(), people=2)
    came, stayed = make_worker(world.tree.street), make_worker(world.tree.street)
    assign(world.coordinator, visit, [(came, False), (stayed, False)])
    begin_visit(world.coordinator, visit)
    mark_no_show(world.coordinator, visit, stayed)
    with pytest.raises(Conflict):
        mark_no_show(world.coordinator, visit, came)
    close_visit(world.coordinator, visit, ContactOutcome.COMPLETED)
    assert [one.state for one in visit.assignments] == [AssignmentState.DONE, AssignmentState.NO_SHOW]
