"""The read model of what is owed is computed by night: once, half, and from where it stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.queue import OwedJob
from coordinator.visits import jobs
from coordinator.visits.models import OwedElder, OwedStale
from coordinator.visits.queries.due_scope import read_due_scope
from coordinator.visits.services import owed, store_policy_version
from coordinator.visits.services.owed import freshen, refresh
from coordinator.worker import owe_periodic_jobs
from tests.coordinator.visits.conftest import TODAY
from tests.coordinator.visits.ready_rows import live, marked, ready, settle


def test_the_night_is_owed_once_and_not_before_its_hour(world, freeze):
    store_policy_version(
        next(iter(freshen(read_due_scope([world.tree.street.path]), TODAY).books.values())).pack
    )
    freeze(datetime(2026, 3, 26, 16, 10, tzinfo=UTC))
    owe_periodic_jobs()
    nightly = select(OwedJob.key).where(OwedJob.name == jobs.NIGHTLY_JOB)
    assert db.session.scalars(nightly).all() == []
    freeze(datetime(2026, 3, 26, 16, 30, tzinfo=UTC))
    owe_periodic_jobs()
    owe_periodic_jobs()
    assert db.session.scalars(nightly).all() == ["2026-03-27"]


def test_what_much_has_marked_is_computed_without_a_reader(world, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_IN_REQUEST", 2)
    world.general_elder()
    settle()
    for _ in range(3):
        world.general_elder()
    owe_periodic_jobs()
    assert db.session.scalars(select(OwedJob.name).where(OwedJob.name == owed.REFRESH_JOB)).all()
    jobs.refresh_owed()
    assert marked() == set()


def test_a_night_that_was_cut_goes_on_where_it_stopped(world, monkeypatch):
    for _ in range(6):
        world.key_elder()
    db.session.commit()
    monkeypatch.setattr(jobs, "CHUNK", 2)
    calls: list[int] = []

    def cut(ids: Any, *given: Any, **more: Any) -> set[int]:
        calls.append(len(ids))
        if len(calls) == 2:
            refresh(ids, *given, **more)
            raise KeyboardInterrupt
        return refresh(ids, *given, **more)

    monkeypatch.setattr(jobs, "refresh", cut)
    with pytest.raises(KeyboardInterrupt):
        jobs.recompute_owed()
    db.session.rollback()
    done = select(func.count()).select_from(OwedElder).where(OwedElder.swept_on == TODAY)
    assert db.session.scalar(done) == 2
    jobs.recompute_owed()
    assert calls == [2, 2, 2, 2], "the finished chunk is not done again"
    assert db.session.scalar(done) == 6
    assert ready(world.tree.street.path, TODAY) == live(world.tree.street.path, TODAY)
    jobs.recompute_owed()
    assert len(calls) == 4, "a second run finds nothing to do"


def test_lines_of_elders_who_are_gone_are_taken_away(world):
    db.session.add(OwedStale(elder_id=10**9))
    db.session.flush()
    jobs.refresh_owed()
    assert marked() == set()
