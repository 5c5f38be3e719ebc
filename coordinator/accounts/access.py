"""Who may keep whose account: only downwards, only in one's own area, never one's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.accounts.models import User
from coordinator.kernel.access import (
    AREA_ROLES,
    ORGANISATION_ROLES,
    SYSTEM,
    Actor,
    Permission,
    Role,
    covers,
)
from coordinator.kernel.areas import AreaLevel

# A role may be given and taken by holders of ACCOUNT_MANAGE who stand above it.
RANK: dict[Role, int] = {
    Role.ADMINISTRATOR: 5,
    Role.CITY_SUPERVISOR: 4,
    Role.COUNTY_SUPERVISOR: 3,
    Role.STREET_COORDINATOR: 2,
    Role.COMMUNITY_COORDINATOR: 1,
    Role.ORGANISATION_MANAGER: 1,
    Role.SCHOOL_VERIFIER: 1,
    Role.WORKER: 0,
    Role.FAMILY: 0,
}
# On which level of the tree a role can sit. An administrator may be given any subtree.
LEVELS: dict[Role, frozenset[AreaLevel]] = {
    Role.ADMINISTRATOR: frozenset(AreaLevel) - {AreaLevel.GRID},
    Role.CITY_SUPERVISOR: frozenset({AreaLevel.CITY}),
    Role.COUNTY_SUPERVISOR: frozenset({AreaLevel.COUNTY}),
    Role.STREET_COORDINATOR: frozenset({AreaLevel.STREET}),
    Role.COMMUNITY_COORDINATOR: frozenset({AreaLevel.COMMUNITY}),
}


@dataclass(frozen=True, slots=True)
class Bond:
    """What ties an account to a place: a role and the path of its area (an organisation's or worker's area for
    those roles; None when nothing says where).
    """

    role: Role
    area_path: str | None


def grantable_roles(actor: Actor) -> list[Role]:
    """The roles the actor may give somewhere, highest first. Workers get theirs with their dossier."""
    return [role for role in RANK if RANK[role] > 0 and _stands_above(actor, role, None)]


def can_grant(actor: Actor, role: Role, area_path: str | None) -> bool:
    """May the actor give or take `role` in the area with this path?"""
    if actor is SYSTEM:
        return True
    return area_path is not None and _stands_above(actor, role, area_path)


def can_manage(actor: Actor, user_id: int, bonds: Iterable[Bond]) -> bool:
    """May the actor disable the account, or set its password? Only where every role of it is the actor's to give:
    else a new password would be a way to another's powers.
    """
    if actor is SYSTEM:
        return True
    if not actor.may(Permission.ACCOUNT_MANAGE) or actor.user_id == user_id:
        return False
    held = list(bonds)
    return bool(held) and all(can_grant(actor, bond.role, bond.area_path) for bond in held)


def can_keep_organisation(actor: Actor, area_path: str) -> bool:
    """May the actor enter or change an organisation of this area?"""
    return covers(actor, Permission.ACCOUNT_MANAGE, area_path)


def enters_by_code(user: User) -> bool:
    """May a code to the telephone alone sign this person in? Never where a second factor belongs, nor into a closed
    account.
    """
    roles = {grant.role for grant in user.roles}
    return user.is_active and user.totp_confirmed_at is None and roles.isdisjoint(AREA_ROLES)


def _stands_above(actor: Actor, role: Role, area_path: str | None) -> bool:
    """Does one of the actor's grants (over the area, where one is given) allow to give `role`?"""
    if actor is SYSTEM:
        return True
    for grant in actor.grants:
        if grant.area_path is None or grant.role not in (Role.ADMINISTRATOR, Role.STREET_COORDINATOR):
            continue
        if area_path is not None and not area_path.startswith(grant.area_path):
            continue
        # Administrators appoint administrators of their own area, too; somebody has to.
        if RANK[role] < RANK[grant.role] or grant.role is role is Role.ADMINISTRATOR:
            return True
    return False


def needs_organisation(role: Role) -> bool:
    """Is the role bound to an organisation rather than to an area?"""
    return role in ORGANISATION_ROLES
