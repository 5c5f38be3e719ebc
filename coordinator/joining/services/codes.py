"""Six digits to a telephone: who reads them back holds the phone.

The answers are the same whether or not the number is known here, so that nobody learns from them who helps. Times
are the server's; the telephone's clock plays no part.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select, true, update

from coordinator.accounts.queries import administrators
from coordinator.elders.lookup import phone_hash
from coordinator.extensions import db
from coordinator.joining import settings
from coordinator.joining.models import CodePurpose, PhoneCode
from coordinator.kernel import clock, crypto
from coordinator.kernel.errors import InvalidInput, TooMany, Unavailable
from coordinator.kernel.identity import IdentityError, is_mobile, normalise_phone
from coordinator.kernel.limits import too_many, wait_text
from coordinator.messages import channels
from coordinator.messages.services import notify, send_code

DIGITS = 6
VALID = timedelta(minutes=5)
TRIES = 5
PAUSE = timedelta(seconds=60)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A class that joins together shares one address; a phone belongs to one household.
PHONE_LIMITS = ((5, HOUR), (10, DAY))
ADDRESS_LIMITS = ((100, HOUR), (300, DAY))
KEPT = timedelta(days=2)
# The advisory lock of whoever counts codes.
_COUNTING = 7_301_640_117
log = structlog.get_logger(__name__)


class Sent(NamedTuple):
    """A code that is on its way. `shown` is the code itself, in the demo only: no telephone rings there."""

    row: PhoneCode
    shown: str | None


def mobile(typed: object) -> str:
    """A typed number as one that text messages reach. Raises InvalidInput (field `phone`)."""
    try:
        phone = normalise_phone(typed)
    except IdentityError as problem:
        raise InvalidInput(problem.message, code=problem.code, field="phone") from None
    if not is_mobile(phone):
        raise InvalidInput(
            _("座机收不到验证码，请填手机号。"),
            _("没有手机的，请到社区登记。"),
            code="not_mobile",
            field="phone",
        )
    return phone


def send_phone_code(phone: str, purpose: CodePurpose, address: str | None) -> Sent:
    """Make a code for this number and owe its text message. An earlier one does not count any more. Flushes.

    `address` is the network address that asks. Raises InvalidInput (field `phone`), TooMany (within 60 s of the
    last one, over the limits of the phone or the address, or `all_codes` over those of the whole installation),
    Unavailable where no text messages can be sent.
    """
    phone = mobile(phone)
    if not channels.sms_is_on():
        raise Unavailable(_("这里还没有开通短信。"), _("请到社区登记，或者请社区工作人员帮忙。"))
    owner = phone_hash(phone)
    assert owner is not None, "a mobile number has a hash"
    _one_at_a_time()
    now = clock.now()
    _check_limits(owner, address, now)
    _check_all(now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    row = PhoneCode(
        phone_hash=owner,
        purpose=purpose,
        code_hash=_hash_of(owner, purpose, code),
        address=address,
        sent_at=now,
        expires_at=now + VALID,
    )
    db.session.add(row)
    db.session.flush()
    send_code(phone, code, dedupe_key=f"phone-code:{row.id}", minutes=int(VALID.total_seconds()) // 60)
    return Sent(row, code if settings.is_demo() else None)


def use_phone_code(phone: str, purpose: CodePurpose, typed: str) -> None:
    """Take the code that was last sent to this number for this purpose; it works once.

    Raises InvalidInput (field `code`). A wrong one counts, so the caller commits also then.
    """
    owner = phone_hash(phone)
    assert owner is not None, "a mobile number has a hash"
    now = clock.now()
    digits = "".join(str(int(sign)) for sign in typed if sign.isdecimal())
    newest = (
        select(PhoneCode.id)
        .where(PhoneCode.phone_hash == owner, PhoneCode.purpose == purpose)
        .order_by(PhoneCode.sent_at.desc(), PhoneCode.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # The try is counted before anything is compared, so that many at once count as many.
    row = db.session.execute(
        update(PhoneCode)
        .where(
            PhoneCode.id == newest,
            PhoneCode.used_at.is_(None),
            PhoneCode.tries < TRIES,
            PhoneCode.expires_at > now,
            # A server clock that was put back does not make a code live longer.
            PhoneCode.sent_at <= now + VALID,
        )
        .values(tries=PhoneCode.tries + 1)
        .returning(PhoneCode.id, PhoneCode.code_hash, PhoneCode.tries)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise InvalidInput(
            _("这个验证码不能用了：过了 5 分钟、用过了，或者试了 5 次。"),
            _("请重新发一个。"),
            code="code_over",
            field="code",
        )
    if not hmac.compare_digest(row.code_hash, _hash_of(owner, purpose, digits)):
        left = TRIES - row.tries
        raise InvalidInput(
            _("验证码不对。"),
            _("请看最新的一条短信，还可以试 %(n)s 次。", n=left) if left else _("请重新发一个。"),
            code="code_wrong",
            field="code",
        )
    used = db.session.scalar(
        update(PhoneCode)
        .where(PhoneCode.id == row.id, PhoneCode.used_at.is_(None))
        .values(used_at=now)
        .returning(PhoneCode.id)
        .execution_options(synchronize_session=False)
    )
    if used is None:
        raise InvalidInput(_("这个验证码刚刚用过。"), _("请重新发一个。"), code="code_over", field="code")


def forget_codes() -> int:
    """Delete codes that no limit counts any more; returns how many."""
    old = db.session.query(PhoneCode).filter(PhoneCode.sent_at < clock.now() - KEPT)
    return old.delete(synchronize_session=False)


def _hash_of(owner: bytes, purpose: CodePurpose, code: str) -> bytes:
    """Bound to phone and purpose: a code for signing in opens nothing else."""
    return crypto.keyed_hash(f"{owner.hex()}:{purpose.value}:{code}", "phone_code")


def _one_at_a_time() -> None:
    """Until the end of the transaction nobody else counts codes: what is counted holds for whoever comes next."""
    db.session.execute(select(func.pg_advisory_xact_lock(_COUNTING)))


def _check_limits(owner: bytes, address: str | None, now: datetime) -> None:
    mine = PhoneCode.phone_hash == owner
    if settings.clock_stands_still():
        return
    last = db.session.scalar(select(func.max(PhoneCode.sent_at)).where(mine, PhoneCode.sent_at <= now))
    if last is not None and now - last < PAUSE:
        wait = max(1, int((PAUSE - (now - last)).total_seconds()))
        raise TooMany(
            _("刚刚发过一个验证码。"),
            _("没有收到的话，请等 %(n)s 秒再发。", n=wait),
            retry_after=wait,
            code="too_soon",
        )
    if not settings.limits_are_on():
        return
    limits = [(mine, *one) for one in PHONE_LIMITS]
    if address is not None:
        limits += [(PhoneCode.address == address, *one) for one in ADDRESS_LIMITS]
    for whose, most, window in limits:
        wait = _wait(whose, most, window, now)
        if wait:
            raise too_many(wait)


def _check_all(now: datetime) -> None:
    """Whoever has text messages sent to ever new numbers from ever new addresses stays within what the operator is
    willing to pay. Raises TooMany `all_codes`; the code that takes the last place tells the administrators.
    """
    if settings.clock_stands_still() or not settings.limits_are_on():
        return
    for most, window in zip(settings.most_codes(), (HOUR, DAY), strict=True):
        sent = _sent_since(now - window, now)
        if sent >= most:
            wait = _wait(true(), most, window, now)
            log.error("codes held back, limit of the installation", most=most, window=str(window), wait=wait)
            raise TooMany(
                _("现在要验证码的人太多，暂时发不出去。"),
                wait_text(wait) + _("急用请打电话给社区，或者到社区登记；有密码的可以用密码登录。"),
                retry_after=wait,
                code="all_codes",
            )
        if sent == most - 1:
            _tell_operators(most, window, now)


def _sent_since(since: datetime, now: datetime) -> int:
    statement = select(func.count(PhoneCode.id)).where(PhoneCode.sent_at > since, PhoneCode.sent_at <= now)
    return db.session.scalar(statement) or 0


def _tell_operators(most: int, window: timedelta, now: datetime) -> None:
    """Once an hour at most for each limit."""
    log.error("codes used up, limit of the installation", most=most, window=str(window))
    hourly = window == HOUR
    notify(
        administrators(),
        _("短信验证码发到上限了"),
        (
            _("一小时内已经发了 %(n)s 条，暂时不再发。", n=most)
            if hourly
            else _("一天内已经发了 %(n)s 条，暂时不再发。", n=most)
        )
        + _("可能有人在恶意刷短信，请看日志里的来源；确实是报名的人多，请运维把上限调高。"),
        dedupe_key=f"codes-used-up:{'hour' if hourly else 'day'}:{now:%Y-%m-%dT%H}",
        urgent=True,
    )


def _wait(whose: ColumnElement[bool], most: int, window: timedelta, now: datetime) -> int:
    """Seconds until one more fits into the window; 0 when it fits now."""
    oldest = db.session.scalar(
        select(PhoneCode.sent_at)
        .where(whose, PhoneCode.sent_at > now - window, PhoneCode.sent_at <= now)
        .order_by(PhoneCode.sent_at.desc())
        .offset(most - 1)
        .limit(1)
    )
    return 0 if oldest is None else max(1, int((oldest + window - now).total_seconds()))
