"""Approving a plan or a day of it: visits made once, people told once, and taken back."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.elders.models import Consent, ConsentGiver, ConsentKind, ConsentState, Skill
from coordinator.extensions import db
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages.models import Message
from coordinator.planning import jobs, services
from coordinator.planning.models import Plan, PlanState, RouteSheet
from coordinator.planning.services import Target
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import open_visit
from tests import factories
from tests.coordinator.planning.conftest import Street, solve
from tests.coordinator.planning.plan_rows import first_day, stop_of, told


def test_nobody_hears_of_anything_before_approval(street: Street, plan: Plan) -> None:
    stop = stop_of(plan, street.general[0].id)
    services.move_stop(
        street.actor, plan, stop, Target(street.workers[0].id, date(2026, 4, 22)), accept_warnings=True
    )
    services.pin_stops(street.actor, plan, [stop], pinned=True)
    services.print_day(street.actor, plan, date(2026, 4, 22))
    assert told(street) == []
    assert db.session.scalar(select(func.count()).select_from(Assignment)) == 0


def test_approving_a_day_makes_its_visits_and_tells_its_workers(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    done = services.approve_day(street.actor, plan, day)
    stops = [one for one in plan.stops if one.route is not None and one.route.day == day]
    assert done.visits == len({one.visit_key for one in stops})
    assert all(one.visit_id for one in stops)
    visits = db.session.scalars(select(Visit)).all()
    assert {visit.state for visit in visits} == {VisitState.ASSIGNED}
    assert all(visit.rule and visit.period_from and visit.policy_version_id for visit in visits)
    assert all(visit.plan_id == plan.id for visit in visits)
    users = {one.route.worker.user_id for one in stops if one.route}
    assert set(told(street)) == users
    assert plan.state is PlanState.READY, "the rest of the month is still a draft"
    with pytest.raises(Conflict):
        services.approve_day(street.actor, plan, day)


def test_approving_the_month_gives_every_visit_once_and_tells_everybody_once(
    street: Street, plan: Plan
) -> None:
    services.approve_plan(street.actor, plan)
    db.session.commit()
    assert plan.state is PlanState.APPROVED
    assert told(street) == [], "told when all visits are there"
    jobs.give_visits(plan.id)
    jobs.give_visits(plan.id)
    db.session.expire_all()
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 8
    assert plan.detail["giving"]["visits"] == 8
    messages = db.session.scalars(select(Message.user_id).where(Message.user_id != street.user.id)).all()
    assert len(messages) == len(set(messages)) > 0


def test_giving_is_cut_and_goes_on(street: Street, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    services.approve_plan(street.actor, plan)
    db.session.commit()
    real, calls = services.give_day, [0]

    def die(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(services, "give_day", die)
    with pytest.raises(KeyboardInterrupt):
        jobs.give_visits(plan.id)
    db.session.rollback()
    monkeypatch.setattr(services, "give_day", real)
    jobs.give_visits(plan.id)
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 8


def test_a_newer_plan_takes_the_place_of_the_approved_one(street: Street, plan: Plan) -> None:
    services.approve_plan(street.actor, plan)
    db.session.commit()
    jobs.give_visits(plan.id)
    newer = solve(street)
    services.approve_plan(street.actor, newer)
    db.session.flush()
    db.session.refresh(plan)
    assert (plan.state, newer.state) == (PlanState.SUPERSEDED, PlanState.APPROVED)
    db.session.commit()
    jobs.give_visits(newer.id)
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 8, "what stood was not made again"


def test_what_was_arranged_meanwhile_is_not_made_twice(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    stop = next(one for one in plan.stops if one.route is not None and one.route.day == day)
    open_visit(
        street.actor,
        stop.elder,
        *factories.visit_times(day),
        rule=stop.rule,
        period=(stop.period_from, stop.period_to),
    )
    done = services.approve_day(street.actor, plan, day)
    assert done.elsewhere == 1
    assert (stop.route_id, stop.reason) == (None, "not_possible_now")
    count = select(func.count()).select_from(Visit).where(Visit.elder_id == stop.elder_id)
    assert db.session.scalar(count.where(Visit.period_from == stop.period_from)) == 1


def test_a_visit_that_has_become_impossible_stops_no_other(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    stops = [one for one in plan.stops if one.route is not None and one.route.day == day]
    refusing = stops[0].elder
    db.session.add(
        Consent(
            elder_id=refusing.id,
            kind=ConsentKind.SERVICE,
            state=ConsentState.REMOTE_ONLY,
            given_by=ConsentGiver.SELF,
            given_on=date(2026, 3, 31),
            channel="电话",
        )
    )
    db.session.flush()
    done = services.approve_day(street.actor, plan, day)
    assert len(done.problems) == 1
    assert refusing.name in done.problems[0]
    assert done.visits == len({one.visit_key for one in stops}) - 1
    assert stops[0].reason_detail["text"]


def test_withdrawing_a_day(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    done = services.approve_day(street.actor, plan, day)
    printed = services.print_day(street.actor, plan, day)
    what = services.withdrawal_of(plan, day)
    assert (what.visits, what.sheets, what.begun) == (done.visits, printed.sheets, 0)
    with pytest.raises(InvalidInput):
        services.withdraw_day(street.actor, plan, day, "  ")
    before = db.session.scalar(select(func.count()).select_from(Message))
    services.withdraw_day(street.actor, plan, day, "台风")
    assert {visit.state for visit in db.session.scalars(select(Visit))} == {VisitState.CANCELLED}
    assert all(stop.visit_id is None for stop in plan.stops)
    assert db.session.scalars(select(RouteSheet.id).where(RouteSheet.voided_at.is_(None))).all() == []
    assert (db.session.scalar(select(func.count()).select_from(Message)) or 0) > (before or 0)
    again = services.approve_day(street.actor, plan, day)
    assert (again.visits, again.told) == (done.visits, done.told), "told again, because it is on again"


def test_a_visit_that_has_begun_is_not_withdrawn(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    stop = next(one for one in plan.stops if one.visit_id)
    begun = db.session.get_one(Visit, stop.visit_id)
    begun.state = VisitState.IN_PROGRESS
    db.session.flush()
    what = services.withdrawal_of(plan, day)
    assert what.begun == 1
    if what.visits:
        services.withdraw_day(street.actor, plan, day, "台风")
    assert stop.visit_id == begun.id


def test_an_approved_visit_is_not_moved(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    stop = next(one for one in plan.stops if one.visit_id)
    with pytest.raises(Conflict) as refused:
        services.move_stop(street.actor, plan, stop, Target(street.workers[0].id, date(2026, 4, 22)))
    assert refused.value.code == "approved_already"


def test_left_out_visits_are_offered_within_their_period(street: Street) -> None:
    street.general[0].needs_skills = [Skill.NURSING.value]
    plan = solve(street)
    stop = stop_of(plan, street.general[0].id)
    assert services.is_offerable(stop)
    with pytest.raises(InvalidInput):
        services.offer_stop(street.actor, plan, stop, date(2026, 5, 2), 36_000)
    visit = services.offer_stop(street.actor, plan, stop, date(2026, 4, 20), 36_000)
    assert (visit.state, stop.visit_id, visit.needs_skills) == (VisitState.OPEN, visit.id, ["nursing"])
    assert not services.is_offerable(stop)
    with pytest.raises(Conflict):
        services.offer_stop(street.actor, plan, stop, date(2026, 4, 20), 36_000)
