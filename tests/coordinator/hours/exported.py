"""What pages of hours export."""

from __future__ import annotations

import io
from datetime import date

from python_calamine import CalamineWorkbook

SPAN = (date(2026, 1, 1), date(2026, 3, 26))


def sheet(answer) -> list[tuple]:
    """The cells of an exported sheet."""
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    return [tuple(row) for row in book.get_sheet_by_index(0).to_python()]
