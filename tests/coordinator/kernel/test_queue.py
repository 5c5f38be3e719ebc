"""Owed jobs: handed over after commit, found again by the sweeper, begun a limited number of times."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import select, text

from coordinator.extensions import db
from coordinator.kernel import clock, queue
from coordinator.kernel.cli import jobs
from coordinator.kernel.queue import OwedJob, OwedState
from tests.serving import ROOT

APPEND = "tests.house.sample_jobs.append"
ABSENT = "tests.house.sample_jobs.fail"


def owe(key: str, name: str = APPEND, **payload: Any) -> None:
    queue.owe(name, key, payload)


def job(key: str) -> OwedJob:
    return db.session.scalars(
        select(OwedJob).where(OwedJob.key == key).execution_options(populate_existing=True)
    ).one()


def waiting(redis: Redis) -> int:
    return len(Queue("default", connection=redis).job_ids)


@pytest.fixture
def lost(committed_db: Any, redis_server: Redis, tmp_path: Path) -> Path:
    """One owed job that Redis has forgotten; returns the file its body writes."""
    owe("lost", path=str(tmp_path / "trace"), line="ran")
    committed_db.commit()
    redis_server.flushall()
    return tmp_path / "trace"


def test_a_savepoint_hands_nothing_over(committed_db: Any, redis_server: Redis) -> None:
    """Nobody else sees the row before the whole transaction is committed."""
    owe("early")
    with committed_db.begin_nested():
        owe("inside")
    assert waiting(redis_server) == 0
    committed_db.commit()
    assert waiting(redis_server) == 2


def test_a_later_job_waits_by_the_machine(committed_db: Any, redis_server: Redis, freeze: Any) -> None:
    """With the clock standing still on a day long gone, a job of next month is not due at once."""
    freeze(clock.machine_now() - timedelta(days=365))
    queue.owe(APPEND, "next month", {}, run_after=clock.now() + timedelta(days=30))
    committed_db.commit()
    assert waiting(redis_server) == 0
    assert timedelta(days=29) < job("next month").run_after - clock.machine_now() <= timedelta(days=30)


def test_a_savepoint_taken_back_keeps_the_others(
    committed_db: Any, redis_server: Redis, tmp_path: Path
) -> None:
    owe("kept", path=str(tmp_path / "trace"), line="ran")
    savepoint = committed_db.begin_nested()
    owe("gone")
    savepoint.rollback()
    committed_db.commit()
    assert committed_db.scalars(select(OwedJob.key)).all() == ["kept"]
    names = Queue("default", connection=redis_server).job_ids
    for name in names:
        queue.run_owed(int(name.split("-")[1]))  # the one without a row does nothing
    assert len(names) == 2
    assert job("kept").state is OwedState.DONE


def test_a_rolled_back_job_is_not_handed_over(committed_db: Any, redis_server: Redis) -> None:
    owe("never")
    committed_db.rollback()
    owe("later")
    committed_db.commit()
    assert waiting(redis_server) == 1


def test_what_waits_or_runs_is_left_alone(committed_db: Any, redis_server: Redis) -> None:
    owe("waits")
    committed_db.commit()
    assert queue.sweep_owed_jobs() == 0
    redis_server.flushall()
    with db.engine.begin() as other:
        other.execute(
            text("SELECT pg_advisory_xact_lock(:space, :id)"),
            {"space": queue._LOCK_SPACE, "id": job("waits").id},
        )
        assert queue.sweep_owed_jobs() == 0
    assert queue.sweep_owed_jobs() == 1
    assert waiting(redis_server) == 1


def test_being_lost_costs_no_attempt(committed_db: Any, redis_server: Redis, lost: Path) -> None:
    """However often Redis is emptied, a job that never began is not given up."""
    for _time in range(2 * queue.MAX_ATTEMPTS):
        assert queue.sweep_owed_jobs() == 1
        redis_server.flushall()
        job("lost").handed_over_at = clock.machine_now() - timedelta(minutes=1)
        committed_db.commit()
    assert (job("lost").state, job("lost").attempts) == (OwedState.OWED, 0)
    queue.run_owed(job("lost").id)
    assert lost.read_text() == "ran\n"
    assert (job("lost").state, job("lost").attempts) == (OwedState.DONE, 1)
    queue.run_owed(job("lost").id)
    assert lost.read_text() == "ran\n"


def test_one_sweep_hands_over_once(committed_db: Any, redis_server: Redis, lost: Path) -> None:
    assert queue.sweep_owed_jobs() == 1
    redis_server.flushall()
    assert queue.sweep_owed_jobs() == 0, "given a moment to begin"


def test_a_failing_job_is_tried_later_and_given_up_in_the_end(committed_db: Any) -> None:
    owe("fails", ABSENT)
    committed_db.commit()
    pauses = []
    for _attempt in range(queue.MAX_ATTEMPTS):
        begun = clock.machine_now()
        with pytest.raises(AttributeError):
            queue.run_owed(job("fails").id)
        pauses.append((job("fails").run_after - begun).total_seconds())
    found = job("fails")
    assert (found.state, found.attempts) == (OwedState.FAILED, queue.MAX_ATTEMPTS)
    assert "AttributeError" in (found.last_error or "")
    assert pauses[:3] == pytest.approx([10, 20, 40], abs=3)
    queue.run_owed(found.id)
    assert job("fails").attempts == queue.MAX_ATTEMPTS, "nothing begins a job that was given up"


def test_a_job_that_is_always_cut_is_given_up(committed_db: Any, redis_server: Redis, lost: Path) -> None:
    job("lost").attempts = queue.MAX_ATTEMPTS
    committed_db.commit()
    assert queue.sweep_owed_jobs() == 0
    assert job("lost").state is OwedState.FAILED
    assert not lost.exists()


def test_the_operator_sees_and_owes_anew(
    committed_app: Flask, committed_db: Any, redis_server: Redis, lost: Path
) -> None:
    run = committed_app.test_cli_runner().invoke
    shown = run(jobs, ["list"])
    assert (shown.exit_code, shown.output) == (0, "1 owed, 0 given up\n")
    job("lost").attempts = queue.MAX_ATTEMPTS
    committed_db.commit()
    queue.sweep_owed_jobs()
    number = str(job("lost").id)
    shown = run(jobs, ["list", "--json"])
    assert shown.exit_code == 1
    assert [str(one["id"]) for one in json.loads(shown.output)["failed"]] == [number]
    for wrong in ([], [number, "--all"], ["999"]):
        assert run(jobs, ["retry", *wrong]).exit_code == 2
    assert run(jobs, ["retry", number]).exit_code == 0
    assert queue.sweep_owed_jobs() == 1
    assert waiting(redis_server) == 1
    assert job("lost").attempts == 0


def test_advisory_locks_do_not_meet() -> None:
    """Each kind of advisory lock has a first key of its own: an import must not hold up somebody's claims."""
    keys = [
        found.group(1)
        for path in (ROOT / "coordinator").rglob("*.py")
        for found in re.finditer(r"^_\w*LOCK\w* = ([\d_]+)", path.read_text(), re.MULTILINE)
    ]
    assert len(keys) >= 6
    assert len(keys) == len(set(keys))
