"""A whole rule pack, and whether its parts fit each other."""

from __future__ import annotations

import string
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from ..predicates import Condition, Strict
from .papers import Form, NamedForm
from .rules import (
    CategoryDefinition,
    Clause,
    ConsentRule,
    EpidemicClause,
    Milestone,
    ModeLimit,
    Obligation,
    RegisterRule,
    Report,
    Surge,
    Tier,
)
from .settings import Settings
from .wording import PackName, Text

if TYPE_CHECKING:
    from ..compiled import CompiledPack

# What the texts of a pack may insert, besides the settings.
PLACEHOLDERS = frozenset({"age", "high_age", "ability", "grade", "reasons", "event"})


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
        from ..compiled import compile_pack  # imports this module

        return compile_pack(self)
