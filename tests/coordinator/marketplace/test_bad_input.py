"""A claim for what is gone, twice, from a stale page, for the past, and with clocks that go wrong."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.services import Taken, claim_visit, refuse_claim, stand_in_line, withdraw_claim
from coordinator.marketplace.views.retrying import TRIES, retrying
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.services import cancel_visit
from tests.coordinator.fieldwork.conftest import MORNING, TODAY

SATURDAY = date(2026, 3, 28)


def count_of(model) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_visit_called_off_a_moment_ago(field, signed_in):
    _worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    phone = signed_in(actor)
    assert phone.get(f"/open-visits/{visit.id}").status_code == 200
    cancel_visit(field.coordinator, visit, "长者住院")
    db.session.flush()
    lines = count_of(AuditEntry)
    answer = phone.post(f"/open-visits/{visit.id}/claim")
    assert answer.status_code == 409
    assert "已经取消或者开始了" in answer.text
    assert f"/open-visits/{visit.id}/queue" not in answer.text
    assert phone.post(f"/open-visits/{visit.id}/queue").status_code == 409
    assert phone.get(f"/open-visits/{visit.id}").status_code == 404
    assert (count_of(Claim), count_of(AuditEntry)) == (0, lines), "nothing was written"


def test_a_claim_made_twice_is_one_claim_with_one_line(field):
    _worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    first = claim_visit(actor, visit.id)
    assert claim_visit(actor, visit.id).id == first.id
    assert count_of(Claim) == 1
    written = db.session.scalars(
        select(AuditEntry).where(AuditEntry.object_type == "claims", AuditEntry.object_id == first.id)
    ).one()
    assert (written.action, written.user_id, written.area_id) == (
        "claim.make",
        actor.user_id,
        field.tree.community.id,
    )
    assert written.changes == {"visit_id": [None, visit.id]}
    db.session.expire_all()
    stored = db.session.get_one(Claim, first.id)
    assert (stored.state, stored.by_rule, stored.decided_at) == (ClaimState.PENDING, False, None)
    assert stored.added_seconds is not None
    assert stored.claimed_at == clock.now()


def test_pressing_twice_at_the_limit_is_no_second_claim(field):
    field.tree.street.settings = {"claims": {"open_at_once": 1}}
    _worker, actor = field.worker()
    visit = field.visit(day=SATURDAY)
    first = claim_visit(actor, visit.id)
    assert claim_visit(actor, visit.id).id == first.id
    with pytest.raises(Conflict) as refused:
        claim_visit(actor, field.visit(day=SATURDAY, start=time(15, 0)).id)
    assert refused.value.code == "too_many_claims"


def test_a_stale_page_of_the_inbox(field, signed_in):
    _worker, actor = field.worker()
    claim = claim_visit(actor, field.visit(day=SATURDAY).id)
    desk = signed_in(field.coordinator)
    withdraw_claim(actor, claim.id)
    db.session.flush()
    for what in ("approve", "refuse"):
        answer = desk.post(f"/approvals/{claim.id}/{what}", {"reason": "这次请熟人去"})
        assert answer.status_code == 422
        assert "没有要审批的" in answer.text
    together = desk.post("/approvals/together", {"id": [str(claim.id)]})
    assert together.status_code == 303
    db.session.expire_all()
    assert claim.state is ClaimState.WITHDRAWN
    with pytest.raises(Conflict):
        refuse_claim(field.coordinator, claim.id, "晚了")


def test_a_visit_in_the_past_or_about_to_begin(field, freeze):
    _worker, actor = field.worker()
    visit = field.visit(day=TODAY, start=time(15, 0))
    freeze(MORNING + timedelta(hours=5))
    with pytest.raises(Conflict) as refused:
        claim_visit(actor, visit.id)
    assert refused.value.code == "soon"
    freeze(MORNING + timedelta(hours=7))
    with pytest.raises(Conflict) as refused:
        claim_visit(actor, visit.id)
    assert refused.value.code == "soon"
    visit.state = VisitState.CLAIMED
    db.session.flush()
    with pytest.raises(Taken) as lost:
        claim_visit(actor, visit.id)
    assert lost.value.visit_id is None, "there is nothing to wait for"
    with pytest.raises(Conflict) as refused:
        stand_in_line(actor, visit.id)
    assert refused.value.code == "over"


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_an_hour_off_change_no_order_and_no_claim(field, freeze, hours):
    """One web server is an hour off: what was claimed stays claimed, and the line keeps its order by the hour that
    each of them was told."""
    _a, first = field.worker()
    _b, second = field.worker()
    _c, third = field.worker()
    visit = field.visit(day=SATURDAY)
    claim = claim_visit(first, visit.id)
    waiting = stand_in_line(second, visit.id)
    freeze(MORNING + timedelta(hours=hours))
    with pytest.raises(Taken):
        claim_visit(third, visit.id)
    last = stand_in_line(third, visit.id)
    withdraw_claim(first, claim.id)
    db.session.expire_all()
    moved, stays = (waiting, last) if hours > 0 else (last, waiting)
    assert (moved.state, stays.state) == (ClaimState.PENDING, ClaimState.QUEUED)
    assert visit.state is VisitState.CLAIMED


def test_what_the_database_breaks_off_is_done_again(app, db_session):
    tries = []

    def twice_dead() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("", None, DeadlockDetected())
        return "done"

    assert retrying(twice_dead) == "done"
    assert len(tries) == 3

    def always() -> None:
        tries.append(1)
        raise OperationalError("", None, DeadlockDetected())

    tries.clear()
    with pytest.raises(OperationalError):
        retrying(always)
    assert len(tries) == TRIES

    def away() -> None:
        tries.append(1)
        raise OperationalError("", None, ConnectionError())  # type: ignore[arg-type]

    tries.clear()
    with pytest.raises(OperationalError):
        retrying(away)
    assert len(tries) == 1, "a server that is away is no matter for another try"
