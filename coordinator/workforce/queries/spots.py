"""Places known by name around a worker, so that somebody without a map can say where they set out.

Never nearer than a neighbourhood: its middle, when at least five homes are registered in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, or_, select

from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel import geo
from coordinator.kernel.areas import Area, AreaLevel

LEAST_HOMES = 5
LEAST_SPEAKERS = 3
NEARBY_METRES = 1_500
# Whoever sets out further away than this from what they serve has mistyped.
REACH_METRES = 30_000
_ENDINGS = ("社区", "小区", "街道", "片区", "村", "片")


class Spot(NamedTuple):
    """A street, community or neighbourhood with its middle; `key` is what a form sends."""

    key: str
    name: str
    latitude: float
    longitude: float

    @property
    def place(self) -> tuple[float, float]:
        return self.latitude, self.longitude


def spots_around(area: Area) -> list[Spot]:
    """The street of an area, its communities and their neighbourhoods that are on the map. Two queries."""
    path = area.path
    if area.level in (AreaLevel.COMMUNITY, AreaLevel.GRID):
        path = path[: path.rstrip(".").rfind(".") + 1]
    areas = db.session.execute(
        select(Area.id, Area.name, Area.latitude, Area.longitude)
        .where(
            Area.path.startswith(path),
            Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)),
            Area.latitude.is_not(None),
        )
        .order_by(func.length(Area.path), Area.name)
    ).all()
    names = {row.id: row.name for row in areas}
    middles = db.session.execute(
        select(
            Household.area_id,
            Household.neighbourhood,
            func.avg(Household.latitude),
            func.avg(Household.longitude),
        )
        .join(Elder, Elder.household_id == Household.id)
        .where(
            Household.area_id.in_(names),
            Household.neighbourhood.is_not(None),
            Household.latitude.is_not(None),
            Elder.status == ElderStatus.ACTIVE,
        )
        .group_by(Household.area_id, Household.neighbourhood)
        .having(func.count(Household.id.distinct()) >= LEAST_HOMES)
        .order_by(Household.area_id, Household.neighbourhood)
    ).all()
    found = []
    for row in areas:
        found.append(Spot(str(row.id), row.name, row.latitude, row.longitude))
        found += [
            Spot(f"{area_id}:{name}", f"{row.name}，{name}", round(latitude, 3), round(longitude, 3))
            for area_id, name, latitude, longitude in middles
            if area_id == row.id and name
        ]
    return found


def spot_in(text: str, spots: Sequence[Spot]) -> Spot | None:
    """The place an address names, the nearest one down: 「柳荫社区滨江片 3 号」 is the neighbourhood."""
    plain = _plain(text)
    best: tuple[int, Spot] | None = None
    for spot in spots:
        # The last part says where exactly; what stands before it is the community.
        whole, last = _plain(spot.name), _plain(spot.name.split("，")[-1])
        hit = max(
            (len(one) for one in (whole, last, _bare(last)) if len(one) > 1 and one in plain), default=0
        )
        deeper = ":" in spot.key
        if hit and (best is None or (hit + 10 * deeper) > best[0]):
            best = hit + 10 * deeper, spot
    return best[1] if best else None


def spot_near(place: tuple[float, float], spots: Sequence[Spot]) -> Spot | None:
    """The nearest named place, when it is near."""
    near = min(spots, key=lambda one: geo.haversine_m(*place, *one.place), default=None)
    return near if near and geo.haversine_m(*place, *near.place) <= NEARBY_METRES else None


def reach_of(area: Area) -> geo.Bounds | None:
    """The rectangle in which somebody who serves an area may set out; None without places. One query."""
    rows = db.session.execute(
        select(Area.latitude, Area.longitude).where(
            or_(Area.path.startswith(area.path), Area.id == area.parent_id), Area.latitude.is_not(None)
        )
    ).all()
    places = [(row.latitude, row.longitude) for row in rows]
    return geo.Bounds.around(places, REACH_METRES) if places else None


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).replace(",", "").split())


def _bare(name: str) -> str:
    return next((name[: -len(one)] for one in _ENDINGS if name.endswith(one)), name)


def dialects_around(area: Area) -> list[str]:
    """What at least three elders of the area speak, the most frequent first. One query."""
    return list(
        db.session.scalars(
            select(Elder.dialect)
            .join(Area, Area.id == Elder.area_id)
            .where(
                Area.path.startswith(area.path),
                Elder.dialect.is_not(None),
                Elder.status == ElderStatus.ACTIVE,
            )
            .group_by(Elder.dialect)
            .having(func.count() >= LEAST_SPEAKERS)
            .order_by(func.count().desc(), Elder.dialect)
            .limit(8)
        )
    )
