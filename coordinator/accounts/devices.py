"""A browser's own description in words a person recognises."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

# The first match wins: most browsers also name the ones they descend from.
_BROWSERS: tuple[tuple[str, Any], ...] = (
    ("MicroMessenger", _l("微信")),
    ("DingTalk", _l("钉钉")),
    ("Edg", "Edge"),
    ("HuaweiBrowser", _l("华为浏览器")),
    ("MiuiBrowser", _l("小米浏览器")),
    ("QQBrowser", _l("QQ 浏览器")),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: tuple[tuple[str, Any], ...] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", _l("鸿蒙")),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str | None) -> str:
    """微信（Android）, Edge（Windows）, or 未知设备."""
    text = user_agent or ""
    browser = next((name for sign, name in _BROWSERS if sign in text), "")
    system = next((name for sign, name in _SYSTEMS if sign in text), "")
    if browser and system:
        return _("%(browser)s（%(system)s）", browser=browser, system=system)
    return str(browser or system or _("未知设备"))
