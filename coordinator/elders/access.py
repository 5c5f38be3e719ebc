"""Who may do what with an elder's dossier. Objects outside the actor's areas do not exist for the actor."""

from __future__ import annotations

from coordinator.elders.models import Elder
from coordinator.kernel.access import Actor, Permission, covers


def can_edit(actor: Actor, elder: Elder) -> bool:
    """May the actor change the dossier? Supervisors only read it."""
    return covers(actor, Permission.ELDER_EDIT, elder.area.path)


def can_reveal(actor: Actor, elder: Elder) -> bool:
    """May the actor see ID numbers and telephones in full? Each look is recorded."""
    return covers(actor, Permission.ELDER_REVEAL, elder.area.path)
