"""Settings, read once from the environment and never changed afterwards.

``load_settings`` is the only place that looks at the environment. Every name is listed in ``KNOWN`` or
``PLAIN``; an unknown ``TANFANG_…`` or a value that cannot be used raises ``SettingsError`` with one line that
names the variable and says what would be right. docs/deployment.md explains each of them to the operator.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from coordinator.config import keys, outside
from coordinator.config.embedded import (
    REDIS_SOCKET_NAME,
    embedded_database_url,
    embedded_redis_url,
    socket_dir,
)
from coordinator.config.outside import SmsSettings, is_loopback
from coordinator.config.values import (
    KNOWN,
    PLAIN,
    SettingsError,
    demo_switch,
    integer,
    refuse_unknown,
    switch,
    text,
    url,
)

__all__ = [
    "KNOWN",
    "PLAIN",
    "REDIS_SOCKET_NAME",
    "Settings",
    "SettingsError",
    "SmsSettings",
    "embedded_database_url",
    "embedded_redis_url",
    "is_loopback",
    "load_settings",
    "socket_dir",
]

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one running system. Secrets and addresses with passwords stay out of ``repr``."""

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path
    database_url: str = field(repr=False)  # SQLAlchemy URL, postgresql+psycopg://…
    redis_url: str = field(repr=False)  # redis://, rediss:// or unix://
    embedded_database: bool = False  # no DATABASE_URL: the supervisor runs PostgreSQL itself
    embedded_queue: bool = False  # no REDIS_URL: the supervisor runs Valkey/Redis itself
    # Mode of travel → road engine. A mode with the address of walking is answered by a walking network.
    road_engines: Mapping[str, str] = field(default_factory=dict)
    smtp_url: str | None = field(default=None, repr=False)
    sms: SmsSettings | None = None
    # The most codes sent to telephones, of the whole installation: each text message costs money.
    codes_hour: int = 500
    codes_day: int = 2000
    wecom_url: str = "https://qyapi.weixin.qq.com"  # where the robots of 企业微信 groups are reached
    secret_key: str = field(repr=False)  # signs cookies and forms
    field_key: bytes = field(repr=False)  # 32 bytes, AES-256-GCM key of the protected fields
    demo: bool = False
    now: datetime | None = None  # a fixed clock, UTC; demo and tests only
    second_factor: bool = True
    rate_limits: bool = True
    web_concurrency: int = 2
    workers: int = 1
    trusted_proxies: int = 0  # how many reverse proxies set X-Forwarded-…
    public_base_url: str = "http://127.0.0.1:8000"  # without trailing slash
    testing: bool = False  # never from the environment

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry ``Secure`` and the ``__Host-`` prefix.

        False only for plain HTTP on a loopback address.
        """
        return self.public_base_url.startswith("https://") or not is_loopback(self.host)

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def demo_accounts_file(self) -> Path:
        return self.data_dir / "demo-accounts.json"

    @property
    def demo_state_file(self) -> Path:
        """Holds ``loading``, ``ready`` or ``failed``; written by the supervisor, read by /readyz."""
        return self.data_dir / "demo.state"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, creating the data directory and missing keys.

    :param environ: the environment; ``os.environ`` when left out.
    :raises SettingsError: an unknown ``TANFANG_…`` or a value that cannot be used.
    """
    env = os.environ if environ is None else environ
    refuse_unknown(env)
    demo = switch(env, "TANFANG_DEMO", default=False)
    host = outside.host(env)
    port = integer(env, "TANFANG_PORT", default=8000, low=1, high=65535)
    data_dir = keys.data_dir(env)
    database_url = text(env, "DATABASE_URL")
    redis_url = text(env, "REDIS_URL")
    return Settings(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=outside.database_url(database_url) if database_url else embedded_database_url(data_dir),
        redis_url=(url(env, "REDIS_URL", ("redis", "rediss", "unix")) or embedded_redis_url(data_dir)),
        embedded_database=database_url is None,
        embedded_queue=redis_url is None,
        road_engines=outside.road_engines(env),
        smtp_url=url(env, "SMTP_URL", ("smtp", "smtps")),
        sms=outside.sms(env, demo=demo),
        codes_hour=integer(env, "TANFANG_CODES_HOUR", default=500, low=10, high=1_000_000),
        codes_day=integer(env, "TANFANG_CODES_DAY", default=2000, low=10, high=1_000_000),
        wecom_url=url(env, "TANFANG_WECOM_URL", ("http", "https")) or Settings.wecom_url,
        secret_key=keys.secret_key(env, data_dir / "keys"),
        field_key=keys.field_key(env, data_dir / "keys"),
        demo=demo,
        now=_now(env, demo=demo),
        second_factor=demo_switch(env, "TANFANG_SECOND_FACTOR", demo=demo, default=not demo),
        rate_limits=demo_switch(env, "TANFANG_RATE_LIMITS", demo=demo, default=True),
        web_concurrency=integer(env, "WEB_CONCURRENCY", default=2, low=1, high=256),
        workers=integer(env, "WORKERS", default=1, low=0, high=256),
        trusted_proxies=integer(env, "TANFANG_TRUSTED_PROXIES", default=0, low=0, high=5),
        public_base_url=outside.public_base_url(env, host, port),
    )


def _now(env: Mapping[str, str], *, demo: bool) -> datetime | None:
    value = text(env, "TANFANG_NOW")
    if value is None:
        return None
    if not demo:
        raise SettingsError("TANFANG_NOW: a fixed clock is refused outside the demo (TANFANG_DEMO=1)")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise SettingsError(
            f"TANFANG_NOW={value!r}: must be a date and time such as 2026-11-20T08:30 (Beijing time)"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_ZONE)).astimezone(UTC)
