"""From a notice to the receiving mail server: gathered, once, at the right hour, through an outage."""

from collections import Counter
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from coordinator.accounts.models import User
from coordinator.kernel import clock, queue
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import Conflict, InvalidInput
from coordinator.messages import jobs, services, truth
from coordinator.messages.hours import Wish
from coordinator.messages.models import (
    Channel,
    Delivery,
    DeliveryState,
    Message,
    Parcel,
    ParcelState,
    Problem,
)
from coordinator.messages.outbox import carrying
from coordinator.messages.services import notify, send_again
from tests.coordinator.messages.parcels import NOON, bring_forward, parcels
from tests.coordinator.messages.receivers import MailServer
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("at_noon")


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
