"""`tanfang ledger`: recompute the chains of the hours ledger."""

from __future__ import annotations

import json
import sys

import click
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.hours.models import HoursEntry
from coordinator.hours.services import verify_chain


@click.group()
def ledger() -> None:
    """The hours ledger."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(as_json: bool) -> None:
    """Recompute every worker's chain. Exit 0 when all lines stand, 1 when one was changed or is missing."""
    lines = db.session.scalar(select(func.count()).select_from(HoursEntry))
    workers = db.session.scalars(select(HoursEntry.worker_id).distinct().order_by(HoursEntry.worker_id)).all()
    broken = [problem for worker_id in workers if (problem := verify_chain(worker_id))]
    if as_json:
        print(json.dumps({"lines": lines, "workers": len(workers), "broken": broken}))
    else:
        for problem in broken:
            print(problem, file=sys.stderr)
        print(f"{lines} lines of {len(workers)} workers, {len(broken)} broken")
    if broken:
        sys.exit(1)
