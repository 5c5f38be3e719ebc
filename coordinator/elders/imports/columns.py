"""What a column of an import is: its heading and other names for it, what it may hold, and how a cell is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.elders.imports.reading import Cell, normal_heading
from coordinator.elders.imports.values import BLANK, CellProblem, folded, is_blank, truth

# Written by ourselves in front of rows that were not taken.
IGNORED = ("原因",)
Parser = Callable[[Cell], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `parse` turns a filled cell into a value JSON can carry, or raises CellProblem.

    `choices` are the words offered in the template (also drop-downs); `text` makes the template's cells text, so
    that no digit is lost; `secret` values are shown masked and never named in the audit trail.
    """

    key: str
    heading: str
    about: Any
    parse: Parser
    example: tuple[str, str] = ("", "")
    synonyms: Sequence[str] = ()
    choices: Sequence[str] = ()
    required: bool = False
    text: bool = False
    is_date: bool = False
    secret: bool = False
    several: bool = False
    width: int = 14
    # Shows a stored value as a person would write it (dates, choices, lists).
    show: Callable[[Any], str] = field(default=lambda value: "" if value is None else str(value))


def headings_of(columns: Sequence[Column]) -> dict[str, str]:
    """Normalised heading → column key, for every heading a column is known by. ValueError when two share one."""
    found: dict[str, str] = {}
    for column in columns:
        for name in (column.heading, *column.synonyms):
            key = normal_heading(name)
            if found.setdefault(key, column.key) != column.key:
                raise ValueError(f"{name}: both {found[key]} and {column.key}")
    return found


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of the sheet is which of ours. `missing` and `unknown` are headings for people."""

    places: Mapping[str, int]
    unknown: Sequence[str]
    doubled: Sequence[str]
    headings: Sequence[tuple[str, str | None]]

    @classmethod
    def of(cls, columns: Sequence[Column], headings: Sequence[tuple[str, str | None]]) -> Layout:
        """Match the recognised headings of a sheet; the first of two equal ones counts."""
        known = headings_of(columns)
        places: dict[str, int] = {}
        unknown, doubled, understood = [], [], []
        for index, (text, recognised) in enumerate(headings):
            key = known.get(recognised) if recognised else None
            if key is not None and key in places:
                doubled.append(text)
                key = None
            elif key is not None:
                places[key] = index
            elif text and text not in IGNORED:
                unknown.append(text)
            understood.append((text, key))
        return cls(places, unknown, doubled, understood)

    def missing(self, columns: Sequence[Column]) -> list[str]:
        """Headings of required columns the sheet does not have."""
        return [column.heading for column in columns if column.required and column.key not in self.places]


def problem(column: str | None, code: str, text: str, remedy: str = "") -> dict[str, Any]:
    """A problem of a row as it is stored; `column` is the key of the cell it stands beside, or None."""
    return {"column": column, "code": code, "text": str(text), "remedy": str(remedy)}


def _speaks(column: Column, cell: Cell) -> bool:
    """Is a word that usually leaves a cell empty (无) an answer here?"""
    return str(cell) in column.choices or (column.parse is truth and folded(cell) in ("无", "没有"))


def parse_row(
    columns: Sequence[Column], layout: Layout, cells: Sequence[Cell]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Values by column key (blank cells are left out) and what is wrong with single cells."""
    values: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    for column in columns:
        place = layout.places.get(column.key)
        cell = cells[place] if place is not None and place < len(cells) else None
        if cell is None or (is_blank(cell) and not _speaks(column, cell)):
            if column.required:
                problems.append(problem(column.key, "required", BLANK.text, BLANK.remedy))
            continue
        try:
            value = column.parse(cell)
        except CellProblem as found:
            problems.append(problem(column.key, found.code, found.text, found.remedy))
            continue
        if value is not None:
            values[column.key] = value
    return values, problems
