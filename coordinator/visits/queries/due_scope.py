"""Where somebody looks at what is owed: all in reach, one area of it, or the homes of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.kernel.areas import AreaLevel
from coordinator.visits.queries.owed import AreaRow, areas_of


@dataclass(frozen=True, slots=True)
class DueScope:
    """Where somebody looks. `areas` are the areas in reach, `above` those and the ones they lie in; `wanted` the
    ids of the areas looked at, `top` the one area that holds them all, where there is one. `grid_id` narrows to
    the homes of a grid."""

    areas: dict[int, AreaRow]
    above: dict[int, AreaRow]
    wanted: list[int]
    top: AreaRow | None
    grid_id: int | None = None

    @property
    def narrowed(self) -> bool:
        """Only a part of what is in reach."""
        return len(self.wanted) < len(self.areas) or self.grid_id is not None

    def children(self) -> list[AreaRow]:
        """The areas right below the one looked at, in the order of the tree."""
        if self.top is None:
            depth = min((row.path.count(".") for row in self.areas.values()), default=0)
            return sorted(
                (row for row in self.areas.values() if row.path.count(".") == depth), key=lambda row: row.id
            )
        below = self.top.path.count(".") + 1
        found = [
            row
            for row in self.areas.values()
            if row.path.startswith(self.top.path) and row.path.count(".") == below
        ]
        return sorted(found, key=lambda row: row.id)


def read_due_scope(paths: Sequence[str], area_id: int | None = None) -> DueScope:
    """The scope of somebody whose areas these are (a path is a subtree), narrowed to one area of it; another area
    narrows nothing. One query."""
    above = areas_of(paths)
    areas = {one: row for one, row in above.items() if any(row.path.startswith(path) for path in paths)}
    top = areas.get(area_id) if area_id is not None else None
    if top is None and len(paths) == 1:
        top = next((row for row in areas.values() if row.path == paths[0]), None)
    if top is not None and top.level is AreaLevel.GRID:
        inside = [one for one, row in areas.items() if top.path.startswith(row.path)]
        return DueScope(areas, above, inside, top, top.id)
    path = top.path if top is not None and area_id is not None else ""
    return DueScope(areas, above, [one for one, row in areas.items() if row.path.startswith(path)], top)
