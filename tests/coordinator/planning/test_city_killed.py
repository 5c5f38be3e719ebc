"""kill -9 of the worker in the middle of a county: every street ends, none twice."""

from __future__ import annotations

from typing import Any

from coordinator.extensions import db
from coordinator.messages.models import Message
from coordinator.planning import queries, services
from coordinator.planning.models import Plan, PlanState
from tests.coordinator.planning.test_city import make_county
from tests.coordinator.planning.test_studies_killed import count, kill, next_month, until
from tests.serving import WorkerProcess


def test_a_killed_worker_costs_no_street(committed_db: Any, worker_process: WorkerProcess) -> None:
    county = make_county(3)
    batch = services.order_plans(
        county.actor, county.area, next_month(), [street.id for street in county.streets], seconds=5
    )
    db.session.commit()
    until(lambda: count(Plan, Plan.state == PlanState.SOLVING) == 1, 60)
    kill(worker_process)
    worker_process.start()
    until(lambda: count(Plan, Plan.state == PlanState.READY) == 3, 120)
    plans = [db.session.get_one(Plan, line.plan_id) for line in queries.batch_view(batch).lines]
    assert sorted(plan.detail["starts"] for plan in plans) == [1, 1, 2]
    assert count(Plan) == 3
    assert count(Message, Message.user_id == county.user.id) == 1
