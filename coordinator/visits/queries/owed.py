"""What is owed: the rows of the site given to the policy engine. The list, the dossier, the planner and the
figures all come through `obligations_for`, so that two pages never disagree about 逾期.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import ARRAY, BigInteger, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from coordinator.elders.models import Elder
from coordinator.elders.queries import facts_of
from coordinator.extensions import db
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
    load_pack,
)
from coordinator.policy.periods import periods_between
from coordinator.visits.models import SurgeEvent, Visit

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


class Rulebook(NamedTuple):
    """What holds in one community: its rule pack and the events there."""

    pack: Pack
    events: tuple[Event, ...]


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
        return load_pack(name)
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
        select(Visit.id, Visit.elder_id, Visit.contact_on, Visit.contact_mode, Visit.contact_outcome)
        .where(
            # One array instead of a list of parameters: a county has tens of thousands of elders.
            Visit.elder_id == func.any(bindparam("elders", list(elder_ids), type_=ARRAY(BigInteger))),
            Visit.contact_on.between(start, end),
        )
        .order_by(Visit.elder_id, Visit.contact_on, Visit.id)
    )
    for visit_id, elder_id, on, mode, outcome in rows:
        found[elder_id].append(
            Contact(str(elder_id), on, _MODES[mode.value], _OUTCOMES[outcome.value], visit_id)
        )
    return found


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


def situations(
    elders: Sequence[Any], books: Mapping[int, Rulebook], start: date, end: date, as_of: date
) -> dict[int, Situation]:
    """As `obligations_for`, with the facts, in the order of `elders` (models or rows with the same columns)."""
    if not elders:
        return {}
    facts = facts_of(elders, on=as_of)
    first, last = _whole_periods(books.values(), start, end)
    contacts = contacts_of([elder.id for elder in elders], first, last)
    calculations = _calculations(books, start, end, as_of)
    return {
        elder.id: Situation(
            facts[elder.id],
            calculations[elder.area_id].for_elder(facts[elder.id], contacts.get(elder.id, ())),
        )
        for elder in elders
    }


def _calculations(
    books: Mapping[int, Rulebook], start: date, end: date, as_of: date
) -> dict[int, Calculation]:
    """One calculation for all communities with the same rules and events."""
    made: dict[tuple[str, tuple[Event, ...]], Calculation] = {}
    found = {}
    for area_id, (pack, events) in books.items():
        key = (pack.digest, events)
        if key not in made:
            made[key] = Calculation(pack, events, start, end, as_of)
        found[area_id] = made[key]
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


def rulebooks(area_ids: Collection[int], areas: Mapping[int, AreaRow], start: date) -> dict[int, Rulebook]:
    """Pack and events since `start` of each of these areas; `areas` holds them and all above. One query.

    Raises Conflict when no pack is set for one of them or it cannot be read.
    """
    events: dict[int, list[Event]] = defaultdict(list)
    rows = db.session.execute(
        select(
            SurgeEvent.area_id, SurgeEvent.kind, SurgeEvent.name, SurgeEvent.first_day, SurgeEvent.last_day
        )
        # Later ones too: an epidemic that adjoins decides whether the rest of a period is blocked.
        .where(SurgeEvent.area_id.in_(list(areas)), SurgeEvent.last_day >= start)
        .order_by(SurgeEvent.first_day, SurgeEvent.id)
    )
    for area_id, kind, name, first_day, last_day in rows:
        events[area_id].append(Event(EventKind(kind.value), name, first_day, last_day))
    found = {}
    for area_id in area_ids:
        line = [int(part) for part in areas[area_id].path.split(".") if part]
        name = next((areas[one].policy_pack for one in reversed(line) if areas[one].policy_pack), None)
        here = tuple(event for one in line for event in events.get(one, ()))
        found[area_id] = Rulebook(read_pack(name), here)
    return found


def _whole_periods(books: Iterable[Rulebook], start: date, end: date) -> tuple[date, date]:
    """The first and last day of all periods that overlap [start, end]: contacts of whole periods count."""
    days = [start, end]
    for pack, events in {(id(book.pack), book.events): book for book in books}.values():
        compiled = pack.compiled
        for kind in {rule.kind for rule in compiled.rules if rule.kind is not None}:
            periods: Sequence[tuple[date, date]] = periods_between(
                kind, start, end, compiled.half_month_last_day
            )
            days += [periods[0][0], periods[-1][1]] if periods else []
        for event in events:
            if event.start <= end and event.end >= start:
                days += [event.start, event.end]
    return min(days), max(days)
