"""How often something may be done, counted in Redis so that all processes count together.

Real time is meant here, not the house's clock: a limit must run out although the demo's clock stands still.
"""

from __future__ import annotations

import hashlib
import math
import time

import structlog
from flask import current_app
from flask_babel import gettext as _
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from coordinator.config import Settings
from coordinator.kernel.errors import TooMany, Unavailable

log = structlog.get_logger(__name__)

ACCOUNT_FAILURES = "5/15 minutes"
ADDRESS_FAILURES = "30/15 minutes"
# From the third wrong password on, so many seconds must pass before the next try.
PAUSES = {3: 5, 4: 15}


def limit(key: str, rate: str) -> None:
    """Count one more `key` ('claim:<user id>') and raise TooMany when it is over `rate` ('10/minute').

    Without Redis it lets everything pass: claims and records go on (the sign-in does not, see `SignInGuard`).
    """
    if not _on():
        return
    item = parse(rate)
    limiter = _limiter()
    try:
        if limiter.hit(item, "act", key):
            return
        wait = _wait(limiter, item, "act", key)
    except RedisError as problem:
        log.warning("rate limit not counted, queue server away", key=key, error=str(problem))
        return
    log.warning("rate limit reached", key=key, rate=rate)
    raise too_many(wait)


def too_many(wait: int) -> TooMany:
    """The refusal that says how long to wait (`wait` in seconds)."""
    return TooMany(_("操作太频繁了。"), wait_text(wait), retry_after=wait)


def wait_text(seconds: int) -> str:
    """请等 40 秒再试 / 请等 12 分钟再试."""
    if seconds < 90:
        return _("请等 %(n)s 秒再试。", n=seconds)
    return _("请等 %(n)s 分钟再试。", n=math.ceil(seconds / 60))


class SignInGuard:
    """The limits of one try to sign in: 5 wrong ones for an account in 15 minutes with growing pauses, 30 from an
    address. `kind` separates passwords from second-factor codes.

    Both are needed: a school shares one address, and one attacker tries many accounts. Fails closed: without
    Redis nobody signs in, because guesses would not be counted.
    """

    def __init__(self, username: str, address: str, kind: str = "password") -> None:
        self.account = hashlib.sha256(username.strip().lower().encode()).hexdigest()[:24]
        self.address = address
        self.kind = kind

    @property
    def _pause_key(self) -> str:
        return f"sign-in-pause:{self.kind}:{self.account}"

    def begin(self) -> None:
        """Take one of the account's tries before the password is looked at, so that parallel tries count, too.

        Raises TooMany when none is left, or Unavailable without Redis.
        """
        if not _on():
            return
        limiter, redis = _limiter(), _redis()
        by_account, by_address = parse(ACCOUNT_FAILURES), parse(ADDRESS_FAILURES)
        try:
            pause = redis.ttl(self._pause_key)
            if isinstance(pause, int) and pause > 0:
                raise self._refusal(pause)
            if not limiter.test(by_address, "address", self.kind, self.address):
                raise self._refusal(_wait(limiter, by_address, "address", self.kind, self.address))
            if not limiter.hit(by_account, "account", self.kind, self.account):
                raise self._refusal(_wait(limiter, by_account, "account", self.kind, self.account))
        except RedisError as problem:
            raise self._away(problem) from problem

    def failed(self) -> None:
        """The password was wrong: count it for the address and set the pause before the next try."""
        if not _on():
            return
        limiter, redis = _limiter(), _redis()
        by_account = parse(ACCOUNT_FAILURES)
        try:
            limiter.hit(parse(ADDRESS_FAILURES), "address", self.kind, self.address)
            left = limiter.get_window_stats(by_account, "account", self.kind, self.account).remaining
            pause = PAUSES.get(by_account.amount - left)
            if pause is not None:
                redis.set(self._pause_key, 1, ex=pause)
        except RedisError as problem:
            raise self._away(problem) from problem

    def succeeded(self) -> None:
        """The password was right: the account's wrong tries are forgotten, the address's are not."""
        if not _on():
            return
        try:
            _limiter().clear(parse(ACCOUNT_FAILURES), "account", self.kind, self.account)
            _redis().delete(self._pause_key)
        except RedisError as problem:
            raise self._away(problem) from problem

    def _refusal(self, wait: int) -> TooMany:
        log.warning("sign-in limit reached", account=self.account, remote=self.address, kind=self.kind)
        return TooMany(
            _("试的次数太多，为了保护账号先停一停。"),
            wait_text(wait) + _("忘记密码请找街道管理员重设。"),
            retry_after=wait,
        )

    def _away(self, problem: RedisError) -> Unavailable:
        log.error("sign-in refused, queue server away", error=str(problem))
        return Unavailable(_("现在暂时不能登录。"), _("请过几分钟再试；已经登录的人不受影响。"))


def _on() -> bool:
    settings: Settings = current_app.extensions["settings"]
    return settings.rate_limits


def _redis() -> Redis:
    connection: Redis = current_app.extensions["redis"]
    return connection


def _limiter() -> MovingWindowRateLimiter:
    found: MovingWindowRateLimiter | None = current_app.extensions.get("limiter")
    if found is None:
        storage = RedisStorage("redis://", connection_pool=_redis().connection_pool, key_prefix="limit")
        found = current_app.extensions["limiter"] = MovingWindowRateLimiter(storage)
    return found


def _wait(limiter: MovingWindowRateLimiter, item: RateLimitItem, *identifiers: str) -> int:
    """Seconds until one more is allowed, at least 1."""
    return max(1, math.ceil(limiter.get_window_stats(item, *identifiers).reset_time - time.time()))
