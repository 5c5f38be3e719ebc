"""Periodic vehicle routing in Cordeau's form (Cordeau, Gendreau and Laporte 1997): days are to be chosen too.

Line 1: type, vehicles, customers, days; one line for each day: longest route (0 = none), capacity; then one line
for each place: number, x, y, service, demand, visits, number of combinations, the combinations as numbers whose
binary digits are the days, the first day leftmost. Files are read to their end: some name one customer too many.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.public import Problem, degrees, euclid, length, worth_of_a_visit

Json = dict[str, Any]
SCALE = 1000


def read(path: Path, where: str, best: float | None) -> Problem:
    """Read an instance; raises ValueError for a file of another form."""
    scenario, places, count = parse(path.stem, path.read_text(encoding="utf-8"))
    index = {elder["id"]: elder["loc_index"] for elder in scenario["elders"]}
    depots = {worker["id"]: 0 for worker in scenario["workers"]}

    def worth(plan: Json) -> float | None:
        made = sum(len(route["stops"]) for route in plan["routes"])
        return round(length(plan, places, index, depots), 4) if made == count else None

    return Problem(
        name=path.stem,
        group="periodic",
        make=lambda: {"": scenario},
        worth=worth,
        best_known=best,
        size=len(index),
        facts={"file": where, "days": scenario["days"]},
    )


def parse(name: str, text: str) -> tuple[Json, list[tuple[float, float]], int]:
    """Return scenario, places and number of visits of the whole horizon."""
    lines = [[float(word) for word in line.split()] for line in text.splitlines() if line.strip()]
    kind, vehicles, _customers, days = (int(word) for word in lines[0][:4])
    if kind != 1:
        raise ValueError(f"type {kind} is not a periodic problem (1)")
    limits, rows = lines[1 : 1 + days], lines[1 + days :]
    if len({tuple(limit) for limit in limits}) != 1:
        raise ValueError("limits that differ by day have no words in the scenario format")
    longest, capacity = limits[0]
    places = [(row[1], row[2]) for row in rows]
    drawn = degrees(places)
    elders: list[Json] = []
    count = 0
    for number, row in enumerate(rows):
        patterns = [_days(int(code), days) for code in row[7 : 7 + int(row[6])]]
        if number == 0 or not patterns:
            continue
        # the combinations count, not the number of visits beside them, which is wrong in one file
        count += len(patterns[0])
        elders.append(
            {
                "id": f"c{int(row[0])}",
                "loc": drawn[number],
                "loc_index": number,
                "duration": round(row[3] * SCALE),
                "load": round(row[4]),
                "patterns": patterns,
            }
        )
    workers = []
    for number in range(vehicles):
        worker: Json = {"id": f"k{number + 1}", "mode": "car", "start": drawn[0], "end": drawn[0]}
        worker |= {"start_index": 0, "end_index": 0, "capacity": round(capacity)}
        if longest:
            worker["max_route_seconds"] = round(longest * SCALE)
        workers.append(worker)
    table = euclid(places, SCALE)
    scenario = {
        "kind": "month",
        "prize_worth": worth_of_a_visit(table),
        "name": name,
        "days": days,
        "weekday_of_day": [day % 7 for day in range(days)],
        "matrix": {"locations": drawn, "car": table},
        "elders": elders,
        "workers": workers,
    }
    return scenario, places, count


def _days(code: int, days: int) -> list[int]:
    return [day for day in range(days) if code >> (days - 1 - day) & 1]
