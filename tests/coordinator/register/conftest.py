"""A street on Thursday 26 March 2026, with a coordinator on each side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.queries import workers_for_duty
from tests import factories
from tests.factories import AreaTree

TODAY = date(2026, 3, 26)


@dataclass
class Place:
    """Two streets; `here` coordinates the first, `there` the second."""

    tree: AreaTree
    here: Actor
    there: Actor

    def elder(self, **over: Any) -> Elder:
        """An elder of the first community who agreed to visits at home."""
        area = over.pop("area", self.tree.community)
        home = over.pop("home", None)
        return factories.make_elder(area, home, **over)

    def visit(self, elder: Elder, days: int, *workers: Any, hour: int = 9, **over: Any) -> Any:
        """A visit so many days from today, given to workers."""
        made = open_visit(
            self.here, elder, *factories.visit_times(TODAY + timedelta(days=days), time(hour), 30), **over
        )
        if workers:
            ready = workers_for_duty([one.id for one in workers])
            assign(self.here, made, [(ready[one.id], False) for one in workers], override_reason="示例")
        return made


@pytest.fixture(autouse=True)
def _today(freeze):
    freeze(datetime(2026, 3, 26, 1, 0, tzinfo=UTC))


@pytest.fixture
def place(db_session) -> Place:
    tree = factories.make_area_tree(emergency_phone="0830-3123456")
    return Place(
        tree,
        factories.make_actor(Role.STREET_COORDINATOR, tree.street),
        factories.make_actor(Role.STREET_COORDINATOR, tree.other_street),
    )


@pytest.fixture
def worker(place):
    """An approved volunteer with an account."""
    user = factories.make_user(Role.WORKER)
    made = factories.make_worker(place.tree.community, user_id=user.id)
    db.session.flush()
    return made


def as_worker(worker: Any) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)
