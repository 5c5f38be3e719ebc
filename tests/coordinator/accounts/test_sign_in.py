"""Signing in and out through the form, and what happens to requests nobody is signed in for."""

import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from sqlalchemy import select

from coordinator.accounts import passwords
from coordinator.accounts.models import User, UserSession
from coordinator.kernel.audit import AuditEntry
from tests.coordinator.accounts.conftest import Send
from tests.factories import PASSWORD, csrf_token, make_user, sign_in

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

WRONG = "用户名或密码不对"


def test_the_right_password_opens_the_landing_page(
    client: "FlaskClient", db_session: "scoped_session[Session]", enter: Send
) -> None:
    user = make_user()
    assert client.get("/").location == "/accounts/sign-in"
    answer = enter(client, user)
    assert (answer.status_code, answer.location) == (303, "/")
    assert user.name in client.get("/").text
    assert user.last_sign_in_at is not None
    assert (
        db_session.scalar(select(AuditEntry.action).where(AuditEntry.user_id == user.id)) == "session.start"
    )


def test_a_weak_old_hash_is_renewed(client: "FlaskClient", enter: Send) -> None:
    user = make_user()
    before = user.password_hash
    enter(client, user)
    assert user.password_hash != before
    assert "m=65536,t=3,p=1" in user.password_hash
    assert passwords.verify(user.password_hash, PASSWORD)


def test_user_names_are_taken_in_any_case_and_with_spaces(client: "FlaskClient", enter: Send) -> None:
    make_user(username="zhou.min")
    assert enter(client, "  Zhou.Min ").status_code == 303


def test_the_demo_says_what_it_is_and_where_its_sign_ins_lie(make_app: Any, tmp_path: Path) -> None:
    app = make_app(demo=True, data_dir=tmp_path)
    assert "还在载入" in app.test_client().get("/accounts/sign-in").text
    app.extensions["settings"].demo_state_file.write_text("ready\n")
    page = app.test_client().get("/accounts/sign-in").text
    assert "demo-accounts.json" in page
    assert "还在载入" not in page


def test_a_real_site_speaks_of_no_demo(client: "FlaskClient") -> None:
    assert "演示" not in client.get("/accounts/sign-in").text


def test_empty_fields_are_named_in_whole_sentences(client: "FlaskClient", enter: Send) -> None:
    page = enter(client, "", "").text
    assert page.count("请填写用户名。") == 2, "beside the field and in the summary"
    assert page.count("请填写密码。") == 2


@pytest.mark.parametrize("who", ["nobody", "known", "disabled"])
def test_the_same_words_for_every_refusal(client: "FlaskClient", enter: Send, who: str) -> None:
    user = make_user(is_active=who != "disabled")
    answer = enter(
        client, "nobody" if who == "nobody" else user, PASSWORD if who == "disabled" else "wrong-one"
    )
    assert answer.status_code == 422
    assert WRONG in answer.text
    assert "wrong-one" not in answer.text
    assert client.get("/").status_code == 303


def test_unknown_names_take_as_long_as_wrong_passwords(client: "FlaskClient", enter: Send) -> None:
    """At least half as long; a look-up without the hash would take a hundredth."""
    user = make_user(password_hash=passwords.hash_password(PASSWORD))
    enter(client, "nobody-warm")

    def seconds(name: str) -> float:
        begun = time.perf_counter()
        enter(client, name, "wrong-one")
        return time.perf_counter() - begun

    known = statistics.median(seconds(user.username) for _ in range(3))
    unknown = statistics.median(seconds("nobody") for _ in range(3))
    assert known / 2 < unknown < known * 2


def test_signing_in_changes_the_token_and_the_form_token(client: "FlaskClient", enter: Send) -> None:
    """ASVS 7.2.4: nothing a stranger may have planted in the cookie survives."""
    client.get("/accounts/sign-in")
    with client.session_transaction() as cookie:
        cookie["planted"] = "x"
        planted = cookie.get("csrf_token")
    user = make_user()
    enter(client, user)
    with client.session_transaction() as cookie:
        first = cookie["_user_id"]
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != planted or planted is None
    enter(client, user)
    with client.session_transaction() as cookie:
        assert cookie["_user_id"] != first


def test_the_cookie_names_neither_person_nor_role(
    client: "FlaskClient", db_session: "scoped_session[Session]", enter: Send
) -> None:
    user = make_user()
    enter(client, user)
    with client.session_transaction() as cookie:
        token = cookie["_user_id"]
        assert user.username not in str(dict(cookie))
    stored = db_session.scalar(select(UserSession.token_hash).where(UserSession.user_id == user.id))
    assert token.encode() not in stored
    assert len(stored) == 32


@pytest.mark.parametrize(
    ("wanted", "lands"),
    [
        ("/accounts/me", "/accounts/me"),
        ("/due%3Fstatus=overdue", "/due?status=overdue"),
        ("//example.org/", "/"),
        ("https://example.org/", "/"),
        ("/%5Cexample.org", "/"),
        ("/%09/example.org", "/"),
        ("javascript:alert(1)", "/"),
        ("/accounts/sign-in", "/"),
        ("http://localhost/accounts/me", "/accounts/me"),
    ],
)
def test_next_leads_to_pages_of_this_site_only(
    client: "FlaskClient", enter: Send, wanted: str, lands: str
) -> None:
    assert enter(client, make_user(), next=wanted).location == lands


def test_a_page_asked_for_without_a_session_is_opened_after_signing_in(
    client: "FlaskClient", enter: Send
) -> None:
    answer = client.get("/accounts/me?x=1")
    assert answer.location == "/accounts/sign-in?next=/accounts/me?x%3D1"
    assert 'autocomplete="current-password"' in client.get(answer.location).text


def test_programs_get_401_and_fragments_a_redirect_of_the_page(client: "FlaskClient") -> None:
    as_json = client.get("/accounts/me", headers={"Accept": "application/json"})
    assert as_json.status_code == 401
    assert as_json.json["error"]["status"] == 401
    fragment = client.get(
        "/accounts/me", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/due?x=1"}
    )
    assert fragment.status_code == 401
    assert fragment.headers["HX-Redirect"] == "/accounts/sign-in?next=/due?x%3D1"


def test_a_form_sent_after_the_session_ended_is_kept_through_the_sign_in(
    client: "FlaskClient", enter: Send
) -> None:
    user = make_user(name="原来的名字")
    page = client.post(
        "/accounts/me", data={"name": "改好的名字", "email": "a@example.org", "csrf_token": "x"}
    )
    assert page.status_code == 401
    assert "改好的名字" in page.text
    kept = dict(re.findall(r'type="hidden" name="(kept[^"]*)" value="([^"]*)"', page.text))
    assert kept == {"kept_target": "/accounts/me", "kept.name": "改好的名字", "kept.email": "a@example.org"}
    form = kept | {"username": user.username, "password": "wrong-one", "csrf_token": csrf_token(client)}
    again = client.post("/accounts/sign-in", data=form)
    assert "改好的名字" in again.text, "a wrong password does not lose it"
    offered = client.post("/accounts/sign-in", data=form | {"password": PASSWORD})
    assert offered.status_code == 200
    fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', offered.text))
    assert 'action="/accounts/me"' in offered.text
    assert client.post("/accounts/me", data=fields).status_code == 303
    assert (user.name, user.email) == ("改好的名字", "a@example.org")


def test_a_form_of_another_site_is_not_kept(client: "FlaskClient") -> None:
    answer = client.post(
        "/accounts/me", data={"name": "外来的名字"}, headers={"Origin": "https://example.org"}
    )
    assert answer.status_code == 403
    assert "外来的名字" not in answer.text


def test_signing_out_kills_the_cookie_for_good(client: "FlaskClient", send: Send) -> None:
    """ASVS 7.4.1: the old cookie, kept by somebody, opens nothing."""
    sign_in(client, make_user())
    kept = client.get_cookie("tanfang")
    answer = send(client, "/accounts/sign-out")
    assert (answer.status_code, answer.location) == (303, "/accounts/sign-in")
    assert "storage" in answer.headers["Clear-Site-Data"]
    client.set_cookie("tanfang", kept.value)
    assert client.get("/").status_code == 303


def test_signing_out_needs_a_post_with_token(client: "FlaskClient") -> None:
    sign_in(client, make_user())
    assert client.get("/accounts/sign-out").status_code == 405
    client.post("/accounts/sign-out", headers={"Origin": "https://example.org"})
    assert client.get("/accounts/me").status_code == 200


@pytest.mark.usefixtures("with_limits")
def test_five_wrong_passwords_then_wait_even_with_the_right_one(
    app: "Flask", client: "FlaskClient", enter: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.kernel.limits.PAUSES", {})
    user = make_user()
    for _ in range(5):
        assert enter(client, user, "wrong-one").status_code == 422
    refused = enter(client, user)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "分钟再试" in refused.text
    assert user.username in refused.text, "what was typed stays"
    assert enter(client, make_user()).status_code == 303, "others sign in meanwhile"


@pytest.mark.usefixtures("with_limits")
def test_without_the_counter_nobody_signs_in_but_the_signed_in_go_on(
    app: "Flask", client: "FlaskClient", enter: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, make_user())
    monkeypatch.setitem(app.extensions, "redis", Redis(unix_socket_path="/nonexistent", retry=None))
    monkeypatch.delitem(app.extensions, "limiter", raising=False)
    stranger = app.test_client()
    answer = enter(stranger, make_user())
    assert answer.status_code == 503
    assert "暂时不能登录" in answer.text
    assert client.get("/accounts/me").status_code == 200
    app.extensions.pop("limiter", None)


def test_one_query_before_the_view(client: "FlaskClient", db_session: "scoped_session[Session]") -> None:
    from sqlalchemy import event

    user = make_user()
    sign_in(client, user)
    statements: list[str] = []
    engine = db_session.connection().engine

    def note(_c: object, _cur: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        client.get("/accounts/sign-in")  # public: only the actor is looked up
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 1, statements


def test_disabled_people_are_unknown_everywhere(
    client: "FlaskClient", db_session: "scoped_session[Session]"
) -> None:
    user = make_user()
    sign_in(client, user)
    db_session.get(User, user.id).is_active = False
    assert client.get("/accounts/me").status_code == 303
