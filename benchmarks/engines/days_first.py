"""A month with a solver that knows only days: choose the days first, then route each day.

Each elder begins with the permitted days that are least loaded. Days are solved in order; who is not reached on a
day moves to the next permitted day that still fits what was made. Hours and visits of the week and month that a
worker has left become the shift and the most visits of the day. Each day gets an equal share of the time left.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

from benchmarks.engines import Answer, Point, Task
from benchmarks.grid import NO_LIMIT, Grid, Orders
from benchmarks.referee import permitted

Json = dict[str, Any]
SolveDay = Callable[[Grid, float, int, str, int], tuple[Orders, list[Point]]]
MOST_PATTERNS = 400
KEPT = ("speed_kmh", "detour", "matrix", "prize_worth")


def by_days(task: Task, solve_day: SolveDay) -> Answer:
    """Solve a day as it is, a month day by day."""
    scenario = task.scenario
    started = time.monotonic()
    if scenario["kind"] == "day":
        grid = Grid(scenario)
        built = time.monotonic() - started
        orders, curve = solve_day(grid, task.seconds - built, task.seed, task.setting, task.processes)
        return Answer(grid.plan(orders), [(round(at + built, 2), *rest) for at, *rest in curve])
    month = _Month(scenario)
    for day in range(scenario["days"]):
        left = task.seconds - (time.monotonic() - started)
        grid, elders = month.grid(day)
        if grid is None:
            continue
        share = max(0.1, left / (scenario["days"] - day))
        orders, _curve = solve_day(grid, share, task.seed, task.setting, task.processes)
        month.book(day, grid.plan(orders), elders)
    return Answer(month.plan())


class _Month:
    def __init__(self, scenario: Json) -> None:
        self.scenario = scenario
        self.load: Counter[int] = Counter()
        self.made: dict[str, list[int]] = {}
        self.choices = [_patterns(elder, scenario["weekday_of_day"]) for elder in scenario["elders"]]
        self.chosen: list[tuple[int, ...]] = []
        for elder, patterns in zip(scenario["elders"], self.choices, strict=True):
            self.chosen.append(self._lightest(patterns, elder))
            self.load.update(dict.fromkeys(self.chosen[-1], elder["duration"] + 1))
        self.routes: list[Json] = []
        self.hours: Counter[tuple[str, int]] = Counter()
        self.visits: Counter[tuple[str, int]] = Counter()
        self.month_visits: Counter[str] = Counter()
        self.weeks = [0]
        weekdays = scenario["weekday_of_day"]
        for before, after in pairwise(weekdays):
            self.weeks.append(self.weeks[-1] + (after <= before))

    def _lightest(self, patterns: list[tuple[int, ...]], elder: Json) -> tuple[int, ...]:
        del elder
        return min(patterns, key=lambda days: max((self.load[day] for day in days), default=0), default=())

    def grid(self, day: int) -> tuple[Grid | None, dict[str, int]]:
        """The day's scenario: elders due on it, workers with what they have left."""
        due = {self.scenario["elders"][k]["id"]: k for k, days in enumerate(self.chosen) if day in days}
        workers = [left for worker in self.scenario["workers"] if (left := self._left(worker, day))]
        if not due or not workers:
            for number in due.values():
                self._later(number, day)
            return None, due
        names = {worker["id"] for worker in workers}
        visits = []
        for elder in (self.scenario["elders"][k] for k in due.values()):
            excluded = [name for name in elder.get("excluded") or () if name in names]
            visits.append({**elder, "excluded": excluded})
        keep = {key: self.scenario[key] for key in KEPT if key in self.scenario}
        return Grid({"kind": "day", "visits": visits, "workers": workers, **keep}), due

    def _left(self, worker: Json, day: int) -> Json | None:
        weekday, week, name = self.scenario["weekday_of_day"][day], self.weeks[day], worker["id"]
        weekdays = worker.get("weekdays")
        if day in (worker.get("not_days") or ()) or (weekdays is not None and weekday not in weekdays):
            return None
        low, high = (worker.get("shifts") or {}).get(str(weekday)) or worker.get("shift") or [0, NO_LIMIT]
        if worker.get("max_hours_week") is not None:
            high = min(high, low + int(worker["max_hours_week"] * 3600) - self.hours[name, week])
        most = [worker.get("max_visits")]
        if worker.get("max_visits_week") is not None:
            most.append(worker["max_visits_week"] - self.visits[name, week])
        if worker.get("max_visits_month") is not None:
            most.append(worker["max_visits_month"] - self.month_visits[name])
        limits = [limit for limit in most if limit is not None]
        if high <= low or (limits and min(limits) <= 0):
            return None
        return {**worker, "shift": [low, high], "max_visits": min(limits, default=None)}

    def book(self, day: int, plan: Json, due: dict[str, int]) -> None:
        """Keep a day's routes; whoever was not reached is tried on a later day."""
        for route in plan["routes"]:
            name, week = route["worker"], self.weeks[day]
            self.routes.append({**route, "day": day})
            self.hours[name, week] += route["arrival"] - route["departure"]
            self.visits[name, week] += len(route["stops"])
            self.month_visits[name] += len(route["stops"])
            for stop in route["stops"]:
                self.made.setdefault(stop["visit"], []).append(day)
        for name in plan["unassigned"]:
            self._later(due[name], day)

    def _later(self, number: int, day: int) -> None:
        elder = self.scenario["elders"][number]
        done = set(self.made.get(elder["id"], ()))
        further = [
            days
            for days in self.choices[number]
            if done <= set(days) and all(other in done or other > day for other in days)
        ]
        self.chosen[number] = self._lightest(further, elder) or tuple(
            other for other in self.chosen[number] if other > day
        )

    def plan(self) -> Json:
        """Number each elder's visits in day order and list the rest."""
        routes = []
        for route in self.routes:
            stops = []
            for stop in route["stops"]:
                number = sorted(self.made[stop["visit"]]).index(route["day"]) + 1
                stops.append({**stop, "visit": f"{stop['visit']}#{number}"})
            routes.append({**route, "stops": stops})
        left = []
        for elder, patterns in zip(self.scenario["elders"], self.choices, strict=True):
            count = max(map(len, patterns), default=elder.get("frequency") or 1)
            made = len(self.made.get(elder["id"], ()))
            left += [f"{elder['id']}#{k + 1}" for k in range(made, count)]
        return {"scenario": self.scenario.get("name", ""), "routes": routes, "unassigned": left}


def _patterns(elder: Json, weekday_of_day: list[int]) -> list[tuple[int, ...]]:
    if elder.get("patterns") is not None:
        return [tuple(sorted(days)) for days in elder["patterns"]]
    count = elder.get("frequency") or 1
    never = set(elder.get("not_weekdays") or ())
    days = [day for day, weekday in enumerate(weekday_of_day) if weekday not in never]
    found = []
    for choice in combinations(days, count):
        if permitted(elder, list(choice), weekday_of_day):
            found.append(choice)
            if len(found) == MOST_PATTERNS:
                break
    return found
