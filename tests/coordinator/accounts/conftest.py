"""What the tests of accounts share."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import PASSWORD, csrf_token

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from redis import Redis
    from werkzeug.test import TestResponse

Send = Callable[..., "TestResponse"]


@pytest.fixture
def send() -> Send:
    """`send(client, path, **fields)` posts a form with its token."""

    def send(client: "FlaskClient", path: str, /, **fields: Any) -> "TestResponse":
        headers = fields.pop("headers", None)
        return client.post(path, data=fields | {"csrf_token": csrf_token(client)}, headers=headers)

    return send


@pytest.fixture
def enter(send: Send) -> Send:
    """`enter(client, user, password=…, next=…)` signs in through the form."""

    def enter(client: "FlaskClient", user: Any, password: str = PASSWORD, next: str = "") -> "TestResponse":
        path = "/accounts/sign-in" + (f"?next={next}" if next else "")
        username = user if isinstance(user, str) else user.username
        return send(client, path, username=username, password=password)

    return enter


@pytest.fixture
def with_second_factor(app: "Flask", monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles that need a second factor need it."""
    settings = dataclasses.replace(app.extensions["settings"], second_factor=True)
    monkeypatch.setitem(app.extensions, "settings", settings)


@pytest.fixture
def with_limits(app: "Flask", redis_server: "Redis", monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rate limits are on."""
    settings = dataclasses.replace(app.extensions["settings"], rate_limits=True)
    monkeypatch.setitem(app.extensions, "settings", settings)
    yield
    redis_server.flushall()
