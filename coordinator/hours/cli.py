"""`tanfang ledger`: recompute the chains of the hours ledger."""

from __future__ import annotations

import json
import sys

import click
from flask.cli import with_appcontext

from coordinator.hours.services import check_chains


@click.group()
def ledger() -> None:
    """The hours ledger."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_appcontext
def verify(as_json: bool) -> None:
    """Recompute every worker's chain and compare it with the audit trail.

    Exit 0 when all lines stand, 1 when one was changed or is missing.
    """
    lines, workers, broken = check_chains()
    if as_json:
        print(json.dumps({"lines": lines, "workers": workers, "broken": broken}))
    else:
        for problem in broken:
            print(problem, file=sys.stderr)
        print(f"{lines} lines of {workers} workers, {len(broken)} broken")
    if broken:
        sys.exit(1)
