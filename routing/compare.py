"""Weights in words, and what each would make of the same scenario, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from routing.check import check
from routing.limits import Limits
from routing.plan import Plan, Score
from routing.scenario import Scenario, Weights
from routing.solve import solve

PRESETS: Mapping[str, Weights] = {
    "shortest_way": Weights(0.0, 0.0),
    "same_visitor": Weights(1800.0, 0.0),
    "spread_load": Weights(0.0, 1.0),
    "same_visitor_and_spread": Weights(1800.0, 1.0),
}
"""A visit by somebody the elder does not know is worth half an hour of travel; a second of the busiest
worker above the mean one second. Obligations and priority come before all of them."""

FIRST_SHARE = 0.4
"""Share of the time for the plan that all presets begin from."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one preset makes of a scenario; `score.cost` is in the preset's own weights."""

    preset: str
    weights: Weights
    score: Score
    plan: Plan


def compare(
    scenario: Scenario,
    presets: Mapping[str, Weights] | Iterable[str] = PRESETS,
    limits: Limits | None = None,
) -> list[Compared]:
    """Return a plan and its score for each preset, in the order given.

    All begin from one plan and share `limits.time_limit`; afterwards each preset takes the plan of
    another where that is better in its own weights, so that no preset looks worse than it is. With
    `limits.iterations` each search makes that many steps. Unknown names raise `KeyError`.
    """
    limits = limits or Limits()
    chosen = dict(presets) if isinstance(presets, Mapping) else {name: PRESETS[name] for name in presets}
    if not chosen:
        return []
    begun = time.monotonic()
    first = solve(_with(scenario, Weights()), replace(limits, time_limit=limits.time_limit * FIRST_SHARE))
    plans = [first]
    for number, weights in enumerate(chosen.values()):
        left = limits.time_limit - (time.monotonic() - begun)
        share = max(0.1, left / (len(chosen) - number))
        plans.append(solve(_with(scenario, weights), replace(limits, time_limit=share), start=first))
    found = []
    for name, weights in chosen.items():
        own = _with(scenario, weights)
        scored = [(check(own, replace(plan, score=None)).score, plan) for plan in plans]
        score, plan = min(scored, key=lambda pair: pair[0].key)
        found.append(Compared(name, weights, score, plan.with_score(score)))
    return found


def _with(scenario: Scenario, weights: Weights) -> Scenario:
    return replace(scenario, weights=weights)
