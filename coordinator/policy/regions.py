"""All kinds of elders that a pack's conditions can tell apart: a finite set, one elder of each kind.

Ages stand at the break points of the conditions, ability at the levels at which a test begins to hold, a
certificate is none or of a grade that some test asks for, and so on; a fact no condition looks at keeps its
default. Everything is as of one day, `DAY`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from itertools import chain, combinations, product

from .errors import PolicyError
from .facts import (
    Category,
    CoResident,
    DisabilityCertificate,
    EconomicStatus,
    ElderFacts,
    Health,
    age_on,
)
from .predicates import Atoms

DAY = date(2030, 7, 1)
MOST_REGIONS = 600_000
_ANY_AGE = 70  # where no condition asks for the age


def merged(one: Atoms, other: Atoms) -> Atoms:
    """What either looks at."""

    def union(name: str) -> object:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, tuple):
            return tuple(sorted({*a, *b}))
        return max(a, b) if isinstance(a, int) and not isinstance(a, bool) else a | b

    return Atoms(**{entry.name: union(entry.name) for entry in fields(Atoms)})  # type: ignore[arg-type]


def _born(age: int) -> date:
    """A birth date of somebody who has been of this age for half a year on `DAY`."""
    return date(DAY.year - age, 1, 1)


def _ages(breaks: Sequence[int]) -> list[date]:
    """A birth date on each side of every break: below the first, then from each one on."""
    if not breaks:
        return [_born(_ANY_AGE)]
    return [_born(age) for age in (breaks[0] - 1, *breaks)]


def _dimensions(atoms: Atoms) -> dict[str, list[object]]:
    """The values of each fact that the conditions look at, the plainest first."""
    found: dict[str, list[object]] = {"birth_date": list(_ages(atoms.ages))}
    if atoms.categories:
        every = sorted(atoms.categories)
        subsets = chain.from_iterable(combinations(every, n) for n in range(len(every) + 1))
        found["categories"] = [frozenset(map(Category, subset)) for subset in subsets]
    if atoms.ability:
        found["ability_level"] = [0, *atoms.ability]
    if atoms.grades:
        grades = [2, 4] if atoms.grades > 2 else [2]
        found["disability"] = [None, *(DisabilityCertificate(grade, date.max) for grade in grades)]
    if atoms.economic_status:
        others = [one for one in EconomicStatus if one not in atoms.economic_status]
        found["economic_status"] = [*others[:1], *sorted(atoms.economic_status)]
    if atoms.health:
        found["health"] = [Health.GOOD, Health.POOR]
    if atoms.self_caring:
        found["self_caring"] = [True, False]
    if atoms.hardship:
        found["hardship"] = [False, True]
    if atoms.upheaval:
        found["upheaval_until"] = [None, date.max]
    if atoms.carer:
        found["cares_for_impaired_child"] = [False, True]
    if atoms.couple_ages:
        found["lives_with_elder"] = [
            None,
            *(
                CoResident(born, disabled=disabled)
                for born in _ages(atoms.couple_ages)
                for disabled in (False, True)
            ),
        ]
    return found


def regions(atoms: Atoms) -> Iterator[ElderFacts]:
    """One elder of every kind, the plainest first.

    Raises PolicyError when the conditions tell more than `MOST_REGIONS` kinds apart.
    """
    dimensions = _dimensions(atoms)
    size = 1
    for values in dimensions.values():
        size *= len(values)
    if size > MOST_REGIONS:
        raise PolicyError(f"the conditions tell {size} kinds of elders apart, more than {MOST_REGIONS}")
    plain = ElderFacts("example", _born(_ANY_AGE))
    names = tuple(dimensions)
    for combination in product(*dimensions.values()):
        yield replace(plain, **dict(zip(names, combination, strict=True)))  # type: ignore[arg-type]


def describe(facts: ElderFacts) -> str:
    """An example elder in few words: age and every fact that differs from the default."""
    words = [f"age {age_on(facts.birth_date, DAY)}", *sorted(facts.categories)]
    if facts.ability_level:
        words.append(f"ability level {facts.ability_level}")
    if facts.disability:
        words.append(f"valid certificate of grade {facts.disability.grade}")
    if facts.economic_status != EconomicStatus.NONE:
        words.append(str(facts.economic_status))
    if facts.health != Health.GOOD:
        words.append("poor health")
    if not facts.self_caring:
        words.append("not self-caring")
    if facts.hardship:
        words.append("hardship")
    if facts.upheaval_until:
        words.append("upheaval")
    if facts.cares_for_impaired_child:
        words.append("cares for an impaired child")
    if other := facts.lives_with_elder:
        disabled = "a disabled" if other.disabled else "an"
        words.append(f"lives with {disabled} elder of {age_on(other.birth_date, DAY)}")
    return ", ".join(words)


def weight(facts: ElderFacts) -> int:
    """How many facts differ from the default: the least makes the plainest example."""
    return describe(facts).count(",")
