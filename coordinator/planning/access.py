"""Who may do what with a plan; pure questions about loaded objects."""

from __future__ import annotations

from coordinator.kernel.access import Actor, Permission, covers
from coordinator.planning.models import Plan, PlanState

CHANGEABLE = frozenset({PlanState.READY, PlanState.APPROVED})
RUNNING = frozenset({PlanState.QUEUED, PlanState.SOLVING})


def can_edit(actor: Actor, plan: Plan) -> bool:
    """Move, pin and replan what is not approved yet."""
    return plan.state in CHANGEABLE and covers(actor, Permission.PLAN_EDIT, plan.area.path)


def can_approve(actor: Actor, plan: Plan) -> bool:
    """Approve the plan or a day of it, and withdraw that."""
    return plan.state in CHANGEABLE and covers(actor, Permission.PLAN_APPROVE, plan.area.path)


def can_stop(actor: Actor, plan: Plan) -> bool:
    """Stop a run."""
    return plan.state in RUNNING and covers(actor, Permission.PLAN_EDIT, plan.area.path)
