"""Solving: a checked draft, the same however often it runs or wherever it is cut."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

import routing
from coordinator.elders.models import Skill
from coordinator.extensions import db
from coordinator.messages.models import Message
from coordinator.planning import jobs, services
from coordinator.planning.models import Plan, PlanRoute, PlanState, PlanStop
from coordinator.planning.solving import beat
from coordinator.planning.solving.order import MAX_STARTS
from coordinator.visits.models import Assignment, Visit
from tests.coordinator.planning.conftest import MONTH, Street, make_street, solve


def stored(plan: Plan) -> list[Any]:
    """What the rows of a plan say, ids left aside."""
    rows = db.session.execute(
        select(
            PlanStop.visit_key,
            PlanRoute.worker_id,
            PlanRoute.day,
            PlanRoute.letter,
            PlanStop.position,
            PlanStop.start_seconds,
            PlanStop.reason,
            PlanStop.rule,
            PlanStop.period_from,
        )
        .outerjoin(PlanRoute, PlanRoute.id == PlanStop.route_id)
        .where(PlanStop.plan_id == plan.id)
        .order_by(PlanStop.visit_key, PlanRoute.worker_id)
    )
    return [tuple(row) for row in rows]


def test_a_plan_is_a_checked_draft_and_only_its_creator_hears_of_it(street: Street) -> None:
    plan = solve(street)
    assert (plan.state, plan.percent, plan.violations) == (PlanState.READY, 100, [])
    assert plan.scenario is not None
    rows = db.session.scalars(select(PlanStop).where(PlanStop.plan_id == plan.id)).all()
    assert len(rows) == 8
    assert all(row.route_id is not None for row in rows)
    assert all(row.period_from <= row.route.day <= row.period_to for row in rows if row.route)
    assert {row.label for row in rows} == {"重点对象，半月上门 1 次", "一般对象，每月上门 1 次"}
    letters = db.session.execute(
        select(PlanRoute.day, PlanRoute.letter).where(PlanRoute.plan_id == plan.id)
    ).all()
    assert len(set(letters)) == len(letters)
    assert db.session.scalars(select(Message.user_id)).all() == [street.user.id]
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 0
    assert plan.policy_version_id is not None


def test_the_stored_rows_are_what_the_checker_saw(street: Street) -> None:
    from coordinator.planning.draft import Draft

    draft = Draft(solve(street))
    timed, report = draft.timed(draft.orders())
    hard = [one.code for one in report.violations if one.code not in ("day_not_permitted",)]
    assert hard == []
    assert timed.score is not None
    assert timed.score.travel_seconds == draft.plan.score["travel_seconds"]
    total = db.session.scalar(
        select(func.sum(PlanRoute.travel_seconds)).where(PlanRoute.plan_id == draft.plan.id)
    )
    assert total == draft.plan.score["travel_seconds"]


def test_a_second_run_changes_nothing(street: Street) -> None:
    plan = solve(street)
    before = stored(plan)
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    assert stored(plan) == before
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


@pytest.mark.parametrize("commit", [1, 2, 3, 4, 5])
def test_a_run_cut_after_any_commit_ends_in_the_same_way(
    street: Street, cut_after: Callable[..., None], commit: int
) -> None:
    plan = services.request_plan(street.actor, street.area, MONTH)
    plan.time_limit_seconds = 1
    db.session.commit()
    cut_after(lambda: jobs.solve_plan(plan.id), commit)
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    assert plan.state is PlanState.READY
    keys = [row[0] for row in stored(plan)]
    assert len(keys) == len(set(keys)) == 8
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


def test_a_plan_cut_again_and_again_is_given_up(street: Street) -> None:
    plan = services.request_plan(street.actor, street.area, MONTH)
    plan.detail = plan.detail | {"starts": MAX_STARTS}
    plan.state = PlanState.SOLVING
    db.session.commit()
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    assert plan.state is PlanState.FAILED
    assert plan.error
    assert services.request_plan(street.actor, street.area, MONTH).state is PlanState.QUEUED


def test_a_plan_with_a_violation_is_never_stored(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    real = routing.solve

    def wrong(*args: Any) -> routing.Plan:
        plan = real(*args)
        late = [
            routing.Route(
                route.worker, route.day, route.departure + 40_000, route.arrival + 40_000, route.stops
            )
            for route in plan.routes
        ]
        return routing.Plan(plan.scenario, tuple(late), plan.unassigned)

    monkeypatch.setattr(routing, "solve", wrong)
    plan = solve(street)
    assert plan.state is PlanState.FAILED
    assert plan.violations
    assert stored(plan) == []


def test_stopping_keeps_the_best_plan(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat, "BEAT_SECONDS", 0.05)
    plan = services.request_plan(street.actor, street.area, MONTH, seconds=60)
    db.session.commit()
    real = beat.Beat._write
    begun = datetime.now(UTC)

    def stop_soon(self: Any, *, force: bool = False) -> None:
        if (datetime.now(UTC) - begun).total_seconds() > 2 and not self.stopping:
            row = db.session.get_one(Plan, plan.id)
            if row.stop_requested_at is None:
                services.stop_plan(street.actor, row)
                db.session.commit()
        real(self, force=force)

    monkeypatch.setattr(beat.Beat, "_write", stop_soon)
    jobs.solve_plan(plan.id)
    assert (datetime.now(UTC) - begun).total_seconds() < 12
    db.session.expire_all()
    assert plan.state is PlanState.READY
    assert plan.stop_requested_by_id == street.user.id
    assert len(stored(plan)) == 8


def test_progress_and_life_signs_are_written_while_it_runs(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = beat.Beat._write

    def note(self: Any, *, force: bool = False) -> None:
        before = self.last
        real(self, force=force)
        if self.last != before:
            row = db.session.get_one(Plan, plan.id, populate_existing=True)
            seen.append((row.percent, row.stage, row.heartbeat_at, dict(row.best)))
            assert not db.session.new

    monkeypatch.setattr(beat.Beat, "_write", note)
    monkeypatch.setattr(beat, "BEAT_SECONDS", 0.1)
    plan = services.request_plan(street.actor, street.area, MONTH)
    plan.time_limit_seconds = 2
    db.session.commit()
    jobs.solve_plan(plan.id)
    assert len(seen) >= 5
    assert [percent for percent, *_ in seen] == sorted(percent for percent, *_ in seen)
    assert "travel_seconds" in seen[-1][3]


def test_what_cannot_be_done_is_stored_with_reason_and_remedy(street: Street) -> None:
    street.general[0].needs_skills = [Skill.NURSING.value]
    street.general[1].household.latitude = street.general[1].household.longitude = None
    plan = solve(street)
    left = {
        row.elder_id: row
        for row in db.session.scalars(
            select(PlanStop).where(PlanStop.plan_id == plan.id, PlanStop.route_id.is_(None))
        )
    }
    assert left[street.general[0].id].reason == "no_worker_with_skill"
    assert left[street.general[0].id].reason_detail["remedies"][0]["code"] == "recruit_skill"
    assert left[street.general[1].id].reason == "no_place"
    assert json.dumps(plan.detail), "plain values only"


def test_replanning_keeps_pins_and_approved_days(street: Street) -> None:
    plan = solve(street)
    stops = db.session.scalars(
        select(PlanStop).where(PlanStop.plan_id == plan.id).order_by(PlanStop.visit_key)
    ).all()
    pinned, other = stops[0], next(one for one in stops if one.route.day != stops[0].route.day)
    services.pin_stops(street.actor, plan, [pinned], pinned=True)
    services.approve_day(street.actor, plan, other.route.day)
    db.session.commit()
    where = (pinned.elder_id, pinned.route.worker_id, pinned.route.day)
    given = db.session.scalars(select(Assignment.visit_id)).all()
    again = solve(street, based_on=plan)
    assert again.state is PlanState.READY
    rows = db.session.scalars(select(PlanStop).where(PlanStop.plan_id == again.id)).all()
    assert where in {(row.elder_id, row.route.worker_id, row.route.day) for row in rows if row.pinned}
    assert {row.visit_id for row in rows if row.visit_id} == set(given)
    assert len({row.visit_key for row in rows}) == 8


def test_a_plan_thrown_away_meanwhile_is_left_alone(street: Street) -> None:
    plan = services.request_plan(street.actor, street.area, MONTH)
    services.stop_plan(street.actor, plan)
    db.session.commit()
    assert plan.state is PlanState.DISCARDED
    jobs.solve_plan(plan.id)
    db.session.expire_all()
    assert plan.state is PlanState.DISCARDED
    assert stored(plan) == []


def test_a_killed_worker_leaves_nothing_behind_and_the_plan_is_solved_again(
    committed_db: Any, worker_process: Any, freeze: Callable[[datetime], None]
) -> None:
    """kill -9 in the middle of a run, then another worker: one plan, whole, and the page may say it began anew."""
    import time

    from coordinator.kernel import clock
    from coordinator.kernel.queue import OwedJob, OwedState, sweep_owed_jobs

    street = make_street()
    month = (clock.today().replace(day=1).replace(day=28)).replace(day=1)
    month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    plan = services.request_plan(street.actor, street.area, month, seconds=20)
    db.session.commit()

    def until(what: Callable[[Plan], bool], seconds: float) -> Plan:
        for _ in range(int(seconds * 10)):
            row = db.session.get_one(Plan, plan.id, populate_existing=True)
            db.session.commit()
            if what(row):
                return row
            time.sleep(0.1)
        raise AssertionError(f"not in {seconds} s: {row.state} {row.percent} {row.detail}")

    until(lambda row: row.percent > 20, 30)
    assert worker_process.process is not None
    worker_process.process.kill()
    worker_process.process.wait()
    cut = db.session.get_one(Plan, plan.id, populate_existing=True)
    assert cut.state is PlanState.SOLVING
    assert stored(cut) == []
    cut.time_limit_seconds = 5
    owed = db.session.scalars(select(OwedJob).where(OwedJob.key == str(plan.id))).one()
    assert owed.state is OwedState.OWED
    db.session.commit()
    worker_process.start()
    for _ in range(200):
        sweep_owed_jobs()
        row = db.session.get_one(Plan, plan.id, populate_existing=True)
        db.session.commit()
        if row.state is PlanState.READY:
            break
        time.sleep(0.5)
    assert row.state is PlanState.READY
    assert row.detail["starts"] == 2
    keys = [one[0] for one in stored(row)]
    assert len(keys) == len(set(keys)) == 8
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1
