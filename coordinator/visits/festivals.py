"""The traditional festivals of a year, as suggestions: the documents name no days, so a coordinator confirms."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from lunar_python import Lunar, Solar


class Festival(NamedTuple):
    """A festival with its first and last day."""

    name: str
    first_day: date
    last_day: date


FIRST_YEAR, LAST_YEAR = 2000, 2099


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
    return sorted(found, key=lambda one: one.first_day)


def _lunar(year: int, month: int, day: int) -> date:
    return _day(Lunar.fromYmd(year, month, day).getSolar())


def _day(solar: Solar) -> date:
    return date(solar.getYear(), solar.getMonth(), solar.getDay())
