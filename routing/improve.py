"""Ruin and recreate: take some stops off, put them back better (SISR, Christiaens and Vanden Berghe 2020).

Works on whole months: neighbouring stops are taken off tours of any day, whole tours are opened,
and room is made where a visit is missing. This is the interpreted version; a compiled kernel can
take its place behind `Improver.step`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from routing.insert import place
from routing.model import Model
from routing.state import Key, Snapshot, State

RUIN_SIZE = 10
LONGEST_STRING = 8
BLINK = 0.01
HOPEFUL = 12
"""How many other missing needs are tried again in each step."""


class Improver:
    """Anneals a state; `best` is the best snapshot seen, `key` its aims.

    With `around`, most ruins are near one of these items.
    """

    def __init__(self, model: Model, state: State, seed: int, around: Sequence[int] | None = None) -> None:
        self.model = model
        self.around = around
        self.state = state
        self.rng = Random(seed)  # noqa: S311 - reproducible, no secret
        self.best: Snapshot = state.snapshot()
        self.key: Key = state.key
        self.steps = 0
        used = sum(1 for tour in state.tours if tour is not None and tour.stops)
        self.hot = max(30.0, 6.0 * state.travel / max(1, sum(map(len, state.row)) + used))
        self.plannable = {
            need
            for need in range(model.needs)
            if model.people[model.item_of[need]] == 2 or need in model.pins
        }
        for item, needs in enumerate(model.needs_of):
            if model.solo[item]:
                self.plannable.update(needs)

    def adopt(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot that came from elsewhere."""
        self.state.restore(snapshot)
        self.take()

    def take(self) -> bool:
        """Remember the state if it is the best so far."""
        if self.state.key < self.key:
            self.key, self.best = self.state.key, self.state.snapshot()
            return True
        return False

    def step(self, progress: float) -> bool:
        """Do one ruin and recreate; `progress` from 0 to 1 cools. True when the best improved."""
        self.steps += 1
        state, rng = self.state, self.rng
        before = state.key
        state.begin()
        removed = self._ruin()
        self._recreate(removed)
        after = state.key
        if after[:3] != before[:3]:
            accepted = after < before
        else:
            heat = self.hot * (0.003 ** min(1.0, progress))
            accepted = after[3] < before[3] - heat * math.log(rng.random() or 1e-12)
        if not accepted:
            state.undo()
            return False
        return self.take()

    # -- ruin

    def _ruin(self) -> list[int]:
        rng = self.rng
        hopeful = [need for need in self.state.absent if need in self.plannable]
        choice = rng.random()
        if hopeful and choice < 0.3:
            return self._make_room(rng.choice(sorted(hopeful)))
        if choice < 0.4:
            return self._open_tours()
        if choice < 0.5:
            return self._scatter()
        return self._strings()

    def _take_off(self, need: int, removed: list[int]) -> None:
        if self.state.place[need] and self.state.movable(need) and self.state.remove(need):
            removed.append(need)

    def _seed(self) -> int:
        if self.around and self.rng.random() < 0.8:
            return self.rng.choice(self.around)
        return self.rng.randrange(self.model.items)

    def _strings(self) -> list[int]:
        """Strings of stops around a place, as in the paper, over the tours of all days."""
        model, state, rng = self.model, self.state, self.rng
        removed: list[int] = []
        if not model.items:
            return removed
        strings = rng.randint(1, 4)
        ruined: set[int] = set()
        for item in model.near_items(self._seed()):
            if len(ruined) >= strings:
                break
            for need in model.needs_of[item]:
                for route in state.place[need]:
                    if route in ruined or len(ruined) >= strings or need not in state.row[route]:
                        continue
                    ruined.add(route)
                    self._string(route, need, removed)
        return removed

    def _string(self, route: int, need: int, removed: list[int]) -> None:
        rng = self.rng
        row = self.state.row[route]
        longest = min(len(row), LONGEST_STRING, max(1, RUIN_SIZE // 2))
        length = rng.randint(1, longest)
        at = row.index(need)
        first = rng.randint(max(0, at - length + 1), min(at, len(row) - length))
        for other in row[first : first + length]:
            self._take_off(other, removed)

    def _open_tours(self) -> list[int]:
        """All stops of one or two tours, short ones rather than long ones."""
        rng, state = self.rng, self.state
        used = [route for route, row in enumerate(state.row) if row]
        removed: list[int] = []
        for _ in range(rng.randint(1, 2)):
            if not used:
                break
            route = min(rng.sample(used, min(2, len(used))), key=lambda r: len(state.row[r]))
            for need in state.row[route][: RUIN_SIZE + 4]:
                self._take_off(need, removed)
        return removed

    def _scatter(self) -> list[int]:
        """All visits of some items that lie near each other."""
        model, rng = self.model, self.rng
        removed: list[int] = []
        around = model.near_items(self._seed())[: 4 * RUIN_SIZE] if model.items else []
        for item in rng.sample(around, min(len(around), rng.randint(2, RUIN_SIZE // 2 + 1))):
            for need in model.needs_of[item]:
                self._take_off(need, removed)
        return removed

    def _make_room(self, need: int) -> list[int]:
        """Stops of tours that could take a missing need, and that elder's other visits."""
        model, state, rng = self.model, self.state, self.rng
        item = model.item_of[need]
        removed: list[int] = []
        for other in model.needs_of[item]:
            self._take_off(other, removed)
        workers = model.solo[item] if model.people[item] == 1 else model.near[item]
        days = model.options(item, state.made[item])
        if not workers or not days:
            return removed
        for _ in range(rng.randint(1, 3)):
            day = rng.choice(days)
            open_today = [w * model.days + day for w in workers if state.row[w * model.days + day]]
            if not open_today:
                continue
            route = rng.choice(open_today)
            row = state.row[route]
            count = rng.randint(1, min(len(row), RUIN_SIZE // 2))
            for other in rng.sample(row, count):
                self._take_off(other, removed)
        # a worker whose week or month is full needs room on another day
        if rng.random() < 0.5:
            worker = rng.choice(workers)
            own = [n for d in range(model.days) for n in state.row[worker * model.days + d]]
            for other in rng.sample(own, min(len(own), 2)):
                self._take_off(other, removed)
        return removed

    # -- recreate

    def _recreate(self, removed: list[int]) -> None:
        state, rng = self.state, self.rng
        fresh = set(removed)
        rest = sorted(need for need in state.absent if need not in fresh and need in self.plannable)
        if len(rest) > HOPEFUL:
            rest = rng.sample(rest, HOPEFUL)
        needs = removed + rest
        self._sort(needs)
        for need in needs:
            place(state, need, rng, BLINK)

    def _sort(self, needs: list[int]) -> None:
        model, rng = self.model, self.rng
        rng.shuffle(needs)
        item_of = model.item_of
        choice = rng.random()
        if choice < 0.3:
            needs.sort(key=lambda n: (not model.statutory[item_of[n]], -model.priority[item_of[n]]))
        elif choice < 0.45:
            needs.sort(key=lambda n: len(model.solo[item_of[n]]))
        elif choice < 0.6:
            needs.sort(key=lambda n: -model.duration[item_of[n]])
        elif choice < 0.7:
            needs.sort(key=lambda n: model.window[item_of[n]][1] - model.window[item_of[n]][0])
        # pinned visits and visits for two are the hardest to fit in later
        needs.sort(key=lambda n: (n not in model.pins, model.people[item_of[n]] != 2))
