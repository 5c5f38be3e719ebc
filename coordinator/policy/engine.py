"""What is owed: the one place that decides it, for the site and for `tanfang policy due` alike."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter, itemgetter
from typing import NamedTuple

from .compiled import Source, TierDecision
from .facts import (
    BlockReason,
    Contact,
    ElderFacts,
    Event,
    EventKind,
    Mode,
    NotCounted,
    Outcome,
    Status,
    WaiverReason,
)
from .periods import Period, periods_between
from .profiles import Prepared, Profiles, Slot
from .schema import Pack

_MAKE = tuple.__new__  # an Obligation from its fields in order, without the cost of naming them
_MET = (Status.MET, None, None)


class ContactVerdict(NamedTuple):
    """A contact inside a period, and whether it was counted; `why` None means it was."""

    index: int  # type: ignore[assignment]  # the contact's, not the tuple's method
    date: date
    mode: Mode
    outcome: Outcome
    counted: bool
    why: NotCounted | None


class Obligation(NamedTuple):
    """One obligation of one elder in one period.

    The fields up to `source` are the output of `tanfang policy due`; the others serve the pages: the rule in
    few words, the quotation's deciding words, why this elder has it, the interpretations it rests on, the
    tier's Chinese name and the name of the festival or weather event.
    """

    elder_id: str
    rule: str
    tier: str | None
    period_from: date
    period_to: date
    modes: tuple[Mode, ...]
    required: int
    counted: int
    status: Status
    reason: WaiverReason | None
    blocked: BlockReason | None
    contacts: tuple[ContactVerdict, ...]
    source: Source
    rule_label: str
    mark: tuple[str, ...]
    why: str
    notes: tuple[str, ...]
    tier_name: str | None
    event: str | None

    def days_overdue(self, as_of: date) -> int:
        """Days since the period's end when overdue, else 0."""
        return max(0, (as_of - self.period_to).days) if self.status is Status.OVERDUE else 0

    def days_left(self, as_of: date) -> int:
        """Days until the period's last day (0 on that day and after it)."""
        return max(0, (self.period_to - as_of).days)

    def as_dict(self) -> dict[str, object]:
        """The object printed by `tanfang policy due`: plain values, dates as ISO text."""
        return {
            "elder_id": self.elder_id,
            "rule": self.rule,
            "tier": self.tier,
            "period_from": self.period_from.isoformat(),
            "period_to": self.period_to.isoformat(),
            "modes": [str(mode) for mode in self.modes],
            "required": self.required,
            "counted": self.counted,
            "status": str(self.status),
            "reason": self.reason and str(self.reason),
            "blocked": self.blocked and str(self.blocked),
            "contacts": [
                {"index": verdict.index, "counted": verdict.counted, "why": verdict.why and str(verdict.why)}
                for verdict in self.contacts
            ],
            "source": {"document": self.source.document, "quote": self.source.quote},
        }


@dataclass(frozen=True, slots=True)
class EarlierFacts:
    """What was known of an elder when the periods that ended up to and including `until` came to their end."""

    until: date
    facts: ElderFacts


class Calculation:
    """The obligations of many elders over one span: what does not depend on the elder is prepared once.

    `in_force` (first and last day, both included) keeps only the periods and events that begin within it: a
    period is judged by the version in force on its first day, so a change of version inside the span is one
    calculation for each.

    Elders who differ only in what the pack cannot tell apart share a preparation (`Profiles`).
    """

    def __init__(
        self,
        pack: Pack,
        events: Iterable[Event],
        start: date,
        end: date,
        as_of: date,
        *,
        in_force: tuple[date, date] | None = None,
    ) -> None:
        compiled = pack.compiled
        self._as_of = as_of
        self._per_day = compiled.counted_per_day
        events = list(events)
        slots: list[Slot] = []
        for rule in compiled.rules:
            if rule.kind is None:
                continue
            for period in periods_between(rule.kind, start, end, compiled.half_month_last_day):
                if rule.valid_from is None or period.end >= rule.valid_from:
                    slots.append(Slot(rule, period, None))
        for rule in compiled.surge:
            for event in events:
                if rule.event == event.kind and event.start <= end and event.end >= start:
                    slots.append(Slot(rule, Period(event.start, event.end), event.name))
        if in_force is not None:
            slots = [slot for slot in slots if in_force[0] <= slot.period.start <= in_force[1]]
        slots.sort(key=lambda slot: (slot.period.start, slot.rule.id, slot.period.end, slot.event or ""))
        epidemics = _merged(event for event in events if event.kind == EventKind.EPIDEMIC)
        self._profiles = Profiles(compiled, slots, epidemics, as_of)

    def for_elder(
        self, elder: ElderFacts, contacts: Sequence[Contact] = (), earlier: Sequence[EarlierFacts] = ()
    ) -> list[Obligation]:
        """This elder's obligations, sorted by period start, then rule.

        Contacts of other elders are passed over. A contact without an index gets its position in `contacts`.
        `earlier`, sorted by `until`: a period whose last day is not after an entry's `until` is judged with
        the facts of the first such entry, so that a change of facts reaches running periods at once and never
        those that had ended. The days of enrolment and leaving are always `elder`'s.
        """
        prepared = self._profiles.of(elder, elder.enrolled_on, elder.left_on)
        if earlier:
            prepared = self._with_earlier(elder, prepared, earlier)
        elder_id = elder.id
        own = [
            (contact.date, position if contact.index is None else contact.index, contact)
            for position, contact in enumerate(contacts)
            if contact.elder_id == elder_id
        ]
        if not own:
            return [
                _MAKE(Obligation, (elder_id, *one.head, 0, *one.unmet, (), *one.tail)) for one in prepared
            ]
        own.sort(key=itemgetter(0, 1))
        days = [entry[0] for entry in own]
        found = []
        for one in prepared:
            low, high = bisect_left(days, one.start), bisect_right(days, one.end)
            verdicts = self._judge(elder, one.modes, own[low:high]) if low < high else ()
            counted = sum([verdict.counted for verdict in verdicts]) if verdicts else 0
            outcome = _MET if counted >= one.required and not one.waived else one.unmet
            found.append(_MAKE(Obligation, (elder_id, *one.head, counted, *outcome, verdicts, *one.tail)))
        return found

    def _with_earlier(
        self, elder: ElderFacts, now: Sequence[Prepared], earlier: Sequence[EarlierFacts]
    ) -> list[Prepared]:
        """The preparations of each period by the facts that it is judged with."""
        chosen: list[Prepared] = []
        ended = date.min
        for entry in earlier:
            then = self._profiles.of(entry.facts, elder.enrolled_on, elder.left_on)
            chosen += [one for one in then if ended < one.end <= entry.until]
            ended = max(ended, entry.until)
        chosen += [one for one in now if one.end > ended]
        chosen.sort(key=attrgetter("slot"))
        return chosen

    def _judge(
        self, elder: ElderFacts, modes: tuple[Mode, ...], inside: list[tuple[date, int, Contact]]
    ) -> tuple[ContactVerdict, ...]:
        verdicts = []
        as_of, per_day = self._as_of, self._per_day
        first, left = elder.enrolled_on or date.min, elder.left_on or date.max
        on_day: dict[date, int] = {}
        for day, index, contact in inside:
            mode, outcome = contact.mode, contact.outcome
            why: NotCounted | None = None
            if mode not in modes:
                why = NotCounted.MODE_NOT_COUNTED
            elif outcome != Outcome.COMPLETED:
                why = NotCounted.NOT_COMPLETED
            elif on_day.get(day, 0) >= per_day:
                why = NotCounted.SAME_DAY
            elif day > as_of:
                why = NotCounted.AFTER_AS_OF
            elif day < first or day >= left:
                why = NotCounted.NOT_ACTIVE
            else:
                on_day[day] = on_day.get(day, 0) + 1
            verdicts.append(ContactVerdict(index, day, mode, outcome, why is None, why))
        return tuple(verdicts)


def _merged(events: Iterable[Event]) -> list[tuple[date, date]]:
    """Spans of the events in order, with overlapping and adjoining ones joined."""
    spans: list[tuple[date, date]] = []
    for event in sorted(events, key=attrgetter("start")):
        if spans and (event.start - spans[-1][1]).days <= 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], event.end))
        else:
            spans.append((event.start, event.end))
    return spans


def obligations(
    pack: Pack,
    elder: ElderFacts,
    contacts: Sequence[Contact],
    events: Sequence[Event],
    start: date,
    end: date,
    as_of: date,
) -> list[Obligation]:
    """All obligations of one elder whose period overlaps [start, end], as known on `as_of`.

    Periods are whole: contacts of the whole period count, also outside [start, end]. For many elders make one
    `Calculation` and ask it for each.
    """
    return Calculation(pack, events, start, end, as_of).for_elder(elder, contacts)


def tier(pack: Pack, facts: ElderFacts, on: date) -> TierDecision | None:
    """The elder's tier on a day, with its name and why; None where the document has none."""
    return pack.compiled.tier_of(facts, on)
