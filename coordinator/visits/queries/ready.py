"""The read model of what is owed: `owed_obligations` counted, filtered and ordered in PostgreSQL.

Nothing is shown from it: a page recomputes its rows with the engine (`due_list.live_items`). What depends on today
is derived here by the engine's own order of questions (`Calculation`, `due_list.shown_status`); a test compares the
two on random elders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    ScalarSelect,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY as PG_ARRAY
from sqlalchemy.orm import aliased
from sqlalchemy.types import BigInteger, String

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.kernel.areas import AreaLevel
from coordinator.visits.models import OwedElder, OwedObligation, OwedStale, Visit
from coordinator.visits.queries.due_list import (
    ELDER_COLUMNS,
    OPEN_STATUSES,
    SOON_DAYS,
    STATUSES,
    DueFilter,
    LastContact,
    join_home_and_contact,
    window,
)
from coordinator.visits.queries.owed import AreaRow, Rulebook, areas_of, one_of
from coordinator.workforce.models import ServiceContact, Worker

O = OwedObligation  # noqa: E741  the statements below name little else


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


# --- how far the read model is right ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What is ready in a scope. `groups` are (area, rule texts) with the first day after which something in it is
    out of date and the latest day on which something was computed; `stale` the first elders of whom something
    has changed, `changed` how many there are."""

    groups: list[tuple[int, str | None, date | None, date | None]]
    stale: list[int]
    changed: int

    def outdated(self, books: Mapping[int, Rulebook], today: date) -> list[tuple[int, str | None]]:
        """The groups of which a part is to be computed anew although nothing was written: the day has turned, or
        the rules are others."""
        return [
            (area_id, rules)
            for area_id, rules, good_until, computed_on in self.groups
            if (good_until is not None and good_until < today)
            or (computed_on is not None and computed_on > today)
            or (area_id in books and rules != books[area_id].key)
        ]


def standing_of(area_ids: Collection[int], most: int) -> Standing:
    """How far the read model is right in these areas; `most` limits the elders that are named. One query."""
    ids = one_of(area_ids)
    groups = (
        select(
            OwedElder.area_id,
            OwedElder.rules,
            func.min(OwedElder.good_until),
            func.max(OwedElder.computed_on),
            literal(0),
            null().cast(PG_ARRAY(BigInteger)),
        )
        .where(OwedElder.area_id == ids)
        .group_by(OwedElder.area_id, OwedElder.rules)
    )
    stale = (
        select(OwedStale.elder_id)
        .join(Elder, Elder.id == OwedStale.elder_id)
        .outerjoin(OwedElder, OwedElder.elder_id == OwedStale.elder_id)
        # Where the elder lives now, and where the rows of an elder who has moved still stand.
        .where(or_(Elder.area_id == ids, OwedElder.area_id == ids))
        .distinct()
        .subquery()
    )
    first = select(stale.c.elder_id).limit(most).scalar_subquery()
    changed = select(
        null().cast(BigInteger),
        null().cast(String),
        null().cast(Date),
        null().cast(Date),
        select(func.count()).select_from(stale).scalar_subquery(),
        func.array(first),
    )
    rows = db.session.execute(union_all(groups, changed)).all()
    last = next(row for row in rows if row[0] is None)
    return Standing([tuple(row[:4]) for row in rows if row[0] is not None], list(last[5] or ()), last[4])


def outdated_elders(
    groups: Collection[tuple[int, str | None]], books: Mapping[int, Rulebook], today: date
) -> list[int]:
    """The elders of these groups whose day has turned or whose rules are others; one query."""
    if not groups:
        return []
    others = [area_id for area_id, rules in groups if area_id in books and rules != books[area_id].key]
    keys = {books[area_id].key for area_id in others}
    rows = db.session.scalars(
        select(OwedElder.elder_id).where(
            OwedElder.area_id == one_of([area_id for area_id, _rules in groups]),
            or_(
                OwedElder.good_until < today,
                OwedElder.computed_on > today,
                and_(
                    OwedElder.area_id == one_of(others),
                    or_(OwedElder.rules.is_(None), OwedElder.rules.not_in(keys)),
                ),
            ),
        )
    )
    return list(rows)


# --- status, filters, order ------------------------------------------------------------------------------


def status_on(today: date) -> ColumnElement[str]:
    """The shown status of an obligation, as `due_list.shown_status` names it."""
    return case(
        (O.waived.is_not(None), "waived"),
        (O.counted >= O.required, "met"),
        (O.period_to < today, "overdue"),
        (O.blocked.is_not(None), "blocked"),
        (O.period_to <= today + timedelta(days=SOON_DAYS), "soon"),
        else_="owed",
    )


def listed_on(today: date) -> ColumnElement[bool]:
    """As `due_list.is_listed`. Overdue ones of elders who have left are not stored."""
    start, _end = window(today)
    return and_(
        O.period_from <= today,
        O.period_to >= start,
        or_(O.period_to >= today, and_(O.waived.is_(None), O.counted < O.required)),
    )


def overdue_in(where: ColumnElement[bool], today: date) -> ScalarSelect[int]:
    """How many obligations are overdue where `where` (of OwedObligation) holds, for the badge of a menu: as the
    list counted last, without bringing it up to date."""
    count = select(func.count()).select_from(O).where(where, listed_on(today), status_on(today) == "overdue")
    return count.scalar_subquery()


def _within(scope: DueScope) -> ColumnElement[bool]:
    where: ColumnElement[bool] = O.area_id == one_of(scope.wanted)
    if scope.grid_id is not None:
        homes = (
            select(Elder.id)
            .join(Household, Household.id == Elder.household_id)
            .where(Household.grid_id == scope.grid_id)
        )
        where = and_(where, O.elder_id.in_(homes))
    return where


def _kept(wish: DueFilter) -> ColumnElement[bool]:
    """As `DueFilter.keeps`."""
    conditions: list[ColumnElement[bool]] = [true()]
    if wish.tier:
        conditions.append(func.coalesce(O.tier, "-") == wish.tier)
    if wish.mode:
        conditions.append(O.home_only if wish.mode == "home" else ~O.home_only)
    if wish.category:
        fitting = select(OwedElder.elder_id).where(wish.category == any_(OwedElder.categories))
        conditions.append(O.elder_id.in_(fitting))
    if wish.text:
        home, contact, worker = Household, ServiceContact, aliased(Worker)
        found = (
            select(Elder.id)
            .join(home, home.id == Elder.household_id)
            .outerjoin(contact, and_(contact.elder_id == Elder.id, contact.until.is_(None)))
            .outerjoin(worker, worker.id == contact.worker_id)
            .where(
                or_(
                    Elder.name.contains(wish.text, autoescape=True),
                    home.address.contains(wish.text, autoescape=True),
                    worker.name.contains(wish.text, autoescape=True),
                )
            )
        )
        conditions.append(O.elder_id.in_(found))
    return and_(*conditions)


class Tally(NamedTuple):
    """Counts by shown status with `open` for the sum of the open ones; `running` is the period that ends first
    among those that run, the shortest where several end together."""

    counts: Counter[str]
    running: tuple[date, date] | None
    items: int


def tally(scope: DueScope, today: date, wish: DueFilter | None = None) -> Tally:
    """The counts of a scope, of what the filter leaves; `items` and `running` are of the whole scope. One query."""
    kept = func.count() if wish is None or not wish.given else func.count().filter(_kept(wish))
    plain = O.event.is_(None)
    rows = db.session.execute(
        select(
            status_on(today).label("shown"),
            O.period_from,
            O.period_to,
            plain.label("plain"),
            kept,
            func.count(),
        )
        .where(_within(scope), listed_on(today))
        .group_by("shown", O.period_from, O.period_to, "plain")
    ).all()
    counts: Counter[str] = Counter()
    running: set[tuple[date, date]] = set()
    for status, first, last, is_plain, n, _all in rows:
        counts[status] += n
        if is_plain and last >= today:
            running.add((first, last))
    counts["open"] = sum(counts[status] for status in OPEN_STATUSES)
    soonest = min(running, key=lambda one: (one[1], one[1] - one[0]), default=None)
    return Tally(counts, soonest, sum(row[5] for row in rows))


def _order(today: date, sort: str, descending: bool) -> list[Any]:
    """The expressions of `due_list.order_items`."""
    status = status_on(today)
    urgency = [
        case(*((status == name, rank) for rank, name in enumerate(STATUSES)), else_=len(STATUSES)),
        O.period_to,
        O.period_from,
    ]
    rest = [O.is_key.desc(), O.area_id, O.name_key, O.elder_id, O.rule, O.event]
    own: dict[str, list[Any]] = {
        "status": urgency,
        "name": [O.name_key],
        "tier": [func.coalesce(O.tier, "").collate("C")],
        "place": [O.area_id, OwedElder.place_key],
        "period": [O.period_to, O.period_from],
        "last": [func.coalesce(OwedElder.last_contact_on, cast(literal("0001-01-01"), Date))],
    }
    asked = own.get(sort, []) if sort != "status" or descending else []
    return [*(one.desc() if descending else one for one in asked), *urgency, *rest]


class Key(NamedTuple):
    """Names an obligation of an elder; `event` parts two that begin on one day."""

    elder_id: int
    rule: str
    period_from: date
    event: str | None


def _ordered(
    scope: DueScope, today: date, wish: DueFilter, statuses: Collection[str], sort: str, descending: bool
) -> Select[Any]:
    statement = select(O.elder_id, O.rule, O.period_from, O.event, status_on(today).label("shown"), O.counted)
    if sort in ("place", "last"):
        statement = statement.join(OwedElder, OwedElder.elder_id == O.elder_id)
    return statement.where(
        _within(scope), listed_on(today), status_on(today).in_(statuses), _kept(wish)
    ).order_by(*_order(today, sort, descending))


def ordered_keys(
    scope: DueScope,
    today: date,
    wish: DueFilter,
    statuses: Collection[str],
    *,
    sort: str = "",
    descending: bool = False,
    most: int,
) -> list[Key]:
    """The first `most` obligations that are asked for, in order; one query."""
    rows = db.session.execute(_ordered(scope, today, wish, statuses, sort, descending).limit(most))
    return [Key(*row[:4]) for row in rows]


class PageRow(NamedTuple):
    """One obligation of a page as the read model has it, with the elder's columns and last contact."""

    key: Key
    status: str
    counted: int
    elder: Any
    last: LastContact | None


def page_rows(
    scope: DueScope,
    today: date,
    wish: DueFilter,
    statuses: Collection[str],
    *,
    sort: str,
    descending: bool,
    limit: int,
    offset: int,
) -> list[PageRow]:
    """One page, with what the rows show of the elders; one query."""
    page = (
        _ordered(scope, today, wish, statuses, sort, descending)
        .add_columns(func.row_number().over(order_by=_order(today, sort, descending)).label("place"))
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    last = (
        select(
            Visit.id.label("last_visit"),
            Visit.contact_on.label("last_on"),
            cast(Visit.contact_mode, Text).label("last_mode"),
            cast(Visit.contact_outcome, Text).label("last_outcome"),
        )
        .where(Visit.elder_id == page.c.elder_id, Visit.contact_on.is_not(None))
        .order_by(Visit.contact_on.desc(), Visit.id.desc())
        .limit(1)
        .lateral()
    )
    statement = join_home_and_contact(
        select(page, last, *ELDER_COLUMNS).select_from(page).join(Elder, Elder.id == page.c.elder_id)
    )
    return [
        PageRow(
            Key(row.elder_id, row.rule, row.period_from, row.event),
            row.shown,
            row.counted,
            row,
            LastContact(row.last_visit, row.last_on, row.last_mode, row.last_outcome)
            if row.last_visit
            else None,
        )
        for row in db.session.execute(statement.outerjoin(last, true()).order_by(page.c.place))
    ]


# --- by area ---------------------------------------------------------------------------------------------


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
            .select_from(O)
            .join(Elder, Elder.id == O.elder_id)
            .join(Household, Household.id == Elder.household_id)
            .where(O.area_id == scope.top.id, listed_on(today))
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
        select(O.area_id, status, func.count())
        .where(_within(scope), listed_on(today))
        .group_by(O.area_id, "shown")
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
