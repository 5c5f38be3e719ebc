"""Plans and the areas they are made for, through the actor's scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.kernel.errors import NotFound
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop, RouteSheet
from coordinator.workforce.models import Worker

# Which plan of a month a page shows when none is named: one that runs, then the newest draft or approved one.
RANK = case(
    (Plan.state.in_((PlanState.QUEUED, PlanState.SOLVING)), 0),
    (Plan.state.in_((PlanState.READY, PlanState.APPROVED)), 1),
    (Plan.state == PlanState.FAILED, 2),
    else_=3,
)


def areas_of(actor: Actor) -> Sequence[Area]:
    """The streets the actor may see plans of; a community coordinator's own community instead."""
    found = db.session.scalars(
        select(Area)
        .where(
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            in_areas(actor, Permission.PLAN_READ, Area.id),
        )
        .order_by(Area.path)
    ).all()
    streets = [area for area in found if area.level is AreaLevel.STREET]
    return streets or found


def load_area(actor: Actor, area_id: int | None) -> Area | None:
    """The area asked for, else the first in the actor's scope; NotFound outside it, None when there is none."""
    if area_id is None:
        areas = areas_of(actor)
        return areas[0] if areas else None
    area = db.session.scalar(
        select(Area).where(
            Area.id == area_id,
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            in_areas(actor, Permission.PLAN_READ, Area.id),
        )
    )
    if area is None:
        raise NotFound(_("没有找到这个街道。"), _("可能不在您的管辖范围内。"))
    return area


def load_plan(actor: Actor, plan_id: int, permission: Permission = Permission.PLAN_READ) -> Plan:
    """One plan in the actor's areas; NotFound otherwise."""
    plan = db.session.scalar(
        select(Plan)
        .where(Plan.id == plan_id, in_areas(actor, permission, Plan.area_id))
        .options(joinedload(Plan.area))
    )
    if plan is None:
        raise NotFound(_("没有找到这个计划。"), _("可能已经移走，或者不在您的管辖范围内。"))
    return plan


def shown_plan(area: Area, month: date) -> Plan | None:
    """The plan of a month that matters now."""
    return db.session.scalar(
        select(Plan)
        .where(Plan.area_id == area.id, Plan.month == month)
        .options(joinedload(Plan.area))
        .order_by(RANK, Plan.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class StreetPlan:
    """What a community hears of its street's plan: its state, and the visits planned to the community's elders."""

    state: PlanState
    visits: int
    approved: int


def street_plan(community: Area, month: date) -> StreetPlan | None:
    """The plan of the street above, as far as it concerns this community. Two queries."""
    street = db.session.get(Area, community.parent_id)
    plan = shown_plan(street, month) if street is not None else None
    if plan is None:
        return None
    visits, approved = db.session.execute(
        select(
            func.count(PlanStop.visit_key.distinct()),
            func.count(PlanStop.visit_key.distinct()).filter(PlanStop.visit_id.is_not(None)),
        )
        .join(Elder, Elder.id == PlanStop.elder_id)
        .where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_not(None), Elder.area_id == community.id)
    ).one()
    return StreetPlan(plan.state, visits, approved)


def find_sheet(actor: Actor, code: str) -> tuple[RouteSheet, PlanRoute, Plan]:
    """A sheet by the code printed on it: the worker's own, or of an area the actor reads; else NotFound."""
    row = db.session.execute(
        select(RouteSheet, PlanRoute, Plan)
        .join(PlanRoute, PlanRoute.id == RouteSheet.route_id)
        .join(Plan, Plan.id == PlanRoute.plan_id)
        .join(Worker, Worker.id == PlanRoute.worker_id)
        .where(
            RouteSheet.code == code,
            or_(
                Worker.user_id == actor.user_id,
                in_areas(actor, Permission.PLAN_READ, Plan.area_id),
            ),
        )
    ).one_or_none()
    if row is None:
        raise NotFound(_("没有找到这张路线单。"), _("可能不是您的单子，或者已经换了新单。"))
    return row[0], row[1], row[2]


def next_day(plan: Plan, today: date) -> date | None:
    """The first day from today on that has routes, else the last one before."""
    return db.session.scalar(
        select(
            func.coalesce(func.min(PlanRoute.day).filter(PlanRoute.day >= today), func.max(PlanRoute.day))
        ).where(PlanRoute.plan_id == plan.id)
    )


def stops_of_route(route_id: int) -> Sequence[int]:
    """The stops of a route in order."""
    return db.session.scalars(
        select(PlanStop.id).where(PlanStop.route_id == route_id).order_by(PlanStop.position)
    ).all()
