"""What an area may set about the freezing of its months."""

from __future__ import annotations

from datetime import date, timedelta

from coordinator.kernel.areas import Area, inherited

# Not in any document: by then what was written down on paper has been typed in.
FREEZE_DAY = 5
LATEST_FREEZE_DAY = 28


def freeze_day(area: Area) -> int:
    """The day of the next month on which a month is frozen, 1 to 28: `coverage_freeze_day` of the area's settings,
    inherited from above."""
    settings = inherited(area, "settings") or {}
    wanted = settings.get("coverage_freeze_day", FREEZE_DAY)
    return min(max(int(wanted), 1), LATEST_FREEZE_DAY) if isinstance(wanted, int) else FREEZE_DAY


def month_before(month: date) -> date:
    """The first day of the month before the one that holds this day."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_after(month: date) -> date:
    """The first day of the month after the one that holds this day."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_back(month: date, count: int) -> list[date]:
    """`count` months up to and including the one that holds this day, oldest first."""
    found = [month.replace(day=1)]
    while len(found) < count:
        found.append(month_before(found[-1]))
    return found[::-1]
