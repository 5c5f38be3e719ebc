"""The second factor: who must have it, setting it up, signing in with it, replay, recovery codes, losing it."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from coordinator.accounts import second_factor, services
from coordinator.accounts.models import User
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from tests.coordinator.accounts.conftest import Send
from tests.factories import PASSWORD, make_user, sign_in

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = 1_774_314_000  # 2026-03-24 01:00 UTC, the beginning of a step
# RFC 6238, appendix B: ASCII secret 12345678901234567890, SHA-1, the last six of the eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`at(seconds)` sets the real clock the codes are read against, counted from NOW."""

    def at(seconds: int) -> None:
        monkeypatch.setattr(time, "time", lambda: NOW + seconds)

    at(0)
    return at


def code(seconds: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(NOW + seconds)


def with_authenticator(role: Role = Role.STREET_COORDINATOR, **over: Any) -> User:
    return make_user(role, totp_secret=SECRET, totp_confirmed_at=clock.now(), **over)


def is_in(client: "FlaskClient") -> bool:
    return client.get("/accounts/me").status_code == 200


@pytest.mark.parametrize(("moment", "digits"), RFC_CODES.items())
def test_codes_are_those_of_the_standard(monkeypatch: pytest.MonkeyPatch, moment: int, digits: str) -> None:
    monkeypatch.setattr(time, "time", lambda: moment)
    assert second_factor.matching_step(RFC_SECRET, digits) == moment // 30


def test_a_step_early_or_late_is_taken_two_are_not(at: Any) -> None:
    steps = {offset: second_factor.matching_step(SECRET, code(offset)) for offset in (-60, -30, 0, 30, 60)}
    assert steps == {-60: None, -30: NOW // 30 - 1, 0: NOW // 30, 30: NOW // 30 + 1, 60: None}
    assert second_factor.matching_step(SECRET, f" {code()[:3]} {code()[3:]} ") == NOW // 30
    assert second_factor.matching_step(SECRET, "") is None
    assert second_factor.matching_step(SECRET, "１２３４５６") is None


@pytest.mark.usefixtures("with_second_factor")
@pytest.mark.parametrize(
    ("role", "must"),
    [
        (Role.ADMINISTRATOR, True),
        (Role.CITY_SUPERVISOR, True),
        (Role.COUNTY_SUPERVISOR, True),
        (Role.STREET_COORDINATOR, True),
        (Role.COMMUNITY_COORDINATOR, True),
        (Role.ORGANISATION_MANAGER, False),
        (Role.SCHOOL_VERIFIER, False),
        (Role.WORKER, False),
    ],
)
def test_who_must_set_it_up_first(client: "FlaskClient", role: Role, must: bool) -> None:
    sign_in(client, make_user(role))
    answer = client.get("/accounts/me")
    assert (answer.location == "/accounts/second-factor") is must
    assert (answer.status_code == 200) is not must


@pytest.mark.usefixtures("with_second_factor")
def test_setting_it_up_then_signing_in_with_it(
    client: "FlaskClient", app: "Flask", send: Send, enter: Send, at: Any
) -> None:
    user = make_user()
    sign_in(client, user)
    page = client.get("/accounts/second-factor").text
    assert user.totp_secret is not None
    assert user.totp_secret[:4] in page
    assert client.get("/accounts/second-factor").text.count(user.totp_secret[:4]) == 1, (
        "the same secret again"
    )
    wrong = send(client, "/accounts/second-factor", code="000000")
    assert wrong.status_code == 422
    assert user.totp_confirmed_at is None
    totp = pyotp.TOTP(user.totp_secret)
    done = send(client, "/accounts/second-factor", code=totp.at(NOW))
    codes = re.findall(r'<li class="num">([a-z0-9-]+)</li>', done.text)
    assert len(codes) == len(set(codes)) == 8
    assert all(one not in str(user.recovery_codes) for one in codes), "only hashes are kept"
    assert is_in(client)

    fresh = app.test_client()
    answer = enter(fresh, user, next="/messages/")
    assert answer.location == "/accounts/sign-in/code?next=/messages/"
    assert not is_in(fresh), "the password alone opens nothing"
    replayed = send(fresh, answer.location, code=totp.at(NOW))
    assert replayed.status_code == 422, "the code that set it up is used up"
    at(30)
    entered = send(fresh, answer.location, code=totp.at(NOW + 30))
    assert (entered.status_code, entered.location) == (303, "/messages/")
    assert is_in(fresh)


def test_a_code_is_good_once(app: "Flask", client: "FlaskClient", enter: Send, send: Send, at: Any) -> None:
    """ASVS 6.5.1: read over a shoulder it opens nothing more, in this browser or another."""
    user = with_authenticator()
    enter(client, user)
    assert send(client, "/accounts/sign-in/code", code=code()).status_code == 303
    other = app.test_client()
    enter(other, user)
    assert send(other, "/accounts/sign-in/code", code=code()).status_code == 422
    assert send(other, "/accounts/sign-in/code", code=code(-30)).status_code == 422, "an older one neither"
    assert not is_in(other)
    assert send(other, "/accounts/sign-in/code", code=code(30)).status_code == 303


def test_it_is_asked_for_though_no_role_demands_it(client: "FlaskClient", enter: Send) -> None:
    assert enter(client, with_authenticator(Role.WORKER)).location == "/accounts/sign-in/code"


def test_the_wait_for_the_code_ends_after_five_minutes_and_with_the_password(
    client: "FlaskClient", enter: Send, send: Send, freeze: Any, at: Any
) -> None:
    start = datetime(2026, 3, 24, 1, 0, tzinfo=UTC)
    freeze(start)
    user = with_authenticator()
    enter(client, user)
    freeze(start + timedelta(minutes=5, seconds=1))
    answer = send(client, "/accounts/sign-in/code", code=code())
    assert answer.location == "/accounts/sign-in"
    enter(client, user)
    user.password_changed_at = clock.now() + timedelta(seconds=1)
    assert send(client, "/accounts/sign-in/code", code=code()).location == "/accounts/sign-in"
    assert not is_in(client)


def test_the_code_page_is_nothing_without_the_password(client: "FlaskClient", send: Send) -> None:
    with_authenticator()
    assert client.get("/accounts/sign-in/code").location == "/accounts/sign-in"
    assert send(client, "/accounts/sign-in/code", code="123456").location == "/accounts/sign-in"


@pytest.mark.usefixtures("with_limits")
def test_codes_cannot_be_guessed(
    client: "FlaskClient", enter: Send, send: Send, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.kernel.limits.PAUSES", {})
    enter(client, with_authenticator())
    for guess in range(5):
        send(client, "/accounts/sign-in/code", code=f"{guess:06}")
    answer = send(client, "/accounts/sign-in/code", code=code())
    assert answer.status_code == 429
    assert not is_in(client)


def test_a_recovery_code_is_good_once(
    app: "Flask", client: "FlaskClient", enter: Send, send: Send, at: Any
) -> None:
    user = with_authenticator()
    codes = second_factor.make_recovery_codes()
    user.recovery_codes = [second_factor.recovery_hash(one) for one in codes]
    enter(client, user)
    assert send(client, "/accounts/sign-in/code", code=codes[3].upper()).status_code == 303
    assert len(user.recovery_codes) == 7
    other = app.test_client()
    enter(other, user)
    assert send(other, "/accounts/sign-in/code", code=codes[3]).status_code == 422
    assert send(other, "/accounts/sign-in/code", code=codes[4].replace("-", " ")).status_code == 303


def test_setting_it_up_ends_the_other_devices(
    app: "Flask", client: "FlaskClient", send: Send, at: Any
) -> None:
    user = make_user()
    other = app.test_client()
    sign_in(other, user)
    sign_in(client, user)
    client.get("/accounts/second-factor")
    send(client, "/accounts/second-factor", code=pyotp.TOTP(user.totp_secret or "").at(NOW))
    assert is_in(client)
    assert not is_in(other)


def test_switching_it_off_needs_the_password(client: "FlaskClient", send: Send) -> None:
    user = with_authenticator()
    sign_in(client, user)
    assert send(client, "/accounts/second-factor/remove", password="wrong-one").status_code == 422
    assert user.totp_secret is not None
    assert send(client, "/accounts/second-factor/remove", password=PASSWORD).status_code == 303
    assert (user.totp_secret, user.totp_confirmed_at, user.recovery_codes) == (None, None, [])


def test_whoever_has_no_authenticator_uses_no_code(client: "FlaskClient", at: Any) -> None:
    assert not services.use_code(make_user(), "")
    assert not services.use_code(make_user(), code())
