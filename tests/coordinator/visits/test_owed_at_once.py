"""The read model of what is owed is safe to compute by two at once, and while somebody writes."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from coordinator.elders.models import ConsentState, Elder
from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.visits import jobs
from coordinator.visits.models import OwedStale
from coordinator.visits.queries import pack_of
from coordinator.visits.queries.standing import standing_of
from coordinator.visits.services import store_policy_version
from coordinator.visits.services.owed import due_counts, refresh
from tests.coordinator.visits.conftest import TODAY, World
from tests.coordinator.visits.ready_rows import live, marked, ready
from tests.factories import make_actor, make_area_tree


@pytest.fixture
def committed_world(committed_db, freeze) -> World:
    freeze(datetime(2026, 3, 26, 2, 0, tzinfo=UTC))
    tree = make_area_tree()
    world = World(tree, make_actor(Role.STREET_COORDINATOR, tree.street))
    store_policy_version(pack_of(tree.street))
    db.session.commit()
    return world


def in_thread(app: Any, work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """`work` in a context and session of its own; its answer or exception in the list."""
    found: list[Any] = []

    def run() -> None:
        with app.app_context():
            try:
                found.append(work())
                db.session.commit()
            except Exception as problem:  # noqa: BLE001  handed to the test
                found.append(problem)
            finally:
                db.session.remove()

    thread = threading.Thread(target=contextvars.Context().run, args=(run,))
    thread.start()
    return thread, found


def test_two_who_compute_the_same_elders_do_not_wait_for_each_other(committed_world, committed_app):
    world = committed_world
    ids = [world.key_elder().id for _ in range(3)]
    path = world.tree.street.path
    db.session.commit()
    refresh(ids[:2], TODAY)  # held until the commit below
    thread, found = in_thread(committed_app, lambda: refresh(ids, TODAY))
    thread.join(20)
    assert found == [{ids[2]}], "only the one that is free"
    waiting, later = in_thread(committed_app, lambda: refresh(ids, TODAY, wait=True))
    waiting.join(0.3)
    assert waiting.is_alive()
    db.session.commit()
    waiting.join(20)
    assert later == [set(ids)]
    assert ready(path, TODAY) == live(path, TODAY)
    assert marked() == set()


def test_a_change_during_the_computation_is_not_lost(committed_world, committed_app):
    world = committed_world
    elder = world.general_elder(enrolled_on=date(2026, 3, 1))
    db.session.commit()
    elder_id, path = elder.id, world.tree.street.path
    refresh([elder_id], TODAY)

    def refuse() -> None:
        db.session.execute(update(Elder).where(Elder.id == elder_id).values(birth_date=date(1930, 1, 1)))
        world.consent(db.session.get_one(Elder, elder_id), ConsentState.REFUSED)

    thread, found = in_thread(committed_app, refuse)
    thread.join(20)
    assert found == [None], "who writes never waits for who computes"
    db.session.commit()
    assert marked() == {elder_id}
    assert due_counts([path], TODAY)["waived"] == 1
    db.session.commit()
    assert ready(path, TODAY) == live(path, TODAY)


def test_readers_and_writers_at_once_leave_it_right(committed_world, committed_app):
    world = committed_world
    elders = [world.general_elder(enrolled_on=date(2026, 3, 1)).id for _ in range(12)]
    path = world.tree.street.path
    db.session.commit()

    def write(own: list[int]) -> None:
        for elder_id in own:
            world.called(db.session.get_one(Elder, elder_id), TODAY)
            db.session.execute(update(Elder).where(Elder.id == elder_id).values(ability_level=2))
            db.session.commit()

    def read() -> None:
        for _turn in range(8):
            due_counts([path], TODAY)
            db.session.commit()

    threads = [
        in_thread(committed_app, work)
        for work in (
            lambda: write(elders[:6]),
            lambda: write(elders[6:][::-1]),
            read,
            read,
            jobs.refresh_owed,
            jobs.recompute_owed,
        )
    ]
    for thread, _found in threads:
        thread.join(60)
    assert [found for _thread, found in threads if found != [None]] == []
    due_counts([path], TODAY)
    db.session.commit()
    assert standing_of([world.tree.community.id], 9).changed == 0
    assert ready(path, TODAY) == live(path, TODAY)
    assert db.session.scalar(select(func.count()).select_from(OwedStale)) == 0
