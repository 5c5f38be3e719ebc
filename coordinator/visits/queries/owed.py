"""What is owed: the rows of the site given to the policy engine. The list, the dossier, the planner and the
figures all come through `obligations_for`, so that two pages never disagree about 逾期.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import ARRAY, BigInteger, String, and_, any_, func, literal, or_, select, type_coerce
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder
from coordinator.elders.queries import earlier_facts_of, facts_of
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area, AreaLevel, inherited
from coordinator.kernel.errors import Conflict
from coordinator.policy import (
    Calculation,
    Contact,
    ElderFacts,
    Event,
    EventKind,
    Mode,
    Obligation,
    Outcome,
    Pack,
    PolicyError,
    available_packs,
    current_pack,
    load_pack,
)
from coordinator.policy.periods import periods_between
from coordinator.visits.models import PolicyVersion, SurgeEvent, Visit
from coordinator.visits.queries.packs import InForce, packs_in_force

_MODES = {mode.value: mode for mode in Mode}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


class Situation(NamedTuple):
    """An elder's obligations with the facts they were computed from."""

    facts: ElderFacts
    obligations: list[Obligation]


class AreaRow(NamedTuple):
    """An area without the weight of a model."""

    id: int
    path: str
    name: str
    level: AreaLevel
    policy_pack: str | None


class Rulebook:
    """What holds in one community: the versions of its rule pack with the days they govern, and the events there.

    Shared by all communities with the same; equal books are one object within a call of `rulebooks`.
    """

    __slots__ = ("events", "key", "versions")

    def __init__(self, versions: Sequence[InForce], events: tuple[Event, ...]) -> None:
        self.versions = tuple(versions)
        self.events = events
        # Names the rule texts and their days whatever the span, so that stored results know what they come from.
        days = (f"{one.first_day}:{one.last_day}:{one.pack.digest}" for one in self.versions)
        self.key = hashlib.sha256("|".join(days).encode()).hexdigest()

    def pack_on(self, day: date) -> Pack:
        """The pack in force on a day; where none is, the one that is in force next, or was last."""
        return next((one.pack for one in self.versions if day <= one.last_day), self.versions[-1].pack)

    @property
    def pack(self) -> Pack:
        """The pack in force today."""
        return self.pack_on(clock.today())


def pack_of(area: Area) -> Pack:
    """The rule pack in force in the area: its own or that of the nearest area above that has one.

    Raises Conflict when no pack is set or the one set cannot be read.
    """
    return read_pack(inherited(area, "policy_pack"))


def read_pack(name: str | None) -> Pack:
    """The pack with this name; Conflict with a text for people when there is none or it cannot be read."""
    if name is None:
        raise Conflict(_("这个地区还没有设定按哪份文件执行。"), _("请联系管理员设定规则。"), code="no_pack")
    try:
        return current_pack(name)
    except PolicyError as problem:
        raise Conflict(
            _("规则读不出来，暂时不能计算应访。"), _("请联系管理员检查规则。"), code="bad_pack"
        ) from problem


def contacts_of(elder_ids: Collection[int], start: date, end: date) -> dict[int, list[Contact]]:
    """The contacts of these elders on days in [start, end], in date order; one query.

    `Contact.index` is the visit's id.
    """
    found: dict[int, list[Contact]] = defaultdict(list)
    if not elder_ids:
        return found
    rows = db.session.execute(
        select(
            Visit.id,
            Visit.elder_id,
            Visit.contact_on,
            # As text: there are hundreds of thousands of them.
            type_coerce(Visit.contact_mode, String),
            type_coerce(Visit.contact_outcome, String),
        )
        .where(Visit.elder_id == one_of(elder_ids), Visit.contact_on.between(start, end))
        .order_by(Visit.elder_id, Visit.contact_on, Visit.id)
    )
    for visit_id, elder_id, on, mode, outcome in rows:
        found[elder_id].append(Contact(str(elder_id), on, _MODES[mode], _OUTCOMES[outcome], visit_id))
    return found


def one_of(ids: Collection[int]) -> Any:
    """ANY of an array: one parameter instead of one for each, because a county has tens of thousands."""
    return any_(literal(list(ids), ARRAY(BigInteger)))


def obligations_for(
    elders: Iterable[Elder], area: Area | None, start: date, end: date, as_of: date
) -> dict[int, list[Obligation]]:
    """What each elder owes in the periods that overlap [start, end], as known on `as_of`; by elder id.

    The definition used everywhere. `area` holds all of the elders (None: found from the elders). The number
    of queries does not grow with the number of elders.
    """
    elders = list(elders)
    if not elders:
        return {}
    area_ids = {elder.area_id for elder in elders}
    areas = areas_of([area.path]) if area is not None else areas_above(area_ids)
    found = situations(elders, rulebooks(area_ids, areas, start), start, end, as_of)
    return {elder_id: situation.obligations for elder_id, situation in found.items()}


class Calculations:
    """The calculations of one span, made when first asked for and shared by all communities with the same rules
    and events. Keep one for many calls of `situations`."""

    def __init__(self, start: date, end: date, as_of: date) -> None:
        self.start, self.end, self.as_of = start, end, as_of
        self._made: dict[tuple[str, tuple[Event, ...]], list[Calculation]] = {}

    def of(self, book: Rulebook) -> list[Calculation]:
        """One calculation for each version in force in the span."""
        found = self._made.get((book.key, book.events))
        if found is None:
            found = self._made[book.key, book.events] = [
                Calculation(
                    one.pack,
                    book.events,
                    self.start,
                    self.end,
                    self.as_of,
                    in_force=(one.first_day, one.last_day),
                )
                for one in book.versions
                if one.first_day <= self.end
            ]
        return found


def situations(
    elders: Sequence[Any],
    books: Mapping[int, Rulebook],
    start: date,
    end: date,
    as_of: date,
    calculations: Calculations | None = None,
) -> dict[int, Situation]:
    """As `obligations_for`, with the facts, in the order of `elders` (models or rows with the same columns).

    `calculations` of the same span may be kept from call to call.
    """
    if not elders:
        return {}
    calculations = calculations or Calculations(start, end, as_of)
    facts = facts_of(elders, on=as_of)
    first, last = _whole_periods(books.values(), start, end)
    ids = [elder.id for elder in elders]
    contacts, earlier = contacts_of(ids, first, last), earlier_facts_of(ids, first)
    found = {}
    for elder in elders:
        own, before = contacts.get(elder.id, ()), earlier.get(elder.id, ())
        made = calculations.of(books[elder.area_id])
        owed = [one for each in made for one in each.for_elder(facts[elder.id], own, before)]
        if len(made) > 1:
            owed.sort(key=lambda one: (one.period_from, one.rule, one.period_to, one.event or ""))
        found[elder.id] = Situation(facts[elder.id], owed)
    return found


_AREA = (Area.id, Area.path, Area.name, Area.level, Area.policy_pack)


def areas_of(paths: Sequence[str]) -> dict[int, AreaRow]:
    """The areas at, below and above these paths, by id; one query."""
    above = {int(part) for path in paths for part in path.split(".") if part}
    where = or_(Area.id.in_(above), *(Area.path.startswith(path) for path in paths))
    return {row.id: AreaRow(*row) for row in db.session.execute(select(*_AREA).where(where))}


def areas_above(area_ids: Collection[int]) -> dict[int, AreaRow]:
    """These areas and those above them, by id; one query."""
    lower = aliased(Area)
    inside = select(lower.id).where(lower.id.in_(area_ids), lower.path.startswith(Area.path)).exists()
    return {row.id: AreaRow(*row) for row in db.session.execute(select(*_AREA).where(inside))}


def rulebooks(
    area_ids: Collection[int], areas: Mapping[int, AreaRow], start: date, *, strict: bool = True
) -> dict[int, Rulebook]:
    """Versions of the pack, and events since `start`, of each of these areas; `areas` holds them and all above.
    One query, and one or two for each pack of which a version was stored since it was last asked for.

    Raises Conflict when no pack is set for one of them or it cannot be read; not `strict` leaves that one out.
    """
    events: dict[int, list[Event]] = defaultdict(list)
    newest = (
        select(func.concat(PolicyVersion.id, PolicyVersion.sha256))
        .order_by(PolicyVersion.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            newest,
            SurgeEvent.area_id,
            SurgeEvent.kind,
            SurgeEvent.name,
            SurgeEvent.first_day,
            SurgeEvent.last_day,
        )
        .select_from(select(literal(1).label("one")).subquery())
        .outerjoin(
            SurgeEvent,
            # Later ones too: an epidemic that adjoins decides whether the rest of a period is blocked.
            and_(SurgeEvent.area_id == one_of(areas), SurgeEvent.last_day >= start),
        )
        .order_by(SurgeEvent.first_day, SurgeEvent.id)
    ).all()
    for _newest, area_id, kind, name, first_day, last_day in rows:
        if area_id is not None:
            events[area_id].append(Event(EventKind(kind.value), name, first_day, last_day))
    found: dict[int, Rulebook] = {}
    made: dict[tuple[str | None, tuple[Event, ...]], Rulebook] = {}
    for area_id in area_ids:
        line = [int(part) for part in areas[area_id].path.split(".") if part]
        pack = next((areas[one].policy_pack for one in reversed(line) if areas[one].policy_pack), None)
        key = (pack, tuple(event for one in line for event in events.get(one, ())))
        if key not in made:
            try:
                made[key] = Rulebook(_versions_of(pack, rows[0][0]), key[1])
            except Conflict:
                if strict:
                    raise
                continue
        found[area_id] = made[key]
    return found


# By name: the newest stored version when asked, the digest of the file that comes with the system, the answer.
_versions: dict[str, tuple[str, str, list[InForce]]] = {}


def _versions_of(name: str | None, newest: str | None) -> list[InForce]:
    """All versions of a pack with their days. Stored versions never change, so the answer holds until a version
    is added; a file that comes with the system is stored when it is new."""
    if name is None:
        read_pack(None)
    assert name is not None
    shipped = load_pack(name).digest if name in available_packs() else ""
    known = _versions.get(name)
    if known is not None and known[:2] == (newest, shipped):
        return known[2]
    found = packs_in_force(name, date.min, date.max)
    if newest is not None:
        _versions[name] = (newest, shipped, found)
    return found


def _whole_periods(books: Iterable[Rulebook], start: date, end: date) -> tuple[date, date]:
    """The first and last day of all periods that overlap [start, end]: contacts of whole periods count."""
    days = [start, end]
    for book in {id(book): book for book in books}.values():
        for pack in {one.pack.digest: one.pack for one in book.versions}.values():
            compiled = pack.compiled
            for kind in {rule.kind for rule in compiled.rules if rule.kind is not None}:
                periods: Sequence[tuple[date, date]] = periods_between(
                    kind, start, end, compiled.half_month_last_day
                )
                days += [periods[0][0], periods[-1][1]] if periods else []
        for event in book.events:
            if event.start <= end and event.end >= start:
                days += [event.start, event.end]
    return min(days), max(days)
