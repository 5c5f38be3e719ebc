"""A pack made ready for computing: conditions as functions, rules sorted by what selects them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from .facts import ElderFacts, EventKind, Mode, age_on
from .periods import PeriodKind
from .predicates import Atoms, Condition, Reasons, Test, atoms_of, compile_reasons, compile_test
from .schema import HALF_MONTH_LAST_DAY, HIGH_AGE, Pack

ALL_MODES: tuple[Mode, ...] = tuple(sorted(Mode))

# Printed grades of the disability certificate.
_GRADES = {1: "一级", 2: "二级", 3: "三级", 4: "四级"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule stands: the document's title and its words."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class TierDecision:
    """The tier of an elder on a day, why (a Chinese sentence), the document's words that
    decide it, and the interpretations it rests on."""

    id: str
    name: str
    why: str
    mark: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """An obligation or surge duty of a pack. `id` is prefixed with the pack's; `modes` sorted."""

    id: str
    tier: str | None
    test: Test | None
    count: int
    kind: PeriodKind | None  # None: the period is the event's own days
    event: EventKind | None
    modes: tuple[Mode, ...]
    label: str
    why: str | None
    valid_from: date | None
    source: Source
    mark: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompiledTier:
    id: str
    name: str
    why: str
    test: Test
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class CompiledPack:
    high_age: int
    half_month_last_day: int
    min_enrolment_days: int
    counted_per_day: int
    home_consent_required: bool
    ability_names: tuple[str, ...]
    setting_texts: dict[str, str]
    tiers: tuple[CompiledTier, ...]
    rules: tuple[Rule, ...]
    surge: tuple[Rule, ...]
    mode_limits: tuple[tuple[Test, frozenset[Mode]], ...]
    atoms: Atoms

    def fill(self, text: str, facts: ElderFacts, on: date, **more: str) -> str:
        """Insert the values of this elder into a text of the pack."""
        if "{" not in text:
            return text
        grade = facts.disability.grade if facts.disability else 0
        return text.format(
            age=age_on(facts.birth_date, on),
            high_age=self.high_age,
            ability=self.ability_names[facts.ability_level],
            grade=_GRADES.get(grade, ""),
            **{"reasons": "", "event": "", **more},
        )

    def tier_of(self, facts: ElderFacts, on: date) -> TierDecision | None:
        """The first tier whose condition holds on that day; None where the document has none."""
        for tier in self.tiers:
            if tier.test(facts, on):
                reasons = tier.reasons(facts, on)
                words = "；".join(self.fill(reason.why, facts, on) for reason in reasons)
                mark = tuple(reason.mark for reason in reasons if reason.mark is not None)
                notes = tuple(
                    self.setting_texts[reason.note] for reason in reasons if reason.note is not None
                )
                why = self.fill(tier.why, facts, on, reasons=words)
                return TierDecision(tier.id, tier.name, why, mark, notes)
        return None

    def modes_for(self, rule: Rule, facts: ElderFacts, on: date) -> tuple[Mode, ...]:
        """The modes that count towards the rule for this elder on that day, sorted."""
        for test, modes in self.mode_limits:
            if test(facts, on):
                return tuple(mode for mode in rule.modes if mode in modes)
        return rule.modes


def compile_pack(pack: Pack) -> CompiledPack:
    """Compile the pack; `Pack.compiled` keeps the result."""
    settings = pack.settings
    high_age = settings.high_age.value if settings.high_age else HIGH_AGE
    half_month = settings.half_month_last_day.value if settings.half_month_last_day else HALF_MONTH_LAST_DAY
    extra = settings.surge_extra_contacts.value if settings.surge_extra_contacts else 0

    def test_of(condition: Condition | None) -> Test | None:
        return None if condition is None else compile_test(condition, high_age)

    def modes_of(modes: Literal["any"] | tuple[Mode, ...]) -> tuple[Mode, ...]:
        return ALL_MODES if modes == "any" else tuple(sorted(set(modes)))

    title = pack.document.title
    rules = tuple(
        Rule(
            id=f"{pack.id}.{entry.id}",
            tier=entry.tier,
            test=test_of(entry.when),
            count=entry.count,
            kind=entry.period,
            event=None,
            modes=modes_of(entry.modes),
            label=entry.label,
            why=entry.why,
            valid_from=entry.valid_from,
            source=Source(title, entry.quote),
            mark=entry.mark,
            notes=tuple(settings.text_of(key) for key in entry.notes),
        )
        for entry in pack.obligations
    )
    surge = tuple(
        Rule(
            id=f"{pack.id}.{entry.id}",
            tier=None,
            test=None,
            count=extra if entry.count is None else entry.count,
            kind=None,
            event=entry.event,
            modes=modes_of(entry.modes),
            label=entry.label,
            why=entry.why,
            valid_from=None,
            source=Source(title, entry.quote),
            mark=entry.mark,
            notes=tuple(settings.text_of(key) for key in entry.notes),
        )
        for entry in pack.surge
        if entry.count is not None or extra
    )
    return CompiledPack(
        high_age=high_age,
        half_month_last_day=half_month,
        min_enrolment_days=settings.min_enrolment_days.value,
        counted_per_day=settings.counted_per_day.value,
        home_consent_required=pack.consent.home_required,
        ability_names=tuple(level.name for level in pack.ability_levels),
        setting_texts={key: settings.text_of(key) for key in settings.model_fields_set},
        tiers=tuple(
            CompiledTier(
                tier.id,
                tier.name,
                tier.why,
                compile_test(tier.when, high_age),
                compile_reasons(tier.when, high_age),
            )
            for tier in pack.tiers
        ),
        rules=rules,
        surge=surge,
        mode_limits=tuple(
            (compile_test(limit.when, high_age), frozenset(limit.modes)) for limit in pack.mode_limits
        ),
        atoms=atoms_of(pack.conditions(), high_age, (text for _, text in pack.texts())),
    )
