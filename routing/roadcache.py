"""Road times that were asked for once: one SQLite file of bounded size, shared by processes.

A record holds everything known from one place by one mode on one map: packed coordinates of the
targets in ascending order and their seconds. Reading a matrix is then one record and one binary search
for each row, and a new visit adds one column instead of asking for everything again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from routing.scenario import Place

Whole = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

MOST_BYTES = 200_000_000
WAIT_SECONDS = 30.0
UNKNOWN = -1
SCALE = 100_000
"""Packed coordinates count steps of 0.00001 degrees, about a metre."""

_TABLES = """
CREATE TABLE IF NOT EXISTS roads (
    dataset TEXT NOT NULL, mode TEXT NOT NULL, origin INTEGER NOT NULL,
    targets BLOB NOT NULL, seconds BLOB NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (dataset, mode, origin)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS roads_used ON roads (used);
CREATE TABLE IF NOT EXISTS ticks (number INTEGER NOT NULL);
"""


class RoadCache:
    """Remembered road seconds. Records used longest ago go first when `most_bytes` is passed."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self.path, self.most_bytes = path, most_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as line:
            line.executescript("PRAGMA journal_mode = WAL;" + _TABLES)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)

    def read(self, dataset: str, mode: str, places: Sequence[Place]) -> tuple[Whole, Flags]:
        """Return the seconds between all places and which of them are known.

        A known pair without a way has -1, like an unknown one.
        """
        keys = _keys(places)
        found = np.full((len(keys), len(keys)), UNKNOWN, dtype=np.int64)
        known = np.zeros(found.shape, dtype=bool)
        if not len(keys):
            return found, known
        with closing(self._open()) as line:
            line.execute("BEGIN IMMEDIATE")
            now = _tick(line)
            for number, key in enumerate(keys.tolist()):
                record = _record(line, dataset, mode, key)
                if record is None:
                    continue
                line.execute(
                    "UPDATE roads SET used = ? WHERE dataset = ? AND mode = ? AND origin = ?",
                    (now, dataset, mode, key),
                )
                targets, seconds = record
                at = np.minimum(np.searchsorted(targets, keys), len(targets) - 1)
                hit = targets[at] == keys
                known[number] = hit
                found[number, hit] = seconds[at[hit]]
            line.execute("COMMIT")
        return found, known

    def write(
        self, dataset: str, mode: str, origins: Sequence[Place], targets: Sequence[Place], seconds: Whole
    ) -> None:
        """Remember a table (rows of origins, columns of targets; -1 for no way)."""
        columns, firsts = np.unique(_keys(targets), return_index=True)
        with closing(self._open()) as line:
            line.execute("BEGIN IMMEDIATE")
            now = _tick(line)
            for key, row in zip(_keys(origins).tolist(), seconds, strict=True):
                ends, times = columns, row[firsts].astype(np.int32)
                record = _record(line, dataset, mode, key)
                if record is not None:
                    ends, first = np.unique(np.concatenate([columns, record[0]]), return_index=True)
                    times = np.concatenate([times, record[1].astype(np.int32)])[first]
                line.execute(
                    "INSERT OR REPLACE INTO roads VALUES (?, ?, ?, ?, ?, ?)",
                    (dataset, mode, key, ends.astype("<i8").tobytes(), times.astype("<i4").tobytes(), now),
                )
            self._shrink(line)
            line.execute("COMMIT")

    def _shrink(self, line: sqlite3.Connection) -> None:
        size = _size(line)
        while size > self.most_bytes:
            (oldest,) = line.execute("SELECT min(used) FROM roads").fetchone()
            rows = line.execute(
                "SELECT dataset, mode, origin, length(targets) + length(seconds) FROM roads WHERE used = ?"
                " ORDER BY origin",
                (oldest,),
            ).fetchall()
            for dataset, mode, origin, length in rows:
                if size <= self.most_bytes:
                    return
                line.execute(
                    "DELETE FROM roads WHERE dataset = ? AND mode = ? AND origin = ?", (dataset, mode, origin)
                )
                size -= length

    def latest(self, mode: str) -> str:
        """Return the map whose times were used last by a mode, "" when there are none."""
        with closing(self._open()) as line:
            found = line.execute(
                "SELECT dataset FROM roads WHERE mode = ? ORDER BY used DESC LIMIT 1", (mode,)
            ).fetchone()
        return "" if found is None else str(found[0])

    def size(self) -> int:
        """Return the bytes of what is remembered."""
        with closing(self._open()) as line:
            return _size(line)

    def forget(self) -> None:
        """Forget everything, for instance when the map has changed without a new name."""
        with closing(self._open()) as line:
            line.execute("DELETE FROM roads")
            line.execute("VACUUM")


def _size(line: sqlite3.Connection) -> int:
    (size,) = line.execute("SELECT coalesce(sum(length(targets) + length(seconds)), 0) FROM roads").fetchone()
    return int(size)


def _tick(line: sqlite3.Connection) -> int:
    """The next number of a count of uses: unlike a clock it never goes back."""
    found = line.execute("UPDATE ticks SET number = number + 1 RETURNING number").fetchall()
    if found:
        return int(found[0][0])
    line.execute("INSERT INTO ticks VALUES (1)")
    return 1


def _record(line: sqlite3.Connection, dataset: str, mode: str, key: int) -> tuple[Whole, Whole] | None:
    found = line.execute(
        "SELECT targets, seconds FROM roads WHERE dataset = ? AND mode = ? AND origin = ?",
        (dataset, mode, key),
    ).fetchone()
    if found is None:
        return None
    return np.frombuffer(found[0], dtype="<i8").astype(np.int64), np.frombuffer(found[1], dtype="<i4").astype(
        np.int64
    )


def _keys(places: Sequence[Place]) -> Whole:
    steps = np.rint(np.asarray(places, dtype=np.float64).reshape(-1, 2) * SCALE).astype(np.int64)
    packed: Whole = (steps[:, 0] + 90 * SCALE) * (360 * SCALE + 1) + steps[:, 1] + 180 * SCALE
    return packed
