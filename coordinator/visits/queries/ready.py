"""The read model of what is owed: `owed_obligations` counted, filtered and ordered in PostgreSQL.

Nothing is shown from it: a page recomputes its rows with the engine (`due_list.live_items`). What depends on today
is derived here by the engine's own order of questions (`Calculation`, `due_list.shown_status`); a test compares the
two on random elders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
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
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.visits.models import OwedElder, OwedObligation, Visit
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
from coordinator.visits.queries.due_scope import DueScope
from coordinator.visits.queries.owed import one_of
from coordinator.workforce.models import ServiceContact, Worker

O = OwedObligation  # noqa: E741  the statements below name little else


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


def within(scope: DueScope) -> ColumnElement[bool]:
    """The obligations of a scope."""
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
        .where(within(scope), listed_on(today))
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
        within(scope), listed_on(today), status_on(today).in_(statuses), _kept(wish)
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
