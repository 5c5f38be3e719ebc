"""Jobs that are owed. The truth that a job is owed is a row, written in the transaction that owes it; Redis only
carries it. Every job body may run twice or be cut anywhere with the same end state.

RQ is imported here and in `coordinator.worker` only.
"""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy import CheckConstraint, Index, SmallInteger, String, Text, event, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from coordinator.extensions import db, stored
from coordinator.kernel import clock

log = structlog.get_logger(__name__)

# `streets` are the many plans of a county: the worker takes the queues in turn, so that neither a street's own
# plan nor a small job waits for all of them.
QUEUES = ("default", "planning", "streets")
# A job that neither runs nor waits although it was handed to Redis this long ago is handed over again.
HAND_OVER_AGAIN_AFTER = timedelta(seconds=15)
# A job that was begun this often and never ended is given up; `tanfang jobs retry` owes it anew.
MAX_ATTEMPTS = 8
_LOCK_SPACE = 7_301  # first key of pg advisory locks held by running jobs


class OwedState(StrEnum):
    OWED = "owed"
    DONE = "done"
    FAILED = "failed"


class OwedJob(db.Model):
    """One owed job. (`name`, `key`) is unique: periodic work uses its period as key, so it runs once.

    `attempts` counts how often the body was begun, whether it failed or was cut; being lost on the way costs none.
    """

    __tablename__ = "owed_jobs"
    __table_args__ = (
        Index("uq_owed_jobs_name_key", "name", "key", unique=True),
        Index("ix_owed_jobs_state_run_after", "state", "run_after"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    key: Mapped[str] = mapped_column(String(120))
    queue: Mapped[str] = mapped_column(String(20), default="default")
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[OwedState] = mapped_column(stored(OwedState), default=OwedState.OWED)
    timeout_seconds: Mapped[int] = mapped_column(default=600)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.machine_now)
    run_after: Mapped[datetime] = mapped_column(default=clock.machine_now)
    handed_over_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


def owe(
    name: str,
    key: str,
    payload: dict[str, Any] | None = None,
    *,
    queue: str = "default",
    run_after: datetime | None = None,
    timeout_seconds: int = 600,
) -> None:
    """Owe the job with the dotted function name `name` ('coordinator.planning.jobs.solve_plan').

    The row joins the current transaction; after its commit the job is handed to Redis. A second call with the
    same name and key is the same job. `payload` holds ids and plain values, passed as keyword arguments.
    `run_after` is a moment by `clock.now()`, which may stand still on another day: the queue waits just as long
    by the machine's time.
    """
    moment = clock.machine_now()
    due = moment if run_after is None else moment + (run_after - clock.now())
    values = {
        "name": name,
        "key": key,
        "queue": queue,
        "payload": payload or {},
        "state": OwedState.OWED,
        "timeout_seconds": timeout_seconds,
        "attempts": 0,
        "created_at": moment,
        "run_after": due,
    }
    statement = insert(OwedJob).values(**values).on_conflict_do_nothing(index_elements=["name", "key"])
    owed_id = db.session.scalar(statement.returning(OwedJob.id))
    if owed_id is not None and due <= moment:
        db.session.info.setdefault("owed_after_commit", []).append((owed_id, queue, timeout_seconds))


def connection() -> Redis:
    """The application's Redis connection."""
    return current_app.extensions["redis"]


def _hand_over(owed_id: int, queue: str, timeout_seconds: int, moment: datetime) -> None:
    # The id differs each time: what Redis still believes about an earlier try must not stand in the way.
    Queue(queue, connection=connection()).enqueue_call(
        "coordinator.worker.run_owed",
        args=(owed_id,),
        job_id=f"owed-{owed_id}-{moment:%Y%m%d%H%M%S%f}",
        timeout=timeout_seconds,
        result_ttl=0,
        failure_ttl=86_400,
    )


def _after_commit(session: Session) -> None:
    if session.in_nested_transaction():  # only a savepoint: nobody else sees the row yet
        return
    moment = clock.machine_now()
    for owed_id, queue, timeout_seconds in session.info.pop("owed_after_commit", []):
        try:
            _hand_over(owed_id, queue, timeout_seconds, moment)
        except RedisError as problem:
            # The row stays; the sweeper hands it over when the queue is back.
            log.warning("queue away, job stays owed", owed_id=owed_id, error=str(problem))


def _after_rollback(session: Session) -> None:
    # What a savepoint takes back is handed over all the same: a job without a row does nothing.
    if not session.in_nested_transaction():
        session.info.pop("owed_after_commit", None)


def listen(session_class: Any) -> None:
    """Hand jobs over after commit. Called once by `create_app`."""
    if not event.contains(session_class, "after_commit", _after_commit):
        event.listen(session_class, "after_commit", _after_commit)
        event.listen(session_class, "after_rollback", _after_rollback)


def sweep_owed_jobs() -> int:
    """Hand over every owed job that nobody runs and that does not wait in Redis; returns how many. Commits.

    A running job holds a PostgreSQL advisory lock on its connection, so a killed worker frees it at once.
    """
    moment = clock.machine_now()
    lost = db.session.scalars(
        select(OwedJob)
        .where(
            OwedJob.state == OwedState.OWED,
            OwedJob.run_after <= moment,
            or_(
                OwedJob.handed_over_at.is_(None),
                OwedJob.handed_over_at < moment - HAND_OVER_AGAIN_AFTER,
            ),
            OwedJob.id.not_in(_waiting_ids() | _running_ids()),
        )
        .order_by(OwedJob.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    ).all()
    handed = []
    for owed in lost:
        if owed.attempts >= MAX_ATTEMPTS:
            _give_up(owed, "begun too often without ending")
        else:
            owed.handed_over_at = moment
            handed.append((owed.id, owed.queue, owed.timeout_seconds))
    # Committed first: a worker that is quicker than this loop must not wait for these rows.
    db.session.commit()
    for owed_id, queue, timeout_seconds in handed:
        _hand_over(owed_id, queue, timeout_seconds, moment)
    return len(handed)


def _give_up(owed: OwedJob, reason: str) -> None:
    owed.state = OwedState.FAILED
    owed.last_error = owed.last_error or reason
    log.error("owed job given up", owed_id=owed.id, job=owed.name, error=owed.last_error)


def _waiting_ids() -> set[int]:
    """The owed jobs that lie in Redis for a free worker. Asked of the lists themselves: a job whose worker died
    between taking it and beginning it still calls itself queued."""
    names = (name for queue in QUEUES for name in Queue(queue, connection=connection()).job_ids)
    return {int(name.split("-")[1]) for name in names if name.startswith("owed-")}


def _running_ids() -> set[int]:
    """The owed jobs whose lock somebody holds."""
    found = db.session.scalars(
        text(
            "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = :space AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"space": _LOCK_SPACE},
    )
    return set(found)


def failed_jobs() -> list[OwedJob]:
    """The jobs that were given up, oldest first."""
    return list(
        db.session.scalars(select(OwedJob).where(OwedJob.state == OwedState.FAILED).order_by(OwedJob.id))
    )


def owe_again(owed: OwedJob) -> None:
    """Owe a job anew that was given up; the sweeper hands it over. Does not commit."""
    owed.state = OwedState.OWED
    owed.attempts = 0
    owed.handed_over_at = None
    owed.run_after = clock.machine_now()


def run_owed(owed_id: int) -> None:
    """Run one owed job now, unless it is done or runs elsewhere. Called by the worker inside an app context.

    The lock lives on a connection of its own and ends with it, however the process ends.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        if not guard.scalar(
            text("SELECT pg_try_advisory_lock(:space, :id)"), {"space": _LOCK_SPACE, "id": owed_id}
        ):
            log.info("job runs elsewhere", owed_id=owed_id)
            return
        try:
            _run_locked(owed_id)
        finally:
            try:
                guard.execute(
                    text("SELECT pg_advisory_unlock(:space, :id)"), {"space": _LOCK_SPACE, "id": owed_id}
                )
            except SQLAlchemyError as problem:
                # PostgreSQL went away meanwhile, and the lock with it.
                log.warning(
                    "lock was gone with its connection", owed_id=owed_id, error=type(problem).__name__
                )


def _run_locked(owed_id: int) -> None:
    owed = db.session.get(OwedJob, owed_id)
    if owed is None or owed.state is not OwedState.OWED:
        db.session.rollback()
        return
    owed.started_at = clock.machine_now()
    owed.attempts += 1
    db.session.commit()
    try:
        module_name, function_name = owed.name.rsplit(".", 1)
        body = getattr(importlib.import_module(module_name), function_name)
        body(**owed.payload)
        owed = db.session.get_one(OwedJob, owed_id)
        owed.state = OwedState.DONE
        owed.finished_at = clock.machine_now()
        owed.last_error = None
        db.session.commit()
    except Exception as problem:
        db.take_back()
        owed = db.session.get_one(OwedJob, owed_id)
        owed.last_error = f"{type(problem).__name__}: {problem}"[:2000]
        if owed.attempts >= MAX_ATTEMPTS:
            _give_up(owed, "failed")
        else:
            owed.run_after = clock.machine_now() + timedelta(seconds=5 * 2**owed.attempts)
        db.session.commit()
        raise
