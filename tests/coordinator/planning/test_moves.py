"""Changing a draft by hand: previewed, timed, fixed, refused where a rule stands against it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.planning import services
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop
from coordinator.planning.services import Target
from coordinator.visits.models import Visit
from coordinator.workforce.models import CredentialKind, Guardian
from tests import factories
from tests.coordinator.planning.conftest import MONTH, Street, solve
from tests.coordinator.planning.plan_rows import another_worker, sound, stop_of


def test_a_preview_changes_nothing(street: Street, plan: Plan) -> None:
    stop = stop_of(plan, street.general[0].id)
    assert stop.route is not None
    before = (stop.route_id, stop.position, stop.start_seconds)
    found = services.preview_move(plan, stop, Target(another_worker(street, stop).id, stop.route.day))
    assert found.ok
    assert found.start_seconds is not None
    db.session.expire_all()
    assert (stop.route_id, stop.position, stop.start_seconds) == before


def test_a_move_is_written_timed_fixed_and_audited(street: Street, plan: Plan) -> None:
    stop = stop_of(plan, street.general[0].id)
    worker = another_worker(street, stop)
    day = date(2026, 4, 22)
    services.move_stop(street.actor, plan, stop, Target(worker.id, day), accept_warnings=True)
    assert stop.route is not None
    assert (stop.route.worker_id, stop.route.day, stop.pinned) == (worker.id, day, True)
    sound(plan)
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "plan.move")).one()
    assert worker.name in line.summary


def test_an_emptied_route_is_gone_and_a_new_one_gets_a_free_letter(street: Street, plan: Plan) -> None:
    for stop in db.session.scalars(select(PlanStop).where(PlanStop.plan_id == plan.id)).all():
        if stop.visit_key.startswith(f"e{street.key[0].id}#"):
            continue
        services.take_off(street.actor, plan, stop)
    rows = db.session.scalars(select(PlanRoute).where(PlanRoute.plan_id == plan.id)).all()
    assert len(rows) == 2
    day = rows[0].day
    other = next(one for one in street.workers if one.id != rows[0].worker_id)
    stop = next(
        one
        for one in db.session.scalars(select(PlanStop).where(PlanStop.route_id.is_(None)))
        if one.period_from <= day <= one.period_to
    )
    services.move_stop(street.actor, plan, stop, Target(other.id, day), accept_warnings=True)
    letters = db.session.scalars(
        select(PlanRoute.letter).where(PlanRoute.plan_id == plan.id, PlanRoute.day == day)
    )
    assert sorted(letters) == [rows[0].letter, rows[0].letter + 1]
    sound(plan)


def hard(street: Street, plan: Plan, stop: PlanStop, target: Target) -> str:
    """The refusal of a move, which changes nothing."""
    found = services.preview_move(plan, stop, target)
    assert found.hard
    before = (stop.route_id, stop.start_seconds)
    with pytest.raises(Conflict) as refused:
        services.move_stop(street.actor, plan, stop, target, accept_warnings=True)
    assert refused.value.code == "would_break"
    assert (stop.route_id, stop.start_seconds) == before
    return "；".join(found.hard)


def test_a_day_beyond_the_period_is_refused(street: Street, plan: Plan) -> None:
    first = stop_of(plan, street.key[0].id, 1)
    taken = stop_of(plan, street.key[0].id, 2).route
    day = next(one for one in (date(2026, 4, 21), date(2026, 4, 22)) if taken is None or one != taken.day)
    assert "期限" in hard(street, plan, first, Target(street.workers[0].id, day))
    if taken is not None:
        assert "已经有一次" in hard(street, plan, first, Target(street.workers[0].id, taken.day))


def test_a_day_on_which_the_worker_does_not_come_is_refused(street: Street, plan: Plan) -> None:
    stop = stop_of(plan, street.general[0].id)
    text = hard(street, plan, stop, Target(street.workers[0].id, date(2026, 4, 25)))
    assert street.workers[0].name in text


def test_a_minor_alone_is_refused_and_welcome_beside_an_adult(street: Street) -> None:
    minor = factories.make_worker(street.community, birth_date=date(2010, 5, 1), weekdays=range(5))
    db.session.add(
        Guardian(
            worker_id=minor.id,
            name="张父",
            relation="父亲",
            phone="13800000002",
            scope="探访",
            given_on=date(2026, 1, 1),
        )
    )
    plan = solve(street)
    stop = stop_of(plan, street.general[0].id)
    assert stop.route is not None
    day, adult = stop.route.day, stop.route.worker_id
    text = hard(street, plan, stop, Target(minor.id, day))
    assert "未成年" in text
    found = services.move_stop(
        street.actor, plan, stop, Target(adult, day, second_id=minor.id), accept_warnings=True
    )
    assert found.ok
    rows = db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.elder_id == stop.elder_id)
    ).all()
    assert {(row.route.worker_id, row.is_companion) for row in rows if row.route} == {
        (adult, False),
        (minor.id, True),
    }
    assert len({row.start_seconds for row in rows}) == 1
    sound(plan)
    services.approve_day(street.actor, plan, day)
    visit = db.session.scalars(select(Visit).where(Visit.elder_id == stop.elder_id)).one()
    assert {one.worker_id: one.is_companion for one in visit.assignments} == {adult: False, minor.id: True}


def test_moving_the_adult_leaves_the_company_behind(street: Street) -> None:
    test_a_minor_alone_is_refused_and_welcome_beside_an_adult(street)
    plan = db.session.scalars(select(Plan)).one()
    stop = next(one for one in plan.stops if one.route is not None and one.is_companion)
    assert stop.visit_id is not None, "approved: it is moved only after the day is withdrawn"
    day = stop.route.day
    services.withdraw_day(street.actor, plan, day, "换人")
    lead = next(
        one for one in plan.stops if one.visit_key == stop.visit_key and not one.is_companion and one.route
    )
    later = next(
        one
        for one in (day + timedelta(days=n) for n in range(1, 8))
        if one.weekday() < 5 and one <= lead.period_to
    )
    found = services.move_stop(
        street.actor, plan, lead, Target(lead.route.worker_id, later), accept_warnings=True
    )
    assert any("不再同去" in line for line in found.effects)
    rows = db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.elder_id == lead.elder_id)
    ).all()
    assert [row.is_companion for row in rows] == [False]
    sound(plan)


def test_two_people_move_together_and_alone_is_refused(street: Street) -> None:
    street.general[0].needs_two_visitors = True
    plan = solve(street)
    rows = db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.elder_id == street.general[0].id)
    ).all()
    assert len(rows) == 2
    stop, partner = rows
    assert stop.route is not None
    assert partner.route is not None
    both = {stop.route.worker_id, partner.route.worker_id}
    third = next(one.id for one in street.workers if one.id not in both)
    day = next(
        one for one in (date(2026, 4, 20) + timedelta(days=n) for n in range(5)) if one != stop.route.day
    )
    services.move_stop(street.actor, plan, stop, Target(third, day), accept_warnings=True)
    db.session.expire_all()
    assert {row.route.worker_id for row in rows if row.route} == {third, partner.route.worker_id}
    assert {row.route.day for row in rows if row.route} == {day}
    sound(plan)
    text = hard(street, plan, stop, Target(partner.route.worker_id, day))
    assert "两个人" in text or "时间" in text


def test_soft_limits_are_asked_about_and_again_when_it_gets_worse(street: Street, plan: Plan) -> None:
    worker = street.workers[0]
    assert plan.scenario is not None
    plan.scenario = plan.scenario | {
        "workers": [
            one | ({"max_visits": 1} if one["id"] == f"w{worker.id}" else {})
            for one in plan.scenario["workers"]
        ]
    }
    for stop in list(plan.stops):
        services.take_off(street.actor, plan, stop)
    first, second, third = (stop_of(plan, elder.id) for elder in street.general[:3])
    target = Target(worker.id, date(2026, 4, 22))
    services.move_stop(street.actor, plan, first, target)
    for stop, count in ((second, 2), (third, 3)):
        with pytest.raises(Conflict) as warned:
            services.move_stop(street.actor, plan, stop, target)
        assert warned.value.code == "warned"
        services.move_stop(street.actor, plan, stop, target, accept_warnings=True)
        assert [one[-1] for one in plan.violations] == [count]
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "plan.move").order_by(AuditEntry.id.desc()).limit(1)
    ).one()
    assert "warned" in entry.changes
    sound(plan)
    assert services.preview_move(plan, first, Target(street.workers[1].id, date(2026, 4, 23))).soft == []


def test_visits_of_one_elder_change_places_with_their_duties(street: Street, plan: Plan) -> None:
    """With the first half's visit taken off, the second's may take its place; left out is then the second."""
    elder, worker = street.key[0], street.workers[0]
    first, second = stop_of(plan, elder.id, 1), stop_of(plan, elder.id, 2)
    services.take_off(street.actor, plan, first)
    assert (first.route_id, first.reason) == (None, "not_planned")
    services.move_stop(street.actor, plan, second, Target(worker.id, date(2026, 4, 8)), accept_warnings=True)
    sound(plan)
    assert second.period_to == date(2026, 4, 15)
    assert (first.route_id, first.period_from) == (None, date(2026, 4, 16))
    services.move_stop(street.actor, plan, first, Target(worker.id, date(2026, 4, 20)), accept_warnings=True)
    sound(plan)
    assert (second.visit_key, first.visit_key) == (f"e{elder.id}#1", f"e{elder.id}#2")


def test_a_stranger_a_close_visit_and_a_lapsed_credential_are_told(street: Street, plan: Plan) -> None:
    worker = street.workers[2]
    first, second = stop_of(plan, street.key[0].id, 1), stop_of(plan, street.key[0].id, 2)
    services.move_stop(street.actor, plan, second, Target(worker.id, date(2026, 4, 16)), accept_warnings=True)
    close = services.preview_move(plan, first, Target(worker.id, date(2026, 4, 14)))
    assert any("只隔 2 天" in line for line in close.soft)
    insurance = next(one for one in worker.credentials if one.kind is CredentialKind.INSURANCE)
    insurance.valid_to = date(2026, 4, 1)
    db.session.flush()
    lapsed = services.preview_move(plan, first, Target(worker.id, date(2026, 4, 14)))
    assert any("到期" in line for line in lapsed.hard)


def test_only_days_ahead_and_people_of_the_plan(street: Street, plan: Plan) -> None:
    stop = stop_of(plan, street.general[0].id)
    stranger = factories.make_worker(street.community)
    for target in (
        Target(street.workers[0].id, date(2026, 3, 31)),
        Target(street.workers[0].id, date(2026, 5, 4)),
        Target(stranger.id, date(2026, 4, 22)),
    ):
        with pytest.raises(InvalidInput):
            services.preview_move(plan, stop, target)


def test_pins_cover_both_people_and_are_counted(street: Street, plan: Plan) -> None:
    stops = db.session.scalars(select(PlanStop).where(PlanStop.plan_id == plan.id)).all()
    assert services.pin_stops(street.actor, plan, stops, pinned=True) == 8
    assert services.pin_stops(street.actor, plan, stops, pinned=True) == 0
    assert services.pin_stops(street.actor, plan, stops[:1], pinned=False) == 1


def test_who_may_change_and_who_may_approve(street: Street, plan: Plan) -> None:
    path = street.community.path
    local = Actor(street.user.id, "社区", (Grant(Role.COMMUNITY_COORDINATOR, street.community.id, path),))
    reader = Actor(street.user.id, "区", (Grant(Role.COUNTY_SUPERVISOR, street.area.id, street.area.path),))
    stop = stop_of(plan, street.general[0].id)
    for actor in (local, reader):
        with pytest.raises(NotAllowed):
            services.move_stop(actor, plan, stop, Target(street.workers[0].id, date(2026, 4, 22)))
        with pytest.raises(NotAllowed):
            services.approve_plan(actor, plan)
    with pytest.raises(NotAllowed):
        services.request_plan(local, street.area, MONTH)
    assert services.request_plan(local, street.community, MONTH).state is PlanState.QUEUED
