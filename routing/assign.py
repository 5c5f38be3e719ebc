"""Month: which worker visits whom on which day, decided by CP-SAT (OR-Tools).

The model is the assignment half of the periodic routing problem: choose a worker and a day for each
visit under permitted days, weekly and monthly limits and the length of each shift. Travel enters as
a proxy: the places are grouped into cells, a worker-day pays once to reach a cell and a little for
each stop in it (cluster first, route second, Fisher and Jaikumar 1981). The routes themselves are
made afterwards. Visits for two people and pinned visits stay where the state has them.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from routing.insert import place_single
from routing.model import UNLIMITED, Model
from routing.scenario import Elder
from routing.state import State

NEAREST_WORKERS = 7
CELL_SIZE = 8
APPROACH = 0.6
"""Share of a round trip to a cell that a worker-day pays: later cells are reached from earlier ones."""
WINDOW_CLASSES = 6
POLL_SECONDS = 0.2

Choice = tuple[int, int, int]
"""Item, worker, day."""


@dataclass(slots=True)
class Proxy:
    """Cells of places and what reaching and serving them costs each worker (seconds)."""

    cell: list[int]
    approach: dict[tuple[int, int], int] = field(default_factory=dict)
    local: dict[tuple[int, int], int] = field(default_factory=dict)


def make_proxy(model: Model) -> Proxy:
    """Group the places by k-means (deterministic start) and price each worker's way to each group."""
    places = np.asarray(model.travel.places[: model.items], dtype=np.float64)
    flat = places * [1.0, float(np.cos(np.radians(places[:, 0].mean())))]
    count = max(1, min(64, model.items // CELL_SIZE))
    centres = flat[np.linspace(0, model.items - 1, count).astype(int)]
    labels = np.zeros(model.items, dtype=int)
    for _ in range(12):
        labels = ((flat[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
        for c in range(count):
            members = flat[labels == c]
            if len(members):
                centres[c] = members.mean(axis=0)
    distance = ((flat - centres[labels]) ** 2).sum(axis=1)
    proxy = Proxy([int(label) for label in labels])
    for c in range(count):
        members = [int(i) for i in np.flatnonzero(labels == c)]
        if not members:
            continue
        middle = min(members, key=lambda i: float(distance[i]))
        for worker in range(model.workers):
            rows = model.rows[worker]
            way = rows[model.items + worker][middle] + rows[middle][model.items + model.workers + worker]
            proxy.approach[worker, c] = int(APPROACH * way)
            near = sorted(rows[middle][i] for i in members)
            proxy.local[worker, c] = near[len(near) // 2] // 2
    return proxy


def assign(
    model: Model,
    state: State,
    seconds: float,
    seed: int,
    threads: int = 1,
    work: float | None = None,
    over: Callable[[], bool] | None = None,
) -> list[Choice] | None:
    """Return a worker and day for each single visit, None when nothing was found in time.

    `state` serves as the first solution. `seconds` bounds the wall clock; `work` (CP-SAT's
    deterministic time) makes the result repeatable. `over` is asked five times a second.
    """
    if not model.items:
        return None
    try:
        builder = _Builder(model, state, make_proxy(model), over)
    except _StoppedError:
        return None
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.05, seconds)
    solver.parameters.num_workers = threads
    solver.parameters.random_seed = seed % (1 << 30)
    solver.parameters.relative_gap_limit = 0.005
    if work is not None:
        solver.parameters.max_deterministic_time = work
    status = _solve(solver, builder.cp, over)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return [choice for choice, variable in builder.x.items() if solver.boolean_value(variable)]


def _solve(solver: cp_model.CpSolver, cp: cp_model.CpModel, over: Callable[[], bool] | None) -> Any:
    """Solve in a thread (the call releases the interpreter) so that the wish to stop is heard."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(solver.solve(cp)), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        if over is not None and over():
            solver.stop_search()
    return results[0] if results else cp_model.UNKNOWN


def apply(model: Model, state: State, choices: list[Choice]) -> None:
    """Rebuild the state's single visits after the choices; what does not fit is left absent."""
    wanted = defaultdict(set)
    for item, worker, day in choices:
        wanted[item].add((worker, day))
    fixed = fixed_needs(model)
    for need in range(model.needs):
        if need not in fixed and state.place[need] and state.movable(need):
            state.remove(need)
    order = sorted(wanted, key=lambda i: (not model.statutory[i], -model.priority[i], model.window[i], i))
    for item in order:
        for worker, day in sorted(wanted[item], key=lambda entry: entry[1]):
            free = [need for need in model.needs_of[item] if not state.place[need] and need not in fixed]
            if free and day in model.free_options(item, state.made[item]):
                place_single(state, free[0], only={worker * model.days + day})


def fixed_needs(model: Model) -> set[int]:
    """Return the needs CP-SAT does not decide: pinned, or for two people."""
    pinned_items = {model.item_of[need] for need in model.pins}
    return {
        need for need, item in enumerate(model.item_of) if item in pinned_items or model.people[item] == 2
    }


class _StoppedError(Exception):
    """The caller asked to stop while the model was being built."""


class _Builder:
    """The CP-SAT model: `x[item, worker, day]` and the cells each worker-day goes to."""

    def __init__(self, model: Model, state: State, proxy: Proxy, over: Callable[[], bool] | None) -> None:
        self.over = over
        self.model, self.state, self.proxy = model, state, proxy
        self.cp = cp_model.CpModel()
        self.x: dict[Choice, cp_model.IntVar] = {}
        self.goes: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self.fixed = fixed_needs(model)
        self.items = [i for i in range(model.items) if model.needs_of[i][0] not in self.fixed]
        self.hinted = {
            (item, route // model.days, route % model.days)
            for item in self.items
            for need in model.needs_of[item]
            for route in state.place[need]
        }
        self.by_day: dict[tuple[int, int], list[Choice]] = defaultdict(list)
        self._variables()
        for item in self.items:
            self._ask()
            self._days(item)
        self._worker_days()
        self._sums()
        self._objective()

    def _ask(self) -> None:
        if self.over is not None and self.over():
            raise _StoppedError

    def _variables(self) -> None:
        model = self.model
        for item in self.items:
            self._ask()
            rows = model.rows
            ranked = sorted(model.solo[item], key=lambda w: (rows[w][model.items + w][item], w))
            workers = set(ranked[:NEAREST_WORKERS]) | (model.known[item] & set(ranked))
            workers |= {
                route // model.days for need in model.needs_of[item] for route in self.state.place[need]
            }
            for day in model.options(item, ()):
                for worker in sorted(workers):
                    shift = model.shift_no[worker][day]
                    if shift < 0 or model.cap_day[worker] == 0:
                        continue
                    if model.spot(model.tours_empty(worker, shift), item) is None:
                        continue
                    choice = (item, worker, day)
                    self.x[choice] = self.cp.new_bool_var("")
                    self.by_day[worker, day].append(choice)
                    self.cp.add_hint(self.x[choice], choice in self.hinted)

    def _days(self, item: int) -> None:
        """At most one visit a day, and the permitted days."""
        model, cp = self.model, self.cp
        made: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        for day in model.options(item, ()):
            for worker in model.solo[item]:
                variable = self.x.get((item, worker, day))
                if variable is not None:
                    made[day].append(variable)
        if not made:
            return
        elder = model.scenario.visits[item]
        count = len(model.needs_of[item])
        everything = [variable for variables in made.values() for variable in variables]
        if not isinstance(elder, Elder) or count == 1:
            cp.add_at_most_one(everything)
            return
        for variables in made.values():
            cp.add_at_most_one(variables)
        cp.add(cp_model.LinearExpr.sum(everything) <= count)
        if elder.patterns is not None:
            chosen = [cp.new_bool_var("") for _ in elder.patterns]
            cp.add_at_most_one(chosen)
            for day, variables in made.items():
                holding = [z for z, pattern in zip(chosen, elder.patterns, strict=True) if day in pattern]
                cp.add(cp_model.LinearExpr.sum(variables) <= cp_model.LinearExpr.sum(holding))
            return
        days = sorted(made)
        for day in days:
            close = [v for d in days if day <= d < day + elder.min_gap_days for v in made[d]]
            if len(close) > 1:
                cp.add_at_most_one(close)
            far = [v for d in days if elder.max_gap_days and d > day + elder.max_gap_days for v in made[d]]
            if count == 2 and far:
                cp.add_at_most_one([*made[day], *far])

    def _worker_days(self) -> None:
        """Visits, load and time of each worker-day; going to a cell before serving in it."""
        model, cp, state, proxy = self.model, self.cp, self.state, self.proxy
        classes = Counter(model.window[item] for item in self.items).most_common(WINDOW_CLASSES)
        self.length: dict[tuple[int, int], Any] = {}
        for (worker, day), choices in self.by_day.items():
            self._ask()
            route = worker * model.days + day
            kept = [need for need in state.row[route] if need in self.fixed]
            opening, closing = model.shifts[worker][model.shift_no[worker][day]]
            cells: dict[int, list[Choice]] = defaultdict(list)
            for choice in choices:
                cells[proxy.cell[choice[0]]].append(choice)
            hinted_cells = {proxy.cell[choice[0]] for choice in choices if choice in self.hinted}
            for c, members in cells.items():
                goes = self.goes[worker, day, c] = cp.new_bool_var("")
                cp.add_hint(goes, c in hinted_cells)
                for choice in members:
                    cp.add_implication(self.x[choice], goes)
            spent = sum(model.duration[model.item_of[need]] for need in kept)
            terms = [self.x[choice] for choice in choices]
            costs = [self._effort(choice) for choice in choices]
            terms += [self.goes[worker, day, c] for c in cells]
            costs += [proxy.approach[worker, c] for c in cells]
            length = cp_model.LinearExpr.weighted_sum(terms, costs) + spent
            self.length[worker, day] = length
            already = sum(self._effort(choice) for choice in choices if choice in self.hinted) + spent
            already += sum(proxy.approach[worker, c] for c in hinted_cells)
            cp.add(length <= max(closing - opening, already))
            variables = [self.x[choice] for choice in choices]
            if model.cap_day[worker] < len(choices) + len(kept):
                cp.add(cp_model.LinearExpr.sum(variables) <= max(0, model.cap_day[worker] - len(kept)))
            self._window_room(choices, classes, opening, closing)
            if model.capacity[worker] < UNLIMITED:
                loads = [model.load[choice[0]] for choice in choices]
                room = model.capacity[worker] - sum(model.load[model.item_of[need]] for need in kept)
                cp.add(cp_model.LinearExpr.weighted_sum(variables, loads) <= max(0, room))

    def _effort(self, choice: Choice) -> int:
        item, worker, _ = choice
        return self.model.duration[item] + self.proxy.local[worker, self.proxy.cell[item]]

    def _window_room(
        self, choices: list[Choice], classes: list[tuple[tuple[int, int], int]], opening: int, closing: int
    ) -> None:
        """Visits that share a narrow window must fit into it together."""
        for (low, high), _ in classes:
            members = [choice for choice in choices if self.model.window[choice[0]] == (low, high)]
            if not members:
                continue
            longest = max(self.model.duration[choice[0]] for choice in members)
            room = min(high + longest, closing) - max(low, opening)
            efforts = [self._effort(choice) for choice in members]
            already = sum(e for e, choice in zip(efforts, members, strict=True) if choice in self.hinted)
            if room < closing - opening and sum(efforts) > room:
                variables = [self.x[choice] for choice in members]
                self.cp.add(cp_model.LinearExpr.weighted_sum(variables, efforts) <= max(room, already))

    def _sums(self) -> None:
        """Limits over the week and the month."""
        model, cp, state = self.model, self.cp, self.state
        for worker in range(model.workers):
            if not model.summed[worker]:
                continue
            weeks: dict[int, list[int]] = defaultdict(list)
            for day in range(model.days):
                if (worker, day) in self.by_day:
                    weeks[model.weeks[day]].append(day)
            kept = Counter[int]()
            for day in range(model.days):
                row = state.row[worker * model.days + day]
                kept[model.weeks[day]] += sum(1 for need in row if need in self.fixed)
            month: list[cp_model.IntVar] = []
            for week, days in weeks.items():
                variables = [self.x[choice] for day in days for choice in self.by_day[worker, day]]
                month += variables
                if model.cap_week[worker] < UNLIMITED:
                    room = max(0, model.cap_week[worker] - kept[week])
                    cp.add(cp_model.LinearExpr.sum(variables) <= room)
                if model.cap_seconds[worker] < UNLIMITED:
                    total = sum(self.length[worker, day] for day in days)
                    already = state.week_seconds[worker][week] * 3 // 2
                    cp.add(total <= max(model.cap_seconds[worker], already))
            if month and model.cap_month[worker] < UNLIMITED:
                cp.add(cp_model.LinearExpr.sum(month) <= max(0, model.cap_month[worker] - kept.total()))

    def _objective(self) -> None:
        model, proxy = self.model, self.proxy
        weight = model.scenario.weights.continuity
        priority, statutory = 10**6, 10**10
        terms: list[cp_model.IntVar] = []
        costs: list[int] = []
        for (item, worker, _), variable in self.x.items():
            stranger = weight if model.known[item] and worker not in model.known[item] else 0
            local = proxy.local[worker, proxy.cell[item]]
            gain = priority * model.priority[item] + statutory * model.statutory[item]
            terms.append(variable)
            costs.append(int(local + stranger) - gain)
        for (worker, _, c), variable in self.goes.items():
            terms.append(variable)
            costs.append(proxy.approach[worker, c])
        self.cp.minimize(cp_model.LinearExpr.weighted_sum(terms, costs))
