"""A small street whose month begins tomorrow: key and general elders around two squares, four workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from flask import Flask

from coordinator.accounts.models import User
from coordinator.elders.models import Category as Recorded
from coordinator.elders.models import Elder, ElderCategory
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import Area
from coordinator.planning import jobs, services
from coordinator.planning.models import Plan
from coordinator.planning.services.repair import Trouble
from coordinator.planning.studies import jobs as studies
from coordinator.planning.translate import roads
from coordinator.visits.lifecycle import AssignmentState
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty
from tests import factories
from tests.coordinator.planning.road_engine import Engine

TODAY = date(2026, 3, 31)
MONTH = date(2026, 4, 1)
NORTH, SOUTH = (28.886, 105.445), (28.878, 105.440)


@dataclass
class Street:
    """The street, who lives in it and who works in it; `actor` is its coordinator."""

    area: Area
    community: Area
    user: User
    actor: Actor
    key: list[Elder]
    general: list[Elder]
    workers: list[Worker]


def make_street(*, key: int = 2, general: int = 4, workers: int = 3) -> Street:
    """Flushes, does not commit. Key elders are 独居 and 80 or older, general ones 65."""
    tree = factories.make_area_tree(emergency_phone="0830-2290000")
    user = factories.make_user(Role.STREET_COORDINATOR, tree.street)
    actor = Actor(user.id, user.name, (Grant(Role.STREET_COORDINATOR, tree.street.id, tree.street.path),))
    homes = (NORTH, SOUTH)
    elders = []
    for number in range(key + general):
        place = homes[number % 2]
        home = factories.make_household(
            tree.community, latitude=place[0] + number * 0.0004, longitude=place[1]
        )
        born = date(1940, 5, 1) if number < key else date(1961, 5, 1)
        elder = factories.make_elder(tree.community, home, birth_date=born)
        db.session.add(
            ElderCategory(elder_id=elder.id, category=Recorded.LIVING_ALONE, since=date(2024, 1, 1))
        )
        elders.append(elder)
    people = []
    for number in range(workers):
        account = factories.make_user(Role.WORKER)
        place = homes[number % 2]
        people.append(
            factories.make_worker(
                tree.community,
                user_id=account.id,
                weekdays=range(5),
                start_latitude=place[0],
                start_longitude=place[1],
                start_address="社工站",
            )
        )
    db.session.flush()
    return Street(tree.street, tree.community, user, actor, elders[:key], elders[key:], people)


def solve(street: Street, month: date = MONTH, *, seconds: float = 1, **asked: Any) -> Plan:
    """Ask for a plan and solve it here, in about a second. Commits."""
    plan = services.request_plan(street.actor, street.area, month, **asked)
    plan.time_limit_seconds = int(seconds)
    db.session.commit()
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    return db.session.get_one(Plan, plan.id)


@pytest.fixture
def last_of_march(freeze: Callable[[datetime], None]) -> None:
    """31 March 2026, nine o'clock in the morning."""
    freeze(datetime(2026, 3, 31, 1, 0, tzinfo=UTC))


@pytest.fixture
def street(db_session: Any, last_of_march: None) -> Street:
    """The small street in the test's transaction."""
    return make_street()


@pytest.fixture
def plan(street: Street) -> Plan:
    """The street's month, solved."""
    return solve(street)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at a finished plan take a second or two."""
    monkeypatch.setattr(studies, "SECONDS_EACH", 20.0)
    monkeypatch.setattr(studies, "SHORTAGE_SECONDS", 20.0)
    monkeypatch.setattr(studies, "BOUND_SECONDS", 20.0)


@pytest.fixture
def tight(db_session: Any, last_of_march: None, quick: None) -> Street:
    """Six elders and one worker who makes four visits a month."""
    street = make_street(key=0, general=6, workers=1)
    street.workers[0].max_visits_month = 4
    db.session.flush()
    return street


class Cut(BaseException):
    """The worker dies here."""


@pytest.fixture
def cut_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], None]:
    """`cut_after(work, n)` does what dies right after its n-th commit."""

    def do(work: Callable[[], object], commits: int) -> None:
        done, real = [0], db.session.commit

        def commit_then_die() -> None:
            real()
            done[0] += 1
            if done[0] == commits:
                raise Cut

        with monkeypatch.context() as patch:
            patch.setattr(db.session, "commit", commit_then_die)
            with pytest.raises(Cut):
                work()
        db.session.rollback()

    return do


# --- a day on which visits are given ----------------------------------------------------------------------


@dataclass
class Day:
    """A street's day with visits given to people."""

    street: Street
    visits: list[Visit]

    @property
    def actor(self) -> Actor:
        """The street's coordinator."""
        return self.street.actor

    def trouble(self, **what: Any) -> Trouble:
        """Something that has happened on the day."""
        return Trouble(self.street.area.id, TODAY, "发烧", **what)


def give(street: Street, elder: Elder, start: time, *team: Worker, day: date = TODAY, **over: Any) -> Visit:
    """A visit of half an hour, given to people; minors come along."""
    visit = open_visit(street.actor, elder, *factories.visit_times(day, start, 30), **over)
    if team:
        found = workers_for_duty([one.id for one in team])
        minors = {one.id for one in team if one.birth_date > date(2008, 3, 31)}
        people = [(found[one.id], one.id in minors) for one in team]
        assign(street.actor, visit, people, override_reason="示例")
    return visit


def team_on(visit: Visit) -> list[int]:
    """Ids of the people a visit is given to now."""
    db.session.refresh(visit)
    return sorted(one.worker_id for one in visit.assignments if one.state is AssignmentState.APPROVED)


@pytest.fixture
def at_eight(freeze: Callable[[datetime], None]) -> None:
    """Tuesday 31 March 2026, eight o'clock in the morning."""
    freeze(datetime(2026, 3, 31, 0, 0, tzinfo=UTC))


@pytest.fixture
def today(db_session: Any, at_eight: None) -> Day:
    """The first worker has two visits, the second one, the third none."""
    street = make_street()
    one, two, _three = street.workers
    elders = [*street.key, *street.general]
    visits = [
        give(street, elders[0], time(9, 0), one),
        give(street, elders[2], time(10, 0), one),
        give(street, elders[1], time(9, 30), two),
    ]
    return Day(street, visits)


@pytest.fixture
def use(app: Flask, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the road engines, with a memory of their own."""
    before = app.extensions["settings"]
    monkeypatch.setattr(roads, "_resting", {})

    def put(engine: Engine | None = None, **engines: str) -> None:
        if engine is not None:
            engines = dict.fromkeys(("walk", "bike", "car"), engine.url)
        settings = replace(before, road_engines=engines, data_dir=tmp_path)
        monkeypatch.setitem(app.extensions, "settings", settings)

    return put
