"""A worker that is killed in the middle of taking a list over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from coordinator.elders.imports import batches
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.models import Elder, EmergencyContact, Household, ImportBatch, ImportRow, ImportState
from coordinator.extensions import db
from coordinator.kernel import queue
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.geo import Datum
from tests import factories
from tests.coordinator.elders.imports.lists import resident_id, xlsx
from tests.serving import WorkerProcess

if TYPE_CHECKING:
    from redis import Redis

ROWS = 3_000
HEAD = ["社区", "姓名", "身份证号", "住址", "紧急联系人姓名", "紧急联系人关系", "紧急联系人电话"]


def count(model: Any) -> int:
    found = db.session.scalar(select(func.count()).select_from(model))
    db.session.rollback()
    return found or 0


def wait_for(happened: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def test_a_killed_worker_leaves_nothing_half_and_nothing_twice(
    committed_db: Any, worker_process: WorkerProcess, redis_server: Redis
) -> None:
    tree = factories.make_area_tree()
    user = factories.make_actor(Role.STREET_COORDINATOR, tree.street)
    db.session.commit()
    born = date(1935, 1, 1)
    contact = ("李明", "儿子", "13800000001")
    list_of = [
        (
            "柳荫社区",
            f"陈秀{factories.hanzi(n)}",
            resident_id(born + timedelta(days=n), 7),
            f"路{n}号",
            *contact,
        )
        for n in range(ROWS)
    ]
    batch_id = batches.upload(ELDERS, user, tree.street, "名单.xlsx", xlsx([HEAD, *list_of]), Datum.WGS84).id
    db.session.commit()

    def checked() -> bool:
        db.session.rollback()
        return db.session.get_one(ImportBatch, batch_id).state is ImportState.CHECKED

    wait_for(checked)  # by the worker: two who check one list at a time get in each other's way
    batch = db.session.get_one(ImportBatch, batch_id)
    assert batch.counts["create"] == ROWS
    batches.take_over(ELDERS, user, batch, partly=False)
    db.session.commit()

    def progress() -> tuple[ImportState, int]:
        found = db.session.execute(
            select(ImportBatch.state, ImportBatch.rows_done).where(ImportBatch.id == batch_id)
        ).one()
        db.session.rollback()
        return found.state, found.rows_done

    wait_for(lambda: progress()[1] > 0)
    assert worker_process.process is not None
    worker_process.process.kill()
    worker_process.process.wait()
    assert progress()[0] is ImportState.APPLYING, "killed in the middle"
    redis_server.flushall()
    wait_for(lambda: count(Elder) == 0)

    worker_process.start()

    def settled() -> bool:
        queue.sweep_owed_jobs()
        db.session.rollback()
        return progress()[0] is ImportState.APPLIED

    wait_for(settled)
    assert (count(Elder), count(Household), count(EmergencyContact)) == (ROWS, ROWS, ROWS)
    lines = db.session.execute(select(AuditEntry.action, func.count()).group_by(AuditEntry.action))
    actions = {action: number for action, number in lines}  # noqa: C416
    assert (actions["elder.create"], actions["import.apply"]) == (ROWS, 1)
    assert db.session.scalar(select(func.count()).select_from(ImportRow).where(ImportRow.applied)) == ROWS
