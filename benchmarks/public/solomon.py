"""Vehicle routing with time windows in Solomon's form (1987; Gehring and Homberger 1999): minimum distance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.public import Problem, degrees, euclid, length, worth_of_a_visit

Json = dict[str, Any]
SCALE = 1000


def fits(path: Path) -> bool:
    """Whether the file is of this form."""
    return "CUSTOMER" in path.read_text(encoding="utf-8", errors="replace")[:2000].upper()


def read(path: Path, where: str, best: float | None, trusted: bool = True) -> Problem:
    """Read an instance; raises ValueError for a file of another form."""
    count, capacity, rows = parse(path.read_text(encoding="utf-8"))
    places = [(row[1], row[2]) for row in rows]
    index = {f"c{int(row[0])}": number for number, row in enumerate(rows) if number}
    depots = {f"k{number + 1}": 0 for number in range(count)}

    def worth(plan: Json) -> float | None:
        made = sum(len(route["stops"]) for route in plan["routes"])
        return round(length(plan, places, index, depots), 4) if made == len(index) else None

    return Problem(
        name=path.stem.upper(),
        group=f"windows {len(index)}",
        make=lambda: {"": _scenario(path.stem, count, capacity, rows)},
        worth=worth,
        best_known=best,
        trusted=trusted,
        size=len(index),
        facts={"file": where, "vehicles": count},
    )


def parse(text: str) -> tuple[int, int, list[list[float]]]:
    """Return number and capacity of vehicles and the rows: number, x, y, demand, ready, due, service."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    heads = [k for k, words in enumerate(lines) if words[0].upper() in ("NUMBER", "CUST")]
    if len(heads) != 2:
        raise ValueError("no VEHICLE and CUSTOMER sections")
    count, capacity = (int(word) for word in lines[heads[0] + 1])
    return count, capacity, [[float(word) for word in words] for words in lines[heads[1] + 1 :]]


def _scenario(name: str, count: int, capacity: int, rows: list[list[float]]) -> Json:
    places = [(row[1], row[2]) for row in rows]
    drawn = degrees(places)
    visits = [
        {
            "id": f"c{int(row[0])}",
            "loc": drawn[number],
            "loc_index": number,
            "duration": round(row[6] * SCALE),
            "window": [round(row[4] * SCALE), round(row[5] * SCALE)],
            "load": round(row[3]),
        }
        for number, row in enumerate(rows)
        if number
    ]
    shift = [round(rows[0][4] * SCALE), round(rows[0][5] * SCALE)]
    workers = [
        {
            "id": f"k{number + 1}",
            "mode": "car",
            "shift": shift,
            "start": drawn[0],
            "end": drawn[0],
            "start_index": 0,
            "end_index": 0,
            "capacity": capacity,
        }
        for number in range(count)
    ]
    matrix = {"locations": drawn, "car": euclid(places, SCALE)}
    whole: Json = {"required": True, "prize_worth": worth_of_a_visit(matrix["car"])}
    return {"kind": "day", "name": name, **whole, "matrix": matrix, "visits": visits, "workers": workers}
