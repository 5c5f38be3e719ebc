"""Who may do what in a survey."""

from __future__ import annotations

from coordinator.kernel.access import Actor, Permission, covers
from coordinator.register.models import SurveyItem


def is_assigned(actor: Actor, item: SurveyItem) -> bool:
    """Was the actor asked to knock at this door?"""
    if item.assigned_worker_id is not None:
        return actor.worker_id == item.assigned_worker_id
    return actor.user_id is not None and actor.user_id == item.assigned_user_id


def can_decide(actor: Actor, item: SurveyItem) -> bool:
    """Write down what was found: whoever was asked to go, or a coordinator of the area."""
    return is_assigned(actor, item) or covers(actor, Permission.ELDER_EDIT, item.area.path)
