"""Fifty people press at once: one gets the visit, the others a kind word, and nothing else changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from coordinator.accounts.models import User
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.errors import DomainError
from coordinator.marketplace import jobs
from coordinator.marketplace.models import Claim
from coordinator.marketplace.services import claim_visit, stand_in_line, withdraw_claim
from coordinator.marketplace.views.retrying import retrying
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
from tests.racing import at_once

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
            assert "这次刚被别人认领了。" in page
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


@pytest.fixture
def market_day(committed_db, freeze) -> tuple[list[int], list[int]]:
    """Thirty workers with accounts and twelve open visits at their own hours, under tight limits: ids of both."""
    freeze(NOW)
    tree = make_area_tree(settings={"claims": LIMITS})
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    workers = [make_worker(tree.street, user_id=make_user(Role.WORKER).id).id for _n in range(30)]
    visits = [
        open_visit(
            coordinator,
            make_elder(tree.community),
            *visit_times(date(2026, 3, 27 + n // 8), time(8 + n % 8, 0)),
        ).id
        for n in range(12)
    ]
    db.session.commit()
    return workers, visits


LIMITS = {"open_at_once": 3, "queue_places": 1, "hours_ahead": 1, "ahead_days": 14}


def acting(app: Flask, worker_id: int, act: Callable[[Actor], object]) -> Callable[[], tuple[int, str]]:
    """A service called by one worker in a transaction of its own, done again as the views do it."""

    def call() -> tuple[int, str]:
        with app.app_context():
            me = Actor(None, f"worker {worker_id}", (Grant(Role.WORKER),), worker_id=worker_id)
            try:
                retrying(lambda: act(me))
            except DomainError as problem:
                db.session.rollback()
                return problem.status, problem.code or ""
            return 303, ""

    return call


@pytest.mark.alone
def test_nobody_gets_past_a_limit_and_no_visit_goes_twice(committed_app, market_day):
    workers, visits = market_day
    calls = [
        acting(committed_app, worker, partial(lambda visit, me: claim_visit(me, visit), visit))
        for turn, worker in enumerate(workers)
        for visit in (visits[turn % 12 :] + visits[: turn % 12])[:6]
    ]
    db.session.remove()
    answers = at_once(calls)
    assert len(answers) == len(calls)
    assert {status for status, _code in answers} <= {303, 409}
    states = Counter(db.session.scalars(select(Visit.state)))
    rows = db.session.execute(select(Claim.worker_id, Claim.visit_id).where(Claim.state == "pending")).all()
    assert len(rows) == len({visit for _worker, visit in rows}) == states["claimed"]
    # two visits of thirty minutes are the hour that a person may have ahead
    assert max(Counter(worker for worker, _visit in rows).values()) <= 2
    assert states["claimed"] == 12, "what nobody is barred from is not left over"


@pytest.mark.alone
def test_those_who_wait_and_those_who_leave_at_once_forget_nobody(committed_app, market_day):
    workers, visits = market_day
    held = dict(zip(workers[:12], visits, strict=True))
    for worker, visit in held.items():
        me = Actor(None, "first", (Grant(Role.WORKER),), worker_id=worker)
        claim_visit(me, visit)
    db.session.commit()
    claims = {claim.worker_id: claim.id for claim in db.session.scalars(select(Claim))}
    waiting = [
        acting(committed_app, worker, partial(lambda visit, me: stand_in_line(me, visit), visits[turn % 12]))
        for turn, worker in enumerate(workers[12:])
    ]
    leaving = [
        acting(committed_app, worker, partial(lambda claim, me: withdraw_claim(me, claim), claims[worker]))
        for worker in held
    ]
    twice = [
        acting(committed_app, worker, partial(lambda visit, me: stand_in_line(me, visit), visits[turn % 12]))
        for turn, worker in enumerate(workers[12:])
    ]
    db.session.remove()
    answers = at_once(waiting + leaving + twice)
    assert {status for status, _code in answers} <= {303, 409}
    assert {code for status, code in answers if status == 409} <= {"free"}, "it was free when they asked"
    jobs.tend_lines()
    live = db.session.execute(
        select(Claim.visit_id, Claim.worker_id, Claim.state).where(Claim.state.in_(("pending", "queued")))
    ).all()
    pending = [visit for visit, _worker, state in live if state == "pending"]
    assert len(pending) == len(set(pending)), "one claim of a visit waits"
    for visit, _worker, state in live:
        if state == "queued":
            assert visit in pending, "nobody waits for a visit that is free"
    assert len(live) == len({(visit, worker) for visit, worker, _state in live})
    states = dict(db.session.execute(select(Visit.id, Visit.state)).all())
    assert all((states[visit] == "claimed") == (visit in pending) for visit in visits)
