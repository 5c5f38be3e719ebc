"""Areas named in a sheet, and coordinates that may or may not lie in them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select

from coordinator.elders.imports.columns import problem
from coordinator.elders.imports.matching import address_key
from coordinator.extensions import db
from coordinator.kernel import geo
from coordinator.kernel.areas import Area, AreaLevel

# How far from the centre of the area a home may lie, in metres, where the area's own parts do not say more.
REACH_METRES = {
    AreaLevel.GRID: 6_000,
    AreaLevel.COMMUNITY: 8_000,
    AreaLevel.STREET: 20_000,
    AreaLevel.COUNTY: 80_000,
    AreaLevel.CITY: 250_000,
    AreaLevel.PROVINCE: 1_000_000,
}
_ENDINGS = ("社区居民委员会", "村民委员会", "社区居委会", "居民委员会", "居委会", "村委会", "社区", "村")


def area_key(name: str) -> str:
    """A name for comparing: 「柳荫社区居委会」 and 「柳荫社区」 and 「柳荫」 are one."""
    plain = "".join(unicodedata.normalize("NFKC", name).split())
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) > len(ending):
            return plain[: -len(ending)]
    return plain


@dataclass(frozen=True, slots=True)
class Place:
    """An area as the check needs it: kept over commits, unlike a loaded row."""

    id: int
    name: str
    level: AreaLevel
    path: str
    parent_id: int | None
    latitude: float | None
    longitude: float | None


def _places(*conditions: ColumnElement[bool]) -> list[Place]:
    rows = db.session.execute(
        select(Area.id, Area.name, Area.level, Area.path, Area.parent_id, Area.latitude, Area.longitude)
        .where(*conditions)
        .order_by(Area.path, Area.id)
    )
    return [Place(*row) for row in rows]


class Places:
    """The communities and grids at and below the area of a batch."""

    def __init__(self, area: Area, datum: geo.Datum) -> None:
        self.datum = datum
        above = sorted(_places(Area.id.in_(area.ancestor_ids)), key=lambda one: len(one.path))
        self.area = above[-1]
        below = _places(Area.path.startswith(area.path))
        self.communities = {one.id: one for one in below if one.level == AreaLevel.COMMUNITY}
        self._by_name: dict[str, list[Place]] = {}
        for one in self.communities.values():
            self._by_name.setdefault(area_key(one.name), []).append(one)
        self._grids = {
            (one.parent_id, area_key(one.name)): one.id for one in below if one.level == AreaLevel.GRID
        }
        self.prefixes = [one.name for one in above]
        self._elsewhere = self._names_elsewhere(above)
        self._bounds = self._reach(above)
        self.alone = self.communities.get(area.id)

    def _names_elsewhere(self, above: list[Place]) -> set[str]:
        """Names of other communities of the same county: known, but not for this import to touch."""
        county = next((one for one in above if one.level == AreaLevel.COUNTY), None)
        if county is None:
            return set()
        names = db.session.scalars(
            select(Area.name).where(
                Area.path.startswith(county.path),
                Area.level == AreaLevel.COMMUNITY,
                ~Area.path.startswith(self.area.path),
            )
        )
        return {area_key(name) for name in names}

    @staticmethod
    def _reach(above: list[Place]) -> geo.Bounds | None:
        """A generous rectangle: around the nearest area that has a centre, as wide as its level."""
        for one in reversed(above):
            if one.latitude is not None and one.longitude is not None:
                return geo.Bounds.around([(one.latitude, one.longitude)], REACH_METRES[one.level])
        return None

    def key_of(self, community: Place, address: str) -> str:
        """An address of the community for comparing."""
        return address_key(address, [*self.prefixes, community.name])

    def community(self, name: str | None) -> tuple[Place | None, dict[str, Any] | None]:
        """The community a row names, or what is wrong with it."""
        if name is None:
            if self.alone is not None:
                return self.alone, None
            return None, problem(
                "community", "community_missing", _("没有写社区。"), _("请写社区（村）的名称。")
            )
        found = self._by_name.get(area_key(name), [])
        if len(found) == 1:
            return found[0], None
        if found:
            return None, problem(
                "community", "community_double", _("有几个社区叫这个名字。"), _("请按街道分开导入。")
            )
        if area_key(name) in self._elsewhere:
            return None, problem(
                "community",
                "community_outside",
                _("不在%(area)s，这次不能导入。", area=self.area.name),
                _("请交给那边的管理员导入。"),
            )
        if self.alone is not None:
            text = _("这次只导入%(area)s的名单。", area=self.area.name)
        else:
            names = [one.name for one in self.communities.values()]
            text = _("%(area)s没有这个社区。", area=self.area.name)
            if names:
                text += _("有：%(names)s。", names="、".join(names[:8]) + ("…" if len(names) > 8 else ""))
        return None, problem("community", "community_unknown", text, _("请写和系统里一样的名称。"))

    def grid(self, community: Place, name: str) -> int | None:
        """The id of the grid of a community with this name."""
        return self._grids.get((community.id, area_key(name)))

    def place(
        self, latitude: float | None, longitude: float | None
    ) -> tuple[tuple[float, float] | None, dict[str, Any] | None]:
        """Coordinates of the sheet as WGS-84, or what is wrong with them."""
        if latitude is None and longitude is None:
            return None, None
        if latitude is None or longitude is None:
            missing = "latitude" if latitude is None else "longitude"
            return None, problem(
                missing, "place_half", _("纬度和经度要一起填。"), _("请补上，或两格都空着。")
            )
        converted = geo.to_wgs84(latitude, longitude, self.datum)
        wrong = geo.plausible(*converted, self._bounds)
        if wrong is not None:
            return None, problem("latitude", wrong, str(geo.PLACE_MESSAGES[wrong]))
        return (round(converted[0], 7), round(converted[1], 7)), None
