"""`tanfang plan month` and `tanfang plan day`: solve here, without a worker, and read what was planned.

Nothing is approved and nobody is told. Exit codes: 0 done, 1 could not, 2 bad input.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import date
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from coordinator.kernel.errors import InvalidInput

WATCH_SECONDS = 0.5


@click.group(name="plan")
def plan() -> None:
    """Plan the visits of a street for a month."""


class OneLineCommand(click.Command):
    """A command whose usage errors are one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse bad usage without the usage text."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            click.echo(f"tanfang: {' '.join(error.format_message().split())}", err=True)
            ctx.exit(2)


class Month(click.ParamType):  # type: ignore[type-arg]
    """A month written YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The month's first day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(f"{value}-01")
        except ValueError:
            self.fail(f"{value!r} is not a month such as 2026-04", param, ctx)


class Day(click.ParamType):  # type: ignore[type-arg]
    """A day written YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-04-01", param, ctx)


@plan.command(cls=OneLineCommand)
@click.option("--area", "area_name", required=True, help="Id, code or name of the street.")
@click.option("--month", required=True, type=Month(), help="The month to plan.")
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(5, 600), help="Search time.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_appcontext
def month(area_name: str, month: date, seconds: int, as_json: bool) -> None:
    """Solve a draft for the month and print its figures."""
    from coordinator.extensions import db
    from coordinator.kernel.access import SYSTEM
    from coordinator.planning import queries, services
    from coordinator.planning.models import Plan, PlanState

    area = _area(area_name)
    plan_id = services.request_plan(SYSTEM, area, month, seconds=seconds).id
    db.session.commit()
    _watch(plan_id, quiet=as_json)
    done = db.session.get_one(Plan, plan_id, populate_existing=True)
    if done.state is not PlanState.READY:
        click.echo(f"tanfang: {done.error or 'the plan was stopped'}", err=True)
        sys.exit(1)
    view = queries.month_view(done.area, done.month, done)
    result = {
        "plan": done.id,
        "area": done.area.name,
        "month": f"{done.month:%Y-%m}",
        "visits": view.planned + view.left,
        "planned": view.planned,
        "unassigned": {group.reason: len(group.rows) for group in view.groups},
        "blocked": len(view.blocked.rows) if view.blocked else 0,
        "workers": len(done.detail.get("workers", [])),
        "routes": sum(load.days for load in view.loads),
        "score": done.score,
    }
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
        return
    click.echo(
        f"plan {result['plan']}, {result['area']} {result['month']}: {result['planned']} of {result['visits']} "
        f"visits planned on {result['routes']} routes, {result['blocked']} blocked, checker clean"
    )
    for reason, count in view_reasons(view):
        click.echo(f"  {count} not planned: {reason}")


def view_reasons(view: Any) -> list[tuple[str, int]]:
    """Reason in words and number of visits, the most frequent first."""
    return [(group.title, len(group.rows)) for group in view.groups]


def _watch(plan_id: int, *, quiet: bool) -> None:
    """Run the owed job here unless a worker has it already, and tell how far it is until it ends."""
    from sqlalchemy import select

    from coordinator.extensions import db
    from coordinator.kernel.queue import OwedJob, run_owed
    from coordinator.planning.access import RUNNING
    from coordinator.planning.models import Plan

    owed_id = db.session.scalars(
        select(OwedJob.id).where(OwedJob.name.endswith(".solve_plan"), OwedJob.key == str(plan_id))
    ).one()
    db.session.commit()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    failed: list[BaseException] = []

    def work() -> None:
        with app.app_context():
            try:
                run_owed(owed_id)
            except Exception as problem:
                failed.append(problem)
                raise

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    with _Shown(quiet=quiet) as shown:
        while True:
            row = db.session.execute(
                select(Plan.state, Plan.stage, Plan.percent).where(Plan.id == plan_id)
            ).one()
            db.session.commit()
            if row.stage is not None:
                shown.tell(row.stage.value, row.percent)
            if row.state not in RUNNING or failed:
                break
            thread.join(WATCH_SECONDS)
            if not thread.is_alive():
                time.sleep(WATCH_SECONDS)
    thread.join(WATCH_SECONDS * 4)
    if failed:
        click.echo(f"tanfang: planning failed: {failed[0]}", err=True)
        sys.exit(1)


@plan.command(cls=OneLineCommand)
@click.option("--area", "area_name", required=True, help="Id, code or name of the street.")
@click.option("--day", "wanted", required=True, type=Day(), help="The day to show.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_appcontext
def day(area_name: str, wanted: date, as_json: bool) -> None:
    """Print the routes of a day of the month's plan."""
    from coordinator.kernel import i18n
    from coordinator.planning import queries

    area = _area(area_name)
    found = queries.shown_plan(area, wanted.replace(day=1))
    if found is None or found.scenario is None:
        click.echo(f"tanfang: no plan of {area.name} for {wanted:%Y-%m}", err=True)
        sys.exit(1)
    view = queries.day_view(found, wanted)
    routes = [
        {
            "route": lane.letter,
            "worker": lane.route.worker.name,
            "departure": i18n.hour(lane.route.departure_seconds),
            "arrival": i18n.hour(lane.route.arrival_seconds),
            "stops": [
                {"start": i18n.hour(stop.start_seconds), "elder": stop.elder.name, "pinned": stop.pinned}
                for stop in lane.stops
            ],
        }
        for lane in view.lanes
    ]
    if as_json:
        click.echo(
            json.dumps({"plan": found.id, "day": wanted.isoformat(), "routes": routes}, ensure_ascii=False)
        )
        return
    for route in routes:
        stops = "  ".join(f"{stop['start']} {stop['elder']}" for stop in route["stops"])
        click.echo(f"{route['route']} {route['worker']} {route['departure']}-{route['arrival']}: {stops}")
    if not routes:
        click.echo(f"no routes on {wanted.isoformat()}")


def _area(text: str) -> Any:
    """The street or community with this id, code or name. Raises InvalidInput when there is none, or several."""
    from sqlalchemy import or_, select

    from coordinator.extensions import db
    from coordinator.kernel.areas import Area, AreaLevel

    wanted = [Area.code == text, Area.name == text]
    if text.isascii() and text.isdigit():
        wanted.append(Area.id == int(text))
    found = db.session.scalars(
        select(Area).where(or_(*wanted), Area.level.in_((AreaLevel.STREET, AreaLevel.COMMUNITY)))
    ).all()
    if len(found) != 1:
        raise InvalidInput(f"--area: {text!r} names {'no street' if not found else 'several areas'}")
    return found[0]


class _Shown:
    """Progress on standard error: a bar on a terminal, a line a stage elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.last: tuple[str, int] = ("", -1)
        self.bar: Any = None

    def __enter__(self) -> _Shown:
        if not self.quiet and sys.stderr.isatty():
            self.bar = click.progressbar(length=100, file=sys.stderr, label="planning")
            self.bar.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        if self.bar is not None:
            self.bar.__exit__(*problem)

    def tell(self, stage: str, percent: int) -> None:
        """Called with every stage and percent."""
        if self.bar is not None:
            self.bar.update(max(0, percent - max(0, self.last[1])))
        elif not self.quiet and stage != self.last[0]:
            click.echo(f"{percent:3d} % {stage}", err=True)
        self.last = (stage, percent)
