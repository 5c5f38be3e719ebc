"""Calendar periods: half-month, month, half-year, year."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

PeriodKind = Literal["half_month", "month", "half_year", "year"]

# The rule on enrolment shortly before the period's end concerns these only.
SHORT_KINDS: frozenset[PeriodKind] = frozenset({"half_month", "month"})


class Period(NamedTuple):
    """First and last day, both included."""

    start: date
    end: date


def period_of(kind: PeriodKind, day: date, half_month_last_day: int) -> Period:
    """The period of this kind that holds `day`."""
    year, month = day.year, day.month
    if kind == "year":
        return Period(date(year, 1, 1), date(year, 12, 31))
    if kind == "half_year":
        if month <= 6:
            return Period(date(year, 1, 1), date(year, 6, 30))
        return Period(date(year, 7, 1), date(year, 12, 31))
    last = date(year, month, monthrange(year, month)[1])
    if kind == "month":
        return Period(date(year, month, 1), last)
    if day.day <= half_month_last_day:
        return Period(date(year, month, 1), date(year, month, half_month_last_day))
    return Period(date(year, month, half_month_last_day + 1), last)


def _walk(kind: PeriodKind, start: date, end: date, half_month_last_day: int) -> Iterator[Period]:
    day = start
    while day <= end:
        period = period_of(kind, day, half_month_last_day)
        yield period
        if period.end == date.max:
            return
        day = period.end + timedelta(days=1)


@lru_cache(maxsize=256)
def periods_between(kind: PeriodKind, start: date, end: date, half_month_last_day: int) -> tuple[Period, ...]:
    """All periods of this kind that overlap [start, end], in order; none when `end` is before `start`."""
    return tuple(_walk(kind, start, end, half_month_last_day))
