"""VRPLIB files with time windows: several depots, vehicles for some clients only, longest routes, prizes.

Multi-depot and site-dependent sets: Cordeau and Laporte (2001), Vidal et al. (2013). Prize-collecting: the cost is
distance + prizes of clients left out. The engine's aims put every prize before any distance, which is another
problem: its cost there is told as it is and compared as what it is.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.public import Problem, degrees, euclid, worth_of_a_visit

Json = dict[str, Any]
Sections = dict[str, list[list[float]]]


def scale_of(path: Path) -> int:
    """Whole units in one unit of distance: tenths for prize-collecting files, thousandths for others."""
    return 10 if "PRIZE_SECTION" in path.read_text(encoding="utf-8") else 1000


def parse(text: str) -> tuple[dict[str, str], Sections]:
    """Return the header fields and the number rows of each section."""
    head: dict[str, str] = {}
    sections: Sections = {}
    rows: list[list[float]] | None = None
    for line in map(str.strip, text.splitlines()):
        if line == "EOF" or not line:
            continue
        if line.split()[0].endswith("_SECTION"):
            rows = sections.setdefault(line.split()[0], [])
        elif rows is None:
            name, _colon, value = line.partition(":")
            head[name.strip()] = value.strip()
        else:
            rows.append([float(word) for word in line.split()])
    if "NODE_COORD_SECTION" not in sections:
        raise ValueError("no NODE_COORD_SECTION")
    return head, sections


def read(path: Path, where: str, best: float | None) -> Problem:
    """Read an instance; raises ValueError for a file of another form."""
    head, sections = parse(path.read_text(encoding="utf-8"))
    prizes = "PRIZE_SECTION" in sections
    scale = 10 if prizes else 1000
    places = [(row[1], row[2]) for row in sections["NODE_COORD_SECTION"]]
    scenario = _scenario(path.stem, head, sections, scale)
    index = {visit["id"]: visit["loc_index"] for visit in scenario["visits"]}
    depots = {worker["id"]: worker["start_index"] for worker in scenario["workers"]}
    prize = {visit["id"]: visit["priority"] for visit in scenario["visits"]}

    def worth(plan: Json) -> float | None:
        """Distance in whole units, as the best known costs are counted, brought back to the unit of the set."""
        total, missed = 0, set(index)
        for route in plan["routes"]:
            names = [stop["visit"] for stop in route["stops"]]
            missed -= set(names)
            depot = depots[route["worker"]]
            path = [depot, *(index[name] for name in names), depot] if names else []
            legs = (math.dist(places[a], places[b]) * scale for a, b in pairwise(path))
            total += sum(math.floor(leg) if prizes else round(leg) for leg in legs)
        if prizes:
            return total / scale + sum(prize[name] for name in missed)
        return None if missed else total / scale

    kind = "prizes" if prizes else "sites" if "VEHICLES_ALLOWED_CLIENTS_SECTION" in sections else "depots"
    return Problem(
        name=path.stem,
        group=kind,
        make=lambda: {"": scenario},
        worth=worth,
        best_known=best,
        aim="distance + prizes left" if prizes else "distance",
        size=len(index),
        facts={"file": where},
    )


def _scenario(name: str, head: dict[str, str], sections: Sections, scale: int) -> Json:
    places = [(row[1], row[2]) for row in sections["NODE_COORD_SECTION"]]
    depots = [int(row[0]) - 1 for row in sections.get("DEPOT_SECTION", [[1.0]]) if row[0] > 0]
    drawn = degrees(places)
    span = {int(row[0]) - 1: row[1:] for row in sections["TIME_WINDOW_SECTION"]}
    demand = {int(row[0]) - 1: row[1] for row in sections.get("DEMAND_SECTION", [])}
    service = {int(row[0]) - 1: row[1] for row in sections.get("SERVICE_TIME_SECTION", [])}
    always = float(head.get("SERVICE_TIME", 0))
    prize = {int(row[0]) - 1: row[1] for row in sections.get("PRIZE_SECTION", [])}
    allowed = {
        int(row[0]): {int(part) - 1 for part in row[1:]}
        for row in sections.get("VEHICLES_ALLOWED_CLIENTS_SECTION", [])
    }
    # clients open to the same vehicles need the same skill, which those vehicles have
    sites: dict[frozenset[int], str] = {}
    need: dict[int, str] = {}
    for client in range(len(places)):
        if allowed and client not in depots:
            able = frozenset(number for number, clients in allowed.items() if client in clients)
            need[client] = sites.setdefault(able, f"site{len(sites) + 1}")
    visits = [
        {
            "id": f"c{client}",
            "loc": drawn[client],
            "loc_index": client,
            "duration": round(service.get(client, always) * scale),
            "window": [round(part * scale) for part in span[client]],
            "load": round(demand.get(client, 0)),
            "skills": [need[client]] if client in need else [],
            "priority": max(1, round(prize.get(client, 1))),
        }
        for client in range(len(places))
        if client not in depots
    ]
    base = {int(row[0]): int(row[1]) - 1 for row in sections.get("VEHICLES_DEPOT_SECTION", [])}
    room = {int(row[0]): row[1] for row in sections.get("CAPACITY_SECTION", [])}
    workers = []
    for number in range(1, int(head["VEHICLES"]) + 1):
        depot = base.get(number, depots[0])
        worker: Json = {
            "id": f"k{number}",
            "mode": "car",
            "shift": [round(part * scale) for part in span[depot]],
        }
        worker |= {"start": drawn[depot], "end": drawn[depot], "start_index": depot, "end_index": depot}
        if number in room or "CAPACITY" in head:
            worker["capacity"] = round(room[number] if number in room else float(head["CAPACITY"]))
        if "VEHICLES_MAX_DURATION" in head:
            worker["max_route_seconds"] = round(float(head["VEHICLES_MAX_DURATION"]) * scale)
        worker["skills"] = sorted(skill for able, skill in sites.items() if number in able)
        workers.append(worker)
    scenario: Json = {"kind": "day", "name": name, "visits": visits, "workers": workers}
    table = euclid(places, scale, cut=bool(prize))
    whole: Json = {"required": True, "prize_worth": worth_of_a_visit(table)}
    return {
        **scenario,
        **({"prize_worth": scale} if prize else whole),
        "matrix": {"locations": drawn, "car": table},
    }
