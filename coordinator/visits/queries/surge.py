"""Who is to be rung because of an event, in which order, and how far the list has come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from coordinator.elders.models import Consent, ConsentKind, ConsentState, Elder, Household
from coordinator.elders.queries import facts_of
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Permission, in_areas
from coordinator.kernel.areas import Area
from coordinator.policy import Category, Obligation, Outcome, Status, has_category
from coordinator.visits.lifecycle import ContactMode, ContactOutcome
from coordinator.visits.models import CallResult, CallTarget, SurgeCall, SurgeEvent, Visit
from coordinator.visits.queries.due_list import FACT_COLUMNS
from coordinator.visits.queries.owed import AreaRow, contacts_of, obligations_for

# Above this a list is no list for one person: the page offers the areas below instead.
MOST_LISTED = 3000
KEY_TIERS = frozenset({"key", "A"})
TABS = ("todo", "elder", "family", "no_answer", "done", "all")


class LastCall(NamedTuple):
    """The latest tick that holds."""

    result: CallResult
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """One elder of the list. `met_on` and `met_by` are a contact that reached the elder inside the event's days,
    however it came about; `owed` says that the list (or the month) still asks for one.
    """

    elder: Any
    is_key: bool
    alone: bool
    owed: Obligation | None
    calls: dict[CallTarget, LastCall]
    met_on: date | None
    met_by: ContactMode | None

    @property
    def elder_done(self) -> bool:
        return self.met_on is not None or self._reached(CallTarget.ELDER)

    @property
    def family_done(self) -> bool:
        return self._reached(CallTarget.FAMILY)

    @property
    def no_answer(self) -> bool:
        """Rung without success: somebody is still to be reached, and the last try failed."""
        return any(
            target in self.calls and self.calls[target].result is CallResult.NO_ANSWER and not done
            for target, done in ((CallTarget.ELDER, self.elder_done), (CallTarget.FAMILY, self.family_done))
        )

    def _reached(self, target: CallTarget) -> bool:
        return target in self.calls and self.calls[target].result is CallResult.REACHED

    def is_in(self, tab: str) -> bool:
        """Whether the row stands under this tab."""
        return {
            "todo": not (self.elder_done and self.family_done),
            "elder": not self.elder_done,
            "family": not self.family_done,
            "no_answer": self.no_answer,
            "done": self.elder_done and self.family_done,
        }.get(tab, True)


def on_the_list(event: SurgeEvent, today: date) -> ColumnElement[bool]:
    """Elders who are registered in the event's days (those to come included) and do not refuse the service."""
    there = max(event.first_day, min(today, event.last_day))
    refused = exists().where(
        Consent.elder_id == Elder.id,
        Consent.kind == ConsentKind.SERVICE,
        Consent.state == ConsentState.REFUSED,
        Consent.superseded_at.is_(None),
    )
    return and_(
        Elder.enrolled_on <= max(event.last_day, event.first_day),
        or_(Elder.left_on.is_(None), Elder.left_on > there),
        ~refused,
    )


def inside(path: str) -> ColumnElement[bool]:
    """Elders of the area with this path."""
    return Elder.area_id.in_(select(Area.id).where(Area.path.startswith(path)))


def call_rows(event: SurgeEvent, path: str, actor: Actor, today: date) -> list[CallRow]:
    """The whole list below `path`, in the order in which to ring: those to whom a contact is owed, the higher tier,
    those who live alone, then community and name; who did not answer comes after who was not rung yet. A fixed
    number of queries; no encrypted field leaves the database.
    """
    rows: Sequence[Any] = db.session.execute(
        select(*FACT_COLUMNS, Elder.name, Elder.sex, Household.address)
        .join(Household, Household.id == Elder.household_id)
        .where(
            inside(path),
            in_areas(actor, Permission.DUE_READ, Elder.area_id),
            on_the_list(event, today),
        )
        .order_by(Elder.id)
    ).all()
    facts = facts_of(rows, on=today)
    owed = obligations_for(rows, None, event.first_day, event.last_day, today)
    ids = [row.id for row in rows]
    met = _met_in(ids, event)
    calls = calls_of(event, ids)
    found = []
    for row in rows:
        own = owed.get(row.id, [])
        tier = next((one.tier for one in own if one.tier), None)
        met_on, met_by = met.get(row.id, (None, None))
        found.append(
            CallRow(
                elder=row,
                is_key=tier in KEY_TIERS,
                alone=any(
                    has_category(facts[row.id], one, today)
                    for one in (Category.LIVING_ALONE, Category.KINLESS)
                ),
                owed=_what_is_owed(event, own),
                calls=calls.get(row.id, {}),
                met_on=met_on,
                met_by=met_by,
            )
        )
    found.sort(key=_urgency)
    return found


def _urgency(row: CallRow) -> tuple[Any, ...]:
    # Who was just reached from this list keeps the place while the family is still to be rung.
    return (
        row.no_answer,
        row.owed is None and CallTarget.ELDER not in row.calls,
        not row.is_key,
        not row.alone,
        row.elder.area_id,
        row.elder.name.encode("gb18030", errors="replace"),
        row.elder.id,
    )


def _what_is_owed(event: SurgeEvent, own: Iterable[Obligation]) -> Obligation | None:
    """The event's own duty, where the document sets one, until it is met; else what is open and ends first."""
    duty = [
        one
        for one in own
        if one.event == event.name and (one.period_from, one.period_to) == (event.first_day, event.last_day)
    ]
    unmet = [one for one in duty or own if one.status in (Status.OWED, Status.OVERDUE)]
    return min(unmet, key=lambda one: (one.period_to, one.rule), default=None)


def _met_in(ids: list[int], event: SurgeEvent) -> dict[int, tuple[date, ContactMode]]:
    """The first contact that reached each elder inside the event's days."""
    found = {}
    for elder_id, contacts in contacts_of(ids, event.first_day, event.last_day).items():
        reached = next((one for one in contacts if one.outcome is Outcome.COMPLETED), None)
        if reached is not None:
            found[elder_id] = (reached.date, ContactMode(reached.mode.value))
    return found


def calls_of(event: SurgeEvent, elder_ids: Collection[int]) -> dict[int, dict[CallTarget, LastCall]]:
    """The latest tick that holds, by elder and who was rung; one query."""
    found: dict[int, dict[CallTarget, LastCall]] = defaultdict(dict)
    wanted = set(elder_ids)
    rows = db.session.execute(
        select(
            SurgeCall.elder_id, SurgeCall.target, SurgeCall.result, SurgeCall.called_at, SurgeCall.caller_name
        )
        .where(SurgeCall.event_id == event.id, SurgeCall.withdrawn_at.is_(None))
        .order_by(SurgeCall.called_at, SurgeCall.id)
    )
    for elder_id, target, result, at, by in rows:
        if elder_id in wanted:
            found[elder_id][target] = LastCall(result, at, by)
    return found


def tab_counts(rows: Iterable[CallRow]) -> Counter[str]:
    """How many rows stand under each tab; `all` is the whole list."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(tab for tab in TABS if row.is_in(tab))
    return counts


class Progress(NamedTuple):
    """How far a part of the list has come, in elders."""

    area: AreaRow
    elders: int
    elders_done: int
    families_done: int


def progress_below(event: SurgeEvent, parts: Sequence[AreaRow], actor: Actor, today: date) -> list[Progress]:
    """The figures of each of these areas, counted in the database: lists of a county are never made whole."""
    home, part = aliased(Area), aliased(Area)
    reached = exists().where(
        SurgeCall.event_id == event.id,
        SurgeCall.elder_id == Elder.id,
        SurgeCall.result == CallResult.REACHED,
        SurgeCall.withdrawn_at.is_(None),
    )
    met = exists().where(
        Visit.elder_id == Elder.id,
        Visit.contact_outcome == ContactOutcome.COMPLETED,
        Visit.contact_on.between(event.first_day, event.last_day),
    )
    rows = db.session.execute(
        select(
            part.id,
            func.count(Elder.id),
            func.count().filter(or_(met, reached.where(SurgeCall.target == CallTarget.ELDER))),
            func.count().filter(reached.where(SurgeCall.target == CallTarget.FAMILY)),
        )
        .select_from(Elder)
        .join(home, home.id == Elder.area_id)
        .join(part, home.path.startswith(part.path))
        .where(
            part.id.in_([one.id for one in parts]),
            in_areas(actor, Permission.DUE_READ, Elder.area_id),
            on_the_list(event, today),
        )
        .group_by(part.id)
    )
    figures = {row[0]: row[1:] for row in rows}
    return [Progress(one, *figures.get(one.id, (0, 0, 0))) for one in parts]


def count_on_list(event: SurgeEvent, path: str, actor: Actor, today: date) -> int:
    """How many elders the list below `path` has."""
    return (
        db.session.scalar(
            select(func.count(Elder.id)).where(
                inside(path), in_areas(actor, Permission.DUE_READ, Elder.area_id), on_the_list(event, today)
            )
        )
        or 0
    )


def with_numbers(actor: Actor, permission: Permission, elder_ids: Collection[int]) -> dict[int, Elder]:
    """The elders with telephone, family and emergency contacts; only those that are shown."""
    rows = db.session.scalars(
        select(Elder)
        .where(Elder.id.in_(list(elder_ids)), in_areas(actor, permission, Elder.area_id))
        .options(
            joinedload(Elder.household),
            joinedload(Elder.area),
            joinedload(Elder.first_contact),
            selectinload(Elder.emergency_contacts),
        )
    ).unique()
    return {elder.id: elder for elder in rows}


class FamilyContact(NamedTuple):
    """Somebody to ring for an elder."""

    name: str
    relation: str
    phone: str | None


def family_of(elder: Elder) -> list[FamilyContact]:
    """Whom to ring for an elder, first one first: the first visiting contact, then the emergency contacts.

    The same person under both headings stands once; somebody without a number comes last.
    """
    people = []
    if elder.first_contact is not None:
        one = elder.first_contact
        people.append(FamilyContact(one.name, one.relation, one.phone))
    people += [FamilyContact(one.name, one.relation, one.phone) for one in elder.emergency_contacts]
    by_name: dict[str, FamilyContact] = {}
    for person in people:
        if person.name not in by_name or not by_name[person.name].phone:
            by_name[person.name] = person
    return sorted(by_name.values(), key=lambda person: person.phone is None)
