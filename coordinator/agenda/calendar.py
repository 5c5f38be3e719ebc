"""A calendar file (RFC 5545, RFC 7986) of entries. The same entries give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from icalendar import Calendar, Event, Timezone, TimezoneStandard, vText

from coordinator import __version__
from coordinator.agenda.queries.entries import Entry
from coordinator.kernel.clock import LOCAL

REFRESH = timedelta(hours=1)


def render(name: str, entries: Sequence[Entry], base_url: str) -> bytes:
    """The file as bytes with CRLF. `base_url` stands before the links; times are wall time of Asia/Shanghai."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Tanfang//Tanfang {__version__}//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for key in ("name", "x-wr-calname"):
        calendar.add(key, name)
    calendar.add("x-wr-timezone", "Asia/Shanghai")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    calendar.add_component(_zone())
    for entry in entries:
        calendar.add_component(_event(entry, base_url))
    return calendar.to_ical()


def _zone() -> Timezone:
    """Asia/Shanghai without the summer times of 1986 to 1991, which no feed reaches."""
    zone = Timezone()
    zone.add("tzid", "Asia/Shanghai")
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1992, 1, 1))  # noqa: DTZ001 -- a time zone's own start has none
    standard.add("tzoffsetfrom", timedelta(hours=8))
    standard.add("tzoffsetto", timedelta(hours=8))
    standard.add("tzname", "CST")
    zone.add_component(standard)
    return zone


def _event(entry: Entry, base_url: str) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", _whole(entry.changed_at))
    event.add("created", _whole(entry.made_at))
    event.add("last-modified", _whole(entry.changed_at))
    event.add("sequence", entry.sequence)
    event.add("dtstart", entry.starts_at.astimezone(LOCAL))
    event.add("dtend", entry.ends_at.astimezone(LOCAL))
    event.add("summary", _("已取消 %(title)s", title=entry.title) if entry.cancelled else entry.title)
    event.add("location", entry.place)
    link = base_url + entry.path
    event.add("description", _("姓名和门牌不放在日历里，请打开系统看：%(link)s", link=link))
    event.add("url", link)
    event["status"] = vText(
        "CANCELLED" if entry.cancelled else "TENTATIVE" if entry.tentative else "CONFIRMED"
    )
    event.add("transp", "TRANSPARENT" if entry.cancelled or entry.tentative else "OPAQUE")
    event.add("class", "PRIVATE")
    return event


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
