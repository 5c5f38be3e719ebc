"""Who may do what with a worker's record."""

from __future__ import annotations

from coordinator.kernel.access import Actor, Permission, covers
from coordinator.workforce.models import Worker, WorkerStatus


def is_self(actor: Actor, worker: Worker) -> bool:
    return actor.worker_id is not None and actor.worker_id == worker.id and actor.may(Permission.WORK)


def can_edit(actor: Actor, worker: Worker) -> bool:
    """May the actor change the record? Supervisors, managers and schools only read it."""
    return covers(actor, Permission.WORKER_EDIT, worker.area.path)


def keeps_roster(actor: Actor, worker: Worker) -> bool:
    """Is the worker one of the people of an organisation the actor manages?"""
    return worker.organisation_id in actor.organisation_ids(Permission.ROSTER_EDIT)


def can_set_hours(actor: Actor, worker: Worker) -> bool:
    """Workers decide when they come; a coordinator may type it in for them, and their manager before approval."""
    enters = keeps_roster(actor, worker) and worker.status is WorkerStatus.APPLIED
    return is_self(actor, worker) or can_edit(actor, worker) or enters


def can_open_account(actor: Actor, worker: Worker) -> bool:
    """May the actor give the worker a sign-in? Whoever keeps the accounts of the area."""
    return covers(actor, Permission.ACCOUNT_MANAGE, worker.area.path)
