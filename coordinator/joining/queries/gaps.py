"""What is still missing before somebody may be approved, in short words for a list."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import gettext as _

from coordinator.joining.models import Application
from coordinator.workforce.fitness import TIED_KINDS, Unfit, UnfitCode
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.services import missing_for_duty, waits


class Gap(StrEnum):
    """What is asked of applicants beside what duty asks."""

    SAME = "same"
    IDENTITY = "identity"
    TIE = "tie"
    RETURNED = "returned"


def gaps_of_applicant(worker: Worker, application: Application | None) -> list[Gap]:
    """Nothing for whom the station entered itself, and for who was admitted before."""
    if application is None or worker.status is not WorkerStatus.APPLIED:
        return []
    found = []
    if same_number(worker, application):
        found.append(Gap.SAME)
    elif worker.identity_verified_at is None:
        found.append(Gap.IDENTITY)
    if worker.kind in TIED_KINDS and worker.tied_elder_id is None:
        found.append(Gap.TIE)
    if application.returned_at is not None:
        found.append(Gap.RETURNED)
    return found


def same_number(worker: Worker, application: Application | None) -> bool:
    """Was the ID number that the applicant typed somebody's, and is that still open?"""
    return application is not None and application.same_as_id is not None and worker.id_number is None


def gap_words(worker: Worker, application: Application | None) -> list[str]:
    """Everything that approval waits for; empty when the person may be approved."""
    texts = {
        Gap.SAME: _("身份证号和别人的一样"),
        Gap.IDENTITY: _("身份没核对"),
        Gap.TIE: _("没选长者"),
        Gap.RETURNED: _("等本人改"),
    }
    return [
        *(_duty_words(worker, one) for one in missing_for_duty(worker)),
        *(texts[one] for one in gaps_of_applicant(worker, application)),
    ]


def _duty_words(worker: Worker, one: Unfit) -> str:
    kind = one.values.get("what")
    if one.code is UnfitCode.CREDENTIAL_MISSING:
        if any(waits(held) and held.kind is kind for held in worker.credentials):
            return _("%(what)s等您核实", what=CREDENTIALS[kind])
        return _("缺%(what)s", what=CREDENTIALS[kind])
    if one.code is UnfitCode.CREDENTIAL_EXPIRED:
        return _("%(what)s已过期", what=CREDENTIALS[kind])
    if one.code is UnfitCode.GUARDIAN_MISSING:
        return _("监护人还没同意")
    if one.code is UnfitCode.GUARDIAN_WITHDRAWN:
        return _("监护人撤回了同意")
    if one.code is UnfitCode.GUARDIAN_EXPIRED:
        return _("监护人同意到期了")
    return one.message
