"""月探访率: the two figures by which a month is judged, for a whole tree of areas in one pass (docs/rate.md)."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select

from coordinator.elders.models import Elder
from coordinator.elders.queries.facts import earlier_facts_of
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area, AreaLevel
from coordinator.policy import (
    Category,
    ElderFacts,
    Obligation,
    Outcome,
    ServiceConsent,
    Status,
    has_category,
)
from coordinator.visits.queries.due_list import FACT_COLUMNS
from coordinator.visits.queries.owed import (
    AreaRow,
    Calculations,
    Rulebook,
    areas_of,
    contacts_of,
    rulebooks,
    situations,
)

CHUNK = 5000


class Group(StrEnum):
    """Where an elder stands in a month. The first four are the denominator: by whether there was a contact, and
    whether all obligations were met. The others are told beside it."""

    BOTH = "both"
    CONTACTED = "contacted"
    MET = "met"
    NEITHER = "neither"
    REFUSED = "refused"
    NEW = "new"
    LEFT = "left"


COUNTED = frozenset({Group.BOTH, Group.CONTACTED, Group.MET, Group.NEITHER})
WITH_CONTACT = frozenset({Group.BOTH, Group.CONTACTED})
ALL_MET = frozenset({Group.BOTH, Group.MET})


@dataclass(slots=True)
class Part:
    """Elders of one category, tier or rule: how many there are, how many had a contact, for how many all (or this
    rule's) obligations were met."""

    elders: int = 0
    contacted: int = 0
    met: int = 0

    def add(self, other: Part) -> None:
        self.elders += other.elders
        self.contacted += other.contacted
        self.met += other.met

    def as_list(self) -> list[int]:
        return [self.elders, self.contacted, self.met]


@dataclass(slots=True)
class Figures:
    """A month of one area with all below it, in elders.

    `people` holds the ids of the area's own elders by group, not of those below: what a frozen month is compared
    with later. `rules` are keyed by rule and event, `labels` say them in words.
    """

    groups: dict[Group, int] = field(default_factory=lambda: dict.fromkeys(Group, 0))
    categories: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    tiers: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    rules: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    labels: dict[str, str] = field(default_factory=dict)
    packs: dict[str, str] = field(default_factory=dict)
    people: dict[Group, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def elders(self) -> int:
        """The denominator."""
        return sum(self.groups[group] for group in COUNTED)

    @property
    def contacted(self) -> int:
        """With at least one completed contact in the month, of any mode."""
        return sum(self.groups[group] for group in WITH_CONTACT)

    @property
    def all_met(self) -> int:
        """Without an unmet obligation whose period ends in the month."""
        return sum(self.groups[group] for group in ALL_MET)

    def add(self, other: Figures) -> None:
        """Add an area below this one; its people stay its own."""
        for group, count in other.groups.items():
            self.groups[group] += count
        for mine, others in (
            (self.categories, other.categories),
            (self.tiers, other.tiers),
            (self.rules, other.rules),
        ):
            for key, part in others.items():
                mine[key].add(part)
        self.labels |= other.labels
        self.packs |= other.packs

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they are kept with a snapshot."""
        return {
            "groups": {group.value: count for group, count in self.groups.items()},
            "categories": {key: part.as_list() for key, part in sorted(self.categories.items())},
            "tiers": {key: part.as_list() for key, part in sorted(self.tiers.items())},
            "rules": {key: part.as_list() for key, part in sorted(self.rules.items())},
            "labels": self.labels,
            "packs": self.packs,
            "people": {group.value: ids for group, ids in self.people.items() if ids},
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Figures:
        """What `as_json` wrote; parts that were not kept are empty."""
        found = cls()
        for group, count in stored.get("groups", {}).items():
            found.groups[Group(group)] = count
        for name in ("categories", "tiers", "rules"):
            getattr(found, name).update({key: Part(*values) for key, values in stored.get(name, {}).items()})
        found.labels, found.packs = dict(stored.get("labels", {})), dict(stored.get("packs", {}))
        for group, ids in stored.get("people", {}).items():
            found.people[Group(group)] = list(ids)
        return found


class Span(NamedTuple):
    """A calendar month and the day as of which it is counted."""

    first: date
    last: date
    as_of: date

    @property
    def running(self) -> bool:
        return self.as_of < self.last


def span_of(month: date, as_of: date | None = None) -> Span:
    """The calendar month that holds `month`, counted as of today, at most its last day."""
    first = month.replace(day=1)
    last = month.replace(day=monthrange(month.year, month.month)[1])
    return Span(first, last, min(as_of or clock.today(), last))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Figures of an area and month, in elders.

    `elders` (the denominator): registered in the area on `as_of`, long enough to be judged, and not refusing the
    service. `contacted`: with at least one completed contact in the month, of any mode. `all_met`: with no unmet
    obligation whose period ends in the month. `refused` are reported beside it, never inside (江门: 书面工作记录).
    `running`: the month is not over, so `all_met` may still grow.
    """

    area_id: int
    month: date
    as_of: date
    elders: int
    contacted: int
    all_met: int
    refused: int
    running: bool


def monthly_coverage(area: Area, month: date, as_of: date | None = None) -> Coverage:
    """The figures of the calendar month that holds `month`, as known on `as_of` (today, at most the month's
    last day). Elders who left before `as_of` are in no figure. A fixed number of queries per 5,000 elders.
    """
    span = span_of(month, as_of)
    found = count_tree(area.path, span).get(area.id, Figures())
    return Coverage(
        area_id=area.id,
        month=span.first,
        as_of=span.as_of,
        elders=found.elders,
        contacted=found.contacted,
        all_met=found.all_met,
        refused=found.groups[Group.REFUSED],
        running=span.running,
    )


def count_tree(path: str, span: Span) -> dict[int, Figures]:
    """The figures of the area with this path and of every area below it (grids only where elders live in them), by
    id, in one pass over the elders: 5,000 at a time, so that memory does not grow with a county.

    Raises Conflict when elders live where no rules are set.
    """
    areas = areas_of([path])
    inside = {one: row for one, row in areas.items() if row.path.startswith(path)}
    found: dict[int, Figures] = {
        one: Figures() for one, row in inside.items() if row.level is not AreaLevel.GRID
    }
    calculations = Calculations(span.first, span.last, span.as_of)
    for chunk in _chunks(inside, span):
        books = rulebooks({elder.area_id for elder in chunk}, areas, span.first)
        for elder, standing in _judge(chunk, books, span, calculations):
            own = found.setdefault(elder.area_id, Figures())
            _count(own, elder.id, standing)
            own.packs[standing.pack] = standing.pack_version
    for one in sorted(inside.values(), key=lambda row: -row.path.count(".")):
        above = _above(one, inside)
        if above is not None and one.id in found:
            found[above].add(found[one.id])
    return found


def _above(row: AreaRow, inside: dict[int, AreaRow]) -> int | None:
    line = [int(part) for part in row.path.split(".") if part]
    return next((one for one in reversed(line[:-1]) if one in inside), None)


def _chunks(inside: Iterable[int], span: Span) -> Iterator[Sequence[Any]]:
    """The elders who were registered at some time in the month, by id."""
    area_ids = sorted(inside)
    last_id = 0
    while True:
        rows = db.session.execute(
            select(*FACT_COLUMNS)
            .where(
                Elder.id > last_id,
                Elder.area_id.in_(area_ids),
                and_(
                    Elder.enrolled_on <= span.as_of,
                    or_(Elder.left_on.is_(None), Elder.left_on > span.first),
                ),
            )
            .order_by(Elder.id)
            .limit(CHUNK)
        ).all()
        if rows:
            yield rows
        if len(rows) < CHUNK:
            return
        last_id = rows[-1].id


class _Standing(NamedTuple):
    """One elder's month."""

    group: Group
    categories: list[str]
    tier: str
    ended: list[Obligation]
    pack: str
    pack_version: str


def _judge(
    elders: Sequence[Any], books: dict[int, Rulebook], span: Span, calculations: Calculations
) -> Iterator[tuple[Any, _Standing]]:
    ids = [elder.id for elder in elders]
    contacts = contacts_of(ids, span.first, span.as_of)
    earlier = earlier_facts_of(ids, span.as_of)
    for elder, situation in zip(
        elders,
        situations(elders, books, span.first, span.last, span.as_of, calculations).values(),
        strict=True,
    ):
        pack = books[elder.area_id].pack_on(span.first)
        # What was known when the month ended: a later change of the dossier reaches no month that was over.
        facts = next(
            (one.facts for one in earlier.get(elder.id, ()) if one.until >= span.as_of), situation.facts
        )
        ended = [
            one
            for one in situation.obligations
            if span.first <= one.period_to <= span.last and one.status is not Status.WAIVED
        ]
        reached = any(one.outcome is Outcome.COMPLETED for one in contacts.get(elder.id, ()))
        yield (
            elder,
            _Standing(
                group=_group(elder, facts, pack.compiled.min_enrolment_days, span, reached, ended),
                categories=[one.value for one in Category if has_category(facts, one, span.first)],
                tier=next((one.tier_name for one in situation.obligations if one.tier_name), ""),
                ended=ended,
                pack=pack.id,
                pack_version=pack.version,
            ),
        )


def _group(
    elder: Any, facts: ElderFacts, min_days: int, span: Span, reached: bool, ended: Sequence[Obligation]
) -> Group:
    if elder.left_on is not None and elder.left_on <= span.as_of:
        return Group.LEFT
    if facts.consent.service is ServiceConsent.REFUSED:
        return Group.REFUSED
    if (span.last - elder.enrolled_on) < timedelta(days=min_days):
        return Group.NEW
    met = all(one.status is Status.MET for one in ended)
    if reached:
        return Group.BOTH if met else Group.CONTACTED
    return Group.MET if met else Group.NEITHER


def _count(figures: Figures, elder_id: int, standing: _Standing) -> None:
    group = standing.group
    figures.groups[group] += 1
    figures.people[group].append(elder_id)
    if group not in COUNTED:
        return
    own = Part(1, int(group in WITH_CONTACT), int(group in ALL_MET))
    for category in standing.categories:
        figures.categories[category].add(own)
    figures.tiers[standing.tier].add(own)
    of_rule: dict[str, bool] = {}
    for one in standing.ended:
        key = f"{one.rule}|{one.event}" if one.event else one.rule
        of_rule[key] = of_rule.get(key, True) and one.status is Status.MET
        figures.labels[key] = "，".join(
            part for part in (one.tier_name, one.rule_label) if part and not one.event
        ) or (one.rule_label)
    for key, met in of_rule.items():
        figures.rules[key].add(Part(1, own.contacted, int(met)))
