"""Loading the demo: once, in one transaction, then the plans of this month and the next."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from coordinator.demo import examples, history, newcomers, people, register, surge, survey
from coordinator.demo.world import World
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import SYSTEM
from coordinator.kernel.areas import Area
from coordinator.planning.services import request_plan

PLAN_SECONDS = 45
# With fewer days left in the month only the next one is planned.
FEWEST_DAYS = 3


def is_loaded() -> bool:
    """Has the demo, or anything else, been loaded into this database?"""
    return db.session.scalar(select(Area.id).limit(1)) is not None


def load(say: Callable[[str], None], accounts_file: Path, *, scale: float = 1.0) -> World:
    """Load the demo and commit it. `accounts_file` receives the sign-ins (mode 600)."""
    world = World(today=clock.today(), scale=scale)
    for step, text in (
        (people.make_areas, "areas"),
        (people.make_organisations, "organisations"),
        (people.make_accounts, "accounts"),
        (people.make_workers, "workers"),
        (register.make_elders, "elders"),
        (history.live_through, "two months of visits"),
        (surge.weather_and_months, "a cold spell, last month's rate"),
        (survey.half_year_survey, "a survey under way"),
        (newcomers.people_at_the_door, "people who have applied"),
        (newcomers.what_goes_wrong, "days that go wrong"),
        (examples.examples, "examples for the plan and the claims"),
    ):
        say(text)
        step(world)
    write_accounts(world, accounts_file)
    db.session.commit()
    return world


def write_accounts(world: World, file: Path) -> None:
    """The list of sign-ins (contract: operations), readable by its owner only."""
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(world.accounts, out, ensure_ascii=False, indent=1)
    fresh.replace(file)


def plan_months(world: World) -> list[int]:
    """Ask for the plans of the rest of this month and of the next; returns their ids. Commits."""
    first = world.today.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    months: list[date] = [following]
    if (following - world.today).days > FEWEST_DAYS:
        months.insert(0, first)
    plans = [request_plan(SYSTEM, world.street, month, seconds=PLAN_SECONDS) for month in months]
    db.session.commit()
    return [plan.id for plan in plans]
