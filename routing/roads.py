"""Travel times by road: an engine's tables, remembered, and mended where they have gaps.

`with_roads` puts a matrix of whole seconds into a scenario. It comes from OSRM's table service or from
anything with the same `table` method. A pair the engine has no way for gets the straight-line estimate, and
the report counts such pairs and names the places, so that they can be shown as estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from routing.osrm import DIGITS, NO_WAY, RoadEngine, RoadsError, Seconds
from routing.roadcache import RoadCache
from routing.scenario import Matrix, Place, Scenario
from routing.tables import Table, numbers_of
from routing.travel import geodesic_table

Flags = np.ndarray[Any, np.dtype[np.bool_]]

ROWS_AT_ONCE = 400
"""What has been asked for is remembered after so many rows: an interruption costs little."""


@dataclass(slots=True)
class ModeReport:
    """Pairs of one mode: all, remembered, asked for, and straight-line estimates.

    Of the estimates `no_way` are pairs the engine knows no way for, the others have no answer; `error` says why.
    Pairs are directed; `apart` counts two places between which a way is missing in one direction or both once.
    `cut_off` are the fewest locations found that are in every pair without a way, the worst first.
    """

    pairs: int = 0
    remembered: int = 0
    asked: int = 0
    estimated: int = 0
    no_way: int = 0
    apart: int = 0
    cut_off: tuple[int, ...] = ()
    error: str = ""


@dataclass(slots=True)
class RoadReport:
    """Where a matrix came from, by mode; `places` is its number of locations."""

    places: int = 0
    modes: dict[str, ModeReport] = field(default_factory=dict)

    @property
    def estimated(self) -> int:
        """Pairs that are straight-line estimates."""
        return sum(mode.estimated for mode in self.modes.values())

    def line(self) -> str:
        """Return the report as one line of text."""
        parts = []
        for mode, found in sorted(self.modes.items()):
            text = f"{mode}: {found.pairs} pairs, {found.remembered} remembered, {found.estimated} estimated"
            parts.append(text + (f" ({found.error})" if found.error else ""))
        return f"{self.places} places; " + "; ".join(parts)


def with_roads(
    scenario: Scenario,
    engine: RoadEngine,
    cache: RoadCache | None = None,
    *,
    strict: bool = False,
    digits: int = DIGITS,
) -> tuple[Scenario, RoadReport]:
    """Return the scenario with a matrix of road seconds for the modes in use, and where it came from.

    Places are rounded to `digits` decimals, equal ones share a location. `speed_kmh` and `detour` stay and
    give the estimate where the engine has no way. When the engine does not answer at all, `strict`
    raises `RoadsError`; otherwise everything that is not remembered is estimated and the report says
    so. Raises `ValueError` when a mode in use has no speed.
    """
    speeds = dict(scenario.speed_kmh)
    modes = sorted({worker.mode for worker in scenario.workers})
    for mode in modes:
        if mode not in speeds:
            raise ValueError(f"the mode {mode!r} has no speed for estimates")
    places = tuple(dict.fromkeys(rounded(place, digits) for place in _places(scenario)))
    using = {mode: speeds[mode] for mode in modes}
    matrix, report = road_matrix(places, using, scenario.detour, engine, cache, strict=strict)
    return placed(scenario, matrix, digits)[0], report


def road_matrix(
    places: Sequence[Place],
    speeds: Mapping[str, float],
    detour: float,
    engine: RoadEngine,
    cache: RoadCache | None = None,
    *,
    strict: bool = False,
) -> tuple[Matrix, RoadReport]:
    """Return the road seconds between the places for each mode of `speeds` (km/h), and where they came from.

    Gaps are great circle × detour ÷ speed; `strict` is as for `with_roads`.
    """
    places = tuple(places)
    report = RoadReport(len(places))
    tables = []
    for mode in sorted(speeds):
        seconds, answered, mine = _mode_table(places, mode, engine, cache, strict=strict)
        gaps = seconds == NO_WAY
        mine.estimated, mine.no_way = int(gaps.sum()), int((gaps & answered).sum())
        missing = gaps & answered
        mine.apart = int((missing | missing.T).sum()) // 2
        mine.cut_off = _cut_off(missing)
        if gaps.any():
            seconds = np.where(gaps, geodesic_table(places, places, detour, speeds[mode]), seconds)
        report.modes[mode] = mine
        tables.append((mode, Table(seconds)))
    return Matrix(places, tuple(tables)), report


def placed(scenario: Scenario, matrix: Matrix, digits: int = DIGITS) -> tuple[Scenario, int]:
    """Return the scenario with a matrix, each place at the location it is rounded to, and how many were missing.

    Places that the matrix does not hold are added to it with straight-line estimates. Raises `ValueError` when
    one is missing and a mode of the matrix has no speed.
    """
    numbers = {place: number for number, place in enumerate(matrix.locations)}
    missing = [place for place in _places(scenario) if rounded(place, digits) not in numbers]
    new = tuple(dict.fromkeys(rounded(place, digits) for place in missing))
    if new:
        matrix = _grown(matrix, new, scenario)
        numbers |= {place: number for number, place in enumerate(new, start=len(numbers))}

    def at(place: Place) -> int:
        return numbers[rounded(place, digits)]

    visits = tuple(replace(visit, loc_index=at(visit.loc)) for visit in scenario.visits)
    workers = tuple(
        replace(worker, start_index=at(worker.start), end_index=at(worker.end)) for worker in scenario.workers
    )
    return replace(scenario, visits=visits, workers=workers, matrix=matrix), len(new)


def rounded(place: Place, digits: int = DIGITS) -> Place:
    """Return the place to so many decimals of a degree: 5 are about a metre, 4 about eleven."""
    return round(place[0], digits), round(place[1], digits)


def _places(scenario: Scenario) -> Iterator[Place]:
    yield from (visit.loc for visit in scenario.visits)
    for worker in scenario.workers:
        yield worker.start
        yield worker.end


def _grown(matrix: Matrix, new: Sequence[Place], scenario: Scenario) -> Matrix:
    speeds, places = dict(scenario.speed_kmh), (*matrix.locations, *new)
    tables = []
    for mode, table in matrix.seconds:
        if mode not in speeds:
            raise ValueError(f"the mode {mode!r} has no speed for estimates")
        seconds = geodesic_table(places, places, scenario.detour, speeds[mode])
        seconds[: len(table), : len(table)] = numbers_of(table)
        tables.append((mode, Table(seconds)))
    return Matrix(places, tuple(tables))


def _cut_off(gaps: Flags) -> tuple[int, ...]:
    """Take out the place with the most gaps until none is left: a few places explain many pairs."""
    counts = gaps.sum(axis=0) + gaps.sum(axis=1)
    found = []
    while counts.size and counts.max() > 0:
        worst = int(counts.argmax())
        found.append(worst)
        counts = counts - gaps[worst] - gaps[:, worst]
        counts[found] = 0
    return tuple(found)


def _mode_table(
    places: Sequence[Place], mode: str, engine: RoadEngine, cache: RoadCache | None, *, strict: bool
) -> tuple[Seconds, Flags, ModeReport]:
    """The seconds, which pairs have an answer (perhaps that there is no way), and the report."""
    count = len(places)
    report = ModeReport(pairs=count * count)
    found = np.full((count, count), NO_WAY, dtype=np.int64)
    known = np.zeros((count, count), dtype=bool)
    if not count:
        return found, known, report
    try:
        dataset = _dataset(engine, mode, cache, report, strict=strict)
        if not dataset:
            cache = None  # without the name of its map nothing can be remembered safely
        if cache is not None:
            found, known = cache.read(dataset, mode, places)
        np.fill_diagonal(known, val=True)
        report.remembered = int(known.sum()) - count
        if report.error:
            return _with_zeros(found), known, report
        # new places ask for their whole rows, old ones for the new columns only
        new = np.flatnonzero(known.sum(axis=1) == 1)
        old = np.setdiff1d(np.arange(count), new)
        columns = np.flatnonzero(~known[old].all(axis=0)) if len(old) else np.arange(0)
        for rows, wanted in ((new, np.arange(count)), (old, columns)):
            for first in range(0, len(rows) if len(wanted) else 0, ROWS_AT_ONCE):
                some = rows[first : first + ROWS_AT_ONCE]
                origins, targets = [places[i] for i in some.tolist()], [places[i] for i in wanted.tolist()]
                asked = engine.table(mode, origins, targets)
                found[np.ix_(some, wanted)] = asked
                known[np.ix_(some, wanted)] = True
                report.asked += asked.size
                if cache is not None:
                    cache.write(dataset, mode, origins, targets, asked)
    except RoadsError as error:
        if strict:
            raise
        report.error = str(error)
    return _with_zeros(found), known, report


def _dataset(
    engine: RoadEngine, mode: str, cache: RoadCache | None, report: ModeReport, *, strict: bool
) -> str:
    """The name of the map; while the engine is away, that of the map used last."""
    try:
        return engine.dataset(mode)
    except RoadsError as error:
        if strict:
            raise
        report.error = str(error)
        return "" if cache is None else cache.latest(mode)


def _with_zeros(seconds: Seconds) -> Seconds:
    np.fill_diagonal(seconds, 0)
    return seconds
