"""「消息怎么通知我」, without scripts."""

import re
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.kernel.access import Role
from coordinator.messages.hours import Wish
from coordinator.messages.models import SmsWish
from coordinator.messages.queries import wishes_of
from tests.factories import csrf_token, make_user, sign_in

if TYPE_CHECKING:
    from flask.testing import FlaskClient

FIELDS = {
    "email": "y",
    "digest": "y",
    "digest_at": "18:00",
    "sms": "all",
    "quiet_from": "22:00",
    "quiet_to": "06:30",
    "hour_reminder": "y",
}


@pytest.fixture
def person(client: "FlaskClient") -> int:
    user = make_user(Role.WORKER, email="zhou@example.org")
    sign_in(client, user)
    return user.id


def post(client: "FlaskClient", **over: Any) -> Any:
    given = {name: value for name, value in (FIELDS | over).items() if value is not None}
    return client.post("/messages/how", data=given | {"csrf_token": csrf_token(client)})


def test_the_defaults_are_shown(client: "FlaskClient", person: int) -> None:
    page = client.get("/messages/how").text
    assert re.search(r'<option selected value="21:00">', page)
    assert re.search(r'<option selected value="07:30">', page)
    assert "没有开通邮件" in page


def test_it_is_kept(client: "FlaskClient", person: int) -> None:
    assert post(client).status_code == 303
    assert wishes_of([person])[person] == Wish(
        digest=True,
        digest_at=time(18),
        sms=SmsWish.ALL,
        quiet_from=time(22),
        quiet_to=time(6, 30),
        evening_reminder=False,
    )
    assert re.search(r'<option selected value="22:00">', client.get("/messages/how").text)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"quiet_from": "07:00"}, "安静时间太长了"),
        ({"digest_at": "23:00"}, "不能在安静时间里"),
        ({"quiet_from": "25:00"}, "tf-err"),
        ({"sms": "everything"}, "tf-err"),
    ],
)
def test_what_cannot_be(over: dict[str, str], words: str, client: "FlaskClient", person: int) -> None:
    answer = post(client, **over)
    assert answer.status_code == 422
    assert words in answer.text
    assert wishes_of([person])[person] == Wish()
