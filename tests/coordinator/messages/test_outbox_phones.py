"""From a notice to the servers of text messages and of groups."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor
from coordinator.messages import services
from coordinator.messages.hours import Wish
from coordinator.messages.models import GroupRobot, ParcelState, Problem, SmsWish
from coordinator.messages.services import notify, say_in_group, send_code
from tests.coordinator.messages.parcels import KEY, NOON, bring_forward, parcels, with_phone
from tests.coordinator.messages.receivers import WebServer
from tests.factories import make_area_tree, make_user, make_worker

pytestmark = pytest.mark.usefixtures("at_noon")


class TestTextMessages:
    @pytest.mark.parametrize(
        ("wish", "sent"),
        [(SmsWish.NEVER, 0), (SmsWish.IMPORTANT, 2), (SmsWish.ALL, 2)],
    )
    def test_by_wish(
        self, wish: SmsWish, sent: int, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        user = make_user(**with_phone())
        services.save_choice(Actor(user_id=user.id, name=""), Wish(sms=wish))
        notify([user], "平常的事", "", dedupe_key="1")
        notify([user], "明天有探访", "", dedupe_key="2", reminder=True)
        notify([user], "有人临时退出", "", dedupe_key="3", urgent=True)
        committed_db.commit()
        outbox()
        texts = [given["TemplateParam"] for _path, given in web_server.received]
        # What is due at the same moment goes together; what is urgent takes the rest along.
        assert len(texts) <= sent
        assert bool(texts) == bool(sent)
        assert not any("平常" in one for one in texts if wish is SmsWish.IMPORTANT)

    def test_the_number_in_the_worker_s_file_will_do(
        self, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        """The account's own goes before it; a landline gets no text."""
        street = make_area_tree().street
        one, two, three = make_user(), make_user(**with_phone("13800000002")), make_user()
        for user, phone in ((one, "13900000001"), (two, "13900000002"), (three, "0830-2290000")):
            make_worker(street, user_id=user.id, phone=phone)
        notify([one, two, three], "明天有探访", "", dedupe_key="1", reminder=True)
        committed_db.commit()
        outbox()
        numbers = sorted(given["PhoneNumbers"] for _path, given in web_server.received)
        assert numbers == ["13800000002", "13900000001"]

    def test_a_code_goes_at_once_and_only_once(
        self, committed_db: Any, outbox: Any, web_server: WebServer, freeze: Any
    ) -> None:
        freeze(NOON.replace(hour=15))  # 23:00
        assert send_code("13800000001", "004711", dedupe_key="join:1")
        assert not send_code("13800000001", "004711", dedupe_key="join:1")
        committed_db.commit()
        outbox()
        assert len(web_server.received) == 1
        raw = committed_db.execute(text("SELECT address, content FROM parcels")).one()
        assert tuple(raw) == (None, None)

    def test_a_code_that_is_too_old_is_not_sent(
        self, committed_db: Any, outbox: Any, web_server: WebServer, freeze: Any
    ) -> None:
        send_code("13800000001", "004711", dedupe_key="join:1")
        committed_db.commit()
        row = committed_db.execute(text("SELECT address, content FROM parcels")).one()
        assert b"004711" not in bytes(row.content)
        assert b"1380000" not in bytes(row.address)
        freeze(NOON + timedelta(minutes=6))
        outbox()
        assert not web_server.received

    @pytest.mark.parametrize(("known", "sent"), [(True, 0), (False, 1)])
    def test_after_a_death_in_the_hand_over_the_gateway_is_asked(
        self, known: bool, sent: int, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        """The state that a killed worker leaves: handed over, answer unknown."""
        user = make_user(**with_phone())
        notify([user], "明天有探访", "", dedupe_key="1", reminder=True)
        committed_db.commit()
        queue.run_owed(committed_db.scalar(select(queue.OwedJob.id)))  # only the packing
        (parcel,) = parcels(committed_db)
        parcel.state = ParcelState.HANDED
        parcel.handed_at = clock.machine_now() - timedelta(minutes=2)
        committed_db.commit()

        token = parcel.token

        def answer(given: dict[str, str]) -> Any:
            if given["Action"] == "SendSms":
                return {"Code": "OK", "BizId": "1"}
            rows = [{"OutId": token}] if known else []
            return {"Code": "OK", "TotalCount": len(rows), "SmsSendDetailDTOs": {"SmsSendDetailDTO": rows}}

        web_server.answers = [answer]
        outbox()
        actions = [given["Action"] for _path, given in web_server.received]
        assert actions == ["QuerySendDetails"] + ["SendSms"] * sent
        assert parcels(committed_db)[0].state is ParcelState.SENT


class TestGroups:
    @pytest.fixture
    def robot(self, committed_db: Any) -> GroupRobot:
        robot = GroupRobot(area=make_area_tree().community, name="柳荫社区志愿者", key=KEY)
        committed_db.add(robot)
        committed_db.commit()
        return robot

    def test_twenty_a_minute_and_the_rest_later(
        self, robot: GroupRobot, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        for number in range(25):
            assert say_in_group(robot, f"第{number}条", [], "/visits", dedupe_key=f"group:{number}")
        assert not say_in_group(robot, "第0条", [], "/visits", dedupe_key="group:0")
        committed_db.commit()
        outbox()
        assert len(web_server.received) == 20
        waiting = committed_db.scalars(
            select(queue.OwedJob.run_after).where(queue.OwedJob.state == queue.OwedState.OWED)
        ).all()
        committed_db.rollback()
        assert len(waiting) == 5
        assert all(50 < (one - clock.machine_now()).total_seconds() < 63 for one in waiting)
        committed_db.execute(text("UPDATE parcels SET handed_at = handed_at - interval '61 seconds'"))
        bring_forward(committed_db)
        outbox()
        said = [given["markdown"]["content"].split("**")[1] for _path, given in web_server.received]
        assert Counter(said) == Counter(f"第{n}条" for n in range(25))

    def test_its_own_limit_is_waited_out(
        self, robot: GroupRobot, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        web_server.answers = [{"errcode": 45009, "errmsg": "freq"}, {"errcode": 0}]
        say_in_group(robot, "一条", [], "/", dedupe_key="group:1")
        committed_db.commit()
        outbox()
        (parcel,) = parcels(committed_db)
        assert parcel.next_try_at >= NOON + timedelta(seconds=60)
        bring_forward(committed_db)
        outbox()
        assert parcels(committed_db)[0].state is ParcelState.SENT

    def test_a_robot_that_was_taken_out_of_the_group(
        self, robot: GroupRobot, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        web_server.answers = [{"errcode": 93000, "errmsg": "invalid webhook url"}]
        say_in_group(robot, "一条", [], "/", dedupe_key="group:1")
        committed_db.commit()
        outbox()
        (parcel,) = parcels(committed_db)
        assert (parcel.state, parcel.problem) == (ParcelState.FAILED, Problem.ADDRESS)

    def test_a_stopped_robot_says_nothing(
        self, robot: GroupRobot, committed_db: Any, outbox: Any, web_server: WebServer
    ) -> None:
        say_in_group(robot, "一条", [], "/", dedupe_key="group:1")
        robot.stopped_at = NOON
        committed_db.commit()
        outbox()
        assert not web_server.received
        assert parcels(committed_db)[0].state is ParcelState.DROPPED
