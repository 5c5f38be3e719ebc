"""Fifty people press at once: one gets the visit, the others a kind word, and nothing else changes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.marketplace.models import Claim
from coordinator.visits.models import Visit
from coordinator.visits.services import open_visit
from tests.factories import (
    csrf_token,
    make_actor,
    make_area_tree,
    make_elder,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)

PEOPLE = 50
NOW = datetime(2026, 3, 26, 1, 0, tzinfo=UTC)


@pytest.fixture
def street(committed_db, freeze) -> tuple[list[int], int]:
    """Fifty workers with accounts, and two open visits at the same time; the ids of the first and second."""
    freeze(NOW)
    tree = make_area_tree()
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    for _n in range(PEOPLE):
        make_worker(tree.street, user_id=make_user(Role.WORKER).id)
    times = visit_times(date(2026, 3, 27), time(9, 0))
    contested = open_visit(coordinator, make_elder(tree.community), *times).id
    other = open_visit(coordinator, make_elder(tree.community), *times).id
    db.session.commit()
    return [contested, other]


def rows_of_all_tables() -> dict[str, int]:
    """The number of rows of each table."""
    return {
        name: db.session.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()  # noqa: S608
        for name in db.metadata.tables
    }


def at_once(calls: list[Callable[[], tuple[int, str]]]) -> list[tuple[int, str]]:
    """Run all calls in threads that start together; their answers."""
    answers: list[tuple[int, str]] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], tuple[int, str]]) -> None:
        start.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def press(app: Flask, user: User, visit_id: int) -> Callable[[], tuple[int, str]]:
    """The second tap of one signed-in person, ready to be sent."""
    client = app.test_client()
    sign_in(client, user)
    token = csrf_token(client)

    def claim() -> tuple[int, str]:
        answer = client.post(f"/open-visits/{visit_id}/claim", data={"csrf_token": token})
        return answer.status_code, answer.text

    return claim


@pytest.mark.alone
def test_fifty_people_one_visit(committed_app, street):
    contested, _other = street
    users = db.session.scalars(select(User).where(User.username.like("user%"))).all()
    workers = [user for user in users if user.roles and user.roles[0].role is Role.WORKER]
    assert len(workers) == PEOPLE
    calls = [press(committed_app, user, contested) for user in workers]
    before = rows_of_all_tables()
    db.session.remove()

    answers = at_once(calls)

    assert Counter(status for status, _text in answers) == {303: 1, 409: PEOPLE - 1}
    for status, page in answers:
        if status == 409:
            assert "这次刚被别人认领了。附近还有 1 次您能去。" in page
    after = rows_of_all_tables()
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # and the feeds learn of it once: the visit they show as wished for has changed
    assert changed == {"claims": 1, "audit_entries": 1, "visit_revisions": 1}
    states = db.session.execute(select(Visit.id, Visit.state)).all()
    claim = db.session.scalars(select(Claim)).one()
    assert sorted((visit_id, state.value) for visit_id, state in states) == sorted(
        (visit_id, "claimed" if visit_id == contested else "open") for visit_id in street
    )
    assert claim.visit_id == contested


@pytest.mark.alone
def test_one_person_pressing_twenty_times(committed_app, street):
    contested, other = street
    user = db.session.scalars(
        select(User).where(User.roles.any(role=Role.WORKER)).order_by(User.id).limit(1)
    ).one()
    calls = [press(committed_app, user, visit) for visit in (contested, other) for _n in range(10)]
    db.session.remove()
    answers = at_once(calls)
    # The two visits lie at the same time: one of them is the person's, the other is refused each time.
    assert Counter(status for status, _text in answers) == {303: 10, 409: 10}
    assert db.session.scalar(select(func.count()).select_from(Claim)) == 1
    assert clock.now() == NOW
