# ruff: noqa: ARG005 -- all tests share one signature
"""The closed vocabulary of conditions a pack may use, and how they are decided.

A condition is one named test, or `any`, `all`, `not` of conditions. Each may carry `why`: the Chinese words
that say it to a reader. Conditions are compiled once into plain functions: they are asked for every elder
and period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from .facts import Category, EconomicStatus, ElderFacts, Health, age_on, has_category

Test = Callable[[ElderFacts, date], bool]
Reasons = Callable[[ElderFacts, date], list["Reason"]]
Age = Annotated[StrictInt, Field(ge=1, le=150)] | Literal["high_age"]
_WORDS = {"why", "mark", "note"}
AbilityLoss = Annotated[StrictInt, Field(ge=1, le=4)]


class Reason(NamedTuple):
    """Words for a part of a condition that holds, the document's words it stands on, and the setting (an
    interpretation) it relies on."""

    why: str
    mark: str | None
    note: str | None


class Strict(BaseModel):
    """Base of everything in a pack: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Couple(Strict):
    """Two elders living together, both of this age, either one impaired, with dementia or disabled."""

    age_at_least: Age
    age_below: Age


class Condition(Strict):
    """Exactly one test, and perhaps the words for it: `why` for the reader, `mark` those of the quotation,
    `note` the setting it relies on.

    `upheaval` is a family upheaval, disaster or health event in effect on the day; `couple` and
    `cares_for_impaired_child` serve the tier B of 江门; `age_at_least = "high_age"` refers to the setting.
    """

    why: StrictStr | None = None
    mark: StrictStr | None = None
    note: StrictStr | None = None
    any: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    all: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    not_: Condition | None = Field(default=None, alias="not")
    always: Literal[True] | None = None
    category: Category | None = None
    ability_at_least: AbilityLoss | None = None
    age_at_least: Age | None = None
    age_below: Age | None = None
    economic_status: EconomicStatus | None = None
    health: Health | None = None
    self_caring: StrictBool | None = None
    hardship: StrictBool | None = None
    upheaval: StrictBool | None = None
    couple: Couple | None = None
    cares_for_impaired_child: StrictBool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        named = sorted(self.model_fields_set - _WORDS)
        if len(named) != 1:
            found = ", ".join(name.rstrip("_") for name in named) or "none"
            raise ValueError(f"a condition holds exactly one test, found {found}")
        if self.why is None and (self.mark is not None or self.note is not None):
            raise ValueError("mark and note need a why beside them")
        return self

    def reasons(self) -> list[Reason]:
        """All words of this condition and of those inside it."""
        own = [Reason(self.why, self.mark, self.note)] if self.why is not None else []
        return own + [reason for part in self.parts() for reason in part.reasons()]

    def parts(self) -> tuple[Condition, ...]:
        """The conditions inside this one."""
        return (*(self.any or ()), *(self.all or ()), *((self.not_,) if self.not_ else ()))

    def walk(self) -> Iterator[Condition]:
        """This condition and all inside it."""
        yield self
        for part in self.parts():
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Atoms:
    """The facts that some conditions look at, and the values at which they change their answer.

    `ages` and `couple_ages` are ages in completed years, sorted; `ability` the levels at which a test begins to
    hold; `grades` is the highest grade a certificate test admits (0: none is made). `shown` are the values that
    some text prints: age, ability, grade.
    """

    categories: frozenset[Category] = frozenset()
    ability: tuple[int, ...] = ()
    ages: tuple[int, ...] = ()
    couple_ages: tuple[int, ...] = ()
    grades: int = 0
    economic_status: frozenset[EconomicStatus] = frozenset()
    health: bool = False
    self_caring: bool = False
    hardship: bool = False
    upheaval: bool = False
    carer: bool = False
    shown: frozenset[str] = frozenset()


def atoms_of(conditions: Iterable[Condition], high_age: int, texts: Iterable[str] = ()) -> Atoms:
    """What these conditions, and the values printed in these texts, depend on."""
    every = [inner for condition in conditions for inner in condition.walk()]
    names = {name for one in every for name in one.model_fields_set}
    categories = {one.category for one in every if one.category is not None}
    couples = [one.couple for one in every if one.couple is not None]
    together = {_years(age, high_age) for pair in couples for age in (pair.age_at_least, pair.age_below)}
    ages = {
        _years(age, high_age) for one in every for age in (one.age_at_least, one.age_below) if age is not None
    }
    ability = {one.ability_at_least for one in every if one.ability_at_least is not None}
    if couples or Category.IMPAIRED in categories:
        ability.add(1)
    grades = 4 if couples else 2 if Category.SEVERELY_DISABLED in categories else 0
    printed = "".join(texts)
    return Atoms(
        categories=frozenset(categories) - {Category.IMPAIRED, Category.SEVERELY_DISABLED},
        ability=tuple(sorted(ability)),
        ages=tuple(sorted(ages | together)),
        couple_ages=tuple(sorted(together)),
        grades=grades,
        economic_status=frozenset(one.economic_status for one in every if one.economic_status is not None),
        health="health" in names,
        self_caring="self_caring" in names,
        hardship="hardship" in names,
        upheaval="upheaval" in names,
        carer="cares_for_impaired_child" in names,
        shown=frozenset(name for name in ("age", "ability", "grade") if f"{{{name}}}" in printed),
    )


def _years(age: int | str, high_age: int) -> int:
    return high_age if isinstance(age, str) else age


def _couple_test(couple: Couple, high_age: int) -> Test:
    low, high = _years(couple.age_at_least, high_age), _years(couple.age_below, high_age)

    def test(facts: ElderFacts, on: date) -> bool:
        other = facts.lives_with_elder
        if other is None:
            return False
        if not all(low <= age_on(born, on) < high for born in (facts.birth_date, other.birth_date)):
            return False
        certificate = facts.disability
        return (
            facts.ability_level >= 1
            or (certificate is not None and certificate.valid_to >= on)
            or other.ability_level >= 1
            or other.disabled
            or other.dementia
        )

    return test


def compile_test(condition: Condition, high_age: int) -> Test:
    """The condition as a function of facts and day."""
    if condition.any is not None:
        tests = [compile_test(inner, high_age) for inner in condition.any]
        return lambda facts, on: any(test(facts, on) for test in tests)
    if condition.all is not None:
        tests = [compile_test(inner, high_age) for inner in condition.all]
        return lambda facts, on: all(test(facts, on) for test in tests)
    if condition.not_ is not None:
        inner_test = compile_test(condition.not_, high_age)
        return lambda facts, on: not inner_test(facts, on)
    return _compile_named(condition, high_age)


def _compile_named(condition: Condition, high_age: int) -> Test:
    if condition.couple is not None:
        return _couple_test(condition.couple, high_age)
    name = next(iter(condition.model_fields_set - _WORDS))
    value = getattr(condition, name)
    if name in {"age_at_least", "age_below"}:
        value = _years(value, high_age)
    named: dict[str, Test] = {
        "always": lambda facts, on: True,
        "category": lambda facts, on: has_category(facts, value, on),
        "ability_at_least": lambda facts, on: facts.ability_level >= value,
        "age_at_least": lambda facts, on: age_on(facts.birth_date, on) >= value,
        "age_below": lambda facts, on: age_on(facts.birth_date, on) < value,
        "economic_status": lambda facts, on: facts.economic_status == value,
        "health": lambda facts, on: facts.health == value,
        "self_caring": lambda facts, on: facts.self_caring == value,
        "hardship": lambda facts, on: facts.hardship == value,
        "upheaval": lambda facts, on: (
            (facts.upheaval_until is not None and facts.upheaval_until >= on) == value
        ),
        "cares_for_impaired_child": lambda facts, on: facts.cares_for_impaired_child == value,
    }
    return named[name]


def compile_reasons(condition: Condition, high_age: int) -> Reasons:
    """A function that gives the words of every part that holds (none when the condition does not)."""
    test = compile_test(condition, high_age)
    if condition.why is not None:
        reason = Reason(condition.why, condition.mark, condition.note)
        return lambda facts, on: [reason] if test(facts, on) else []
    if condition.not_ is not None:
        return lambda facts, on: []
    parts = [compile_reasons(inner, high_age) for inner in condition.parts()]
    return lambda facts, on: [r for part in parts for r in part(facts, on)] if test(facts, on) else []
