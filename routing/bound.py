"""What these people can do at most, whatever the routes: a proven limit, not a guess from a search.

The relaxation (`routing.relaxation`) is solved as a linear programme by HiGHS (`routing.linear`; Huangfu
and Hall 2018). Its dual prices, rounded to fractions, give a limit by weak duality that is then
worked out again in whole numbers, so that no rounding of the solver is part of the proof (Neumaier and
Shcherbina 2004; Jansson 2004). Small relaxations are solved in whole units by CP-SAT, which is exact.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from routing.model import Model
from routing.relaxation import COLUMNS, SCALE, Relaxation, relax
from routing.scenario import Scenario

WHOLE_COLUMNS = 3_000
"""Relaxations up to so many columns are solved in whole units as well."""
WHOLE_SECONDS = 3.0
SKILL_COLUMNS = 30_000
TOGETHER_SHARE = 0.6
"""Share of the time for all visits together; the rest is for the skills one by one."""

LIMITS: dict[str, str] = {
    "nobody": "visits nobody can make",
    "time": "hours of the shifts",
    "window": "time windows",
    "visits_day": "visits a day",
    "visits_week": "visits a week",
    "visits_month": "visits a month",
    "hours_week": "hours a week",
    "load": "what can be carried",
    "days": "permitted days",
    "together": "two people at a time",
}
"""What may bind, in words."""


@dataclass(frozen=True, slots=True)
class SkillBound:
    """Of the visits that need a skill at most `most` are possible."""

    skill: str
    visits: int
    most: int


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `most` of `visits` are possible; at least so much must be missed. All of it is proven.

    Each of the three sums is a limit by itself: one plan need not reach them together. `binding` names
    the limits of `LIMITS` that the proof uses, the weightiest first. `complete` is false where the time
    did not suffice or the scenario is too large; what is given then still holds, but more may be true.
    """

    visits: int
    most: int
    missed_statutory: int
    missed_priority: int
    by_skill: tuple[SkillBound, ...]
    binding: tuple[str, ...]
    level: str
    complete: bool
    seconds: float

    @property
    def missed(self) -> int:
        """Visits that must be missed."""
        return self.visits - self.most

    @property
    def text(self) -> str:
        """The limit in an English sentence."""
        if not self.missed:
            note = "" if self.complete else " (not all of it computed: too large or out of time)"
            return f"No limit proven: as far as was computed all {self.visits} visits may be possible{note}."
        text = f"With these people at most {self.most} of {self.visits} visits are possible (proven)."
        if self.binding:
            text += f" What binds: {', '.join(LIMITS[kind] for kind in self.binding)}."
        for one in self.by_skill:
            text += f" Of {one.visits} that need {one.skill} at most {one.most}."
        return text if self.complete else text + " Not all of it was computed in the time given."

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "visits": self.visits,
            "most": self.most,
            "missed_statutory": self.missed_statutory,
            "missed_priority": self.missed_priority,
            "by_skill": [{"skill": s.skill, "visits": s.visits, "most": s.most} for s in self.by_skill],
            "binding": list(self.binding),
            "level": self.level,
            "complete": self.complete,
            "seconds": round(self.seconds, 2),
        }


@dataclass(slots=True)
class _Proof:
    """At most so much of a sum, and the weight of each kind of limit in the proof."""

    most: int
    kinds: dict[str, float]


def bound(scenario: Scenario, seconds: float = 15.0, columns: int = COLUMNS) -> Bound:
    """Return what the scenario's people can do at most; `columns` sets how fine the relaxation may be.

    The limit never says more than is true of every plan that passes the checker. Skills are looked at
    one by one as well: fewer visits allow a finer relaxation.
    """
    return bound_of(Model(scenario), seconds, columns)


def bound_of(model: Model, seconds: float = 15.0, columns: int = COLUMNS) -> Bound:
    """Return the same for a scenario that is already read."""
    begun = time.monotonic()
    deadline = begun + seconds
    everyone = range(model.items)
    total = [0, 0, 0]
    for item in everyone:
        count = len(model.needs_of[item])
        for which, worth in enumerate((1, int(model.statutory[item]), model.priority[item])):
            total[which] += count * worth
    most, complete, level, kinds = list(total), False, "", dict[str, float]()
    found = relax(model, everyone, columns)
    if found is not None:
        level, complete = found.level, True
        for which in range(3):
            proof = _most(found, which, total[which], begun + TOGETHER_SHARE * seconds)
            if proof is None:
                complete = False
                break
            most[which] = min(total[which], proof.most)
            kinds = kinds if which else proof.kinds
            if not which and most[0] == total[0]:
                break  # all visits may be possible: then so are the statutory ones
    skills = []
    for skill, items in _by_skill(model):
        visits = sum(len(model.needs_of[item]) for item in items)
        own = relax(model, items, min(columns, SKILL_COLUMNS)) if time.monotonic() < deadline else None
        proof = None if own is None else _most(own, 0, visits, deadline)
        if proof is None:
            complete = False
            continue
        if proof.most < visits:
            skills.append(SkillBound(skill, visits, proof.most))
            if total[0] - visits + proof.most < most[0]:
                most[0], kinds = total[0] - visits + proof.most, proof.kinds
    nobody = sum(len(model.needs_of[item]) for item in everyone if not _anybody(model, item))
    if nobody and most[0] < total[0]:
        kinds = kinds | {"nobody": float(nobody)}
    weighty = sorted((kind for kind in kinds if kinds[kind] > 0.5), key=lambda kind: (-kinds[kind], kind))
    return Bound(
        total[0],
        most[0],
        total[1] - most[1],
        total[2] - most[2],
        tuple(sorted(skills, key=lambda one: (one.most - one.visits, one.skill))),
        tuple(weighty[:4]) if most[0] < total[0] else (),
        level,
        complete,
        time.monotonic() - begun,
    )


def _by_skill(model: Model) -> Iterable[tuple[str, list[int]]]:
    items: dict[str, list[int]] = defaultdict(list)
    for item, visit in enumerate(model.scenario.visits):
        for skill in set(visit.skills):
            items[skill].append(item)
    return sorted(items.items())


def _anybody(model: Model, item: int) -> bool:
    return bool(model.pairs(item) if model.people[item] == 2 else model.solo[item])


def _most(found: Relaxation, which: int, total: int, deadline: float) -> _Proof | None:
    """Return the proven most of visits (0), statutory visits (1) or priority (2), None out of time."""
    worth = [makes[which] for makes in found.makes]
    left = deadline - time.monotonic()
    if left <= 0:
        return None
    if not any(worth):
        return _Proof(0, {})
    from routing import linear  # takes a quarter of a second to load, and few runs ask

    prices = linear.prices(found, worth, left)
    if prices is None:
        return None
    proof = _certify(found, worth, prices)
    left = min(WHOLE_SECONDS, deadline - time.monotonic())
    if len(worth) <= WHOLE_COLUMNS and left > 0:
        proof.most = min(proof.most, linear.whole(found, worth, left, total))
    return proof


def _certify(found: Relaxation, worth: list[int], prices: list[int]) -> _Proof:
    """Weak duality in whole numbers: any prices ≥ 0 of the rows limit what can be made."""
    kept = [value * SCALE for value in worth]
    limit = 0
    kinds: dict[str, float] = defaultdict(float)
    for row, price in zip(found.rows, prices, strict=True):
        if price <= 0:
            continue
        limit += price * row.most
        if row.kind != "wanted":
            kinds[row.kind] += price * max(1, row.most) / SCALE
        for column, factor in zip(row.columns.tolist(), row.factors.tolist(), strict=True):
            kept[column] -= price * factor
    limit += sum(value * most for value, most in zip(kept, found.most, strict=True) if value > 0)
    return _Proof(limit // SCALE, dict(kinds))
