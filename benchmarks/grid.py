"""A day scenario as integer arrays for the solvers compared with, and their answers as plans with times.

All of them get the same whole seconds between places (never a callback) and the same limits. What a solver has no
words for is told by `NotExpressible`, not left out in silence.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

Json = dict[str, Any]
Orders = dict[int, list[int]]
"""Visits of each worker in order, by number."""
RADIUS_M = 6371008.8
WORTH = 10_000
"""Seconds of travel one unit of priority is worth to a solver that knows only one sum: practically first."""
WORTH_STATUTORY = 100 * WORTH
NO_LIMIT = 10**9


class NotExpressible(Exception):
    """The solver has no words for a limit of the instance."""


class Grid:
    """Arrays of a day: points are the visits, then the distinct starts and ends of workers.

    `travel[mode]` is (points × points) seconds; `window`, `shift` are (n, 2); `able` is (visits × workers).
    `prize[v]` is what missing visit v costs, in seconds (`prize_worth` of the day for each unit of priority);
    `required` tells that only plans with all visits count.
    """

    def __init__(self, day: Json) -> None:
        if day["kind"] != "day":
            raise NotExpressible("a month")
        visits, workers = day["visits"], day["workers"]
        refuse(day)
        self.day = day
        self.visits, self.workers = len(visits), len(workers)
        places: dict[Any, int] = {}
        table = day.get("matrix")

        def ends(worker: Json) -> tuple[int, int]:
            if table is not None:
                first = worker["start_index"]
                last = first if worker.get("end_index") is None else worker["end_index"]
                keys: tuple[Any, Any] = (first, last)
            else:
                keys = tuple(worker["start"]), tuple(worker.get("end") or worker["start"])
            first, last = (places.setdefault(key, self.visits + len(places)) for key in keys)
            return first, last

        self.ends = [ends(worker) for worker in workers]
        self.points = self.visits + len(places)
        modes = sorted({worker.get("mode") or "walk" for worker in workers})
        if table is not None:
            index = np.array([visit["loc_index"] for visit in visits] + list(places), dtype=np.int64)
            self.travel = {
                mode: np.asarray(table[mode], dtype=np.int64)[np.ix_(index, index)] for mode in modes
            }
        else:
            metres = _metres(np.array([visit["loc"] for visit in visits] + [list(place) for place in places]))
            self.travel = {
                mode: np.rint(metres * (day.get("detour") or 1.0) / (day["speed_kmh"][mode] / 3.6)).astype(
                    np.int64
                )
                for mode in modes
            }
        self.mode = [worker.get("mode") or "walk" for worker in workers]
        self.duration = [visit["duration"] for visit in visits]
        self.window = [visit.get("window") or [0, NO_LIMIT] for visit in visits]
        self.shift = [worker.get("shift") or [0, NO_LIMIT] for worker in workers]
        self.load = [visit.get("load") or 0 for visit in visits]
        self.capacity = [worker.get("capacity") for worker in workers]
        self.most = [worker.get("max_visits") for worker in workers]
        self.longest = [worker.get("max_route_seconds") for worker in workers]
        self.priority = [visit.get("priority") or 1 for visit in visits]
        self.statutory = [bool(visit.get("statutory")) for visit in visits]
        worth = day.get("prize_worth", WORTH)
        self.required = bool(day.get("required"))
        self.prize = [
            priority * worth + (WORTH_STATUTORY * (max(self.priority) + 1) if duty else 0)
            for priority, duty in zip(self.priority, self.statutory, strict=True)
        ]
        self.able = np.array([[_able(visit, worker) for worker in workers] for visit in visits], dtype=bool)
        self.able = self.able.reshape(self.visits, self.workers)

    @property
    def horizon(self) -> int:
        """The latest second that matters: nobody is on the road after it."""
        return max(shift[1] for shift in self.shift)

    def distance(self, orders: Orders) -> int:
        """Travel seconds of orders."""
        total = 0
        for worker, order in orders.items():
            first, last = self.ends[worker]
            path = [first, *order, last] if order else []
            total += sum(int(self.travel[self.mode[worker]][a, b]) for a, b in pairwise(path))
        return total

    def plan(self, orders: Orders) -> Json:
        """Give times to orders: earliest return, then the latest departure that keeps it."""
        routes, made = [], set()
        for worker, order in sorted(orders.items()):
            if order:
                routes.append(self._route(worker, order))
                made.update(order)
        left = [visit["id"] for number, visit in enumerate(self.day["visits"]) if number not in made]
        return {"scenario": self.day.get("name", ""), "routes": routes, "unassigned": left}

    def _route(self, worker: int, order: list[int]) -> Json:
        table = self.travel[self.mode[worker]]
        first, last = self.ends[worker]
        legs = [int(table[a, b]) for a, b in zip([first, *order], [*order, last], strict=True)]
        clock, starts = self.shift[worker][0], []
        for visit, leg in zip(order, legs, strict=False):
            clock = max(clock + leg, self.window[visit][0])
            starts.append(clock)
            clock += self.duration[visit]
        back = clock + legs[-1]
        following = back - legs[-1]
        for k in reversed(range(len(order))):
            following = min(following - self.duration[order[k]], self.window[order[k]][1])
            starts[k] = max(starts[k], following)
            following = starts[k] - legs[k]
        stops, clock = [], following
        for visit, leg, start in zip(order, legs, starts, strict=False):
            end = start + self.duration[visit]
            name = self.day["visits"][visit]["id"]
            stops.append({"visit": name, "arrival": clock + leg, "start": start, "end": end})
            clock = end
        name = self.day["workers"][worker]["id"]
        return {"worker": name, "day": 0, "departure": following, "arrival": back, "stops": stops}


def refuse(day: Json) -> None:
    """Raise `NotExpressible` for limits that none of the solvers compared with has words for."""
    if any((visit.get("people") or 1) > 1 for visit in day["visits"]):
        raise NotExpressible("two people at one visit")
    if any(worker.get("companion_of_adult") for worker in day["workers"]):
        raise NotExpressible("a minor beside an adult")
    if any(worker.get("breaks") for worker in day["workers"]):
        raise NotExpressible("breaks")
    if day.get("pinned"):
        raise NotExpressible("pinned visits")


def _able(visit: Json, worker: Json) -> bool:
    if not set(visit.get("skills") or ()) <= set(worker.get("skills") or ()):
        return False
    if worker["id"] in (visit.get("excluded") or ()):
        return False
    radius = worker.get("radius_m")
    return radius is None or float(_metres(np.array([worker["start"], visit["loc"]]))[0, 1]) <= radius


def _metres(places: np.ndarray) -> np.ndarray:
    """Great-circle metres between all [latitude, longitude] places (haversine)."""
    lat, lon = np.radians(places.reshape(-1, 2).T)
    share = np.sin((lat[:, None] - lat) / 2) ** 2
    share += np.cos(lat)[:, None] * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    return 2 * RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(share)))
