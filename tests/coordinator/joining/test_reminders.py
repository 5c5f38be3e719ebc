"""What ends in 30, 14, 3 days and today is told once, to the worker and to the coordinators."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.extensions import db
from coordinator.joining import jobs
from coordinator.joining.services.reminders import endings, remind_of_ends
from coordinator.kernel.access import Role
from coordinator.messages.models import Message
from coordinator.workforce.models import Credential, CredentialKind, Guardian, WorkerKind, WorkerStatus
from tests import factories

NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 26)
K = CredentialKind


@pytest.fixture
def tree(db_session: Any, freeze: Any) -> factories.AreaTree:
    freeze(NOW)
    return factories.make_area_tree()


def make_holder(tree: Any, last: date, kind: CredentialKind = K.INSURANCE, **over: Any) -> Any:
    user = factories.make_user(Role.WORKER)
    worker = factories.make_worker(tree.community, user_id=user.id, **over)
    for one in worker.credentials:
        if one.kind is kind:
            one.valid_to = last
    db.session.flush()
    return worker


def renew(worker: Any, first: date, *, stands: bool, declared: bool = True, refused: bool = False) -> None:
    db.session.add(
        Credential(
            worker_id=worker.id,
            kind=K.INSURANCE,
            valid_from=first,
            valid_to=first + timedelta(days=364),
            stands=stands,
            declared_at=NOW if declared else None,
            refused_at=NOW if refused else None,
            refused_reason="看不清" if refused else None,
        )
    )
    db.session.flush()
    db.session.expire(worker, ["credentials"])


def told(user_id: int | None) -> list[str]:
    return list(
        db.session.scalars(select(Message.title).where(Message.user_id == user_id).order_by(Message.id))
    )


@pytest.mark.parametrize(
    ("days", "step"),
    [(31, None), (30, 30), (29, 30), (15, 30), (14, 14), (4, 14), (3, 3), (1, 3), (0, 0), (-1, None)],
)
def test_which_reminder_is_due(tree: Any, days: int, step: int | None) -> None:
    worker = make_holder(tree, TODAY + timedelta(days=days))
    found = [(one.worker.id, one.step) for one in endings(TODAY)]
    assert found == ([] if step is None else [(worker.id, step)])


def test_each_step_once_though_the_job_runs_daily_and_twice(tree: Any) -> None:
    keeper = factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    stranger = factories.make_user(Role.STREET_COORDINATOR, tree.other_street)
    last = TODAY + timedelta(days=30)
    worker = make_holder(tree, last)
    for day in range(32):
        remind_of_ends(TODAY + timedelta(days=day))
        remind_of_ends(TODAY + timedelta(days=day))
    assert told(worker.user_id) == ["您的资格快到期了"] * 3 + ["您的资格今天到期"]
    assert len(told(keeper.id)) == 4
    assert told(stranger.id) == []


def test_a_day_on_which_nothing_ran_is_made_up_for(tree: Any) -> None:
    worker = make_holder(tree, TODAY + timedelta(days=14))
    remind_of_ends(TODAY + timedelta(days=2))
    assert len(told(worker.user_id)) == 1


def test_what_ends_together_is_one_message(tree: Any) -> None:
    keeper = factories.make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    workers = [make_holder(tree, TODAY) for _n in range(25)]
    for one in workers[0].credentials:
        one.valid_to = TODAY
    db.session.flush()
    remind_of_ends(TODAY)
    assert len(told(workers[0].user_id)) == 1
    messages = db.session.scalars(select(Message).where(Message.user_id == keeper.id)).all()
    assert len(messages) == 1
    assert "25 人" in messages[0].title
    assert len(messages[0].body.splitlines()) == 21
    assert not any(one.name in messages[0].title for one in workers)


@pytest.mark.parametrize(
    ("first", "stands", "refused", "silent"),
    [
        (TODAY + timedelta(days=4), True, False, True),  # begins the day after
        (TODAY + timedelta(days=5), True, False, False),  # a day without
        (TODAY, True, False, True),
        (TODAY, False, False, True),  # declared, a coordinator looks
        (TODAY, False, True, False),  # refused
    ],
)
def test_nothing_is_said_about_what_is_renewed(
    tree: Any, first: date, stands: bool, refused: bool, silent: bool
) -> None:
    worker = make_holder(tree, TODAY + timedelta(days=3))
    renew(worker, first, stands=stands, refused=refused)
    assert (endings(TODAY) == []) is silent


def test_only_people_on_duty(tree: Any) -> None:
    make_holder(tree, TODAY, status=WorkerStatus.SUSPENDED)
    assert endings(TODAY) == []


@pytest.mark.parametrize(
    ("born", "withdrawn", "found"),
    [
        (date(2010, 9, 1), False, ["监护人同意"]),
        (date(2010, 9, 1), True, []),
        # Of age the day after the consent ends.
        (date(2008, 3, 30), False, []),
        (date(2008, 3, 31), False, ["监护人同意"]),
    ],
)
def test_a_guardians_consent(tree: Any, born: date, withdrawn: bool, found: list[str]) -> None:
    school = factories.make_organisation(tree.community)
    pupil = factories.make_worker(
        tree.community, kind=WorkerKind.STUDENT, organisation_id=school.id, birth_date=born
    )
    guardian = Guardian(
        worker_id=pupil.id,
        name="李梅",
        relation="母亲",
        phone="13900000011",
        scope="探访",
        given_on=date(2026, 1, 1),
        valid_to=TODAY + timedelta(days=3),
        withdrawn_at=NOW if withdrawn else None,
    )
    db.session.add(guardian)
    db.session.flush()
    assert [one.what for one in endings(TODAY)] == found


def test_the_job_is_due_once_a_day_from_eight(freeze: Any) -> None:
    freeze(datetime(2026, 3, 25, 23, 59, tzinfo=UTC))
    assert jobs.REMIND_JOB not in [name for name, _key in jobs.due_by_itself()]
    freeze(datetime(2026, 3, 26, 0, 0, tzinfo=UTC))
    assert (jobs.REMIND_JOB, "2026-03-26") in list(jobs.due_by_itself())
