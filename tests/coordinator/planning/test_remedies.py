"""What would help a visit that is missing: proven, asked of whom it concerns, done once, refused when stale."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.planning import jobs, queries, services
from coordinator.planning.models import (
    Plan,
    PlanRemedy,
    PlanState,
    PlanStop,
    PlanStudy,
    QuestionState,
    StudyKind,
    StudyState,
    WorkerQuestion,
)
from coordinator.planning.steps import Change, Step
from coordinator.planning.studies import jobs as studies
from coordinator.workforce.models import AvailabilityException, Worker
from coordinator.workforce.queries import worker_for_duty
from tests import factories
from tests.coordinator.planning.conftest import Street, make_street, solve


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "SECONDS_EACH", 0.6)
    monkeypatch.setattr(studies, "SHORTAGE_SECONDS", 2.0)
    monkeypatch.setattr(studies, "BOUND_SECONDS", 2.0)


@pytest.fixture
def tight(db_session: Any, last_of_march: None, quick: None) -> Street:
    """Six elders and one worker who makes four visits a month."""
    street = make_street(key=0, general=6, workers=1)
    street.workers[0].max_visits_month = 4
    db.session.flush()
    return street


def look(street: Street, plan: Plan) -> PlanStudy:
    study = services.request_study(street.actor, plan, StudyKind.REMEDIES)
    db.session.commit()
    studies.find_remedies(study.id)
    db.session.expire_all()
    return db.session.get_one(PlanStudy, study.id)


def remedy(plan: Plan, step: Step, code: str = "") -> PlanRemedy:
    rows = db.session.scalars(
        select(PlanRemedy).where(PlanRemedy.plan_id == plan.id).order_by(PlanRemedy.position, PlanRemedy.id)
    ).all()
    return next(r for r in rows if Change.from_dict(r.change).step is step and code in ("", r.code))


def asked(street: Street) -> tuple[Plan, WorkerQuestion]:
    plan = solve(street)
    look(street, plan)
    question = services.ask_worker(street.actor, plan, remedy(plan, Step.ASK, "one_more_visit"))
    db.session.commit()
    return plan, question


def me(worker: Worker) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def finish(plan: Plan) -> Plan:
    """Solve an owed plan here, in a second."""
    plan.time_limit_seconds = 1
    db.session.commit()
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    return db.session.get_one(Plan, plan.id)


def missing(plan: Plan) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_(None))
        )
        or 0
    )


def test_each_missing_visit_gets_proven_remedies_by_effort(tight: Street) -> None:
    plan = solve(tight)
    assert missing(plan) == 2
    study = look(tight, plan)
    assert (study.state, study.done, study.total) == (StudyState.DONE, 2, 2)
    for stop in db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_(None))
    ):
        found = db.session.scalars(
            select(PlanRemedy).where(PlanRemedy.stop_id == stop.id).order_by(PlanRemedy.position)
        ).all()
        assert [one.effort for one in found] == sorted(one.effort for one in found)
        assert found[0].code == "one_more_visit"
        assert all(one.visits >= 1 for one in found)
    change = Change.from_dict(remedy(plan, Step.ASK, "one_more_visit").change)
    assert change.values == {"max_visits_month": 5}


def test_a_second_run_finds_the_same_and_nothing_twice(tight: Street) -> None:
    plan = solve(tight)
    study = look(tight, plan)
    before = db.session.execute(select(PlanRemedy.stop_id, PlanRemedy.position, PlanRemedy.code)).all()
    studies.find_remedies(study.id)
    assert (
        db.session.execute(select(PlanRemedy.stop_id, PlanRemedy.position, PlanRemedy.code)).all() == before
    )
    again = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    twice = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    assert again.round == twice.round == 2


@pytest.mark.parametrize("commit", [1, 2, 3, 4])
def test_a_search_cut_after_any_commit_goes_on(
    tight: Street, monkeypatch: pytest.MonkeyPatch, commit: int
) -> None:
    plan = solve(tight)
    study = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    db.session.commit()

    class Cut(BaseException):
        """The worker dies here."""

    done, real = [0], db.session.commit

    def commit_then_die() -> None:
        real()
        done[0] += 1
        if done[0] == commit:
            raise Cut

    monkeypatch.setattr(db.session, "commit", commit_then_die)
    with pytest.raises(Cut):
        studies.find_remedies(study.id)
    monkeypatch.setattr(db.session, "commit", real)
    db.session.rollback()
    studies.find_remedies(study.id)
    db.session.expire_all()
    assert (study.state, study.done, study.total) == (StudyState.DONE, 2, 2)
    places = db.session.execute(select(PlanRemedy.stop_id, PlanRemedy.position)).all()
    assert len(set(places)) == len(places)
    assert len({stop for stop, _ in places}) == 2


def test_a_search_cut_again_and_again_is_given_up(tight: Street) -> None:
    plan = solve(tight)
    study = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    study.starts = studies.MAX_STARTS
    db.session.commit()
    studies.find_remedies(study.id)
    db.session.expire_all()
    assert study.state is StudyState.FAILED


def test_a_plan_that_waits_goes_first(tight: Street) -> None:
    plan = solve(tight)
    study = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    services.request_plan(tight.actor, tight.area, date(2026, 5, 1))
    db.session.commit()
    studies.find_remedies(study.id)
    db.session.expire_all()
    assert (study.state, study.done) == (StudyState.RUNNING, 1)
    names = db.session.scalars(select(OwedJob.key).where(OwedJob.name.endswith("find_remedies"))).all()
    assert sorted(names) == [f"{study.id}-1-0", f"{study.id}-1-1"]
    studies.find_remedies(study.id, 1)
    db.session.expire_all()
    assert study.done == 2


# --- questions -------------------------------------------------------------------------------------------


def test_only_a_yes_changes_anything_and_then_the_visit_is_planned(tight: Street) -> None:
    plan, question = asked(tight)
    worker = tight.workers[0]
    assert worker.max_visits_month == 4
    told = db.session.scalars(select(Message).where(Message.user_id == worker.user_id)).one()
    assert "一个月最多去 5 户" in told.body
    made = services.answer_question(me(worker), question, accepted=True)
    db.session.commit()
    assert made is not None
    assert (worker.max_visits_month, question.state) == (5, QuestionState.ACCEPTED)
    after = finish(made)
    assert after.based_on_id == plan.id
    assert missing(after) == 1
    outcome = queries.outcome_of(after)
    assert outcome is not None
    assert (outcome.missing_before, outcome.missing) == (2, 1)
    heard = db.session.scalars(select(Message.title).where(Message.user_id == tight.user.id)).all()
    assert f"{worker.name}同意了" in heard


def test_a_no_changes_nothing(tight: Street) -> None:
    _plan, question = asked(tight)
    worker = tight.workers[0]
    assert services.answer_question(me(worker), question, accepted=False) is None
    assert (worker.max_visits_month, question.state) == (4, QuestionState.DECLINED)
    assert db.session.scalar(select(func.count()).select_from(Plan)) == 1


@pytest.mark.parametrize("first", [True, False])
def test_nobody_answers_twice(tight: Street, first: bool) -> None:
    _plan, question = asked(tight)
    worker = tight.workers[0]
    services.answer_question(me(worker), question, accepted=first)
    with pytest.raises(Conflict, match="已经答过"):
        services.answer_question(me(worker), question, accepted=not first)
    assert worker.max_visits_month == (5 if first else 4)


def test_an_expired_question_is_not_answered_and_may_be_asked_anew(
    tight: Street, freeze: Callable[[datetime], None]
) -> None:
    plan, question = asked(tight)
    worker = tight.workers[0]
    freeze(question.expires_at + timedelta(minutes=1))
    with pytest.raises(Conflict, match="过期"):
        services.answer_question(me(worker), question, accepted=True)
    assert worker.max_visits_month == 4
    assert queries.own_questions(me(worker)) == []
    again = services.ask_worker(tight.actor, plan, remedy(plan, Step.ASK, "one_more_visit"))
    db.session.refresh(question)
    assert (question.state, again.state) == (QuestionState.EXPIRED, QuestionState.ASKED)


def test_a_question_taken_back_is_not_answered(tight: Street) -> None:
    _plan, question = asked(tight)
    services.withdraw_question(tight.actor, question)
    with pytest.raises(Conflict, match="收回"):
        services.answer_question(me(tight.workers[0]), question, accepted=True)
    with pytest.raises(Conflict):
        services.withdraw_question(tight.actor, question)


def test_the_same_thing_is_asked_once_at_a_time(tight: Street) -> None:
    plan, _question = asked(tight)
    with pytest.raises(Conflict, match="已经问过"):
        services.ask_worker(tight.actor, plan, remedy(plan, Step.ASK, "one_more_visit"))


def test_only_the_worker_or_their_coordinator_answers(tight: Street) -> None:
    _plan, question = asked(tight)
    stranger = factories.make_worker(tight.community, user_id=factories.make_user(Role.WORKER).id)
    with pytest.raises(NotAllowed):
        services.answer_question(me(stranger), question, accepted=True)
    other = factories.make_actor(Role.STREET_COORDINATOR, factories.make_area_tree().street)
    with pytest.raises(NotAllowed):
        services.answer_question(other, question, accepted=True)
    with pytest.raises(NotAllowed):
        services.withdraw_question(other, question)
    services.answer_question(tight.actor, question, accepted=True)
    assert question.closed_by_id == tight.user.id


def test_nobody_under_age_is_asked(tight: Street) -> None:
    plan = solve(tight)
    look(tight, plan)
    found = remedy(plan, Step.ASK, "one_more_visit")
    tight.workers[0].birth_date = date(2010, 5, 1)
    db.session.flush()
    with pytest.raises(InvalidInput, match="未成年"):
        services.ask_worker(tight.actor, plan, found)


# --- out of date -----------------------------------------------------------------------------------------


def test_a_remedy_of_a_changed_plan_is_refused(tight: Street) -> None:
    plan = solve(tight)
    look(tight, plan)
    found = remedy(plan, Step.ASK)
    stop = db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None)).limit(1)
    ).one()
    services.take_off(tight.actor, plan, stop)
    with pytest.raises(Conflict, match="计划改过了"):
        services.ask_worker(tight.actor, plan, found)


def test_a_remedy_for_somebody_whose_data_changed_is_refused(tight: Street) -> None:
    plan = solve(tight)
    look(tight, plan)
    tight.workers[0].service_radius_metres += 500
    db.session.flush()
    with pytest.raises(Conflict, match="资料改过了"):
        services.ask_worker(tight.actor, plan, remedy(plan, Step.ASK))


def test_a_remedy_of_an_older_plan_is_refused(tight: Street) -> None:
    plan = solve(tight)
    look(tight, plan)
    solve(tight)
    with pytest.raises(Conflict, match="更新的方案"):
        services.ask_worker(tight.actor, plan, remedy(plan, Step.ASK))


def test_a_yes_to_an_older_plan_counts_for_the_newest(tight: Street) -> None:
    _plan, question = asked(tight)
    newest = solve(tight)
    made = services.answer_question(me(tight.workers[0]), question, accepted=True)
    assert made is not None
    assert made.based_on_id == newest.id


def test_a_yes_while_a_plan_is_being_made_is_kept_without_another_run(tight: Street) -> None:
    _plan, question = asked(tight)
    services.request_plan(tight.actor, tight.area, date(2026, 4, 1))
    assert services.answer_question(me(tight.workers[0]), question, accepted=True) is None
    assert tight.workers[0].max_visits_month == 5


# --- hours -----------------------------------------------------------------------------------------------


def test_further_hours_are_for_the_days_agreed_only(
    db_session: Any, last_of_march: None, quick: None
) -> None:
    """The worker comes on Mondays only and makes one visit a day: once on another day would help."""
    street = make_street(key=0, general=6, workers=0)
    account = factories.make_user(Role.WORKER)
    worker = factories.make_worker(
        street.community, user_id=account.id, weekdays=[0], max_visits_day=1, shift=(time(9), time(12))
    )
    other = factories.make_worker(street.community, weekdays=range(5), max_visits_month=1)
    street.workers += [worker, other]
    plan = solve(street)
    look(street, plan)
    found = next(
        row
        for row in db.session.scalars(select(PlanRemedy).where(PlanRemedy.code == "work_on_day"))
        if row.change["worker_id"] == worker.id
    )
    change = Change.from_dict(found.change)
    assert len(change.days) == 1
    question = services.ask_worker(street.actor, plan, found)
    made = services.answer_question(me(worker), question, accepted=True)
    assert made is not None
    row = db.session.scalars(select(AvailabilityException)).one()
    assert (row.first_day, row.last_day) == (change.days[0], change.days[0])
    assert not row.is_leave
    before = missing(plan)
    after = finish(made)
    assert missing(after) < before
    on_it = [route for route in after.routes if route.day == change.days[0]]
    assert worker.id in [route.worker_id for route in on_it]
    weekdays = {
        route.day.weekday()
        for route in after.routes
        if route.day != change.days[0] and route.worker_id == worker.id
    }
    assert weekdays == {0}
    # What was agreed holds for the duty check as well, so that the visit can be given.
    services.approve_plan(street.actor, after)
    db.session.commit()
    jobs.give_visits(after.id)
    db.session.expire_all()
    assert after.detail["giving"].get("problems", []) == []


def test_longer_shifts_are_asked_for_every_such_weekday_of_the_month(
    db_session: Any, last_of_march: None, quick: None
) -> None:
    street = make_street(key=0, general=8, workers=0)
    account = factories.make_user(Role.WORKER)
    worker = factories.make_worker(
        street.community, user_id=account.id, weekdays=[1], shift=(time(9), time(9, 50))
    )
    street.workers.append(worker)
    plan = solve(street)
    assert missing(plan)
    look(street, plan)
    found = remedy(plan, Step.ASK, "extend_shift")
    change = Change.from_dict(found.change)
    assert {day.weekday() for day in change.days} == {1}
    assert len(change.days) == 4
    question = services.ask_worker(street.actor, plan, found)
    made = services.answer_question(me(worker), question, accepted=True)
    assert made is not None
    before = missing(plan)
    assert missing(finish(made)) < before


def test_agreed_twice_is_written_down_once(tight: Street) -> None:
    from coordinator.workforce.services import Agreement, agree

    worker = worker_for_duty(tight.workers[0].id)
    assert worker is not None
    saturday = date(2026, 4, 4)
    agreed = Agreement((saturday,), time(9), time(12), {"max_visits_day": 2})
    for _turn in range(2):
        agree(me(worker), worker, agreed)
    assert db.session.scalar(select(func.count()).select_from(AvailabilityException)) == 1
    assert worker.max_visits_day == 6, "never less than before"


def test_an_elder_s_hours_are_widened_at_once_and_planned_again(
    db_session: Any, last_of_march: None, quick: None
) -> None:
    street = make_street(key=0, general=2, workers=0)
    worker = factories.make_worker(street.community, weekdays=range(5), shift=(time(13), time(17)))
    street.workers.append(worker)
    elder = street.general[0]
    elder.visit_from, elder.visit_until = time(9), time(11)
    db.session.flush()
    plan = solve(street)
    assert missing(plan) == 1
    look(street, plan)
    found = remedy(plan, Step.WINDOW)
    made = services.widen_hours(street.actor, plan, found)
    db.session.commit()
    db.session.refresh(elder)
    assert elder.visit_until > time(13)
    after = finish(made)
    assert missing(after) == 0
    outcome = queries.outcome_of(after)
    assert outcome is not None
    assert worker.name in outcome.placed


# --- pages -----------------------------------------------------------------------------------------------


def test_the_pages_from_missing_to_planned(client: FlaskClient, tight: Street) -> None:
    plan = solve(tight)
    factories.sign_in(client, tight.user)
    left = f"/planning/plans/{plan.id}/left"
    assert "怎样才能排上" in client.get(left).text
    token = {"csrf_token": factories.csrf_token(client)}
    assert client.post(f"/planning/plans/{plan.id}/remedies", data=token).status_code == 303
    assert "正在试算" in client.get(left).text or "马上开始试算" in client.get(left).text
    progress = client.get(f"/planning/plans/{plan.id}/remedies/progress")
    assert progress.status_code == 200
    study = db.session.scalars(select(PlanStudy)).one()
    studies.find_remedies(study.id)
    done = client.get(f"/planning/plans/{plan.id}/remedies/progress")
    assert done.headers["HX-Redirect"] == left
    page = client.get(left).text
    assert "一个月最多去 5 户" in page
    assert "先做这几样" in page
    found = remedy(plan, Step.ASK, "one_more_visit")
    url = f"/planning/plans/{plan.id}/remedies/{found.id}"
    assert "发给本人问一问" in client.get(url).text
    assert "已经发给" in client.post(url, data=token, follow_redirects=True).text
    refused = client.post(url, data=token)
    assert refused.status_code == 409

    phone = client.application.test_client()
    factories.sign_in(phone, db.session.get_one(type(tight.user), tight.workers[0].user_id))
    own = phone.get("/planning/questions").text
    assert "一个月最多去 5 户" in own
    assert tight.general[0].name not in own
    question = db.session.scalars(select(WorkerQuestion)).one()
    answer = {"csrf_token": factories.csrf_token(phone), "answer": "yes"}
    thanks = phone.post(f"/planning/questions/{question.id}/answer", data=answer, follow_redirects=True)
    assert "谢谢您" in thanks.text
    made = db.session.scalars(select(Plan).where(Plan.state == PlanState.QUEUED)).one()
    finish(made)
    assert "排上了" in client.get(f"/planning/plans/{made.id}/left").text


def test_the_shortage_page_and_paper(client: FlaskClient, tight: Street) -> None:
    plan = solve(tight)
    factories.sign_in(client, tight.user)
    url = f"/planning/plans/{plan.id}/shortage"
    assert "还没有计算" in client.get(url).text
    token = {"csrf_token": factories.csrf_token(client)}
    client.post(url, data=token)
    assert client.get(f"{url}/state").status_code == 200
    look(tight, plan)
    found = db.session.scalar(select(func.count()).select_from(PlanRemedy))
    study = db.session.scalars(select(PlanStudy).where(PlanStudy.kind == StudyKind.SHORTAGE)).one()
    studies.find_shortage(study.id)
    db.session.expire_all()
    assert study.state is StudyState.DONE
    assert db.session.scalar(select(func.count()).select_from(PlanRemedy)) == found, (
        "nothing of the other is lost"
    )
    page = client.get(url).text
    assert "6 次里最多能访 4 次" in page
    assert "能多访 2 位" in page
    paper = client.get(f"{url}/print").text
    assert "能多访 2 位" in paper
    assert not any(elder.name in paper for elder in tight.general)
    assert "HX-Redirect" in client.get(f"{url}/state").headers
    assert client.get("/planning/shortages?month=2026-04").status_code == 403, "the sums are the county's"


def test_a_supervisor_sees_the_numbers_of_every_street(client: FlaskClient, tight: Street) -> None:
    solve(tight)
    supervisor = factories.make_user(Role.COUNTY_SUPERVISOR, tight.area.parent)
    factories.sign_in(client, supervisor)
    page = client.get("/planning/shortages?month=2026-04").text
    assert "滨河街道" in page
    assert "望江街道" in page
    assert not any(elder.name in page for elder in tight.general)
    token = {"csrf_token": factories.csrf_token(client)}
    plan = db.session.scalars(select(Plan)).one()
    assert client.post(f"/planning/plans/{plan.id}/shortage", data=token).status_code == 403


def test_nothing_missing_and_sixty_missing(client: FlaskClient, db_session: Any, last_of_march: None) -> None:
    street = make_street(key=0, general=4, workers=2)
    factories.sign_in(client, street.user)
    page = client.get(f"/planning/plans/{solve(street).id}/left").text
    assert "应访都排上了" in page
    street = make_street(key=0, general=60, workers=0)
    factories.sign_in(client, street.user)
    plan = solve(street)
    assert missing(plan) == 60
    page = client.get(f"/planning/plans/{plan.id}/left").text
    assert page.count('class="tf-remedies"') == 60
