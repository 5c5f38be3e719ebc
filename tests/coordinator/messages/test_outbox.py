"""From a notice to the receiving server: gathered, once, at the right hour, through an outage, or visibly not."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from coordinator.accounts.models import User
from coordinator.kernel import clock, crypto, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.clock import LOCAL
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages import jobs, services, truth
from coordinator.messages.hours import Wish
from coordinator.messages.models import (
    Channel,
    Delivery,
    DeliveryState,
    GroupRobot,
    Message,
    Parcel,
    ParcelState,
    Problem,
    SmsWish,
)
from coordinator.messages.outbox import carrying
from coordinator.messages.services import notify, say_in_group, send_again, send_code
from tests.coordinator.messages.receivers import MailServer, WebServer
from tests.factories import make_area_tree, make_user, make_worker

NOON = datetime(2026, 3, 26, 12, 0, tzinfo=LOCAL).astimezone(UTC)
KEY = "693a91f6-7000-4bc4-97a0-0ec2d1fa5aaa"


@pytest.fixture(autouse=True)
def at_noon(freeze: Any) -> None:
    freeze(NOON)


def with_phone(phone: str = "13800000001") -> dict[str, Any]:
    return {"phone": phone, "phone_hash": crypto.keyed_hash(phone, "phone")}


def parcels(session: Any) -> list[Parcel]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Parcel).order_by(Parcel.id)))


def bring_forward(session: Any) -> None:
    """What waits for a later moment by the machine's time is due now: the test's clock has moved."""
    session.execute(text("UPDATE owed_jobs SET run_after = now() WHERE state = 'owed'"))
    session.commit()


class TestMail:
    def test_only_people_with_an_address(self, committed_db: Any, outbox: Any, mail_server: Any) -> None:
        reachable, silent = make_user(email="a@example.org"), make_user()
        gone = make_user(email="b@example.org", is_active=False)
        notify([reachable, silent, gone], "一条消息", "", dedupe_key="x")
        committed_db.commit()
        outbox()
        assert mail_server.addresses() == ["a@example.org"]

    def test_once_though_its_jobs_run_twice(self, committed_db: Any, outbox: Any, mail_server: Any) -> None:
        user = make_user(email="a@example.org")
        notify([user], "计划已批准", "王素珍 9:00", "/day", dedupe_key="x")
        committed_db.commit()
        outbox()
        (parcel,) = parcels(committed_db)
        delivery_id = committed_db.scalar(select(Delivery.id))
        committed_db.execute(text("UPDATE owed_jobs SET state = 'owed', run_after = now()"))
        committed_db.commit()
        outbox()
        jobs.pack(delivery_id)
        jobs.carry(parcel.id)
        (mail,) = mail_server.mails()
        assert "计划已批准" in mail["Subject"]
        assert "王素珍" not in mail.get_content(), "what is in the body stays in the house"
        assert parcel.state is ParcelState.SENT
        assert (parcel.address, parcel.content) == (None, None), "forgotten once it has arrived"

    def test_within_an_hour_the_next_ones_gather(
        self, committed_db: Any, outbox: Any, mail_server: Any, freeze: Any
    ) -> None:
        user = make_user(email="a@example.org")
        notify([user], "第一条", "", dedupe_key="1")
        committed_db.commit()
        outbox()
        freeze(NOON + timedelta(minutes=10))
        notify([user], "第二条", "", dedupe_key="2")
        notify([user], "第三条", "", dedupe_key="3")
        committed_db.commit()
        outbox()
        assert len(mail_server.received) == 1
        freeze(NOON + timedelta(hours=1))
        bring_forward(committed_db)
        outbox()
        assert len(mail_server.received) == 2
        text = mail_server.mails()[1].get_content()
        assert "第二条" in text
        assert "第三条" in text

    def test_what_is_urgent_does_not_wait_and_passes_the_night(
        self, committed_db: Any, outbox: Any, mail_server: Any, freeze: Any
    ) -> None:
        user = make_user(email="a@example.org")
        freeze(NOON.replace(hour=14))  # 22:00 in Beijing
        notify([user], "明天再看", "", dedupe_key="1")
        notify([user], "突发情况", "", dedupe_key="2", urgent=True)
        committed_db.commit()
        outbox()
        assert [mail["Subject"] for mail in mail_server.mails()] == ["探访：突发情况"]
        due = committed_db.scalar(select(Delivery.due_at).where(Delivery.state == DeliveryState.OWED))
        assert clock.to_local(due).time() == time(7, 30)

    def test_one_mail_a_day_for_who_wants_that(
        self, committed_db: Any, outbox: Any, mail_server: Any, freeze: Any
    ) -> None:
        user = make_user(email="a@example.org")
        services.save_choice(Actor(user_id=user.id, name=""), Wish(digest=True))
        for number in range(3):
            freeze(NOON + timedelta(hours=number))
            notify([user], f"第{number}条", "", dedupe_key=str(number))
            committed_db.commit()
            outbox()
        assert not mail_server.received
        freeze(NOON.replace(hour=10, minute=30))
        bring_forward(committed_db)
        outbox()
        (mail,) = mail_server.mails()
        assert "3 条" in mail["Subject"]

    def test_what_was_read_meanwhile_is_not_sent(
        self, committed_db: Any, outbox: Any, mail_server: Any
    ) -> None:
        user = make_user(email="a@example.org")
        notify([user], "已经看过", "", dedupe_key="1")
        committed_db.execute(update(Message).values(read_at=NOON))
        committed_db.commit()
        outbox()
        assert not mail_server.received
        assert committed_db.scalar(select(Delivery.state)) is DeliveryState.DROPPED

    def test_what_is_no_longer_true_is_left_out(
        self, committed_db: Any, outbox: Any, mail_server: MailServer, freeze: Any, monkeypatch: Any
    ) -> None:
        """Before it is packed, and while it waits for a server that is away."""
        untrue: set[str] = set()
        monkeypatch.setitem(truth._checks, "hour", lambda key: key not in untrue)
        user, other = make_user(email="a@example.org"), make_user(email="b@example.org")
        notify([user], "要去第一户", "", dedupe_key="hour:1")
        notify([user], "要去第二户", "", dedupe_key="hour:2")
        notify([other], "要去第三户", "", dedupe_key="hour:3")
        committed_db.commit()
        mail_server.stop()
        outbox()
        assert [one.state for one in parcels(committed_db)] == [ParcelState.WAITING] * 2
        untrue |= {"hour:2", "hour:3"}
        mail_server.start()
        bring_forward(committed_db)
        outbox()
        (mail,) = mail_server.mails()
        assert mail["To"] == "a@example.org"
        assert "第一户" in mail["Subject"]
        assert "第二户" not in mail.get_content()
        assert [one.state for one in parcels(committed_db)] == [ParcelState.SENT, ParcelState.DROPPED]

    @pytest.mark.parametrize("name", ["周䶮㛃𫖯", "丁", "阿卜杜拉赫曼·买买提", "😀"])
    def test_rare_names_and_titles(self, name: str, committed_db: Any, outbox: Any, mail_server: Any) -> None:
        user = make_user(email="a@example.org", name=name)
        notify([user], f"{name} 有安排\r\nBcc: x@example.org\x0b\u2028 😀", "", dedupe_key="1")
        committed_db.commit()
        outbox()
        (mail,) = mail_server.mails()
        assert mail["Subject"] == f"探访：{name} 有安排 Bcc: x@example.org 😀"
        assert mail["Bcc"] is None
        assert mail.get_content().startswith(f"{name}，您好")

    def test_english_for_who_reads_english(self, committed_db: Any, outbox: Any, mail_server: Any) -> None:
        user = make_user(email="a@example.org", locale="en")
        notify([user], "计划已批准", "", dedupe_key="1")
        committed_db.commit()
        outbox()
        assert "您好" not in mail_server.mails()[0].get_content()


class TestOutage:
    def test_an_hour_without_a_mail_server(
        self, committed_db: Any, outbox: Callable[[], int], mail_server: MailServer, freeze: Any
    ) -> None:
        """40 people, the server away for an hour by the clock and flapping after it: each mail exactly once."""
        users = [make_user(email=f"p{n}@example.org") for n in range(40)]
        mail_server.stop()
        for number, user in enumerate(users):
            notify([user], f"第{number}条", "", dedupe_key=str(number))
        committed_db.commit()
        outbox()
        back_at = NOON + timedelta(hours=1)

        def breaks_off(phase: str, address: str) -> bool:
            """Of the first 40 connections three in four end somewhere before the mail is the server's."""
            place = ("rcpt", "data", "half", None)[int(address[1:].split("@")[0]) % 4]
            return mail_server.connections > 40 or phase != place

        while True:
            waiting = [one for one in parcels(committed_db) if one.state is ParcelState.WAITING]
            if not waiting:
                break
            moment = min(one.next_try_at for one in waiting)
            assert clock.now() < moment <= clock.now() + timedelta(seconds=carrying.LONGEST_WAIT * 1.2)
            if clock.now() < back_at <= moment:
                mail_server.start()
                # Each connection in turn breaks at another place before the mail is the server's.
                mail_server.at = breaks_off
            freeze(moment)
            for parcel in waiting:
                if parcel.next_try_at <= moment:
                    jobs.carry(parcel.id)
        assert Counter(mail_server.addresses()) == Counter({f"p{n}@example.org": 1 for n in range(40)})
        found = parcels(committed_db)
        assert all(one.state is ParcelState.SENT for one in found)
        assert max(one.attempts for one in found) < 14
        assert mail_server.connections > 60
        committed_db.execute(text("UPDATE owed_jobs SET run_after = now() WHERE state = 'owed'"))
        committed_db.commit()
        outbox()  # the tries that the queue still owes find nothing to do
        assert len(mail_server.received) == 40

    def test_waits_grow_with_some_chance_in_them(self) -> None:
        means = [sum(carrying.wait_seconds(n) for _ in range(200)) / 200 for n in range(1, 12)]
        for attempt, mean in enumerate(means, 1):
            assert mean == pytest.approx(min(30 * 2 ** (attempt - 1), 1800), rel=0.06)
        assert len({carrying.wait_seconds(3) for _ in range(20)}) > 10

    def test_after_a_day_it_is_given_up_and_sent_again_by_hand(
        self, committed_db: Any, outbox: Any, mail_server: MailServer, freeze: Any
    ) -> None:
        notify([make_user(email="a@example.org")], "一条消息", "", dedupe_key="x")
        committed_db.commit()
        mail_server.stop()
        outbox()
        (parcel,) = parcels(committed_db)
        freeze(NOON + timedelta(hours=24, minutes=1))
        jobs.carry(parcel.id)
        (parcel,) = parcels(committed_db)
        assert (parcel.state, parcel.problem) == (ParcelState.FAILED, Problem.AWAY)
        mail_server.start()
        actor = Actor(user_id=make_user().id, name="协调员")
        send_again(actor, parcel)
        with pytest.raises(Conflict):
            send_again(actor, parcel)
        committed_db.commit()
        outbox()
        assert len(mail_server.received) == 1

    def test_what_is_of_no_use_any_more_is_not_sent(
        self, committed_db: Any, outbox: Any, mail_server: MailServer, freeze: Any
    ) -> None:
        ends = NOON + timedelta(hours=1)
        notify([make_user(email="a@example.org")], "一小时后", "", dedupe_key="x", expires_at=ends)
        committed_db.commit()
        mail_server.stop()
        outbox()
        mail_server.start()
        freeze(ends)
        bring_forward(committed_db)
        outbox()
        assert not mail_server.received
        (parcel,) = parcels(committed_db)
        assert (parcel.state, parcel.problem) == (ParcelState.FAILED, Problem.LATE)


class TestNotArrived:
    def test_a_bad_address_is_not_tried_again_until_it_is_mended(
        self, committed_db: Any, outbox: Any, mail_server: MailServer
    ) -> None:
        mail_server.refusals["nobody@"] = "550 5.1.1 no such user"
        user = make_user(email="nobody@example.org")
        notify([user], "一条消息", "", dedupe_key="x")
        committed_db.commit()
        outbox()
        bring_forward(committed_db)
        outbox()
        assert mail_server.connections == 1
        (parcel,) = parcels(committed_db)
        assert (parcel.state, parcel.problem) == (ParcelState.FAILED, Problem.ADDRESS)
        committed_db.execute(update(User).where(User.id == user.id).values(email="right@example.org"))
        send_again(Actor(user_id=user.id, name="协调员"), parcel)
        committed_db.commit()
        outbox()
        assert mail_server.addresses() == ["right@example.org"]

    def test_broken_off_after_the_dot_it_goes_again_under_the_same_name(
        self, committed_db: Any, outbox: Any, mail_server: MailServer
    ) -> None:
        mail_server.at = lambda phase, _address: not (phase == "dot" and mail_server.connections == 1)
        notify([make_user(email="a@example.org")], "一条消息", "", dedupe_key="x")
        committed_db.commit()
        outbox()
        (parcel,) = parcels(committed_db)
        assert (parcel.state, parcel.in_doubt) == (ParcelState.WAITING, True)
        bring_forward(committed_db)
        outbox()
        one, two = mail_server.mails()
        assert one["Message-ID"] == two["Message-ID"], "RFC 5321 3.8; the mailbox recognises the copy"
        assert one.get_content() == two.get_content()

    def test_coordinators_close_what_they_have_told_by_telephone(
        self, committed_db: Any, outbox: Any, mail_server: MailServer
    ) -> None:
        mail_server.refusals["nobody@"] = "550 no"
        notify([make_user(email="nobody@example.org")], "一条消息", "", dedupe_key="x")
        committed_db.commit()
        outbox()
        (parcel,) = parcels(committed_db)
        actor = Actor(user_id=make_user().id, name="协调员")
        services.close_parcel(actor, parcel)
        committed_db.commit()
        (parcel,) = parcels(committed_db)
        assert parcel.closed_at is not None
        assert parcel.content is None
        with pytest.raises(Conflict):
            send_again(actor, parcel)


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


def test_a_parcel_that_somebody_carries_is_left_alone(
    committed_db: Any, outbox: Any, mail_server: MailServer
) -> None:
    from coordinator.extensions import db

    notify([make_user(email="a@example.org")], "一条消息", "", dedupe_key="x")
    committed_db.commit()
    queue.run_owed(committed_db.scalar(select(queue.OwedJob.id)))
    (parcel,) = parcels(committed_db)
    parcel_id = parcel.id
    committed_db.rollback()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.execute(text("SELECT pg_advisory_lock(:s, :i)"), {"s": carrying._LOCK_SPACE, "i": parcel_id})
        jobs.carry(parcel_id)
        assert not mail_server.received
        other.execute(text("SELECT pg_advisory_unlock(:s, :i)"), {"s": carrying._LOCK_SPACE, "i": parcel_id})
    jobs.carry(parcel_id)
    assert len(mail_server.received) == 1


def test_choices_are_checked(committed_db: Any) -> None:
    actor = Actor(user_id=make_user().id, name="")
    with pytest.raises(InvalidInput) as refusal:
        services.save_choice(actor, Wish(quiet_from=time(8), quiet_to=time(7)))
    assert refusal.value.field == "quiet_from"
    with pytest.raises(InvalidInput) as refusal:
        services.save_choice(actor, Wish(digest=True, digest_at=time(23)))
    assert refusal.value.field == "digest_at"
    services.save_choice(actor, Wish(quiet_from=time(0), quiet_to=time(0)))
    services.save_choice(actor, Wish(email=False))
    committed_db.commit()
    from coordinator.messages.queries import wishes_of

    assert wishes_of([actor.user_id])[actor.user_id] == Wish(email=False)
    assert committed_db.scalar(select(func.count()).select_from(Parcel)) == 0
    assert {channel.value for channel in Channel} == {"email", "sms", "robot"}


def test_what_was_stranded_is_owed_anew(
    committed_db: Any, outbox: Any, mail_server: MailServer, freeze: Any
) -> None:
    """Jobs that the queue has given up, with a parcel half carried and a delivery not packed."""
    notify([make_user(email="a@example.org")], "一条消息", "", dedupe_key="x")
    committed_db.commit()
    queue.run_owed(committed_db.scalar(select(queue.OwedJob.id)))
    notify([make_user(email="b@example.org")], "一条消息", "", dedupe_key="x")
    committed_db.execute(text("UPDATE parcels SET state = 'sending'"))
    committed_db.execute(text("UPDATE owed_jobs SET state = 'failed'"))
    committed_db.commit()
    jobs.owe_stranded()
    outbox()
    assert not mail_server.received, "somebody may be at it"
    freeze(NOON + timedelta(hours=2, minutes=1))
    jobs.owe_stranded()
    jobs.owe_stranded()
    outbox()
    assert sorted(mail_server.addresses()) == ["a@example.org", "b@example.org"]
