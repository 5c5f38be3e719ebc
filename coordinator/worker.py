"""The queue worker and the sweeper: two small loops around `coordinator.kernel.queue`.

The worker forks for each job. That child shares no database connection with its parent and dies with it, so a
killed worker leaves nothing that still holds the job. The sweeper hands owed jobs to Redis again when a worker,
or Redis itself, has lost them.
"""

import ctypes
import functools
import gc
import importlib
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog
from redis import RedisError
from rq import Queue, Worker, worker_registration
from rq.job import Job
from rq.worker import DequeueStrategy
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from coordinator.config import load_settings
from coordinator.extensions import db
from coordinator.kernel import queue

if TYPE_CHECKING:
    from flask import Flask

log = structlog.get_logger(__name__)

# Measured: with RQ's own defaults the job of a killed worker is still "started" after 150 s.
WORKER_TTL_SECONDS = 60
MAINTENANCE_SECONDS = 10
SWEEP_SECONDS = 10
_PR_SET_PDEATHSIG = 1
# A street's month is a million small objects that live to the end of their job: looking through all of them again
# and again for cycles took half of the time beside the search.
COLLECT_AFTER = (100_000, 50, 1_000)
# What becomes due without anybody asking: functions that name the jobs due now, as (name, key).
PERIODIC = (
    "coordinator.visits.jobs.due_by_itself",
    "coordinator.messages.jobs.due_by_itself",
    "coordinator.joining.jobs.due_by_itself",
    "coordinator.marketplace.jobs.due_by_itself",
    "coordinator.agenda.jobs.due_by_itself",
    "coordinator.dropouts.jobs.due_by_itself",
    "coordinator.supervision.jobs.due_by_itself",
)
PERIODIC_TIMEOUT_SECONDS = 3600
# What a worker does once before it forks for the first job of a queue. A street's search runs in the job itself
# (a single plan's runs in processes of its own), and fifty streets need not load the kernel fifty times.
PRELOAD = {"streets": "coordinator.planning.jobs.preload"}


@functools.cache
def preload(queue_name: str) -> None:
    """Load what the jobs of a queue share. Without it they load it themselves, so a failure ends nothing."""
    place = PRELOAD.get(queue_name)
    if place is None:
        return
    module, function = place.rsplit(".", 1)
    try:
        getattr(importlib.import_module(module), function)()
    except Exception:
        log.exception("nothing loaded ahead", queue=queue_name)


@functools.cache
def application() -> "Flask":
    """The application of this process, made once."""
    from coordinator.app import create_app

    return create_app(load_settings())


def run_owed(owed_id: int) -> None:
    """What Redis carries: run the owed job with this id. Its failure is in its row and in the log, not in Redis."""
    with application().app_context():
        try:
            queue.run_owed(owed_id)
        except (OperationalError, InterfaceError) as problem:
            # The database is away or coming back: the job stays owed, the sweeper hands it over again.
            log.warning("job put off", owed_id=owed_id, error=str(problem.orig)[:200])
        except Exception:
            log.exception("job failed", owed_id=owed_id)


class ForkingWorker(Worker):
    """RQ's forking worker, safe with inherited connections and with an emptied Redis."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork for a job, with what its queue needs loaded."""
        preload(queue.name)
        super().fork_work_horse(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Entry of the forked child."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        with application().app_context():
            db.engine.dispose(close=False)  # the parent's sockets stay the parent's
        super().main_work_horse(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that it lives; after Redis was emptied, introduce itself again."""
        if pipeline is None and not self.connection.exists(self.key):
            with self.connection.pipeline() as again:
                again.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, again)
                again.execute()
        super().heartbeat(timeout, pipeline)


def run_worker(*, burst: bool = False) -> None:
    """Work until SIGTERM (ends after the current job) or a second SIGTERM (cuts the job; it stays owed).

    :param burst: end when the queues are empty.
    """
    app = application()
    connection = app.extensions["redis"]
    worker = ForkingWorker(
        list(queue.QUEUES),
        connection=connection,
        worker_ttl=WORKER_TTL_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        log_job_description=False,
    )
    log.info("worker ready", worker=worker.name, queues=queue.QUEUES)
    # In turn: a stream of small jobs must not keep a plan waiting, nor plans the small jobs.
    worker.work(burst=burst, logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)


def owe_periodic_jobs() -> None:
    """Owe what has become due by itself, each period once. Commits."""
    for place in PERIODIC:
        module, function = place.rsplit(".", 1)
        for name, key in getattr(importlib.import_module(module), function)():
            queue.owe(name, key=key, timeout_seconds=PERIODIC_TIMEOUT_SECONDS)
    db.session.commit()


def run_sweeper(seconds: float = SWEEP_SECONDS) -> None:
    """Hand over owed jobs every `seconds` until SIGTERM or SIGINT."""
    app = application()
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("sweeper ready", seconds=seconds)
    while not stopped.is_set():
        with app.app_context():
            try:
                owe_periodic_jobs()
                handed = queue.sweep_owed_jobs()
                if handed:
                    log.info("owed jobs handed over", count=handed)
            except (SQLAlchemyError, RedisError) as problem:
                # A server is away or coming back; the next round tries again.
                log.warning("sweep put off", reason=type(problem).__name__)
        stopped.wait(seconds)
