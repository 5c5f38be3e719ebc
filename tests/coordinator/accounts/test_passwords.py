"""How passwords are kept, and which new ones are taken. Trust goal 12."""

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from coordinator.accounts import passwords
from coordinator.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

ABOUT = ("zhang.wei", "张伟", "zhang@example.org", "13812345678")


@pytest.fixture(autouse=True)
def _request(app: "Flask") -> "Iterator[None]":
    with app.test_request_context():
        yield


def test_hashes_are_argon2id_with_the_stated_figures() -> None:
    stored = passwords.hash_password("河边第七盏灯")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert stored != passwords.hash_password("河边第七盏灯"), "each with its own salt"
    assert passwords.verify(stored, "河边第七盏灯")
    assert not passwords.verify(stored, "河边第八盏灯")
    assert not passwords.needs_rehash(stored)


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$broken"])
def test_a_broken_hash_opens_nothing(stored: str) -> None:
    assert not passwords.verify(stored, "")
    assert not passwords.verify(None, "anything at all")


@pytest.mark.parametrize(
    "good",
    [
        "correcthorsebattery",
        "柳树下的第三把椅子",
        "7pcw-5vn2-6jbb",
        "x" * 7 + "Q9-" + "风" * 54,
        "  spaces are kept  ",
    ],
)
def test_good_passwords_need_no_capitals_digits_or_signs(good: str) -> None:
    passwords.check_new_password(good, about=ABOUT)


@pytest.mark.parametrize(
    "bad",
    [
        *("password1", "Password1", "12345678", "qwertyuiop", "1qaz2wsx3edc", "88888888", "a123456789"),
        *("woaini1314", "5201314520", "wangwei123", "19880512", "2019-05-12", "tanfang123", "nihao123"),
        *("zhang.wei", "zhangwei1", "13812345678", "张伟张伟张伟张伟"),
    ],
)
def test_guessable_passwords_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        passwords.check_new_password(bad, about=ABOUT)
    assert refusal.value.field == "password"
    assert "猜到" in refusal.value.message


def test_all_common_passwords_of_the_list_are_refused() -> None:
    """More than 10,000 of eight characters and more."""
    common = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= passwords.SHORTEST]
    assert len(common) > 10_000
    for one in common[::40]:
        with pytest.raises(InvalidInput):
            passwords.check_new_password(one)


@pytest.mark.parametrize(("length", "says"), [(7, "太短"), (129, "太长")])
def test_length_limits(length: int, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        passwords.check_new_password(("柳x7-风" * 40)[:length])
    assert says in refusal.value.message
    passwords.check_new_password(("柳x7-风q" * 40)[:128])


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_never_broken(text: str) -> None:
    with suppress(InvalidInput):
        passwords.check_new_password(text, about=ABOUT)


def test_one_time_passwords_pass_the_rules_and_differ() -> None:
    made = {passwords.make_password() for _ in range(50)}
    assert len(made) == 50
    for one in made:
        passwords.check_new_password(one)
        assert not set(one) & set("01ilo"), "nothing that is mistaken when read out"


def test_at_most_two_hashes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    class Slow:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return password

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=passwords.hash_password, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
