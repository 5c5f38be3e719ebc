"""The traditional festivals of a year, as suggestions: the documents name no days, so a coordinator confirms.

元旦, 劳动节 and 国庆节 are public holidays and no 传统节日: they are not offered. The days off come from the yearly
notice of the State Council, which a library carries; years it does not hold are said to be missing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from chinese_calendar import constants
from lunar_python import Lunar, Solar


class Festival(NamedTuple):
    """A festival with its first and last day, and the days off of the State Council's notice where it is known."""

    name: str
    first_day: date
    last_day: date
    off: tuple[date, date] | None = None


FIRST_YEAR, LAST_YEAR = 2000, 2099
# The names under which the library keeps the days off.
_OFF = {
    "春节": constants.Holiday.spring_festival.value,
    "清明节": constants.Holiday.tomb_sweeping_day.value,
    "端午节": constants.Holiday.dragon_boat_festival.value,
    "中秋节": constants.Holiday.mid_autumn_festival.value,
}
_DAYS_OFF: dict[date, str] = constants.holidays


def years_known() -> tuple[int, int]:
    """First and last year of which the days off are known here."""
    return min(_DAYS_OFF).year, max(_DAYS_OFF).year


def days_off_known(year: int) -> bool:
    """Has the State Council's notice for this year been published and taken into the library?"""
    return any(day.year == year for day in _DAYS_OFF)


def festivals(year: int) -> list[Festival]:
    """除夕 to 初六, 元宵, 清明, 端午, 中秋, 重阳 of a Gregorian year, by date. ValueError outside 2000–2099."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"no festivals for the year {year}")
    new_year = _lunar(year, 1, 1)
    around = timedelta(days=1)
    qingming = _day(Solar.fromYmd(year, 3, 1).getLunar().getJieQiTable()["清明"])
    found = [Festival("春节", new_year - around, new_year + timedelta(days=5))]
    lantern = _lunar(year, 1, 15)
    found.append(Festival("元宵节", lantern, lantern))
    for name, day in (("清明节", qingming), ("端午节", _lunar(year, 5, 5)), ("中秋节", _lunar(year, 8, 15))):
        found.append(Festival(name, day - around, day + around))
    double_ninth = _lunar(year, 9, 9)
    found.append(Festival("重阳节", double_ninth, double_ninth))
    known = [one._replace(off=_days_off(one)) for one in found]
    return sorted(known, key=lambda one: one.first_day)


def _days_off(festival: Festival) -> tuple[date, date] | None:
    """The run of days off that touches the festival. 中秋 may fall into those of 国庆节, which bear its name."""
    name = _OFF.get(festival.name)
    if name is None:
        return None
    named = [day for day, held in _DAYS_OFF.items() if held == name and day.year == festival.first_day.year]
    if not named:
        day = festival.first_day + (festival.last_day - festival.first_day) / 2
        named = [day] if day in _DAYS_OFF else []
    if not named:
        return None
    first, last = min(named), max(named)
    while first - timedelta(days=1) in _DAYS_OFF:
        first -= timedelta(days=1)
    while last + timedelta(days=1) in _DAYS_OFF:
        last += timedelta(days=1)
    return first, last


def _lunar(year: int, month: int, day: int) -> date:
    return _day(Lunar.fromYmd(year, month, day).getSolar())


def _day(solar: Solar) -> date:
    return date(solar.getYear(), solar.getMonth(), solar.getDay())
