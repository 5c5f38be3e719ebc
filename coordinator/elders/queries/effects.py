"""What a change of a dossier does to what is owed in the periods that run today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from coordinator import policy


@dataclass(frozen=True, slots=True)
class Effect:
    """An obligation that comes, goes or changes; `before` or `after` is None where there is none."""

    before: policy.Obligation | None
    after: policy.Obligation | None

    @property
    def kind(self) -> str:
        """added, gone or changed."""
        if self.before is None:
            return "added"
        return "gone" if self.after is None else "changed"

    @property
    def shown(self) -> policy.Obligation:
        """The one whose words a page shows: the present one, else the former."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Effects:
    """Before and after of one elder. `unchanged` counts what stays the same."""

    elder_id: int
    name: str
    effects: tuple[Effect, ...]
    unchanged: int
    tier_before: policy.TierDecision | None
    tier_after: policy.TierDecision | None
    tier_quote: str


def effects_of(
    pack: policy.Pack,
    names: Mapping[int, str],
    before: Mapping[int, policy.ElderFacts],
    after: Mapping[int, policy.ElderFacts],
    on: date,
) -> list[Effects]:
    """Compare what is owed in the periods running on `on`, for each elder known before and after.

    Contacts and events play no part: this is what is owed, not what is met. Elders whose obligations stay as they
    are come too, first the one named first.
    """
    calculation = policy.Calculation(pack, (), on, on, on)
    quotes = {one.id: one.quote for one in pack.tiers}
    found = []
    for elder_id, name in names.items():
        if elder_id not in before or elder_id not in after:
            continue
        effects, unchanged = _compared(
            calculation.for_elder(before[elder_id]), calculation.for_elder(after[elder_id])
        )
        tier_after = policy.tier(pack, after[elder_id], on)
        found.append(
            Effects(
                elder_id,
                name,
                effects,
                unchanged,
                policy.tier(pack, before[elder_id], on),
                tier_after,
                quotes.get(tier_after.id, "") if tier_after else "",
            )
        )
    return found


def _compared(
    old: Iterable[policy.Obligation], new: Iterable[policy.Obligation]
) -> tuple[tuple[Effect, ...], int]:
    held = {_key(one): one for one in old}
    effects, unchanged = [], 0
    for one in new:
        former = held.pop(_key(one), None)
        if former is not None and _terms(former) == _terms(one):
            unchanged += 1
        else:
            effects.append(Effect(former, one))
    effects += [Effect(one, None) for one in held.values()]
    return tuple(effects), unchanged


def _key(one: policy.Obligation) -> tuple[str, date, date]:
    return one.rule, one.period_from, one.period_to


def _terms(one: policy.Obligation) -> tuple[object, ...]:
    """What somebody has to know of it: how often, in which way, and whether it is waived or blocked."""
    return one.required, one.modes, one.status, one.reason, one.blocked
