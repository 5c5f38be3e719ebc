"""Giving and taking roles."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from coordinator.accounts.access import LEVELS, can_grant, needs_organisation
from coordinator.accounts.labels import ROLES
from coordinator.accounts.models import Organisation, OrganisationKind, RoleGrant, User
from coordinator.accounts.services.sessions import end_sessions
from coordinator.extensions import db
from coordinator.kernel import audit, clock
from coordinator.kernel.access import AREA_ROLES, Actor, Permission, Role, demand
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role to be given, with its area or organisation. A worker's has neither; `path` is the dossier's area."""

    role: Role
    area: Area | None = None
    organisation: Organisation | None = None
    path: str | None = None

    @property
    def area_path(self) -> str | None:
        """The path of the area the role acts in."""
        if self.area is not None:
            return self.area.path
        return self.organisation.area.path if self.organisation is not None else self.path


def grant_role(actor: Actor, user: User, new: NewRole, *, new_account: bool = False) -> RoleGrant:
    """Give `user` a role; the user's sessions end, so that the next sign-in has it.

    Raises NotAllowed (not the actor's to give, or one's own account), InvalidInput (the wrong kind of area or
    organisation), Conflict (held already).
    """
    demand(actor, Permission.ACCOUNT_MANAGE)
    _demand_other(actor, user)
    _check_place(new)
    if not can_grant(actor, new.role, new.area_path):
        raise NotAllowed(_("您不能授予这个角色。"), _("只能在自己的辖区内授予低于自己的角色。"))
    grant = RoleGrant(
        user_id=user.id,
        role=new.role,
        area_id=new.area.id if new.area is not None else None,
        organisation_id=new.organisation.id if new.organisation is not None else None,
        granted_by_id=actor.user_id,
        granted_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(grant)
            db.session.flush()
    except IntegrityError as problem:
        raise Conflict(_("这个账号已经有这个角色了。"), field="role") from problem
    db.session.expire(user, ["roles"])
    if not new_account:
        end_sessions(user, "role_changed")
    audit.record(
        actor,
        "account.grant_role",
        user,
        _("授予 %(name)s 角色：%(role)s", name=user.username, role=str(ROLES[new.role])),
        changes={"role": [None, new.role.value]},
        area_id=grant.area_id,
    )
    return grant


def revoke_role(actor: Actor, user: User, grant: RoleGrant) -> None:
    """Take a role back; the user's sessions end at once. Raises NotAllowed, or Conflict when it is gone already."""
    demand(actor, Permission.ACCOUNT_MANAGE)
    _demand_other(actor, user)
    place = NewRole(grant.role, grant.area, grant.organisation)
    if not can_grant(actor, grant.role, place.area_path):
        raise NotAllowed(_("您不能收回这个角色。"), _("只能收回自己辖区内低于自己的角色。"))
    if grant.revoked_at is not None:
        raise Conflict(_("这个角色已经收回了。"))
    grant.revoked_at = clock.now()
    db.session.flush()
    db.session.expire(user, ["roles"])
    end_sessions(user, "role_changed")
    audit.record(
        actor,
        "account.revoke_role",
        user,
        _("收回 %(name)s 的角色：%(role)s", name=user.username, role=str(ROLES[grant.role])),
        changes={"role": [grant.role.value, None]},
        area_id=grant.area_id,
    )


def _demand_other(actor: Actor, user: User) -> None:
    if actor.user_id is not None and actor.user_id == user.id:
        raise NotAllowed(_("不能改动自己的角色。"), _("请上一级管理员来做。"))


def _check_place(new: NewRole) -> None:
    if new.role in AREA_ROLES:
        if new.area is None:
            raise InvalidInput(_("请选择辖区。"), field="area_id")
        if new.area.level not in LEVELS[new.role]:
            raise InvalidInput(
                _("%(role)s不能设在“%(area)s”这一级。", role=str(ROLES[new.role]), area=new.area.name),
                _("请换一个辖区。"),
                field="area_id",
            )
    elif needs_organisation(new.role):
        if new.organisation is None:
            raise InvalidInput(_("请选择单位。"), field="organisation_id")
        is_school = new.organisation.kind is OrganisationKind.SCHOOL
        if new.role is Role.SCHOOL_VERIFIER and not is_school:
            raise InvalidInput(_("核验员只能属于学校。"), _("请选择一所学校。"), field="organisation_id")
