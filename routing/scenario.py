"""The scenario: what must be visited, who can do it, and what limits hold.

Units everywhere: integer seconds from local midnight for times, seconds for durations, metres for
distances, ``(latitude, longitude)`` in WGS-84 for places. Times may exceed one day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from routing.errors import ScenarioError
from routing.validate import validate

Place = tuple[float, float]
Span = tuple[int, int]

ALWAYS: Span = (0, 10**9)
"""The window or shift of an element that gives none."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One place to be visited: a day scenario's visit, or what an elder needs at each visit.

    `window` bounds the start of service; `priority` is lost when the visit is not made.
    """

    id: str
    loc: Place
    duration: int
    window: Span = ALWAYS
    skills: tuple[str, ...] = ()
    priority: int = 1
    statutory: bool = False
    preferred: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    people: int = 1
    load: int = 0
    loc_index: int | None = None


@dataclass(frozen=True, slots=True)
class Elder(Visit):
    """A month scenario's elder: a visit's fields and the days on which visits may happen.

    Either `patterns` (permitted sets of day indices) or `frequency` with its gaps; a gap is a
    difference of day indices and 0 means no limit.
    """

    patterns: tuple[tuple[int, ...], ...] | None = None
    frequency: int = 1
    min_gap_days: int = 0
    max_gap_days: int = 0
    not_weekdays: tuple[int, ...] = ()
    last_visitor: str | None = None
    last_day: int | None = None

    @property
    def count(self) -> int:
        """Number of visits the elder should get."""
        if self.patterns is None:
            return self.frequency
        return max((len(pattern) for pattern in self.patterns), default=1)

    @property
    def known(self) -> tuple[str, ...]:
        """Workers whose visit counts as continuity."""
        last = () if self.last_visitor is None else (self.last_visitor,)
        return last + tuple(name for name in self.preferred if name != self.last_visitor)


@dataclass(frozen=True, slots=True)
class Break:
    """A rest of `duration` seconds that begins within `window`, between stops or while waiting."""

    window: Span
    duration: int


@dataclass(frozen=True, slots=True)
class Worker:
    """One person who makes visits. A limit of None does not exist."""

    id: str
    start: Place
    end: Place
    role: str = ""
    mode: str = "walk"
    shift: Span = ALWAYS
    max_visits: int | None = None
    skills: tuple[str, ...] = ()
    radius_m: float | None = None
    companion_of_adult: bool = False
    breaks: tuple[Break, ...] = ()
    capacity: int | None = None
    max_route_seconds: int | None = None
    weekdays: tuple[int, ...] | None = None
    shifts: tuple[tuple[int, Span], ...] = ()
    not_days: tuple[int, ...] = ()
    max_visits_week: int | None = None
    max_visits_month: int | None = None
    max_hours_week: float | None = None
    start_index: int | None = None
    end_index: int | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """A visit that must stay with a worker, on a day, at a position (from 0)."""

    visit: str
    worker: str
    day: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Travel seconds between listed places, one square table for each mode used: rows of origins."""

    locations: tuple[Place, ...]
    seconds: tuple[tuple[str, Sequence[Sequence[int]]], ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """Worth of continuity (seconds per visit by a stranger) and of balance (per second) in the third aim."""

    continuity: float = 0.0
    balance: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """A whole day (`kind` "day") or month (`kind` "month")."""

    kind: str
    visits: tuple[Visit, ...]
    workers: tuple[Worker, ...]
    name: str = ""
    pinned: tuple[Pin, ...] = ()
    days: int = 1
    weekday_of_day: tuple[int, ...] = (0,)
    speed_kmh: tuple[tuple[str, float], ...] = ()
    detour: float = 1.0
    matrix: Matrix | None = None
    weights: Weights = field(default_factory=Weights)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scenario:
        """Read a scenario in the JSON form; raise `ScenarioError` with every input error found."""
        errors = validate(data)
        if errors:
            raise ScenarioError(errors)
        return cls.trusted(data)

    @classmethod
    def trusted(cls, data: Mapping[str, Any]) -> Scenario:
        """Read what `to_dict` wrote, without looking for errors."""
        month = data["kind"] == "month"
        visits: tuple[Visit, ...]
        if month:
            visits = tuple(_elder(item) for item in data["elders"])
        else:
            visits = tuple(Visit(**_visit_fields(item)) for item in data["visits"])
        weights = data.get("weights") or {}
        return cls(
            kind=data["kind"],
            name=str(data.get("name") or data.get("scenario") or ""),
            visits=visits,
            workers=tuple(_worker(item) for item in data["workers"]),
            pinned=tuple(
                Pin(str(pin["visit"]), str(pin["worker"]), pin.get("day"), pin.get("position"))
                for pin in data.get("pinned") or ()
            ),
            days=int(data["days"]) if month else 1,
            weekday_of_day=tuple(data["weekday_of_day"]) if month else (0,),
            speed_kmh=tuple(sorted((data.get("speed_kmh") or {}).items())),
            detour=float(data.get("detour") or 1.0),
            matrix=_matrix(data.get("matrix")),
            weights=Weights(float(weights.get("continuity") or 0), float(weights.get("balance") or 0)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; fields at their defaults are left out."""
        out: dict[str, Any] = {"kind": self.kind, "name": self.name}
        month = self.kind == "month"
        if month:
            out |= {"days": self.days, "weekday_of_day": list(self.weekday_of_day)}
        if self.speed_kmh:
            out |= {"speed_kmh": dict(self.speed_kmh), "detour": self.detour}
        if self.matrix is not None:
            tables = {mode: [list(row) for row in table] for mode, table in self.matrix.seconds}
            out["matrix"] = {"locations": [list(place) for place in self.matrix.locations], **tables}
        out["elders" if month else "visits"] = [_plain_visit(visit) for visit in self.visits]
        out["workers"] = [_plain_worker(worker) for worker in self.workers]
        if self.pinned:
            out["pinned"] = [
                {key: value for key, value in _fields(pin).items() if value is not None}
                for pin in self.pinned
            ]
        if self.weights != Weights():
            out["weights"] = {"continuity": self.weights.continuity, "balance": self.weights.balance}
        return out

    @property
    def is_month(self) -> bool:
        """Whether visits repeat over several days."""
        return self.kind == "month"

    @cached_property
    def weeks(self) -> tuple[int, ...]:
        """Week number of each day: a week ends where the weekday number does not increase."""
        numbers, week = [0], 0
        for before, after in zip(self.weekday_of_day, self.weekday_of_day[1:], strict=False):
            week += after <= before
            numbers.append(week)
        return tuple(numbers)

    @cached_property
    def worker_of(self) -> dict[str, Worker]:
        """Workers by id."""
        return {worker.id: worker for worker in self.workers}

    @cached_property
    def _visit_of(self) -> dict[str, Visit]:
        return {visit.id: visit for visit in self.visits}

    @cached_property
    def _count_of(self) -> dict[str, int]:
        return {visit.id: visit.count for visit in self.visits if isinstance(visit, Elder)}

    def visit_of(self, visit_id: str) -> Visit | None:
        """Return the visit or elder a plan's visit id belongs to, None when it is unknown."""
        if not self.is_month:
            return self._visit_of.get(visit_id)
        elder_id, mark, number = visit_id.rpartition("#")
        if not mark or not number.isdecimal() or not 1 <= int(number) <= self._count_of.get(elder_id, 0):
            return None
        return self._visit_of[elder_id]

    def visit_ids(self) -> Iterator[str]:
        """Every visit id a plan must make or list as unassigned, in file order."""
        for visit in self.visits:
            if isinstance(visit, Elder):
                yield from (f"{visit.id}#{k}" for k in range(1, visit.count + 1))
            else:
                yield visit.id

    def shift_of(self, worker: Worker, day: int) -> Span | None:
        """Return the worker's shift on a day, None when the worker is not available."""
        if not 0 <= day < self.days:
            return None
        if not self.is_month:
            return worker.shift
        weekday = self.weekday_of_day[day]
        if day in worker.not_days or (worker.weekdays is not None and weekday not in worker.weekdays):
            return None
        return dict(worker.shifts).get(weekday, worker.shift)


def known_workers(visit: Visit) -> tuple[str, ...]:
    """Workers whose visit counts as continuity; empty when none is named."""
    return visit.known if isinstance(visit, Elder) else visit.preferred


def _pair(value: Any) -> Place:
    return float(value[0]), float(value[1])


def _span(value: Any) -> Span:
    return ALWAYS if value is None else (int(value[0]), int(value[1]))


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in value or ())


def _visit_fields(item: Mapping[str, Any]) -> dict[str, Any]:
    priority = item.get("priority")
    return {
        "id": str(item["id"]),
        "loc": _pair(item["loc"]),
        "duration": int(item["duration"]),
        "window": _span(item.get("window")),
        "skills": _names(item.get("skills")),
        "priority": 1 if priority is None else int(priority),
        "statutory": bool(item.get("statutory")),
        "preferred": _names(item.get("preferred")),
        "excluded": _names(item.get("excluded")),
        "people": int(item.get("people") or 1),
        "load": int(item.get("load") or 0),
        "loc_index": item.get("loc_index"),
    }


def _elder(item: Mapping[str, Any]) -> Elder:
    patterns = item.get("patterns")
    last = item.get("last_visitor")
    return Elder(
        **_visit_fields(item),
        patterns=None if patterns is None else tuple(tuple(sorted(days)) for days in patterns),
        frequency=int(item.get("frequency") or 1),
        min_gap_days=int(item.get("min_gap_days") or 0),
        max_gap_days=int(item.get("max_gap_days") or 0),
        not_weekdays=tuple(item.get("not_weekdays") or ()),
        last_visitor=None if last is None else str(last),
        last_day=item.get("last_day"),
    )


def _worker(item: Mapping[str, Any]) -> Worker:
    weekdays = item.get("weekdays")
    shifts = item.get("shifts") or {}
    return Worker(
        id=str(item["id"]),
        start=_pair(item["start"]),
        end=_pair(item.get("end") or item["start"]),
        role=str(item.get("role") or ""),
        mode=str(item.get("mode") or "walk"),
        shift=_span(item.get("shift")),
        max_visits=item.get("max_visits"),
        skills=_names(item.get("skills")),
        radius_m=item.get("radius_m"),
        companion_of_adult=bool(item.get("companion_of_adult")),
        breaks=tuple(Break(_span(b["window"]), int(b["duration"])) for b in item.get("breaks") or ()),
        capacity=item.get("capacity"),
        max_route_seconds=item.get("max_route_seconds"),
        weekdays=None if weekdays is None else tuple(weekdays),
        shifts=tuple(sorted((int(day), _span(span)) for day, span in shifts.items())),
        not_days=tuple(item.get("not_days") or ()),
        max_visits_week=item.get("max_visits_week"),
        max_visits_month=item.get("max_visits_month"),
        max_hours_week=item.get("max_hours_week"),
        start_index=item.get("start_index"),
        end_index=item.get("end_index", item.get("start_index")),
    )


def _matrix(data: Mapping[str, Any] | None) -> Matrix | None:
    if data is None:
        return None
    tables = tuple(
        (mode, tuple(tuple(int(cell) for cell in row) for row in table))
        for mode, table in data.items()
        if mode != "locations"
    )
    return Matrix(tuple(_pair(place) for place in data["locations"]), tables)


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for cls in type(item).__mro__ for name in getattr(cls, "__slots__", ())}


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple) else value


def _plain_visit(visit: Visit) -> dict[str, Any]:
    out = {name: _listed(value) for name, value in _fields(visit).items()}
    for name, empty in (
        ("preferred", []),
        ("excluded", []),
        ("people", 1),
        ("load", 0),
        ("statutory", False),
    ):
        if out[name] == empty:
            del out[name]
    if isinstance(visit, Elder) and visit.patterns is not None:
        for name in ("frequency", "min_gap_days", "max_gap_days", "not_weekdays"):
            del out[name]
    return {name: value for name, value in out.items() if value is not None}


def _plain_worker(worker: Worker) -> dict[str, Any]:
    out = {name: _listed(value) for name, value in _fields(worker).items() if value is not None}
    out["shifts"] = {str(day): list(span) for day, span in worker.shifts}
    out["breaks"] = [{"window": list(b.window), "duration": b.duration} for b in worker.breaks]
    for name in ("shifts", "breaks", "not_days", "companion_of_adult"):
        if not out[name]:
            del out[name]
    return out
