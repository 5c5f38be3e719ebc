"""The areas an actor sees, with the rule pack that holds in each: one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select

from coordinator import policy
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area, AreaLevel, inherited


@dataclass(frozen=True, slots=True)
class Scope:
    """Areas by id: those in the actor's scope, and the ones above them."""

    areas: dict[int, Area]
    paths: tuple[str, ...]
    packs: dict[str, policy.Pack] = field(default_factory=dict)  # those asked for, by name

    def _inside(self, area: Area) -> bool:
        return any(area.path.startswith(path) for path in self.paths)

    def level(self, level: AreaLevel) -> list[Area]:
        """Areas of a level within the scope, by name within their parents."""
        found = [one for one in self.areas.values() if one.level == level and self._inside(one)]
        return sorted(found, key=lambda one: (one.path.rsplit(".", 2)[0], one.name))

    @property
    def communities(self) -> list[Area]:
        return self.level(AreaLevel.COMMUNITY)

    def choices(self) -> list[tuple[str, str]]:
        """Communities as (id, name) for a filter or a form; the street is named where there are several."""
        found = self.communities
        several = len({one.parent_id for one in found}) > 1
        return [
            (
                str(one.id),
                f"{self.areas[one.parent_id].name} {one.name}" if several and one.parent_id else one.name,
            )
            for one in found
        ]

    def full_name(self, area_id: int) -> str:
        """县（市、区）, 乡镇（街道）, 村（居), as the printed forms want it."""
        names = [self.areas[key].name for key in self.areas[area_id].ancestor_ids if key in self.areas]
        return "".join(names[-3:])

    def pack_of(self, area_id: int) -> policy.Pack | None:
        """The rule pack of an area: that of the nearest area above it that names one."""
        for key in reversed(self.areas[area_id].ancestor_ids):
            area = self.areas.get(key)
            if area is not None and area.policy_pack:
                if area.policy_pack not in self.packs:
                    self.packs[area.policy_pack] = policy.current_pack(area.policy_pack)
                return self.packs[area.policy_pack]
        return None


def pack_for(area: Area) -> policy.Pack | None:
    """The rule pack of one area, for services that hold no scope; one query."""
    name = inherited(area, "policy_pack")
    return policy.current_pack(name) if name else None


def read_scope(actor: Actor, permission: Permission) -> Scope:
    """The actor's areas for `permission`, grids left out, and their ancestors."""
    paths = tuple(actor.area_paths(permission))
    above = {int(part) for path in paths for part in path.split(".") if part}
    found: Sequence[Area] = db.session.scalars(
        select(Area).where(
            or_(in_areas(actor, permission, Area.id), Area.id.in_(above)), Area.level != AreaLevel.GRID
        )
    ).all()
    return Scope({one.id: one for one in found}, paths)
