"""`tanfang jobs`: the owed jobs that were given up, and owing them anew once the cause is gone."""

from __future__ import annotations

import json
import sys

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel import queue
from coordinator.kernel.queue import OwedJob, OwedState


@click.group()
def jobs() -> None:
    """Queue jobs: what waits, what failed."""


@jobs.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@with_appcontext
def list_(as_json: bool) -> None:
    """How many jobs are owed, and those that were given up. Exit 1 when there are such."""
    owed = db.session.scalar(select(func.count()).where(OwedJob.state == OwedState.OWED))
    failed = queue.failed_jobs()
    if as_json:
        lines = [
            {
                "id": one.id,
                "name": one.name,
                "key": one.key,
                "attempts": one.attempts,
                "error": one.last_error,
            }
            for one in failed
        ]
        print(json.dumps({"owed": owed, "failed": lines}, ensure_ascii=False))
    else:
        for one in failed:
            print(f"{one.id}  {one.name} {one.key}, begun {one.attempts} times: {one.last_error}")
        print(f"{owed} owed, {len(failed)} given up")
    if failed:
        sys.exit(1)


@jobs.command()
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Every job that was given up.")
@with_appcontext
def retry(ids: tuple[int, ...], everything: bool) -> None:
    """Owe the jobs IDS anew that were given up."""
    if bool(ids) == everything:
        raise click.UsageError("name the jobs by number, or --all")
    known = {one.id: one for one in queue.failed_jobs()}
    unknown = [one for one in ids if one not in known]
    if unknown:
        raise click.BadParameter(f"not among those given up: {', '.join(map(str, unknown))}")
    chosen = list(known.values()) if everything else [known[one] for one in ids]
    for one in chosen:
        queue.owe_again(one)
    db.session.commit()
    print(f"{len(chosen)} owed anew; the sweeper hands them over within seconds")
