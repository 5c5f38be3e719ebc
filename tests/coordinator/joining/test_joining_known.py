"""Somebody joins who is known already, or signs in by a code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import undefer

from coordinator.accounts.models import User, UserSession
from coordinator.extensions import db
from coordinator.joining.models import Application, CodePurpose
from coordinator.joining.queries.gaps import gap_words
from coordinator.joining.services.applying import Outcome
from coordinator.joining.services.codes import send_phone_code
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.messages.models import Message
from coordinator.workforce.models import Worker, WorkerStatus
from coordinator.workforce.services import edit_worker
from tests.coordinator.joining.conftest import id_for, last_code
from tests.coordinator.joining.ways import (
    ADULT,
    PHONE,
    by_code,
    details,
    do_join,
    only_worker,
    prove,
    strip_tokens,
    text_of,
    token_in,
)
from tests.factories import (
    make_actor,
    make_area_tree,
    make_user,
    make_worker,
    sign_in,
)


@pytest.fixture
def tree(db_session):
    return make_area_tree()


# --- somebody is there already ---------------------------------------------------------------------------


def test_the_same_telephone_finds_the_account(client, send, tree):
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, name="陈素芬", phone=PHONE)
    answer, _address = prove(client, send, tree)
    page = text_of(answer)
    assert answer.request.path == "/join/which"
    assert "陈*芬" in page
    assert "陈素芬" not in page
    worker = only_worker()
    answer = send(answer.request.full_path, {"key": f"w{worker.id}"})
    assert db.session.scalars(select(UserSession)).one().user_id == user.id


def test_a_rosters_row_gets_its_account(client, send, tree):
    worker = make_worker(
        tree.street, name="陈素芬", phone=PHONE, status=WorkerStatus.APPLIED, approved_at=None
    )
    answer, _address = prove(client, send, tree)
    page = answer.request.full_path
    wrong = send(page, {"key": f"w{worker.id}", "name": "陈素芳", "notice": "y"})
    assert wrong.status_code == 422
    assert "对不上" in text_of(wrong)
    half = send(page, {"key": f"w{worker.id}", "name": "陈素芬"})
    assert half.status_code == 422
    assert "同意了再勾选" in text_of(half)
    answer = send(page, {"key": f"w{worker.id}", "name": "陈 素芬", "notice": "y"})
    assert answer.request.path == "/join/mine"
    db.session.refresh(worker)
    assert worker.user is not None
    assert worker.user.name == "陈素芬"
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 1
    assert db.session.scalars(select(Application)).one().worker_id == worker.id


def test_another_one_of_the_household_joins_with_the_same_telephone(client, send, tree):
    make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=id_for(ADULT))
    _answer, address = prove(client, send, tree)
    assert send(address, details(name="王大山", id_number=id_for(ADULT))).request.path == "/join/mine"
    assert db.session.scalar(select(func.count()).select_from(Worker)) == 2


def test_the_same_person_by_id_and_telephone_is_connected(tree):
    number = id_for(ADULT)
    row = make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=number)
    joined = do_join(tree, id_number=number)
    assert (joined.outcome, joined.worker) == (Outcome.KNOWN, row)
    assert row.user is joined.user
    again = do_join(tree, id_number=number)
    assert again.user is joined.user
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_a_row_without_id_number_is_completed(tree):
    row = make_worker(tree.street, name="陈素芬", phone=PHONE, birth_date=ADULT)
    number = id_for(ADULT)
    assert do_join(tree, id_number=number).worker is row
    assert row.id_number == number
    assert row.id_number_hash is not None


def only_differs_in(page, *own):
    """The page without what is this person's own."""
    for words in own:
        page = page.replace(words, "")
    return strip_tokens(page)


def test_a_known_id_number_changes_nothing_of_the_answer(app, send, tree):
    """Whoever proves a telephone does not learn which ID numbers are known; the coordinators hear of it."""
    keeper = make_user(Role.STREET_COORDINATOR, tree.other_street)
    near = make_user(Role.COMMUNITY_COORDINATOR, tree.community)
    number = id_for(ADULT)
    row = make_worker(tree.outside, name="周敏", phone="13900009999", id_number=number)
    seen = []
    for phone, typed in ((PHONE, number), ("13900002222", id_for(ADULT))):
        browser = app.test_client()

        def post(address, data, browser=browser):
            page = text_of(browser.get(address))
            return browser.post(address, data={"csrf_token": token_in(page), **data}, follow_redirects=True)

        _answer, address = prove(browser, post, tree, phone=phone)
        answer = post(address, details(id_number=typed))
        pages = [
            answer,
            *(browser.get(one) for one in ("/join/credentials", "/workforce/me", "/accounts/me")),
        ]
        user = db.session.scalars(select(User).where(User.name == "陈素芬").order_by(User.id.desc())).first()
        own = (f"{phone[:3]}****{phone[-4:]}", user.username)
        seen.append(
            [(one.status_code, one.request.path, only_differs_in(text_of(one), *own)) for one in pages]
        )
    assert seen[0] == seen[1]
    assert seen[0][0][1] == "/join/mine"
    assert row.phone == "13900009999"
    assert row.user_id is None
    new, other = db.session.scalars(
        select(Worker).where(Worker.name == "陈素芬").options(undefer("*")).order_by(Worker.id)
    )
    assert (new.id_number, new.birth_date, new.sex) == (None, ADULT, row.sex)
    assert (other.id_number is None, other.birth_date) == (False, ADULT)
    application = db.session.scalars(select(Application).where(Application.worker_id == new.id)).one()
    assert application.same_as_id == row.id
    assert gap_words(new, application)[-1] == "身份证号和别人的一样"
    told = db.session.scalars(select(Message).where(Message.user_id == keeper.id)).one()
    assert "周敏" in told.body
    assert PHONE not in told.body
    titles = db.session.scalars(select(Message.title).where(Message.user_id == near.id)).all()
    assert sorted(titles) == ["报名填的身份证号已经有人用，请核实", *["有人申请加入探访队伍"] * 2]


@pytest.mark.parametrize("over", [{"status": WorkerStatus.LEFT, "phone": PHONE}, {"phone": None}])
def test_who_left_or_has_no_number_on_file_is_looked_at(tree, over):
    number = id_for(ADULT)
    row = make_worker(tree.street, name="陈素芬", id_number=number, **over)
    joined = do_join(tree, id_number=number)
    assert joined.outcome is Outcome.NEW
    assert joined.worker is not row
    assert row.user_id is None
    assert db.session.scalars(select(Application)).one().same_as_id == row.id


def test_of_the_same_telephone_and_name_the_number_makes_no_difference(tree):
    """One's own record without a number, and one with another: the answer does not depend on who has the number."""
    taken = id_for(ADULT)
    holder = make_worker(tree.outside, name="周敏", phone="13900009999", id_number=taken)
    with_number = make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=id_for(ADULT))
    for number in (taken, id_for(ADULT)):
        assert do_join(tree, id_number=number).outcome is Outcome.ASKED
    without = make_worker(tree.street, name="陈素英", phone="13900002222", birth_date=ADULT)
    joined = do_join(tree, phone="13900002222", name="陈素英", id_number=taken)
    assert (joined.outcome, joined.worker) == (Outcome.KNOWN, without)
    assert without.id_number is None
    assert db.session.scalars(select(Application)).one().same_as_id == holder.id
    assert with_number.user_id is None


def test_an_applied_row_without_a_number_is_trusted_with_name_and_id(tree):
    number = id_for(ADULT)
    row = make_worker(
        tree.street, name="陈素芬", id_number=number, status=WorkerStatus.APPLIED, approved_at=None
    )
    assert do_join(tree, id_number=number).outcome is Outcome.KNOWN
    assert row.phone == PHONE
    assert row.status is WorkerStatus.APPLIED
    other = id_for(ADULT)
    make_worker(tree.street, name="别人", id_number=other, status=WorkerStatus.APPLIED, approved_at=None)
    joined = do_join(tree, phone="13900002222", id_number=other)
    assert joined.outcome is Outcome.NEW
    assert joined.worker.id_number is None


def test_same_name_and_telephone_with_another_id_is_looked_at(tree):
    make_worker(tree.street, name="陈素芬", phone=PHONE, id_number=id_for(ADULT))
    assert do_join(tree).outcome is Outcome.ASKED


# --- signing in by code ----------------------------------------------------------------------------------


def test_a_worker_signs_in_by_code_and_the_one_time_password_ends(client, send, tree):
    user = make_user(Role.WORKER, must_change_password=True)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send, where="/join/sign-in?next=/workforce/me")
    assert answer.request.path == "/workforce/me"
    assert answer.status_code == 200
    assert not user.must_change_password
    page = text_of(client.get("/workforce/me"))
    assert "我的时间" in page


def test_another_telephone_signs_the_old_one_out(client, send, tree, freeze):
    user = make_user(Role.WORKER)
    worker = make_worker(tree.street, user_id=user.id, phone=PHONE)
    by_code(client, send)
    assert client.get("/workforce/me").status_code == 200
    coordinator = make_actor(Role.STREET_COORDINATOR, tree.street)
    edit_worker(coordinator, worker, {"notes": "膝盖不好"})
    assert client.get("/workforce/me").status_code == 200
    edit_worker(coordinator, worker, {"phone": "13900002222"})
    assert client.get("/workforce/me").status_code == 303
    freeze(clock.now() + timedelta(seconds=61))
    assert "还没有登记" in text_of(by_code(client, send))


def test_the_answers_do_not_tell_whether_a_number_is_known(client, send, tree):
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    pages = []
    for phone in (PHONE, "13900002222"):
        answer = send("/join/sign-in", {"phone": phone})
        page = text_of(answer).replace(f"{phone[:3]}****{phone[-4:]}", "")
        pages.append((answer.status_code, answer.request.path, strip_tokens(page)))
    assert pages[0] == pages[1]


def test_an_unknown_number_may_go_on_and_join(client, send, tree):
    answer = by_code(client, send)
    assert answer.request.path == "/join/which"
    assert "还没有登记" in text_of(answer)
    # the number is not asked for again
    query = f"area={tree.community.id}&kind=volunteer"
    assert client.get(f"/join/phone?{query}").location.startswith("/join/details")


@pytest.mark.parametrize("role", [Role.STREET_COORDINATOR, Role.COMMUNITY_COORDINATOR])
def test_who_needs_a_second_factor_does_not_enter_by_code(client, send, tree, role):
    user = make_user(role, tree.street if role is Role.STREET_COORDINATOR else tree.community)
    worker = make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send)
    assert "用户名和密码" in text_of(answer)
    answer = send(answer.request.full_path, {"key": f"w{worker.id}"}, page="/join/sign-in")
    assert answer.status_code == 403
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0
    assert do_join(tree, name=worker.name).outcome is Outcome.ASKED


def test_a_second_factor_of_ones_own_choice_and_a_closed_account_too(client, send, tree):
    for over in ({"totp_confirmed_at": clock.now(), "totp_secret": "JBSWY3DPEHPK3PXP"}, {"is_active": False}):
        phone = f"1390000888{len(over)}"
        user = make_user(Role.WORKER, **over)
        make_worker(tree.street, user_id=user.id, phone=phone)
        answer = by_code(client, send, phone)
        assert answer.request.path == "/join/which"
        assert "用户名和密码" in text_of(answer)
        client.delete_cookie("tanfang")
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_somebody_elses_key_opens_nothing(client, send, tree):
    other = make_user(Role.WORKER)
    stranger = make_worker(tree.street, user_id=other.id, phone="13900009999")
    mine = make_user(Role.WORKER), make_user(Role.WORKER)
    for user in mine:
        make_worker(tree.street, user_id=user.id, phone=PHONE)
    answer = by_code(client, send)
    answer = send(answer.request.full_path, {"key": f"w{stranger.id}"})
    assert answer.request.path == "/join/which"
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_a_form_kept_through_the_code(client, send, tree, token_of):
    """A session that ended while something was being written: the code leads back to it."""
    user = make_user(Role.WORKER)
    make_worker(tree.street, user_id=user.id, phone=PHONE)
    token = token_of(text_of(client.get("/join/sign-in")))
    kept = {"kept_target": "/workforce/me/days-off", "kept.note": "回老家"}
    page = text_of(client.post("/join/sign-in", data={"csrf_token": token, **kept}))
    assert "回老家" in page
    assert "您的手机号" in page
    page = text_of(client.post("/join/sign-in", data={"csrf_token": token, "phone": PHONE, **kept}))
    assert "回老家" in page
    assert "短信验证码" in page
    page = text_of(client.post("/join/code", data={"csrf_token": token, "code": last_code(), **kept}))
    assert "回老家" in page
    assert "再送一次" in page


def test_the_page_of_signing_in_offers_it(client, db_session):
    assert "用手机验证码登录" in text_of(client.get("/accounts/sign-in"))


def test_no_text_messages_no_joining(app, client, tree, monkeypatch):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], sms=None))
    page = text_of(client.get(f"/join/phone?area={tree.community.id}&kind=volunteer"))
    assert "请到社区登记" in page
    assert "用手机验证码登录" not in text_of(client.get("/accounts/sign-in"))


def test_an_account_without_password_takes_none(tree):
    from coordinator.accounts.services import check_credentials

    user = do_join(tree).user
    for guess in ("-", "", user.username):
        assert check_credentials(user.username, guess) is None


# --- who is signed in ------------------------------------------------------------------------------------


def test_a_coordinator_is_sent_home(client, tree):
    sign_in(client, make_user(Role.STREET_COORDINATOR, tree.street))
    answer = client.get("/join", follow_redirects=True)
    assert answer.request.path == "/"
    assert "您已经登录" in text_of(answer)


def test_a_search_among_many_communities(client, tree):
    from coordinator.kernel.areas import AreaLevel, create_area

    for number in range(70):
        create_area(AreaLevel.COMMUNITY, f"第{number}社区", tree.street)
    page = text_of(client.get("/join"))
    assert "没有列出" in page
    assert "找社区" in page
    page = text_of(client.get("/join?q=滨河街道 石桥"))
    assert "石桥社区" in page
    assert "柳荫社区" not in page
    assert "没有找到" in text_of(client.get("/join?q=%F0%9F%98%80"))


def test_codes_are_not_bound_to_a_type(db_session):
    assert {one.value for one in CodePurpose} == {"join", "sign_in", "guardian", "password"}
    assert send_phone_code(PHONE, CodePurpose.GUARDIAN, None).row.id
