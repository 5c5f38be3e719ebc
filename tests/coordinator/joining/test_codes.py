"""Codes to a phone: once, for five minutes, five tries; never too many of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from coordinator.config import SmsSettings
from coordinator.extensions import db
from coordinator.joining import jobs
from coordinator.joining.models import CodePurpose, PhoneCode
from coordinator.joining.services import codes
from coordinator.joining.services.codes import forget_codes, send_phone_code, use_phone_code
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.errors import InvalidInput, TooMany, Unavailable
from coordinator.kernel.health import code_state
from coordinator.messages.models import Message
from tests.coordinator.joining.conftest import last_code
from tests.factories import make_area_tree, make_user

PHONE = "13900001111"
JOIN, SIGN_IN = CodePurpose.JOIN, CodePurpose.SIGN_IN


@pytest.fixture
def now(freeze):
    """Stops the clock; `now(61)` moves it on by so many seconds."""
    begin = clock.now()
    freeze(begin)

    def later(seconds: float) -> None:
        freeze(clock.now() + timedelta(seconds=seconds))

    return later


@pytest.fixture
def limits(app, monkeypatch):
    """The counting by hour and day, which tests have off."""
    settings = replace(app.extensions["settings"], rate_limits=True)
    monkeypatch.setitem(app.extensions, "settings", settings)


def test_a_code_works_once(db_session):
    send_phone_code("139 0000 1111", JOIN, "127.0.0.1")
    code = last_code()
    assert len(code) == 6
    assert code.isdigit()
    row = db.session.scalars(select(PhoneCode)).one()
    assert code.encode() not in row.code_hash
    assert len(row.code_hash) == 32
    use_phone_code(PHONE, JOIN, " ".join(code))  # typed in groups
    with pytest.raises(InvalidInput, match="不能用了"):
        use_phone_code(PHONE, JOIN, code)


def test_full_width_figures_are_read(db_session):
    send_phone_code(PHONE, JOIN, None)
    use_phone_code(PHONE, JOIN, last_code().translate(str.maketrans("0123456789", "０１２３４５６７８９")))


def test_it_opens_nothing_else(db_session):
    send_phone_code(PHONE, SIGN_IN, None)
    code = last_code()
    with pytest.raises(InvalidInput):
        use_phone_code(PHONE, JOIN, code)
    with pytest.raises(InvalidInput):
        use_phone_code("13900002222", SIGN_IN, code)
    use_phone_code(PHONE, SIGN_IN, code)


def test_five_minutes(db_session, now):
    send_phone_code(PHONE, JOIN, None)
    code = last_code()
    now(299)
    now(1)
    with pytest.raises(InvalidInput, match="5 分钟"):
        use_phone_code(PHONE, JOIN, code)


def test_five_tries_and_then_not_even_the_right_one(db_session):
    send_phone_code(PHONE, JOIN, None)
    code = last_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for left in (4, 3, 2, 1):
        with pytest.raises(InvalidInput, match="验证码不对") as refused:
            use_phone_code(PHONE, JOIN, wrong)
        assert str(left) in refused.value.remedy
    with pytest.raises(InvalidInput, match="验证码不对"):
        use_phone_code(PHONE, JOIN, wrong)
    with pytest.raises(InvalidInput, match="不能用了"):
        use_phone_code(PHONE, JOIN, code)


def test_a_new_one_after_a_minute_replaces_the_old(db_session, now):
    send_phone_code(PHONE, JOIN, None)
    first = last_code()
    now(59)
    with pytest.raises(TooMany) as refused:
        send_phone_code(PHONE, JOIN, None)
    assert refused.value.retry_after == 1
    assert refused.value.code == "too_soon"
    now(1)
    send_phone_code(PHONE, JOIN, None)
    second = last_code()
    if first != second:
        with pytest.raises(InvalidInput, match="不对"):
            use_phone_code(PHONE, JOIN, first)
    use_phone_code(PHONE, JOIN, second)


def test_the_server_clock_put_back_an_hour(db_session, now):
    """The telephone's clock plays no part; the server's, put back by an hour, locks nobody out."""
    send_phone_code(PHONE, JOIN, None)
    code = last_code()
    now(-3600)
    with pytest.raises(InvalidInput):
        use_phone_code(PHONE, JOIN, code)
    send_phone_code("13900002222", JOIN, None)
    use_phone_code("13900002222", JOIN, last_code())


def test_by_the_hour_and_the_day(db_session, now, limits):
    for _turn in range(5):
        send_phone_code(PHONE, JOIN, "127.0.0.1")
        now(61)
    with pytest.raises(TooMany, match="太频繁") as refused:
        send_phone_code(PHONE, SIGN_IN, "127.0.0.2")
    assert 3000 < refused.value.retry_after <= 3600
    now(3600)
    for _turn in range(5):
        send_phone_code(PHONE, JOIN, "127.0.0.1")
        now(61)
    now(3600)
    with pytest.raises(TooMany):
        send_phone_code(PHONE, JOIN, "127.0.0.1")
    send_phone_code("13900002222", JOIN, "127.0.0.1")


def test_an_address_is_counted_too(db_session, limits, monkeypatch):
    monkeypatch.setattr(codes, "ADDRESS_LIMITS", ((3, codes.HOUR),))
    for number in range(3):
        send_phone_code(f"1390000333{number}", JOIN, "127.0.0.9")
    with pytest.raises(TooMany):
        send_phone_code("13900003339", JOIN, "127.0.0.9")
    send_phone_code("13900003339", JOIN, "127.0.0.8")


def most(monkeypatch, app, **over):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], **over))


def test_the_whole_installation_is_counted(app, client, db_session, now, limits, monkeypatch):
    """Ever new numbers from ever new addresses: nobody's own limit, but the operator's."""
    boss = make_user(Role.ADMINISTRATOR, make_area_tree().street)
    most(monkeypatch, app, codes_hour=10, codes_day=12)
    for number in range(10):
        assert code_state(app.extensions["settings"]) == ("near" if number >= 8 else "ok")
        assert db.session.scalars(select(Message)).all() == []
        send_phone_code(f"1390000444{number}", JOIN, f"10.0.0.{number}")
    told = db.session.scalars(select(Message)).one()
    assert told.user_id == boss.id
    assert told.urgent
    assert "一小时内已经发了 10 条" in told.body
    assert code_state(app.extensions["settings"]) == "held"
    with pytest.raises(TooMany, match="人太多") as refused:
        send_phone_code("13900005555", SIGN_IN, "10.0.1.1")
    assert refused.value.code == "all_codes"
    assert "社区" in refused.value.remedy
    assert 3590 < refused.value.retry_after <= 3600
    now(3601)
    assert code_state(app.extensions["settings"]) == "near"  # of the day
    for number in range(2):
        send_phone_code(f"1390000555{number}", JOIN, f"10.0.0.{number}")
    assert "一天内已经发了 12 条" in last_message().body
    with pytest.raises(TooMany) as refused:
        send_phone_code("13900005559", JOIN, "10.0.1.2")
    assert refused.value.retry_after > 80_000


def last_message():
    return db.session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()


def test_held_back_on_the_page(app, client, db_session, send, limits, monkeypatch):
    """The person reads what to do instead, and the number typed is still there."""
    most(monkeypatch, app, codes_hour=1)
    send_phone_code(PHONE, JOIN, None)
    answer = send("/join/sign-in", {"phone": "13900002222"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 429
    assert "现在要验证码的人太多" in page
    assert "到社区登记" in page
    assert "13900002222" in page


def test_many_at_once_do_not_pass_the_bound(committed_app, committed_db, monkeypatch):
    settings = replace(
        committed_app.extensions["settings"],
        sms=SmsSettings(gateway="console"),
        rate_limits=True,
        codes_hour=3,
    )
    monkeypatch.setitem(committed_app.extensions, "settings", settings)
    gate, ends = threading.Barrier(6), []

    def ask(number: int) -> None:
        with committed_app.app_context():
            gate.wait()
            try:
                send_phone_code(f"1390000666{number}", JOIN, f"10.0.0.{number}")
            except TooMany as refused:
                ends.append(refused.code)
                db.session.rollback()
            else:
                db.session.commit()
                ends.append("sent")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["all_codes"] * 3 + ["sent"] * 3


@pytest.mark.parametrize(
    ("typed", "words"),
    [("0830-3123456", "座机"), ("1390000111", "11 位"), ("13800138000x", "只能填数字"), ("", "没有填")],
)
def test_numbers_no_text_message_reaches(db_session, typed, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        send_phone_code(typed, JOIN, None)
    assert refused.value.field == "phone"


def test_no_gateway_no_code(app, db_session, monkeypatch):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], sms=None))
    with pytest.raises(Unavailable):
        send_phone_code(PHONE, JOIN, None)


def test_the_demo_shows_it_and_nobody_else_does(app, db_session, monkeypatch):
    assert send_phone_code(PHONE, JOIN, None).shown is None
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], demo=True))
    assert send_phone_code("13900002222", JOIN, None).shown == last_code()


def test_old_ones_are_forgotten(db_session, now):
    send_phone_code(PHONE, JOIN, "127.0.0.1")
    assert forget_codes() == 0
    now(3 * 86_400)
    assert "coordinator.joining.jobs.forget_old_codes" in [name for name, _key in jobs.due_by_itself()]
    jobs.forget_old_codes()
    jobs.forget_old_codes()
    assert db.session.scalars(select(PhoneCode)).all() == []


def test_two_at_once_use_it_once(committed_app, committed_db, monkeypatch):
    settings = replace(committed_app.extensions["settings"], sms=SmsSettings(gateway="console"))
    monkeypatch.setitem(committed_app.extensions, "settings", settings)
    send_phone_code(PHONE, JOIN, None)
    committed_db.commit()
    code, gate, ends = last_code(), threading.Barrier(2), []

    def use() -> None:
        with committed_app.app_context():
            gate.wait()
            try:
                use_phone_code(PHONE, JOIN, code)
            except InvalidInput as refused:
                ends.append(refused.code)
            else:
                ends.append("in")
            db.session.commit()

    threads = [threading.Thread(target=use) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["code_over", "in"]
