"""One value of the environment at a time: text, numbers, switches, addresses."""

from collections.abc import Mapping
from urllib.parse import urlsplit

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


def refuse_unknown(env: Mapping[str, str]) -> None:
    unknown = sorted(name for name in env if name.startswith("TANFANG_") and name not in KNOWN)
    if unknown:
        raise SettingsError(
            f"{unknown[0]}: unknown setting. Known: {', '.join(sorted(KNOWN))} (docs/deployment.md)"
        )


def text(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name, "").strip()
    return value or None


def integer(env: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    value = text(env, name)
    if value is None:
        return default
    # int() would also take "1_000" and full-width digits, which an operator does not mean.
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise SettingsError(f"{name}={value!r}: must be a whole number from {low} to {high}")
    return int(value)


def switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = text(env, name)
    if value is None:
        return default
    if value.lower() in {"1", "on", "true", "yes"}:
        return True
    if value.lower() in {"0", "off", "false", "no"}:
        return False
    raise SettingsError(f"{name}={value!r}: must be on or off")


def demo_switch(env: Mapping[str, str], name: str, *, demo: bool, default: bool) -> bool:
    """A protection that only the demo may switch off."""
    value = switch(env, name, default=default)
    if not value and not demo:
        raise SettingsError(f"{name}=off: refused outside the demo (TANFANG_DEMO=1)")
    return value


def url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = text(env, name)
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
