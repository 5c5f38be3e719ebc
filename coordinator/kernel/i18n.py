"""Language of the interface and the Chinese way to write dates, durations and distances (look.md, Wording)."""

from __future__ import annotations

from datetime import date, datetime, time

from flask import Flask, g, has_request_context, request, session
from flask_babel import gettext as _

from coordinator.kernel import clock

LOCALES = ("zh", "en")
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def select_locale() -> str:
    """The person's choice, else Chinese: the interface is written in it."""
    if not has_request_context():
        return "zh"
    chosen = request.args.get("lang") or session.get("locale") or g.get("locale")
    return chosen if chosen in LOCALES else "zh"


def _english() -> bool:
    return select_locale() == "en"


def day(value: date | datetime | None, *, weekday: bool = False) -> str:
    """3月26日 周四; with the year only when it is not this year."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = clock.to_local(value).date()
    if _english():
        text = f"{value.day} {value:%b}" + ("" if value.year == clock.today().year else f" {value.year}")
        return f"{value:%a} {text}" if weekday else text
    year = "" if value.year == clock.today().year else f"{value.year}年"
    text = f"{year}{value.month}月{value.day}日"
    return f"{text} {WEEKDAYS[value.weekday()]}" if weekday else text


def day_of_month(value: date) -> str:
    """28日周六, where the month is plain and there is little room."""
    return f"{value:%a} {value.day}" if _english() else f"{value.day}日{WEEKDAYS[value.weekday()]}"


def period(first: date, last: date) -> str:
    """3月16–31日, or 2月27日–3月3日."""
    if first == last:
        return day(first)
    if _english():
        return f"{day(first)} – {day(last)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{day(first)[:-1]}–{last.day}日"
    return f"{day(first)}–{day(last)}"


def hour(value: datetime | time | int | None) -> str:
    """9:00, from a stored moment, a time of day or seconds after local midnight."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        local = clock.to_local(value)
        return f"{local.hour}:{local.minute:02d}"
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02d}"
    return f"{value // 3600 % 24}:{value % 3600 // 60:02d}"


def moment(value: datetime | None) -> str:
    """3月26日 9:05."""
    return "" if value is None else f"{day(value)} {hour(value)}"


def duration(seconds: float) -> str:
    """35 分钟, 1 小时 15 分."""
    minutes = max(0, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("%(n)s 分钟", n=minutes)
    if not rest:
        return _("%(n)s 小时", n=hours)
    return _("%(h)s 小时 %(m)s 分", h=hours, m=rest)


def hours(minutes: int) -> str:
    """Service hours with at most two decimals: 0.5, 1, 12.25."""
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".")


def distance(metres: float) -> str:
    """500 米 below one kilometre (in steps of ten), then 6.2 公里."""
    if metres < 995:
        return _("%(n)s 米", n=round(metres / 10) * 10)
    return _("%(n)s 公里", n=f"{metres / 1000:.1f}")


def age(birth: date, on: date | None = None) -> int:
    """Completed years on a day."""
    on = on or clock.today()
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def register(app: Flask) -> None:
    """Offer these as template filters."""
    app.jinja_env.filters.update(
        day=day,
        period=period,
        hour=hour,
        moment=moment,
        duration=duration,
        hours=hours,
        distance=distance,
        age=age,
    )
    app.jinja_env.globals.update(period=period, today=clock.today)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["locale"] = select_locale
