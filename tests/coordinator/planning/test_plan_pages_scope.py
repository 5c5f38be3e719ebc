"""A community hears of its street's plan, and of no more than its own part."""

from __future__ import annotations

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop
from tests.factories import make_area_tree, make_elder, make_user, make_worker, sign_in


def test_community_sees_its_part_of_the_street_plan(client, db_session):
    tree = make_area_tree()
    month = clock.today().replace(day=1)
    plan = Plan(area_id=tree.street.id, month=month, state=PlanState.READY)
    db.session.add(plan)
    db.session.flush()
    route = PlanRoute(
        plan_id=plan.id,
        worker_id=make_worker(tree.street).id,
        day=month,
        letter=0,
        departure_seconds=30_000,
        arrival_seconds=40_000,
        travel_seconds=600,
        travel_metres=800,
    )
    db.session.add(route)
    db.session.flush()
    elders = [make_elder(tree.community), make_elder(tree.other_community), make_elder(tree.other_community)]
    for position, elder in enumerate(elders):
        db.session.add(
            PlanStop(
                plan_id=plan.id,
                route_id=route.id,
                visit_key=f"e{elder.id}#1",
                elder_id=elder.id,
                rule="luzhou.general.month",
                period_from=month,
                period_to=month,
                position=position,
                arrival_seconds=31_000,
                start_seconds=31_000,
                end_seconds=32_800,
            )
        )
    sign_in(client, make_user(Role.COMMUNITY_COORDINATOR, tree.community))
    page = client.get(f"/planning/?month={month:%Y-%m}")
    assert page.status_code == 200
    assert "排了本社区 1 次，其中 0 次已批准" in page.text
    assert elders[1].name not in page.text
    # The plan itself stays the street's.
    assert client.get(f"/planning/plans/{plan.id}").status_code == 404
