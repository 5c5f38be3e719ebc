"""A worker's calls on 今天: whose name is shown when, what is written down, what counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.accounts.models import User
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.services.remote import open_number, tick_call
from coordinator.kernel import audit
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import NotAllowed, NotFound
from coordinator.planning.models import Plan, PlanCall, PlanState
from coordinator.visits.lifecycle import ContactMode, ContactOutcome, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services import log_remote_contact
from coordinator.workforce.models import Bar, Worker
from tests import factories

DAY = date(2026, 3, 26)
NUMBER = "13900001234"


@dataclass
class Desk:
    """A worker with a call on 26 March in an approved plan."""

    elder: Elder
    user: User
    worker: Worker
    actor: Actor
    plan: Plan
    call: PlanCall


@pytest.fixture
def desk(db_session: Any, freeze: Callable[[datetime], None]) -> Desk:
    """Nine o'clock in the morning of the call's day."""
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))
    tree = factories.make_area_tree()
    elder = factories.make_elder(tree.community, phone=NUMBER, name="何秀兰")
    user = factories.make_user(Role.WORKER)
    worker = factories.make_worker(tree.community, user_id=user.id)
    plan = Plan(
        area_id=tree.street.id,
        month=date(2026, 3, 1),
        state=PlanState.APPROVED,
        approved_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    db.session.add(plan)
    db.session.flush()
    call = PlanCall(
        plan_id=plan.id,
        elder_id=elder.id,
        label="每月联系 1 次",
        period_from=date(2026, 3, 1),
        period_to=date(2026, 3, 31),
        minutes=15,
        worker_id=worker.id,
        day=DAY,
        start_seconds=10 * 3600,
    )
    db.session.add(call)
    db.session.flush()
    actor = Actor(user.id, user.name, (Grant(Role.WORKER),), worker_id=worker.id)
    return Desk(elder, user, worker, actor, plan, call)


def page(client: FlaskClient) -> str:
    return client.get("/today").get_data(as_text=True)


def looks() -> int:
    return (
        db.session.scalar(
            select(func.count(audit.AuditEntry.id)).where(audit.AuditEntry.action == "call.reveal")
        )
        or 0
    )


def test_todays_call_stands_beside_the_route_without_its_number(client: FlaskClient, desk: Desk) -> None:
    factories.sign_in(client, desk.user)
    found = page(client)
    assert "何秀兰" in found
    assert "10:00" in found
    assert NUMBER not in found
    assert looks() == 0


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 25, 9, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 25, 10, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 26, 15, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 27, 1, 0, tzinfo=UTC), False),
    ],
)
def test_the_name_is_shown_from_the_evening_before(
    client: FlaskClient, desk: Desk, freeze: Callable[[datetime], None], moment: datetime, shown: bool
) -> None:
    freeze(moment)
    factories.sign_in(client, desk.user)
    assert ("何秀兰" in page(client)) is shown


def test_a_number_is_opened_on_its_day_only_and_written_down(
    desk: Desk, freeze: Callable[[datetime], None]
) -> None:
    assert open_number(desk.actor, desk.call.id).elder.phone == NUMBER
    assert looks() == 1
    freeze(datetime(2026, 3, 25, 12, 0, tzinfo=UTC))
    with pytest.raises(NotFound):
        open_number(desk.actor, desk.call.id)
    assert looks() == 1


@pytest.mark.parametrize("reason", ["draft", "superseded", "barred", "somebody else's"])
def test_what_is_not_this_workers_does_not_exist(client: FlaskClient, desk: Desk, reason: str) -> None:
    if reason == "draft":
        desk.plan.state, desk.plan.approved_at = PlanState.READY, None
    elif reason == "superseded":
        desk.plan.state = PlanState.SUPERSEDED
    elif reason == "barred":
        db.session.add(Bar(worker_id=desk.worker.id, elder_id=desk.elder.id))
    else:
        other = factories.make_worker(desk.elder.area)
        desk.call.worker_id = other.id
    db.session.flush()
    with pytest.raises(NotFound):
        open_number(desk.actor, desk.call.id)
    with pytest.raises(NotFound):
        tick_call(desk.actor, desk.call.id, ContactMode.PHONE, ContactOutcome.COMPLETED, "t")
    factories.sign_in(client, desk.user)
    assert "何秀兰" not in page(client)


def test_only_a_call_that_was_given_may_be_logged(desk: Desk) -> None:
    """The worker is not the elder's contact person: without the call nothing may be written down."""
    with pytest.raises(NotAllowed):
        log_remote_contact(
            desk.actor,
            desk.elder,
            ContactMode.PHONE,
            ContactOutcome.COMPLETED,
            datetime(2026, 3, 26, 0, tzinfo=UTC),
        )


def test_a_tick_is_a_contact_that_counts_once(client: FlaskClient, desk: Desk) -> None:
    factories.sign_in(client, desk.user)
    token = factories.csrf_token(client)
    opened = client.post(f"/today/calls/{desk.call.id}/number", data={"csrf_token": token})
    body = opened.get_data(as_text=True)
    assert f"tel:{NUMBER}" in body
    assert looks() == 1
    mark = re.search(r'name="token" value="(\w+)"', body)
    assert mark is not None
    form = {"csrf_token": token, "token": mark[1], "answer": "reached", "mode": "phone", "note": "一切都好"}
    for _ in range(2):
        assert client.post(f"/today/calls/{desk.call.id}", data=form).status_code == 303
    visit = db.session.scalars(select(Visit).where(Visit.elder_id == desk.elder.id)).one()
    assert visit.state is VisitState.COMPLETED
    assert (visit.contact_mode, visit.contact_on) == (ContactMode.PHONE, DAY)
    assert visit.contact_note == "一切都好"
    assert db.session.get_one(PlanCall, desk.call.id).visit_id == visit.id
    found = page(client)
    assert "联系过了" in found
    assert f"/today/calls/{desk.call.id}/number" not in found


def test_no_answer_leaves_the_call_open(client: FlaskClient, desk: Desk) -> None:
    assert tick_call(desk.actor, desk.call.id, ContactMode.PHONE, ContactOutcome.NO_ANSWER, "a")
    assert tick_call(desk.actor, desk.call.id, ContactMode.PHONE, ContactOutcome.NO_ANSWER, "a") is None
    assert tick_call(desk.actor, desk.call.id, ContactMode.VIDEO, ContactOutcome.COMPLETED, "b")
    assert tick_call(desk.actor, desk.call.id, ContactMode.PHONE, ContactOutcome.COMPLETED, "c") is None
    states = db.session.scalars(select(Visit.state).order_by(Visit.id)).all()
    assert states == [VisitState.NOT_MET, VisitState.COMPLETED]


def test_tomorrows_names_come_without_a_button(
    client: FlaskClient, desk: Desk, freeze: Callable[[datetime], None]
) -> None:
    desk.call.day = DAY + timedelta(days=1)
    db.session.flush()
    freeze(datetime(2026, 3, 26, 11, 0, tzinfo=UTC))
    factories.sign_in(client, desk.user)
    found = page(client)
    assert "明天的电话" in found
    assert f"/today/calls/{desk.call.id}/number" not in found
