"""What the system is reached at and what it reaches: its own address, database, road engines, text messages."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from coordinator.config.values import ROAD_MODES, SettingsError, switch, text, url

# Names that no public network resolves (RFC 6761, RFC 8375, ICANN 2024).
INSIDE_NAMES = (".localhost", ".home.arpa", ".internal")


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


def is_loopback(host: str) -> bool:
    """Whether binding to ``host`` reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host(env: Mapping[str, str]) -> str:
    host = text(env, "TANFANG_HOST") or "127.0.0.1"
    if host == "localhost":
        return host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise SettingsError(
            f"TANFANG_HOST={host!r}: must be an IP address of this machine, such as 127.0.0.1, or localhost"
        ) from None
    return host


def road_engines(env: Mapping[str, str]) -> dict[str, str]:
    """The road engine of each mode: its own address, else the common one with its name put in."""
    common = text(env, "OSRM_URL")
    outside = switch(env, "TANFANG_ROADS_OUTSIDE", default=False)
    found = {}
    for mode in ROAD_MODES:
        own = f"OSRM_URL_{mode.upper()}"
        name = own if text(env, own) is not None else "OSRM_URL"
        value = url({name: (text(env, own) or common or "").replace("{mode}", mode)}, name, ("http", "https"))
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


def sms(env: Mapping[str, str], *, demo: bool) -> SmsSettings | None:
    """The text message gateway; without one nobody is sent any. The demo writes them to a file."""
    gateway = text(env, "TANFANG_SMS") or ("console" if demo else "off")
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
    values = {name: text(env, f"TANFANG_SMS_{name}") for name in wanted}
    for name, value in values.items():
        if value is None:
            raise SettingsError(f"TANFANG_SMS_{name}: needed for TANFANG_SMS=aliyun")
    return SmsSettings(
        gateway=gateway,
        url=url(env, "TANFANG_SMS_URL", ("http", "https")) or SmsSettings.url,
        template_link=text(env, "TANFANG_SMS_TEMPLATE_LINK") or "",
        **{name.lower(): value for name, value in values.items() if value is not None},
    )


def database_url(value: str) -> str:
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


def public_base_url(env: Mapping[str, str], host: str, port: int) -> str:
    value = url(env, "TANFANG_PUBLIC_URL", ("http", "https"))
    if value is not None:
        return value
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}"
