"""A question to a worker: only a yes changes anything, once, and not when the plan has changed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed
from coordinator.messages.models import Message
from coordinator.planning import queries, services
from coordinator.planning.models import Plan, PlanStop, QuestionState
from coordinator.planning.steps import Step
from tests import factories
from tests.coordinator.planning.conftest import Street, solve
from tests.coordinator.planning.remedies import asked, finish, look, me, missing, remedy


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
