"""月探访率 as the pages show it: frozen where it was frozen, else as counted, with what was corrected since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import func, select

from coordinator.elders.models import Consent, ConsentKind, ConsentState, Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.supervision.models import CoverageCount, CoverageSnapshot
from coordinator.visits.queries.coverage import (
    ALL_MET,
    COUNTED,
    WITH_CONTACT,
    Figures,
    Group,
    Span,
    count_tree,
    span_of,
)
from coordinator.visits.queries.owed import AreaRow, areas_of

# An area with at most so many elders is counted for the page itself, in well under a second.
MOST_LIVE = 2000


class Source(StrEnum):
    """Where the figures of a page come from."""

    FROZEN = "frozen"
    COUNTED = "counted"
    LIVE = "live"
    NONE = "none"


class Numbers(NamedTuple):
    """Denominator and both numerators, in elders."""

    elders: int
    contacted: int
    all_met: int


class Row(NamedTuple):
    """One area of the table: its figures and, for a frozen month, those it would have now when they differ."""

    area: AreaRow
    numbers: Numbers | None
    now: Numbers | None = None


class Scope(NamedTuple):
    """What an actor looks at: the chosen area, those right below it, and the line above it that is theirs."""

    areas: dict[int, AreaRow]
    chosen: AreaRow
    parts: list[AreaRow]
    line: list[AreaRow]


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month of an area. `at` is when the figures were counted or frozen; `now` the figures of today's register
    for a frozen month, where they are known. `people` and `people_now` are None while nobody has asked for them
    (`people_of`)."""

    span: Span
    source: Source
    at: datetime | None
    own: Row
    parts: list[Row]
    figures: Figures
    now: Figures | None = None
    now_at: datetime | None = None
    frozen_by: int | None = None
    people: dict[Group, list[int]] | None = None
    people_now: dict[Group, list[int]] | None = None


def scope_of(actor: Actor, area_id: int | None) -> Scope | None:
    """The area with this id (the actor's own without one); None when the actor has none, or not this one."""
    paths = actor.area_paths(Permission.COVERAGE_READ)
    areas = {
        one: row for one, row in areas_of(paths).items() if any(row.path.startswith(path) for path in paths)
    }
    if area_id is None:
        chosen = min(areas.values(), key=lambda row: (row.path.count("."), row.id), default=None)
    else:
        chosen = areas.get(area_id)
    if chosen is None:
        return None
    depth = chosen.path.count(".") + 1
    parts = [
        row
        for row in areas.values()
        if row.path.startswith(chosen.path)
        and row.path.count(".") == depth
        and row.level is not AreaLevel.GRID
    ]
    line = [int(part) for part in chosen.path.split(".") if part]
    return Scope(
        areas,
        chosen,
        sorted(parts, key=lambda row: row.id),
        [areas[one] for one in line if one in areas],
    )


def read_month(scope: Scope, month: date) -> MonthView:
    """The month of the chosen area and of those right below it. A fixed number of queries, unless the area is small
    enough to be counted here."""
    span = span_of(month)
    ids = [scope.chosen.id, *(row.id for row in scope.parts)]
    snapshots = _numbers(CoverageSnapshot, ids, span.first)
    frozen = db.session.scalars(
        select(CoverageSnapshot).where(
            CoverageSnapshot.area_id == scope.chosen.id, CoverageSnapshot.month == span.first
        )
    ).one_or_none()
    live = count_tree(scope.chosen.path, span) if _is_small(scope.chosen.path) else None
    if frozen is not None:
        return _frozen(scope, span, frozen, snapshots, live)
    if live is not None:
        parts = [Row(row, _numbers_of(live.get(row.id))) for row in scope.parts]
        own = live.get(scope.chosen.id, Figures())
        return MonthView(
            span,
            Source.LIVE,
            clock.now(),
            Row(scope.chosen, _numbers_of(own)),
            parts,
            own,
            people=_people(live),
        )
    counted = _count_of(scope.chosen.id, span.first)
    if counted is None:
        return MonthView(
            span,
            Source.NONE,
            None,
            Row(scope.chosen, None),
            [Row(row, None) for row in scope.parts],
            Figures(),
        )
    counts = _numbers(CoverageCount, ids, span.first)
    return MonthView(
        span,
        Source.COUNTED,
        counted.counted_at,
        Row(scope.chosen, counts.get(scope.chosen.id)),
        [Row(row, counts.get(row.id)) for row in scope.parts],
        Figures.from_json(counted.figures),
    )


def _frozen(
    scope: Scope,
    span: Span,
    frozen: CoverageSnapshot,
    snapshots: Mapping[int, Numbers],
    live: Mapping[int, Figures] | None,
) -> MonthView:
    """A frozen month with the figures of today: counted here for a small area, else by last night's job."""
    now: Figures | None = None
    now_at: datetime | None = None
    today: Mapping[int, Numbers | None] = {}
    if live is not None:
        now, now_at = live.get(scope.chosen.id, Figures()), clock.now()
        today = {one: _numbers_of(figures) for one, figures in live.items()}
    else:
        counted = _count_of(scope.chosen.id, span.first)
        if counted is not None and counted.counted_at > frozen.taken_at:
            now, now_at = Figures.from_json(counted.figures), counted.counted_at
            today = _numbers(CoverageCount, [scope.chosen.id, *(row.id for row in scope.parts)], span.first)

    def row(area: AreaRow) -> Row:
        then, changed = snapshots.get(area.id), today.get(area.id)
        return Row(area, then, changed if changed != then else None)

    return MonthView(
        span,
        Source.FROZEN,
        frozen.taken_at,
        row(scope.chosen),
        [row(part) for part in scope.parts],
        Figures.from_json(frozen.figures),
        now,
        now_at,
        frozen.frozen_by_id,
        people_now=_people(live) if live is not None else None,
    )


def _is_small(path: str) -> bool:
    few = select(Elder.id).where(Elder.area_id.in_(select(Area.id).where(Area.path.startswith(path))))
    return (
        db.session.scalar(select(func.count()).select_from(few.limit(MOST_LIVE + 1).subquery())) or 0
    ) <= MOST_LIVE


def _numbers(model: type[Any], ids: Sequence[int], month: date) -> dict[int, Numbers]:
    """Denominator and numerators of these areas; the heavy figures stay in the database."""
    rows = db.session.execute(
        select(model.area_id, model.elders, model.contacted, model.all_met).where(
            model.area_id.in_(ids), model.month == month
        )
    )
    return {row[0]: Numbers(*row[1:]) for row in rows}


def _numbers_of(figures: Figures | None) -> Numbers | None:
    return None if figures is None else Numbers(figures.elders, figures.contacted, figures.all_met)


def _count_of(area_id: int, month: date) -> CoverageCount | None:
    return db.session.scalars(
        select(CoverageCount).where(CoverageCount.area_id == area_id, CoverageCount.month == month)
    ).one_or_none()


def people_below(model: type[Any], path: str, month: date) -> dict[Group, list[int]]:
    """The ids of all elders at and below an area by group, as kept with snapshots or counts; one query."""
    rows = db.session.scalars(
        select(model.figures["people"]).where(
            model.month == month, model.area_id.in_(select(Area.id).where(Area.path.startswith(path)))
        )
    )
    found: dict[Group, list[int]] = defaultdict(list)
    for people in rows:
        for group, ids in (people or {}).items():
            found[Group(group)] += ids
    return dict(found)


def _people(tree: Mapping[int, Figures]) -> dict[Group, list[int]]:
    found: dict[Group, list[int]] = defaultdict(list)
    for figures in tree.values():
        for group, ids in figures.people.items():
            found[group] += ids
    return dict(found)


def months_of(area_id: int, months: Sequence[date]) -> dict[date, Numbers]:
    """The frozen figures of an area in these months; one query."""
    rows = db.session.execute(
        select(
            CoverageSnapshot.month,
            CoverageSnapshot.elders,
            CoverageSnapshot.contacted,
            CoverageSnapshot.all_met,
        ).where(CoverageSnapshot.area_id == area_id, CoverageSnapshot.month.in_(months))
    )
    return {row[0]: Numbers(*row[1:]) for row in rows}


# --- people ----------------------------------------------------------------------------------------------

WHICH: dict[str, frozenset[Group]] = {
    "not_contacted": COUNTED - WITH_CONTACT,
    "not_met": COUNTED - ALL_MET,
    "refused": frozenset({Group.REFUSED}),
    "new": frozenset({Group.NEW}),
    "left": frozenset({Group.LEFT}),
}


def people_of(scope: Scope, view: MonthView) -> dict[Group, list[int]]:
    """The ids of the elders behind the figures of a view, by group; of frozen months as they were frozen."""
    if view.people is not None:
        return view.people
    model = CoverageSnapshot if view.source is Source.FROZEN else CoverageCount
    return people_below(model, scope.chosen.path, view.span.first)


def people_in(scope: Scope, view: MonthView, which: str) -> list[int]:
    """The ids of the elders of these groups, sorted."""
    people = people_of(scope, view)
    return sorted(one for group in WHICH[which] for one in people.get(group, ()))


def refusals(actor: Actor, path: str) -> Any:
    """Statement of the current refusals in an area: the consent and the elder, those to be asked again first."""
    return (
        select(Consent, Elder)
        .join(Elder, Elder.id == Consent.elder_id)
        .where(
            Consent.kind == ConsentKind.SERVICE,
            Consent.state == ConsentState.REFUSED,
            Consent.superseded_at.is_(None),
            Elder.left_on.is_(None),
            Elder.area_id.in_(select(Area.id).where(Area.path.startswith(path))),
            in_areas(actor, Permission.ELDER_READ, Elder.area_id),
        )
    )
