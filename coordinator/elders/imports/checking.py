"""The dry run: every row of the file is read and judged, nothing in the register changes.

Committed in chunks, so that the page can show how far it is. May run twice or be cut anywhere: a second run starts
over with the same file.
"""

from __future__ import annotations

import base64
import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import structlog
from sqlalchemy import delete, func, insert, select

from coordinator.elders.imports import texts
from coordinator.elders.imports.columns import Layout, headings_of, parse_row
from coordinator.elders.imports.importer import Importer, Row
from coordinator.elders.imports.reading import Refused, Table, freeze, open_table
from coordinator.elders.models import ImportBatch, ImportFile, ImportRow, ImportState, RowOutcome
from coordinator.extensions import db
from coordinator.kernel import clock

log = structlog.get_logger(__name__)

CHUNK = 250
Item = TypeVar("Item")


def in_chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Lists of up to `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


@contextmanager
def tidy_memory() -> Iterator[Callable[[], object]]:
    """A collector of garbage that leaves alone what was there before: dossiers refer to each other in circles, and
    beside the whole application they would pile up for long."""
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()


def silent(_done: int, _total: int) -> None:
    """Nobody watches the progress."""


def check(importer: Importer, batch_id: int, tell: Callable[[int, int], None] = silent) -> None:
    """Check a batch that has been uploaded; does nothing when that is done already. Commits.

    `tell(done, total)` hears how many rows are done.
    """
    batch = db.session.get(ImportBatch, batch_id)
    stored = db.session.get(ImportFile, batch_id)
    if batch is None or stored is None or batch.state not in (ImportState.UPLOADED, ImportState.CHECKING):
        return
    content = base64.b64decode(stored.content)
    batch.state = ImportState.CHECKING
    batch.rows_done = 0
    db.session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
    db.session.commit()
    try:
        with open_table(content, headings_of(importer.columns)) as table:
            del content
            missing = _begin(importer, batch_id, table)
            if missing:
                _fail(batch_id, *texts.missing_columns(missing))
                return
            _judge(importer, batch_id, table, tell)
    except Refused as problem:
        _fail(batch_id, *texts.file_problem(problem.code))
        return
    _finish(batch_id)


def _begin(importer: Importer, batch_id: int, table: Table) -> list[str]:
    """Note how the file was understood; returns the headings it lacks."""
    layout = Layout.of(importer.columns, table.headings)
    batch = db.session.get_one(ImportBatch, batch_id)
    batch.rows_total = table.total
    batch.headings = [list(one) for one in layout.headings]
    notices: list[dict[str, Any]] = [one for one in batch.notices if one["code"] == "same_file"]
    if table.sheet:
        notices.append({"code": "sheet", "name": table.sheet})
    if table.heading_row > 1:
        notices.append({"code": "heading_row", "row": table.heading_row})
    for heading, count in table.merged.items():
        notices.append({"code": "merged", "column": heading, "count": count})
    for code, names in (("unknown", layout.unknown), ("doubled", layout.doubled)):
        if names:
            notices.append({"code": code, "names": "、".join(names)})
    batch.notices = notices
    missing = importer.missing(layout, batch)
    db.session.commit()
    return missing


def _judge(importer: Importer, batch_id: int, table: Table, tell: Callable[[int, int], None]) -> None:
    batch = db.session.get_one(ImportBatch, batch_id)
    layout = Layout.of(importer.columns, table.headings)
    checker = importer.checker(batch)
    db.session.commit()
    with tidy_memory() as tidy:
        for chunk in in_chunks(table.rows):
            rows = [
                Row(number, cells, *parse_row(importer.columns, layout, cells)) for number, cells in chunk
            ]
            checker.check(rows)
            db.session.execute(
                insert(ImportRow),
                [_stored(batch_id, row) for row in rows],
                execution_options={"render_nulls": True},
            )
            batch = db.session.get_one(ImportBatch, batch_id)
            batch.rows_done += len(rows)
            tell(batch.rows_done, batch.rows_total)
            db.session.commit()
            tidy()
    for number, problem in checker.afterthoughts().items():
        row = db.session.scalars(
            select(ImportRow).where(ImportRow.batch_id == batch_id, ImportRow.number == number)
        ).one()
        row.outcome = RowOutcome.REFUSE
        row.problems = [*(row.problems or ()), problem]
        row.values = None
        row.details = None
    db.session.commit()


def _stored(batch_id: int, row: Row) -> dict[str, Any]:
    if row.problems:
        row.outcome = RowOutcome.REFUSE
    return {
        "batch_id": batch_id,
        "number": row.number,
        "outcome": row.outcome,
        "applied": False,
        "cells": [freeze(cell) for cell in row.cells],
        "values": None if row.problems else row.values,
        "problems": row.problems or None,
        "details": row.details or None,
        "target_id": row.target_id,
    }


def count_rows(batch_id: int) -> dict[str, int]:
    """Rows by outcome, every outcome named."""
    rows = db.session.execute(
        select(ImportRow.outcome, func.count())
        .where(ImportRow.batch_id == batch_id)
        .group_by(ImportRow.outcome)
    )
    found = dict.fromkeys((outcome.value for outcome in RowOutcome), 0)
    return found | {outcome.value: number for outcome, number in rows}


def _finish(batch_id: int) -> None:
    batch = db.session.get_one(ImportBatch, batch_id)
    batch.state = ImportState.CHECKED
    batch.checked_at = clock.now()
    batch.counts = count_rows(batch_id)
    db.session.execute(delete(ImportFile).where(ImportFile.batch_id == batch_id))
    db.session.commit()
    log.debug("import checked", batch_id=batch_id, **batch.counts)


def _fail(batch_id: int, text: str, remedy: str) -> None:
    db.session.rollback()
    db.session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
    db.session.execute(delete(ImportFile).where(ImportFile.batch_id == batch_id))
    batch = db.session.get_one(ImportBatch, batch_id)
    batch.state = ImportState.FAILED
    batch.error = f"{text}{remedy}"
    batch.rows_done = 0
    db.session.commit()
    log.debug("import refused", batch_id=batch_id)
