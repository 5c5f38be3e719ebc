"""One worker and many open visits: what stands against each, by the rules of `workforce.fitness`.

The same answer as `fitness.unfit` for every visit; what depends on the day or the hour alone is asked once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from coordinator.marketplace.duty import DutyWorker
from coordinator.marketplace.labels import Hidden
from coordinator.marketplace.queries.openings import Held, Opening, clash, load_on
from coordinator.marketplace.rules import Rules
from coordinator.workforce.fitness import (
    Unfit,
    UnfitCode,
    duty_gate,
    hours,
    is_minor,
    limits,
    pairing,
    unfit,
)

# Who claims a visit offers the time; a word about other hours is no obstacle then.
OWN_WILL = frozenset({UnfitCode.DAY_OFF, UnfitCode.OUT_OF_HOURS})
# The adult beside a minor settles these.
THE_ADULTS_MATTER = frozenset(
    {UnfitCode.MINOR_ALONE, UnfitCode.MINOR_ACCOMPANY_ONLY, UnfitCode.SKILL_MISSING, UnfitCode.DIALECT}
)
# The card names the dialect among the needs; the coordinator weighs it.
NOTES = frozenset({UnfitCode.DIALECT})


class Verdict(NamedTuple):
    """`against`: why the visit is not offered, the first reason first; empty: it is. `in_hours`: at a time the
    worker comes anyway. `speaks`: the worker and the elder share a language, as far as is known."""

    against: tuple[str, ...]
    in_hours: bool
    speaks: bool


class Judge:
    """The rules of one worker at one moment. `held` is what the worker has and has asked for."""

    def __init__(self, worker: DutyWorker, held: Sequence[Held], rules: Rules, now: datetime) -> None:
        self.worker, self.held, self.rules, self.now = worker, held, rules, now
        self._holds = {one.visit_id for one in held}
        self._on: dict[date, list[Held]] = defaultdict(list)
        for one in held:
            self._on[one.day].append(one)
        self._minor: dict[date, bool] = {}
        self._gate: dict[tuple[date, str], list[Unfit]] = {}
        self._hours: dict[tuple[datetime, datetime], list[Unfit]] = {}
        self._limits: dict[tuple[date, int], list[Unfit]] = {}

    def on(self, day: date) -> Sequence[Held]:
        """What the worker holds on that day."""
        return self._on.get(day, ())

    def minor(self, day: date) -> bool:
        """Under 18 on that day."""
        if day not in self._minor:
            self._minor[day] = is_minor(self.worker, day)
        return self._minor[day]

    def needs_companion(self, opening: Opening) -> bool:
        """Must the worker name somebody who goes along?"""
        return self.minor(opening.day) or opening.missing > 1

    def findings(self, opening: Opening) -> list[Unfit]:
        """`fitness.unfit` of the worker alone."""
        if self.minor(opening.day) or opening.visit_id in self._holds:
            return findings(self.worker, opening, self.held)
        worker, day, mode = self.worker, opening.day, opening.mode.value
        gate = self._gate.get((day, mode))
        if gate is None:
            gate = self._gate[day, mode] = duty_gate(worker, day, mode=mode)
        times = opening.starts_at, opening.ends_at
        there = self._hours.get(times)
        if there is None:
            there = self._hours[times] = hours(worker, *times)
        full = self._limits.get((day, opening.minutes))
        if full is None:
            load = load_on(self.held, day)
            full = self._limits[day, opening.minutes] = limits(worker, load, opening.minutes)
        pair = pairing(worker, opening.home, day=day, mode=mode, needs_skills=opening.needs_skills)
        return [*gate, *pair, *there, *full]

    def of(self, opening: Opening) -> Verdict:
        """What stands against this visit. A companion is chosen later: what an adult beside the worker settles is
        left open here."""
        if opening.starts_at < self.now + self.rules.notice:
            return Verdict((Hidden.SOON,), True, True)
        found = self.findings(opening)
        if self.needs_companion(opening):
            if self.minor(opening.day) and opening.missing > 1:
                return Verdict((Hidden.NEEDS_TWO_ADULTS,), True, True)
            found = [one for one in found if one.code not in THE_ADULTS_MATTER]
        if not found and opening.day not in self._on:
            return _CLEAN
        against = [one.code for one in found if one.code not in OWN_WILL and one.code not in NOTES]
        if opening.day in self._on and clash(self._on[opening.day], opening):
            against.append(Hidden.CLASH)
        codes = {one.code for one in found}
        return Verdict(tuple(against), not codes & OWN_WILL, UnfitCode.DIALECT not in codes)


_CLEAN = Verdict((), True, True)


def findings(
    worker: DutyWorker, opening: Opening, held: Sequence[Held], companions: Sequence[DutyWorker] = ()
) -> list[Unfit]:
    """What stands against the worker going, with these people."""
    others = [one for one in held if one.visit_id != opening.visit_id]
    return unfit(
        worker,  # the attributes fitness reads, without the model
        opening.home,
        opening.starts_at,
        opening.ends_at,
        mode=opening.mode.value,
        companions=companions,
        as_companion=is_minor(worker, opening.day),
        needs_skills=opening.needs_skills,
        load=load_on(others, opening.day),
    )
