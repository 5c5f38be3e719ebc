"""`tanfang import …`: the same import from the command line, without the pages and the queue."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from coordinator.elders.imports import applying, batches, checking
from coordinator.elders.imports.importer import Importer
from coordinator.elders.imports.listing import left_rows, reason_of
from coordinator.elders.models import ImportBatch, ImportState
from coordinator.extensions import db
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.areas import Area
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.geo import Datum


def import_command(importer: Importer, name: str) -> click.Command:
    """The command `tanfang import <name>`."""

    @click.command(name=name, help=f"Check FILE (xlsx, xls, ods, csv) and take over its {name}.")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--area", "area_name", required=True, help="Street or community: id, code or unique name.")
    @click.option(
        "--datum",
        type=click.Choice([one.value for one in Datum]),
        default=Datum.WGS84.value,
        show_default=True,
        help="Coordinate system of the file.",
    )
    @click.option("--dry-run", is_flag=True, help="Only check; nothing changes.")
    @click.option("--partly", is_flag=True, help="Take the usable rows even when others are refused.")
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @with_appcontext
    def command(file: Path, area_name: str, datum: str, dry_run: bool, partly: bool, as_json: bool) -> None:
        if file.stat().st_size > batches.MAX_BYTES:
            raise InvalidInput(f"{file}: larger than 16 MB")
        batch = batches.upload(
            importer, SYSTEM, find_area(area_name), file.name, file.read_bytes(), Datum(datum)
        )
        batch_id = batch.id
        db.session.commit()
        started = time.perf_counter()
        with _bar("checking") as tell:
            checking.check(importer, batch_id, tell)
        batch = db.session.get_one(ImportBatch, batch_id)
        if batch.state == ImportState.FAILED:
            raise InvalidInput(f"{file}: {batch.error}")
        if not dry_run and batches.usable(batch_id):
            batches.take_over(importer, SYSTEM, batch, partly=partly)
            db.session.commit()
            with _bar("taking over") as tell:
                applying.take(importer, batch_id, None, tell)
            batch = db.session.get_one(ImportBatch, batch_id)
            if batch.error:
                raise InvalidInput(f"{file}: {batch.error}")
        refused = [
            {"row": row.number, "reason": reason_of(importer, row).replace("\n", " ")}
            for row in left_rows(batch_id)
        ]
        result: dict[str, Any] = {
            "batch": batch_id,
            "state": batch.state.value,
            "rows": batch.rows_total,
            "counts": batch.counts,
            "refused": refused,
            "seconds": round(time.perf_counter() - started, 1),
        }
        if dry_run:
            batches.discard(importer, SYSTEM, batch)
            db.session.commit()
        _print(result, as_json)
        if refused and not (partly or dry_run):
            sys.exit(2)

    return command


def find_area(name: str) -> Area:
    """A street or community by id, code or name. Raises InvalidInput when it is unknown or not unique."""
    condition = (Area.code == name) | (Area.name == name)
    if name.isdigit():
        condition = condition | (Area.id == int(name))
    found = db.session.scalars(select(Area).where(condition, Area.level.in_(batches.IMPORT_LEVELS))).all()
    if len(found) != 1:
        raise InvalidInput(f"--area {name}: {'not found' if not found else 'not unique, give the id'}")
    return found[0]


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield checking.silent
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    for one in result["refused"]:
        click.echo(f"row {one['row']}: {one['reason']}")
    counts = ", ".join(f"{key} {number}" for key, number in result["counts"].items() if number)
    click.echo(f"{result['state']}: {result['rows']} rows, {counts or 'nothing'}; {result['seconds']} s")
