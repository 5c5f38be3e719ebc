"""VROOM at its deepest exploration level (0 for a thousand visits), with skills, priorities and most tasks."""

from __future__ import annotations

import time

import numpy as np
import vroom

from benchmarks.engines import Answer, Point, Task
from benchmarks.engines.days_first import by_days
from benchmarks.grid import Grid, NotExpressible, Orders

HIGHEST = 100
NEVER = 2**32 - 1


def run(task: Task) -> Answer:
    """Solve a day, or a month day by day. VROOM stops by itself: there is no time limit to give."""
    return by_days(task, solve_day)


def solve_day(
    grid: Grid, seconds: float, seed: int, setting: str, threads: int
) -> tuple[Orders, list[Point]]:
    """Return orders and the one point of the curve."""
    del seconds, seed
    if any(longest is not None for longest in grid.longest):
        raise NotExpressible("a longest route, service included")
    started = time.monotonic()
    problem = vroom.Input()
    for mode, table in grid.travel.items():
        problem.set_durations_matrix(profile=mode, matrix_input=np.minimum(table, NEVER).astype(np.uint32))
    groups = {row.tobytes(): row for row in grid.able}
    numbers = {key: number + 1 for number, key in enumerate(groups)}
    loaded = any(limit is not None for limit in grid.capacity)
    for worker in range(grid.workers):
        room = grid.capacity[worker]
        most = grid.most[worker]
        problem.add_vehicle(
            vroom.Vehicle(
                worker + 1,
                start=grid.ends[worker][0],
                end=grid.ends[worker][1],
                profile=grid.mode[worker],
                capacity=[sum(grid.load) if room is None else room] * loaded,
                skills={number for key, number in numbers.items() if groups[key][worker]},
                time_window=tuple(grid.shift[worker]),
                max_tasks=grid.visits if most is None else most,
            )
        )
    top = max(grid.priority)
    problem.add_job(
        [
            vroom.Job(
                visit + 1,
                location=visit,
                default_service=grid.duration[visit],
                delivery=[grid.load[visit]] * loaded,
                skills={numbers[grid.able[visit].tobytes()]},
                priority=_priority(grid, visit, top),
                time_windows=[vroom.TimeWindow(*grid.window[visit])],
            )
            for visit in range(grid.visits)
        ]
    )
    solution = problem.solve(exploration_level=int(setting.removeprefix("x")), nb_threads=threads)
    orders: Orders = {worker: [] for worker in range(grid.workers)}
    table = solution.routes
    if "id" in table:  # else nobody is visited
        for worker, job, kind in zip(table["vehicle_id"], table["id"], table["type"], strict=True):
            if kind == "job":
                orders[int(worker) - 1].append(int(job) - 1)
    made = [visit for order in orders.values() for visit in order]
    missed = sum(grid.priority) - sum(grid.priority[visit] for visit in made)
    cost = sum(grid.prize) - sum(grid.prize[visit] for visit in made) + grid.distance(orders)
    return orders, [(round(time.monotonic() - started, 2), cost, missed)]


def _priority(grid: Grid, visit: int, top: int) -> int:
    """Priorities 0 to 100 that add up like ours; statutory ones above all others."""
    if grid.statutory[visit]:
        return HIGHEST
    step = (HIGHEST - 10) // top if any(grid.statutory) else HIGHEST // top
    return max(1, min(HIGHEST, grid.priority[visit] * max(1, min(10, step))))
