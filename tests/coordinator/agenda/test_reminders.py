"""Reminders: the evening and the hour before, once each, gone with the visit, moved with it; and the button."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.agenda import jobs
from coordinator.agenda.queries.untold import untold
from coordinator.agenda.services import remind_evening, remind_hour, tell_changes
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.clock import LOCAL
from coordinator.kernel.errors import NotAllowed
from coordinator.marketplace.services import approve_claims, claim_visit
from coordinator.messages import services as messages
from coordinator.messages.hours import Wish
from coordinator.messages.models import GroupRobot, Message, Parcel
from coordinator.messages.truth import still_true
from coordinator.visits.services import cancel_visit, mark_missed, release, reopen_visit
from tests import factories
from tests.coordinator.agenda.conftest import RARE, TODAY, World

TOMORROW = TODAY + timedelta(days=1)


def local(hour: int, minute: int = 0, day: date = TODAY) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=LOCAL).astimezone(UTC)


def told(session: Any, world: World) -> list[Message]:
    session.flush()
    statement = select(Message).where(Message.user_id == world.user.id).order_by(Message.id)
    return list(session.scalars(statement))


class TestEvening:
    def test_one_message_for_the_whole_day(self, world: World, db_session: Any) -> None:
        world.visit(1, time(11), world.worker)
        world.visit(1, time(9), world.worker)
        world.visit(2, time(9), world.worker)
        world.visit(1, time(15), world.other)  # has no account
        assert remind_evening(TODAY) == 1
        assert remind_evening(TODAY) == 0
        (message,) = told(db_session, world)
        assert message.title == "明天 2 次探访，第一次 9:00"
        assert "9:00 柳荫社区" in message.body
        assert f"王{RARE}" not in message.title + message.body

    def test_not_for_what_was_cancelled(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9), world.worker)
        cancel_visit(world.coordinator, visit, "住院了")
        assert remind_evening(TODAY) == 0

    def test_untrue_once_the_last_visit_of_the_day_is_gone(self, world: World, db_session: Any) -> None:
        one, two = world.visit(1, time(9), world.worker), world.visit(1, time(11), world.worker)
        remind_evening(TODAY)
        (message,) = told(db_session, world)
        cancel_visit(world.coordinator, one, "住院了")
        assert still_true(message.dedupe_key)
        release(world.coordinator, two, world.worker, "换人")
        assert not still_true(message.dedupe_key)

    def test_who_does_not_want_it(self, world: World, db_session: Any) -> None:
        world.visit(1, time(9), world.worker)
        messages.save_choice(world.me, Wish(evening_reminder=False, hour_reminder=False))
        assert remind_evening(TODAY) == 0
        clock.freeze(local(8, 5, TOMORROW))
        assert remind_hour() == 0

    def test_the_group_hears_numbers_only(self, world: World, db_session: Any) -> None:
        db_session.add(GroupRobot(area=world.tree.street, name="志愿者", key="x" * 36))
        db_session.add(GroupRobot(area=world.tree.outside, name="别处", key="y" * 36))
        world.visit(1, time(9), world.worker)
        world.visit(1, time(11))
        for _twice in range(2):
            remind_evening(TODAY)
        (parcel,) = db_session.scalars(select(Parcel)).all()
        said = parcel.content["text"]
        assert "滨河街道明天（3月27日 周五）的探访" in said
        assert "2 次上门，1 人去" in said
        assert "还有 1 次没有人去" in said
        assert RARE not in said


class TestHour:
    def test_about_an_hour_before_and_once(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9), world.worker)
        clock.freeze(local(7, 50, TOMORROW))
        assert remind_hour() == 0
        clock.freeze(local(8, 0, TOMORROW))
        assert remind_hour() == 1
        clock.freeze(local(8, 10, TOMORROW))
        assert remind_hour() == 0
        (message,) = told(db_session, world)
        assert message.title.startswith("9:00有探访：柳荫社区")
        assert message.expires_at == visit.starts_at

    def test_it_goes_with_the_visit(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9), world.worker)
        clock.freeze(local(8, 0, TOMORROW))
        remind_hour()
        (message,) = told(db_session, world)
        assert still_true(message.dedupe_key)
        cancel_visit(world.coordinator, visit, "住院了")
        assert not still_true(message.dedupe_key)

    def test_it_moves_with_the_visit(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9), world.worker)
        clock.freeze(local(8, 0, TOMORROW))
        remind_hour()
        clock.freeze(local(9, 45, TOMORROW))
        mark_missed(world.coordinator, visit)
        start = local(14, 0, TOMORROW)
        reopen_visit(world.coordinator, visit, start, start + timedelta(minutes=40))
        world.give(visit, world.worker)
        clock.freeze(local(13, 0, TOMORROW))
        assert remind_hour() == 1
        first, second = told(db_session, world)
        assert not still_true(first.dedupe_key)
        assert still_true(second.dedupe_key)
        assert "14:00" in second.title

    def test_nobody_is_disturbed_on_the_way(self, world: World, db_session: Any) -> None:
        for start in (time(9), time(10), time(11), time(16)):
            world.visit(1, start, world.worker)
        for hour in range(8, 17):
            clock.freeze(local(hour, 0, TOMORROW))
            remind_hour()
        assert [one.title[:5] for one in told(db_session, world)] == ["9:00有", "16:00"]


class TestClockwork:
    @pytest.mark.parametrize(
        ("hour", "minute", "due"),
        [
            (3, 0, []),
            (8, 9, [(jobs.HOUR_JOB, "2026-03-26T08:00")]),
            (8, 10, [(jobs.HOUR_JOB, "2026-03-26T08:10")]),
            (18, 0, [(jobs.EVENING_JOB, "2026-03-26"), (jobs.HOUR_JOB, "2026-03-26T18:00")]),
            (20, 59, [(jobs.EVENING_JOB, "2026-03-26"), (jobs.HOUR_JOB, "2026-03-26T20:50")]),
            (21, 0, [(jobs.HOUR_JOB, "2026-03-26T21:00")]),
        ],
    )
    def test_when(self, hour: int, minute: int, due: list[Any], freeze: Any) -> None:
        freeze(local(hour, minute))
        assert list(jobs.due_by_itself()) == due

    def test_late_at_night_the_evening_is_over(self, world: World, db_session: Any) -> None:
        world.visit(2, time(9), world.worker)
        clock.freeze(local(0, 30, TOMORROW))
        jobs.evening_reminders()
        assert not told(db_session, world)

    def test_the_bodies_run_twice_with_one_end(self, world: World, db_session: Any) -> None:
        world.visit(1, time(9), world.worker)
        clock.freeze(local(18, 5))
        jobs.evening_reminders()
        jobs.evening_reminders()
        clock.freeze(local(8, 0, TOMORROW))
        jobs.hour_reminders()
        jobs.hour_reminders()
        assert len(told(db_session, world)) == 2


class TestButton:
    def test_first_arranged_then_told(self, world: World, db_session: Any) -> None:
        one, two = world.visit(1, time(9), world.worker), world.visit(2, time(9), world.worker)
        world.visit(1, time(11), world.other)
        assert not told(db_session, world)
        assert [(row.worker_id, row.off) for row in untold(world.coordinator)].count(
            (world.worker.id, False)
        ) == 2
        assert tell_changes(world.coordinator) == (1, [world.other.name])
        (message,) = told(db_session, world)
        assert message.title == "有 2 次新的探访安排给您"
        assert tell_changes(world.coordinator) == (0, [])
        cancel_visit(world.coordinator, one, "住院了")
        release(world.coordinator, two, world.worker, "换人")
        clock.freeze(local(10, 5))
        assert tell_changes(world.coordinator) == (1, [])
        assert told(db_session, world)[-1].title == "有 2 次探访取消了，您不用去了"
        assert untold(world.coordinator) == []

    def test_given_and_taken_back_before_the_button_nobody_hears_of_it(
        self, world: World, db_session: Any
    ) -> None:
        visit = world.visit(1, time(9), world.worker)
        release(world.coordinator, visit, world.worker, "换人")
        assert untold(world.coordinator) == []

    def test_a_new_time_is_told_anew(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9), world.worker)
        tell_changes(world.coordinator)
        clock.freeze(local(10, 0, TOMORROW))
        mark_missed(world.coordinator, visit)
        start = local(9, 0, TOMORROW + timedelta(days=2))
        reopen_visit(world.coordinator, visit, start, start + timedelta(minutes=40))
        world.give(visit, world.worker)
        assert tell_changes(world.coordinator) == (1, [])
        assert len(told(db_session, world)) == 2

    def test_what_an_approval_told_is_not_told_again(self, world: World, db_session: Any) -> None:
        visit = world.visit(1, time(9))
        claim = claim_visit(world.me, visit.id)
        approve_claims(world.coordinator, [claim.id])
        assert len(told(db_session, world)) == 1
        assert untold(world.coordinator) == []
        clock.freeze(local(11))
        db_session.expire_all()
        cancel_visit(world.coordinator, visit, "住院了")
        (row,) = untold(world.coordinator)
        assert row.off

    def test_only_ones_own_area_and_role(self, world: World, db_session: Any) -> None:
        world.visit(1, time(9), world.worker)
        stranger = factories.make_actor(Role.STREET_COORDINATOR, world.tree.other_street)
        assert untold(stranger) == []
        assert tell_changes(stranger) == (0, [])
        with pytest.raises(NotAllowed):
            tell_changes(world.me)

    def test_one_person_alone(self, world: World, db_session: Any) -> None:
        world.visit(1, time(9), world.worker)
        world.visit(1, time(11), world.other)
        assert tell_changes(world.coordinator, {world.worker.id}) == (1, [])
        assert [row.worker_id for row in untold(world.coordinator)] == [world.other.id]
