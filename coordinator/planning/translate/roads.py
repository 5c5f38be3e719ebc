"""Travel times by road: the one place where the planner meets a road engine.

`ask` fetches the times between people's places, `times_of` for everybody a month's plan may hold, `times_now` for
the few a page is about; `stored` and `read` keep a plan's times with its scenario.

A road engine that is away never stops anybody: questions have a time limit, what has no answer is estimated from
the straight line, and `Times.note` says how much of it and for whom.

Only cells leave for the road engine, places rounded to about eleven metres, without any name.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import select

import routing
from coordinator.config import Settings
from coordinator.elders.models import Elder, ElderStatus, Household
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.planning.translate.keys import elder_key, worker_key
from coordinator.planning.translate.people import DETOUR, SPEEDS_KMH, speeds, way_seconds
from coordinator.visits.lifecycle import LIVE, ContactMode
from coordinator.visits.models import Assignment, Visit
from coordinator.workforce.models import TravelMode, Worker
from coordinator.workforce.queries import workers_for_planning
from routing.roads import placed, road_matrix, rounded
from routing.scenario import Matrix, Place
from routing.scenario import Visit as Item
from routing.tables import Table, pack, unpack
from routing.travel import geodesic_table

log = structlog.get_logger(__name__)

DIGITS = 4
"""Decimals of a degree that the road engine learns: cells of about eleven metres."""
MONTH_SECONDS = 60.0
"""All questions for a month's plan."""
DAY_SECONDS = 2.0
"""All questions while somebody waits for a page."""
TRY_SECONDS = 15.0
RETRIES = 2
BLOCK = 400
"""Places on each side of one question: larger ones cost the engine less; one that allows less says so."""
REST_SECONDS = 60.0
"""A road engine that did not answer is left alone so long by those who cannot wait."""
MEMORY_BYTES = 600_000_000

# What the usual profiles suppose: a steady walk and ride on every way, a car at the limit on empty roads. Visitors
# are slower on foot and by bicycle; by car towns, lights and parking take half as long again.
PROFILE_KMH = {TravelMode.WALK: 5.0, TravelMode.BIKE: 14.0}
CAR_FACTOR = 1.5
ROADS_KEY = "road_times"

_resting: dict[str, float] = {}
"""Until when an engine is left alone (monotonic seconds), in this process."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds between cells by each mode in use; no matrix where all is estimated from straight lines.

    `note` is plain data: `places`, `seconds` it took, and by mode `pairs`, `no_way` (pairs of places without a way
    in one direction at least), `unanswered` (directed pairs), `cut_off` (keys of people at places without a road),
    `error` ("away" or ""); `line` lists modes in use without a road engine.
    """

    matrix: Matrix | None = None
    note: Mapping[str, Any] = field(default_factory=dict)
    _numbers: Mapping[Place, int] = field(init=False, repr=False, compare=False)
    _tables: Mapping[str, Sequence[Sequence[int]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        locations, tables = ((), ()) if self.matrix is None else (self.matrix.locations, self.matrix.seconds)
        object.__setattr__(self, "_numbers", {place: number for number, place in enumerate(locations)})
        object.__setattr__(self, "_tables", dict(tables))

    def into(self, scenario: routing.Scenario) -> routing.Scenario:
        """Return the scenario with these times."""
        return scenario if self.matrix is None else placed(scenario, self.matrix, DIGITS)[0]

    def at(self, visit: Item) -> Item:
        """Return a visit outside the scenario at its place among these times. Raises KeyError for a place that was
        not asked about."""
        return (
            visit
            if self.matrix is None
            else replace(visit, loc_index=self._numbers[rounded(visit.loc, DIGITS)])
        )

    def between(self, mode: TravelMode | str, start: Place, end: Place) -> int:
        """Return the seconds of one way."""
        if self.matrix is not None:
            try:
                row, column = (self._numbers[rounded(place, DIGITS)] for place in (start, end))
                return int(self._tables[mode][row][column])
            except KeyError:
                log.info("a place without road times", mode=str(mode))
        return way_seconds(mode, start, end)


STRAIGHT = Times()


def times_of(area: Area, today: date, tick: Callable[[], None] | None = None) -> Times:
    """The times between everybody a plan of the area may hold; ends the transaction before it asks.

    `tick` is called before each question; a `routing.RoadsError` it raises ends them.
    """
    if not settings().road_engines:
        return STRAIGHT
    people, modes = _people(area, today)
    db.session.commit()
    return ask(people, modes, MONTH_SECONDS, tick)


def times_now(people: Iterable[tuple[str, Place | None]], modes: Collection[str]) -> Times:
    """The times between people's places while somebody waits: what is remembered, and what an engine answers at
    once. Straight lines, and no work at all, without an engine."""
    if not settings().road_engines:
        return STRAIGHT
    return ask([(key, place) for key, place in people if place is not None], modes, DAY_SECONDS)


def ask(
    people: Sequence[tuple[str, Place]],
    modes: Collection[str],
    seconds: float,
    tick: Callable[[], None] | None = None,
) -> Times:
    """The times between the places of people (key and place) by the modes; never raises for an engine's sake."""
    engines = {mode: url for mode, url in settings().road_engines.items() if mode in modes}
    at: dict[Place, dict[str, None]] = {}
    for key, place in people:
        at.setdefault(rounded(place, DIGITS), {})[key] = None
    if not engines or not at:
        return STRAIGHT
    begun = time.monotonic()
    matrix, report = _asked(tuple(at), engines, seconds, tick)
    missing = sorted(set(modes) - set(engines))
    note = {
        "places": len(at),
        "seconds": round(time.monotonic() - begun, 1),
        "line": missing,
        "modes": {mode: _note(one, list(at.values())) for mode, one in report.modes.items()},
    }
    for mode, one in report.modes.items():
        if one.error:
            log.warning("road times estimated", mode=mode, pairs=one.estimated, error=one.error)
    answered = any(one.estimated < one.pairs - len(at) for one in report.modes.values())
    if not answered and any(one.error for one in report.modes.values()):
        return Times(None, note)
    straight = tuple(
        (mode, Table(geodesic_table(matrix.locations, matrix.locations, DETOUR, speeds()[mode])))
        for mode in missing
    )
    return Times(Matrix(matrix.locations, matrix.seconds + straight), note)


def stored(scenario: routing.Scenario) -> dict[str, Any]:
    """The scenario in its JSON form, road times as packed text: what a plan's row keeps."""
    if scenario.matrix is None:
        return scenario.to_dict()
    plain = replace(
        scenario,
        matrix=None,
        visits=tuple(replace(visit, loc_index=None) for visit in scenario.visits),
        workers=tuple(replace(worker, start_index=None, end_index=None) for worker in scenario.workers),
    )
    return plain.to_dict() | {ROADS_KEY: pack(scenario.matrix)}


def read(data: Mapping[str, Any]) -> routing.Scenario:
    """The scenario that `stored` wrote, with the same times. Raises as `Scenario.from_dict`."""
    scenario = routing.Scenario.from_dict(data)
    if ROADS_KEY not in data:
        return scenario
    return placed(scenario, unpack(data[ROADS_KEY]), DIGITS)[0]


def settings() -> Settings:
    """The settings of the running system."""
    found: Settings = current_app.extensions["settings"]
    return found


def factors(engines: Mapping[str, str]) -> dict[str, float]:
    """How many times as long as the engine says each mode takes; a mode at the address of walking is answered by a
    walking network."""
    found = {TravelMode.CAR.value: CAR_FACTOR}
    found |= {mode.value: round(kmh / SPEEDS_KMH[mode], 4) for mode, kmh in PROFILE_KMH.items()}
    walk = engines.get(TravelMode.WALK.value)
    for mode in TravelMode:
        if mode is not TravelMode.WALK and walk is not None and engines.get(mode.value) == walk:
            found[mode.value] = round(PROFILE_KMH[TravelMode.WALK] / SPEEDS_KMH[mode], 4)
    return found


# --- asking ----------------------------------------------------------------------------------------------


class _Away:
    """An engine that is left alone for a while: only what is remembered counts."""

    def dataset(self, mode: str) -> str:
        raise routing.RoadsError(f"the road engine for {mode} did not answer lately")

    def table(self, mode: str, origins: Sequence[Place], targets: Sequence[Place]) -> Any:
        raise routing.RoadsError(f"the road engine for {mode} did not answer lately")


def _asked(
    places: Sequence[Place],
    engines: Mapping[str, str],
    seconds: float,
    tick: Callable[[], None] | None,
) -> tuple[Matrix, routing.RoadReport]:
    using = {mode: speeds()[mode] for mode in engines}
    now = time.monotonic()
    rests = any(_resting.get(url, 0.0) > now for url in engines.values())
    cache = _memory()
    if rests and seconds < MONTH_SECONDS:
        return _with_memory(places, using, _Away(), cache)
    with routing.Osrm(
        settings().road_engines,
        block=BLOCK,
        retries=RETRIES,
        timeout=min(TRY_SECONDS, seconds),
        factor=factors(settings().road_engines),
        budget=seconds,
        tick=tick,
    ) as engine:
        matrix, report = _with_memory(places, using, engine, cache)
    for mode, url in engines.items():
        if report.modes[mode].error:
            _resting[url] = time.monotonic() + REST_SECONDS
        else:
            _resting.pop(url, None)
    return matrix, report


def _with_memory(
    places: Sequence[Place], using: Mapping[str, float], engine: Any, cache: routing.RoadCache | None
) -> tuple[Matrix, routing.RoadReport]:
    try:
        return road_matrix(places, using, DETOUR, engine, cache)
    except sqlite3.Error as error:
        log.warning("road times cannot be remembered", error=str(error))
        return road_matrix(places, using, DETOUR, engine)


def _memory() -> routing.RoadCache | None:
    folder = settings().data_dir / "roads"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return routing.RoadCache(folder / "times.sqlite", MEMORY_BYTES)
    except (OSError, sqlite3.Error) as error:
        log.warning("road times cannot be remembered", error=str(error))
        return None


def _note(found: Any, people: Sequence[Mapping[str, None]]) -> dict[str, Any]:
    return {
        "pairs": found.pairs,
        "remembered": found.remembered,
        "no_way": found.apart,
        "unanswered": found.estimated - found.no_way,
        "cut_off": [key for number in found.cut_off for key in people[number]],
        "error": "away" if found.error else "",
    }


# --- who matters -----------------------------------------------------------------------------------------


def _people(area: Area, today: date) -> tuple[list[tuple[str, Place]], set[str]]:
    """Elders of the area and of its workers' other visits, and the workers; keys with places, and modes in use."""
    workers = workers_for_planning(area.path)
    mine = select(Area.id).where(Area.path.startswith(area.path))
    elsewhere = (
        select(Visit.elder_id)
        .outerjoin(Assignment, Assignment.visit_id == Visit.id)
        .where(
            Visit.state.in_(LIVE),
            Visit.mode == ContactMode.HOME,
            Visit.starts_at >= clock.at_local(today, 0),
            Assignment.worker_id.in_([worker.id for worker in workers]) | Visit.area_id.in_(mine),
        )
    )
    rows = db.session.execute(
        select(Elder.id, Household.latitude, Household.longitude)
        .join(Household, Household.id == Elder.household_id)
        .where(
            Household.latitude.is_not(None),
            (Elder.area_id.in_(mine) & (Elder.status == ElderStatus.ACTIVE)) | Elder.id.in_(elsewhere),
        )
        .order_by(Elder.id)
    )
    people: list[tuple[str, Place]] = [
        (elder_key(elder_id), (lat, lon))
        for elder_id, lat, lon in rows
        if lat is not None and lon is not None
    ]
    people += [(worker_key(worker.id), place) for worker in workers for place in ends_of(worker)]
    return people, {worker.travel_mode.value for worker in workers}


def ends_of(worker: Worker) -> list[Place]:
    """Where a worker's day begins and ends, as far as it is known."""
    ends = (worker.start_latitude, worker.start_longitude), (worker.end_latitude, worker.end_longitude)
    return [(lat, lon) for lat, lon in ends if lat is not None and lon is not None]
