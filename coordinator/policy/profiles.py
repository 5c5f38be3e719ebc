"""What an elder owes before any contact is looked at, prepared once for all elders whom the pack cannot tell
apart: those whose facts fall on the same side of every test the pack makes on every day of the span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from .compiled import CompiledPack, Rule, Source, TierDecision
from .facts import (
    BlockReason,
    ElderFacts,
    HomeConsent,
    Mode,
    ServiceConsent,
    Status,
    WaiverReason,
    birthday,
)
from .periods import SHORT_KINDS, Period

_ONLY_HOME = (Mode.HOME,)
_MOST_KEPT = 100_000  # obligations prepared, some 50 MB; over a long span nearly every elder differs

Extract = Callable[[ElderFacts], object]
Unmet = tuple[Status, WaiverReason | None, BlockReason | None]


class Slot(NamedTuple):
    """A rule in one period; `event` names the festival or weather event whose days the period is."""

    rule: Rule
    period: Period
    event: str | None


class Prepared(NamedTuple):
    """An obligation without elder and contacts.

    `head` and `tail` are an Obligation's fields before `counted` and after `contacts`; `unmet` its status,
    reason and block while too few contacts count. `slot` is the position in the order of output.
    """

    slot: int
    start: date
    end: date
    modes: tuple[Mode, ...]
    required: int
    waived: bool
    head: tuple[str, str | None, date, date, tuple[Mode, ...], int]
    unmet: Unmet
    tail: tuple[Source, str, tuple[str, ...], str, tuple[str, ...], str | None, str | None]


class Profiles:
    """The preparations of one calculation, by the part of the facts that matters in its span."""

    def __init__(
        self,
        pack: CompiledPack,
        slots: Sequence[Slot],
        epidemics: Sequence[tuple[date, date]],
        as_of: date,
    ) -> None:
        self._pack = pack
        self._slots = slots
        self._epidemics = epidemics
        self._as_of = as_of
        self._first = min((slot.period.start for slot in slots), default=date.max)
        self._last = max((slot.period.end for slot in slots), default=date.min)
        spare = timedelta(days=pack.min_enrolment_days)
        # Who was enrolled by then was enrolled long enough in every period.
        self._settled = self._first - spare if self._first - date.min > spare else date.min
        self._extracts = tuple(self._extractors())
        self._made: dict[tuple[object, ...], list[Prepared]] = {}
        self._kept = 0

    def of(self, facts: ElderFacts, enrolled: date | None, left: date | None) -> list[Prepared]:
        """The obligations of an elder with these facts, active from `enrolled` to the day before `left`."""
        if enrolled is not None and enrolled <= self._settled:
            enrolled = None
        if left is not None and left > self._last:
            left = None
        key = (enrolled, left, *[extract(facts) for extract in self._extracts])
        found = self._made.get(key)
        if found is None:
            if self._kept >= _MOST_KEPT:
                self._made.clear()
                self._kept = 0
            found = self._made[key] = list(self._prepare(facts, enrolled, left))
            self._kept += len(found)
        return found

    # -- which facts can be told apart --------------------------------------------------------------------

    def _extractors(self) -> Iterator[Extract]:
        """Functions of the facts; two elders with the same values owe the same in this span."""
        used = self._pack.atoms
        yield lambda facts: facts.consent.service
        if self._pack.home_consent_required:
            yield lambda facts: facts.consent.home == HomeConsent.GRANTED
        if used.categories:
            yield lambda facts: facts.categories & used.categories
        if used.ability or "ability" in used.shown:
            yield lambda facts: facts.ability_level
        if "age" in used.shown:
            yield lambda facts: facts.birth_date
        if used.ages:
            yield self._reached(used.ages)
        if used.grades or "grade" in used.shown:
            yield self._certificate
        if used.economic_status:
            yield lambda facts: facts.economic_status
        if used.health:
            yield lambda facts: facts.health
        if used.self_caring:
            yield lambda facts: facts.self_caring
        if used.hardship:
            yield lambda facts: facts.hardship
        if used.upheaval:
            yield lambda facts: self._until(facts.upheaval_until)
        if used.carer:
            yield lambda facts: facts.cares_for_impaired_child
        if used.couple_ages:
            yield self._couple(used.couple_ages)

    def _until(self, day: date | None) -> date | None:
        """The last day of something that holds up to then, cut to the span (None: over before it)."""
        if day is None or day < self._first:
            return None
        return min(day, self._last)

    def _since(self, day: date) -> date | None:
        """The first day of something that holds from then on, cut to the span (None: not within it)."""
        if day > self._last:
            return None
        return max(day, self._first)

    def _reached(self, ages: Sequence[int]) -> Extract:
        if len(ages) == 1:
            (age,) = ages
            return lambda facts: self._since(birthday(facts.birth_date, age))
        return lambda facts: tuple(self._since(birthday(facts.birth_date, age)) for age in ages)

    def _certificate(self, facts: ElderFacts) -> tuple[int, date | None] | None:
        certificate = facts.disability
        return None if certificate is None else (certificate.grade, self._until(certificate.valid_to))

    def _couple(self, ages: Sequence[int]) -> Extract:
        def extract(facts: ElderFacts) -> tuple[object, ...] | None:
            other = facts.lives_with_elder
            if other is None:
                return None
            impaired = other.ability_level >= 1 or other.disabled or other.dementia
            return impaired, *(self._since(birthday(other.birth_date, age)) for age in ages)

        return extract

    # -- what is owed -------------------------------------------------------------------------------------

    def _prepare(self, facts: ElderFacts, enrolled: date | None, left: date | None) -> Iterator[Prepared]:
        pack = self._pack
        first, gone = enrolled or date.min, left or date.max
        tiers: dict[date, TierDecision | None] = {}
        for position, (rule, period, event) in enumerate(self._slots):
            decided_on = max(period.start, first)
            if decided_on > period.end or decided_on >= gone:
                continue  # never active in this period
            if decided_on not in tiers:
                tiers[decided_on] = pack.tier_of(facts, decided_on)
            tier = tiers[decided_on]
            if rule.tier is not None and (tier is None or tier.id != rule.tier):
                continue
            if rule.test is not None and not rule.test(facts, decided_on):
                continue
            modes = pack.modes_for(rule, facts, decided_on)
            reason = self._waiver(facts, rule, period, enrolled, left)
            yield Prepared(
                slot=position,
                start=period.start,
                end=period.end,
                modes=modes,
                required=rule.count,
                waived=reason is not None,
                head=(rule.id, tier.id if tier else None, period.start, period.end, modes, rule.count),
                unmet=self._unmet(facts, reason, modes, period, decided_on),
                tail=self._words(facts, rule, tier, event, decided_on),
            )

    def _waiver(
        self, facts: ElderFacts, rule: Rule, period: Period, enrolled: date | None, left: date | None
    ) -> WaiverReason | None:
        if facts.consent.service == ServiceConsent.REFUSED:
            return WaiverReason.SERVICE_REFUSED
        if (
            rule.kind in SHORT_KINDS
            and enrolled is not None
            and (period.end - enrolled).days < self._pack.min_enrolment_days
        ):
            return WaiverReason.NOT_YET_ENROLLED_LONG_ENOUGH
        if left is not None and left <= period.end:
            return WaiverReason.LEFT_BEFORE_PERIOD_END
        return None

    def _unmet(
        self,
        facts: ElderFacts,
        reason: WaiverReason | None,
        modes: tuple[Mode, ...],
        period: Period,
        decided_on: date,
    ) -> Unmet:
        if reason is not None:
            return Status.WAIVED, reason, None
        if self._as_of > period.end:
            return Status.OVERDUE, None, None
        return Status.OWED, None, self._block(facts, modes, period, decided_on)

    def _block(
        self, facts: ElderFacts, modes: tuple[Mode, ...], period: Period, decided_on: date
    ) -> BlockReason | None:
        if modes != _ONLY_HOME:
            return None
        if facts.consent.service == ServiceConsent.REMOTE_ONLY:
            return BlockReason.REMOTE_ONLY
        if self._pack.home_consent_required and facts.consent.home != HomeConsent.GRANTED:
            return BlockReason.HOME_CONSENT_MISSING
        # The rest of the period: the days from which a visit could still be made.
        rest = max(self._as_of, decided_on)
        if any(start <= rest and period.end <= end for start, end in self._epidemics):
            return BlockReason.EPIDEMIC
        return None

    def _words(
        self, facts: ElderFacts, rule: Rule, tier: TierDecision | None, event: str | None, on: date
    ) -> tuple[Source, str, tuple[str, ...], str, tuple[str, ...], str | None, str | None]:
        pack = self._pack
        mark, notes, why = rule.mark, rule.notes, ""
        if rule.why is not None:
            why = pack.fill(rule.why, facts, on, event=event or "")
        elif tier is not None:
            why = tier.why
            mark = (*(words for words in tier.mark if words in rule.source.quote), *rule.mark)
            notes = (*rule.notes, *tier.notes)
        label = pack.fill(rule.label, facts, on, event=event or "")
        return rule.source, label, mark, why, notes, tier.name if tier else None, event
