"""谁在岗: own people, time and neighbourhood; no elder."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from coordinator.accounts.models import OrganisationKind
from coordinator.kernel.access import Role
from coordinator.visits.services import assign, release
from coordinator.workforce.models import WorkerKind
from tests import factories
from tests.coordinator.visits.conftest import TODAY, World

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def people(world: World) -> list[Any]:
    """One courier of each of two companies."""
    return [
        factories.make_worker(
            world.tree.community,
            name=name,
            kind=WorkerKind.COURIER,
            organisation=factories.make_organisation(
                world.tree.street, kind=OrganisationKind.COURIER_COMPANY
            ),
        )
        for name in ("快递甲", "快递乙")
    ]


def goes(world: World, worker: Any, day: date, start: time) -> Any:
    home = factories.make_household(world.tree.community, address="滨江路88号3栋", neighbourhood="滨江片")
    elder = factories.make_elder(world.tree.community, home, name="陈秀珍")
    visit = world.visit(elder, day, start=start)
    assign(world.coordinator, visit, [(worker, False)])
    return visit


def page(client: FlaskClient, span: str = "") -> str:
    answer = client.get("/on-duty", query_string={"span": span} if span else {})
    assert answer.status_code == 200
    return str(answer.text)


def test_a_manager_sees_own_people_only_and_no_elder(
    client: FlaskClient, world: World, people: list[Any]
) -> None:
    for order, worker in enumerate(people):
        goes(world, worker, TODAY, time(14 + order))
    goes(world, people[0], TOMORROW, time(9, 20))
    back = goes(world, people[0], TODAY, time(17))
    release(world.coordinator, back, people[0], reason="不去了")
    factories.sign_in(
        client, factories.make_user(Role.ORGANISATION_MANAGER, organisation=people[0].organisation)
    )
    today = page(client)
    assert "快递甲" in today
    assert "14:00–14:30" in today
    assert "滨江片" in today
    for secret in ("快递乙", "15:00", "17:00", "9:20", "陈秀珍", "滨江路88号"):
        assert secret not in today, secret
    assert "9:20" in page(client, "tomorrow")
    week = page(client, "week")
    assert "14:00" in week
    assert "9:20" in week
    assert "这几天没有人去" in page(client, "next")
    assert "14:00–14:30" in page(client, "nonsense")


def test_a_school_sees_its_students_with_their_class(client: FlaskClient, world: World) -> None:
    school = factories.make_organisation(world.tree.street)
    student = factories.make_worker(
        world.tree.community,
        name="林小雨",
        kind=WorkerKind.STUDENT,
        organisation=school,
        student_class="大二1班",
        birth_date=date(2005, 1, 1),
    )
    goes(world, student, TODAY, time(14))
    factories.sign_in(client, factories.make_user(Role.SCHOOL_VERIFIER, organisation=school))
    assert "大二1班" in page(client)


@pytest.mark.parametrize("role", [Role.STREET_COORDINATOR, Role.WORKER, Role.COUNTY_SUPERVISOR])
def test_others_have_pages_of_their_own(client: FlaskClient, world: World, role: Role) -> None:
    factories.sign_in(client, factories.make_user(role, world.tree.county))
    assert client.get("/on-duty").status_code == 403
