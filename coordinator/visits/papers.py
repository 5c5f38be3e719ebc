"""The call sheet of a festival, of extreme weather or of an epidemic, on A4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

VALID_DAYS = 7


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One elder: whom to ring, the family behind, and what is done already."""

    name: str
    person: str
    place: str
    phone: str
    flags: tuple[str, ...]
    family: tuple[str, ...]
    elder_done: bool
    family_done: bool

    def to_json(self, number: int) -> dict[str, Any]:
        """Printable values only."""
        return {
            "number": str(number),
            "name": self.name,
            "person": self.person,
            "place": self.place,
            "phone": self.phone,
            "flags": list(self.flags),
            "family": list(self.family),
            "elder_done": self.elder_done,
            "family_done": self.family_done,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSheet:
    """电话联系名单. `full` says whether the numbers are legible; such a sheet expires and is returned."""

    template: ClassVar[str] = "visits/call_sheet.typ"

    event: str
    level: str
    first_day: date
    last_day: date
    place: str
    note: str
    printed_by: str
    printed_on: date
    full: bool
    lines: tuple[CallLine, ...]

    @property
    def title(self) -> str:
        """What the sheet is, and the file's name."""
        return f"{self.event}电话联系名单 {self.place} {self.printed_on.isoformat()}"

    @property
    def dated(self) -> date:
        """The day of printing."""
        return self.printed_on

    def to_json(self) -> dict[str, Any]:
        """The template's data."""
        days = (
            _day(self.first_day)
            if self.first_day == self.last_day
            else f"{_day(self.first_day)}至{_day(self.last_day)}"
        )
        return {
            "title": self.title,
            "event": self.event,
            "level": self.level,
            "days": days,
            "place": self.place,
            "note": self.note,
            "printed": f"{self.printed_by}　{_day(self.printed_on)}",
            "valid": f"{_day(self.printed_on + timedelta(days=VALID_DAYS))}止，用完交回销毁"
            if self.full
            else "电话隐去中间，不能用来打电话",
            "count": str(len(self.lines)),
            "lines": [line.to_json(number) for number, line in enumerate(self.lines, start=1)],
        }
