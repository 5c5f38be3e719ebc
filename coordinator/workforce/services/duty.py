"""What makes a worker fit for duty: credentials, guardian's consent, verified skills, approval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _

from coordinator.elders.labels import SKILLS
from coordinator.elders.models import Skill
from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone
from coordinator.workforce.fitness import Unfit, UnfitCode, duty_gate, is_minor
from coordinator.workforce.labels import CREDENTIALS
from coordinator.workforce.models import (
    Credential,
    CredentialKind,
    Guardian,
    Worker,
    WorkerSkill,
    WorkerStatus,
)


def missing_for_duty(worker: Worker) -> list[Unfit]:
    """What approval still waits for (条例 14–17, and the guardian of a minor)."""
    return [one for one in duty_gate(worker, clock.today()) if one.code is not UnfitCode.NOT_APPROVED]


def approve_worker(actor: Actor, worker: Worker) -> None:
    """Approve, or approve again. Refused while a credential or the guardian's consent is missing. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status == WorkerStatus.APPROVED:
        raise Conflict(_("%(name)s已经审核通过。", name=worker.name))
    missing = missing_for_duty(worker)
    if missing:
        raise Conflict(
            _("还不能通过：%(what)s。", what="；".join(one.message for one in missing)),
            _("补齐以后再审核。"),
            code="not_ready",
        )
    former = worker.status
    worker.status = WorkerStatus.APPROVED
    worker.approved_at = clock.now()
    worker.approved_by_id = actor.user_id
    _note(actor, worker, "worker.approve", _("审核通过%(name)s", name=worker.name), former)


def suspend_worker(actor: Actor, worker: Worker, reason: str) -> None:
    """Stop a worker for now: nothing more is assigned, and check-in is refused. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status not in (WorkerStatus.APPROVED, WorkerStatus.APPLIED):
        raise Conflict(_("%(name)s已经停用。", name=worker.name))
    if len(reason.strip()) < 2:
        raise InvalidInput(_("请写明停用的原因。"), field="reason")
    former = worker.status
    worker.status = WorkerStatus.SUSPENDED
    _note(
        actor,
        worker,
        "worker.suspend",
        _("停用%(name)s：%(reason)s", name=worker.name, reason=reason.strip()),
        former,
    )
    _owe_freeing(worker)


def retire_worker(actor: Actor, worker: Worker) -> None:
    """The worker has left the workforce; the record and the hours stay. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status == WorkerStatus.LEFT:
        raise Conflict(_("%(name)s已经离开。", name=worker.name))
    former = worker.status
    worker.status = WorkerStatus.LEFT
    _note(actor, worker, "worker.leave", _("%(name)s离开队伍", name=worker.name), former)
    _owe_freeing(worker)


def _owe_freeing(worker: Worker) -> None:
    """Visits are a later feature: what was given to this worker is taken back by a job."""
    queue.owe(
        "coordinator.marketplace.jobs.free_visits_of",
        key=f"{worker.id}@{clock.now():%Y%m%d%H%M%S%f}",
        payload={"worker_id": worker.id},
        timeout_seconds=120,
    )


def _note(actor: Actor, worker: Worker, action: str, summary: str, former: WorkerStatus) -> None:
    audit.record(actor, action, worker, summary, changes={"status": [former.value, worker.status.value]})
    db.session.flush()


def add_credential(
    actor: Actor,
    worker: Worker,
    kind: CredentialKind,
    valid_from: date,
    valid_to: date | None = None,
    number: str | None = None,
) -> Credential:
    """Enter a training, policy, declaration, agreement or licence that somebody has seen. Flushes.

    An insurance policy needs its number and its last day (条例 17).
    """
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    number = (number or "").strip() or None
    if valid_to is not None and valid_to < valid_from:
        raise InvalidInput(_("到期日不能早于起始日。"), field="valid_to")
    if kind is CredentialKind.INSURANCE and valid_to is None:
        raise InvalidInput(_("保险要填到期日。"), field="valid_to")
    if kind is CredentialKind.INSURANCE and number is None:
        raise InvalidInput(_("保险要填保单号。"), field="number")
    credential = Credential(
        worker_id=worker.id,
        kind=kind,
        valid_from=valid_from,
        valid_to=valid_to,
        number=number,
        verified_by_id=actor.user_id,
    )
    db.session.add(credential)
    db.session.flush()
    db.session.expire(worker, ["credentials"])
    audit.record(
        actor,
        "worker.credential",
        worker,
        _("登记%(name)s的%(what)s", name=worker.name, what=CREDENTIALS[kind]),
        changes={kind.value: [valid_from.isoformat(), valid_to.isoformat() if valid_to else None]},
    )
    db.session.flush()
    return credential


@dataclass(frozen=True, slots=True)
class GuardianConsent:
    """A guardian's consent as written down (教思政〔2015〕1号 第3条): `scope` says what was agreed to."""

    name: str
    relation: str
    phone: str
    scope: str
    given_on: date
    valid_to: date | None = None


def add_guardian_consent(actor: Actor, worker: Worker, consent: GuardianConsent) -> Guardian:
    """Write down the consent of a minor's guardian. Flushes. Raises InvalidInput with the field."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if not is_minor(worker, clock.today()):
        raise Conflict(_("%(name)s已满 18 岁，不用监护人同意。", name=worker.name))
    if consent.given_on > clock.today():
        raise InvalidInput(_("同意的日期还没到。"), field="given_on")
    if consent.valid_to is not None and consent.valid_to < consent.given_on:
        raise InvalidInput(_("到期日不能早于同意的日期。"), field="valid_to")
    if not consent.relation.strip():
        raise InvalidInput(_("请填和学生的关系。"), field="relation")
    if not consent.scope.strip():
        raise InvalidInput(_("请写明同意参加什么。"), field="scope")
    try:
        name, phone = clean_name(consent.name), normalise_phone(consent.phone)
    except IdentityError as problem:
        field = "name" if problem.code.startswith("name") else "phone"
        raise InvalidInput(problem.message, code=problem.code, field=field) from None
    guardian = Guardian(
        worker_id=worker.id,
        name=name,
        relation=consent.relation.strip(),
        phone=phone,
        scope=consent.scope.strip(),
        given_on=consent.given_on,
        valid_to=consent.valid_to,
    )
    db.session.add(guardian)
    db.session.flush()
    db.session.expire(worker, ["guardians"])
    audit.record(
        actor, "worker.guardian", worker, _("登记%(name)s的监护人同意（%(who)s）", name=worker.name, who=name)
    )
    db.session.flush()
    return guardian


def withdraw_guardian_consent(actor: Actor, worker: Worker, guardian: Guardian) -> None:
    """The guardian takes the consent back: from now on the minor makes no visit. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if guardian.withdrawn_at is not None:
        raise Conflict(_("这份同意已经撤回。"))
    guardian.withdrawn_at = clock.now()
    audit.record(
        actor,
        "worker.guardian_withdrawn",
        worker,
        _("%(who)s撤回对%(name)s的同意", who=guardian.name, name=worker.name),
    )
    db.session.flush()


def verify_skills(actor: Actor, worker: Worker, skills: Iterable[Skill]) -> None:
    """The skills somebody has verified; the others go. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    wanted = set(skills)
    held = {one.skill: one for one in worker.skills}
    for skill, row in held.items():
        if skill not in wanted:
            db.session.delete(row)
        elif row.verified_on is None:
            row.verified_on = clock.today()
    for skill in wanted - set(held):
        db.session.add(WorkerSkill(worker_id=worker.id, skill=skill, verified_on=clock.today()))
    if wanted != set(held):
        words = "、".join(str(SKILLS[one]) for one in sorted(wanted)) or _("无")
        audit.record(
            actor,
            "worker.skills",
            worker,
            _("核实%(name)s的技能：%(what)s", name=worker.name, what=words),
            changes={"skills": [sorted(held), sorted(wanted)]},
        )
    db.session.flush()
    db.session.expire(worker, ["skills"])
