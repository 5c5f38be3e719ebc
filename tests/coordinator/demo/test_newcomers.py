"""A small demo: each of the pages of joining and of drop-outs has something to show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.demo import examples, load, schedule
from coordinator.dropouts.models import NoShow, NoShowState, StandInSearch, Swap, SwapState
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.joining.models import Application, GuardianLink, Invitation
from coordinator.kernel.areas import Area, settings_of
from coordinator.marketplace.models import Claim, ClaimState
from coordinator.marketplace.rules import Rules
from coordinator.visits.models import Visit
from coordinator.workforce.models import Availability, ServiceContact, Worker, WorkerStatus
from coordinator.workforce.queries import partners_of


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
    assert said[-2:] == ["days that go wrong", "examples for the plan and the claims"]
    assert count(Invitation) == 3
    assert count(Application) == 6
    assert count(Application, Application.returned_at.is_not(None)) == 1
    assert count(GuardianLink, GuardianLink.guardian_id.is_(None)) == 1
    assert count(Worker, Worker.status == WorkerStatus.APPLIED) == 7, "with a row of a company's roster"
    assert count(Claim, Claim.state == ClaimState.QUEUED) >= 1
    assert count(NoShow, NoShow.state == NoShowState.APPEALED) == 1
    assert count(Swap, Swap.state == SwapState.OFFERED) == 1
    assert count(StandInSearch, StandInSearch.ended_at.is_(None)) == 1
    for_two = db.session.scalars(select(Visit).where(Visit.people == 2).order_by(Visit.id)).all()[-1]
    assert len([one for one in for_two.assignments if one.state == "approved"]) == 2
    assert len(partners_of([for_two.elder_id])[for_two.elder_id]) == 2
    assert count(Elder, Elder.visit_from == examples.AT_HOME[0]) == 1
    ruled = db.session.scalars(select(Area).where(Area.settings.has_key("claims"))).all()
    assert [(one.name, Rules.of(settings_of(one.path, "claims")).auto.on) for one in ruled] == [
        ("柳岸社区", True)
    ]
    twice = select(Availability.worker_id).group_by(Availability.worker_id, Availability.weekday)
    assert db.session.scalar(twice.having(func.count() == 2)) is not None, "a morning and a late afternoon"
    left = select(ServiceContact.id).join(Worker, Worker.id == ServiceContact.worker_id)
    assert db.session.scalar(left.where(Worker.status == WorkerStatus.LEFT)) is not None
