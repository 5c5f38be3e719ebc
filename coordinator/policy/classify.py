"""Which categories an elder's circumstances make out, and how that differs from what is recorded.

The definitions are named functions; a pack's category names the one its document uses (泸州 counts a kinless elder
as 独居, 海口 does not). An answer is True, False, or None where a needed fact is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from .facts import Category, DisabilityCertificate
from .schema import Pack

Answer = bool | None


@dataclass(frozen=True, slots=True)
class Child:
    """A living child. `away_since`: the day it left the place of registration for work or trade; None: has not."""

    lives_with_elder: bool
    in_same_town: bool
    away_since: date | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the definitions ask for; None means not known.

    `children` are the living ones. `relatives_at_home` are relatives other than the spouse;
    `relatives_in_town` such relatives in the same town or street. `only_child_lost` means the only child died or
    is disabled of grade 1–3 and no other was born or adopted.
    """

    has_spouse: bool | None = None
    children: tuple[Child, ...] | None = None
    spouse_at_home: bool | None = None
    relatives_at_home: bool | None = None
    relatives_in_town: bool | None = None
    has_caregiver: bool | None = None
    can_work: bool | None = None
    rural_registration: bool | None = None
    only_child_lost: bool | None = None
    ability_level: int | None = None
    disability: DisabilityCertificate | None = None


@dataclass(frozen=True, slots=True)
class CategoryCheck:
    """A category's recorded state beside what the facts make out, with the definition to show."""

    category: Category
    name: str
    definition: str
    recorded: bool
    by_facts: Answer

    @property
    def differs(self) -> bool:
        """Whether the record contradicts the facts (never when a needed fact is missing)."""
        return self.by_facts is not None and self.by_facts != self.recorded


def _and(*answers: Answer) -> Answer:
    if False in answers:
        return False
    return None if None in answers else True


def _or(*answers: Answer) -> Answer:
    if True in answers:
        return True
    return None if None in answers else False


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _no_children(facts: Circumstances) -> Answer:
    return None if facts.children is None else not facts.children


def _no_child(facts: Circumstances, test: Callable[[Child], bool]) -> Answer:
    return None if facts.children is None else not any(test(child) for child in facts.children)


def _kinless(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    return _and(_not(facts.has_spouse), _no_children(facts), _not(facts.has_caregiver), _not(facts.can_work))


def _living_alone(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    return _and(
        _not(facts.spouse_at_home if facts.has_spouse is not False else False),
        _no_child(facts, lambda child: child.lives_with_elder),
        _not(facts.relatives_at_home),
        _no_child(facts, lambda child: child.in_same_town),
        _not(facts.relatives_in_town),
    )


def _living_alone_or_no_family(facts: Circumstances, on: date, months: int) -> Answer:
    return _or(_and(_not(facts.has_spouse), _no_children(facts)), _living_alone(facts, on, months))


def _empty_nest(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    return _and(
        _not(_no_children(facts)),
        _no_child(facts, lambda child: child.lives_with_elder or child.in_same_town),
    )


def _months_before(on: date, months: int) -> tuple[int, int, int]:
    total = on.year * 12 + on.month - 1 - months
    return total // 12, total % 12 + 1, on.day


def _left_behind(facts: Circumstances, on: date, months: int) -> Answer:
    latest = _months_before(on, months)

    def still_here(child: Child) -> bool:
        gone = child.away_since
        return gone is None or (gone.year, gone.month, gone.day) > latest

    return _and(facts.rural_registration, _not(_no_children(facts)), _no_child(facts, still_here))


def _impaired(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    return None if facts.ability_level is None else facts.ability_level >= 1


def _severely_disabled(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    certificate = facts.disability
    return certificate is not None and certificate.grade <= 2 and certificate.valid_to >= on


def _special_family(facts: Circumstances, on: date, months: int) -> Answer:  # noqa: ARG001 -- one signature for all
    return facts.only_child_lost


DEFINITIONS: dict[str, Callable[[Circumstances, date, int], Answer]] = {
    "kinless": _kinless,
    "living_alone": _living_alone,
    "living_alone_or_no_family": _living_alone_or_no_family,
    "empty_nest": _empty_nest,
    "left_behind": _left_behind,
    "impaired": _impaired,
    "severely_disabled": _severely_disabled,
    "special_family": _special_family,
}


def classify(pack: Pack, facts: Circumstances, on: date) -> dict[Category, Answer]:
    """The answer of each category's definition on that day (泸州 附件1), in the pack's order."""
    months = pack.settings.left_behind_months.value
    return {entry.id: DEFINITIONS[entry.definition](facts, on, months) for entry in pack.categories}


def check_categories(
    pack: Pack, recorded: frozenset[Category], facts: Circumstances, on: date
) -> list[CategoryCheck]:
    """Compare the recorded categories (derived ones included) with the facts, one entry per category."""
    answers = classify(pack, facts, on)
    return [
        CategoryCheck(entry.id, entry.name, entry.text, entry.id in recorded, answers[entry.id])
        for entry in pack.categories
    ]
