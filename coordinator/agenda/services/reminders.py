"""Reminding people of their visits: the evening before and the hour before, each once."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby

from flask_babel import force_locale
from flask_babel import gettext as _

from coordinator.agenda.queries.entries import place_name
from coordinator.agenda.queries.reminders import (
    Going,
    bounds,
    evening_key,
    going_between,
    group_days,
    hour_key,
    without_those_on_the_way,
)
from coordinator.kernel import clock, i18n
from coordinator.messages.queries import wishes_of
from coordinator.messages.services import notify, say_in_group

AHEAD = timedelta(minutes=65)


def remind_hour() -> int:
    """Remind of visits that begin within about an hour; returns how many were told. A second run tells nobody.

    Who comes straight from another visit is not disturbed.
    """
    now = clock.now()
    found = without_those_on_the_way(going_between(now + timedelta(seconds=1), now + AHEAD))
    wishes = wishes_of({one.user_id for one in found})
    told = 0
    for one in found:
        if not wishes[one.user_id].hour_reminder:
            continue
        with force_locale("zh"):
            told += notify(
                [one.user_id],
                _("%(hour)s有探访：%(place)s", hour=i18n.hour(one.starts_at), place=_place(one)),
                _("要出发了。去不了，请马上在“今天”里说一声，好找人顶替。"),
                "/today",
                dedupe_key=hour_key(one),
                reminder=True,
                expires_at=one.starts_at,
            )
    return told


def remind_evening(today: date) -> int:
    """Remind everybody who goes tomorrow, one message each, and tell the groups; returns how many were told."""
    day = today + timedelta(days=1)
    first, last = bounds(day)
    found = going_between(first, last)
    wishes = wishes_of({one.user_id for one in found})
    told = 0
    for user_id, rows in groupby(found, key=lambda one: one.user_id):
        visits = list(rows)
        if not wishes[user_id].evening_reminder:
            continue
        with force_locale("zh"):
            told += notify(
                [user_id],
                _("明天 %(n)s 次探访，第一次 %(hour)s", n=len(visits), hour=i18n.hour(visits[0].starts_at)),
                "；".join(f"{i18n.hour(one.starts_at)} {_place(one)}" for one in visits),
                "/today",
                dedupe_key=evening_key(day, visits[0].worker_id),
                reminder=True,
                expires_at=visits[-1].starts_at,
            )
    _tell_groups(day)
    return told


def _tell_groups(day: date) -> None:
    for robot, area, count in group_days(day):
        if not count.visits:
            continue
        with force_locale("zh"):
            lines = [_("%(n)s 次上门，%(people)s 人去", n=count.visits, people=count.people)]
            if count.without:
                lines.append(_("还有 %(n)s 次没有人去，能去的请到“可认领”里看", n=count.without))
            title = _("%(area)s明天（%(day)s）的探访", area=area.name, day=i18n.day(day, weekday=True))
            key = f"group-evening:{robot.id}:{day.isoformat()}"
            say_in_group(robot, title, lines, "/open-visits", dedupe_key=key)


def _place(one: Going) -> str:
    return place_name(one.community, one.neighbourhood)
