"""The form of a rule pack (TOML). A pack says how much; the code says how.

Every statement taken from the document carries its verbatim quotation (`quote`, white space removed) and,
where a page underlines something, the deciding words (`mark`). What the document leaves open is a setting
with its explanation, labelled as an interpretation.
"""

from __future__ import annotations

import string
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeVar

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from .facts import Category, EventKind, Mode
from .periods import PeriodKind
from .predicates import Condition, Strict

if TYPE_CHECKING:
    from .compiled import CompiledPack

T = TypeVar("T")

INTERPRETATION = "文件没有写明，这是本街道的设定。"

Text = Annotated[StrictStr, Field(min_length=1)]
PackName = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Identifier = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$")]
Count = Annotated[StrictInt, Field(ge=1, le=31)]

# Used where a pack has neither rule nor setting that needs them.
HIGH_AGE = 80
HALF_MONTH_LAST_DAY = 15

# What the texts of a pack may insert, besides the settings.
PLACEHOLDERS = frozenset({"age", "high_age", "ability", "grade", "reasons", "event"})


class Quoted(Strict):
    """Something the document says, in its own words."""

    quote: Text
    mark: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _verbatim(self) -> Quoted:
        _check_words(self.quote, self.mark)
        return self


def _check_words(quote: str, mark: tuple[str, ...]) -> None:
    if any(character.isspace() for character in quote):
        raise ValueError("quote must be written without white space")
    for words in mark:
        if words not in quote:
            raise ValueError(f"mark 「{words}」 does not occur in the quote")


class Document(Strict):
    """The document a pack is drawn from. `quote_parent` is where it names the one it carries out.

    `quoted_from` says what the quotations are taken from where it is not the document itself; `ends_before`
    are the words with which something else begins in the text at hand: nothing from there on is the document.
    """

    title: Text
    short_title: Text
    issuer: Text
    issued_on: date | None = None
    number: Text | None = None
    quoted_from: Text | None = None
    ends_before: Text | None = None
    parent_title: Text | None = None
    parent_number: Text | None = None
    quote_parent: Text | None = None


class Setting(Strict, Generic[T]):
    """An interpretation: a value, what it means in Chinese, and the label under which a page shows it."""

    value: T
    text: Text
    label: Text = INTERPRETATION


class Settings(Strict):
    """What the documents leave open. What a pack needs is written out in it, so that nothing is decided unseen.

    `spacing_days_*` are wishes for planning and never decide whether an obligation is met.
    `surge_extra_contacts` is for documents that only say 「适当增加」: 0 owes nothing and leaves it advice, more
    are owed in each event that a `surge` entry without `count` names.
    """

    time_zone: Setting[Literal["Asia/Shanghai"]]
    half_month_last_day: Setting[Annotated[StrictInt, Field(ge=14, le=16)]] | None = None
    calendar_periods: Setting[Literal[True]]
    decided_on_first_day: Setting[Literal[True]]
    high_age: Setting[Annotated[StrictInt, Field(ge=60, le=120)]] | None = None
    total_loss_counts_as_severe: Setting[Literal[True]] | None = None
    enrolled_is_in_scope: Setting[Literal[True]]
    min_enrolment_days: Setting[Annotated[StrictInt, Field(ge=0, le=31)]]
    counted_per_day: Setting[Annotated[StrictInt, Field(ge=1, le=10)]]
    only_completed_counts: Setting[Literal[True]]
    one_contact_several_obligations: Setting[Literal[True]]
    refusal_waives: Setting[Literal[True]]
    unknown_consent_owes: Setting[Literal[True]]
    left_behind_months: Setting[Annotated[StrictInt, Field(ge=1, le=60)]]
    surge_one_contact_any_mode: Setting[Literal[True]] | None = None
    remote_contact_suits: Setting[Literal[True]] | None = None
    couple_and_carer: Setting[Literal[True]] | None = None
    home_consent_from_parent: Setting[Literal[True]] | None = None
    monthly_from_target_day: Setting[Literal[True]] | None = None
    spacing_days_half_month: Setting[Annotated[StrictInt, Field(ge=0, le=15)]] | None = None
    spacing_days_month: Setting[Annotated[StrictInt, Field(ge=0, le=31)]] | None = None
    surge_extra_contacts: Setting[Annotated[StrictInt, Field(ge=0, le=10)]] | None = None

    def text_of(self, key: str) -> str:
        """Explanation and label of one setting, as a page shows them."""
        setting = getattr(self, key)
        return f"{setting.text}{setting.label}"


# The named definitions a category may use; `classify` holds them.
Definition = Literal[
    "kinless",
    "living_alone",
    "living_alone_or_no_family",
    "empty_nest",
    "left_behind",
    "impaired",
    "severely_disabled",
    "special_family",
]


class CategoryDefinition(Strict):
    """A category with the document's definition and the named test that carries it out.

    A document that names the category without defining it gives no `quote`; then `interpretation` says how it
    is understood, and is labelled so.
    """

    id: Category
    name: Text
    definition: Definition
    quote: Text | None = None
    mark: tuple[Text, ...] = ()
    interpretation: Text | None = None

    @model_validator(mode="after")
    def _defined_once(self) -> CategoryDefinition:
        if (self.quote is None) == (self.interpretation is None):
            raise ValueError("give either the document's definition (quote) or an interpretation")
        _check_words(self.quote or "", self.mark)
        return self

    @property
    def text(self) -> str:
        """The definition to show: the document's words, or the interpretation with its label."""
        return self.quote if self.quote is not None else f"{self.interpretation}{INTERPRETATION}"


class Tier(Quoted):
    """A class of elders. The first tier in the pack's order whose condition holds is the elder's.

    `why` may insert `{reasons}`, the words of the parts of the condition that hold.
    """

    id: Identifier
    name: Text
    when: Condition
    why: Text

    @model_validator(mode="after")
    def _reasons_quoted(self) -> Tier:
        for reason in self.when.reasons():
            if reason.mark is not None and reason.mark not in self.quote:
                raise ValueError(f"when: mark 「{reason.mark}」 does not occur in the quote")
        return self


class Obligation(Quoted):
    """So many contacts per period. An elder gets every obligation that matches: its tier (if one is named)
    and its condition (if one is given)."""

    id: Identifier
    tier: Identifier | None = None
    when: Condition | None = None
    count: Count
    period: PeriodKind
    modes: Literal["any"] | Annotated[tuple[Mode, ...], Field(min_length=1)]
    label: Text
    why: Text | None = None
    valid_from: date | None = None  # periods that end before it are free
    notes: tuple[Text, ...] = ()  # settings shown beside the quotation


class ModeLimit(Quoted):
    """Where only some modes suit an elder (广东, 海口): the first whose condition holds limits what
    counts."""

    when: Condition
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]


class Surge(Quoted):
    """What is due at a festival or in extreme weather. Without `count` the document gives advice, not a
    duty."""

    id: Identifier
    event: Literal[EventKind.FESTIVAL, EventKind.EXTREME_WEATHER]
    count: Count | None = None
    modes: Literal["any"] | Annotated[tuple[Mode, ...], Field(min_length=1)] = "any"
    label: Text
    why: Text
    notes: tuple[Text, ...] = ()


class EpidemicClause(Quoted):
    """What the document says of times when no home visit is possible."""

    advice: Text


class ConsentRule(Quoted):
    """Whether a home visit needs the elder's or family's consent on file, and a refusal a written note."""

    home_required: StrictBool
    refusal_note_required: StrictBool
    meaning: Text


class RegisterRule(Quoted):
    """How often each elder's entry in the register must be checked anew; None: the document gives no interval."""

    refresh_months: Annotated[StrictInt, Field(ge=1, le=24)] | None = None


class Report(Quoted):
    """A report that is due once (`due_on`) or again and again (`every`)."""

    id: Identifier
    title: Text
    due_on: date | None = None
    every: Literal["month", "quarter", "half_year", "year"] | None = None

    @model_validator(mode="after")
    def _once_or_repeated(self) -> Report:
        if (self.due_on is None) == (self.every is None):
            raise ValueError("give either due_on or every")
        return self


class Milestone(Quoted):
    """A target with its last day; `rate_percent` is a visit rate to be reached."""

    id: Identifier
    title: Text
    by: date
    rate_percent: Annotated[StrictInt, Field(ge=1, le=100)] | None = None


class FormField(Strict):
    """One line of a printed form. Labels and options are the document's."""

    key: Identifier
    label: Text
    type: Literal["text", "long_text", "number", "date", "choice", "multi", "signature"]
    options: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _options_where_chosen(self) -> FormField:
        if (self.type in {"choice", "multi"}) != bool(self.options):
            raise ValueError("options belong to the types choice and multi, and only to them")
        return self


class FormSection(Strict):
    """A part of a form; `rows` > 0 makes it a table whose columns are the fields."""

    title: Text | None = None
    rows: Annotated[StrictInt, Field(ge=0, le=20)] = 0
    fields_: tuple[FormField, ...] = Field(alias="fields", min_length=1)


class Form(Quoted):
    """A paper form: its copies, who keeps them, its fields. The quotation is the form's own footnote."""

    id: Identifier
    kind: Literal["registration", "record", "combined"]
    title: Text
    annex: Text
    copies: Annotated[StrictInt, Field(ge=1, le=9)]
    keepers: Annotated[tuple[Text, ...], Field(min_length=1)]
    note: Text | None = None
    sections: Annotated[tuple[FormSection, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _copy_for_each_keeper(self) -> Form:
        if len(self.keepers) != self.copies:
            raise ValueError(f"{self.copies} copies but {len(self.keepers)} keepers")
        keys = [field.key for section in self.sections for field in section.fields_]
        if len(set(keys)) != len(keys):
            raise ValueError("two fields have the same key")
        return self


class NamedForm(Quoted):
    """A form the document names or attaches whose fields are not at hand: it cannot be printed."""

    id: Identifier
    title: Text
    annex: Text | None = None


class Clause(Quoted):
    """Another sentence the system acts on, with what it means for the system."""

    id: Identifier
    topic: Literal[
        "scope",
        "frequency",
        "register",
        "data_sharing",
        "service_contact",
        "emergency_contact",
        "devices",
        "students",
        "minors",
        "workforce",
        "first_contact",
        "content",
        "closed_loop",
        "emergency",
        "follow_up",
        "supervision",
        "privacy",
        "publicity",
    ]
    meaning: Text


class AbilityLevel(Strict):
    """A level of the ability assessment, 0 (intact) to 4 (total loss), and its name."""

    level: Annotated[StrictInt, Field(ge=0, le=4)]
    name: Text


class Pack(Strict):
    """A rule pack: what one jurisdiction's document demands.

    `valid_from` says from when the pack is the one in force; choosing among packs is the caller's, the
    calculation applies the pack it is given. `digest` is the SHA-256 of the file, set by the loader. `parent`
    names the pack that a local one may only exceed (`stricter`).
    """

    id: PackName
    name: Text
    version: Annotated[Text, Field(max_length=30)]
    valid_from: date
    valid_to: date | None = None
    digest: StrictStr = ""
    parent: PackName | None = None
    document: Document
    settings: Settings
    ability_levels: Annotated[tuple[AbilityLevel, ...], Field(min_length=5, max_length=5)]
    categories: Annotated[tuple[CategoryDefinition, ...], Field(min_length=1)]
    tiers: tuple[Tier, ...] = ()
    obligations: Annotated[tuple[Obligation, ...], Field(min_length=1)]
    mode_limits: tuple[ModeLimit, ...] = ()
    surge: tuple[Surge, ...] = ()
    epidemic: EpidemicClause | None = None
    consent: ConsentRule
    register_: RegisterRule | None = Field(default=None, alias="register")
    reports: tuple[Report, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    forms: tuple[Form, ...] = ()
    named_forms: tuple[NamedForm, ...] = ()
    clauses: tuple[Clause, ...] = ()

    @field_validator("ability_levels")
    @classmethod
    def _levels_in_order(cls, levels: tuple[AbilityLevel, ...]) -> tuple[AbilityLevel, ...]:
        if [entry.level for entry in levels] != [0, 1, 2, 3, 4]:
            raise ValueError("the levels 0 to 4 must each be named once, in order")
        return levels

    @model_validator(mode="after")
    def _consistent(self) -> Pack:
        for name in (
            "categories",
            "tiers",
            "obligations",
            "surge",
            "reports",
            "milestones",
            "forms",
            "named_forms",
            "clauses",
        ):
            ids = [entry.id for entry in getattr(self, name)]
            for position, entry_id in enumerate(ids):
                if entry_id in ids[:position]:
                    raise ValueError(f"{name}[{position}].id: 「{entry_id}」 is given twice")
        tiers = {tier.id for tier in self.tiers}
        for position, rule in enumerate(self.obligations):
            if rule.tier is not None and rule.tier not in tiers:
                raise ValueError(f"obligations[{position}].tier: no tier 「{rule.tier}」")
            if rule.tier is None and rule.why is None:
                raise ValueError(f"obligations[{position}].why: needed where no tier explains the rule")
        self._check_needed_settings()
        self._check_notes_and_texts()
        return self

    def _check_needed_settings(self) -> None:
        ages = [
            age
            for condition in self.conditions()
            for one in condition.walk()
            for age in (
                one.age_at_least,
                one.age_below,
                *((one.couple.age_at_least, one.couple.age_below) if one.couple else ()),
            )
        ]
        if self.settings.high_age is None and "high_age" in ages:
            raise ValueError("settings.high_age: needed by a condition")
        if self.settings.half_month_last_day is None and any(
            r.period == "half_month" for r in self.obligations
        ):
            raise ValueError("settings.half_month_last_day: needed by an obligation")
        if self.settings.surge_extra_contacts is None and any(rule.count is None for rule in self.surge):
            raise ValueError("settings.surge_extra_contacts: needed by a surge entry without count")
        if self.parent == self.id:
            raise ValueError("parent: a pack is not its own parent")

    def _check_notes_and_texts(self) -> None:
        for name in ("obligations", "surge"):
            for position, rule in enumerate(getattr(self, name)):
                for key in rule.notes:
                    if not self._has_setting(key):
                        raise ValueError(f"{name}[{position}].notes: no setting 「{key}」")
        for i, tier in enumerate(self.tiers):
            for reason in tier.when.reasons():
                if reason.note is not None and not self._has_setting(reason.note):
                    raise ValueError(f"tiers[{i}].when: no setting 「{reason.note}」")
        for place, text in self.texts():
            try:
                names = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from error
            if unknown := sorted(names - PLACEHOLDERS):
                raise ValueError(f"{place}: no placeholder 「{{{unknown[0]}}}」")

    def _has_setting(self, key: str) -> bool:
        return key in Settings.model_fields and getattr(self.settings, key) is not None

    def texts(self) -> list[tuple[str, str]]:
        """The texts that insert values, each with its place in the pack."""
        found = [(f"tiers[{i}].why", tier.why) for i, tier in enumerate(self.tiers)]
        found += [(f"obligations[{i}].label", rule.label) for i, rule in enumerate(self.obligations)]
        found += [(f"obligations[{i}].why", rule.why) for i, rule in enumerate(self.obligations) if rule.why]
        found += [(f"surge[{i}].label", rule.label) for i, rule in enumerate(self.surge)]
        found += [(f"surge[{i}].why", rule.why) for i, rule in enumerate(self.surge)]
        for i, tier in enumerate(self.tiers):
            found += [(f"tiers[{i}].when.why", reason.why) for reason in tier.when.reasons()]
        return found

    def conditions(self) -> list[Condition]:
        """Everything the pack asks about an elder."""
        rules = [rule.when for rule in self.obligations if rule.when is not None]
        return [*(tier.when for tier in self.tiers), *rules, *(limit.when for limit in self.mode_limits)]

    @cached_property
    def compiled(self) -> CompiledPack:
        """The pack's rules as functions; made once per pack."""
        from .compiled import compile_pack  # imports this module

        return compile_pack(self)
