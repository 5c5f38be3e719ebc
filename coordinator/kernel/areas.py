"""The tree of administrative areas: province → city → county → street → community → grid."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, ScalarSelect, String, func, select
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from coordinator.extensions import db, stored


class AreaLevel(StrEnum):
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"


class Area(db.Model):
    """One area. `path` holds the ids from the root, each followed by a dot ('1.7.12.'), so that a subtree
    is a prefix. `policy_pack` and `settings` are inherited from the nearest ancestor that has them.
    """

    __tablename__ = "areas"
    __table_args__ = (
        CheckConstraint("(parent_id IS NULL) = (level = 'province')", name="only_provinces_are_roots"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_come_in_pairs"),
        CheckConstraint("latitude BETWEEN 3 AND 54 AND longitude BETWEEN 73 AND 136", name="lies_in_china"),
        Index("ix_areas_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
        Index("uq_areas_parent_id_name", "parent_id", "name", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"))
    level: Mapped[AreaLevel] = mapped_column(stored(AreaLevel))
    name: Mapped[str] = mapped_column(String(60))
    code: Mapped[str | None] = mapped_column(String(20), unique=True)
    path: Mapped[str] = mapped_column(String(200), unique=True)
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    policy_pack: Mapped[str | None] = mapped_column(String(60))
    emergency_phone: Mapped[str | None] = mapped_column(String(30))
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)

    parent: Mapped[Area | None] = relationship(remote_side="Area.id")

    @property
    def ancestor_ids(self) -> list[int]:
        """Ids from the root to this area, inclusive."""
        return [int(part) for part in self.path.split(".") if part]


def create_area(level: AreaLevel, name: str, parent: Area | None = None, **fields: Any) -> Area:
    """Add an area below `parent` and give it its path. Flushes."""
    area = Area(level=level, name=name, parent=parent, path="", **fields)
    db.session.add(area)
    area.path = f"new-{id(area)}"
    db.session.flush()
    area.path = f"{parent.path if parent else ''}{area.id}."
    db.session.flush()
    return area


def ancestors(area: Area) -> list[Area]:
    """The area and its ancestors, nearest first."""
    found = db.session.scalars(select(Area).where(Area.id.in_(area.ancestor_ids))).all()
    return sorted(found, key=lambda one: len(one.path), reverse=True)


def inherited(area: Area, attribute: str) -> Any:
    """The value of `attribute` at the nearest ancestor (or the area itself) that has one."""
    for one in ancestors(area):
        value = getattr(one, attribute)
        if value not in (None, "", {}):
            return value
    return None


def subtree_ids(path: str) -> Any:
    """Select of the ids of all areas at and below `path`."""
    return select(Area.id).where(Area.path.startswith(path))


def settings_of(path: str, key: str) -> dict[str, Any] | None:
    """`settings[key]` of the nearest area on the path that sets any. One query."""
    ids = [int(part) for part in path.split(".") if part]
    return db.session.scalars(
        select(Area.settings[key])
        .where(Area.id.in_(ids), Area.settings.has_key(key))
        .order_by(func.length(Area.path).desc())
        .limit(1)
    ).one_or_none()


def nearest_settings(key: str) -> ScalarSelect[Any]:
    """The same within a statement that selects from `Area`."""
    above = aliased(Area)
    return (
        select(above.settings[key])
        .where(Area.path.startswith(above.path), above.settings.has_key(key))
        .order_by(func.length(above.path).desc())
        .limit(1)
        .correlate(Area)
        .scalar_subquery()
    )
