"""An import that is cut, run twice, stopped by an error, outlived by its rows or pressed twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from coordinator.elders.imports import applying, batches, checking, jobs
from coordinator.elders.imports.elder_update import ElderApplier
from coordinator.elders.imports.elders import ELDERS
from coordinator.elders.models import ImportRow, ImportState, RowOutcome
from coordinator.extensions import db
from coordinator.kernel import clock, geo
from coordinator.kernel.access import SYSTEM, Role
from coordinator.kernel.errors import Conflict
from tests import factories
from tests.coordinator.elders.imports.elder_lines import HEAD, elders, line
from tests.coordinator.elders.imports.lists import rows_of, xlsx


def test_a_job_that_runs_twice_changes_nothing_more(tree: Any, check: Any, take: Any) -> None:
    batch = take(check(tree.street, [HEAD, line(1), line(2)]))
    counts = dict(batch.counts)
    applying.take(ELDERS, batch.id, None)
    checking.check(ELDERS, batch.id)
    assert len(elders()) == 2
    assert db.session.get_one(type(batch), batch.id).counts == counts


def test_a_check_that_was_cut_starts_over(tree: Any, check: Any) -> None:
    batch = batches.upload(
        ELDERS, SYSTEM, tree.street, "a.xlsx", xlsx([HEAD, line(1), line(2)]), geo.Datum.WGS84
    )
    batch.state = ImportState.CHECKING
    db.session.add(ImportRow(batch_id=batch.id, number=2, outcome=RowOutcome.CREATE, cells=["half"]))
    batch.rows_total, batch.rows_done = 2, 1
    db.session.commit()
    checking.check(ELDERS, batch.id)
    batch = db.session.get_one(type(batch), batch.id)
    assert (batch.state, batch.rows_done, batch.counts["create"]) == (ImportState.CHECKED, 2, 2)


def test_an_application_that_was_cut_leaves_nothing_and_runs_again(
    tree: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = check(tree.street, [HEAD, *[line(order) for order in range(1, 700)]])
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()
    create, calls = ElderApplier.create, []

    def cut(self: ElderApplier, rows: Any) -> Any:
        calls.append(len(rows))
        if len(calls) == 2:
            raise SystemExit("killed")
        return create(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(ElderApplier, "create", cut)
        with pytest.raises(SystemExit):
            applying.take(ELDERS, batch.id, None)
    db.session.rollback()
    assert calls == [250, 250]
    assert elders() == []
    shown = db.session.get_one(type(batch), batch.id)
    assert (shown.state, shown.rows_done) == (ImportState.APPLYING, 250)
    applying.take(ELDERS, batch.id, None)
    assert len(elders()) == 699


def test_an_error_gives_the_list_back(tree: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()

    def broken(self: ElderApplier, rows: Any) -> Any:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(ElderApplier, "create", broken)
        applying.take(ELDERS, batch.id, None)
    batch = db.session.get_one(type(batch), batch.id)
    assert batch.state is ImportState.CHECKED
    assert "什么都没有改" in (batch.error or "")
    batches.take_over(ELDERS, SYSTEM, batch, partly=True)
    db.session.commit()
    applying.take(ELDERS, batch.id, None)
    assert len(elders()) == 1


def test_pressing_the_button_twice_is_told(tree: Any, check: Any) -> None:
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=False)
    db.session.commit()
    with pytest.raises(Conflict):
        batches.take_over(ELDERS, SYSTEM, batch, partly=False)


def test_a_person_without_the_right_any_more_changes_nothing(tree: Any, check: Any) -> None:
    user = factories.make_user(Role.COUNTY_SUPERVISOR, tree.county)
    batch = check(tree.street, [HEAD, line(1)])
    batches.take_over(ELDERS, SYSTEM, batch, partly=False)
    db.session.commit()
    applying.take(ELDERS, batch.id, user.id)
    assert elders() == []
    assert db.session.get_one(type(batch), batch.id).state is ImportState.CHECKED


def test_the_rows_go_when_their_time_is_over(tree: Any, check: Any, take: Any) -> None:
    done, waiting = take(check(tree.street, [HEAD, line(1)])), check(tree.street, [HEAD, line(2)])
    jobs.purge(done.id)
    assert len(rows_of(done)) == 1
    long_ago = clock.now() - batches.KEEP_ROWS - timedelta(days=1)
    db.session.execute(update(type(done)).where(type(done).id == done.id).values(applied_at=long_ago))
    db.session.commit()
    jobs.purge(done.id)
    jobs.purge(waiting.id)
    assert rows_of(done) == rows_of(waiting) == []
    assert db.session.get_one(type(done), done.id).counts["created"] == 1
    assert db.session.get_one(type(done), waiting.id).state is ImportState.DISCARDED


def test_the_same_file_is_recognised(tree: Any, check: Any) -> None:
    content = xlsx([HEAD, line(1)])
    check(tree.street, content)
    assert "same_file" in {one["code"] for one in check(tree.street, content).notices}
