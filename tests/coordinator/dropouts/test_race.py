"""Two yes at once, and a worker process killed between the waves: one goes, and nobody is asked twice."""

from __future__ import annotations

import time as machine
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from coordinator.accounts.models import User
from coordinator.dropouts.jobs import make_wave
from coordinator.dropouts.models import AskAnswer, SearchOutcome, StandInAsk, StandInSearch
from coordinator.dropouts.services.placing import locked_visit
from coordinator.dropouts.services.searching import start_search
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Assignment, Visit
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

NOW = datetime(2026, 3, 26, 1, 0, tzinfo=UTC)
ROUNDS = 5


@pytest.fixture
def street(committed_db, freeze):
    freeze(NOW)
    tree = make_area_tree()
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    users = [make_user(Role.WORKER) for _n in range(3)]
    for user in users:
        make_worker(tree.street, user_id=user.id)
    db.session.commit()
    return tree, actor, [user.id for user in users]


def searched(tree, actor, hour: int) -> tuple[int, int]:
    """A visit of today with a search that has asked three people; ids of visit and search."""
    visit = open_visit(actor, make_elder(tree.community), *visit_times(date(2026, 3, 26), time(hour, 0)))
    search = start_search(actor, locked_visit(visit.id), "原来的人去不了")
    db.session.commit()
    return visit.id, search.id


def test_several_yes_at_once_have_one_winner_each_time(committed_app, street):
    tree, actor, users = street
    clients = []
    for user_id in users:
        client = committed_app.test_client()
        sign_in(client, db.session.get_one(User, user_id))
        clients.append((client, csrf_token(client), user_id))
    for turn in range(ROUNDS):
        visit_id, search_id = searched(tree, actor, 10 + turn)
        asks = {
            user_id: ask_id
            for ask_id, user_id in db.session.execute(
                select(StandInAsk.id, User.id)
                .join(StandInAsk.worker)
                .join(User, User.id == db.metadata.tables["workers"].c.user_id)
                .where(StandInAsk.search_id == search_id)
            )
        }
        db.session.remove()

        def press(client, token, ask_id):
            answer = client.post(f"/stand-in/{ask_id}", data={"csrf_token": token, "answer": "yes"})
            return answer.status_code

        codes = at_once(
            [
                lambda client=client, token=token, ask_id=asks[user_id]: press(client, token, ask_id)
                for client, token, user_id in clients
            ]
        )
        assert codes == [303] * 3, "nobody sees an error page"
        on_it = db.session.scalars(
            select(Assignment.worker_id).where(
                Assignment.visit_id == visit_id, Assignment.state == AssignmentState.APPROVED
            )
        ).all()
        assert len(on_it) == 1
        given = Counter(
            db.session.scalars(select(StandInAsk.answer).where(StandInAsk.search_id == search_id))
        )
        assert given == {AskAnswer.YES: 1, AskAnswer.LATE: 2}
        search = db.session.get_one(StandInSearch, search_id)
        assert search.outcome is SearchOutcome.FOUND
        told = select(func.count()).where(Message.dedupe_key == f"standin-found:{search_id}")
        assert db.session.scalar(told) == 1
        db.session.commit()


def test_the_same_wave_twice_at_once_asks_nobody_twice(committed_app, street):
    tree, actor, _users = street
    for _n in range(5):
        make_worker(tree.street, user_id=make_user(Role.WORKER).id)
    visit_id, search_id = searched(tree, actor, 15)
    db.session.remove()

    def wave() -> int:
        with committed_app.app_context():
            make_wave(search_id, 2)
            db.session.remove()
        return 0

    at_once([wave, wave, wave])
    asked = db.session.scalars(select(StandInAsk.worker_id).where(StandInAsk.search_id == search_id)).all()
    assert len(asked) == len(set(asked)) == 8
    assert db.session.get_one(StandInSearch, search_id).wave == 2
    assert db.session.get_one(Visit, visit_id).state is VisitState.OPEN


def test_a_wave_cut_in_the_middle_leaves_nothing_and_is_made_again(street, monkeypatch):
    """Killed between asking and owing the next wave: the transaction goes, and the second run does all of it."""
    from coordinator.dropouts.services.searching import waves

    tree, actor, _users = street
    _visit_id, search_id = searched(tree, actor, 15)
    for _n in range(2):
        make_worker(tree.street, user_id=make_user(Role.WORKER).id)
    db.session.commit()
    whole = waves.set_next

    def cut(*_args):
        raise SystemExit

    monkeypatch.setattr(waves, "set_next", cut)
    with pytest.raises(SystemExit):
        make_wave(search_id, 2)
    db.session.remove()
    assert db.session.scalar(select(func.count()).select_from(StandInAsk)) == 3
    assert db.session.scalar(select(func.count()).select_from(Message)) == 3
    monkeypatch.setattr(waves, "set_next", whole)
    make_wave(search_id, 2)
    assert db.session.scalar(select(func.count()).select_from(StandInAsk)) == 5
    assert db.session.scalar(select(func.count()).select_from(Message)) == 5


def test_a_killed_worker_process_makes_the_wave_once(committed_db, worker_process):
    """The wave is owed to the queue; the process dies, comes back, and the people are asked once."""
    tree = make_area_tree()
    actor = make_actor(Role.STREET_COORDINATOR, tree.street)
    for _n in range(3):
        make_worker(tree.street, user_id=make_user(Role.WORKER).id)
    starts = clock.now() + timedelta(hours=5)
    visit = open_visit(actor, make_elder(tree.community), starts, starts + timedelta(minutes=30))
    db.session.commit()
    worker_process.process.kill()
    worker_process.process.wait()
    search = start_search(actor, locked_visit(visit.id), "原来的人去不了", at_once=False)
    search_id = search.id
    db.session.commit()
    worker_process.start()
    until = machine.monotonic() + 60
    while machine.monotonic() < until:
        db.session.rollback()
        asked = db.session.scalars(
            select(StandInAsk.worker_id).where(StandInAsk.search_id == search_id)
        ).all()
        if asked:
            break
        machine.sleep(0.3)
    assert len(asked) == len(set(asked)) == 3
    keys = db.session.scalars(
        select(OwedJob.key).where(OwedJob.name.endswith("dropouts.jobs.make_wave"))
    ).all()
    assert sorted(keys) == [f"{search_id}:1", f"{search_id}:2"]
