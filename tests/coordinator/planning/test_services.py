"""Moving, fixing, approving, withdrawing, printing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.elders.models import Consent, ConsentGiver, ConsentKind, ConsentState, Skill
from coordinator.extensions import db
from coordinator.kernel import printing
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.models import Message
from coordinator.planning import jobs, services
from coordinator.planning.draft import Draft
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop, RouteSheet
from coordinator.planning.services import Target
from coordinator.planning.services import sheets as sheet_services
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Assignment, Visit
from coordinator.visits.services import open_visit
from coordinator.workforce.models import CredentialKind, Guardian, Worker
from tests import factories
from tests.coordinator.planning.conftest import MONTH, Street, solve


@pytest.fixture
def plan(street: Street) -> Plan:
    return solve(street)


def stop_of(plan: Plan, elder_id: int, number: int = 1) -> PlanStop:
    return db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.visit_key == f"e{elder_id}#{number}")
    ).one()


def another_worker(street: Street, stop: PlanStop) -> Worker:
    assert stop.route is not None
    return next(one for one in street.workers if one.id != stop.route.worker_id)


def told(street: Street) -> list[int]:
    """Users who have a message, the coordinator left out."""
    return sorted(
        db.session.scalars(select(Message.user_id).where(Message.user_id != street.user.id).distinct())
    )


def sound(plan: Plan) -> None:
    """The rows are a plan the checker accepts, soft limits aside."""
    db.session.expire_all()
    draft = Draft(plan)
    _timed, report = draft.timed(draft.orders())
    accepted = {tuple(one) for one in plan.violations}
    from coordinator.planning.services.preview import JUDGED_HERE, mark_of

    assert [
        one.line()
        for one in report.violations
        if one.code not in JUDGED_HERE and tuple(mark_of(one)) not in accepted
    ] == []
    for row in draft.stops:
        if row.route is not None:
            assert row.period_from <= row.route.day <= row.period_to
    positions = db.session.execute(
        select(PlanStop.route_id, func.array_agg(PlanStop.position))
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None))
        .group_by(PlanStop.route_id)
    )
    for _route, found in positions:
        assert sorted(found) == list(range(len(found)))


# --- moving ----------------------------------------------------------------------------------------------


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


# --- runs ------------------------------------------------------------------------------------------------


def test_one_run_at_a_time(street: Street) -> None:
    services.request_plan(street.actor, street.area, MONTH)
    with pytest.raises(Conflict) as refused:
        services.request_plan(street.actor, street.area, MONTH)
    assert refused.value.code == "plan_running"
    services.request_plan(street.actor, street.area, date(2026, 5, 1))


def test_a_month_that_is_over_is_refused(street: Street) -> None:
    with pytest.raises(InvalidInput):
        services.request_plan(street.actor, street.area, date(2026, 2, 1))


def test_discarding_a_draft_but_not_what_is_approved(street: Street, plan: Plan) -> None:
    day = plan.routes[0].day
    services.approve_day(street.actor, plan, day)
    with pytest.raises(Conflict):
        services.discard_plan(street.actor, plan)
    services.withdraw_day(street.actor, plan, day, "改期")
    services.discard_plan(street.actor, plan)
    assert plan.state is PlanState.DISCARDED


# --- approval --------------------------------------------------------------------------------------------


def first_day(plan: Plan) -> date:
    day = db.session.scalar(select(func.min(PlanRoute.day)).where(PlanRoute.plan_id == plan.id))
    assert day is not None
    return day


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


# --- sheets ----------------------------------------------------------------------------------------------


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The papers that would be printed."""
    found: list[Any] = []

    def keep(paper: Any) -> bytes:
        found.append(paper)
        return b"%PDF"

    monkeypatch.setattr(sheet_services, "print_paper", keep)
    return found


def sheets_of(paper: Any) -> Sequence[printing.RouteSheet]:
    return paper.sheets if isinstance(paper, printing.TeamDay) else (paper,)


def test_a_draft_prints_as_a_preview_without_number_or_code(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    services.print_day(street.actor, plan, first_day(plan))
    for sheet in sheets_of(papers[0]):
        assert not sheet.approved
        assert not sheet.day_url
        assert all(not stop.url and not stop.visit_code for stop in sheet.stops)
    assert db.session.scalar(select(func.count()).select_from(RouteSheet)) == 0


def test_an_approved_sheet_has_number_code_expiry_and_the_least_data(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    route = db.session.scalars(
        select(PlanRoute).where(PlanRoute.day == day).order_by(PlanRoute.letter)
    ).first()
    assert route is not None
    services.print_route(street.actor, plan, route)
    row = db.session.scalars(select(RouteSheet)).one()
    assert row.number == f"LX-{day:%y%m%d}-甲-01"
    assert row.expires_at == datetime(day.year, day.month, day.day, 16, tzinfo=UTC) + timedelta(days=1)
    sheet = papers[0]
    assert sheet.approved
    assert sheet.duty_phone == "0830-2290000"
    assert sheet.day_url.endswith(f"/planning/sheets/{row.code}")
    stop = sheet.stops[0]
    assert stop.contact == "儿子 李小明"
    assert stop.contact_phone == "13800000001"
    assert stop.phone == ""
    assert stop.visit_code.startswith("T")
    assert "重点对象" in stop.obligation or "一般对象" in stop.obligation


def test_printing_again_keeps_the_number_and_a_change_voids_it(
    street: Street, plan: Plan, papers: list[Any]
) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    route = db.session.scalars(
        select(PlanRoute).where(PlanRoute.day == day).order_by(PlanRoute.letter)
    ).first()
    assert route is not None
    services.print_route(street.actor, plan, route)
    services.print_route(street.actor, plan, route)
    assert db.session.scalar(select(func.count()).select_from(RouteSheet)) == 1
    elder = next(one.elder for one in plan.stops if one.route_id == route.id)
    elder.cautions = "家里有狗"
    db.session.flush()
    services.print_route(street.actor, plan, route)
    rows = db.session.scalars(select(RouteSheet).order_by(RouteSheet.id)).all()
    assert [row.number[-2:] for row in rows] == ["01", "02"]
    assert [row.voided_at is not None for row in rows] == [True, False]
    assert db.session.scalars(select(AuditEntry.id).where(AuditEntry.action == "sheet.issue")).all()


def test_a_real_file_is_made(street: Street, plan: Plan) -> None:
    day = first_day(plan)
    services.approve_day(street.actor, plan, day)
    printed = services.print_day(street.actor, plan, day)
    assert printed.content.startswith(b"%PDF")
    assert printed.name.endswith(".pdf")


def test_who_may_print(street: Street, plan: Plan) -> None:
    reader = Actor(street.user.id, "区", (Grant(Role.COUNTY_SUPERVISOR, street.area.id, street.area.path),))
    with pytest.raises(NotAllowed):
        services.print_day(reader, plan, first_day(plan))
