"""Home care sets as a whole by the engine's method: ruin and recreate on real routes.

    layout    the arrays
    arrays    from the published problem to the arrays and back
    times     exact starts of a plan, what an insertion raises and a removal lowers (compiled)
    ruin      what is taken off (compiled)
    recreate  where it is put back (compiled)
    anneal    simulated annealing, a slice of steps at a time (compiled)
    jit       how it is compiled

The problem: caregivers with skills, soft windows, two services of a patient at the same time or some time apart
(Mankowska, Meisel & Bierwirth, Health Care Management Science 17, 2014; Kummer, de Araújo, Buriol & Resende 2022;
Ceschia, Di Gaspero, Rosati & Schaerf, International Transactions in Operational Research, 2024). The scenario
format has no words for it. The method is the engine's (SISR: Christiaens & Vanden Berghe, Transportation Science
54, 2020), the code is not: the site has no use for it, so it stays with the benchmarks. It runs compiled only.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.engines.ours_homecare import arrays
from benchmarks.engines.ours_homecare.anneal import anneal, fill, price
from benchmarks.engines.ours_homecare.layout import ABSENT, DISTANCE, Problem, Work
from benchmarks.public.homecare import Call

Json = dict[str, Any]
Curve = list[tuple[float, float]]
"""Seconds since the start and cost, where it improved."""
HOT, COLD = 3.0, 0.2
"""First and last temperature, in mean distance of a call."""
SLICE_SECONDS = 0.08
FIRST_SLICE = 64


def solve(
    data: Json, seconds: float, seed: int = 1, iterations: int | None = None, processes: int = 1
) -> tuple[dict[str, list[Call]], Curve]:
    """Return each caregiver's services in order, and the cost over time.

    `seconds` are wall-clock seconds; `iterations` end a search earlier, and the same seed and iterations then give
    the same routes. On several processors it runs once on each with seeds of their own; the best counts. Raises
    ValueError for a patient with more than two services. What no caregiver can do is on no route.
    """
    started = time.monotonic()
    p = arrays.problem(data)
    seeds = [seed + 7919 * number for number in range(processes)]
    # compiled code holds no lock
    with ThreadPoolExecutor(processes) as pool:
        ends = list(pool.map(lambda one: _search(p, one, started, seconds, iterations), seeds))
    work, curve = min(ends, key=lambda end: float(price(p, end[0].best_total)))
    return arrays.routes(data, work.best_after), curve


def _search(
    p: Problem, seed: int, started: float, seconds: float, iterations: int | None
) -> tuple[Work, Curve]:
    s = arrays.work(p, seed)
    fill(p, s)
    leg = float(max(1.0, s.total[DISTANCE] / len(p.row)))
    curve: Curve = []
    done, size = 0, FIRST_SLICE
    while True:
        passed = time.monotonic() - started
        if not s.best_total[ABSENT]:
            cost = float(price(p, s.best_total)) / 3
            if not curve or cost < curve[-1][1]:
                curve.append((round(passed, 2), cost))
        if passed >= seconds or (iterations is not None and done >= iterations):
            return s, curve
        if iterations is None:
            count, share = size, passed / seconds
        else:
            count, share = min(FIRST_SLICE, iterations - done), done / iterations
        heat = leg * HOT * (COLD / HOT) ** share
        anneal(p, s, count, heat, heat)
        done += count
        spent = time.monotonic() - started - passed
        size = max(1, int(count * min(4.0, max(0.25, SLICE_SECONDS / max(1e-6, spent)))))


def warm() -> None:
    """Compile everything, or load it."""
    solve(TINY, 600.0, iterations=2)


TINY: Json = {
    "patients": [
        {"id": "a", "time_window": [0, 9], "required_caregivers": [{"service": "s", "duration": 1}]},
        {
            "id": "b",
            "time_window": [0, 9],
            "required_caregivers": [{"service": "s", "duration": 1}, {"service": "t", "duration": 1}],
            "synchronization": {"type": "simultaneous"},
        },
    ],
    "services": [],
    "caregivers": [{"id": "k", "abilities": ["s"]}, {"id": "l", "abilities": ["t"]}],
    "central_offices": [{"id": "d"}],
    "distances": [[0, 1, 2], [1, 0, 1], [2, 1, 0]],
}
"""A problem with a single call and a pair."""
