"""What a document demands: categories, tiers, obligations, what is due in events, reports, targets, clauses."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from ..facts import Category, EventKind, Mode
from ..periods import PeriodKind
from ..predicates import Condition, Strict
from .settings import INTERPRETATION
from .wording import Count, Identifier, Quoted, Text, check_words

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
        check_words(self.quote or "", self.mark)
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
