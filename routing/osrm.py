"""OSRM's table service (the HTTP interface of Project OSRM, version 1; Luxen and Vetter 2011).

`RoadEngine` is what the planner needs of a road engine, `Osrm` the one it knows.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from routing.scenario import Place

Seconds = np.ndarray[Any, np.dtype[np.int64]]
"""Rows of origins, columns of targets, whole seconds; `NO_WAY` where the engine found none."""

NO_WAY = -1
PROFILES = {"walk": "foot", "bike": "bicycle", "car": "car"}
"""OSRM's customary profile names for the modes of a scenario."""
CHUNK = 1 << 16
MOST_BYTES = 100_000_000
"""An answer longer than this is no table of a block."""
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
    of a mode listed in `factor` take that many times as long as the engine says. After `budget` seconds from
    now on every question raises `RoadsError`, whatever is under way. `tick` is called before each request;
    a `RoadsError` it raises ends the questions.
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
        budget: float | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self._addresses = addresses
        self._profiles, self._factor = dict(profiles), dict(factor or {})
        self._block, self._retries = max(1, block), retries
        self._pause, self._timeout, self._sleep = pause, timeout, sleep
        self._budget = budget
        self._until = None if budget is None else time.monotonic() + budget
        self._tick = tick or (lambda: None)
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
                pause = self._pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
                self._sleep(min(pause, self._left(cause)))
            self._tick()
            left = self._left(cause)
            self.requests += 1
            try:
                status, body = self._get(base, path, min(self._timeout, left))
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

    def _left(self, cause: str) -> float:
        """Seconds left for questions."""
        left = inf if self._until is None else self._until - time.monotonic()
        if left <= 0:
            raise RoadsError(f"no time left after {self._budget:g} s of questions ({cause or 'many places'})")
        return left

    def _get(self, base: str, path: str, seconds: float) -> tuple[int, bytes]:
        line = self._lines.get(base)
        parts = urlsplit(base)
        if line is None:
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise RoadsError(f"{base!r} is not an http address")
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            line = self._lines[base] = kind(parts.hostname, parts.port, timeout=seconds)
        elif line.sock is not None:
            line.sock.settimeout(seconds)
        until = time.monotonic() + seconds
        try:
            line.request("GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"})
            answer = line.getresponse()
            body = bytearray()
            # a server that sends a little now and then would never run into the timeout of a single read
            while part := answer.read1(CHUNK):
                body += part
                if time.monotonic() > until or len(body) > MOST_BYTES:
                    raise TimeoutError("the answer is too slow or too long")
            if answer.length:
                raise http.client.IncompleteRead(bytes(body), answer.length)
            answer.close()  # all is read: the connection takes the next request
            return answer.status, bytes(body)
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
