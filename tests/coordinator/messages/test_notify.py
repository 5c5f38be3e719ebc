"""One event tells a person once; mails gather to at most one an hour and go out once."""

import dataclasses
import smtplib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from coordinator.kernel import clock
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.kernel.queue import OwedJob
from coordinator.messages import channels, jobs, queries, services
from coordinator.messages.models import Delivery, DeliveryState, Message
from tests.factories import make_user, sign_in

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session


class Outbox(list):
    """Stands in for the mail server of `channels.send_email`."""

    broken = False

    def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        if self.broken:
            raise smtplib.SMTPServerDisconnected("gone")
        self.append({"to": to, "subject": subject, "text": text, "id": message_id})


@pytest.fixture
def outbox(app: "Flask", monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """A configured mail server that keeps what it is given."""
    settings = dataclasses.replace(app.extensions["settings"], smtp_url="smtp://127.0.0.1:25")
    monkeypatch.setitem(app.extensions, "settings", settings)
    outbox = Outbox()
    monkeypatch.setattr(channels, "send_email", outbox.send)
    return outbox


def deliveries(session: Any) -> list[Delivery]:
    return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def test_the_same_event_tells_each_person_once(db_session: "scoped_session[Session]") -> None:
    one, two = make_user(), make_user()
    assert services.notify([one], "计划已批准", "明天 3 户", "/", dedupe_key="plan:1") == 1
    assert services.notify([one, two.id, two], "计划已批准", "明天 3 户", "/", dedupe_key="plan:1") == 1
    assert services.notify([], "没有人", "", dedupe_key="plan:1") == 0
    assert db_session.scalar(select(func.count()).select_from(Message)) == 2
    assert db_session.scalar(select(func.count()).select_from(Delivery)) == 0, "no mail server is set"


def test_mails_are_owed_only_to_people_with_an_address(
    db_session: "scoped_session[Session]", outbox: Outbox
) -> None:
    reachable, silent = make_user(email="a@example.org"), make_user()
    gone = make_user(email="b@example.org", is_active=False)
    services.notify([reachable, silent, gone], "一条消息", "", dedupe_key="x")
    owed = deliveries(db_session)
    assert len(owed) == 1
    assert db_session.get(Message, owed[0].message_id).user_id == reachable.id
    assert db_session.scalars(select(OwedJob.payload)).all() == [{"delivery_id": owed[0].id}]


def test_a_mail_goes_out_once_though_its_job_runs_twice(
    db_session: "scoped_session[Session]", outbox: Outbox
) -> None:
    user = make_user(email="a@example.org")
    services.notify([user], "计划已批准", "王素珍 9:00", "/day", dedupe_key="x")
    (delivery,) = deliveries(db_session)
    jobs.send_email(delivery.id)
    jobs.send_email(delivery.id)
    assert len(outbox) == 1
    assert outbox[0]["to"] == "a@example.org"
    assert "计划已批准" in outbox[0]["subject"]
    assert "王素珍" not in outbox[0]["text"], "what is in the body stays in the house"
    assert delivery.state is DeliveryState.SENT
    assert delivery.attempts == 1


def test_within_an_hour_the_next_ones_gather_into_one_mail(
    db_session: "scoped_session[Session]", outbox: Outbox, freeze: Any
) -> None:
    start = clock.now()
    freeze(start)
    user = make_user(email="a@example.org")
    services.notify([user], "第一条", "", dedupe_key="1")
    jobs.send_email(deliveries(db_session)[0].id)
    freeze(start + timedelta(minutes=10))
    services.notify([user], "第二条", "", dedupe_key="2")
    services.notify([user], "第三条", "", dedupe_key="3")
    second, third = deliveries(db_session)[1:]
    jobs.send_email(second.id)
    jobs.send_email(third.id)
    assert len(outbox) == 1
    later = db_session.scalars(select(OwedJob.run_after).where(OwedJob.key.contains("@"))).all()
    # The rest of the hour, by the machine's time: the queue does not stand still with the clock.
    expected = clock.machine_now() + timedelta(minutes=50)
    assert len(later) == 2
    assert all(abs(moment - expected) < timedelta(minutes=2) for moment in later)
    freeze(start + timedelta(hours=1))
    jobs.send_email(second.id)
    jobs.send_email(third.id)
    assert len(outbox) == 2
    assert "第二条" in outbox[1]["text"]
    assert "第三条" in outbox[1]["text"]


def test_a_dead_mail_server_is_tried_again_and_then_given_up(
    db_session: "scoped_session[Session]", outbox: Outbox
) -> None:
    services.notify([make_user(email="a@example.org")], "一条消息", "", dedupe_key="x")
    (delivery,) = deliveries(db_session)
    outbox.broken = True
    for attempt in range(1, jobs.MAX_ATTEMPTS + 1):
        with pytest.raises(smtplib.SMTPException):
            jobs.send_email(delivery.id)
        assert delivery.attempts == attempt
    assert delivery.state is DeliveryState.FAILED
    outbox.broken = False
    jobs.send_email(delivery.id)
    assert not outbox


def test_only_ones_own_messages_can_be_read(db_session: "scoped_session[Session]") -> None:
    owner, other = make_user(), make_user()
    services.notify([owner], "给您的", "", dedupe_key="x")
    message = db_session.scalar(select(Message))
    with pytest.raises(NotFound):
        services.open_message(Actor(user_id=other.id, name="别人"), message.id)
    assert message.read_at is None
    assert services.read_all(Actor(user_id=other.id, name="别人")) == 0
    services.open_message(Actor(user_id=owner.id, name="本人"), message.id)
    assert message.read_at is not None


def test_the_inbox_shows_opens_and_pages(
    client: "FlaskClient", db_session: "scoped_session[Session]"
) -> None:
    user = make_user()
    for number in range(queries.PAGE + 2):
        services.notify([user], f"消息第{number}号", "正文", "/messages/", dedupe_key=str(number))
    sign_in(client, user)
    page = client.get("/messages/").get_data(as_text=True)
    assert "消息第31号" in page
    assert "消息第1号" not in page
    newest = db_session.scalar(select(Message).order_by(Message.id.desc()).limit(1))
    oldest_shown = newest.id - queries.PAGE + 1
    older = client.get(f"/messages/?before={oldest_shown}").get_data(as_text=True)
    assert "消息第1号" in older
    assert "消息第31号" not in older
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    answer = client.post(f"/messages/{newest.id}/open", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/messages/")
    assert newest.read_at is not None
    client.post("/messages/read", data={"csrf_token": token})
    left = select(func.count()).select_from(Message).where(Message.read_at.is_(None))
    assert db_session.scalar(left) == 0


def test_a_link_never_leads_out_of_the_site(
    client: "FlaskClient", db_session: "scoped_session[Session]"
) -> None:
    user = make_user()
    services.notify([user], "消息", "", "/messages/", dedupe_key="x")
    db_session.execute(update(Message).values(link="https://example.org/"))
    sign_in(client, user)
    page = client.get("/messages/").get_data(as_text=True)
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    message_id = db_session.scalar(select(Message.id))
    answer = client.post(f"/messages/{message_id}/open", data={"csrf_token": token})
    assert answer.location == "/messages/"
