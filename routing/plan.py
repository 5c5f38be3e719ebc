"""The plan: who visits whom, when, in which order, and what could not be planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from routing.errors import InputError, ScenarioError

VERSION = "1.0"
"""Version of the engine, written into every plan."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit on a route: arrival at the door, start and end of service (seconds)."""

    visit: str
    arrival: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Route:
    """One worker's day, from leaving the start to reaching the end place (seconds)."""

    worker: str
    day: int
    departure: int
    arrival: int
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A visit not made, with a reason code of `routing.reasons`, its figures and what would fix it."""

    visit: str
    reason: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What a plan is worth, in the order of the aims.

    `cost` is the third aim: travel seconds + weighted continuity and balance. `continuity` and
    `busiest_to_mean` are None where nothing can be said.
    """

    unserved_statutory: int
    unserved_priority: int
    travel_seconds: int
    continuity: float | None
    busiest_to_mean: float | None
    cost: float

    @property
    def key(self) -> tuple[int, int, float]:
        """The three aims in order: smaller is better."""
        return self.unserved_statutory, self.unserved_priority, self.cost

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "unserved_statutory": self.unserved_statutory,
            "unserved_priority": self.unserved_priority,
            "travel_seconds": self.travel_seconds,
            "continuity": self.continuity,
            "busiest_to_mean": self.busiest_to_mean,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """How long a part of the work took and the aims it reached."""

    name: str
    seconds: float
    score: tuple[int, int, float] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `score` is None in a hand-made plan that was never scored."""

    scenario: str
    routes: tuple[Route, ...]
    unassigned: tuple[Unassigned, ...] = ()
    score: Score | None = None
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()
    timed: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "scenario": self.scenario,
            "routes": [
                {
                    "worker": route.worker,
                    "day": route.day,
                    "departure": route.departure,
                    "arrival": route.arrival,
                    "stops": [
                        {"visit": stop.visit, "arrival": stop.arrival, "start": stop.start, "end": stop.end}
                        for stop in route.stops
                    ],
                }
                for route in self.routes
            ],
            "unassigned": [
                {
                    "visit": left.visit,
                    "reason": left.reason,
                    "detail": dict(left.detail),
                    "remedy": left.remedy,
                }
                for left in self.unassigned
            ],
            "score": None if self.score is None else self.score.to_dict(),
            "engine": {
                "version": VERSION,
                "seconds": round(self.seconds, 2),
                "stages": [
                    {
                        "name": stage.name,
                        "seconds": round(stage.seconds, 2),
                        "score": None if stage.score is None else list(stage.score),
                    }
                    for stage in self.stages
                ],
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Read the JSON form; raise `ScenarioError` naming what is wrong.

        Stops may be bare visit ids and times may be missing in a hand-made plan: then `timed` is
        False and `routing.schedule` fills the times.
        """
        errors: list[InputError] = []
        if not isinstance(data, Mapping) or not isinstance(data.get("routes"), list):
            raise ScenarioError(
                [InputError("E301", "plan", "routes", "missing or not a list", "give a list")]
            )
        timed = True
        routes = []
        for number, item in enumerate(data["routes"]):
            route, whole = _route(item, f"routes[{number}]", errors)
            timed = timed and whole
            if route is not None:
                routes.append(route)
        left = [
            found
            for number, item in enumerate(data.get("unassigned") or ())
            if (found := _unassigned(item, f"unassigned[{number}]", errors)) is not None
        ]
        score = _score(data.get("score"))
        if errors:
            raise ScenarioError(errors)
        engine = data.get("engine") or {}
        stages = tuple(
            Stage(str(s["name"]), float(s["seconds"]), tuple(s["score"]) if s.get("score") else None)
            for s in engine.get("stages") or ()
        )
        return cls(
            scenario=str(data.get("scenario") or ""),
            routes=tuple(routes),
            unassigned=tuple(left),
            score=score,
            seconds=float(engine.get("seconds") or 0.0),
            stages=stages,
            timed=timed,
        )

    def with_score(self, score: Score) -> Plan:
        """Return the same plan with a score."""
        return replace(self, score=score)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _route(item: Any, element: str, errors: list[InputError]) -> tuple[Route | None, bool]:
    if not isinstance(item, Mapping) or not isinstance(item.get("worker"), str):
        errors.append(InputError("E302", element, "worker", "missing or not text", "give a worker id"))
        return None, True
    day = item.get("day", 0)
    if not _whole(day):
        errors.append(InputError("E303", element, "day", f"{day!r} is not an integer", "give a day index"))
        return None, True
    timed = True
    stops = []
    for number, entry in enumerate(item.get("stops") or ()):
        record = {"visit": entry} if isinstance(entry, str) else entry
        place = f"{element}.stops[{number}]"
        if not isinstance(record, Mapping) or not isinstance(record.get("visit"), str):
            errors.append(InputError("E304", place, "visit", "missing or not text", "give a visit id"))
            continue
        times = [record.get(name) for name in ("arrival", "start", "end")]
        if any(value is not None and not _whole(value) for value in times):
            errors.append(
                InputError("E305", place, "arrival/start/end", "not integers", "give seconds from midnight")
            )
            continue
        timed = timed and None not in times
        arrival, start, end = (int(value or 0) for value in times)
        stops.append(Stop(record["visit"], arrival, start, end))
    ends = [item.get("departure"), item.get("arrival")]
    if any(value is not None and not _whole(value) for value in ends):
        errors.append(InputError("E305", element, "departure/arrival", "not integers", "give seconds"))
        return None, True
    timed = timed and None not in ends
    departure, back = (int(value or 0) for value in ends)
    return Route(item["worker"], day, departure, back, tuple(stops)), timed


def _unassigned(item: Any, element: str, errors: list[InputError]) -> Unassigned | None:
    if isinstance(item, str):
        return Unassigned(item, "not_planned")
    if not isinstance(item, Mapping) or not isinstance(item.get("visit"), str):
        errors.append(InputError("E306", element, "visit", "missing or not text", "give a visit id"))
        return None
    return Unassigned(
        item["visit"],
        str(item.get("reason") or "not_planned"),
        dict(item.get("detail") or {}),
        str(item.get("remedy") or ""),
    )


def _score(item: Any) -> Score | None:
    if not isinstance(item, Mapping) or "travel_seconds" not in item:
        return None
    return Score(
        int(item.get("unserved_statutory") or 0),
        int(item.get("unserved_priority") or 0),
        int(item["travel_seconds"]),
        item.get("continuity"),
        item.get("busiest_to_mean"),
        float(item.get("cost") or item["travel_seconds"]),
    )
