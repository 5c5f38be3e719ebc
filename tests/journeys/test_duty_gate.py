"""What somebody only says of themselves opens no door before a coordinator has seen the paper: one gate for the
planner, manual assignment, claims and check-in.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from coordinator.extensions import db
from coordinator.fieldwork.services.presence import check_in
from coordinator.joining.services import admission, credentials
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.services import claim_visit
from coordinator.planning.translate import translate
from coordinator.visits.services import assign
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Credential, CredentialKind, Worker
from coordinator.workforce.queries import workers_for_duty
from tests.coordinator.fieldwork.conftest import TODAY, Field, field
from tests.coordinator.fieldwork.test_presence import word
from tests.coordinator.planning.conftest import MONTH, make_street

__all__ = ["field"]
SATURDAY = date(2026, 3, 28)
INSURANCE = CredentialKind.INSURANCE


def declare(worker: Worker, actor: Actor) -> Credential:
    """The policy on file is gone; the worker says that there is another."""
    for one in [one for one in worker.credentials if one.kind is INSURANCE]:
        db.session.delete(one)
    db.session.flush()
    db.session.expire(worker, ["credentials"])
    return credentials.declare_paper(actor, worker, INSURANCE, TODAY, date(2026, 12, 31), "P-1")


def refused(act: Any) -> None:
    with pytest.raises(Conflict) as refusal:
        act()
    assert refusal.value.code == UnfitCode.CREDENTIAL_MISSING


def test_manual_assignment(field: Field) -> None:
    worker, actor = field.worker()
    policy = declare(worker, actor)
    visit = field.visit(day=SATURDAY)
    refused(lambda: assign(field.coordinator, visit, [(workers_for_duty([worker.id])[worker.id], False)]))
    admission.decide_credential(field.coordinator, worker, policy.id, verified=True)
    assign(field.coordinator, visit, [(workers_for_duty([worker.id])[worker.id], False)])


def test_a_claim(field: Field) -> None:
    worker, actor = field.worker()
    policy = declare(worker, actor)
    visit = field.visit(day=SATURDAY, start=time(14))
    refused(lambda: claim_visit(actor, visit.id))
    admission.decide_credential(field.coordinator, worker, policy.id, verified=True)
    claim_visit(actor, visit.id)


def test_check_in(field: Field) -> None:
    """Refused after the visit was given: whoever stands at the door is told to ring the community."""
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    policy = declare(worker, actor)
    refused(lambda: check_in(actor, visit.id, word()))
    admission.decide_credential(field.coordinator, worker, policy.id, verified=True)
    assert check_in(actor, visit.id, word())


def test_the_planner(field: Field, freeze: Any) -> None:
    freeze(datetime(2026, 3, 31, 1, 0, tzinfo=UTC))
    street = make_street(key=1, general=1)
    worker = street.workers[0]
    for one in worker.credentials:
        if one.kind is INSURANCE:
            one.stands, one.declared_at = False, datetime(2026, 3, 30, tzinfo=UTC)
    db.session.flush()
    found = translate(street.area, MONTH, today=date(2026, 3, 31))
    assert f"w{worker.id}" not in [one["id"] for one in found.scenario["workers"]]
    assert found.unfit_workers[worker.id].code is UnfitCode.CREDENTIAL_MISSING
