"""A street on Thursday 26 March 2026: one elder, an adult worker who signs in, and visits given to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.visits.lifecycle import ContactMode
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import Guardian, Worker
from coordinator.workforce.queries import workers_for_duty
from tests.factories import (
    AreaTree,
    csrf_token,
    make_actor,
    make_area_tree,
    make_elder,
    make_user,
    make_worker,
    sign_in,
    visit_times,
)

TODAY = date(2026, 3, 26)
MORNING = datetime(2026, 3, 26, 1, 0, tzinfo=UTC)  # 9:00 in Shanghai

GOOD: dict[str, Any] = {
    "mode": "home",
    "family": "same",
    "family_visits": "yes",
    "expression": "same",
    "mobility": "same",
    "reaction": "same",
    "illness": "same",
    "mood": "better",
    "mind": "same",
    "gas": "safe",
    "heating": "safe",
    "power": "mostly",
    "hygiene": "same",
    "home_hygiene": "better",
    "indoor": "same",
    "care_given": "陪聊半小时，帮忙换了灯泡",
    "satisfaction": "good",
    "elder_signed": "paper",
    "signed": "y",
}


def place(elder: Elder) -> dict[str, str]:
    """The telephone lies at the elder's door."""
    home = elder.household
    return {"latitude": str(home.latitude), "longitude": str(home.longitude), "accuracy": "20"}


@dataclass
class Field:
    """The world of these tests; its methods flush, and commit where a request must see it."""

    tree: AreaTree
    coordinator: Actor

    def worker(self, **over: Any) -> tuple[Worker, Actor]:
        """An adult with an account, and the actor behind it."""
        user = make_user(Role.WORKER)
        worker = make_worker(self.tree.street, user_id=user.id, **over)
        user.name = worker.name
        db.session.flush()
        return worker, Actor(user.id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)

    def minor(self, **over: Any) -> tuple[Worker, Actor]:
        """A pupil of 15 whose guardian agreed."""
        worker, actor = self.worker(**({"birth_date": date(2010, 6, 1), "name": "李小禾"} | over))
        db.session.add(
            Guardian(
                worker_id=worker.id,
                name="李建国",
                relation="父亲",
                phone="13800000002",
                scope="上门探访",
                given_on=date(2026, 1, 1),
            )
        )
        db.session.flush()
        db.session.expire(worker, ["guardians"])
        return worker, actor

    def elder(self, **over: Any) -> Elder:
        return make_elder(self.tree.community, **over)

    def visit(
        self,
        *team: tuple[Worker, bool],
        elder: Elder | None = None,
        day: date = TODAY,
        start: time = time(9, 0),
        minutes: int = 40,
        **over: Any,
    ) -> Visit:
        """An open visit, or one given to `team` (worker, comes along)."""
        times = visit_times(day, start, minutes)
        visit = open_visit(self.coordinator, elder or self.elder(), *times, mode=ContactMode.HOME, **over)
        if team:
            people = workers_for_duty([worker.id for worker, _companion in team])
            assign(
                self.coordinator,
                visit,
                [(people[worker.id], companion) for worker, companion in team],
                override_reason="测试",
            )
        db.session.flush()
        return visit


@pytest.fixture
def field(db_session, freeze) -> Field:
    freeze(MORNING)
    tree = make_area_tree(emergency_phone="0830-2345678")
    return Field(tree, make_actor(Role.STREET_COORDINATOR, tree.street))


@pytest.fixture
def signed_in(client) -> Callable[[Actor], Any]:
    """Sign an actor in; `post` adds the form token."""
    from coordinator.accounts.models import User

    class Browser:
        def __init__(self, actor: Actor) -> None:
            sign_in(client, db.session.get_one(User, actor.user_id))

        def get(self, path: str, **kwargs: Any) -> Any:
            return client.get(path, **kwargs)

        def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> Any:
            return client.post(path, data={"csrf_token": csrf_token(client), **(data or {})}, **kwargs)

    return Browser


@pytest.fixture
def later(freeze) -> Callable[[int], None]:
    """Move the clock on by so many minutes."""

    def move(minutes: int) -> None:
        freeze(clock.now() + timedelta(minutes=minutes))

    return move


def uuid_field() -> dict[str, str]:
    """A fresh number of a page."""
    return {"client_uuid": str(uuid4())}
