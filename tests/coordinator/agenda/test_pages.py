"""The pages of notices, groups and calendars."""

import re
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from coordinator.accounts.models import User
from coordinator.messages.models import Channel, GroupRobot, Message, Parcel, ParcelState, Problem
from tests.coordinator.agenda.conftest import RARE, World
from tests.factories import csrf_token, sign_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient

KEY = "693a91f6-7000-4bc4-97a0-0ec2d1fa5aaa"


def enter(client: "FlaskClient", actor: Any, session: Any) -> None:
    sign_in(client, session.get(User, actor.user_id))


def post(client: "FlaskClient", path: str, **fields: str) -> Any:
    return client.post(path, data=fields | {"csrf_token": csrf_token(client)})


def test_tell_everybody(world: World, client: "FlaskClient", db_session: Any) -> None:
    world.visit(1, time(9), world.worker)
    world.visit(2, time(9), world.other)
    enter(client, world.coordinator, db_session)
    page = client.get("/agenda/").text
    assert "通知 1 人" in page
    assert f"周{RARE}" in page
    assert "没有账号，请打电话" in page
    answer = post(client, "/agenda/tell")
    assert answer.status_code == 303
    page = client.get("/agenda/").text
    assert "已通知 1 人" in page
    assert "没有账号，请打电话告诉他们" in page
    assert "都通知过了" in page
    assert db_session.scalar(select(Message.title)) == "有 1 次新的探访安排给您"


def url_for_worker(worker_id: int) -> str:
    return f'/{worker_id}">'


def test_who_was_not_reached(world: World, client: "FlaskClient", db_session: Any) -> None:
    parcel = Parcel(
        channel=Channel.SMS,
        user_id=world.user.id,
        token="t1",
        content={"kind": "notice", "value": "示例"},
        state=ParcelState.FAILED,
        problem=Problem.ADDRESS,
    )
    db_session.add(parcel)
    db_session.flush()
    enter(client, world.coordinator, db_session)
    page = client.get("/agenda/").text
    assert world.user.name in page
    assert "地址或号码不对" in page
    assert url_for_worker(world.worker.id) in page
    assert post(client, f"/agenda/parcels/{parcel.id}/again").status_code == 303
    db_session.refresh(parcel)
    assert parcel.state is ParcelState.WAITING
    assert post(client, f"/agenda/parcels/{parcel.id}/close").status_code == 409


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}", 303),
        ("https://evil.example/cgi-bin/webhook/send?key=" + KEY, 422),
        ("随便写写", 422),
        ("", 422),
    ],
)
def test_a_group(address: str, status: int, world: World, client: "FlaskClient", db_session: Any) -> None:
    enter(client, world.coordinator, db_session)
    answer = post(
        client, "/agenda/robots", area=str(world.tree.community.id), name=f"群{RARE}😀", address=address
    )
    assert answer.status_code == status
    robots = db_session.scalars(select(GroupRobot)).all()
    assert len(robots) == (1 if status == 303 else 0)
    if robots:
        page = client.get("/agenda/robots").text
        assert f"群{RARE}😀" in page
        assert KEY not in page, "who sees the page need not know the secret"
        for _twice in range(2):
            post(client, f"/agenda/robots/{robots[0].id}/try")
        assert len(db_session.scalars(select(Parcel)).all()) <= 2
        post(client, f"/agenda/robots/{robots[0].id}/stop")
        db_session.refresh(robots[0])
        assert robots[0].stopped_at is not None


def test_another_street_s_area_is_no_choice(world: World, client: "FlaskClient", db_session: Any) -> None:
    enter(client, world.coordinator, db_session)
    answer = post(client, "/agenda/robots", area=str(world.tree.outside.id), name="群", address=KEY)
    assert answer.status_code == 422
    assert not db_session.scalars(select(GroupRobot)).all()


def test_an_address_is_shown_once(world: World, client: "FlaskClient", db_session: Any) -> None:
    enter(client, world.me, db_session)
    answer = post(client, "/agenda/feeds", what="own")
    assert answer.status_code == 200
    (address,) = set(re.findall(r"https?://[^\s<]+/agenda/feeds/[\w-]+\.ics", answer.text))
    assert "webcal://" + address.partition("://")[2] in answer.text
    assert "data:image/svg+xml;base64," in answer.text
    assert client.get("/agenda/feeds/" + address.rpartition("/")[2]).status_code == 200
    page = client.get("/agenda/feeds").text
    assert address not in page
    feed_id = re.search(r"/agenda/feeds/(\d+)/revoke", page)
    assert feed_id is not None
    assert post(client, f"/agenda/feeds/{feed_id[1]}/revoke").status_code == 303
    assert client.get("/agenda/feeds/" + address.rpartition("/")[2]).status_code == 404


@pytest.mark.parametrize("what", ["area-1", "organisation-1", "own-5", "x", ""])
def test_only_what_is_offered(what: str, world: World, client: "FlaskClient", db_session: Any) -> None:
    enter(client, world.me, db_session)
    assert post(client, "/agenda/feeds", what=what).status_code == 422
