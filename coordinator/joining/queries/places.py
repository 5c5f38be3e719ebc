"""Where people may join: communities, schools, and where somebody's way begins until they say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from coordinator.accounts.models import Organisation, OrganisationKind
from coordinator.extensions import db
from coordinator.joining.models import Invitation
from coordinator.kernel.areas import Area, AreaLevel, ancestors

SHOWN_AT_MOST = 60


class Street(NamedTuple):
    """A street with its communities, in the order of their names."""

    name: str
    communities: list[Area]


def streets(within: str = "", search: str = "") -> tuple[list[Street], int]:
    """The communities one can join below `within` (a path), by street, and how many there are. One query.

    `search` finds a community, its street, or both written one after the other. At most SHOWN_AT_MOST are given.
    """
    parent = aliased(Area)
    statement = (
        select(Area, parent.name, func.count().over())
        .join(parent, Area.parent_id == parent.id)
        .where(Area.level == AreaLevel.COMMUNITY, Area.path.startswith(within))
        .order_by(parent.path, Area.name)
    )
    words = "".join(search.split())
    if words:
        statement = statement.where(
            or_(
                Area.name.icontains(words, autoescape=True),
                (parent.name + Area.name).icontains(words, autoescape=True),
            )
        )
    found: list[Street] = []
    total = 0
    for area, street, total in db.session.execute(statement.limit(SHOWN_AT_MOST)):  # noqa: B007  the same in each row
        if not found or found[-1].name != street:
            found.append(Street(street, []))
        found[-1].communities.append(area)
    return found, total


def joinable(area_id: int | None, invitation: Invitation | None = None) -> Area | None:
    """The community or street of this id, if one can join there (by this invitation)."""
    if area_id is None:
        return None
    area = db.session.get(Area, area_id)
    if area is None or area.level not in (AreaLevel.COMMUNITY, AreaLevel.STREET):
        return None
    if invitation is None:
        return area if area.level is AreaLevel.COMMUNITY else None
    return area if area.path.startswith(invitation.area.path) else None


def schools_for(area: Area) -> Sequence[Organisation]:
    """Schools whose students may join in this area: those of its county and of the areas above. Two queries."""
    line = ancestors(area)
    top = next((one for one in line if one.level is AreaLevel.COUNTY), line[-1])
    return db.session.scalars(
        select(Organisation)
        .join(Area, Organisation.area_id == Area.id)
        .where(
            Organisation.kind == OrganisationKind.SCHOOL,
            Organisation.is_active,
            or_(Area.path.startswith(top.path), Area.id.in_(top.ancestor_ids)),
        )
        .order_by(Organisation.name, Organisation.id)
    ).all()


def centre_of(area: Area, organisation: Organisation | None) -> tuple[float, float] | None:
    """Where a newcomer's way begins: the workplace, else the middle of the area, or of the nearest one above."""
    if organisation is not None and organisation.latitude is not None and organisation.longitude is not None:
        return organisation.latitude, organisation.longitude
    for one in ancestors(area):
        if one.latitude is not None and one.longitude is not None:
            return one.latitude, one.longitude
    return None
