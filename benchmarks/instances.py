"""Invented days, months and a city in the scenario format: the same name gives the same instance, everywhere.

    python -m benchmarks.instances FOLDER [NAME ...]     writes scenario files (all but the city, or those named)

A town is dense and walked, a countryside is villages and driven. Workers differ in role, mode of travel, shift,
most visits, skills and home, so that hardly two are alike. A tight day has about as many hours of workers as it
needs, a slack one half as many again. Names: `day-town-tight-50-s1`, `month-country-2000-s1`, `city-s1/07`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from random import Random
from typing import Any

Json = dict[str, Any]
REGIONS = ("town", "country")
LOADS = {"tight": 1.05, "slack": 1.6}
DAY_SIZES = (50, 150, 400, 1000)
MONTH_SIZES = (300, 2000, 10000)
SEEDS = (1, 2, 3)
STREETS, STREET_ELDERS = 50, 2000
CENTRE = (30.28, 103.95)
METRES_PER_DEGREE = 111_195.0
SPEEDS = {"walk": 4.5, "bike": 13.0, "car": 24.0}
HOUR = 3600
SKILLS = (("nursing", 0.12), ("rehab", 0.07), ("memory", 0.08), ("law", 0.03))
WEEKDAYS = [0, 1, 2, 3, 4] * 4 + [0, 1]


@dataclass(frozen=True)
class Role:
    """A kind of worker: share among workers, modes, possible shifts (hours), most visits, chance of each skill."""

    name: str
    share: float
    modes: tuple[str, ...]
    shifts: tuple[tuple[float, float], ...]
    visits: tuple[int, int]
    skill: float
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    hours_week: float | None = None
    visits_month: int | None = None


ROLES = (
    Role("social_worker", 0.3, ("bike", "car"), ((8, 17), (8.5, 17.5), (9, 16)), (8, 11), 0.4, hours_week=40),
    Role("nurse", 0.14, ("car", "bike"), ((8, 16), (9, 17), (8, 12.5)), (7, 10), 0.6, hours_week=36),
    Role(
        "volunteer", 0.26, ("walk", "bike"), ((9, 12), (13.5, 17), (9, 15)), (3, 6), 0.12, (1, 3, 4), 12, 36
    ),
    Role("student", 0.16, ("walk", "bike"), ((14, 18), (13, 17.5)), (3, 5), 0.08, (2, 4), 8, 24),
    Role("courier", 0.14, ("bike",), ((9.5, 13.5), (14, 17)), (4, 7), 0.0, (0, 1, 2, 3, 4), 15, 60),
)
WINDOWS = (
    (0.45, (8.0, 18.0)),
    (0.17, (8.0, 11.5)),
    (0.15, (13.0, 17.0)),
    (0.13, (9.0, 12.0)),
    (0.1, (14.5, 18.0)),
)
TRAVEL_GUESS = {"town": 420, "country": 900}


def day(region: str, load: str, visits: int, seed: int) -> Json:
    """Return a day scenario; the same arguments give the same one."""
    name = f"day-{region}-{load}-{visits}-s{seed}"
    dice = Random(name)
    land = _Land(dice, region, visits)
    items = []
    for number in range(visits):
        items.append({"id": f"v{number + 1}", **_visit(dice, land)})
    need = sum(item["duration"] + TRAVEL_GUESS[region] for item in items) * LOADS[load]
    mean = sum(item["duration"] for item in items) / visits + TRAVEL_GUESS[region]
    workers: list[Json] = []
    while need > 0:
        worker = _worker(dice, land, len(workers))
        need -= min(worker["shift"][1] - worker["shift"][0], worker["max_visits"] * mean)
        workers.append(worker)
    return {**_head("day", name, region), "load": load, "visits": items, "workers": workers}


def month(region: str, elders: int, seed: int, name: str = "", centre: tuple[float, float] = CENTRE) -> Json:
    """Return a month scenario of 22 working days; every other elder is due twice, 8 to 14 days apart."""
    name = name or f"month-{region}-{elders}-s{seed}"
    dice = Random(name)
    land = _Land(dice, region, elders, centre)
    items: list[Json] = []
    for number in range(elders):
        item = {"id": f"e{number + 1}", **_visit(dice, land), "frequency": 1 + (dice.random() < 0.5)}
        item |= {"min_gap_days": 8, "max_gap_days": 14} if item["frequency"] == 2 else {}
        if dice.random() < 0.2:
            item["not_weekdays"] = [dice.randrange(5)]
        items.append(item)
    need = sum(item["frequency"] * (item["duration"] + TRAVEL_GUESS[region]) for item in items) * 1.35
    mean = need / 1.35 / sum(item["frequency"] for item in items)
    workers: list[Json] = []
    while need > 0:
        worker = _worker(dice, land, len(workers))
        role = next(role for role in ROLES if role.name == worker["role"])
        worker["weekdays"] = list(role.weekdays)
        if role.hours_week is not None:
            worker["max_hours_week"] = role.hours_week
        if role.visits_month is not None:
            worker["max_visits_month"] = role.visits_month
        days = sum(weekday in role.weekdays for weekday in WEEKDAYS)
        hours = min(days * (worker["shift"][1] - worker["shift"][0]), 4.4 * (role.hours_week or 99) * HOUR)
        need -= min(hours, (role.visits_month or 10**6) * mean, days * worker["max_visits"] * mean)
        workers.append(worker)
    for item in items:
        if dice.random() < 0.5:
            item["last_visitor"] = _neighbour(dice, item, workers)
    head = {**_head("month", name, region), "days": len(WEEKDAYS), "weekday_of_day": WEEKDAYS}
    return {**head, "weights": {"continuity": 300}, "elders": items, "workers": workers}


def city(seed: int, streets: int = STREETS, elders: int = STREET_ELDERS) -> Iterator[Json]:
    """Yield the streets of a city one after the other, each a month scenario of its own."""
    for number in range(streets):
        centre = (CENTRE[0] + 0.05 * (number // 10), CENTRE[1] + 0.05 * (number % 10))
        yield month("town", elders, seed, f"city-s{seed}/{number + 1:02}", centre)


def day_names() -> Iterator[str]:
    """Yield the name of every day: sizes × regions × loads × seeds."""
    for size in DAY_SIZES:
        for region in REGIONS:
            for load in LOADS:
                yield from (f"day-{region}-{load}-{size}-s{seed}" for seed in SEEDS)


def month_names() -> Iterator[str]:
    """Yield the name of every month: sizes × regions × seeds."""
    for size in MONTH_SIZES:
        for region in REGIONS:
            yield from (f"month-{region}-{size}-s{seed}" for seed in SEEDS)


def _head(kind: str, name: str, region: str) -> Json:
    return {"kind": kind, "name": name, "region": region, "speed_kmh": SPEEDS, "detour": 1.3}


class _Land:
    """Where people live: places scattered around the middles of neighbourhoods or villages."""

    def __init__(self, dice: Random, region: str, people: int, centre: tuple[float, float] = CENTRE) -> None:
        self.dice, self.centre = dice, centre
        growth = (people / 1000) ** 0.5
        self.reach, self.spread = (3500, 450) if region == "town" else (14000, 900)
        self.region = region
        reach = self.reach * (0.6 + 0.8 * min(growth, 2.0))
        count = max(4, round(5 + people / (60 if region == "town" else 35)))
        self.middles = [
            (dice.uniform(-reach, reach), dice.uniform(-reach, reach)) for _ in range(min(count, 60))
        ]
        self.weights = [dice.uniform(0.3, 1.0) for _ in self.middles]

    def place(self) -> list[float]:
        middle = self.dice.choices(self.middles, self.weights)[0]
        north, east = (part + self.dice.gauss(0, self.spread) for part in middle)
        return self.at(north, east)

    def at(self, north: float, east: float) -> list[float]:
        lat = self.centre[0] + north / METRES_PER_DEGREE
        lon = self.centre[1] + east / (METRES_PER_DEGREE * cos(radians(self.centre[0])))
        return [round(lat, 6), round(lon, 6)]


def _visit(dice: Random, land: _Land) -> Json:
    window = dice.choices([hours for _share, hours in WINDOWS], [share for share, _hours in WINDOWS])[0]
    skills = [name for name, share in SKILLS if dice.random() < share][:2]
    return {
        "loc": land.place(),
        "duration": 300 * dice.randint(4, 11),
        "window": [round(hour * HOUR) for hour in window],
        "skills": skills,
        "priority": dice.choices((1, 2, 3, 4, 5), (40, 25, 18, 12, 5))[0],
    }


def _worker(dice: Random, land: _Land, number: int) -> Json:
    # the first two are qualified workers, so that no skill is missing altogether
    role = ROLES[number] if number < 2 else dice.choices(ROLES, [role.share for role in ROLES])[0]
    skills = [name for name, _share in SKILLS if dice.random() < role.skill]
    if number < 2:
        skills = sorted({*skills, SKILLS[2 * number][0], SKILLS[2 * number + 1][0]})
    mode = dice.choice(role.modes)
    if land.region == "country" and mode == "walk":
        mode = "bike"
    if land.region == "country" and role.name in ("social_worker", "nurse"):
        mode = "car"
    shift = [round(hour * HOUR) for hour in dice.choice(role.shifts)]
    home = land.place() if role.name in ("volunteer", "student", "nurse") else land.at(0, 0)
    end = land.place() if role.name == "courier" else home
    return {
        "id": f"w{number + 1}",
        "role": role.name,
        "mode": mode,
        "shift": shift,
        "max_visits": dice.randint(*role.visits),
        "skills": skills,
        "start": home,
        "end": end,
    }


def _neighbour(dice: Random, item: Json, workers: list[Json]) -> str:
    """The last visitor: an able worker of the neighbourhood, of a few looked at."""
    able = [worker for worker in workers if set(item["skills"]) <= set(worker["skills"])] or workers
    few = dice.sample(able, min(4, len(able)))
    return min(few, key=lambda worker: _apart(item["loc"], worker["start"]))["id"]


def _apart(a: list[float], b: list[float]) -> float:
    return (a[0] - b[0]) ** 2 + ((a[1] - b[1]) * cos(radians(a[0]))) ** 2


def named(name: str) -> Json:
    """Return the instance of a name; raise ValueError for a name that is none."""
    parts = name.split("-")
    try:
        if parts[0] == "day":
            return day(parts[1], parts[2], int(parts[3]), int(parts[4].removeprefix("s")))
        if parts[0] == "month":
            return month(parts[1], int(parts[2]), int(parts[3].removeprefix("s")))
    except (IndexError, KeyError) as error:
        raise ValueError(f"{name!r} is no instance") from error
    raise ValueError(f"{name!r} is no instance: give day-REGION-LOAD-SIZE-sN or month-REGION-SIZE-sN")


def main(arguments: list[str]) -> int:
    """Write scenario files into a folder."""
    if not arguments:
        print("usage: python -m benchmarks.instances FOLDER [NAME ...]", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments[1:] or (*day_names(), *month_names()):
        scenario = named(name)
        path = folder / f"{scenario['name']}.json"
        path.write_text(json.dumps(scenario), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
