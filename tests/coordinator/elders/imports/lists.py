"""Small sheets for tests, and what a batch says about its rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import xlsxwriter
from sqlalchemy import select

from coordinator.elders.models import ImportBatch, ImportRow
from coordinator.extensions import db
from coordinator.kernel.identity import check_character


def resident_id(born: date, order: int = 12) -> str:
    """An invented ID number with a right check digit; odd orders are men."""
    first = f"510502{born:%Y%m%d}{order:03d}"
    return first + check_character(first)


def xlsx(
    rows: Sequence[Sequence[Any]], *, sheet: str = "名单", merge: Sequence[tuple[Any, ...]] = ()
) -> bytes:
    """A workbook with one sheet; `merge` holds (top, left, bottom, right, value)."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for line, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, date):
                    page.write_datetime(line, column, value, day)
                elif isinstance(value, str):
                    page.write_string(line, column, value)
                elif value is not None:
                    page.write(line, column, value)
        for top, left, bottom, right, value in merge:
            page.merge_range(top, left, bottom, right, value)
    return buffer.getvalue()


def rows_of(batch: ImportBatch) -> list[ImportRow]:
    """The rows of a batch in order."""
    return list(
        db.session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.number))
    )


def codes(row: ImportRow) -> set[str]:
    """Codes of the problems of a row."""
    return {one["code"] for one in row.problems or ()}
