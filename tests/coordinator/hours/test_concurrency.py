"""Several at once, with real commits: nothing is entered, numbered, decided or taken back twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.hours import jobs, services
from coordinator.hours.models import Certificate, EntryKind, HoursEntry, Verification, VerificationState
from coordinator.kernel.errors import Conflict, DomainError
from coordinator.workforce.models import Worker
from tests.coordinator.hours.conftest import NOW, There, World, make_world

SPAN = (date(2026, 1, 1), date(2026, 3, 26))
AT_ONCE = 4


@pytest.fixture
def committed(committed_db, freeze) -> World:
    freeze(NOW)
    world = make_world()
    db.session.commit()
    return world


@pytest.fixture
def at_once(committed_app, committed_db) -> Callable[..., list[Any]]:
    """Run functions at the same moment, each with a connection of its own; results, refusals among them."""

    def run(*acts: Callable[[], Any]) -> list[Any]:
        barrier = Barrier(len(acts))

        def one(act: Callable[[], Any]) -> Any:
            with committed_app.app_context():
                db.session.execute(select(1))  # the connection is open before the start
                barrier.wait(20)
                try:
                    result = act()
                    db.session.commit()
                    return result
                except DomainError as refused:
                    db.session.rollback()
                    return refused
                finally:
                    db.session.remove()

        with ThreadPoolExecutor(len(acts)) as pool:
            return [future.result(60) for future in [pool.submit(one, act) for act in acts]]

    return run


def test_one_visit_entered_by_several_jobs(committed: World, at_once):
    first, second = committed.worker(), committed.worker()
    visit_id = committed.closed(There(first), There(second)).id
    db.session.commit()
    at_once(*[lambda: jobs.enter_visit(visit_id)] * AT_ONCE)
    assert db.session.scalar(select(func.count()).select_from(HoursEntry)) == 2
    assert services.check_chains() == (2, 2, [])


def test_several_visits_of_one_worker_make_one_chain(committed: World, at_once):
    pair = committed.worker(), committed.worker()
    visits = [
        committed.closed(There(pair[0]), There(pair[1]), day=date(2026, 3, day)).id for day in range(1, 5)
    ]
    db.session.commit()
    at_once(*[lambda visit_id=visit_id: jobs.enter_visit(visit_id) for visit_id in visits])
    assert services.check_chains() == (8, 2, [])


def test_each_certificate_has_its_own_number(committed: World, at_once):
    workers = [committed.worker() for _number in range(AT_ONCE)]
    for worker in workers:
        committed.entry(worker)
    db.session.commit()
    ids = [worker.id for worker in workers]

    def issue(worker_id: int) -> str:
        return services.issue_certificate(
            committed.street, db.session.get_one(Worker, worker_id), *SPAN
        ).number

    numbers = at_once(*[lambda one=one: issue(one) for one in ids])
    assert sorted(number.rsplit("-", 1)[1] for number in numbers) == ["000001", "000002", "000003", "000004"]
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == AT_ONCE


def test_taken_back_or_certified_never_both(committed: World, at_once):
    worker = committed.worker()
    entry = committed.entry(worker)
    db.session.commit()
    worker_id, entry_id = worker.id, entry.id

    def take_back() -> str:
        services.reverse_entry(committed.street, db.session.get_one(HoursEntry, entry_id), "录错人")
        return "back"

    def certify() -> str:
        services.issue_certificate(committed.street, db.session.get_one(Worker, worker_id), *SPAN)
        return "certified"

    results = at_once(take_back, certify)
    done = [result for result in results if isinstance(result, str)]
    assert len(done) == 1, results
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == (done == ["certified"])


def test_two_verifiers_decide_once(committed: World, at_once):
    student = committed.student()
    ids = [committed.entry(student, day=date(2026, 3, day)).id for day in (1, 2)]
    db.session.commit()

    def decide(state: VerificationState, order: list[int]) -> int:
        made = services.verify_entries(
            committed.verifier,
            order,
            state,
            reason="请假",
            together=state is VerificationState.PASSED,
            seen=0,
        )
        return len(made)

    results = at_once(
        lambda: decide(VerificationState.PASSED, ids),
        lambda: decide(VerificationState.RETURNED, ids[::-1]),
        lambda: decide(VerificationState.PASSED, ids),
    )
    assert [one for one in results if isinstance(one, int)] == [2]
    assert all(one.code == "decided" for one in results if isinstance(one, Conflict))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Verification)) == 2


def test_taken_back_once(committed: World, at_once):
    entry_id = committed.entry(committed.worker()).id
    db.session.commit()

    def take_back() -> bool:
        services.reverse_entry(committed.street, db.session.get_one(HoursEntry, entry_id), "录错人")
        return True

    results = at_once(*[take_back] * AT_ONCE)
    assert sum(one is True for one in results) == 1
    assert all(one is True or isinstance(one, Conflict) for one in results)
    db.session.rollback()
    reversals = select(func.count()).where(HoursEntry.kind == EntryKind.REVERSAL)
    assert db.session.scalar(reversals) == 1
