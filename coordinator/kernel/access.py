"""Who may do what. Deny by default: each endpoint declares one Permission, roles map to permissions here,
and objects are loaded through the actor's scope (area subtree, organisation, own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from flask import g, has_request_context
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, false, or_, select, true

from coordinator.kernel.areas import Area
from coordinator.kernel.errors import NotAllowed


class Role(StrEnum):
    """Roles; the first five are bound to an area, the next two to an organisation, the rest to a person."""

    ADMINISTRATOR = "administrator"
    CITY_SUPERVISOR = "city_supervisor"
    COUNTY_SUPERVISOR = "county_supervisor"
    STREET_COORDINATOR = "street_coordinator"
    COMMUNITY_COORDINATOR = "community_coordinator"
    ORGANISATION_MANAGER = "organisation_manager"
    SCHOOL_VERIFIER = "school_verifier"
    WORKER = "worker"
    FAMILY = "family"


AREA_ROLES = frozenset(
    {
        Role.ADMINISTRATOR,
        Role.CITY_SUPERVISOR,
        Role.COUNTY_SUPERVISOR,
        Role.STREET_COORDINATOR,
        Role.COMMUNITY_COORDINATOR,
    }
)
ORGANISATION_ROLES = frozenset({Role.ORGANISATION_MANAGER, Role.SCHOOL_VERIFIER})
# ASVS 6.3.3 at level 2; the deviation for volunteers is documented in docs/adr.
SECOND_FACTOR_ROLES = AREA_ROLES


class Permission(StrEnum):
    """One per kind of door, `scope:resource:action`."""

    PUBLIC = "public"
    SIGNED_IN = "self:session:use"
    ACCOUNT_MANAGE = "area:accounts:manage"
    AUDIT_READ = "area:audit:read"
    ELDER_READ = "area:elders:read"
    ELDER_EDIT = "area:elders:edit"
    ELDER_IMPORT = "area:elders:import"
    ELDER_REVEAL = "area:elders:reveal"
    WORKER_READ = "area:workers:read"
    WORKER_EDIT = "area:workers:edit"
    DUE_READ = "area:due:read"
    DUE_EXPLAIN = "area:due:explain"
    EVENT_EDIT = "area:events:edit"
    POLICY_READ = "area:policy:read"
    PLAN_READ = "area:plans:read"
    PLAN_ORDER = "area:plans:order"
    PLAN_EDIT = "area:plans:edit"
    PLAN_APPROVE = "area:plans:approve"
    SHEET_PRINT = "area:sheets:print"
    VISIT_READ = "area:visits:read"
    VISIT_OPEN = "area:visits:open"
    CLAIM_DECIDE = "area:claims:decide"
    RECORD_READ = "area:records:read"
    RECORD_CONFIRM = "area:records:confirm"
    HOURS_READ = "area:hours:read"
    CERTIFICATE_ISSUE = "area:certificates:issue"
    COVERAGE_READ = "area:coverage:read"
    COVERAGE_FREEZE = "area:coverage:freeze"
    ROSTER_READ = "organisation:roster:read"
    ROSTER_EDIT = "organisation:roster:edit"
    HOURS_VERIFY = "organisation:hours:verify"
    STUDENT_READ = "organisation:students:read"
    WORK = "own:visits:work"
    OWN_HOURS = "own:hours:read"


P = Permission
_SUPERVISE = frozenset(
    {
        P.ELDER_READ,
        P.WORKER_READ,
        P.DUE_READ,
        P.EVENT_EDIT,
        P.POLICY_READ,
        P.PLAN_READ,
        P.VISIT_READ,
        P.RECORD_READ,
        P.HOURS_READ,
        P.COVERAGE_READ,
        P.AUDIT_READ,
    }
)
_COORDINATE = _SUPERVISE | {
    P.ELDER_EDIT,
    P.ELDER_IMPORT,
    P.ELDER_REVEAL,
    P.WORKER_EDIT,
    P.DUE_EXPLAIN,
    P.PLAN_EDIT,
    P.SHEET_PRINT,
    P.VISIT_OPEN,
    P.CLAIM_DECIDE,
    P.RECORD_CONFIRM,
}
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # The administrator keeps accounts, and reads no elder: keeping the system does not need it.
    Role.ADMINISTRATOR: frozenset({P.ACCOUNT_MANAGE, P.AUDIT_READ, P.POLICY_READ}),
    # They order drafts for all streets at once; changing and approving one stays with its street.
    Role.CITY_SUPERVISOR: _SUPERVISE | {P.COVERAGE_FREEZE, P.PLAN_ORDER},
    Role.COUNTY_SUPERVISOR: _SUPERVISE | {P.COVERAGE_FREEZE, P.PLAN_ORDER},
    Role.STREET_COORDINATOR: _COORDINATE | {P.PLAN_APPROVE, P.CERTIFICATE_ISSUE, P.ACCOUNT_MANAGE},
    Role.COMMUNITY_COORDINATOR: _COORDINATE,
    Role.ORGANISATION_MANAGER: frozenset({P.ROSTER_READ, P.ROSTER_EDIT}),
    Role.SCHOOL_VERIFIER: frozenset({P.HOURS_VERIFY, P.STUDENT_READ, P.ROSTER_EDIT}),
    Role.WORKER: frozenset({P.WORK, P.OWN_HOURS}),
    Role.FAMILY: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of an actor with what it is bound to; `area_path` is the materialised path of the area."""

    role: Role
    area_id: int | None = None
    area_path: str | None = None
    organisation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. Passed as an argument to every service; never looked up inside one."""

    user_id: int | None
    name: str
    grants: tuple[Grant, ...] = ()
    worker_id: int | None = None
    address: str | None = None
    permissions: frozenset[Permission] = field(init=False)

    def __post_init__(self) -> None:
        held = {p for grant in self.grants for p in ROLE_PERMISSIONS[grant.role]}
        if self.user_id is not None:
            held.add(Permission.SIGNED_IN)
        object.__setattr__(self, "permissions", frozenset(held | {Permission.PUBLIC}))

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def has_role(self, *roles: Role) -> bool:
        return any(grant.role in roles for grant in self.grants)

    def area_paths(self, permission: Permission) -> list[str]:
        """Paths of the areas in which the actor holds `permission`."""
        return [
            grant.area_path
            for grant in self.grants
            if grant.area_path is not None and permission in ROLE_PERMISSIONS[grant.role]
        ]

    def organisation_ids(self, permission: Permission) -> list[int]:
        """Organisations in which the actor holds `permission`."""
        return [
            grant.organisation_id
            for grant in self.grants
            if grant.organisation_id is not None and permission in ROLE_PERMISSIONS[grant.role]
        ]

    @property
    def main_role(self) -> Role | None:
        return self.grants[0].role if self.grants else None


ANONYMOUS = Actor(user_id=None, name="")
SYSTEM = Actor(user_id=None, name="系统")


def current_actor() -> Actor:
    """The actor of the request (views only; services take it as an argument)."""
    return g.get("actor", ANONYMOUS) if has_request_context() else SYSTEM


def in_areas(actor: Actor, permission: Permission, area_id: ColumnElement[int] | Any) -> ColumnElement[bool]:
    """SQL condition: `area_id` lies in an area where the actor holds `permission`."""
    if actor is SYSTEM:
        return true()
    paths = actor.area_paths(permission)
    if not paths:
        return false()
    return area_id.in_(select(Area.id).where(or_(*(Area.path.startswith(path) for path in paths))))


def covers(actor: Actor, permission: Permission, area_path: str) -> bool:
    """Does the actor hold `permission` for the area with this path?"""
    return actor is SYSTEM or any(area_path.startswith(path) for path in actor.area_paths(permission))


def demand(actor: Actor, permission: Permission, area_path: str | None = None) -> None:
    """Raise NotAllowed unless the actor holds `permission` (for the area, where one is given)."""
    if actor is SYSTEM:
        return
    if not actor.may(permission) or (area_path is not None and not covers(actor, permission, area_path)):
        raise NotAllowed(_("您没有这项权限。"), _("如果工作需要，请联系街道管理员开通。"))


View = TypeVar("View", bound=Callable[..., Any])


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare the permission of an endpoint. `app.py` refuses endpoints without one."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark
