"""No page needs more than twelve statements, however many rows it shows."""

from __future__ import annotations

from datetime import date, time
from uuid import uuid4

import pytest

from coordinator.extensions import db
from coordinator.fieldwork.services.presence import Mark, check_in
from coordinator.fieldwork.services.records import submit_record
from coordinator.marketplace.services import claim_visit
from tests.coordinator.fieldwork.conftest import GOOD

MOST = 12


def fill(field, worker, actor, hours) -> None:
    """A visit of today, an open one, a claim of somebody new and a record for each of these hours."""
    for hour in hours:
        field.visit((worker, False), start=time(hour, 0))
        field.visit(day=date(2026, 3, 28), start=time(hour, 0))
        _other, claimer = field.worker()
        claim_visit(claimer, field.visit(day=date(2026, 3, 29), start=time(hour, 0)).id)
        author, writer = field.worker()
        done = field.visit((author, False), start=time(9, 10))
        check_in(writer, done.id, Mark(uuid4(), word=True))
        answers = {**GOOD, "signed": True, "needs": [], "needs_text": "", "advice": ""}
        submit_record(writer, done.id, uuid4(), answers, Mark(uuid4(), word=True))
    db.session.commit()


@pytest.mark.parametrize(
    ("path", "desk"),
    [
        ("/today", False),
        ("/open-visits", False),
        ("/my-visits", False),
        ("/approvals", True),
        ("/records", True),
    ],
)
def test_few_statements_and_no_more_with_more_rows(field, signed_in, queries, path, desk):
    worker, actor = field.worker()
    fill(field, worker, actor, (10,))
    browser = signed_in(field.coordinator if desk else actor)
    counts = []
    for hours in ((11,), (12, 13, 14)):
        fill(field, worker, actor, hours)
        queries.clear()
        assert browser.get(path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1], queries
    assert counts[1] <= MOST, queries
