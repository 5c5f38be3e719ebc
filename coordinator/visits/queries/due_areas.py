"""What is owed area by area, from the read model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel.areas import AreaLevel
from coordinator.visits.models import OwedObligation
from coordinator.visits.queries.due_list import STATUSES
from coordinator.visits.queries.due_scope import DueScope
from coordinator.visits.queries.owed import AreaRow
from coordinator.visits.queries.ready import listed_on, status_on, within


@dataclass(frozen=True, slots=True)
class AreaFigures:
    """The figures of one area: obligations by shown status. `area` None stands for the homes of a community that
    no grid holds."""

    area: AreaRow | None
    counts: Counter[str]

    @property
    def due(self) -> int:
        """What is to be done in the running periods and was not in the last: all but the waived."""
        return sum(self.counts[status] for status in STATUSES if status != "waived")


def figures_below(scope: DueScope, today: date) -> list[AreaFigures]:
    """The figures of the areas right below the one looked at, in the order of the tree; of its grids where it is a
    community. One query."""
    status = status_on(today).label("shown")
    children = scope.children()
    if scope.top is not None and scope.top.level is AreaLevel.COMMUNITY:
        rows = db.session.execute(
            select(Household.grid_id, status, func.count())
            .select_from(OwedObligation)
            .join(Elder, Elder.id == OwedObligation.elder_id)
            .join(Household, Household.id == Elder.household_id)
            .where(OwedObligation.area_id == scope.top.id, listed_on(today))
            .group_by(Household.grid_id, "shown")
        ).all()
        by_grid: dict[int | None, Counter[str]] = {row.id: Counter() for row in children}
        for grid_id, name, n in rows:
            by_grid.setdefault(grid_id if grid_id in by_grid else None, Counter())[name] += n
        known = {row.id: row for row in children}
        return [
            AreaFigures(known.get(one) if one is not None else None, counts)
            for one, counts in by_grid.items()
        ]
    rows = db.session.execute(
        select(OwedObligation.area_id, status, func.count())
        .where(within(scope), listed_on(today))
        .group_by(OwedObligation.area_id, "shown")
    ).all()
    found = {row.id: Counter[str]() for row in children}
    own = {row.path: row.id for row in children}
    places = {area_id: _child_of(scope.above[area_id].path, own) for area_id, _name, _n in rows}
    for area_id, name, n in rows:
        child = places[area_id]
        if child is not None:
            found[child][name] += n
    return [AreaFigures(row, found[row.id]) for row in children]


def _child_of(path: str, children: Mapping[str, int]) -> int | None:
    """The child whose subtree holds this path."""
    parts = path.split(".")
    for length in range(1, len(parts)):
        found = children.get(".".join(parts[:length]) + ".")
        if found is not None:
            return found
    return None
