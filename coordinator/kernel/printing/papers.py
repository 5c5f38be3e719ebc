"""What stands on each paper. Callers fill these; nothing here reads a database.

A paper carries the least personal data that its use needs: there is no field for an ID number, a diagnosis,
a benefit or a category, and a text that contains an ID number is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from itertools import groupby
from typing import Any, ClassVar

import segno

from coordinator.kernel.identity import Sex, format_phone
from coordinator.kernel.printing.routemap import MapStop, Point, RouteMap, draw

MAX_STOPS = 14
_ID_NUMBER = re.compile(r"(?<!\d)\d{6}(?:18|19|20)\d{9}[\dXx](?!\d)")
_WEEKDAYS = "一二三四五六日"
_MAP_WIDTH_MM = 139.0


class PaperError(ValueError):
    """The data do not make a correct paper; the message (English) names the field."""


def _long_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _clock(at: time) -> str:
    return f"{at.hour}:{at.minute:02d}"


def _kilometres(metres: int) -> str:
    return f"{round(metres, -1)} 米" if metres < 1000 else f"{metres / 1000:.1f} 公里"


def _hours(hours: Decimal) -> str:
    text = f"{hours:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _qr(address: str) -> str:
    """A QR code as SVG, level M, without quiet zone: the templates keep four modules free around it.

    One fixed mask instead of the best of eight: four times as fast, which counts for a team's two hundred
    codes, and read as often when blurred, turned and noisy (188 against 190 of 200 in a trial).
    """
    rows = segno.make(address, error="m", micro=False, mask=5).matrix
    size = len(rows)
    path = "".join(
        f"M{x} {y}h{len(run)}v1h-{len(run)}z" for y, row in enumerate(rows) for x, run in _dark_runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path d="{path}"/></svg>'
    )


def _dark_runs(row: bytearray) -> list[tuple[int, bytes]]:
    return [(match.start(), match.group()) for match in re.finditer(rb"[^\x00]+", bytes(row))]


def _refuse_id_numbers(where: str, *texts: str) -> None:
    if any(_ID_NUMBER.search(text) for text in texts):
        raise PaperError(f"{where}: an ID number may not stand on this paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStop:
    """One visit on a route sheet. Visits at one door follow each other with the same ``number`` and are one stop.

    ``obligation`` is the tier line («重点，半月上门。3月16–31日»), ``contact`` the contact person's relation and
    name, ``contact_phone`` normalised and printed in full because the field needs it. ``visit_code`` is the short
    visit number and ``url`` the visit's page, printed as QR when given. ``place`` is the few words beside the
    plate on the map.
    """

    number: int
    arrival: time
    name: str
    address: str
    lat: float
    lon: float
    sex: Sex | None = None
    age: int | None = None
    minutes: int | None = None
    phone: str = ""
    obligation: str = ""
    contact: str = ""
    contact_phone: str = ""
    cautions: tuple[str, ...] = ()
    visit_code: str = ""
    url: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        texts = (self.name, self.address, self.obligation, self.contact, self.place, *self.cautions)
        _refuse_id_numbers(f"stop {self.number}", *texts)

    def to_json(self) -> dict[str, Any]:
        """Printable strings only."""
        sex = {Sex.FEMALE: "女", Sex.MALE: "男", None: ""}[self.sex]
        return {
            "number": str(self.number),
            "arrival": _clock(self.arrival),
            "minutes": f"约 {self.minutes} 分钟" if self.minutes else "",
            "name": self.name,
            "person": " ".join(
                part for part in (sex, f"{self.age} 岁" if self.age is not None else "") if part
            ),
            "address": self.address,
            "phone": format_phone(self.phone),
            "obligation": self.obligation,
            "contact": self.contact,
            "contact_phone": format_phone(self.contact_phone),
            "cautions": list(self.cautions),
            "visit_code": self.visit_code,
            "qr": _qr(self.url) if self.url else "",
        }


def _doors(stops: Sequence[RouteStop]) -> list[list[RouteStop]]:
    """The visits of each stop."""
    return [list(group) for _number, group in groupby(stops, key=lambda stop: stop.number)]


def _place_at_door(stop: RouteStop, door: Sequence[RouteStop], *, followed: bool) -> dict[str, Any]:
    """What a visit's row says beside its own data: the first of a stop tells how many there are and until when."""
    first, last = door[0], door[-1]
    until = ""
    if stop is first and len(door) > 1:
        ends = (last.arrival.hour * 60 + last.arrival.minute + (last.minutes or 0)) % 1440
        until = f"{len(door)} 位，到 {_clock(time(ends // 60, ends % 60))}"
    return {
        "until": until,
        "same": stop is not first,
        "followed": followed,
        "address": "地址同上" if stop is not first and stop.address == first.address else stop.address,
    }


def _households(sheets: Sequence[RouteSheet]) -> str:
    visits = sum(len(sheet.stops) for sheet in sheets)
    doors = sum(len(_doors(sheet.stops)) for sheet in sheets)
    return f"{visits} 户" if doors == visits else f"{doors} 站 {visits} 位"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSheet:
    """探访路线单 of one worker and one day, 1 to 14 visits.

    ``plate`` is the route letter 甲乙丙…, ``companions`` the others of the pair, ``travel`` how times were
    estimated («骑车，按直线距离乘 1.45 估计»). Unless ``approved``, every page is marked 「预览，未批准」 and the
    codes are left out, so that a preview cannot be used at the door.
    """

    template: ClassVar[str] = "planning/route_sheet.typ"

    number: str
    plate: str
    station: str
    day: date
    person: str
    departure: time
    departure_place: str
    stops: tuple[RouteStop, ...]
    duty_phone: str
    approved: bool
    companions: tuple[str, ...] = ()
    finish: time | None = None
    distance_m: int | None = None
    travel: str = ""
    day_url: str = ""
    start: Point | None = None
    end: Point | None = None
    legs: tuple[tuple[Point, ...], ...] = ()
    streets: dict[str, Any] | None = None
    attribution: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.stops) <= MAX_STOPS:
            raise PaperError(f"stops: a sheet has 1 to {MAX_STOPS}, not {len(self.stops)}")
        _refuse_id_numbers("sheet", self.person, self.station, self.departure_place, *self.companions)

    @property
    def dated(self) -> date:
        """The visiting day."""
        return self.day

    @property
    def households(self) -> str:
        """«5 户», or «4 站 5 位» where people live at one address."""
        return _households([self])

    def to_json(self) -> dict[str, Any]:
        """The data of a file that holds this one sheet."""
        title = f"探访路线单 {self.number}" if self.approved else "探访路线单（预览，未批准）"
        return {"title": title, "cover": None, "sheets": [self.sheet_json()]}

    def sheet_json(self) -> dict[str, Any]:
        """The data of this sheet alone, map and codes drawn."""
        # Six rows and the closing lines just fill a page under the lowest map.
        height = 84.0 if len(self.stops) <= 3 else 50.0 if len(self.stops) == 6 else 62.0
        doors = _doors(self.stops)
        route = RouteMap(
            stops=tuple(MapStop(str(s.number), s.lat, s.lon, s.place) for s, *_others in doors),
            start=self.start,
            start_label=self.departure_place,
            end=self.end,
            legs=self.legs,
            streets=self.streets,
            attribution=self.attribution,
        )
        stops = [
            stop.to_json() | _place_at_door(stop, door, followed=stop is not door[-1])
            for door in doors
            for stop in door
        ]
        if not self.approved:
            stops = [{**stop, "qr": "", "visit_code": ""} for stop in stops]
        return {
            "number": self.number if self.approved else "批准后才有",
            "plate": self.plate,
            "station": self.station,
            "day": f"{_long_date(self.day)} 周{_WEEKDAYS[self.day.weekday()]}",
            "person": "、".join((self.person, *self.companions)),
            "departure": f"{_clock(self.departure)} {self.departure_place}",
            "validity": "只限当天，次日交回销毁" if self.approved else "未批准，不能用来上门",
            "map": draw(route, _MAP_WIDTH_MM, height),
            "map_height": height,
            "map_alt": f"路线图：从{self.departure_place}出发，依次到 {self.households}",
            "qr": _qr(self.day_url) if self.day_url and self.approved else "",
            "households": self.households,
            "distance": f"约 {_kilometres(self.distance_m)}" if self.distance_m is not None else "",
            "finish": f"约 {_clock(self.finish)} 走完" if self.finish else "",
            "travel": self.travel,
            "stops": stops,
            "duty_phone": self.duty_phone,
            "preview": not self.approved,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDay:
    """All sheets of a station for one day in one file, behind a list on which they are handed out and returned.

    The list names workers and sheet numbers, no elder. ``approved`` follows from the sheets.
    """

    template: ClassVar[str] = "planning/route_sheet.typ"

    station: str
    day: date
    sheets: tuple[RouteSheet, ...]
    cover: bool = True

    def __post_init__(self) -> None:
        if not self.sheets:
            raise PaperError("sheets: none")
        if any(sheet.day != self.day for sheet in self.sheets):
            raise PaperError("sheets: of another day")

    @property
    def dated(self) -> date:
        """The visiting day."""
        return self.day

    def to_json(self) -> dict[str, Any]:
        """The data of the whole file."""
        sheets = [sheet.sheet_json() for sheet in self.sheets]
        day = f"{_long_date(self.day)} 周{_WEEKDAYS[self.day.weekday()]}"
        keys = ("number", "plate", "person", "departure", "households", "distance")
        cover = {
            "station": self.station,
            "day": day,
            "households": _households(self.sheets),
            "preview": not all(sheet.approved for sheet in self.sheets),
            "rows": [{key: sheet[key] for key in keys} for sheet in sheets],
        }
        return {
            "title": f"探访路线单 {self.station} {day}",
            "cover": cover if self.cover else None,
            "sheets": sheets,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """One line of a certificate: a month and a kind of service, with its days and hours. No elder's name."""

    month: str
    days: str
    content: str
    visits: int
    hours: Decimal

    def to_json(self) -> dict[str, Any]:
        """Printable strings only."""
        return {
            "month": self.month,
            "days": self.days,
            "content": self.content,
            "visits": str(self.visits),
            "hours": _hours(self.hours),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """志愿服务记录证明 with the four blocks of 民发〔2015〕149号: who, how much and what, by whom, number and date.

    ``id_masked`` must be masked already (first 6, last 4). ``hours`` and ``visits`` must equal the sums of the
    rows, so that a printed total can be added up by hand. ``verified`` says which school checked and when.
    """

    template: ClassVar[str] = "hours/certificate.typ"

    number: str
    short_code: str
    verify_url: str
    name: str
    id_type: str
    id_masked: str
    volunteer_number: str
    period_start: date
    period_end: date
    visits: int
    hours: Decimal
    rows: tuple[CertificateRow, ...]
    issuer: str
    person_in_charge: str
    handler: str
    contact: str
    issue_date: date
    approved: bool
    notes: tuple[str, ...] = ()
    verified: str = ""

    def __post_init__(self) -> None:
        if "*" not in self.id_masked:
            raise PaperError("id_masked: not masked")
        if not self.rows:
            raise PaperError("rows: none")
        if sum(row.hours for row in self.rows) != self.hours:
            raise PaperError("hours: not the sum of the rows")
        if sum(row.visits for row in self.rows) != self.visits:
            raise PaperError("visits: not the sum of the rows")
        _refuse_id_numbers("certificate", self.name, *self.notes, *(row.content for row in self.rows))

    @property
    def dated(self) -> date:
        """The day of issue."""
        return self.issue_date

    def to_json(self) -> dict[str, Any]:
        """The template's data."""
        return {
            "title": f"志愿服务记录证明 {self.number}"
            if self.approved
            else "志愿服务记录证明（预览，未批准）",
            "number": self.number if self.approved else "批准后才有",
            "short_code": self.short_code if self.approved else "",
            "verify_url": self.verify_url if self.approved else "",
            "qr": _qr(self.verify_url) if self.approved else "",
            "name": self.name,
            "id_type": self.id_type,
            "id_masked": self.id_masked,
            "volunteer_number": self.volunteer_number,
            "period": f"{_long_date(self.period_start)}至{_long_date(self.period_end)}",
            "visits": str(self.visits),
            "hours": _hours(self.hours),
            "rows": [row.to_json() for row in self.rows],
            "issuer": self.issuer,
            "person_in_charge": self.person_in_charge,
            "handler": self.handler,
            "contact": self.contact,
            "issue_date": _long_date(self.issue_date),
            "verified": self.verified,
            "notes": list(self.notes),
            "preview": not self.approved,
        }
