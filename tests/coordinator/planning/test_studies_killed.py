"""kill -9 amid plans to choose from and a search for remedies: both end as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.queue import sweep_owed_jobs
from coordinator.planning import services
from coordinator.planning.models import Plan, PlanRemedy, PlanState, PlanStudy, StudyKind, StudyState
from coordinator.planning.translate import Options
from tests.coordinator.planning.conftest import make_street
from tests.serving import WorkerProcess


def until(what: Callable[[], bool], seconds: float) -> None:
    """Wait, handing over again what was lost."""
    end = time.monotonic() + seconds
    while True:
        sweep_owed_jobs()
        found = what()
        db.session.commit()
        if found:
            return
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def kill(worker: WorkerProcess) -> None:
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait()


def next_month() -> date:
    today = clock.today()
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


def count(model: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def test_a_killed_worker_changes_nothing_about_the_choice_or_the_remedies(
    committed_db: Any, worker_process: WorkerProcess
) -> None:
    street = make_street(key=0, general=6, workers=1)
    street.workers[0].max_visits_month = 3
    actor = street.actor
    first = services.request_choices(actor, street.area, next_month(), options=Options(), seconds=20)
    db.session.commit()
    until(lambda: count(Plan, Plan.id > first.id, Plan.state == PlanState.SOLVING) == 1, 60)
    kill(worker_process)
    worker_process.start()
    until(lambda: count(Plan, Plan.state == PlanState.READY) == 3, 120)
    assert count(Plan) == 3
    group = services.group_of(db.session.get_one(Plan, first.id))
    assert sorted(plan.detail.get("starts") for plan in group)[-1] == 2

    services.take_choice(actor, group[0])
    study = services.request_study(actor, group[0], StudyKind.REMEDIES)
    db.session.commit()
    until(lambda: count(PlanStudy, PlanStudy.done >= 1) == 1, 60)
    kill(worker_process)
    worker_process.start()
    until(lambda: count(PlanStudy, PlanStudy.state == StudyState.DONE) == 1, 120)
    db.session.refresh(study)
    assert (study.done, study.total) == (3, 3)
    stops = db.session.execute(select(PlanRemedy.stop_id, PlanRemedy.position)).all()
    assert len(stops) == len(set(stops))
    assert len({stop for stop, _ in stops}) == 3
