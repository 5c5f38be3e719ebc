"""Travel times by road: an engine's table service, asked in batches, remembered, and mended where it has gaps.

`with_roads` puts a matrix of whole seconds into a scenario. It comes from OSRM's table service (the
HTTP interface of Project OSRM, version 1; Luxen and Vetter 2011) or from anything with the same
`table` method. A pair the engine has no way for gets the straight-line estimate, and the report counts
such pairs, so that they can be shown as estimates.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from routing.roadcache import RoadCache
from routing.scenario import Matrix, Place, Scenario
from routing.travel import geodesic_table

Seconds = np.ndarray[Any, np.dtype[np.int64]]
"""Rows of origins, columns of targets, whole seconds; `NO_WAY` where the engine found none."""

NO_WAY = -1
PROFILES = {"walk": "foot", "bike": "bicycle", "car": "car"}
"""OSRM's customary profile names for the modes of a scenario."""
ROWS_AT_ONCE = 200
"""What has been asked for is remembered after so many rows: an interruption costs little."""
DIGITS = 5
"""Decimals of a coordinate that are asked for and remembered: about a metre."""


class RoadsError(Exception):
    """The road engine did not answer, or not as it should; the message is one line."""


class RoadEngine(Protocol):
    """What gives road times. `dataset` names the map it works on, for what is remembered."""

    def dataset(self, mode: str) -> str:
        """Return a name of the map behind a mode, "" when it is not known."""

    def table(self, mode: str, origins: Sequence[Place], targets: Sequence[Place]) -> Seconds:
        """Return the seconds from each origin to each target; raise `RoadsError` when there is no answer."""


class Osrm:
    """OSRM's table service over HTTP, one address for each mode (one process serves one profile).

    `block` origins × `block` targets are asked at once; a server that allows less is asked for less.
    A request without an answer is tried again `retries` times, each time after twice the pause. Pairs
    of a mode listed in `factor` take that many times as long as the engine says.
    """

    def __init__(
        self,
        addresses: Mapping[str, str] | str,
        *,
        profiles: Mapping[str, str] = PROFILES,
        block: int = 100,
        retries: int = 4,
        pause: float = 0.2,
        timeout: float = 20.0,
        factor: Mapping[str, float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._addresses = addresses
        self._profiles, self._factor = dict(profiles), dict(factor or {})
        self._block, self._retries = max(1, block), retries
        self._pause, self._timeout, self._sleep = pause, timeout, sleep
        self._lines: dict[str, http.client.HTTPConnection] = {}
        self._datasets: dict[str, str] = {}
        self.requests = 0
        self.repeated = 0

    def __enter__(self) -> Osrm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dataset(self, mode: str) -> str:
        """Return the `data_version` of the map and the factor of the mode."""
        if mode not in self._datasets:
            answer = self._ask(mode, [(0.0, 0.0)], [(0.0, 0.0)])
            version = str(answer.get("data_version") or "")
            factor = self._factor.get(mode, 1.0)
            self._datasets[mode] = version if factor == 1.0 else f"{version}×{factor}"
        return self._datasets[mode]

    def table(self, mode: str, origins: Sequence[Place], targets: Sequence[Place]) -> Seconds:
        """Return the seconds from each origin to each target, `NO_WAY` where the engine says null."""
        found = np.full((len(origins), len(targets)), NO_WAY, dtype=np.int64)
        row = 0
        while row < len(origins):
            column, height = 0, self._block
            while column < len(targets):
                height = min(height, self._block)  # a refusal may have made blocks smaller
                width = self._block
                part = self._part(mode, origins[row : row + height], targets[column : column + width], DEPTH)
                if part is None:
                    continue
                found[row : row + part.shape[0], column : column + part.shape[1]] = part
                column += width
            row += height
        return found

    def _part(
        self, mode: str, origins: Sequence[Place], targets: Sequence[Place], depth: int
    ) -> Seconds | None:
        """One block; None when the server found it too big and smaller blocks are due."""
        answer = self._ask(mode, origins, targets)
        code = answer.get("code")
        if code == "Ok":
            return self._numbers(mode, answer, len(origins), len(targets))
        if code == "TooBig" and self._block > 1:
            self._block //= 2
            return None
        if code in ("NoSegment", "NoTable"):
            return self._halves(mode, origins, targets, depth)
        raise RoadsError(f"{self._address(mode)}: {code}: {answer.get('message')}")

    def _halves(self, mode: str, origins: Sequence[Place], targets: Sequence[Place], depth: int) -> Seconds:
        """A place far from every road spoils the whole block: find it and give it no way."""
        found = np.full((len(origins), len(targets)), NO_WAY, dtype=np.int64)
        if depth == 0 or (len(origins) == 1 and len(targets) == 1):
            return found
        cut, split = max(1, len(origins) // 2), max(1, len(targets) // 2)
        for top, bottom in ((0, cut), (cut, len(origins))):
            for left, right in ((0, split), (split, len(targets))):
                if top < bottom and left < right:
                    part = self._part(mode, origins[top:bottom], targets[left:right], depth - 1)
                    if part is not None:
                        found[top:bottom, left:right] = part
        return found

    def _numbers(self, mode: str, answer: Mapping[str, Any], rows: int, columns: int) -> Seconds:
        try:
            table = np.array(answer["durations"], dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            raise RoadsError(f"{self._address(mode)}: the answer holds no durations") from None
        if table.shape != (rows, columns):
            raise RoadsError(f"{self._address(mode)}: a table of {table.shape}, not {(rows, columns)}")
        known = np.isfinite(table) & (table >= 0)
        scaled = np.where(known, table, 0.0) * self._factor.get(mode, 1.0)
        return np.where(known, np.rint(scaled), NO_WAY).astype(np.int64)

    def _address(self, mode: str) -> str:
        if isinstance(self._addresses, str):
            return self._addresses
        try:
            return self._addresses[mode]
        except KeyError:
            raise RoadsError(f"no road engine is given for the mode {mode!r}") from None

    def _ask(self, mode: str, origins: Sequence[Place], targets: Sequence[Place]) -> dict[str, Any]:
        """One request, repeated while the server is busy or unreachable; any JSON answer is returned."""
        base = self._address(mode)
        places = ";".join(f"{lon:.{DIGITS}f},{lat:.{DIGITS}f}" for lat, lon in (*origins, *targets))
        sources = ";".join(map(str, range(len(origins))))
        ends = ";".join(map(str, range(len(origins), len(origins) + len(targets))))
        profile = self._profiles.get(mode, mode)
        path = f"/table/v1/{profile}/{places}?sources={sources}&destinations={ends}&annotations=duration"
        cause = ""
        for attempt in range(self._retries + 1):
            if attempt:
                self.repeated += 1
                # spread the callers out, so that they do not all come back at once
                self._sleep(self._pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2))  # noqa: S311
            self.requests += 1
            try:
                status, body = self._get(base, path)
            except (OSError, http.client.HTTPException) as error:
                cause = str(error) or type(error).__name__
                continue
            if status == 429 or status >= 500:
                cause = f"HTTP {status}"
                continue
            try:
                answer = json.loads(body)
            except ValueError:
                cause = f"HTTP {status} without JSON"
                continue
            if isinstance(answer, dict):
                return answer
            cause = "JSON, but no object"
        raise RoadsError(f"{base}: no answer after {self._retries + 1} tries ({cause})")

    def _get(self, base: str, path: str) -> tuple[int, bytes]:
        line = self._lines.get(base)
        parts = urlsplit(base)
        if line is None:
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise RoadsError(f"{base!r} is not an http address")
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            line = self._lines[base] = kind(parts.hostname, parts.port, timeout=self._timeout)
        try:
            line.request("GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"})
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            del self._lines[base]
            raise

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()


DEPTH = 24
"""How often a block is halved in search of a place without a road: enough for any block."""


@dataclass(slots=True)
class ModeReport:
    """Pairs of one mode: all, remembered, asked for, and estimated because the engine has no way."""

    pairs: int = 0
    remembered: int = 0
    asked: int = 0
    estimated: int = 0
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
) -> tuple[Scenario, RoadReport]:
    """Return the scenario with a matrix of road seconds for the modes in use, and where it came from.

    Places are rounded to about a metre, equal ones share a location. `speed_kmh` and `detour` stay and
    give the estimate where the engine has no way. When the engine does not answer at all, `strict`
    raises `RoadsError`; otherwise everything that is not remembered is estimated and the report says
    so. Raises `ValueError` when a mode in use has no speed.
    """
    speeds = dict(scenario.speed_kmh)
    modes = sorted({worker.mode for worker in scenario.workers})
    for mode in modes:
        if mode not in speeds:
            raise ValueError(f"the mode {mode!r} has no speed for estimates")
    numbers: dict[Place, int] = {}

    def number(place: Place) -> int:
        return numbers.setdefault((round(place[0], DIGITS), round(place[1], DIGITS)), len(numbers))

    visits = tuple(replace(visit, loc_index=number(visit.loc)) for visit in scenario.visits)
    workers = tuple(
        replace(worker, start_index=number(worker.start), end_index=number(worker.end))
        for worker in scenario.workers
    )
    places = tuple(numbers)
    report = RoadReport(len(places))
    tables = []
    for mode in modes:
        seconds, report.modes[mode] = _mode_table(places, mode, engine, cache, strict=strict)
        gaps = seconds == NO_WAY
        report.modes[mode].estimated = int(gaps.sum())
        if gaps.any():
            seconds = np.where(gaps, geodesic_table(places, places, scenario.detour, speeds[mode]), seconds)
        tables.append((mode, tuple(tuple(row) for row in seconds.tolist())))
    matrix = Matrix(places, tuple(tables))
    return replace(scenario, visits=visits, workers=workers, matrix=matrix), report


def _mode_table(
    places: Sequence[Place], mode: str, engine: RoadEngine, cache: RoadCache | None, *, strict: bool
) -> tuple[Seconds, ModeReport]:
    count = len(places)
    report = ModeReport(pairs=count * count)
    found = np.full((count, count), NO_WAY, dtype=np.int64)
    if not count:
        return found, report
    known = np.zeros((count, count), dtype=bool)
    try:
        dataset = _dataset(engine, mode, cache, report, strict=strict)
        if cache is not None:
            found, known = cache.read(dataset, mode, places)
        np.fill_diagonal(known, val=True)
        report.remembered = int(known.sum()) - count
        if report.error:
            return _with_zeros(found), report
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
                report.asked += asked.size
                if cache is not None:
                    cache.write(dataset, mode, origins, targets, asked)
    except RoadsError as error:
        if strict:
            raise
        report.error = str(error)
    return _with_zeros(found), report


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
