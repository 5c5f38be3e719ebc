"""A community with two workers of a company and visits, on the morning of 26 March 2026."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from coordinator.accounts.models import OrganisationKind
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.visits.services import assign, open_visit
from coordinator.workforce.models import WorkerKind
from coordinator.workforce.queries import workers_for_duty
from tests import factories

TODAY = date(2026, 3, 26)
NOW = datetime(2026, 3, 26, 2, 0, tzinfo=UTC)
RARE = "䶮㛃𫖯"


class World:
    """A community with a coordinator, two workers of a company and visits."""

    def __init__(self) -> None:
        self.tree = factories.make_area_tree()
        self.coordinator = factories.make_actor(Role.STREET_COORDINATOR, self.tree.street)
        self.company = factories.make_organisation(
            self.tree.community, kind=OrganisationKind.PROPERTY_COMPANY
        )
        self.manager = factories.make_actor(Role.ORGANISATION_MANAGER, organisation=self.company)
        self.user = factories.make_user(Role.WORKER)
        self.worker = factories.make_worker(
            self.tree.community,
            user_id=self.user.id,
            organisation_id=self.company.id,
            kind=WorkerKind.PROPERTY_STAFF,
            name=f"周{RARE}",
        )
        self.other = factories.make_worker(self.tree.community)
        self.me = Actor(self.user.id, self.user.name, (Grant(Role.WORKER),), worker_id=self.worker.id)
        home = factories.make_household(
            self.tree.community, address="滨江路77号3单元", neighbourhood="滨江片; 一, 二\n三"
        )
        self.elder = factories.make_elder(self.tree.community, home, name=f"王{RARE}", phone="13900001234")

    def visit(self, days: int = 1, start: time = time(9), *people: Any, **over: Any) -> Any:
        begins, ends = factories.visit_times(TODAY + timedelta(days=days), start, 40)
        made = open_visit(self.coordinator, self.elder, begins, ends, **over)
        if people:
            self.give(made, *people)
        return made

    def give(self, visit: Any, *people: Any) -> None:
        team = workers_for_duty([one.id for one in people])
        assign(self.coordinator, visit, [(team[one.id], False) for one in people], override_reason="示例")


@pytest.fixture
def world(db_session: Any, freeze: Any) -> World:
    freeze(NOW)
    return World()
