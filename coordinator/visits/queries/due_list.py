"""The list of what is due, item by item, as the engine computes it: for the rows that are shown, printed or handed
out. Counting and ordering whole areas is `ready.py`. No encrypted field leaves the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder, Household
from coordinator.extensions import db
from coordinator.policy import (
    Category,
    ElderFacts,
    Event,
    Mode,
    Obligation,
    Pack,
    Status,
    age_on,
    has_category,
)
from coordinator.visits.models import Visit
from coordinator.visits.queries.owed import AreaRow, Rulebook, areas_of, one_of, rulebooks, situations
from coordinator.workforce.models import ContactPart, ServiceContact, Worker

SOON_DAYS = 7
# The order of the tabs is the order of the list: what cannot wait comes first.
STATUSES = ("overdue", "blocked", "soon", "owed", "met", "waived")
OPEN_STATUSES = frozenset({"overdue", "blocked", "soon", "owed"})
_RANK = {status: rank for rank, status in enumerate(STATUSES)}


class DueItem(NamedTuple):
    """One obligation of one elder as the list shows it. `elder` has id, name, sex, birth_date, area_id,
    household_id, address, contact_name, visit_minutes, status and what the rules read."""

    elder: Any
    facts: ElderFacts
    obligation: Obligation
    status: str

    @property
    def key(self) -> str:
        """Names the item in an address: elder, rule, first day."""
        return f"{self.elder.id}:{self.obligation.rule}:{self.obligation.period_from.isoformat()}"

    @property
    def home_only(self) -> bool:
        return self.obligation.modes == (Mode.HOME,)


class LastContact(NamedTuple):
    """The latest contact with an elder up to today."""

    visit_id: int
    on: date
    mode: str
    outcome: str


@dataclass(frozen=True, slots=True)
class DueList:
    """Everything due in the scope; `areas` and `packs` are those of the scope, `upcoming` the events to come."""

    today: date
    items: list[DueItem]
    areas: dict[int, AreaRow]
    packs: list[Pack]
    upcoming: list[Event] = field(default_factory=list)


def window(today: date) -> tuple[date, date]:
    """From the first day of last month to today: every period that is running, and what ended overdue in this
    month or the last."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1), today


def shown_status(obligation: Obligation, today: date) -> str:
    """The status as the pages name it: `blocked` is shown instead of owed, `soon` are the last seven days."""
    if obligation.status is Status.OWED:
        if obligation.blocked is not None:
            return "blocked"
        return "soon" if obligation.days_left(today) <= SOON_DAYS else "owed"
    return obligation.status.value


def is_listed(obligation: Obligation, left_on: date | None, today: date) -> bool:
    """Running periods, and overdue ones of elders who are still there."""
    if obligation.status is Status.OVERDUE:
        return left_on is None or left_on > today
    return obligation.period_from <= today <= obligation.period_to


# What `facts_of` reads of an elder; rows instead of models, because a county has tens of thousands.
FACT_COLUMNS = (
    Elder.id,
    Elder.area_id,
    Elder.household_id,
    Elder.birth_date,
    Elder.ability_level,
    Elder.economic_status,
    Elder.health,
    Elder.is_self_caring,
    Elder.in_hardship,
    Elder.upheaval_until,
    Elder.cares_for_impaired_child,
    Elder.enrolled_on,
    Elder.left_on,
)


_contact = aliased(Worker)
# What a row of the list shows of an elder beside that; for statements through `join_home_and_contact`.
ELDER_COLUMNS = (
    *FACT_COLUMNS,
    Elder.name,
    Elder.sex,
    Elder.visit_minutes,
    Household.address,
    Household.neighbourhood,
    _contact.name.label("contact_name"),
)


def main_contact() -> ColumnElement[bool]:
    """Joins an elder's main contact, of whom there is at most one; with the helpers the elder would come twice."""
    return and_(
        ServiceContact.elder_id == Elder.id,
        ServiceContact.until.is_(None),
        ServiceContact.part == ContactPart.MAIN,
    )


def join_home_and_contact(statement: Select[Any]) -> Select[Any]:
    """`statement` of elders with home and service contact joined, for ELDER_COLUMNS."""
    return (
        statement.join(Household, Household.id == Elder.household_id)
        .outerjoin(ServiceContact, main_contact())
        .outerjoin(_contact, _contact.id == ServiceContact.worker_id)
    )


def elder_rows(where: ColumnElement[bool], today: date) -> Sequence[Any]:
    """Rows with ELDER_COLUMNS of the elders who may have something on the list; one query."""
    start, _end = window(today)
    statement = join_home_and_contact(select(*ELDER_COLUMNS).select_from(Elder))
    return db.session.execute(
        statement.where(where, or_(Elder.left_on.is_(None), Elder.left_on > start)).order_by(Elder.id)
    ).all()


def live_items(elders: Sequence[Any], books: Mapping[int, Rulebook], today: date) -> list[DueItem]:
    """What is listed of these elders (rows with ELDER_COLUMNS), by the engine and by everything known now."""
    start, end = window(today)
    items = []
    found = situations(elders, books, start, end, today)
    for elder in elders:
        facts, obligations = found[elder.id]
        items += [
            DueItem(elder, facts, one, shown_status(one, today))
            for one in obligations
            if is_listed(one, elder.left_on, today)
        ]
    return items


def due_list(
    paths: Sequence[str],
    today: date,
    *,
    area_id: int | None = None,
    where: ColumnElement[bool] | None = None,
) -> DueList:
    """Everything due on `today` in the areas with these paths (a path is a subtree), computed elder by elder.

    `area_id` narrows to one area of the scope (another one narrows nothing), `where` to some elders. A fixed
    number of queries; for more than some thousand elders take `ready.py`.
    """
    areas = areas_of(paths)
    scope = {one: row for one, row in areas.items() if any(row.path.startswith(path) for path in paths)}
    path = scope[area_id].path if area_id in scope else ""
    wanted = [one for one, row in scope.items() if row.path.startswith(path)]
    condition = Elder.area_id == one_of(wanted)
    if where is not None:
        condition = and_(condition, where)
    elders = elder_rows(condition, today)
    books = rulebooks({elder.area_id for elder in elders}, areas, window(today)[0])
    return DueList(
        today=today,
        items=live_items(elders, books, today),
        areas=scope,
        packs=packs_of(books.values(), today),
        upcoming=upcoming(books.values(), today),
    )


def packs_of(books: Iterable[Rulebook], today: date) -> list[Pack]:
    """The packs in force somewhere in the window of the list, newest first, without repeats."""
    start, _end = window(today)
    found: dict[str, Pack] = {}
    for book in {id(book): book for book in books}.values():
        for one in reversed(book.versions):
            if one.first_day <= today and one.last_day >= start:
                found[one.pack.digest] = one.pack
    return list(found.values())


def upcoming(books: Iterable[Rulebook], today: date, look_ahead: int = 14) -> list[Event]:
    """Events that begin within `look_ahead` days; what they will oblige to is not owed yet."""
    horizon = today + timedelta(days=look_ahead)
    events = {
        event: None
        for book in {id(book): book for book in books}.values()
        for event in book.events
        if today < event.start <= horizon
    }
    return list(events)


# --- narrowing and ordering ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueFilter:
    """What a reader asked for; empty values do not narrow. `mode` is "home" (only visits at home count) or
    "remote" (a call counts too)."""

    tier: str = ""
    mode: str = ""
    category: str = ""
    text: str = ""

    @property
    def given(self) -> bool:
        """Whether anything narrows."""
        return bool(self.tier or self.mode or self.category or self.text)

    def keeps(self, item: DueItem, today: date) -> bool:
        if self.tier and (item.obligation.tier or "-") != self.tier:
            return False
        if self.mode and (self.mode == "home") != item.home_only:
            return False
        if self.category and not has_category(item.facts, Category(self.category), today):
            return False
        return not self.text or any(
            self.text in (words or "")
            for words in (item.elder.name, item.elder.address, item.elder.contact_name)
        )


def name_key(name: str) -> bytes:
    """Common characters stand in the order of their pinyin in GB 2312 (level 1), which GB 18030 keeps."""
    return name.encode("gb18030", errors="replace")


def order_items(
    items: list[DueItem],
    areas: dict[int, AreaRow],
    sort: str = "",
    descending: bool = False,
    last: dict[int, LastContact] | None = None,
) -> list[DueItem]:
    """The items in the asked order. Without one: overdue first, the longest overdue at the top, then blocked,
    then by days left; within the same day the higher tier, then community, then name."""
    order = {area_id: rank for rank, area_id in enumerate(sorted(areas))}

    def urgency(item: DueItem) -> tuple[Any, ...]:
        return (_RANK[item.status], item.obligation.period_to, item.obligation.period_from)

    def rest(item: DueItem) -> tuple[Any, ...]:
        return (
            item.obligation.tier != "key" and item.obligation.tier != "A",
            order.get(item.elder.area_id, 0),
            name_key(item.elder.name),
            item.elder.id,
            item.obligation.rule,
        )

    never = date.min
    keys: dict[str, Callable[[DueItem], tuple[Any, ...]]] = {
        "status": urgency,
        "name": lambda item: (name_key(item.elder.name),),
        "tier": lambda item: (item.obligation.tier or "",),
        "place": lambda item: (order.get(item.elder.area_id, 0), name_key(item.elder.address)),
        "period": lambda item: (item.obligation.period_to, item.obligation.period_from),
        "last": lambda item: ((last or {}).get(item.elder.id, LastContact(0, never, "", "")).on,),
    }
    ordered = sorted(items, key=lambda item: (*urgency(item), *rest(item)))
    if sort in keys and (sort != "status" or descending):
        ordered.sort(key=keys[sort], reverse=descending)
    return ordered


def last_contacts(elder_ids: Iterable[int]) -> dict[int, LastContact]:
    """The latest contact of each elder, whether it counted or not; one query."""
    ids = list(elder_ids)
    if not ids:
        return {}
    rows = db.session.execute(
        select(Visit.id, Visit.elder_id, Visit.contact_on, Visit.contact_mode, Visit.contact_outcome)
        .where(Visit.elder_id.in_(ids), Visit.contact_on.is_not(None))
        .ext(distinct_on(Visit.elder_id))
        .order_by(Visit.elder_id, Visit.contact_on.desc(), Visit.id.desc())
    )
    return {
        row.elder_id: LastContact(row.id, row.contact_on, row.contact_mode.value, row.contact_outcome.value)
        for row in rows
    }


def verdict_of(obligation: Obligation, last: LastContact | None) -> str | None:
    """Why the last contact did not count towards this obligation; None when it did, or lies outside it."""
    if last is None:
        return None
    why = next((one.why for one in obligation.contacts if one.index == last.visit_id), None)
    return why.value if why else None


def describe(facts: ElderFacts, pack: Pack, today: date) -> list[str]:
    """What makes an elder one in special difficulty, in few words: 独居、高龄, 重度失能, 重残二级."""
    names = {entry.id: entry.name for entry in pack.categories}
    compiled = pack.compiled
    words = []
    for category in Category:
        if not has_category(facts, category, today):
            continue
        if category is Category.IMPAIRED:
            words.append(compiled.ability_names[facts.ability_level])
        elif category is Category.SEVERELY_DISABLED and facts.disability is not None:
            words.append("重残一级" if facts.disability.grade == 1 else "重残二级")
        elif category is Category.SPECIAL_FAMILY:
            words.append("计生特殊家庭")
        else:
            words.append(names.get(category, ""))
    if age_on(facts.birth_date, today) >= compiled.high_age:
        words.append("高龄")
    return [word for word in words if word]
