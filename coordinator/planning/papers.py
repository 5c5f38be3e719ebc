"""The call lists of a month on A4, a page a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from coordinator.kernel import i18n

VALID_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call: about when, whom, for what, until when."""

    time: str
    name: str
    place: str
    phone: str
    label: str
    until: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPerson:
    """Who rings, with the days and their calls."""

    name: str
    days: tuple[tuple[str, tuple[CallLine, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLists:
    """打电话名单. `full`: the numbers are legible; such a paper expires and is returned."""

    template: ClassVar[str] = "planning/call_lists.typ"

    month: str
    place: str
    printed_by: str
    printed_on: date
    full: bool
    draft: bool
    people: tuple[CallPerson, ...]

    @property
    def title(self) -> str:
        """What the paper is, and the file's name."""
        who = f" {self.people[0].name}" if len(self.people) == 1 else ""
        return f"{self.month}打电话名单 {self.place}{who}"

    @property
    def dated(self) -> date:
        """The day of printing."""
        return self.printed_on

    def to_json(self) -> dict[str, Any]:
        """The template's data."""
        return {
            "title": self.title,
            "month": self.month,
            "place": self.place,
            "draft": self.draft,
            "printed": f"{self.printed_by}　{i18n.day(self.printed_on)}",
            "valid": f"{i18n.day(self.printed_on + timedelta(days=VALID_DAYS))}止，用完交回销毁"
            if self.full
            else "电话隐去中间，不能用来打电话",
            "people": [
                {
                    "name": one.name,
                    "count": str(sum(len(lines) for _day, lines in one.days)),
                    "days": [
                        {
                            "day": day,
                            "lines": [
                                {
                                    "time": line.time,
                                    "name": line.name,
                                    "place": line.place,
                                    "phone": line.phone,
                                    "label": line.label,
                                    "until": line.until,
                                    "done": line.done,
                                }
                                for line in lines
                            ],
                        }
                        for day, lines in one.days
                    ],
                }
                for one in self.people
            ],
        }
