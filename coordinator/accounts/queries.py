"""Reading accounts and organisations within the actor's area."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import joinedload, selectinload

from coordinator.accounts.access import LEVELS, Bond
from coordinator.accounts.models import Organisation, RoleGrant, User, UserSession
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import ROLE_PERMISSIONS, Actor, Permission, Role, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import NotFound

MANAGE = Permission.ACCOUNT_MANAGE


def _in_scope(actor: Actor) -> ColumnElement[bool]:
    """Accounts with a role, an organisation or a worker's dossier in the actor's area (also a role taken back)."""
    # Workers are a later feature; their table is named, not imported.
    workers = db.metadata.tables["workers"]
    by_area = select(RoleGrant.user_id).where(in_areas(actor, MANAGE, RoleGrant.area_id))
    by_organisation = (
        select(RoleGrant.user_id)
        .join(Organisation, RoleGrant.organisation_id == Organisation.id)
        .where(in_areas(actor, MANAGE, Organisation.area_id))
    )
    by_dossier = select(workers.c.user_id).where(in_areas(actor, MANAGE, workers.c.area_id))
    return or_(User.id.in_(by_area), User.id.in_(by_organisation), User.id.in_(by_dossier))


def accounts(actor: Actor) -> Select[tuple[User]]:
    """The accounts the actor may see, with their roles."""
    return (
        select(User)
        .where(_in_scope(actor))
        .options(
            selectinload(User.roles).joinedload(RoleGrant.area),
            selectinload(User.roles).joinedload(RoleGrant.organisation).joinedload(Organisation.area),
        )
    )


def get_account(actor: Actor, user_id: int) -> User:
    """One account in the actor's area. Raises NotFound otherwise."""
    user = db.session.scalar(accounts(actor).where(User.id == user_id))
    if user is None:
        raise NotFound(_("没有这个账号。"), _("可能不在您的管辖范围内。"))
    return user


def bonds(users: Iterable[User]) -> dict[int, list[Bond]]:
    """What ties each account to which area. Two queries for any number of accounts; the roles are loaded already.

    An account whose last role was taken back stays with whoever could give that role.
    """
    people = {user.id: user for user in users}
    found: dict[int, list[Bond]] = {user_id: [] for user_id in people}
    if not people:
        return found
    workers = db.metadata.tables["workers"]
    statement = select(workers.c.user_id, Area.path).join(Area, Area.id == workers.c.area_id)
    dossiers = dict(db.session.execute(statement.where(workers.c.user_id.in_(people))).all())
    for user_id, user in people.items():
        found[user_id] = [_bond(grant, dossiers.get(user_id)) for grant in user.roles]
        if user_id in dossiers and not user.roles:
            found[user_id].append(Bond(Role.WORKER, dossiers[user_id]))
    without = [user_id for user_id, held in found.items() if not held]
    if without:
        taken_back = db.session.scalars(
            select(RoleGrant)
            .where(RoleGrant.user_id.in_(without))
            .options(
                joinedload(RoleGrant.area), joinedload(RoleGrant.organisation).joinedload(Organisation.area)
            )
        )
        for grant in taken_back:
            found[grant.user_id].append(_bond(grant, dossiers.get(grant.user_id)))
    return found


def _bond(grant: RoleGrant, dossier_path: str | None) -> Bond:
    if grant.area is not None:
        return Bond(grant.role, grant.area.path)
    if grant.organisation is not None:
        return Bond(grant.role, grant.organisation.area.path)
    return Bond(grant.role, dossier_path)


def sessions_of(user_id: int) -> Sequence[UserSession]:
    """The running sessions of a user, the latest first."""
    return db.session.scalars(
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > clock.now(),
        )
        .order_by(UserSession.last_seen_at.desc())
    ).all()


def areas_to_manage(actor: Actor, levels: Iterable[AreaLevel] = ()) -> Sequence[Area]:
    """The areas in which the actor keeps accounts, in the order of the tree; grids are left out."""
    wanted = set(levels) or {level for role_levels in LEVELS.values() for level in role_levels}
    return db.session.scalars(
        select(Area)
        .where(in_areas(actor, MANAGE, Area.id), Area.level.in_(wanted))
        .order_by(Area.path)
        .limit(3_000)
    ).all()


def organisations(actor: Actor) -> Select[tuple[Organisation]]:
    """The organisations of the actor's area, with the area."""
    return (
        select(Organisation)
        .where(in_areas(actor, MANAGE, Organisation.area_id))
        .options(joinedload(Organisation.area))
    )


def get_organisation(actor: Actor, organisation_id: int) -> Organisation:
    """One organisation of the actor's area. Raises NotFound otherwise."""
    found = db.session.scalar(organisations(actor).where(Organisation.id == organisation_id))
    if found is None:
        raise NotFound(_("没有这个单位。"), _("可能不在您的管辖范围内。"))
    return found


def holders_in_areas(permission: Permission, *paths: str) -> list[int]:
    """Users who hold `permission` in these areas (by path): of the areas themselves and those above. One query."""
    return _holders(
        permission, RoleGrant.area_id.in_({int(one) for path in paths for one in path.split(".") if one})
    )


def holders_in_organisation(permission: Permission, organisation_id: int) -> list[int]:
    """Users who hold `permission` in an organisation. One query."""
    return _holders(permission, RoleGrant.organisation_id == organisation_id)


def administrators() -> list[int]:
    """Users who are administrators, of whatever area: who hears of the system itself. One query."""
    return list(
        db.session.scalars(
            select(User.id)
            .join(RoleGrant, RoleGrant.user_id == User.id)
            .where(RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.revoked_at.is_(None), User.is_active)
            .distinct()
            .order_by(User.id)
        )
    )


def _holders(permission: Permission, where: ColumnElement[bool]) -> list[int]:
    roles = [role for role, held in ROLE_PERMISSIONS.items() if permission in held]
    return list(
        db.session.scalars(
            select(User.id)
            .join(RoleGrant, RoleGrant.user_id == User.id)
            .where(where, RoleGrant.role.in_(roles), RoleGrant.revoked_at.is_(None), User.is_active)
            .distinct()
        )
    )
