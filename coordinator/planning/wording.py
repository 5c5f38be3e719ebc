"""Remedies and questions to workers in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from coordinator.kernel import i18n
from coordinator.planning.reasons import Names, remedy_text
from coordinator.planning.steps import Change, Step


def remedy_words(code: str, detail: Mapping[str, Any], change: Change, names: Names) -> str:
    """What would help, for the coordinator, without a full stop."""
    who = names.of(f"w{change.worker_id}") if change.worker_id is not None else ""
    if change.step is Step.WINDOW:
        return _(
            "请长者把方便的时间放宽到 %(from)s–%(until)s",
            **{"from": i18n.hour(change.opens or 0), "until": i18n.hour(change.closes or 0)},
        )
    if change.step is Step.REPLAN:
        return _("再算一遍就能排上：%(text)s", text=remedy_text(code, detail, names))
    if change.step is Step.RECRUIT:
        skills = detail.get("skills")
        hours = _span(detail["shift"]) if detail.get("shift") else ""
        if skills:
            text = remedy_text("recruit_skill", detail, names)
            return _("%(text)s（每天 %(hours)s 能来）", text=text, hours=hours) if hours else text
        if code == "second_person":
            return _("附近再找一个人同去（每天 %(hours)s 能来）", hours=hours)
        return _("附近再找一个人（每天 %(hours)s 能来）", hours=hours)
    if change.step is not Step.ASK:
        return remedy_text(code, detail, names)
    return _("请%(who)s%(what)s", who=who, what=asked_words(change, detail))


def asked_words(change: Change, detail: Mapping[str, Any] | None = None) -> str:
    """What a worker is asked for, to be put behind a name or before a question mark."""
    parts = []
    if change.days:
        parts.append(_hours_words(change, detail or {}))
    values = change.values
    if "service_radius_metres" in values:
        far = i18n.distance(float(values["service_radius_metres"]))
        parts.append(_("最远去到 %(far)s", far=far))
    if "max_visits_day" in values:
        parts.append(_("一天最多去 %(n)s 户", n=values["max_visits_day"]))
    if "max_visits_week" in values:
        parts.append(_("一周最多去 %(n)s 户", n=values["max_visits_week"]))
    if "max_visits_month" in values:
        parts.append(_("一个月最多去 %(n)s 户", n=values["max_visits_month"]))
    if "max_hours_week" in values:
        parts.append(_("一周最多来 %(n)s 小时", n=values["max_hours_week"]))
    return "，".join(parts)


def _hours_words(change: Change, detail: Mapping[str, Any]) -> str:
    hours = f"{i18n.hour(change.starts or 0)}–{i18n.hour(change.ends or 0)}"
    days = list(change.days)
    if len(days) == 1:
        when = i18n.day(days[0], weekday=True)
    else:
        when = _(
            "%(period)s的每个%(weekday)s",
            period=i18n.period(days[0], days[-1]),
            weekday=weekday_name(days[0]),
        )
    if "early" in detail and detail.get("seconds"):
        longer = i18n.duration(float(detail["seconds"]))
        more = _("早来 %(time)s", time=longer) if detail["early"] else _("晚走 %(time)s", time=longer)
        return _("%(when)s%(more)s（%(hours)s）", when=when, more=more, hours=hours)
    return _("%(when)s %(hours)s 来", when=when, hours=hours)


def weekday_name(day: date) -> str:
    """星期四."""
    return (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))[day.weekday()]


def gain_words(visits: int, statutory: int) -> str:
    """What it brings."""
    if visits <= 0:
        return _("换上这一位") if statutory > 0 else _("能访更要紧的一位")
    if statutory and statutory == visits:
        return _("能多访 %(n)s 位（必访）", n=visits)
    if statutory:
        return _("能多访 %(n)s 位，其中必访 %(m)s 位", n=visits, m=statutory)
    return _("能多访 %(n)s 位", n=visits)


def _span(shift: Any) -> str:
    return f"{i18n.hour(shift[0])}–{i18n.hour(shift[1])}"
