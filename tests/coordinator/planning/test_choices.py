"""Several plans of one month to choose from: made one after the other, taken once."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.kernel.access import Role
from coordinator.kernel.errors import Conflict, NotAllowed
from coordinator.kernel.queue import OwedJob
from coordinator.messages.models import Message
from coordinator.planning import jobs, queries, services
from coordinator.planning.models import Plan, PlanState
from coordinator.planning.translate import Options, Wish, alternatives
from tests import factories
from tests.coordinator.planning.conftest import MONTH, Street, solve


def group(street: Street) -> list[Plan]:
    """Ask for plans to choose from and solve all of them here, a second each."""
    first = services.request_choices(street.actor, street.area, MONTH, options=Options(), seconds=15)
    db.session.commit()
    while plan := db.session.scalar(select(Plan).where(Plan.state == PlanState.QUEUED)):
        plan.time_limit_seconds = 1
        db.session.commit()
        jobs.solve_plan(plan.id)
    db.session.expire_all()
    return services.group_of(db.session.get_one(Plan, first.id))


def test_alternatives_leave_out_what_is_wished_most() -> None:
    own = Options()
    assert [one.travel for one in alternatives(own)] == [Wish.MUCH, Wish.NONE]
    for travel in Wish:
        for known in Wish:
            for even in Wish:
                own = Options(known, even, travel)
                found = alternatives(own)
                assert len(found) == 2
                assert own.weights not in [one.weights for one in found]


def test_minding_the_road_less_makes_the_other_wishes_weigh_more() -> None:
    weights = [Options(Wish.MUCH, Wish.SOME, travel).weights["continuity"] for travel in Wish]
    assert weights == sorted(weights, reverse=True)


def test_three_plans_of_the_same_month(street: Street) -> None:
    plans = group(street)
    assert [plan.state for plan in plans] == [PlanState.READY] * 3
    assert plans[0].detail["to_come"] == []
    assert len({str(plan.detail["options"]) for plan in plans}) == 3
    view = queries.choices_of(plans)
    assert [(row.made, row.missing) for row in view.rows] == [(8, 0)] * 3
    assert view.rows[1].travel_seconds <= view.rows[0].travel_seconds
    assert all(row.used <= row.workers and row.lines for row in view.rows)
    # Whoever asked hears of it once, when there is something to choose.
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


def test_no_plan_of_the_choice_serves_fewer(street: Street) -> None:
    """Each begins from the first under the same terms, also where wishes for days were given up."""
    for worker in street.workers:
        worker.max_visits_month = 2
        for hours in worker.availability[1:]:
            db.session.delete(hours)
    db.session.flush()
    db.session.expire_all()
    view = queries.choices_of(group(street))
    assert view.rows[0].missing > 0
    assert {row.missing for row in view.rows[1:]} <= {view.rows[0].missing, view.rows[0].missing - 1}


def test_a_run_that_is_begun_twice_owes_the_next_once(street: Street) -> None:
    first = services.request_choices(street.actor, street.area, MONTH, options=Options(), seconds=15)
    first.time_limit_seconds = 1
    db.session.commit()
    jobs.solve_plan(first.id)
    jobs.solve_plan(first.id)
    assert db.session.scalar(select(func.count()).select_from(Plan)) == 2
    owed = db.session.scalars(select(OwedJob).where(OwedJob.name.endswith("solve_plan"))).all()
    assert len(owed) == 2


def test_stopping_ends_the_whole_comparison(street: Street) -> None:
    first = services.request_choices(street.actor, street.area, MONTH, options=Options(), seconds=15)
    first.time_limit_seconds = 1
    db.session.commit()
    jobs.solve_plan(first.id)
    second = db.session.scalars(select(Plan).where(Plan.state == PlanState.QUEUED)).one()
    second.state = PlanState.SOLVING
    services.stop_plan(street.actor, second)
    db.session.commit()
    jobs.solve_plan(second.id)
    assert db.session.scalar(select(func.count()).select_from(Plan)) == 2


def test_one_is_taken_once_and_the_others_go(street: Street) -> None:
    plans = group(street)
    services.take_choice(street.actor, plans[1])
    db.session.commit()
    assert [plan.state for plan in plans] == [PlanState.DISCARDED, PlanState.READY, PlanState.DISCARDED]
    for plan in plans:
        with pytest.raises(Conflict):
            services.take_choice(street.actor, plan)
    kept = Options.from_dict(plans[1].detail["options"])
    assert services.wishes_of(street.area) == kept
    assert services.wishes_of(street.community) == Options()


def test_nothing_is_taken_while_one_is_being_solved_or_without_a_choice(street: Street) -> None:
    alone = solve(street)
    with pytest.raises(Conflict):
        services.take_choice(street.actor, alone)
    first = services.request_choices(street.actor, street.area, MONTH, options=Options(), seconds=15)
    first.time_limit_seconds = 1
    db.session.commit()
    jobs.solve_plan(first.id)
    with pytest.raises(Conflict, match="正在计算"):
        services.take_choice(street.actor, db.session.get_one(Plan, first.id))


def test_another_one_that_is_approved_in_part_stands(street: Street) -> None:
    plans = group(street)
    services.approve_plan(street.actor, plans[0])
    db.session.commit()
    jobs.give_visits(plans[0].id)
    db.session.expire_all()
    with pytest.raises(Conflict, match="已经批准"):
        services.take_choice(street.actor, plans[1])


def test_a_stranger_takes_nothing(street: Street) -> None:
    plans = group(street)
    other = factories.make_actor(Role.STREET_COORDINATOR, factories.make_area_tree().street)
    with pytest.raises(NotAllowed):
        services.take_choice(other, plans[0])


def test_the_pages(client: FlaskClient, street: Street) -> None:
    factories.sign_in(client, street.user)
    form = {"csrf_token": factories.csrf_token(client), "continuity": "none", "balance": "much"}
    form |= {"travel": "some", "seconds": "30", "choices": "1"}
    answer = client.post(f"/planning/areas/{street.area.id}/2026-04/start", data=form)
    assert answer.status_code == 303
    first = db.session.scalars(select(Plan)).one()
    assert first.compared_with_id == first.id
    waiting = client.get(f"/planning/plans/{first.id}/choices").text
    assert "还没有算好" in waiting
    while plan := db.session.scalar(select(Plan).where(Plan.state == PlanState.QUEUED)):
        plan.time_limit_seconds = 1
        db.session.commit()
        jobs.solve_plan(plan.id)
    page = client.get(f"/planning/plans/{first.id}/choices").text
    assert page.count("用这个") == 3
    assert "最少跑路" in page
    month = client.get(f"/planning/plans/{first.id}").text
    assert f"/planning/plans/{first.id}/choices" in month
    token = {"csrf_token": factories.csrf_token(client)}
    taken = client.post(f"/planning/plans/{first.id}/take", data=token, follow_redirects=True)
    assert "选定了" in taken.text
    assert "用这个" not in client.get(f"/planning/plans/{first.id}/choices").text
    # The next month's form begins with the choice of this one.
    again = client.get("/planning/?month=2026-05").text
    balance = again[again.index('name="balance"') :]
    assert 'value="much"' in balance
    assert services.wishes_of(street.area) == Options(Wish.NONE, Wish.MUCH, Wish.SOME)
