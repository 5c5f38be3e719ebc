"""Who may act on a visit or log a contact; pure questions about loaded objects."""

from __future__ import annotations

from coordinator.elders.models import Elder
from coordinator.kernel.access import Actor, Permission, covers
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker


def is_on_visit(actor: Actor, visit: Visit) -> bool:
    """Is the actor one of the workers this visit is given to?"""
    return actor.worker_id is not None and any(
        one.worker_id == actor.worker_id and one.state is AssignmentState.APPROVED
        for one in visit.assignments
    )


def can_carry_out(actor: Actor, visit: Visit) -> bool:
    """Begin and close: the workers themselves, or a coordinator who types in what came back on paper."""
    if actor.may(Permission.WORK) and is_on_visit(actor, visit):
        return True
    return covers(actor, Permission.RECORD_CONFIRM, visit.area.path)


def can_release(actor: Actor, visit: Visit, worker: Worker) -> bool:
    """Take a worker off a visit: the worker, or a coordinator of the area."""
    if actor.worker_id is not None and actor.worker_id == worker.id and actor.may(Permission.WORK):
        return True
    return covers(actor, Permission.CLAIM_DECIDE, visit.area.path)


def can_log_contact(actor: Actor, elder: Elder, *, is_contact_person: bool) -> bool:
    """A remote contact is logged by a coordinator, by the worker paired with the elder (服务联系人), or by whom
    the approved plan gave this call.
    """
    if is_contact_person and actor.may(Permission.WORK):
        return True
    return covers(actor, Permission.VISIT_OPEN, elder.area.path)
