"""Settings, read once from the environment and never changed afterwards.

``load_settings`` is the only place that looks at the environment. Every name is listed in ``KNOWN`` or
``PLAIN``; an unknown ``TANFANG_…`` or a value that cannot be used raises ``SettingsError`` with one line that
names the variable and says what would be right. docs/deployment.md explains each of them to the operator.
"""

import base64
import binascii
import hashlib
import ipaddress
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")

# sun_path holds 108 bytes with the closing NUL on Linux; a longer path cannot be bound.
SOCKET_PATH_LIMIT = 107
POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"
REDIS_SOCKET_NAME = "redis.sock"

# Names that no public network resolves (RFC 6761, RFC 8375, ICANN 2024).
INSIDE_NAMES = (".localhost", ".home.arpa", ".internal")

KNOWN = frozenset(
    {
        "TANFANG_CODES_DAY",
        "TANFANG_CODES_HOUR",
        "TANFANG_DATA",
        "TANFANG_DEMO",
        "TANFANG_FIELD_KEY",
        "TANFANG_HOST",
        "TANFANG_NOW",
        "TANFANG_PORT",
        "TANFANG_PUBLIC_URL",
        "TANFANG_RATE_LIMITS",
        "TANFANG_ROADS_OUTSIDE",
        "TANFANG_SECOND_FACTOR",
        "TANFANG_SECRET_KEY",
        "TANFANG_SMS",
        "TANFANG_SMS_KEY_ID",
        "TANFANG_SMS_KEY_SECRET",
        "TANFANG_SMS_SIGN",
        "TANFANG_SMS_TEMPLATE_CODE",
        "TANFANG_SMS_TEMPLATE_LINK",
        "TANFANG_SMS_TEMPLATE_NOTICE",
        "TANFANG_SMS_URL",
        "TANFANG_TRUSTED_PROXIES",
        "TANFANG_WECOM_URL",
    }
)
ROAD_MODES = ("walk", "bike", "car")
PLAIN = (
    "DATABASE_URL",
    "REDIS_URL",
    "OSRM_URL",
    *(f"OSRM_URL_{mode.upper()}" for mode in ROAD_MODES),
    "SMTP_URL",
    "WEB_CONCURRENCY",
    "WORKERS",
)


class SettingsError(Exception):
    """A setting that cannot be used; ``str()`` is one line for the operator."""


@dataclass(frozen=True, kw_only=True)
class SmsSettings:
    """The account at the text message gateway: `console` (written to a file, demo only) or `aliyun`."""

    gateway: str
    url: str = "https://dysmsapi.aliyuncs.com"
    key_id: str = ""
    key_secret: str = field(default="", repr=False)
    sign: str = ""  # the signature that stands before each text, as approved by the provider
    template_notice: str = ""  # with one variable, ${title}
    template_code: str = ""  # with one variable, ${code}
    template_link: str = ""  # with one variable, ${token}; empty: links are handed over on paper


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


def is_loopback(host: str) -> bool:
    """Whether binding to ``host`` reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, creating the data directory and missing keys.

    :param environ: the environment; ``os.environ`` when left out.
    :raises SettingsError: an unknown ``TANFANG_…`` or a value that cannot be used.
    """
    env = os.environ if environ is None else environ
    _refuse_unknown(env)
    demo = _switch(env, "TANFANG_DEMO", default=False)
    host = _host(env)
    port = _integer(env, "TANFANG_PORT", default=8000, low=1, high=65535)
    data_dir = _data_dir(env)
    database_url = _text(env, "DATABASE_URL")
    redis_url = _text(env, "REDIS_URL")
    return Settings(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=_database_url(database_url) if database_url else embedded_database_url(data_dir),
        redis_url=(_url(env, "REDIS_URL", ("redis", "rediss", "unix")) or embedded_redis_url(data_dir)),
        embedded_database=database_url is None,
        embedded_queue=redis_url is None,
        road_engines=_road_engines(env),
        smtp_url=_url(env, "SMTP_URL", ("smtp", "smtps")),
        sms=_sms(env, demo=demo),
        codes_hour=_integer(env, "TANFANG_CODES_HOUR", default=500, low=10, high=1_000_000),
        codes_day=_integer(env, "TANFANG_CODES_DAY", default=2000, low=10, high=1_000_000),
        wecom_url=_url(env, "TANFANG_WECOM_URL", ("http", "https")) or Settings.wecom_url,
        secret_key=_secret_key(env, data_dir / "keys"),
        field_key=_field_key(env, data_dir / "keys"),
        demo=demo,
        now=_now(env, demo=demo),
        second_factor=_demo_switch(env, "TANFANG_SECOND_FACTOR", demo=demo, default=not demo),
        rate_limits=_demo_switch(env, "TANFANG_RATE_LIMITS", demo=demo, default=True),
        web_concurrency=_integer(env, "WEB_CONCURRENCY", default=2, low=1, high=256),
        workers=_integer(env, "WORKERS", default=1, low=0, high=256),
        trusted_proxies=_integer(env, "TANFANG_TRUSTED_PROXIES", default=0, low=0, high=5),
        public_base_url=_public_base_url(env, host, port),
    )


# --- embedded servers: where their sockets are -----------------------------------------------------------


def socket_dir(data_dir: Path) -> Path:
    """The directory of the embedded servers' unix sockets, always one that can be bound.

    Normally ``data_dir/run``. When that is too long, or holds a character that means something in a
    connection string, a directory of this user under the system's temporary folder, named after the data
    directory so that two copies never meet. Pure: nothing is created here.
    """
    wanted = data_dir / "run"
    too_long = len(os.fsencode(wanted / POSTGRES_SOCKET_NAME)) > SOCKET_PATH_LIMIT
    if not too_long and not set(str(wanted)) & set(" ,;'\"\\%?#&=+@"):
        return wanted
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tanfang-{os.getuid()}-{digest}"


def embedded_database_url(data_dir: Path, name: str = "tanfang") -> str:
    """SQLAlchemy URL of the embedded PostgreSQL of this data directory."""
    host = quote(str(socket_dir(data_dir)), safe="/")
    return f"postgresql+psycopg://tanfang@/{name}?host={host}"


def embedded_redis_url(data_dir: Path) -> str:
    """URL of the embedded queue server of this data directory."""
    return "unix://" + quote(str(socket_dir(data_dir) / REDIS_SOCKET_NAME), safe="/")


# --- reading single values -------------------------------------------------------------------------------


def _refuse_unknown(env: Mapping[str, str]) -> None:
    unknown = sorted(name for name in env if name.startswith("TANFANG_") and name not in KNOWN)
    if unknown:
        raise SettingsError(
            f"{unknown[0]}: unknown setting. Known: {', '.join(sorted(KNOWN))} (docs/deployment.md)"
        )


def _text(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name, "").strip()
    return value or None


def _integer(env: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    value = _text(env, name)
    if value is None:
        return default
    # int() would also take "1_000" and full-width digits, which an operator does not mean.
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise SettingsError(f"{name}={value!r}: must be a whole number from {low} to {high}")
    return int(value)


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = _text(env, name)
    if value is None:
        return default
    if value.lower() in {"1", "on", "true", "yes"}:
        return True
    if value.lower() in {"0", "off", "false", "no"}:
        return False
    raise SettingsError(f"{name}={value!r}: must be on or off")


def _demo_switch(env: Mapping[str, str], name: str, *, demo: bool, default: bool) -> bool:
    """A protection that only the demo may switch off."""
    value = _switch(env, name, default=default)
    if not value and not demo:
        raise SettingsError(f"{name}=off: refused outside the demo (TANFANG_DEMO=1)")
    return value


def _host(env: Mapping[str, str]) -> str:
    host = _text(env, "TANFANG_HOST") or "127.0.0.1"
    if host == "localhost":
        return host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise SettingsError(
            f"TANFANG_HOST={host!r}: must be an IP address of this machine, such as 127.0.0.1, or localhost"
        ) from None
    return host


def _road_engines(env: Mapping[str, str]) -> dict[str, str]:
    """The road engine of each mode: its own address, else the common one with its name put in."""
    common = _text(env, "OSRM_URL")
    outside = _switch(env, "TANFANG_ROADS_OUTSIDE", default=False)
    found = {}
    for mode in ROAD_MODES:
        own = f"OSRM_URL_{mode.upper()}"
        name = own if _text(env, own) is not None else "OSRM_URL"
        value = _url({name: (_text(env, own) or common or "").replace("{mode}", mode)}, name, ("http", "https"))
        if value is None:
            continue
        if not outside and not _stays_inside(urlsplit(value).hostname or ""):
            raise SettingsError(
                f"{name}: a road engine outside the own network would learn where elders live; use one on this "
                "machine or in the own network, or allow it with TANFANG_ROADS_OUTSIDE=on"
            )
        found[mode] = value
    return found


def _stays_inside(host: str) -> bool:
    """Whether an address is of this machine or of a private network; a name without a dot is in no public one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(INSIDE_NAMES)
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_private or address.is_loopback


def _url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = _text(env, name)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        complete = bool(parts.path if parts.scheme == "unix" else parts.hostname)
        _ = parts.port
    except ValueError:
        complete = False
    if not complete or parts.scheme not in schemes:
        # The value itself may hold a password, so it is not repeated.
        raise SettingsError(
            f"{name}: must be an address that begins with {' or '.join(s + '://' for s in schemes)}"
        )
    return value.rstrip("/") if parts.scheme in {"http", "https"} else value


def _sms(env: Mapping[str, str], *, demo: bool) -> SmsSettings | None:
    """The text message gateway; without one nobody is sent any. The demo writes them to a file."""
    gateway = _text(env, "TANFANG_SMS") or ("console" if demo else "off")
    if gateway not in {"off", "console", "aliyun"}:
        raise SettingsError(f"TANFANG_SMS={gateway!r}: must be off, console or aliyun")
    if gateway == "off":
        return None
    if gateway == "console":
        if not demo:
            # Sign-in codes and notices in a file that nobody reads are neither safe nor sent.
            raise SettingsError("TANFANG_SMS=console: refused outside the demo (TANFANG_DEMO=1)")
        return SmsSettings(gateway=gateway)
    wanted = ("KEY_ID", "KEY_SECRET", "SIGN", "TEMPLATE_NOTICE", "TEMPLATE_CODE")
    values = {name: _text(env, f"TANFANG_SMS_{name}") for name in wanted}
    for name, value in values.items():
        if value is None:
            raise SettingsError(f"TANFANG_SMS_{name}: needed for TANFANG_SMS=aliyun")
    return SmsSettings(
        gateway=gateway,
        url=_url(env, "TANFANG_SMS_URL", ("http", "https")) or SmsSettings.url,
        template_link=_text(env, "TANFANG_SMS_TEMPLATE_LINK") or "",
        **{name.lower(): value for name, value in values.items() if value is not None},
    )


def _database_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"} or not rest:
        raise SettingsError(
            "DATABASE_URL: must be a PostgreSQL address, postgresql://user:password@host/name"
        )
    try:
        name = urlsplit(value).path.strip("/")
        _ = urlsplit(value).port
    except ValueError:
        name = ""
    if not name:
        raise SettingsError("DATABASE_URL: names no database, postgresql://user:password@host/name")
    return "postgresql+psycopg://" + rest


def _public_base_url(env: Mapping[str, str], host: str, port: int) -> str:
    value = _url(env, "TANFANG_PUBLIC_URL", ("http", "https"))
    if value is not None:
        return value
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}"


def _now(env: Mapping[str, str], *, demo: bool) -> datetime | None:
    value = _text(env, "TANFANG_NOW")
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


# --- data directory and keys -----------------------------------------------------------------------------


def _data_dir(env: Mapping[str, str]) -> Path:
    path = Path(_text(env, "TANFANG_DATA") or "var").expanduser()
    path = Path(os.path.abspath(path))
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"TANFANG_DATA={path}: cannot be created ({error.strerror})") from None
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsError(f"TANFANG_DATA={path}: not a directory this user may write to")
    return path


def _secret_key(env: Mapping[str, str], keys_dir: Path) -> str:
    value = _text(env, "TANFANG_SECRET_KEY")
    if value is None:
        return _stored(keys_dir / "secret_key")
    if len(value) < 32:
        raise SettingsError(
            "TANFANG_SECRET_KEY: must have at least 32 characters, as `openssl rand -hex 32` makes"
        )
    return value


def _field_key(env: Mapping[str, str], keys_dir: Path) -> bytes:
    value = _text(env, "TANFANG_FIELD_KEY")
    if value is not None:
        return _decode_key(value, "TANFANG_FIELD_KEY")
    path = keys_dir / "field_key"
    return _decode_key(_stored(path), str(path))


def _decode_key(value: str, source: str) -> bytes:
    try:
        key = (
            bytes.fromhex(value)
            if len(value) == 64
            else base64.b64decode(value, altchars=b"-_", validate=True)
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise SettingsError(f"{source}: must be 32 bytes in hex or base64, as `openssl rand -hex 32` makes")
    return key


def _stored(path: Path) -> str:
    """The key kept in ``path``; made on first use. Two processes that start at once get the same key."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
        if not path.exists():
            fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first; its key counts
                os.link(fresh, path)
            fresh.unlink()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(f"{path}: readable by others; run: chmod 600 {path}")
        value = path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{path}: key cannot be read or written ({error.strerror})") from None
    if len(value) < 32:
        raise SettingsError(f"{path}: key file is damaged; put it back from a safe copy")
    return value
