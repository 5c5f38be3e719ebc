"""Units: the areas of which a month is counted and frozen as one. Counties, and what lies outside of any."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import aliased

from coordinator.extensions import db
from coordinator.kernel.areas import Area, AreaLevel, ancestors

# A street that lies right below its city (东莞, 中山) is a unit by itself.
_LEVELS = (AreaLevel.COUNTY, AreaLevel.STREET, AreaLevel.COMMUNITY)


def unit_of(area: Area) -> Area:
    """The unit that the area lies in: the topmost county, street or community on its line. An area above all of
    these (a city) is taken as it is."""
    line = [one for one in reversed(ancestors(area)) if one.level in _LEVELS]
    return line[0] if line else area


def units_below(area: Area) -> list[Area]:
    """All units at and below the area, by id; empty when the area lies inside a unit."""
    above = aliased(Area)
    inside_another = (
        select(above.id)
        .where(above.level.in_(_LEVELS), Area.path.startswith(above.path), above.id != Area.id)
        .exists()
    )
    return list(
        db.session.scalars(
            select(Area)
            .where(Area.path.startswith(area.path), Area.level.in_(_LEVELS), ~inside_another)
            .order_by(Area.id)
        )
    )


def all_units() -> list[Area]:
    """The units of the whole system."""
    roots = db.session.scalars(select(Area).where(Area.parent_id.is_(None)).order_by(Area.id))
    return [unit for root in roots for unit in units_below(root)]
