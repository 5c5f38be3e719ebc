"""The month's calls: who rings whom, when, what a coordinator may change, what a worker sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.planning import queries, services
from coordinator.planning.models import Plan, PlanCall, PlanRoute
from coordinator.planning.services.calls import wanted_calls
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import SurgeEvent, SurgeKind
from coordinator.visits.services import log_remote_contact
from coordinator.workforce.models import Availability, Bar, ServiceContact
from tests import factories
from tests.coordinator.planning.conftest import Street, solve
from tests.coordinator.planning.pages import post, text_of

FESTIVAL = (date(2026, 4, 8), date(2026, 4, 10))


@pytest.fixture
def ringing(street: Street) -> Street:
    """A festival in which each of the six elders is owed a contact; all but the last have a telephone."""
    event = SurgeEvent(
        area_id=street.area.id,
        kind=SurgeKind.FESTIVAL,
        name="端午节",
        first_day=FESTIVAL[0],
        last_day=FESTIVAL[1],
    )
    db.session.add(event)
    for number, elder in enumerate([*street.key, *street.general[:-1]]):
        elder.phone = f"1380000{number:04d}"
    db.session.commit()
    return street


def calls_in(plan: Plan) -> list[PlanCall]:
    return list(db.session.scalars(select(PlanCall).where(PlanCall.plan_id == plan.id).order_by(PlanCall.id)))


def some_call(plan: Plan) -> PlanCall:
    return next(one for one in calls_in(plan) if one.worker_id is not None)


# --- giving out ------------------------------------------------------------------------------------------


def test_a_plan_gives_its_calls_out_beside_the_routes(ringing: Street) -> None:
    plan = solve(ringing)
    calls = calls_in(plan)
    assert calls
    shifts = {
        (one.worker_id, one.weekday): (one.starts, one.ends)
        for one in db.session.scalars(select(Availability))
    }
    routes = {
        (one.worker_id, one.day): (one.departure_seconds, one.arrival_seconds)
        for one in db.session.scalars(select(PlanRoute).where(PlanRoute.plan_id == plan.id))
    }
    for call in calls:
        if call.worker_id is None:
            assert (call.elder_id, call.reason) == (ringing.general[-1].id, "no_phone")
            continue
        assert call.day is not None
        assert call.start_seconds is not None
        assert call.period_from <= call.day <= call.period_to
        starts, ends = shifts[call.worker_id, call.day.weekday()]
        assert starts.hour * 3600 <= call.start_seconds <= ends.hour * 3600 - 900
        out, back = routes.get((call.worker_id, call.day), (0, 0))
        assert call.start_seconds + 900 <= out or call.start_seconds >= back
    assert not queries.calls_of(plan).clashes


def test_the_contact_person_rings(ringing: Street) -> None:
    friend = ringing.workers[2]
    for elder in ringing.general:
        db.session.add(ServiceContact(elder_id=elder.id, worker_id=friend.id, since=date(2026, 1, 1)))
    db.session.commit()
    plan = solve(ringing)
    mine = [one for one in calls_in(plan) if one.elder_id in {elder.id for elder in ringing.general}]
    assert {one.worker_id for one in mine if one.reason is None} == {friend.id}
    assert {one.why for one in mine if one.reason is None} == {"known"}


def test_who_is_barred_and_who_is_not_of_age_rings_nobody(ringing: Street) -> None:
    young, barred, only = ringing.workers
    young.birth_date = date(2010, 5, 1)
    for elder in [*ringing.key, *ringing.general]:
        db.session.add(Bar(elder_id=elder.id, worker_id=barred.id))
    db.session.commit()
    plan = solve(ringing)
    assert {one.worker_id for one in calls_in(plan) if one.reason is None} == {only.id}


def test_one_call_meets_what_periods_share() -> None:
    day = date(2026, 4, 1)
    owed = [
        (7, "陈示例", "每月联系", day, day + timedelta(days=29)),
        (7, "陈示例", "节日联系", day + timedelta(days=7), day + timedelta(days=9)),
        (7, "陈示例", "下半月联系", day + timedelta(days=15), day + timedelta(days=29)),
        (8, "李示例", "每月联系", day, day + timedelta(days=29)),
    ]
    found = wanted_calls(owed)
    assert [(one.elder_id, one.label) for one in found] == [
        (7, "节日联系；每月联系"),
        (7, "下半月联系"),
        (8, "每月联系"),
    ]
    assert (found[0].period_from, found[0].period_to) == (day + timedelta(days=7), day + timedelta(days=9))


# --- the coordinator -------------------------------------------------------------------------------------


def test_another_person_stays_when_calls_are_given_out_anew(ringing: Street) -> None:
    plan = solve(ringing)
    call = some_call(plan)
    other = next(one for one in ringing.workers if one.id != call.worker_id)
    services.give_call(ringing.actor, plan, call, other.id)
    assert (call.worker_id, call.by_hand) == (other.id, True)
    line = db.session.scalars(select(audit.AuditEntry).where(audit.AuditEntry.action == "call.give")).one()
    assert other.name in line.summary
    services.redistribute(ringing.actor, plan)
    again = next(one for one in calls_in(plan) if one.id == call.id)
    assert again.worker_id == other.id
    assert len(calls_in(plan)) == len({one.elder_id for one in calls_in(plan)})


def test_who_may_not_ring_is_refused(ringing: Street) -> None:
    plan = solve(ringing)
    call = some_call(plan)
    other = next(one for one in ringing.workers if one.id != call.worker_id)
    db.session.add(Bar(elder_id=call.elder_id, worker_id=other.id))
    db.session.commit()
    before = (call.worker_id, call.day)
    with pytest.raises(Conflict, match="没有人可以"):
        services.give_call(ringing.actor, plan, call, other.id)
    assert (call.worker_id, call.day) == before


def test_another_streets_coordinator_changes_nothing(ringing: Street) -> None:
    plan = solve(ringing)
    stranger = factories.make_actor(Role.STREET_COORDINATOR, factories.make_area_tree().street)
    with pytest.raises(NotAllowed):
        services.redistribute(stranger, plan)
    with pytest.raises(NotAllowed):
        services.give_call(stranger, plan, some_call(plan), ringing.workers[0].id)


def test_the_page_says_who_rings_whom_and_who_is_nobodys(client: FlaskClient, ringing: Street) -> None:
    plan = solve(ringing)
    factories.sign_in(client, ringing.user)
    page = text_of(client.get(f"/planning/plans/{plan.id}/calls"))
    call = some_call(plan)
    assert call.elder.name in page
    assert call.worker is not None
    assert call.worker.name in page
    assert "前后" in page
    assert ringing.general[-1].name in page
    assert "没有登记电话" in page
    assert "1380000" not in page
    other = next(one for one in ringing.workers if one.id != call.worker_id)
    answer = post(client, f"/planning/plans/{plan.id}/calls/{call.id}", worker=str(other.id))
    assert answer.status_code == 303
    assert db.session.get_one(PlanCall, call.id).worker_id == other.id
    assert post(client, f"/planning/plans/{plan.id}/calls").status_code == 303


def test_the_printed_lists_are_written_down(client: FlaskClient, ringing: Street) -> None:
    plan = solve(ringing)
    factories.sign_in(client, ringing.user)
    answer = client.get(f"/planning/plans/{plan.id}/calls.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert db.session.scalars(select(audit.AuditEntry).where(audit.AuditEntry.action == "calls.print")).one()


def test_a_contact_by_whomever_is_seen(ringing: Street, freeze: Callable[[datetime], None]) -> None:
    plan = solve(ringing)
    call = some_call(plan)
    freeze(datetime(2026, 4, 9, 3, 0, tzinfo=UTC))
    log_remote_contact(ringing.actor, call.elder, ContactMode.PHONE, ContactOutcome.COMPLETED, clock.now())
    found = queries.calls_of(plan)
    assert found.done == 1
    with pytest.raises(Conflict, match="已经打过"):
        services.give_call(ringing.actor, plan, call, ringing.workers[0].id)
