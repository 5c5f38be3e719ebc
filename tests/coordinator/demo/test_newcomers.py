"""A small demo: each of the pages of joining and of drop-outs has something to show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.demo import load, schedule
from coordinator.dropouts.models import NoShow, NoShowState, StandInSearch, Swap, SwapState
from coordinator.extensions import db
from coordinator.joining.models import Application, GuardianLink, Invitation
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.workforce.models import Worker, WorkerStatus


def count(model: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0


def test_each_newer_page_has_something_to_show(
    db_session: Any, freeze: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a week of history instead of two months, two of each group of people; the queue asks stand-ins."""
    freeze(datetime(2026, 3, 25, 1, 0, tzinfo=UTC))
    monkeypatch.setattr(schedule, "HISTORY_DAYS", 7)
    said: list[str] = []
    load.load(said.append, tmp_path / "accounts.json", scale=0.4)
    assert said[-1] == "days that go wrong"
    assert count(Invitation) == 3
    assert count(Application) == 6
    assert count(Application, Application.returned_at.is_not(None)) == 1
    assert count(GuardianLink, GuardianLink.guardian_id.is_(None)) == 1
    assert count(Worker, Worker.status == WorkerStatus.APPLIED) == 7, "with a row of a company's roster"
    assert count(Claim, Claim.state == ClaimState.QUEUED) >= 1
    assert count(NoShow, NoShow.state == NoShowState.APPEALED) == 1
    assert count(Swap, Swap.state == SwapState.OFFERED) == 1
    assert count(StandInSearch, StandInSearch.ended_at.is_(None)) == 1
