"""A square table of whole seconds kept as one flat array: four bytes for each pair of places.

A street of 2,000 places has four million pairs for each mode of travel; as tuples of Python numbers they take a
hundred megabytes and more. `Table` behaves like the tuple of rows the format describes. `pack` and `unpack` turn
the tables of a matrix into text and back, for a message to another process or a record in a database.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from routing.scenario import Matrix, Place

Numbers = np.ndarray[Any, np.dtype[np.int32]]

QUICK = 1
"""Compression that costs little time."""


class Table(Sequence[Sequence[int]]):
    """Rows of a square table; `table[a][b]` are the seconds from place a to place b, a plain int."""

    __slots__ = ("size", "values")

    def __init__(self, seconds: Any) -> None:
        """Take a square array of whole numbers from 0 to 2^31 - 1; raise `ValueError` for anything else."""
        numbers = np.asarray(seconds)
        if numbers.ndim != 2 or numbers.shape[0] != numbers.shape[1]:
            raise ValueError(f"a table of {numbers.shape} is not square")
        if numbers.size and (numbers.min() < 0 or numbers.max() > np.iinfo(np.int32).max):
            raise ValueError("seconds must be from 0 to 2^31 - 1")
        self.size = len(numbers)
        self.values = array("i", numbers.astype(np.int32).tobytes())

    @overload
    def __getitem__(self, row: int) -> Sequence[int]: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Sequence[int]]: ...

    def __getitem__(self, row: int | slice) -> Sequence[int] | Sequence[Sequence[int]]:
        """Return a row without copying it, or some rows."""
        if isinstance(row, slice):
            return tuple(self[number] for number in range(*row.indices(self.size)))
        number = row + self.size if row < 0 else row
        if not 0 <= number < self.size:
            raise IndexError(row)
        return memoryview(self.values)[number * self.size : (number + 1) * self.size].toreadonly()

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Sequence[int]]:
        return (self[row] for row in range(self.size))

    def __eq__(self, other: object) -> bool:
        """Compare with another table or with rows in any other form."""
        if isinstance(other, Table):
            return self.values == other.values
        if not isinstance(other, Sequence) or len(other) != self.size:
            return False
        return all(list(mine) == list(theirs) for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # equal to rows of other types, whose hashes differ

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """Return the numbers as an array; a view of them unless another type is wanted."""
        del copy
        numbers = np.frombuffer(self.values, dtype=np.int32).reshape(self.size, self.size)
        return numbers if dtype is None else numbers.astype(dtype)


def numbers_of(table: Sequence[Sequence[int]]) -> np.ndarray[Any, Any]:
    """Return any table as a square array."""
    return np.asarray(table, dtype=np.int64 if not isinstance(table, Table) else None)


def pack(matrix: Matrix) -> dict[str, Any]:
    """Return the matrix with its tables as text: {"locations": …, "packed": {mode: text}}."""
    return {
        "locations": [list(place) for place in matrix.locations],
        "packed": {
            mode: base64.b64encode(zlib.compress(_bytes(table), QUICK)).decode("ascii")
            for mode, table in matrix.seconds
        },
    }


def unpack(data: Mapping[str, Any]) -> Matrix:
    """Return the matrix that `pack` wrote; raise `ValueError` when it is damaged."""
    places: tuple[Place, ...] = tuple((float(lat), float(lon)) for lat, lon in data["locations"])
    tables = []
    for mode, text in data["packed"].items():
        try:
            numbers = np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), dtype="<i4")
            tables.append((str(mode), Table(numbers.reshape(len(places), len(places)))))
        except (binascii.Error, zlib.error) as error:
            raise ValueError(f"the table of {mode} is damaged: {error}") from error
    return Matrix(places, tuple(tables))


def _bytes(table: Sequence[Sequence[int]]) -> bytes:
    return numbers_of(table).astype("<i4").tobytes()
