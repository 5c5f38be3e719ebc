"""What is owed: the one place that decides it, for the site and for `tanfang policy due` alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter, itemgetter

from .compiled import Rule, Source, TierDecision
from .facts import (
    BlockReason,
    Contact,
    ElderFacts,
    Event,
    EventKind,
    HomeConsent,
    Mode,
    NotCounted,
    Outcome,
    ServiceConsent,
    Status,
    WaiverReason,
)
from .periods import SHORT_KINDS, Period, periods_between
from .schema import Pack

_ONLY_HOME = (Mode.HOME,)


@dataclass(frozen=True, slots=True)
class ContactVerdict:
    """A contact inside a period, and whether it was counted; `why` None means it was."""

    index: int
    date: date
    mode: Mode
    outcome: Outcome
    counted: bool
    why: NotCounted | None


@dataclass(frozen=True, slots=True)
class Obligation:
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


class Calculation:
    """The obligations of many elders over one span: what does not depend on the elder is prepared once."""

    def __init__(self, pack: Pack, events: Iterable[Event], start: date, end: date, as_of: date) -> None:
        self._pack = compiled = pack.compiled
        self._as_of = as_of
        events = list(events)
        self._periods: list[tuple[Rule, Period, str | None]] = []
        for rule in compiled.rules:
            if rule.kind is None:
                continue
            for period in periods_between(rule.kind, start, end, compiled.half_month_last_day):
                if rule.valid_from is None or period.end >= rule.valid_from:
                    self._periods.append((rule, period, None))
        for rule in compiled.surge:
            for event in events:
                if rule.event == event.kind and event.start <= end and event.end >= start:
                    self._periods.append((rule, Period(event.start, event.end), event.name))
        self._periods.sort(key=lambda item: (item[1].start, item[0].id, item[1].end, item[2] or ""))
        self._epidemics = _merged(event for event in events if event.kind == EventKind.EPIDEMIC)

    def for_elder(self, elder: ElderFacts, contacts: Sequence[Contact] = ()) -> list[Obligation]:
        """This elder's obligations, sorted by period start, then rule.

        Contacts of other elders are passed over. A contact without an index gets its position in `contacts`.
        """
        first = elder.enrolled_on or date.min
        left = elder.left_on or date.max
        own = [
            (contact.date, position if contact.index is None else contact.index, contact)
            for position, contact in enumerate(contacts)
            if contact.elder_id == elder.id
        ]
        own.sort(key=itemgetter(0, 1))
        tiers: dict[date, TierDecision | None] = {}
        found = []
        for rule, period, event in self._periods:
            decided_on = max(period.start, first)
            if decided_on > period.end or decided_on >= left:
                continue  # never active in this period
            if decided_on in tiers:
                tier = tiers[decided_on]
            else:
                tier = tiers[decided_on] = self._pack.tier_of(elder, decided_on)
            if rule.tier is not None and (tier is None or tier.id != rule.tier):
                continue
            if rule.test is not None and not rule.test(elder, decided_on):
                continue
            found.append(self._obligation(elder, rule, period, event, tier, decided_on, own))
        return found

    def _obligation(
        self,
        elder: ElderFacts,
        rule: Rule,
        period: Period,
        event: str | None,
        tier: TierDecision | None,
        decided_on: date,
        own: list[tuple[date, int, Contact]],
    ) -> Obligation:
        pack = self._pack
        modes = pack.modes_for(rule, elder, decided_on)
        verdicts = self._judge(
            elder, modes, [entry for entry in own if period.start <= entry[0] <= period.end]
        )
        counted = sum(verdict.counted for verdict in verdicts)
        status, reason, blocked = Status.WAIVED, self._waiver(elder, rule, period), None
        if reason is None:
            if counted >= rule.count:
                status = Status.MET
            elif self._as_of > period.end:
                status = Status.OVERDUE
            else:
                status, blocked = Status.OWED, self._block(elder, modes, period, decided_on)
        mark, notes, why = rule.mark, rule.notes, ""
        if rule.why is not None:
            why = pack.fill(rule.why, elder, decided_on, event=event or "")
        elif tier is not None:
            why = tier.why
            mark = (*(words for words in tier.mark if words in rule.source.quote), *rule.mark)
            notes = (*rule.notes, *tier.notes)
        return Obligation(
            elder_id=elder.id,
            rule=rule.id,
            tier=tier.id if tier else None,
            period_from=period.start,
            period_to=period.end,
            modes=modes,
            required=rule.count,
            counted=counted,
            status=status,
            reason=reason,
            blocked=blocked,
            contacts=verdicts,
            source=rule.source,
            rule_label=pack.fill(rule.label, elder, decided_on, event=event or ""),
            mark=mark,
            why=why,
            notes=notes,
            tier_name=tier.name if tier else None,
            event=event,
        )

    def _waiver(self, elder: ElderFacts, rule: Rule, period: Period) -> WaiverReason | None:
        if elder.consent.service == ServiceConsent.REFUSED:
            return WaiverReason.SERVICE_REFUSED
        if (
            rule.kind in SHORT_KINDS
            and elder.enrolled_on is not None
            and (period.end - elder.enrolled_on).days < self._pack.min_enrolment_days
        ):
            return WaiverReason.NOT_YET_ENROLLED_LONG_ENOUGH
        if elder.left_on is not None and elder.left_on <= period.end:
            return WaiverReason.LEFT_BEFORE_PERIOD_END
        return None

    def _block(
        self, elder: ElderFacts, modes: tuple[Mode, ...], period: Period, decided_on: date
    ) -> BlockReason | None:
        if modes != _ONLY_HOME:
            return None
        if elder.consent.service == ServiceConsent.REMOTE_ONLY:
            return BlockReason.REMOTE_ONLY
        if self._pack.home_consent_required and elder.consent.home != HomeConsent.GRANTED:
            return BlockReason.HOME_CONSENT_MISSING
        # The rest of the period: the days from which a visit could still be made.
        rest = max(self._as_of, decided_on)
        if any(start <= rest and period.end <= end for start, end in self._epidemics):
            return BlockReason.EPIDEMIC
        return None

    def _judge(
        self, elder: ElderFacts, modes: tuple[Mode, ...], inside: list[tuple[date, int, Contact]]
    ) -> tuple[ContactVerdict, ...]:
        verdicts = []
        on_day: dict[date, int] = {}
        for day, index, contact in inside:
            why: NotCounted | None = None
            if contact.mode not in modes:
                why = NotCounted.MODE_NOT_COUNTED
            elif contact.outcome != Outcome.COMPLETED:
                why = NotCounted.NOT_COMPLETED
            elif on_day.get(day, 0) >= self._pack.counted_per_day:
                why = NotCounted.SAME_DAY
            elif day > self._as_of:
                why = NotCounted.AFTER_AS_OF
            elif (elder.enrolled_on and day < elder.enrolled_on) or (elder.left_on and day >= elder.left_on):
                why = NotCounted.NOT_ACTIVE
            else:
                on_day[day] = on_day.get(day, 0) + 1
            verdicts.append(ContactVerdict(index, day, contact.mode, contact.outcome, why is None, why))
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
