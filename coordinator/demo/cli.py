"""`tanfang demo`."""

from __future__ import annotations

import time

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from coordinator.config import Settings
from coordinator.demo import load
from coordinator.extensions import db
from coordinator.kernel import queue
from coordinator.kernel.queue import OwedJob, OwedState
from coordinator.planning.models import Plan, PlanState

PLANS_TAKE_AT_MOST = 600
RUNNING = (PlanState.QUEUED, PlanState.SOLVING)


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of the full size.")
@click.option("--plan/--no-plan", "with_plans", default=True, help="Plan this month and the next as well.")
@with_appcontext
def demo(scale: float, with_plans: bool) -> None:
    """Load the invented street with its people and two months of history, unless it is there already."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.demo:
        raise click.ClickException("the demo is off; start with TANFANG_DEMO=1 (never beside real data)")
    if load.is_loaded():
        print("the demo is loaded already")
        return
    started = time.monotonic()
    world = load.load(
        lambda text: print(f"demo: {text} …", flush=True), settings.demo_accounts_file, scale=scale
    )
    print(f"demo: loaded in {time.monotonic() - started:.0f} s", flush=True)
    if with_plans:
        print("demo: planning this month and the next …", flush=True)
        _wait_for(load.plan_months(world))
        print(f"demo: planned after {time.monotonic() - started:.0f} s", flush=True)


def _wait_for(plan_ids: list[int]) -> None:
    """Wait until the plans are there. Without a worker they are solved here: the same job, the same lock."""
    deadline = time.monotonic() + PLANS_TAKE_AT_MOST
    while time.monotonic() < deadline:
        states = dict(db.session.execute(select(Plan.id, Plan.state).where(Plan.id.in_(plan_ids))).all())
        db.session.rollback()
        if not any(state in RUNNING for state in states.values()):
            return
        idle = db.session.scalars(
            select(OwedJob.id).where(OwedJob.queue == "planning", OwedJob.state == OwedState.OWED)
        ).all()
        db.session.rollback()
        for owed_id in idle:
            queue.run_owed(owed_id)
        time.sleep(1)
    raise click.ClickException("the plans of the demo are not finished; see the page 月计划")
