"""Somebody who joined by telephone sets a password, after a code to that telephone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from coordinator.accounts import passwords
from coordinator.accounts.models import User, UserSession
from coordinator.extensions import db
from coordinator.joining.models import CodePurpose, PhoneCode
from coordinator.joining.services.codes import send_phone_code
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.audit import AuditEntry
from coordinator.messages.models import Message
from tests.coordinator.joining.conftest import last_code
from tests.coordinator.joining.ways import PHONE, by_code, text_of, token_in
from tests.factories import make_area_tree, make_user, make_worker, sign_in

GOOD = "楼下的桂花树十月开"


@pytest.fixture
def person(db_session):
    """Somebody who joined by telephone: no password."""
    tree = make_area_tree()
    user = make_user(Role.WORKER)
    user.password_hash = passwords.NO_PASSWORD
    make_worker(tree.community, user_id=user.id, name="陈素芬", phone=PHONE)
    db.session.commit()
    return user.id


def ask(client):
    """The code is on its way; the page asks for it and the password."""
    page = text_of(client.get("/join/password"))
    assert "139****1111" in page
    return client.post("/join/password/code", data={"csrf_token": token_in(page)}, follow_redirects=True)


def give(client, page, **over):
    data = {"csrf_token": token_in(text_of(page)), "code": last_code(), "password": GOOD, "again": GOOD}
    return client.post("/join/password", data=data | over)


def test_a_first_password(app, client, person):
    sign_in(client, db.session.get_one(User, person))
    other = app.test_client()
    elsewhere = UserSession(user_id=person, token_hash=b"x" * 32, expires_at=clock.now() + timedelta(days=1))
    db.session.add(elsewhere)
    db.session.commit()
    assert "设置密码" in text_of(client.get("/accounts/me"))
    assert "/join/password" in text_of(client.get("/accounts/password"))

    page = ask(client)
    user = db.session.get_one(User, person)
    assert f'value="{user.username}"' in text_of(page)
    answer = give(client, page)
    assert answer.headers["Location"].endswith("/accounts/me")
    db.session.expire_all()
    assert passwords.verify(user.password_hash, GOOD)
    assert not user.must_change_password
    # Elsewhere it is over; here one stays, in a new session.
    assert db.session.get_one(UserSession, elsewhere.id).end_reason == "password_changed"
    assert "修改密码" in text_of(client.get("/accounts/me"))
    done = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "account.set_password")).one()
    assert done.user_id == person
    told = db.session.scalars(select(Message).where(Message.user_id == person)).one()
    assert user.username in told.body
    assert GOOD not in told.body
    # It opens the account, and so does a code, as before.
    page = text_of(other.get("/accounts/sign-in"))
    signed = other.post(
        "/accounts/sign-in",
        data={"csrf_token": token_in(page), "username": user.username, "password": GOOD},
    )
    assert signed.status_code == 303
    assert other.get("/accounts/me").status_code == 200


def test_a_wrong_code_counts_and_sets_nothing(client, person):
    sign_in(client, db.session.get_one(User, person))
    page = ask(client)
    code = last_code()
    for _turn in range(5):
        answer = give(client, page, code=f"{(int(code) + 1) % 10**6:06d}")
        assert answer.status_code == 422
    answer = give(client, page, code=code)
    assert "不能用了" in text_of(answer)
    assert db.session.get_one(User, person).password_hash == passwords.NO_PASSWORD


@pytest.mark.parametrize(("password", "words"), [("a1b2", "太短"), ("13900001111", "容易被猜到")])
def test_the_rules_hold_and_the_code_is_kept(client, person, password, words):
    sign_in(client, db.session.get_one(User, person))
    page = ask(client)
    answer = give(client, page, password=password, again=password)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert give(client, answer).status_code == 303


def test_a_code_for_signing_in_sets_no_password(client, person):
    sign_in(client, db.session.get_one(User, person))
    page = ask(client)
    db.session.execute(
        PhoneCode.__table__.update().values(
            sent_at=clock.now() - timedelta(minutes=2), expires_at=clock.now()
        )
    )
    send_phone_code(PHONE, CodePurpose.SIGN_IN, None)
    db.session.commit()
    assert give(client, page).status_code == 422
    assert db.session.get_one(User, person).password_hash == passwords.NO_PASSWORD


def test_forgotten(client, person):
    user = db.session.get_one(User, person)
    user.password_hash = passwords.hash_password("以前的那一个密码九")
    db.session.commit()
    sign_in(client, db.session.get_one(User, person))
    assert "忘了现在的密码" in text_of(client.get("/accounts/password"))
    assert give(client, ask(client)).status_code == 303
    db.session.expire_all()
    assert passwords.verify(user.password_hash, GOOD)


def test_not_for_whom_a_code_does_not_open(client, db_session):
    tree = make_area_tree()
    user = make_user(Role.COMMUNITY_COORDINATOR, tree.community, phone=PHONE)
    sign_in(client, user)
    assert client.get("/join/password").headers["Location"].endswith("/accounts/password")
    assert "/join/password" not in text_of(client.get("/accounts/me"))
    assert "/join/password" not in text_of(client.get("/accounts/password"))


def test_a_minute_after_signing_in_by_a_code(client, send, person):
    """The pause between two codes is said in words; nothing is taken for sent."""
    by_code(client, send)
    answer = ask(client)
    assert answer.status_code == 429
    assert "刚刚发过" in text_of(answer)
    assert "发验证码" in text_of(answer)


def test_no_telephone_no_gateway(app, client, person, monkeypatch):
    sign_in(client, db.session.get_one(User, person))
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], sms=None))
    assert "设置密码" not in text_of(client.get("/accounts/me"))
    db.session.execute(db.metadata.tables["workers"].update().values(phone=None, phone_hash=None))
    db.session.commit()
    assert "没有手机号" in text_of(client.get("/join/password"))
