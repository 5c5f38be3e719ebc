"""A relaxation of a scenario: less is asked than the scenario asks, so what it cannot do nobody can.

Routes are left out. A worker's days keep their length and take each stop with its service and the least
way by which anybody can get there; skills, radius, windows against shifts, permitted days and all limits
on visits and hours stay. Pins, loads shared with a minor and the order of stops are dropped. Every number
is an integer and every row holds for every plan that passes the checker, also where a matrix breaks the
triangle inequality.

With many elders the days of a week or of the whole period are put together, and elders who are alike; both
only loosen it further (`Relaxation.level` says what was done).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from routing.model import UNLIMITED, Model
from routing.scenario import Elder, Span
from routing.ways import Ints, Ways

COLUMNS = 100_000
"""Columns up to which a finer level is taken."""
MOST_COLUMNS = 400_000
"""Beyond this even the coarsest level is not built."""
WINDOWS = 6
"""The commonest time windows that get a row."""
SCALE = 1 << 40
"""Prices of rows are whole fractions of this."""

Flags = np.ndarray[Any, np.dtype[np.bool_]]

LEVELS = ("day", "week", "period", "alike_week", "alike_period")
"""Finest first: each elder and day; weeks put together; the whole period; elders who are alike as well."""


@dataclass(slots=True)
class Row:
    """Sum of `factors` × `columns` ≤ `most`; `kind` names the limit and `worker` whose it is (-1: nobody's)."""

    kind: str
    worker: int
    columns: Ints
    factors: Ints
    most: int


@dataclass(slots=True)
class Relaxation:
    """Columns 0 ≤ x ≤ `most` (integer), rows, and how many visits, with what priority, a column makes."""

    level: str
    visits: int
    statutory: int
    priority: int
    most: list[int] = field(default_factory=list)
    makes: list[tuple[int, int, int]] = field(default_factory=list)
    """Visits, statutory visits and priority made by one unit of each column."""
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """Items that share columns: their indices, and what they have in common."""

    items: Ints
    people: int
    statutory: bool
    priority: int
    skills: int
    needs: int = 0


def relax(model: Model, items: Iterable[int], most: int = COLUMNS) -> Relaxation | None:
    """Return the finest relaxation of some items with all workers that has at most about `most` columns.

    None when even the coarsest would have more than `MOST_COLUMNS`.
    """
    chosen = np.asarray(sorted(items), dtype=np.int64)
    builder = _Builder(model, chosen)
    levels = LEVELS if model.days > 1 else ("day", "alike_period")
    for level in levels:
        groups = builder.groups(level)
        size = builder.size(level, groups)
        if size <= most or (level == levels[-1] and size <= MOST_COLUMNS):
            return builder.build(level, groups)
    return None


class _Builder:
    def __init__(self, model: Model, items: Ints) -> None:
        self.model, self.items = model, items
        self.ways = Ways(model, items)
        self.low = np.asarray([model.window[i][0] for i in items], np.int64)
        self.high = np.asarray([model.window[i][1] for i in items], np.int64)
        self.load = np.asarray([model.load[i] for i in items], np.int64)
        # a minor beside an adult may carry the load
        self.loads = not any(model.minor)
        self.able = np.zeros((len(items), model.workers), np.bool_)
        self.pairs = [model.pairs(int(i)) if model.people[i] == 2 else frozenset() for i in items]
        self.open = np.zeros((len(items), model.days), np.bool_)
        for row, i in enumerate(items):
            who = (
                model.solo[i]
                if model.people[i] == 1
                else sorted({w for pair in self.pairs[row] for w in pair})
            )
            self.able[row, who] = True
            self.open[row, list(model.options(int(i), ()))] = True
        self._most: dict[tuple[object, ...], int] = {}

    # -- what is put together

    def groups(self, level: str) -> list[_Group]:
        """Each item alone, or those that are alike in all but their place."""
        model = self.model
        members: dict[tuple[object, ...], list[int]] = {}
        for row, i in enumerate(self.items):
            key: tuple[object, ...] = (row,)
            if level.startswith("alike"):
                key = (model.needs_skills[i], model.people[i], model.statutory[i], model.priority[i])
                key += (model.duration[i] // 600, model.window[i])
            members.setdefault(key, []).append(row)
        found = []
        for rows in members.values():
            i = int(self.items[rows[0]])
            needs = sum(len(model.needs_of[int(self.items[row])]) for row in rows)
            found.append(
                _Group(
                    np.asarray(rows, np.int64),
                    model.people[i],
                    model.statutory[i],
                    model.priority[i],
                    model.needs_skills[i],
                    needs,
                )
            )
        return found

    def size(self, level: str, groups: list[_Group]) -> int:
        """Return about how many columns a level has."""
        if level == "day":
            working = np.asarray([[no >= 0 for no in row] for row in self.model.shift_no], np.int64)
            if not self.model.workers:
                return 0
            return int(((self.able @ working) * self.open).sum())
        periods = len(self.periods(level))
        if not level.startswith("alike"):
            return int(self.able.sum()) * periods
        return sum(int(self.able[group.items].any(axis=0).sum()) for group in groups) * periods

    def periods(self, level: str) -> list[list[int]]:
        """Return the days that are put together."""
        days, weeks = range(self.model.days), self.model.weeks
        if level == "day":
            return [[day] for day in days]
        if level.endswith("week"):
            return [[day for day in days if weeks[day] == week] for week in sorted(set(weeks))]
        return [list(days)]

    # -- columns and rows

    def build(self, level: str, groups: list[_Group]) -> Relaxation:
        """Return the relaxation at one level."""
        model = self.model
        out = Relaxation(
            level,
            sum(group.needs for group in groups),
            sum(group.needs for group in groups if group.statutory),
            sum(group.needs * group.priority for group in groups),
        )
        periods = self.periods(level)
        group_of = np.zeros(len(self.items), np.int64)
        for number, group in enumerate(groups):
            group_of[group.items] = number
        fits = np.zeros((len(self.items), len(periods)), np.int64)
        for number, days in enumerate(periods):
            fits[:, number] = [self._visits_in(row, days) for row in range(len(self.items))]
        by_group: list[list[tuple[int, int, int]]] = [[] for _ in groups]
        for worker in range(model.workers):
            self._worker(out, worker, periods, groups, group_of, fits, by_group)
        for number, group in enumerate(groups):
            self._group(out, group, by_group[number], fits[group.items].sum(axis=0), level, periods)
        return out

    def _worker(
        self,
        out: Relaxation,
        worker: int,
        periods: list[list[int]],
        groups: list[_Group],
        group_of: Ints,
        fits: Ints,
        by_group: list[list[tuple[int, int, int]]],
    ) -> None:
        """Columns and limits of one worker."""
        model = self.model
        if not len(self.items):
            return
        reach, leg, back = self.ways.of(worker)
        alone = [self._alone(worker, span, reach, back) for span in model.shifts[worker]]
        if not any(flags.any() for flags in alone):
            return
        anywhere = np.logical_or.reduce(alone)
        least = self.ways.durations + leg
        lead = int(np.maximum(0, reach - leg)[anywhere].min())
        home = int(back[anywhere].min())
        price = np.full(len(groups), UNLIMITED, np.int64)
        np.minimum.at(price, group_of[anywhere], least[anywhere])
        per_period: list[tuple[Ints, Ints]] = []
        for number, days in enumerate(periods):
            may = np.zeros(len(self.items), np.bool_)
            for day in days:
                shift = model.shift_no[worker][day]
                if shift >= 0:
                    may |= alone[shift] & self.open[:, day]
            most = np.bincount(group_of[may], weights=fits[may, number], minlength=len(groups)).astype(
                np.int64
            )
            chosen = np.flatnonzero(most)
            first = len(out.most)
            columns = np.arange(first, first + len(chosen), dtype=np.int64)
            for column, g in zip(columns.tolist(), chosen.tolist(), strict=True):
                group = groups[g]
                out.most.append(int(most[g]))
                single = group.people == 1
                out.makes.append((1, int(group.statutory), group.priority) if single else (0, 0, 0))
                by_group[g].append((column, worker, number))
            per_period.append((columns, chosen))
        self._limits(out, worker, periods, per_period, price, lead, home, alone, (reach, leg, back), group_of)

    def _alone(self, worker: int, span: Span, reach: Ints, back: Ints) -> Flags:
        """Whether the worker could make each item in a shift if there were nothing else, breaks left out."""
        model = self.model
        start = np.maximum(self.low, span[0] + reach)
        fits = self.able[:, worker] & (start <= self.high)
        fits &= start + self.ways.durations + back <= span[1]
        longest = min(model.max_route[worker], model.cap_seconds[worker])
        fits &= reach + self.ways.durations + back <= longest
        if self.loads:
            fits &= self.load <= model.capacity[worker]
        return fits

    def _limits(
        self,
        out: Relaxation,
        worker: int,
        periods: list[list[int]],
        per_period: list[tuple[Ints, Ints]],
        price: Ints,
        lead: int,
        home: int,
        alone: list[Flags],
        ways: tuple[Ints, Ints, Ints],
        group_of: Ints,
    ) -> None:
        model = self.model
        most_day = model.cap_day[worker]
        weeks: dict[int, list[int]] = {}
        for number, days in enumerate(periods):
            for week in {model.weeks[day] for day in days}:
                weeks.setdefault(week, []).append(number)
        for number, days in enumerate(periods):
            columns, chosen = per_period[number]
            if not len(columns):
                continue
            shifts = [model.shift_no[worker][day] for day in days if model.shift_no[worker][day] >= 0]
            time = sum(max(0, self._length(worker, shift) - lead - home) for shift in shifts)
            self._add(out, "time", worker, columns, price[chosen], time)
            if most_day < UNLIMITED:
                ones = np.ones(len(columns), np.int64)
                self._add(out, "visits_day", worker, columns, ones, most_day * len(shifts))
            self._windows(out, worker, columns, chosen, shifts, alone, ways, group_of, price)
            if self.loads and model.capacity[worker] < UNLIMITED:
                self._loads(out, worker, columns, chosen, group_of, len(shifts))
        everything = np.concatenate([columns for columns, _ in per_period])
        if model.cap_month[worker] < UNLIMITED:
            ones = np.ones(len(everything), np.int64)
            self._add(out, "visits_month", worker, everything, ones, model.cap_month[worker])
        whole = [weeks] if all(len({model.weeks[d] for d in days}) == 1 for days in periods) else []
        spans = (
            [(numbers, 1) for numbers in weeks.values()]
            if whole
            else [(list(range(len(periods))), len(weeks))]
        )
        for numbers, times in spans:
            columns = np.concatenate([per_period[number][0] for number in numbers])
            chosen = np.concatenate([per_period[number][1] for number in numbers])
            if not len(columns):
                continue
            if model.cap_week[worker] < UNLIMITED:
                ones = np.ones(len(columns), np.int64)
                self._add(out, "visits_week", worker, columns, ones, model.cap_week[worker] * times)
            if model.cap_seconds[worker] < UNLIMITED:
                # a day out costs the way there and back, and holds at most so many visits
                share = most_day if 0 < most_day < UNLIMITED else 0
                factors = price[chosen] * share + lead + home if share else price[chosen]
                limit = model.cap_seconds[worker] * times * (share or 1)
                self._add(out, "hours_week", worker, columns, factors, limit)

    def _length(self, worker: int, shift: int) -> int:
        """Seconds of a shift that can be worked: less what its breaks take of it wherever they lie."""
        model = self.model
        opening, closing = model.shifts[worker][shift]
        length = closing - opening
        for pause in model.breaks[worker]:
            length -= min(
                max(0, min(begin + pause.duration, closing) - max(begin, opening)) for begin in pause.window
            )
        return min(length, model.max_route[worker])

    def _windows(
        self,
        out: Relaxation,
        worker: int,
        columns: Ints,
        chosen: Ints,
        shifts: list[int],
        alone: list[Flags],
        ways: tuple[Ints, Ints, Ints],
        group_of: Ints,
        price: Ints,
    ) -> None:
        """Visits that must all start within one window: the last may end, and the first be reached, outside."""
        model = self.model
        reach, leg, back = ways
        seen: dict[Span, int] = {}
        anywhere = np.logical_or.reduce(alone)
        inside = np.isin(group_of, chosen) & anywhere
        onward = self.ways.durations + back
        for low, high in zip(self.low[inside].tolist(), self.high[inside].tolist(), strict=True):
            seen[low, high] = seen.get((low, high), 0) + 1
        common = sorted(seen, key=lambda window: (-seen[window], window))[:WINDOWS]
        for low, high in common:
            within = inside & (self.low >= low) & (self.high <= high)
            numbers = np.unique(group_of[within])
            # a group whose members differ in window counts only when all of them are within
            mixed = np.unique(group_of[inside & ~within])
            numbers = np.setdiff1d(numbers, mixed)
            keep = np.isin(chosen, numbers)
            if not keep.any():
                continue
            within &= np.isin(group_of, numbers)
            room, full, narrow = 0, 0, False
            extra = int(self.ways.durations[within].max() + leg[within].max())
            for shift in shifts:
                opening, closing = model.shifts[worker][shift]
                first, last = opening + int(reach[within].min()), closing - int(onward[within].min())
                narrow |= low > first or high < last
                first, last = max(low, first), min(high, last)
                room += last - first + extra if last >= first else 0
                full += self._length(worker, shift)
            if room < full:
                self._add(
                    out, "window" if narrow else "time", worker, columns[keep], price[chosen[keep]], room
                )

    def _loads(
        self, out: Relaxation, worker: int, columns: Ints, chosen: Ints, group_of: Ints, times: int
    ) -> None:
        """What is carried to visits for one; of two either carries it."""
        single = np.asarray([self.model.people[i] == 1 for i in self.items], np.bool_)
        loads = np.full(int(group_of.max()) + 1, UNLIMITED, np.int64)
        np.minimum.at(loads, group_of, np.where(single, self.load, 0))
        self._add(out, "load", worker, columns, loads[chosen], self.model.capacity[worker] * times)

    def _add(self, out: Relaxation, kind: str, worker: int, columns: Ints, factors: Ints, most: int) -> None:
        used = factors != 0
        columns, factors = columns[used], factors[used]
        if int((factors * np.asarray([out.most[c] for c in columns], np.int64)).sum()) > most:
            out.rows.append(Row(kind, worker, columns, factors, most))

    # -- the elders' side

    def _visits_in(self, row: int, days: list[int]) -> int:
        """Return the most visits an item may get on some days, whoever makes them."""
        model = self.model
        item = int(self.items[row])
        elder = model.scenario.visits[item]
        rule = model.rules[item]
        if rule is None or not isinstance(elder, Elder):
            return 1
        key = (rule.key, days[0], days[-1])
        found = self._most.get(key)
        if found is None:
            opened = [day for day in days if self.open[row, day]]
            if elder.patterns is not None:
                found = max((len(set(pattern) & set(opened)) for pattern in elder.patterns), default=0)
            else:
                found, last = 0, -(1 << 30)
                for day in opened:
                    if day - last >= max(1, elder.min_gap_days):
                        found, last = found + 1, day
            found = self._most[key] = min(found, elder.count)
        return found

    def _group(
        self,
        out: Relaxation,
        group: _Group,
        cells: list[tuple[int, int, int]],
        fits: Ints,
        level: str,
        periods: list[list[int]],
    ) -> None:
        """An elder gets no more visits than wanted, on permitted days, by enough people with the skills."""
        model = self.model
        columns = np.asarray([column for column, _, _ in cells], np.int64)
        if not len(columns):
            return

        def limit(kind: str, chosen: Ints, most: int) -> None:
            self._add(out, kind, -1, chosen, np.ones(len(chosen), np.int64), most)

        limit("wanted", columns, group.needs * group.people)
        by_period: dict[int, list[int]] = {}
        for column, _, period in cells:
            by_period.setdefault(period, []).append(column)
        if len(by_period) > 1:
            for period, some in by_period.items():
                limit("days", np.asarray(some, np.int64), int(fits[period]) * group.people)
            if level == "day":
                self._gaps(group, by_period, limit)
        if group.people == 1:
            return
        made = len(out.most)
        out.most.append(group.needs)
        out.makes.append((1, int(group.statutory), group.priority))
        parts = [(columns, 2)]
        bit = 1
        while bit <= group.skills:
            if group.skills & bit:
                some = [column for column, worker, _ in cells if model.has_skills[worker] & bit]
                parts.append((np.asarray(some, np.int64), 1))
            bit <<= 1
        if any(model.minor):
            some = [column for column, worker, _ in cells if not model.minor[worker]]
            parts.append((np.asarray(some, np.int64), 1))
        for some_columns, times in parts:
            all_columns = np.append(some_columns, made)
            factors = np.append(np.full(len(some_columns), -1, np.int64), times)
            out.rows.append(Row("together", -1, all_columns, factors, 0))

    def _gaps(
        self,
        group: _Group,
        by_period: dict[int, list[int]],
        limit: Callable[[str, Ints, int], None],
    ) -> None:
        """Within the least gap an elder gets one visit (an item alone; at this level groups are items)."""
        elder = self.model.scenario.visits[int(self.items[group.items[0]])]
        if not isinstance(elder, Elder) or elder.patterns is not None or elder.min_gap_days < 2:
            return
        days = sorted(by_period)
        windows = [[d for d in days if day <= d < day + elder.min_gap_days] for day in days]
        for before, window in pairwise([[], *windows]):
            if len(window) > 1 and not set(window) <= set(before):
                limit("days", np.asarray([c for d in window for c in by_period[d]], np.int64), group.people)
