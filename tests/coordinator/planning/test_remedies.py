"""What would help a visit that is missing: proven, worked out once wherever it is cut, done as agreed, on pages."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.queue import OwedJob
from coordinator.planning import jobs, queries, services
from coordinator.planning.models import (
    Plan,
    PlanRemedy,
    PlanState,
    PlanStop,
    PlanStudy,
    StudyKind,
    StudyState,
    WorkerQuestion,
)
from coordinator.planning.steps import Change, Step
from coordinator.planning.studies import jobs as studies
from coordinator.workforce.models import AvailabilityException
from coordinator.workforce.queries import worker_for_duty
from tests import factories
from tests.coordinator.planning.conftest import Street, make_street, solve
from tests.coordinator.planning.remedies import finish, look, me, missing, remedy


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
    held = select(PlanRemedy.stop_id, PlanRemedy.position, PlanRemedy.code).order_by(PlanRemedy.id)
    before = db.session.execute(held).all()
    studies.find_remedies(study.id)
    assert db.session.execute(held).all() == before
    again = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    twice = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    assert again.round == twice.round == 2


@pytest.mark.parametrize("commit", [1, 2, 3, 4])
def test_a_search_cut_after_any_commit_goes_on(
    tight: Street, cut_after: Callable[..., None], commit: int
) -> None:
    plan = solve(tight)
    study = services.request_study(tight.actor, plan, StudyKind.REMEDIES)
    db.session.commit()
    cut_after(lambda: studies.find_remedies(study.id), commit)
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
