"""The compiled improver: what `routing.improve.Improver` does, thousands of steps a second.

Stops that are shared by two workers or pinned keep their route and start here (`frozen`); the
interpreted improver moves them, in turns with this one (`routing.search`).
"""

from __future__ import annotations

import time

import numpy as np

from routing.kernel import anneal, arrays
from routing.kernel.layout import BIG, C_SHORT, Array
from routing.model import FREE, Model, StopKey
from routing.plan import Score
from routing.state import Key, Snapshot, State

KNOB = (10.0, 16.0, 10.0, 0.2, 0.5, 0.01, 0.06, 0.6, 0.5, 0.2, 0.06, 0.0, 0.0, 0.0)
"""See `layout.K_SMALL` and the following."""
KNOB_MANY = (10.0, 16.0, 10.0, 0.03, 0.5, 0.01, 0.04, 0.6, 0.5, 0.2, 0.02, 0.0, 0.0, 0.0)
KNOB_FEW = (10.0, 30.0, 10.0, 0.3, 0.5, 0.01, 0.06, 0.6, 0.5, 0.2, 0.15, 0.0, 0.0, 0.0)
KNOB_MANY_DAY = (10.0, 16.0, 10.0, 0.03, 0.5, 0.01, 0.08, 0.6, 0.5, 0.2, 0.02, 0.9, 0.02, 0.0)
KNOB_MONTH = (10.0, 16.0, 10.0, 0.05, 0.5, 0.01, 0.04, 0.6, 0.5, 0.2, 0.03, 0.0, 0.0, 0.4)
FEW, MANY = 100, 250
"""Up to FEW visits there is time for large ruins, which alone leave deep local optima; with more than MANY
there are never enough steps, so that most of them are small; on one day exchanges with a far worker are then
nearly all in vain, and the near ones worth more steps. A month between MANY and PRICED has its own."""
SLICE_SECONDS = 0.08
FIRST_SLICE = 64
HOT, COLD = 1.0, 0.01
HOT_FEW, COLD_FEW = 2.0, 0.004
COLD_MONTH = 0.03
"""First and last temperature, in mean travel seconds of a stop; a small month only stands still in the cold."""
ROUNDS = 3
"""So many times a day of up to MANY visits is annealed from hot to cold: which workers go at all is settled while
it cools, and a second and third throw of the dice are worth more than slower cooling."""
VERSIONS = 1 << 30
PRICED = 1_000
"""Up to so many visits of a month the price of a missing one moves (`KernelImprover._price`)."""
SHORT = (0.2, 0.5)
DEARER = 1.15
CHEAPEST = 3.0
SURE_FROM = 0.85
"""Shares of steps that miss more than the best plan between which the price stays, the factor it moves by, its
least in mean travel seconds of a stop, and the part of the run from which it is the full one."""


class KernelImprover:
    """Anneals with compiled code; `state` is only read and is brought up to date by `sync`."""

    def __init__(self, model: Model, state: State, seed: int, knob: tuple[float, ...] | None = None) -> None:
        self.model, self.state = model, state
        self._small_month = model.scenario.is_month and model.needs <= PRICED
        self.problem = arrays.problem(model, np.array(knob or self._knob()))
        self.farthest = arrays.farthest(model, self.problem)
        self.work = arrays.work(model, self.problem, seed)
        self.steps = 0
        self._rounds = 1 if model.scenario.is_month or model.needs > MANY else ROUNDS
        self._slice = FIRST_SLICE
        self.hard = {
            need
            for need in range(model.needs)
            if model.people[model.item_of[need]] == 2 or need in model.pins
        }
        self.load()
        self.keep()
        self.scale()

    def _knob(self) -> tuple[float, ...]:
        """Return the shares of the moves for this size of problem."""
        if self.model.needs <= FEW:
            return KNOB_FEW
        if self.model.needs <= MANY:
            return KNOB
        if not self.model.scenario.is_month:
            return KNOB_MANY_DAY
        return KNOB_MONTH if self._small_month else KNOB_MANY

    # -- aims

    @property
    def key(self) -> Key:
        """The aims of the best plan."""
        total = self.work.best_total
        return self._missing_pins, int(total[3]), int(total[2]), float(self.work.energy[1])

    @property
    def score(self) -> Score:
        """The score of the best plan (for progress)."""
        total, energy = self.work.best_total, self.work.energy
        named = int(total[4])
        return Score(
            int(total[3]),
            int(total[2]),
            int(total[0]),
            round(1 - int(total[1]) / named, 4) if named else None,
            round(float(energy[2]), 4) if energy[2] else None,
            round(float(energy[1]), 2),
        )

    # -- in and out

    def load(self) -> None:
        """Take the routes of the state over; stops that must not move become nodes of their own."""
        model, state, p, s = self.model, self.state, self.problem, self.work
        items, days = model.items, model.days
        nodes = [tuple(row) for row in p.node[:items].tolist()]
        self._frozen: list[tuple[StopKey, int]] = []
        left = [len(needs) for needs in model.needs_of]
        made = [sum(1 << day for day in model.held.get(item, ())) for item in range(items)]
        s.route[:, 0], s.route[:, 6] = 0, 0
        s.stops[:] = 0
        for route, tour in enumerate(state.tours):
            if tour is None or not tour.stops:
                continue
            row = state.row[route]
            for k, (stop, need) in enumerate(zip(tour.stops, row, strict=True)):
                node = stop[0]
                if need in self.hard or len(state.place[need]) > 1 or stop[1] != FREE:
                    node = items + len(self._frozen)
                    self._frozen.append((stop, need))
                    low, high = model.window[stop[0]] if stop[1] == FREE else (stop[1], stop[1])
                    nodes.append((stop[0], model.duration[stop[0]], low, high, stop[2]))
                    made[stop[0]] |= 1 << route % days
                s.stops[route, k, 0] = node
            s.route[route, 0] = len(row)
            s.route[route, 6] = self._open(route, row)
        frozen_needs = {need for _, need in self._frozen}
        hard_left = {need for need in self.hard if need not in frozen_needs}
        for need in frozen_needs | hard_left:
            left[model.item_of[need]] -= 1
        self.problem = p._replace(node=np.array(nodes, np.int64).reshape(-1, p.node.shape[1]))
        self.problem.item[:, 3] = left
        s.where[:] = -1
        s.visits[:, 0], s.visits[:, 1], s.visits[:, 4] = made, left, 0
        s.sums[:] = 0
        s.total[:] = self._fixed(frozen_needs)
        self._missing_pins = state.missing_pins
        s.spots[:, 0] = -1
        s.clock[0] = 0
        if not anneal.begin(self.problem, s):
            raise ValueError("the state breaks a limit")

    def _open(self, route: int, row: tuple[int, ...]) -> int:
        """Return the first position of a route that no pinned position forbids."""
        held = self.state.positions.get(route)
        if not held:
            return 0
        if any(row.index(need) != position for need, position in held.items()):
            return BIG
        return 1 + max(held.values())

    def _fixed(self, frozen: set[int]) -> Array:
        """Return the totals as if nothing free were made."""
        model, state = self.model, self.state
        total = np.zeros(self.work.total.shape[0], np.int64)
        for item, needs in enumerate(model.needs_of):
            absent = sum(need not in frozen for need in needs)
            total[2] += absent * model.priority[item]
            total[3] += absent * model.statutory[item]
        for need in frozen:
            item = model.item_of[need]
            workers = {route // model.days for route in state.place[need]}
            total[4] += bool(model.known[item])
            total[1] += bool(model.known[item]) and not workers & model.known[item]
        return total

    def keep(self) -> None:
        """Remember the loaded plan as the best."""
        anneal.keep_best(self.problem, self.work)

    @property
    def best(self) -> Snapshot:
        """The best plan as a snapshot."""
        model, s = self.model, self.work
        items, days = model.items, model.days
        made: dict[int, list[tuple[int, int, int]]] = {}
        rows: list[tuple[int, list[StopKey], list[int]]] = []
        for route in np.nonzero(s.best_size)[0].tolist():
            stops: list[StopKey] = []
            needs: list[int] = []
            for k, node in enumerate(s.best_nodes[route, : s.best_size[route]].tolist()):
                if node >= items:
                    stop, need = self._frozen[node - items]
                else:
                    stop, need = (node, FREE, model.load[node]), -1
                    made.setdefault(node, []).append((route % days, len(rows), k))
                stops.append(stop)
                needs.append(need)
            rows.append((route, stops, needs))
        used = {need for _, need in self._frozen}
        for item, places in made.items():
            names = [need for need in model.needs_of[item] if need not in used and need not in self.hard]
            for (_, row, k), need in zip(sorted(places), names, strict=False):
                rows[row][2][k] = need
        return tuple((route, tuple(stops), tuple(needs)) for route, stops, needs in rows)

    def sync(self) -> None:
        """Bring the state to the best plan."""
        self.state.restore(self.best)

    def adopt(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot that came from elsewhere."""
        self.state.restore(snapshot)
        self.take()

    def take(self) -> bool:
        """Continue from the state as it is now; True when it is the best so far.

        The best is always a plan of the stops that are frozen now, so a worse state is not taken.
        """
        if not self.state.key < self.key:
            self.sync()
            return False
        self.load()
        self.keep()
        return True

    # -- search

    def scale(self) -> None:
        """Fit temperature and the worth of a visit to the travel of this scenario."""
        s, p = self.work, self.problem
        stops = int(s.route[:, 0].sum()) + int((s.route[:, 0] > 0).sum())
        self.leg = max(1.0, float(s.total[0]) / stops if stops else self._typical())
        # more than any single change of a plan can save on the road, or lesser visits would be kept for it
        priority = max(10_000.0, 40.0 * self.leg, 4.0 * self.farthest)
        p.weight[0] = self.dear = priority
        p.weight[1] = priority * (1 + sum(self.model.priority[item] for item in self.model.item_of))

    def _typical(self) -> float:
        """Return a rough travel between neighbours when nothing is planned yet."""
        return 300.0

    def fill(self) -> None:
        """Make every missing visit that fits, cheapest place first."""
        anneal.fill(self.problem, self.work)
        self.scale()

    def step(self, progress: float, ahead: float = 0.0, steps: int | None = None) -> bool:
        """Do a slice of steps from `progress` (0 to 1) to `ahead` of the run; True when the best improved."""
        s = self.work
        before = self.key
        short = int(s.clock[C_SHORT])
        count = self._slice if steps is None else steps
        past = min(int(progress * self._rounds), self._rounds - 1)
        hot = self.temperature(progress * self._rounds - past)
        cold = self.temperature(max(progress, ahead) * self._rounds - past)
        begun = time.perf_counter()
        anneal.anneal(self.problem, s, count, hot, cold)
        spent = time.perf_counter() - begun
        self.steps += count
        if self._small_month:
            self._price((int(s.clock[C_SHORT]) - short) / max(1, count), max(progress, ahead))
        if steps is None:
            self._slice = max(1, int(count * min(4.0, max(0.25, SLICE_SECONDS / max(1e-6, spent)))))
        if s.clock[0] > VERSIONS:
            s.spots[:, 0] = -1
            s.route[:, 5] = np.arange(len(s.route))
            s.clock[0] = len(s.route)
        return self.key < before

    def _price(self, short: float, progress: float) -> None:
        """Make missing visits dearer or cheaper, so that a share of the steps misses more than the best plan.

        With full vehicles the way to fewer routes on a day leads through plans that miss something (penalties
        that adapt: Vidal et al. 2012). The best plan is still kept by the aims in their order, and near the end
        nothing may be missing for the sake of the road.
        """
        weight = self.problem.weight
        if progress >= SURE_FROM:
            weight[0] = self.dear
        elif short > SHORT[1]:
            weight[0] = min(self.dear, weight[0] * DEARER)
        elif short < SHORT[0]:
            weight[0] = min(self.dear, max(CHEAPEST * self.leg, weight[0] / DEARER))

    def temperature(self, progress: float) -> float:
        """Return the temperature in seconds at a part of a round."""
        hot, cold = (HOT_FEW, COLD_FEW) if self.model.needs <= FEW else (HOT, COLD)
        if self._small_month and self.model.needs > FEW:
            cold = COLD_MONTH
        return float(self.leg * hot * (cold / hot) ** min(1.0, progress))
