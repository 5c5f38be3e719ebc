"""A new route of a plan."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select

from coordinator.extensions import db
from coordinator.planning.models import PlanRoute


def begin_route(plan_id: int, worker_id: int, day: date) -> PlanRoute:
    """An empty route with the day's next free letter; its times are still to come."""
    last = db.session.scalar(
        select(func.max(PlanRoute.letter)).where(PlanRoute.plan_id == plan_id, PlanRoute.day == day)
    )
    made = PlanRoute(
        plan_id=plan_id,
        worker_id=worker_id,
        day=day,
        letter=0 if last is None else last + 1,
        departure_seconds=0,
        arrival_seconds=0,
        travel_seconds=0,
        travel_metres=0,
    )
    db.session.add(made)
    db.session.flush()
    return made
