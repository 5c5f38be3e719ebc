"""One event tells a person once; the inbox shows only one's own messages."""

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.messages import queries, services
from coordinator.messages.models import Delivery, Message
from tests.factories import make_user, sign_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session


def test_the_same_event_tells_each_person_once(db_session: "scoped_session[Session]") -> None:
    one, two = make_user(email="a@example.org"), make_user()
    assert services.notify([one], "计划已批准", "明天 3 户", "/", dedupe_key="plan:1") == 1
    assert services.notify([one, two.id, two], "计划已批准", "明天 3 户", "/", dedupe_key="plan:1") == 1
    assert services.notify([], "没有人", "", dedupe_key="plan:1") == 0
    assert db_session.scalar(select(func.count()).select_from(Message)) == 2
    assert db_session.scalar(select(func.count()).select_from(Delivery)) == 0, "no mail server is set"


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
