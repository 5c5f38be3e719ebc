"""A worker's standing: approval, suspension, leaving, verified skills."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask_babel import gettext as _

from coordinator.elders.labels import SKILLS
from coordinator.elders.models import Skill
from coordinator.extensions import db
from coordinator.kernel import audit, clock, queue
from coordinator.kernel.access import Actor, Permission, demand
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.workforce.access import keeps_roster
from coordinator.workforce.fitness import Unfit, UnfitCode, duty_gate
from coordinator.workforce.models import Worker, WorkerSkill, WorkerStatus


def missing_for_duty(worker: Worker) -> list[Unfit]:
    """What approval still waits for (条例 14–17, and the guardian of a minor)."""
    return [one for one in duty_gate(worker, clock.today()) if one.code is not UnfitCode.NOT_APPROVED]


_further_needs: list[Callable[[Worker], list[str]]] = []


def approval_also_needs(check: Callable[[Worker], list[str]]) -> None:
    """`check(worker)` names, in sentences, what a feature above asks for before somebody is approved."""
    if check not in _further_needs:
        _further_needs.append(check)


def missing_for_approval(worker: Worker) -> list[str]:
    """What approval still waits for, in sentences: duty, and what features above ask for."""
    found = [one.message for one in missing_for_duty(worker)]
    return found + [words for check in _further_needs for words in check(worker)]


def approve_worker(actor: Actor, worker: Worker) -> None:
    """Approve, or approve again. Refused while a credential or the guardian's consent is missing. Flushes."""
    demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status == WorkerStatus.APPROVED:
        raise Conflict(_("%(name)s已经审核通过。", name=worker.name))
    missing = missing_for_approval(worker)
    if missing:
        raise Conflict(
            _("还不能通过：%(what)s。", what="；".join(missing)),
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
    owe_freeing(worker)


def retire_worker(actor: Actor, worker: Worker) -> None:
    """The worker has left the workforce, say its coordinators or the manager of the own organisation; the record
    and the hours stay. Flushes.
    """
    if not keeps_roster(actor, worker):
        demand(actor, Permission.WORKER_EDIT, worker.area.path)
    if worker.status == WorkerStatus.LEFT:
        raise Conflict(_("%(name)s已经离开。", name=worker.name))
    former = worker.status
    worker.status = WorkerStatus.LEFT
    _note(actor, worker, "worker.leave", _("%(name)s离开队伍", name=worker.name), former)
    owe_freeing(worker)


def owe_freeing(worker: Worker) -> None:
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
