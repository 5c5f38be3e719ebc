"""Drafts for many streets at once: ordered by the county, each street by itself, approved by its street only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from coordinator.accounts.models import User
from coordinator.elders.models import Category as Recorded
from coordinator.elders.models import ElderCategory
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.planning import jobs, queries, services
from coordinator.planning.models import Plan, PlanBatch, PlanState
from coordinator.planning.queries.city import LineState
from tests import factories
from tests.coordinator.planning.conftest import MONTH, NORTH

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@dataclass
class County:
    """A county whose streets each have two elders and a worker, with its supervisor."""

    area: Area
    streets: list[Area]
    communities: list[Area]
    user: User
    actor: Actor

    def coordinator(self, number: int) -> User:
        return factories.make_user(Role.STREET_COORDINATOR, self.streets[number])


def make_county(streets: int = 3, *, workers: int = 1, elders: int = 2) -> County:
    """Flushes, does not commit."""
    tree = factories.make_area_tree()
    areas, communities = [tree.street, tree.other_street], [tree.community, tree.outside]
    for number in range(2, streets):
        areas.append(create_area(AreaLevel.STREET, f"示例{number}街道", tree.county))
        communities.append(create_area(AreaLevel.COMMUNITY, "示例社区", areas[-1]))
    for community in communities:
        for number in range(elders):
            home = factories.make_household(
                community, latitude=NORTH[0] + number * 0.0004, longitude=NORTH[1]
            )
            elder = factories.make_elder(community, home, birth_date=date(1940, 5, 1))
            db.session.add(
                ElderCategory(elder_id=elder.id, category=Recorded.LIVING_ALONE, since=date(2024, 1, 1))
            )
        for _number in range(workers):
            factories.make_worker(community, start_latitude=NORTH[0], start_longitude=NORTH[1])
    user = factories.make_user(Role.COUNTY_SUPERVISOR, tree.county)
    grant = Grant(Role.COUNTY_SUPERVISOR, tree.county.id, tree.county.path)
    db.session.flush()
    return County(tree.county, areas, communities, user, Actor(user.id, user.name, (grant,)))


def order(county: County, *numbers: int, seconds: int | None = 5) -> PlanBatch:
    """Order the streets with these numbers, all where none is given; commits."""
    chosen = [county.streets[number].id for number in numbers or range(len(county.streets))]
    batch = services.order_plans(county.actor, county.area, MONTH, chosen, seconds=seconds)
    for plan in plans(batch):
        plan.time_limit_seconds = 1
    db.session.commit()
    return batch


def plans(batch: PlanBatch) -> list[Plan]:
    found = db.session.scalars(select(Plan).where(Plan.batch_id == batch.id).order_by(Plan.id)).all()
    return list(found)


def compute(batch: PlanBatch) -> None:
    """What the workers would do."""
    for plan_id in [plan.id for plan in plans(batch)]:
        jobs.solve_plan(plan_id)
    db.session.expire_all()


def states(batch: PlanBatch) -> list[str]:
    return [line.state.value for line in queries.batch_view(batch).lines]


@pytest.fixture
def county(db_session: Any, last_of_march: None) -> County:
    return make_county()


def test_each_street_gets_a_draft_of_its_own(county: County) -> None:
    coordinators = [county.coordinator(number).id for number in range(3)]
    batch = order(county)
    owed = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("solve_plan"))).all()
    assert {job.queue for job in owed} == {"streets"}
    assert {job.key for job in owed} == {str(plan.id) for plan in plans(batch)}
    assert states(batch) == ["waiting"] * 3
    compute(batch)
    view = queries.batch_view(batch)
    assert [line.state for line in view.lines] == [LineState.READY] * 3
    # Two key elders, twice a month each.
    assert [(line.visits, line.planned, line.missing, line.people) for line in view.lines] == [
        (4, 4, 0, 1)
    ] * 3
    assert (view.total("planned"), view.running, view.percent, view.left_seconds) == (12, False, 100, 0)
    assert {plan.state for plan in plans(batch)} == {PlanState.READY}
    told = db.session.scalars(select(Message).order_by(Message.id)).all()
    drafts = [message.user_id for message in told if "草案等您看" in message.title]
    assert sorted(drafts) == sorted(coordinators)
    whole = [message for message in told if message.user_id == county.user.id]
    assert [message.link for message in whole] == [f"/planning/batches/{batch.id}"]


def test_a_street_that_fails_is_tried_again_alone(county: County) -> None:
    broken = county.streets[1]
    broken.policy_pack = "no_such_pack"
    batch = order(county)
    compute(batch)
    view = queries.batch_view(batch)
    assert sorted(line.state.value for line in view.lines) == ["failed", "ready", "ready"]
    line = next(line for line in view.lines if line.state is LineState.FAILED)
    assert line.area_id == broken.id
    assert line.error
    before = {plan.id: plan.finished_at for plan in plans(batch)}
    broken.policy_pack = None
    again = services.retry_street(county.actor, batch, broken.id)
    again.time_limit_seconds = 1
    db.session.commit()
    assert sorted(states(batch)) == ["ready", "ready", "waiting"]
    compute(batch)
    assert states(batch) == ["ready"] * 3
    assert {plan.id: plan.finished_at for plan in plans(batch) if plan.id != again.id} == before
    ends = db.session.scalars(select(Message.body).where(Message.user_id == county.user.id)).all()
    assert len(ends) == 2
    with pytest.raises(Conflict):
        services.retry_street(county.actor, batch, broken.id)


def test_data_the_engine_refuses_fails_its_street_only(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = order(county, 0, 1)
    real = jobs.translate

    def damaged(area: Area, *given: Any, **named: Any) -> Any:
        found = real(area, *given, **named)
        if area.id == county.streets[0].id:
            found.scenario["elders"][0]["loc"] = [float("nan"), 105.4]
        return found

    monkeypatch.setattr(jobs, "translate", damaged)
    compute(batch)
    failed, ready = plans(batch)
    assert (failed.state, ready.state) == (PlanState.FAILED, PlanState.READY)
    assert failed.error
    assert failed.violations


def test_streets_with_an_approved_or_running_plan_are_left_out(county: County) -> None:
    approved = Plan(
        area_id=county.streets[0].id, month=MONTH, state=PlanState.APPROVED, approved_at=datetime.now(UTC)
    )
    running = Plan(area_id=county.streets[1].id, month=MONTH, state=PlanState.SOLVING)
    db.session.add_all([approved, running])
    db.session.flush()
    choices = {one.area.id: one for one in queries.street_choices(county.area, MONTH)}
    assert [choices[street.id].closed for street in county.streets] == [True, True, False]
    assert [choices[street.id].suggested for street in county.streets] == [False, False, True]
    batch = order(county)
    assert [plan.area_id for plan in plans(batch)] == [county.streets[2].id]
    with pytest.raises(Conflict, match="已经有批准的计划"):
        order(county)
    with pytest.raises(InvalidInput):
        services.order_plans(county.actor, county.area, MONTH, [])


def test_a_draft_of_the_street_is_not_pushed_aside_unasked(county: County) -> None:
    db.session.add(Plan(area_id=county.streets[0].id, month=MONTH, state=PlanState.READY))
    db.session.flush()
    choice = next(
        one for one in queries.street_choices(county.area, MONTH) if one.area.id == county.streets[0].id
    )
    assert (choice.closed, choice.suggested) == (False, False)


def test_stop_all_keeps_what_is_under_way(county: County) -> None:
    batch = order(county)
    first = plans(batch)[0]
    first.state, first.started_at = PlanState.SOLVING, datetime(2026, 3, 31, 1, 0, tzinfo=UTC)
    first.heartbeat_at = first.started_at
    db.session.commit()
    services.stop_batch(county.actor, batch)
    db.session.commit()
    assert sorted(states(batch)) == ["stopped", "stopped", "stopping"]
    compute(batch)
    assert sorted(states(batch)) == ["ready", "stopped", "stopped"]
    with pytest.raises(Conflict):
        services.stop_batch(county.actor, batch)
    stopped = next(line for line in queries.batch_view(batch).lines if line.again)
    services.retry_street(county.actor, batch, stopped.area_id)
    assert sorted(states(batch)) == ["ready", "stopped", "waiting"]


def test_what_the_street_does_itself_counts_as_taken_over(county: County) -> None:
    batch = order(county)
    compute(batch)
    first, second, _third = plans(batch)
    street = county.streets[0]
    coordinator = factories.make_user(Role.STREET_COORDINATOR, street)
    actor = Actor(coordinator.id, "", (Grant(Role.STREET_COORDINATOR, street.id, street.path),))
    services.request_plan(actor, street, MONTH)
    other = county.streets[1]
    actor = Actor(coordinator.id, "", (Grant(Role.STREET_COORDINATOR, other.id, other.path),))
    services.discard_plan(actor, db.session.get_one(Plan, second.id))
    db.session.flush()
    assert sorted(states(batch)) == ["ready", "taken_over", "taken_over"]
    view = queries.batch_view(batch)
    assert next(line for line in view.lines if line.plan_id == first.id).own is PlanState.QUEUED
    with pytest.raises(Conflict):
        services.retry_street(county.actor, batch, first.area_id)


def test_a_street_without_people_or_visits_says_so(county: County, client: FlaskClient) -> None:
    db.session.execute(
        text("DELETE FROM availability WHERE worker_id IN (SELECT id FROM workers WHERE area_id = :a)"),
        {"a": county.communities[0].id},
    )
    db.session.execute(
        text("UPDATE elders SET status = 'deceased', left_on = '2026-01-01' WHERE area_id = :a"),
        {"a": county.communities[1].id},
    )
    db.session.expire_all()
    batch = order(county)
    compute(batch)
    lines = {line.area_id: line for line in queries.batch_view(batch).lines}
    nobody, nothing, _full = (lines[street.id] for street in county.streets)
    assert (nobody.state, nobody.planned, nobody.missing) == (LineState.READY, 0, 4)
    assert nobody.short == 1  # the other street's one person makes four visits
    assert (nothing.state, nothing.visits) == (LineState.READY, 0)
    factories.sign_in(client, county.user)
    page = client.get(f"/planning/batches/{batch.id}").text
    assert "没有人可派，一次也没排上" in page
    assert "这个月没有要排的上门" in page


def test_only_who_may_order_does(county: County) -> None:
    street = county.streets[0]
    coordinator = Actor(1, "", (Grant(Role.STREET_COORDINATOR, street.id, street.path),))
    with pytest.raises(NotAllowed):
        services.order_plans(coordinator, county.area, MONTH, [street.id])
    away = make_county(2)
    with pytest.raises(NotAllowed):
        services.order_plans(away.actor, county.area, MONTH, [street.id])
    with pytest.raises(InvalidInput):  # another county's street is no street of this one
        services.order_plans(county.actor, county.area, MONTH, [away.streets[0].id])
    batch = order(county, 0)
    with pytest.raises(NotFound):
        queries.load_batch(away.actor, batch.id)
    with pytest.raises(NotAllowed):
        services.stop_batch(away.actor, batch)
    compute(batch)
    plan = plans(batch)[0]
    for forbidden in (services.approve_plan, services.discard_plan):
        with pytest.raises(NotAllowed):
            forbidden(county.actor, plan)


def test_the_pages_order_follow_and_stop(county: County, client: FlaskClient) -> None:
    factories.sign_in(client, county.user)
    token = factories.csrf_token(client)
    page = client.get("/planning/city?month=2026-04").text
    assert all(street.name in page for street in county.streets)
    form = {"csrf_token": token, "area": county.area.id, "month": "2026-04", "seconds": "5"}
    refused = client.post("/planning/city/order", data=form)
    assert refused.status_code == 422
    assert "请至少勾选一个街道" in refused.text
    chosen = [county.streets[0].id, county.streets[2].id]
    answer = client.post("/planning/city/order", data=form | {"streets": chosen})
    assert answer.status_code == 303
    batch = db.session.scalars(select(PlanBatch)).one()
    assert sorted(plan.area_id for plan in plans(batch)) == sorted(chosen)
    assert batch.seconds == 5
    page = client.get(answer.location).text
    assert "hx-get" in page
    assert "大约还要" in page
    assert "再试一次" not in page
    client.post(f"/planning/batches/{batch.id}/stop", data={"csrf_token": token})
    part = client.get(f"/planning/batches/{batch.id}/progress").text
    assert "hx-get" not in part
    assert part.count("再试一次") == 2
    client.post(f"/planning/batches/{batch.id}/retry", data={"csrf_token": token, "area": chosen[0]})
    assert sorted(states(batch)) == ["stopped", "waiting"]


def test_the_pages_name_no_elder_and_ask_as_much_for_many_streets(
    client: FlaskClient, db_session: Any, last_of_march: None, queries_sent: Callable[[str], int]
) -> None:
    small, large = make_county(2), make_county(7)
    names = db.session.execute(text("SELECT name FROM elders")).scalars().all()
    asked = []
    for county in (small, large):
        batch = order(county)
        compute(batch)
        factories.sign_in(client, county.user)
        asked.append(
            [queries_sent("/planning/city?month=2026-04"), queries_sent(f"/planning/batches/{batch.id}")]
        )
        page = client.get(f"/planning/batches/{batch.id}").text
        assert not [name for name in names if name in page]
    assert asked[0] == asked[1]


@pytest.fixture
def queries_sent(client: FlaskClient, queries: list[str]) -> Callable[[str], int]:
    """How many statements a page takes."""

    def count(path: str) -> int:
        queries.clear()
        assert client.get(path).status_code == 200
        return len(queries)

    return count


def test_the_time_of_each_street_ends_the_whole_soon() -> None:
    assert services.seconds_each(1, 2) == 60
    assert services.seconds_each(50, 2) == 8
    assert services.seconds_each(500, 1) == 5
    assert services.whole_seconds(50, 2, 8) == 300


def test_a_street_computed_twice_is_told_of_once(county: County) -> None:
    county.coordinator(0)
    batch = order(county, 0)
    compute(batch)
    before = [(line.plan_id, line.planned) for line in queries.batch_view(batch).lines]
    compute(batch)
    assert [(line.plan_id, line.planned) for line in queries.batch_view(batch).lines] == before
    assert len(db.session.scalars(select(Message.id)).all()) == 2
