"""Faults of a pack that only show when its conditions are tried on every kind of elder."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import PolicyError
from .facts import ElderFacts
from .packs import available_packs, load_pack
from .regions import DAY, describe, regions, weight
from .schema import Pack
from .stricter import weaker_places


def faults(pack: Pack) -> list[str]:
    """Tiers and rules that nobody can have, elders who fall between the tiers, rules no contact can meet.

    Each is one line with its place in the pack. Raises PolicyError when the conditions tell too many kinds of
    elders apart.
    """
    compiled = pack.compiled
    described = [False] * len(compiled.tiers)
    reached = [False] * len(compiled.tiers)
    owed = [False] * len(compiled.rules)
    without: ElderFacts | None = None
    unmeetable: dict[int, ElderFacts] = {}
    for facts in regions(compiled.atoms):
        holds = [tier.test(facts, DAY) for tier in compiled.tiers]
        described = [before or now for before, now in zip(described, holds, strict=True)]
        first = holds.index(True) if True in holds else None
        if first is not None:
            reached[first] = True
        elif without is None or weight(facts) < weight(without):
            without = facts
        tier = None if first is None else compiled.tiers[first].id
        for position, rule in enumerate(compiled.rules):
            if rule.tier not in {None, tier} or (rule.test is not None and not rule.test(facts, DAY)):
                continue
            owed[position] = True
            if not compiled.modes_for(rule, facts, DAY):
                unmeetable.setdefault(position, facts)
    return [
        *_tier_faults(pack, described, reached),
        *_gap(pack, without),
        *(
            f"obligations[{position}].when: no elder can meet this condition"
            for position, found in enumerate(owed)
            if not found and _tier_is_reached(pack, position, reached)
        ),
        *(
            f"obligations[{position}].modes: no mode counts for an elder of {describe(facts)}"
            for position, facts in sorted(unmeetable.items())
        ),
    ]


def parent_of(pack: Pack, shown: str) -> Pack:
    """The pack that a local one may only exceed, as it comes with the system. Raises PolicyError."""
    assert pack.parent is not None
    if pack.parent not in available_packs():
        known = ", ".join(available_packs())
        raise PolicyError(f"{shown}: parent: no rule pack {pack.parent!r}: give one of {known}")
    return load_pack(pack.parent)


def pack_faults(pack: Pack, parent: Pack | None) -> list[str]:
    """The faults of the pack by itself, else the places where it asks for less than its parent."""
    found = faults(pack)
    if found or parent is None:
        return found
    return [str(place) for place in weaker_places(pack, parent)]


def _tier_faults(pack: Pack, described: list[bool], reached: list[bool]) -> Iterator[str]:
    for position, tier in enumerate(pack.tiers):
        if not described[position]:
            yield f"tiers[{position}].when: no elder can meet the condition of tier {tier.id}"
        elif not reached[position]:
            earlier = ", ".join(one.id for one in pack.tiers[:position])
            yield (
                f"tiers[{position}].when: tier {tier.id} can never be reached: "
                f"everybody it describes is already in {earlier}"
            )
        if all(rule.tier not in {None, tier.id} for rule in pack.obligations):
            yield f"tiers[{position}].id: no obligation for tier {tier.id}"


def _gap(pack: Pack, without: ElderFacts | None) -> Iterator[str]:
    """An elder without a tier is owed nothing where every obligation names one."""
    if pack.tiers and without is not None and all(rule.tier is not None for rule in pack.obligations):
        yield f"tiers: an elder of {describe(without)} is in no tier and would be owed nothing"


def _tier_is_reached(pack: Pack, position: int, reached: list[bool]) -> bool:
    """Whether the obligation's tier, if it names one, holds anybody (else the tier is the fault)."""
    name = pack.obligations[position].tier
    return name is None or any(
        found for tier, found in zip(pack.tiers, reached, strict=True) if tier.id == name
    )
