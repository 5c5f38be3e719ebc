"""People who have applied by themselves, and what they declare."""

from datetime import UTC, date, datetime
from typing import Any

from coordinator.extensions import db
from coordinator.joining import health
from coordinator.joining.models import Application
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.workforce.fitness import UnfitCode, duty_gate
from coordinator.workforce.models import Credential, CredentialKind, WorkerStatus
from coordinator.workforce.queries import worker_for_duty
from tests import factories

NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 26)
HEALTHY = {one.key: (health.NO if one.concern == health.YES else health.YES) for one in health.QUESTIONS}
K = CredentialKind


def make_applicant(tree: Any, *, applied: bool = True, **over: Any) -> Any:
    """Somebody who registered themselves, with everything but what is to be tested."""
    user = factories.make_user(Role.WORKER)
    values: dict[str, Any] = {"status": WorkerStatus.APPLIED, "approved_at": None, "user_id": user.id}
    values |= {"id_number": "510502199005010020", "phone": "13900000021"}
    worker = factories.make_worker(tree.community, **(values | over))
    if applied:
        worker_application(worker)
    return worker


def worker_application(worker: Any, **over: Any) -> Application:
    application = Application(worker_id=worker.id, notice_accepted_at=NOW, phone_verified_at=NOW, **over)
    db.session.add(application)
    db.session.flush()
    return application


def self_of(worker: Any) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def gate(worker: Any, day: date = TODAY) -> list[UnfitCode]:
    found = worker_for_duty(worker.id)
    assert found is not None
    return [one.code for one in duty_gate(found, day) if one.code is not UnfitCode.NOT_APPROVED]


def held(worker: Any, kind: CredentialKind) -> list[Credential]:
    return [one for one in worker.credentials if one.kind is kind]
