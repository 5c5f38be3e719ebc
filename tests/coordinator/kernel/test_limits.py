"""Rate limits on a real Redis, and what happens when it is away."""

import dataclasses
import time
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from coordinator.kernel import limits
from coordinator.kernel.errors import TooMany, Unavailable
from coordinator.kernel.limits import SignInGuard, limit, wait_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask


@pytest.fixture
def limited(app: "Flask", redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Flask]":
    """The application with its limits on."""
    settings = dataclasses.replace(app.extensions["settings"], rate_limits=True)
    monkeypatch.setitem(app.extensions, "settings", settings)
    with app.test_request_context():
        yield app
    redis_server.flushall()


@pytest.fixture
def without_redis(limited: "Flask", monkeypatch: pytest.MonkeyPatch) -> "Iterator[None]":
    """The limits on, and nobody at the other end."""
    retry = limited.extensions["redis"].get_retry()
    dead = Redis(unix_socket_path="/nonexistent/redis.sock", retry=retry)
    monkeypatch.setitem(limited.extensions, "redis", dead)
    limited.extensions.pop("limiter", None)
    yield
    limited.extensions.pop("limiter", None)


def test_the_eleventh_in_a_minute_is_refused_with_the_time_to_wait(limited: "Flask") -> None:
    for _ in range(10):
        limit("claim:1", "10/minute")
    with pytest.raises(TooMany) as refusal:
        limit("claim:1", "10/minute")
    assert 1 <= refusal.value.retry_after <= 60
    assert str(refusal.value.retry_after) in refusal.value.remedy
    limit("claim:2", "10/minute")


def test_nothing_is_counted_when_limits_are_off(app: "Flask") -> None:
    with app.test_request_context():
        for _ in range(5):
            limit("export:1", "1/hour")


def test_without_redis_work_goes_on_and_at_once(without_redis: None) -> None:
    begun = time.monotonic()
    limit("claim:1", "1/minute")
    limit("claim:1", "1/minute")
    assert time.monotonic() - begun < 2


def test_without_redis_nobody_signs_in(without_redis: None) -> None:
    with pytest.raises(Unavailable) as refusal:
        SignInGuard("somebody", "127.0.0.1").begin()
    assert "登录" in refusal.value.message


def test_five_wrong_passwords_close_the_account_from_every_address(
    limited: "Flask", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAUSES", {})
    for number in range(5):
        guard = SignInGuard("li.na", f"10.0.0.{number}")
        guard.begin()
        guard.failed()
    with pytest.raises(TooMany) as refusal:
        SignInGuard(" LI.NA ", "10.0.0.9").begin()
    assert 14 * 60 < refusal.value.retry_after <= 15 * 60
    SignInGuard("wang.fang", "10.0.0.0").begin()


def test_pauses_between_wrong_tries_grow(limited: "Flask") -> None:
    waits = []
    for _ in range(4):
        guard = SignInGuard("li.na", "10.0.0.1")
        guard.begin()
        guard.failed()
        waits.append(max(0, limited.extensions["redis"].ttl(guard._pause_key)))
        if waits[-1]:
            with pytest.raises(TooMany):
                SignInGuard("li.na", "10.0.0.2").begin()
            limited.extensions["redis"].delete(guard._pause_key)  # as if the pause were over
    assert waits[:2] == [0, 0]
    assert 0 < waits[2] < waits[3]


def test_a_right_password_forgets_the_wrong_ones(limited: "Flask") -> None:
    for _ in range(2):
        guard = SignInGuard("li.na", "10.0.0.1")
        guard.begin()
        guard.failed()
    guard = SignInGuard("li.na", "10.0.0.1")
    guard.begin()
    guard.succeeded()
    for _ in range(5):
        SignInGuard("li.na", "10.0.0.1").begin()


def test_thirty_wrong_passwords_close_the_address_for_all_accounts(limited: "Flask") -> None:
    for number in range(30):
        guard = SignInGuard(f"user{number}", "10.0.0.1")
        guard.begin()
        guard.failed()
    with pytest.raises(TooMany):
        SignInGuard("somebody", "10.0.0.1").begin()
    SignInGuard("somebody", "10.0.0.2").begin()


def test_right_passwords_do_not_use_up_a_shared_address(limited: "Flask") -> None:
    for number in range(40):
        guard = SignInGuard(f"student{number}", "10.0.0.1")
        guard.begin()
        guard.succeeded()


def test_waits_are_told_in_seconds_then_minutes(limited: "Flask") -> None:
    assert "40 秒" in wait_text(40)
    assert "12 分钟" in wait_text(11 * 60 + 1)
