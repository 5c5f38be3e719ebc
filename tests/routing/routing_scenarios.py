"""Small made-up scenarios: builders for one limit at a time, and a whole street from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

HOME = [31.0, 121.0]
KM = 0.009
"""About one kilometre in degrees of latitude."""


def north(km: float) -> list[float]:
    return [HOME[0] + km * KM, HOME[1]]


def visit(name: str, km: float = 1.0, **over: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": name,
        "loc": north(km),
        "duration": 1800,
        "window": [8 * 3600, 17 * 3600],
        "skills": [],
        "priority": 1,
    }
    return base | over


def elder(name: str, km: float = 1.0, **over: Any) -> dict[str, Any]:
    base: dict[str, Any] = visit(name, km) | {
        "frequency": 1,
        "min_gap_days": 0,
        "max_gap_days": 0,
        "not_weekdays": [],
    }
    if "patterns" in over:
        for key in ("frequency", "min_gap_days", "max_gap_days", "not_weekdays"):
            del base[key]
    return base | over


def worker(name: str, **over: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": name,
        "role": "volunteer",
        "mode": "walk",
        "shift": [8 * 3600, 18 * 3600],
        "max_visits": 10,
        "skills": [],
        "start": HOME,
        "end": HOME,
    }
    return base | over


def day(visits: list[dict[str, Any]], workers: list[dict[str, Any]], **over: Any) -> dict[str, Any]:
    return {
        "kind": "day",
        "name": "a day",
        "speed_kmh": {"walk": 4.5, "bike": 13, "car": 22},
        "detour": 1.3,
        "visits": visits,
        "workers": workers,
    } | over


def month(
    elders: list[dict[str, Any]], workers: list[dict[str, Any]], days: int = 14, **over: Any
) -> dict[str, Any]:
    base = day([], workers)
    del base["visits"]
    return (
        base
        | {
            "kind": "month",
            "name": "a month",
            "days": days,
            "weekday_of_day": [index % 7 for index in range(days)],
            "elders": elders,
        }
        | over
    )


def street(seed: int, elders: int, workers: int, days: int = 30) -> dict[str, Any]:
    """Return a month of a made-up street with every kind of limit in it."""
    rng = Random(seed)
    centres = [[31.0 + rng.uniform(-0.02, 0.02), 121.0 + rng.uniform(-0.02, 0.02)] for _ in range(4)]

    def place() -> list[float]:
        lat, lon = rng.choice(centres)
        return [round(lat + rng.gauss(0, 0.004), 6), round(lon + rng.gauss(0, 0.004), 6)]

    staff = []
    roles = ["social_worker"] * 2 + ["student", "courier", "property", "volunteer", "volunteer", "minor"]
    for number in range(workers):
        role = roles[number % len(roles)]
        home = place()
        person = worker(
            f"w{number}", role=role, start=home, end=home, mode=rng.choice(["walk", "bike", "bike"])
        )
        if role == "social_worker":
            person |= {
                "skills": rng.sample(["nursing", "psych", "legal", "rehab"], 3),
                "shift": [30600, 61200],
                "max_visits": 8,
                "weekdays": [0, 1, 2, 3, 4],
                "breaks": [{"window": [41400, 46800], "duration": 3600}],
                "max_hours_week": 30,
            }
        else:
            person |= {
                "skills": rng.sample(["nursing", "psych", "dialect"], rng.choice([0, 0, 1])),
                "shift": rng.choice([[32400, 43200], [50400, 64800], [32400, 61200]]),
                "max_visits": rng.choice([3, 4, 5]),
                "weekdays": sorted(rng.sample(range(7), rng.choice([1, 2, 3]))),
                "max_visits_week": rng.choice([4, 6, 8]),
                "max_visits_month": rng.choice([12, 20]),
                "max_hours_week": rng.choice([4, 8]),
                "radius_m": rng.choice([2000, 3000, 5000]),
            }
        if role == "minor":
            person |= {"companion_of_adult": True, "shifts": {"5": [32400, 43200]}}
        if rng.random() < 0.3:
            person["not_days"] = sorted(rng.sample(range(days), min(days, 3)))
        staff.append(person)
    people = []
    half = days // 2
    for number in range(elders):
        over: dict[str, Any] = {
            "loc": place(),
            "duration": rng.choice([1200, 1500, 1800, 2700]),
            "window": rng.choice([[28800, 64800], [28800, 41400], [46800, 61200], [32400, 57600]]),
            "priority": rng.choice([1, 1, 2, 4]),
            "statutory": rng.random() < 0.4,
            "skills": rng.sample(["nursing", "psych", "legal", "rehab"], 1) if rng.random() < 0.25 else [],
        }
        if rng.random() < 0.37 and half >= 2:
            over["patterns"] = [[a, b] for a in range(half) for b in range(half, days) if 10 <= b - a <= 20]
            if not over["patterns"]:
                over["patterns"] = [[0, days - 1]]
        else:
            over |= {"frequency": 1, "not_weekdays": [6] if rng.random() < 0.3 else []}
            if rng.random() < 0.3:
                over |= {"last_day": -rng.randint(1, 10), "min_gap_days": 7}
        if rng.random() < 0.4:
            over["last_visitor"] = f"w{rng.randrange(workers)}"
        if rng.random() < 0.05:
            over["excluded"] = [f"w{rng.randrange(workers)}"]
        if rng.random() < 0.06:
            over["people"] = 2
        people.append(elder(f"e{number}", **over))
    return month(people, staff, days, name=f"street-{seed}", weights={"continuity": 300, "balance": 0.05})
