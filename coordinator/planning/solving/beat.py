"""The life sign of a run: progress written in short transactions, and the wish to stop read with it."""

from __future__ import annotations

import time
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

import routing
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.planning.models import Plan, PlanStage, PlanState

log = structlog.get_logger(__name__)

BEAT_SECONDS = 0.6
"""Progress is written this often; a wish to stop is read with it."""


class Beat:
    """Writes progress, reads the wish to stop."""

    def __init__(self, plan_id: int) -> None:
        self.plan_id = plan_id
        self.begun = self.last = time.monotonic()
        self.stage, self.percent = PlanStage.OBLIGATIONS, 2
        self.best: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        self.stopping = self.abandoned = False

    @property
    def seconds_so_far(self) -> float:
        """Since the run began, by the machine's time: the site's clock may stand still."""
        return time.monotonic() - self.begun

    def progress(self, progress: routing.Progress) -> None:
        """Called by the engine."""
        score = progress.best_score
        if score is not None:
            self.best = score.to_dict()
        stage = PlanStage(progress.stage)
        self.tell(PlanStage.CHECK if stage is PlanStage.DRAFT else stage, min(95, progress.percent))

    def question(self) -> None:
        """Called before each question to the road engine; a wish to stop ends them."""
        if self.should_stop():
            raise routing.RoadsError("stopped")

    def should_stop(self) -> bool:
        """Called by the engine about ten times a second."""
        self._write()
        return self.stopping

    def tell(self, stage: PlanStage, percent: int, *, force: bool = False) -> None:
        """Take note of where the run is."""
        if stage is not self.stage:
            self.seconds[self.stage.value] = round(time.monotonic() - self.begun, 1)
        self.stage, self.percent = stage, max(self.percent, percent)
        self._write(force=force)

    def _write(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self.last < BEAT_SECONDS:
            return
        self.last = now
        try:
            row = db.session.execute(
                update(Plan)
                .where(Plan.id == self.plan_id, Plan.state == PlanState.SOLVING)
                .values(
                    stage=self.stage,
                    percent=self.percent,
                    best=self.best,
                    heartbeat_at=clock.now(),
                    detail=Plan.detail.concat({"seconds": self.seconds}),
                )
                .returning(Plan.stop_requested_at)
                .execution_options(synchronize_session=False)
            ).one_or_none()
            db.session.commit()
        except OperationalError as problem:
            # The database is away for the moment; the engine's work is worth more than one life sign.
            db.session.rollback()
            log.warning("life sign not written", plan_id=self.plan_id, error=str(problem.orig)[:200])
            return
        self.abandoned = row is None
        self.stopping = row is None or row.stop_requested_at is not None
