"""Who may read which feed."""

from __future__ import annotations

from coordinator.accounts.models import User
from coordinator.agenda.models import CalendarFeed, FeedKind
from coordinator.kernel.access import ROLE_PERMISSIONS, Actor, Permission, Role

_ROSTERS = frozenset({Permission.ROSTER_READ, Permission.STUDENT_READ})


def organisation_ids(actor: Actor) -> list[int]:
    """The organisations whose people's visits the actor may see."""
    return sorted({one for permission in _ROSTERS for one in actor.organisation_ids(permission)})


def still_reads(feed: CalendarFeed, owner: User) -> bool:
    """Does the owner of a feed still hold what it shows? Asked at each reading: a role that ends, ends it."""
    if not owner.is_active:
        return False
    held = [(grant, ROLE_PERMISSIONS[grant.role]) for grant in owner.roles]
    if feed.kind is FeedKind.OWN:
        return any(grant.role is Role.WORKER for grant, _permissions in held)
    if feed.kind is FeedKind.ORGANISATION:
        return any(
            grant.organisation_id == feed.organisation_id and permissions & _ROSTERS
            for grant, permissions in held
        )
    path = feed.area.path if feed.area is not None else ""
    return any(
        grant.area is not None and path.startswith(grant.area.path) and Permission.VISIT_READ in permissions
        for grant, permissions in held
    )
