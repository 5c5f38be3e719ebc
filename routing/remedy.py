"""The smallest changes that would let a missing visit be made, each proven by solving again.

Each kind of limit is loosened alone, step by step, until the visit fits somewhere (`routing.quote`
answers that in about a millisecond). What comes out is then proven: the changed scenario is solved
again from the plan, and only a change that gets the visit made, loses nothing more important and passes
the checker is given back, with everything it gains.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from routing.check import check
from routing.construct import construct, load_plan, order
from routing.draft import draft
from routing.edits import Edit, edited
from routing.insert import place
from routing.loosen import Draft, Loosener
from routing.model import Model
from routing.plan import Plan, Score
from routing.probe import Remedy
from routing.scenario import Scenario
from routing.state import State

EACH_KIND = 2
"""How many changes of a kind are proven and given back."""
SQUEEZE_STEPS = 60
TRYING = 0.5
"""Share of the time for finding changes; the rest is for proving them."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What a change brings against the plan: visits, statutory visits and priority more, travel more."""

    visits: int
    statutory: int
    priority: int
    travel_seconds: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        """In the order of the aims: larger is better."""
        return self.statutory, self.priority, self.visits, -self.travel_seconds


@dataclass(frozen=True, slots=True)
class ProvenRemedy(Remedy):
    """A remedy with the change as data and what solving again gained."""

    edits: tuple[Edit, ...] = ()
    gain: Gain = Gain(0, 0, 0, 0)
    effort: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "code": self.code,
            "detail": dict(self.detail),
            "edits": [edit.to_dict() for edit in self.edits],
            "gain": {name: getattr(self.gain, name) for name in Gain.__slots__},
            "effort": self.effort,
        }


def remedies(scenario: Scenario, plan: Plan, visit: str, seconds: float = 2.0) -> list[ProvenRemedy]:
    """Return proven remedies for a visit the plan does not make, the smallest effort first.

    Within `seconds` (asked between proofs) the answer is always the same; what is not proven by then
    is left out. A visit that solving again can place without any change has ``insert_now`` as its only
    remedy. Raises `KeyError` for an unknown visit and `ValueError` for one the plan makes.
    """
    begun = time.monotonic()
    item = scenario.visit_of(visit)
    if item is None:
        raise KeyError(visit)
    if any(stop.visit == visit for route in plan.routes for stop in route.stops):
        raise ValueError(f"the plan makes {visit}")
    base = check(scenario, replace(plan, score=None)).score
    proof = prove(scenario, plan, (), visit, base)
    if proof is not None:
        return [ProvenRemedy("insert_now", _where(scenario, plan, proof.plan, visit), (), proof.gain, 0.0)]
    loosener = Loosener(scenario, plan, visit, item, begun + seconds * TRYING)
    found: list[ProvenRemedy] = []
    given: Counter[str] = Counter()
    for draft_ in sorted(loosener.drafts(), key=lambda draft_: draft_.key):
        if given[draft_.code] >= EACH_KIND:
            continue
        if time.monotonic() > begun + seconds:
            break
        proven = _smallest(scenario, plan, draft_, visit, base, begun + seconds)
        if proven is not None:
            given[draft_.code] += 1
            found.append(proven)
    return sorted(found, key=lambda remedy: (remedy.effort, remedy.code, str(remedy.detail)))


def _smallest(
    scenario: Scenario, plan: Plan, trial: Draft, visit: str, base: Score, deadline: float
) -> ProvenRemedy | None:
    """Prove a draft; of a stretched limit also less, which may do once other stops make room."""
    best: ProvenRemedy | None = None
    low, high = 0, trial.step
    while True:
        proof = prove(scenario, plan, trial.edits, visit, base)
        if proof is not None:
            best = ProvenRemedy(trial.code, trial.detail, trial.edits, proof.gain, trial.effort)
            high = trial.step
        elif best is None:
            return None
        else:
            low = trial.step
        if trial.resized is None or high - low <= 1 or time.monotonic() > deadline:
            return best
        trial = trial.resized((low + high) // 2)


def _where(scenario: Scenario, before: Plan, after: Plan, visit: str) -> dict[str, Any]:
    """Worker and day of the visit that is new (an elder's visits are numbered by day and may shift)."""
    owner = _owner(scenario, visit)

    def made(plan: Plan) -> dict[tuple[str, int], str]:
        return {
            (_owner(scenario, stop.visit), route.day): route.worker
            for route in plan.routes
            for stop in route.stops
        }

    new = {key: worker for key, worker in made(after).items() if key not in made(before)}
    days = sorted(day for name, day in new if name == owner)
    return {"worker": new[owner, days[0]], "day": days[0]} if days else {}


# -- proof


@dataclass(frozen=True, slots=True)
class Proof:
    """What solving a changed scenario again came to."""

    plan: Plan
    gain: Gain


def prove(
    scenario: Scenario, plan: Plan, edits: Sequence[Edit], visit: str | None, base: Score
) -> Proof | None:
    """Solve the changed scenario again from the plan; None when `visit` is not made or nothing is gained.

    What the plan makes is kept, what is missing is inserted, and where that fails a few stops around
    the visit are taken off and put back, a bounded number of times.
    """
    changed = edited(scenario, edits)
    off = {edit.id for edit in edits if edit.what == "take_off"}
    routes = tuple(
        replace(route, stops=tuple(stop for stop in route.stops if stop.visit not in off))
        for route in plan.routes
    )
    model = Model(changed)
    state = State(model)
    load_plan(model, state, replace(plan, routes=routes))
    item = None
    if visit is not None:
        owner = changed.visit_of(visit)
        item = next(n for n, v in enumerate(changed.visits) if owner is not None and v.id == owner.id)
        for need in sorted(need for need in model.needs_of[item] if need in state.absent):
            if place(state, need):
                break
            if squeeze(state, need, SQUEEZE_STEPS, Random(1)):  # noqa: S311 - reproducible, no secret
                break
    construct(model, state)
    after = draft(model, state)
    report = check(changed, after)
    if not report.ok:
        return None
    made_before = {s.visit for route in plan.routes for s in route.stops}
    made = {s.visit for route in after.routes for s in route.stops}
    score = report.score
    gain = Gain(
        len(made) - len(made_before),
        base.unserved_statutory - score.unserved_statutory,
        base.unserved_priority - score.unserved_priority,
        score.travel_seconds - base.travel_seconds,
    )
    if visit is not None:
        owner_id = changed.visits[item or 0].id
        count = sum(_owner(changed, name) == owner_id for name in made)
        if count <= sum(_owner(scenario, name) == owner_id for name in made_before):
            return None
        if (gain.statutory, gain.priority) <= (0, 0):
            return None
    return Proof(after.with_score(score), gain)


def _owner(scenario: Scenario, name: str) -> str:
    return name.rpartition("#")[0] if scenario.is_month else name


def squeeze(state: State, need: int, steps: int, rng: Random) -> bool:
    """Make room for a need by putting neighbours elsewhere; the state keeps it only if it is better for it."""
    model = state.model
    item = model.item_of[need]
    routes = [
        route
        for day in model.options(item, state.made[item])
        for route, _, _ in model.cand[item][day]
        if state.row[route]
    ]
    if not routes:
        return False
    for _ in range(steps):
        key = state.key
        state.begin()
        route = rng.choice(routes)
        row = list(state.row[route])
        first = rng.randrange(len(row)) if row else 0
        for other in row[first : first + rng.randint(1, 3)]:
            if other not in model.pins and state.movable(other):
                state.remove(other)
        if place(state, need):
            for other in order(model, state.absent, rng)[:8]:
                place(state, other)
            if state.key < key:
                return True
        state.undo()
    return False
