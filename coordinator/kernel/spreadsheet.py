"""Spreadsheets out: xlsx and csv of any rows. Cells that could be taken for a formula are made harmless."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter
from flask_babel import gettext as _

from coordinator.kernel.clock import to_local

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"

MAX_CELL = 32_767
"""Longest text of an Excel cell, in characters (Excel specifications and limits)."""
MAX_ROWS = 1_048_576
"""Rows of an Excel sheet."""

# OWASP "CSV Injection": = + - @ tab and carriage return start a formula; their full-width forms do in some locales.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def neutralise(value: str) -> str:
    """`value` with an apostrophe in front when a spreadsheet program could run it as a formula.

    That is: it starts, also after blanks, with = + - @ (or a full-width form), a tab or a line break, and is
    not a plain number. Doing it twice changes nothing more.
    """
    if not value or _NUMBER.fullmatch(value):
        return value
    if value.startswith(_STARTS) or value.lstrip(" \u3000\u00a0\ufeff").startswith(_STARTS):
        return "'" + value
    return value


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a sheet: heading, the cell's value of a row, width in characters.

    Text stays text (an 18-digit ID number keeps its digits); numbers, dates and moments become typed cells.
    """

    label: str
    value: Callable[[Any], object]
    width: int = 14


@dataclass(frozen=True, slots=True)
class Sheet:
    """A finished file."""

    content: bytes
    filename: str
    mimetype: str


def export(
    fmt: str, columns: Sequence[SheetColumn], rows: Iterable[Any], *, title: str, notes: Sequence[str] = ()
) -> Sheet:
    """The rows as "xlsx" or "csv". ValueError on another format."""
    if fmt == "xlsx":
        return export_xlsx(columns, rows, title=title, notes=notes)
    if fmt == "csv":
        return export_csv(columns, rows, title=title)
    raise ValueError(fmt)


def export_xlsx(
    columns: Sequence[SheetColumn], rows: Iterable[Any], *, title: str, notes: Sequence[str] = ()
) -> Sheet:
    """One worksheet with a frozen heading row and filters; `notes` go to a second worksheet, one line each.

    Rows are written as they come (constant memory). OverflowError when they do not fit one sheet.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True, "remove_timezone": True}) as book:
        book.set_properties({"title": title})
        heading = book.add_format(
            {"bold": True, "bg_color": "#E7EDEB", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        formats = {
            "text": book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left", "valign": "top"}),
            "number": book.add_format({"valign": "top"}),
        }
        page = book.add_worksheet(_sheet_name(title))
        for index, column in enumerate(columns):
            page.set_column(index, index, column.width)
            page.write_string(0, index, neutralise(column.label)[:MAX_CELL], heading)
        page.freeze_panes(1, 0)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        line = 0
        for line, row in enumerate(rows, start=1):
            if line >= MAX_ROWS:
                raise OverflowError(f"more than {MAX_ROWS - 1} rows")
            for index, column in enumerate(columns):
                _write(page, line, index, column.value(row), formats)
        if columns:
            page.autofilter(0, 0, max(line, 1), len(columns) - 1)
        if notes:
            about = book.add_worksheet(_sheet_name(_("说明")))
            about.set_column(0, 0, 90)
            for number, note in enumerate(notes):
                about.write_string(number, 0, neutralise(str(note))[:MAX_CELL], formats["text"])
    return Sheet(buffer.getvalue(), f"{_file_name(title)}.xlsx", XLSX)


def export_csv(columns: Sequence[SheetColumn], rows: Iterable[Any], *, title: str) -> Sheet:
    """Comma-separated UTF-8 with a byte-order mark (Excel then reads Chinese right) and CRLF, as RFC 4180 says."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([neutralise(column.label) for column in columns])
    for row in rows:
        writer.writerow([_as_text(column.value(row)) for column in columns])
    return Sheet(buffer.getvalue().encode("utf-8-sig"), f"{_file_name(title)}.csv", CSV)


def _write(page: Any, line: int, index: int, value: object, formats: dict[str, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        page.write_string(line, index, _("是") if value else _("否"), formats["text"])
    elif isinstance(value, (int, float, Decimal)) and _fits_number(value):
        page.write_number(line, index, float(value), formats["number"])
    elif isinstance(value, datetime):
        local = to_local(value) if value.tzinfo is not None else value
        page.write_datetime(line, index, local.replace(tzinfo=None), formats["moment"])
    elif isinstance(value, date):
        page.write_datetime(line, index, value, formats["day"])
    else:
        page.write_string(line, index, _as_text(value)[:MAX_CELL], formats["text"])


def _fits_number(value: int | float | Decimal) -> bool:
    """Excel keeps 15 significant digits and no infinities; longer figures are written as text."""
    if isinstance(value, int):
        return abs(value) < 10**15
    return Decimal(value).is_finite()


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("是") if value else _("否"))
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        local = to_local(value) if value.tzinfo is not None else value
        return local.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, (list, tuple, set, frozenset)):
        return neutralise("、".join(str(v) for v in value))
    return neutralise(str(value))


def _sheet_name(title: str) -> str:
    r"""Excel allows 31 characters and none of []:*?/\ and no apostrophe at either end."""
    return re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip(" '")[:31].strip(" '") or "1"


def _file_name(title: str) -> str:
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", title).strip(" .") or "export"
