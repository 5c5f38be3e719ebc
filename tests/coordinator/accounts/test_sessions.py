"""When a session ends: ASVS 7.3.1, 7.3.2, 7.4.1 to 7.4.3, 7.4.5; trust goal 13."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from coordinator.accounts import services
from coordinator.accounts.models import User, UserSession
from coordinator.accounts.services import NewRole
from coordinator.kernel.access import SYSTEM, Role
from tests.coordinator.accounts.conftest import Send
from tests.factories import PASSWORD, make_area_tree, make_user, sign_in

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

START = datetime(2026, 3, 24, 1, 0, tzinfo=UTC)
NEW = "河边第七盏灯-亮了"


def is_in(client: "FlaskClient") -> bool:
    return client.get("/accounts/me").status_code == 200


def reasons(session: Any, user: User) -> list[str]:
    ended = select(UserSession.end_reason).where(
        UserSession.user_id == user.id, UserSession.ended_at.is_not(None)
    )
    return list(session.scalars(ended))


def other_device(app: "Flask", user: User) -> "FlaskClient":
    client = app.test_client()
    sign_in(client, user)
    return client


@pytest.mark.parametrize(
    ("role", "rests", "survives"),
    [
        (Role.STREET_COORDINATOR, timedelta(minutes=29), True),
        (Role.STREET_COORDINATOR, timedelta(minutes=31), False),
        (Role.SCHOOL_VERIFIER, timedelta(minutes=31), False),
        (Role.WORKER, timedelta(days=29), True),
        (Role.WORKER, timedelta(days=31), False),
    ],
)
def test_idle_sessions_end(
    client: "FlaskClient", enter: Send, freeze: Any, role: Role, rests: timedelta, survives: bool
) -> None:
    freeze(START)
    enter(client, make_user(role))
    assert is_in(client)
    freeze(START + rests)
    assert is_in(client) is survives
    freeze(START)
    assert is_in(client) is survives, "an ended session does not come back"


@pytest.mark.parametrize(
    ("role", "step", "ends_after"),
    [
        (Role.COMMUNITY_COORDINATOR, timedelta(minutes=25), timedelta(hours=12)),
        (Role.WORKER, timedelta(days=25), timedelta(days=90)),
    ],
)
def test_even_busy_sessions_end_at_the_absolute_limit(
    client: "FlaskClient", enter: Send, freeze: Any, role: Role, step: timedelta, ends_after: timedelta
) -> None:
    freeze(START)
    enter(client, make_user(role))
    moment = START
    while moment + step < START + ends_after:
        moment += step
        freeze(moment)
        assert is_in(client), moment - START
    freeze(START + ends_after)
    assert not is_in(client)


def test_a_worker_who_also_coordinates_has_the_short_limits(
    client: "FlaskClient", enter: Send, freeze: Any
) -> None:
    freeze(START)
    user = make_user(Role.WORKER)
    services.grant_role(SYSTEM, user, NewRole(Role.COMMUNITY_COORDINATOR, area=make_area_tree().community))
    enter(client, user)
    freeze(START + timedelta(minutes=31))
    assert not is_in(client)


def test_changing_the_password_ends_the_other_devices_only(
    app: "Flask", client: "FlaskClient", db_session: "scoped_session[Session]", send: Send
) -> None:
    user = make_user()
    sign_in(client, user)
    other = other_device(app, user)
    copied = client.get_cookie("tanfang").value
    answer = send(client, "/accounts/password", old=PASSWORD, password=NEW, again=NEW)
    assert answer.status_code == 303, answer.text
    assert is_in(client)
    assert not is_in(other)
    assert reasons(db_session, user) == ["password_changed"] * 2
    other.set_cookie("tanfang", copied)
    assert not is_in(other), "a copy of the cookie from before is dead, too"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"old": "wrong-one", "password": NEW, "again": NEW}, "现在的密码不对"),
        ({"old": PASSWORD, "password": NEW, "again": NEW + "x"}, "两次写的不一样"),
        ({"old": PASSWORD, "password": PASSWORD, "again": PASSWORD}, "和现在的一样"),
        ({"old": PASSWORD, "password": "短的", "again": "短的"}, "密码太短"),
        ({"old": PASSWORD, "password": "password1", "again": "password1"}, "太容易被猜到"),
    ],
)
def test_a_refused_new_password_changes_nothing(
    app: "Flask", client: "FlaskClient", send: Send, fields: dict[str, str], says: str
) -> None:
    user = make_user()
    sign_in(client, user)
    other = other_device(app, user)
    answer = send(client, "/accounts/password", **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert is_in(other)


@pytest.mark.usefixtures("with_limits")
def test_the_old_password_cannot_be_guessed_at_the_change_page(
    client: "FlaskClient", send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.kernel.limits.PAUSES", {})
    sign_in(client, make_user())
    for _ in range(5):
        send(client, "/accounts/password", old="wrong-one", password=NEW, again=NEW)
    answer = send(client, "/accounts/password", old=PASSWORD, password=NEW, again=NEW)
    assert "分钟再试" in answer.text


def test_disabling_throws_out_at_once(
    app: "Flask", client: "FlaskClient", db_session: "scoped_session[Session]"
) -> None:
    user = make_user()
    sign_in(client, user)
    assert is_in(client)
    services.disable_user(SYSTEM, user)
    assert not is_in(client)
    services.enable_user(SYSTEM, user)
    assert not is_in(client), "the old session stays ended"
    assert reasons(db_session, user) == ["disabled"]


def test_a_new_or_lost_role_ends_all_sessions(
    app: "Flask", client: "FlaskClient", db_session: "scoped_session[Session]"
) -> None:
    user = make_user(Role.COMMUNITY_COORDINATOR)
    sign_in(client, user)
    services.grant_role(SYSTEM, user, NewRole(Role.COMMUNITY_COORDINATOR, area=make_area_tree().community))
    assert not is_in(client)
    sign_in(client, user)
    services.revoke_role(SYSTEM, user, user.roles[0])
    assert not is_in(client)
    assert reasons(db_session, user) == ["role_changed", "role_changed"]


def test_a_reset_password_ends_all_sessions_and_must_be_changed(
    app: "Flask", client: "FlaskClient", enter: Send, send: Send
) -> None:
    user = make_user()
    sign_in(client, user)
    once = services.reset_password(SYSTEM, user)
    assert not is_in(client)
    assert enter(client, user).status_code == 422, "the old password is dead"
    assert enter(client, user, once).status_code == 303
    for path in ("/", "/accounts/me", "/messages/"):
        assert client.get(path).location == "/accounts/password"
    assert client.get("/", headers={"HX-Request": "1"}).headers["HX-Redirect"] == "/accounts/password"
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 403
    assert "一次性密码" in client.get("/accounts/password").text
    assert send(client, "/accounts/password", old=once, password=NEW, again=NEW).location == "/"
    assert client.get("/").status_code == 200


def test_my_sessions_can_be_ended_one_by_one_and_together(
    app: "Flask", client: "FlaskClient", db_session: "scoped_session[Session]", send: Send
) -> None:
    user, stranger = make_user(), make_user()
    sign_in(client, user)
    one, two, theirs = other_device(app, user), other_device(app, user), other_device(app, stranger)
    newest = db_session.scalars(
        select(UserSession.id).where(UserSession.user_id == user.id).order_by(UserSession.id.desc())
    ).all()
    assert send(client, f"/accounts/sessions/{newest[1]}/end").status_code == 303
    assert (is_in(one), is_in(two), is_in(client)) == (False, True, True)
    foreign = db_session.scalar(select(UserSession.id).where(UserSession.user_id == stranger.id))
    assert send(client, f"/accounts/sessions/{foreign}/end").status_code == 404
    send(client, "/accounts/sessions/end-others")
    assert (is_in(two), is_in(client), is_in(theirs)) == (False, True, True)


def test_a_forged_or_foreign_token_is_nobody(client: "FlaskClient") -> None:
    for token in ("", "x" * 43, "1", 7):
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
        assert not is_in(client)


def test_life_signs_are_written_once_a_minute(
    client: "FlaskClient", db_session: "scoped_session[Session]", freeze: Any
) -> None:
    freeze(START)
    user = make_user(Role.WORKER)
    sign_in(client, user)
    seen = select(UserSession.last_seen_at).where(UserSession.user_id == user.id)
    freeze(START + timedelta(seconds=59))
    assert is_in(client)
    assert db_session.scalar(seen) == START
    freeze(START + timedelta(seconds=60))
    assert is_in(client)
    assert db_session.scalar(seen) == START + timedelta(seconds=60)
