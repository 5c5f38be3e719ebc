"""Passwords: argon2id hashes, and the rules for a new one.

Figures: OWASP ASVS 5.0 appendix C and 6.2.1–6.2.9: at least 8 characters, long ones and pasted ones welcome, no
rules of composition, none of the common ones.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from coordinator.kernel.errors import InvalidInput, Unavailable

SHORTEST = 8
ADVISED = 15
LONGEST = 128
FEWEST_GUESSES = 10**6
# One hash takes 64 MiB; more than two at once in one process would let a few visitors fill the memory.
HASHES_AT_ONCE = 2
WAIT_SECONDS = 10.0

# Stands where the hash would: the account of somebody who signs in by a code to the telephone.
NO_PASSWORD = "-"  # noqa: S105  no secret: nothing hashes to it

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_places = threading.BoundedSemaphore(HASHES_AT_ONCE)
# Without the signs that are mistaken for each other when read from paper or told by telephone.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
# 拼音 and numbers that Chinese passwords are made of, which no English list ranks high enough; and our own names.
_SURNAMES = (
    *("wang", "li", "zhang", "liu", "chen", "yang", "huang", "zhao", "wu", "zhou"),
    *("xu", "sun", "ma", "zhu", "hu", "guo", "he", "gao", "lin", "luo"),
)
_GIVEN = (
    *("wei", "fang", "na", "min", "jing", "lei", "qiang", "jun", "yan", "jie"),
    *("juan", "tao", "ming", "chao", "ping", "gang", "hui", "ling", "hong", "yong"),
)
_LOCAL_WORDS = (
    *(
        "tanfang",
        "探访",
        "laoren",
        "minzheng",
        "jiedao",
        "shequ",
        "zhiyuan",
        "zhiyuanzhe",
        "zhongguo",
        "nihao",
    ),
    *("woaini", "woaiwo", "woaiwojia", "woai", "aini", "baobei", "laopo", "laogong", "caonima", "xiaoming"),
    *("5201314", "1314520", "1314", "520", "521", "5211314", "7758521", "168"),
    *_SURNAMES,
    *_GIVEN,
    *(surname + given for surname in _SURNAMES for given in _GIVEN),
)


class _Place:
    """Waits for one of the places at the hasher; raises Unavailable when none comes free in time."""

    def __enter__(self) -> None:
        if not _places.acquire(timeout=WAIT_SECONDS):
            raise Unavailable(_("现在登录的人太多"), _("请过半分钟再试。"))

    def __exit__(self, *_details: object) -> None:
        _places.release()


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters. Raises Unavailable under too much load."""
    with _Place():
        return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Is this the password? Takes the same time when there is no account (`stored` None) or none of it."""
    stored = None if stored == NO_PASSWORD else stored
    candidate = stored if stored is not None else _nobodys_hash()
    with _Place():
        try:
            matches = _hasher.verify(candidate, password[: 4 * LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return matches and stored is not None


def is_set(stored: str) -> bool:
    """Is there a password behind this, or does its person sign in by a code only?"""
    return stored != NO_PASSWORD


def needs_rehash(stored: str) -> bool:
    """Was this hash made with weaker parameters than today's?"""
    return _hasher.check_needs_rehash(stored)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex(16))


def make_password() -> str:
    """A one-time password that can be read out: three groups of four, 59 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _i in range(4)) for _group in range(3))


def check_new_password(password: str, *, about: Iterable[str | None] = ()) -> None:
    """Raise InvalidInput (field `password`) when a new password is too short, too long or easily guessed.

    `about` is what others know of the person (user name, name, telephone). Refused are the 30,000 common passwords
    of zxcvbn and whatever it guesses in less than a million tries: dates, keyboard rows, 拼音 of common names and
    phrases with a number behind.
    """
    if len(password) < SHORTEST:
        raise InvalidInput(
            _("密码太短，至少 %(n)s 个字符。", n=SHORTEST),
            _("用一句只有您知道的话最好记，%(n)s 个字符以上更安全。", n=ADVISED),
            field="password",
        )
    if len(password) > LONGEST:
        raise InvalidInput(_("密码太长，最多 %(n)s 个字符。", n=LONGEST), field="password")
    theirs = [word.lower() for word in about if word]
    known = [*theirs, *("".join(filter(str.isalnum, word)) for word in theirs), *_LOCAL_WORDS]
    # zxcvbn takes at most 72 characters; what is longer is not guessed by its beginning.
    guessed = zxcvbn(password[:72], user_inputs=known)
    if password.lower() in _common() or guessed["guesses"] < FEWEST_GUESSES:
        raise InvalidInput(
            _("这个密码太容易被猜到。"),
            _("不要用姓名、生日、电话、连续的数字或常见的词。几个不相干的词连起来就很好。"),
            field="password",
        )


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
