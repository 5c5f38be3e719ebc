"""月探访率 of one area and the areas below it, on A4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar


def percent(part: int, whole: int) -> str:
    """96.2%: one decimal, and never 100 % (or 0 %) unless it is: a target of 100 % is met by nobody less."""
    if whole == 0:
        return "—"
    tenths = round(1000 * part / whole)
    if part < whole:
        tenths = min(tenths, 999)
    if part > 0:
        tenths = max(tenths, 1)
    return f"{tenths // 10}.{tenths % 10}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSheet:
    """The table as it stands on the page: every figure with its numerator and denominator. Names no elder."""

    template: ClassVar[str] = "supervision/rate.typ"

    place: str
    month: date
    state: str
    printed_by: str
    printed_on: date
    target: str
    rows: tuple[tuple[str, int, int, int, str], ...]
    beside: tuple[tuple[str, int], ...]
    parts: tuple[tuple[str, str, int, int, int], ...]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the sheet is, and the file's name."""
        return f"月探访率 {self.place} {self.month:%Y-%m}"

    @property
    def dated(self) -> date:
        """The day of printing."""
        return self.printed_on

    def to_json(self) -> dict[str, Any]:
        """The template's data."""
        on = self.printed_on
        return {
            "title": self.title,
            "place": self.place,
            "month": f"{self.month.year}年{self.month.month}月",
            "state": self.state,
            "printed": f"{self.printed_by}　{on.year}年{on.month}月{on.day}日",
            "target": self.target,
            "rows": [
                {
                    "name": name,
                    "elders": str(elders),
                    "contacted": str(contacted),
                    "contacted_rate": percent(contacted, elders),
                    "met": str(met),
                    "met_rate": percent(met, elders),
                    "note": note,
                }
                for name, elders, contacted, met, note in self.rows
            ],
            "beside": [[label, str(count)] for label, count in self.beside],
            "parts": [
                {
                    "kind": kind,
                    "name": name,
                    "elders": str(elders),
                    "contacted_rate": percent(contacted, elders),
                    "met_rate": percent(met, elders),
                }
                for kind, name, elders, contacted, met in self.parts
            ],
            "notes": list(self.notes),
        }
