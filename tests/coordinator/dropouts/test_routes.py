"""A printed, approved day: the other stops stay pinned, sheets get new numbers, everybody concerned hears once."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from sqlalchemy import func, select

from coordinator.agenda.queries.untold import untold
from coordinator.dropouts.jobs import make_wave
from coordinator.dropouts.models import StandInAsk
from coordinator.dropouts.services.leaving import step_back
from coordinator.dropouts.services.searching import answer_ask
from coordinator.extensions import db
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.messages.models import Message
from coordinator.planning.models import PlanRoute, PlanStop, RouteSheet
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker
from tests.coordinator.planning.conftest import last_of_march, team_on
from tests.coordinator.planning.test_repair_of_plan import planned, sheets_on

__all__ = ["last_of_march", "planned"]


def actor_of(worker: Worker) -> Actor:
    return Actor(worker.user_id, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)


def stops_of(plan_id: int, day: date) -> dict[int, tuple[int, int | None]]:
    """Visit → worker and start of every stop of the day."""
    rows = db.session.execute(
        select(PlanStop.visit_id, PlanRoute.worker_id, PlanStop.start_seconds)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan_id, PlanRoute.day == day)
    )
    return {row.visit_id: (row.worker_id, row.start_seconds) for row in rows}


def current(day: date) -> dict[int, str]:
    return {one.route.worker_id: one.number for one in sheets_on(day) if one.voided_at is None}


@pytest.fixture
def lost(planned):
    """A planned day, one visit of it, and who has just left that visit."""
    street, plan, day = planned
    stop = db.session.scalars(
        select(PlanStop)
        .join(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id, PlanRoute.day == day, PlanStop.people == 1)
        .order_by(PlanStop.start_seconds.desc())
    ).first()
    assert stop is not None
    assert stop.visit_id is not None
    visit = db.session.get_one(Visit, stop.visit_id)
    giver = db.session.get_one(Worker, team_on(visit)[0])
    return street, plan, day, visit, giver


def test_only_the_stop_moves_and_the_sheets_follow(lost):
    street, plan, day, visit, giver = lost
    before, numbers = stops_of(plan.id, day), current(day)
    db.session.execute(Message.__table__.delete())
    done = step_back(actor_of(giver), visit.id, "发烧")
    assert done.search is not None
    assert giver.id in numbers
    assert current(day).get(giver.id) != numbers[giver.id], "the old sheet is void"
    assert [old for old, _new in done.sheets] == [numbers[giver.id]]
    rest = {key: value for key, value in before.items() if key != visit.id}
    assert stops_of(plan.id, day) == rest, "the other stops stay where and when they are"

    make_wave(done.search.id, 1)
    ask = db.session.scalars(select(StandInAsk).order_by(StandInAsk.place)).first()
    assert ask is not None
    taker = db.session.get_one(Worker, ask.worker_id)
    held = current(day)
    assert answer_ask(actor_of(taker), ask.id, True).goes
    db.session.commit()
    assert team_on(visit) == [taker.id]
    assert stops_of(plan.id, day) == rest | {visit.id: (taker.id, before[visit.id][1])}
    now = current(day)
    if taker.id in held:
        assert now[taker.id] != held[taker.id]
    others = {key: value for key, value in held.items() if key != taker.id}
    assert {key: now.get(key) for key in others} == others, "nobody else's paper changes"
    assert len(now.values()) == len(set(now.values()))
    live = select(func.count()).select_from(RouteSheet).where(RouteSheet.voided_at.is_(None))
    assert db.session.scalar(live.where(RouteSheet.number.in_(numbers.values()))) == len(
        set(numbers.values()) & set(now.values())
    )

    told = Counter(
        db.session.scalars(select(Message.user_id).where(Message.title == "一次探访交给您了")).all()
    )
    assert told == {taker.user_id: 1}
    uninvolved = {worker.user_id for worker in street.workers} - {taker.user_id, giver.user_id}
    asked = set(
        db.session.scalars(select(Worker.user_id).join(StandInAsk, StandInAsk.worker_id == Worker.id))
    )
    assert not db.session.scalars(select(Message.id).where(Message.user_id.in_(uninvolved - asked))).all()
    # The button of the notices has nothing left to tell of it.
    assert not [one for one in untold(street.actor) if one.visit_id == visit.id]


def test_the_figure_on_the_question_is_what_the_route_grows_by(lost):
    """What was said when asking agrees with the plan's own figure once the stop is in, to the minute."""
    _street, plan, day, visit, giver = lost
    done = step_back(actor_of(giver), visit.id, "发烧")
    assert done.search is not None
    make_wave(done.search.id, 1)
    ask = db.session.scalars(select(StandInAsk).order_by(StandInAsk.place)).first()
    assert ask is not None
    taker = db.session.get_one(Worker, ask.worker_id)

    def way() -> int:
        found = select(PlanRoute.travel_seconds).where(
            PlanRoute.plan_id == plan.id, PlanRoute.day == day, PlanRoute.worker_id == taker.id
        )
        return db.session.scalar(found) or 0

    before = way()
    answer_ask(actor_of(taker), ask.id, True)
    db.session.expire_all()
    assert abs((way() - before) - (ask.added_seconds or 0)) <= 60
