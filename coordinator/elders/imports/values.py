"""Reading single cells: dates, telephones, yes and no, amounts, hours. Values in, JSON-ready values out.

Every refusal names what is wrong and what to do. A cell may be text, a number, a date or a truth value, whatever
the program that wrote the file made of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _

from coordinator.elders.imports.reading import MAX_CELL, Cell
from coordinator.kernel import clock
from coordinator.kernel.identity import IdentityError, clean_name, normalise_phone, parse_resident_id

# What people write into a cell that should stay empty.
_BLANKS = frozenset(
    {"", "-", "--", "---", "—", "——", "/", "\\", "无", "暂无", "没有", "不详", "未知", "空"}
    | {"n/a", "na", "null", "none"}
)
_ERRORS = frozenset({"#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#null!", "#spill!", "#calc!"})
_YES = frozenset(
    {"是", "有", "能", "对", "√", "✓", "✔", "y", "yes", "true", "1"}
    | {"愿意", "同意", "可以", "安全", "住在一起"}
)
_NO = frozenset(
    {"否", "无", "没有", "不能", "不", "×", "✗", "✘", "x", "n", "no", "false", "0"}
    | {"不愿意", "不同意", "不可以", "不安全"}
)
_CHINESE_DIGITS = {sign: str(digit) for digit, sign in enumerate("〇一二三四五六七八九")} | {
    "零": "0",
    "○": "0",
}
# Day 1 of Excel's calendar is 1900-01-01, and it believes in a 29 February 1900.
_EXCEL_EPOCH = date(1899, 12, 30)
_FIRST_SERIAL, _LAST_SERIAL = 5_000, 80_000  # 1913 to 2119; smaller whole numbers are years
_EARLIEST = date(1880, 1, 1)
_LATEST = date(2150, 1, 1)


class CellProblem(Exception):
    """A cell that cannot be taken."""

    def __init__(self, code: str, text: str, remedy: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = str(text)
        self.remedy = str(remedy)


class _Blank:
    """The one problem of a required cell that is empty."""

    @property
    def text(self) -> str:
        return _("这一格不能空着。")

    @property
    def remedy(self) -> str:
        return _("请填上再导入。")


BLANK = _Blank()


def plain(cell: Cell) -> str:
    """A cell as text without outer blanks; whole floats without their .0, lost digits as question marks."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and abs(cell) < 1e21 and cell == int(cell):
        digits = str(int(cell))
        # A spreadsheet number holds 15 digits; what follows is invented by the machine.
        return digits if len(digits) <= 15 else digits[:15] + "?" * (len(digits) - 15)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time(0) else cell.strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    return str(cell).strip()


def folded(cell: Cell) -> str:
    """Text for comparing: full-width forms plain, no blanks, small letters."""
    return "".join(unicodedata.normalize("NFKC", plain(cell)).split()).lower()


def is_blank(cell: Cell) -> bool:
    """Does the cell say that there is nothing to say?"""
    return isinstance(cell, str) and (folded(cell) in _BLANKS)


def _refuse_error(text: str) -> None:
    if text.lower() in _ERRORS:
        raise CellProblem(
            "cell_error", _("这一格的公式出错了（%(found)s）。", found=text), _("请改成填好的内容。")
        )


# ── parsers ──────────────────────────────────────────────────────────────────────────────────────────────


def text(limit: int) -> Callable[[Cell], str]:
    """Any text up to `limit` characters, blanks inside made single."""

    def parse(cell: Cell) -> str:
        found = " ".join(plain(cell).split())
        _refuse_error(found)
        if len(found) > limit:
            shown = len(found) if len(found) <= MAX_CELL else _("%(n)s 以上", n=MAX_CELL)
            raise CellProblem(
                "too_long",
                _("最多 %(limit)s 个字，这里有 %(found)s 个。", limit=limit, found=shown),
                _("请写短一些。"),
            )
        return found

    return parse


def name(cell: Cell) -> str:
    """A person's name."""
    _refuse_error(plain(cell))
    return str(_identity(clean_name, plain(cell)))


def phone(cell: Cell) -> str:
    """A telephone; numbers and floats are accepted, what lost digits is not."""
    _refuse_error(plain(cell))
    return str(_identity(normalise_phone, cell if isinstance(cell, (int, float)) else plain(cell)))


def resident_id(cell: Cell) -> str:
    """An ID number whose check digit agrees. Numeric cells of more than 15 digits are always damaged."""
    _refuse_error(plain(cell))
    if isinstance(cell, (date, time, bool)):
        raise CellProblem("id_damaged", _("这一格不是文本。"), _("请把这一列设成文本，对照证件重新填。"))
    try:
        return parse_resident_id(cell, today=clock.today()).number
    except IdentityError as found:
        raise CellProblem(found.code, found.message, found.remedy) from None


def _identity(read: Callable[[Any], str], cell: Any) -> str:
    try:
        return read(cell)
    except IdentityError as found:
        raise CellProblem(found.code, found.message, found.remedy) from None


def day(*, past: bool = False, forever: bool = False) -> Callable[[Cell], str]:
    """A date as ISO text. `past`: not after today. `forever`: 长期 gives the text "forever"."""

    def parse(cell: Cell) -> str:
        if forever and folded(cell) in ("长期", "终身", "永久", "长期有效"):
            return "forever"
        found = read_day(cell)
        if past and found > clock.today():
            raise CellProblem("date_future", _("%(day)s 还没到。", day=found), _("请填今天或以前的日期。"))
        return found.isoformat()

    return parse


def read_day(cell: Cell) -> date:
    """The date a cell means: a date, an Excel day number (also as text), or one of the usual ways of writing.

    Raises CellProblem with what is missing or ambiguous.
    """
    if isinstance(cell, datetime):
        return _within(cell.date())
    if isinstance(cell, date):
        return _within(cell)
    if isinstance(cell, (bool, time)):
        raise _unreadable()
    text = folded(cell)
    _refuse_error(text)
    text = re.sub(r"t?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$", "", text)
    if re.fullmatch(r"[〇零○一二三四五六七八九十年月日号]+", text):
        text = _from_chinese(text)
    text = re.sub(r"\.0+$", "", text)
    if text.isascii() and text.isdigit():
        return _from_digits(text)
    if re.fullmatch(r"\d{4,5}\.\d+", text):  # a day number with a time of day
        return _from_digits(text.split(".")[0])
    found = re.fullmatch(r"(\d{4})[-./年\\](\d{1,2})[-./月\\](\d{1,2})[日号]?(?:星期.|周.)?", text)
    if found:
        return _build(*(int(part) for part in found.groups()))
    if re.fullmatch(r"\d{4}[-./年]\d{1,2}月?", text):
        raise CellProblem("date_no_day", _("只写到月份，没有日。"), _("请写成 1944-03-02 这样。"))
    if re.fullmatch(r"\d{1,2}[-./年]\d{1,2}[-./月]\d{1,2}日?", text):
        raise CellProblem("date_short_year", _("年份要写四位。"), _("请写成 1944-03-02 这样。"))
    if re.fullmatch(r"\d{1,2}[-./]\d{1,2}[-./]\d{4}", text):
        raise CellProblem("date_order", _("分不清哪个是日、哪个是月。"), _("请写成 1944-03-02 这样。"))
    raise _unreadable()


def _from_digits(text: str) -> date:
    if len(text) == 8:
        return _build(int(text[:4]), int(text[4:6]), int(text[6:]))
    number = int(text) if len(text) <= 6 else 0
    if len(text) == 4 and 1850 <= number <= 2150:
        raise CellProblem("date_year_only", _("只写了年份。"), _("请写成 1944-03-02 这样。"))
    if len(text) == 6 and 1850 <= int(text[:4]) <= 2150 and 1 <= int(text[4:]) <= 12:
        raise CellProblem("date_no_day", _("只写到月份，没有日。"), _("请写成 1944-03-02 这样。"))
    if _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return _EXCEL_EPOCH + timedelta(days=number)
    raise _unreadable()


def _build(year: int, month: int, number: int) -> date:
    try:
        return _within(date(year, month, number))
    except ValueError:
        raise CellProblem(
            "date_impossible",
            _("没有 %(day)s 这一天。", day=f"{year}-{month:02d}-{number:02d}"),
            _("请再看一遍。"),
        ) from None


def _within(found: date) -> date:
    if not _EARLIEST <= found <= _LATEST:
        raise CellProblem("date_impossible", _("%(day)s 不像是对的日期。", day=found), _("请再看一遍。"))
    return found


def _unreadable() -> CellProblem:
    return CellProblem("date_unreadable", _("看不懂这个日期。"), _("请写成 1944-03-02 这样。"))


def _from_chinese(text: str) -> str:
    """一九四四年三月十二日 → 1944年3月12日."""

    def number(found: re.Match[str]) -> str:
        word = found.group()
        if "十" not in word:
            return "".join(_CHINESE_DIGITS[sign] for sign in word)
        tens, _ten, ones = word.partition("十")
        digits = "".join(_CHINESE_DIGITS.get(sign, "") for sign in (tens or "一") + (ones or "〇"))
        return str(int(digits)) if digits else ""

    return re.sub(r"[〇零○一二三四五六七八九十]+", number, text)


def choice(words: Mapping[str, Any], offered: Sequence[str]) -> Callable[[Cell], Any]:
    """One of several words; `words` maps folded words (also synonyms) to stored values."""

    def parse(cell: Cell) -> Any:
        found = folded(cell)
        _refuse_error(found)
        if found not in words:
            raise CellProblem(
                "choice",
                _("不认识“%(found)s”。", found=plain(cell)[:20]),
                _("只能填：%(words)s。", words="、".join(offered)),
            )
        return words[found]

    return parse


def choices(words: Mapping[str, Any], offered: Sequence[str]) -> Callable[[Cell], list[Any]]:
    """Several words of a list, separated by 、，,；; / or a blank; None among the values is left out."""

    def parse(cell: Cell) -> list[Any]:
        found: list[Any] = []
        whole = unicodedata.normalize("NFKC", plain(cell))
        for word in re.split(r"[、,;/|\s]+", whole):
            if not word:
                continue
            key = folded(word)
            if key not in words:
                raise CellProblem(
                    "choice",
                    _("不认识“%(found)s”。", found=word[:20]),
                    _("只能填：%(words)s；几个之间用顿号隔开。", words="、".join(offered)),
                )
            if words[key] is not None and words[key] not in found:
                found.append(words[key])
        return found

    return parse


def truth(cell: Cell) -> bool:
    """是 or 否, and what is usually written for them."""
    if isinstance(cell, bool):
        return cell
    found = folded(cell)
    if found in _YES:
        return True
    if found in _NO:
        return False
    raise CellProblem("choice", _("不认识“%(found)s”。", found=plain(cell)[:20]), _("只能填：是、否。"))


def _number(cell: Cell) -> float:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return float(cell)
    found = folded(cell).replace(",", "")
    _refuse_error(found)
    found = re.sub(r"(元|分钟|米|次|小时|人|个|岁|名|°|度)$", "", found)
    if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,12})?", found):
        raise CellProblem("number", _("“%(found)s”不是数字。", found=plain(cell)[:20]), _("请只填数字。"))
    return float(found)


def whole(least: int, most: int) -> Callable[[Cell], int]:
    """A whole number within bounds."""

    def parse(cell: Cell) -> int:
        found = _number(cell)
        if found != int(found) or not least <= found <= most:
            raise CellProblem(
                "number_range",
                _("要填 %(least)s 到 %(most)s 之间的整数。", least=least, most=most),
                _("请再看一遍。"),
            )
        return int(found)

    return parse


def money(cell: Cell) -> float:
    """Yuan, at most two decimals are kept."""
    found = _number(cell)
    if not 0 <= found < 1_000_000:
        raise CellProblem("number_range", _("金额要在 0 到 100 万元之间。"), _("请再看一遍。"))
    return round(found, 2)


_DEGREES = re.compile(r"(\d{1,3})[°度](\d{1,2})[′'分](?:(\d{1,2}(?:\.\d+)?)(?:′′|''|[\"秒])?)?[ne北东]?")


def degrees(cell: Cell) -> float:
    """A coordinate in decimal degrees; 105°26′33.4″ is read too."""
    if isinstance(cell, str):
        found = _DEGREES.fullmatch(folded(cell))
        if found:
            minutes, seconds = int(found.group(2)), float(found.group(3) or 0)
            if minutes < 60 and seconds < 60:
                return int(found.group(1)) + minutes / 60 + seconds / 3600
    try:
        number = _number(re.sub(r"[neNE北东经纬:：]", "", cell) if isinstance(cell, str) else cell)
    except CellProblem:
        raise CellProblem(
            "place_not_a_number", _("经纬度不是数字。"), _("请填小数，例如纬度 28.8718，经度 105.4426。")
        ) from None
    if not -180 <= number <= 180:
        raise CellProblem("place_outside_china", _("经纬度不会这么大。"), _("请填小数，例如 105.4426。"))
    return number


_HOURS = re.compile(r"(\d{1,2})(?:[:点时.](\d{1,2})?分?)?(?:-|~|至|到)(\d{1,2})(?:[:点时.](\d{1,2})?分?)?")
_WHOLE_DAY = frozenset({"全天", "整天", "白天"})
_NO_HOURS = frozenset({"休", "休息", "不行", "没空"})


def hours(cell: Cell) -> list[str] | None:
    """「9:00-17:00」 as ["09:00", "17:00"]; 全天 is 8:00–18:00, 休 is None."""
    found = folded(cell).replace("—", "-").replace("–", "-").replace("－", "-")
    found = re.sub(r"-+", "-", found)
    if found in _WHOLE_DAY:
        return ["08:00", "18:00"]
    if found in _NO_HOURS:
        return None
    match = _HOURS.fullmatch(found)
    if match is None:
        if len(_HOURS.findall(found)) > 1:
            raise CellProblem("hours_many", _("这里只能填一段时间。"), _("请填最长的一段。"))
        raise CellProblem("hours", _("看不懂这个时间。"), _("请写成 9:00-17:00 这样。"))
    parts = [int(part) if part else 0 for part in match.groups()]
    if parts[0] > 23 or parts[2] > 23 or parts[1] > 59 or parts[3] > 59:
        raise CellProblem("hours", _("没有这个钟点。"), _("请写成 9:00-17:00 这样。"))
    start, end = f"{parts[0]:02d}:{parts[1]:02d}", f"{parts[2]:02d}:{parts[3]:02d}"
    if start >= end:
        raise CellProblem("hours", _("结束要晚于开始。"), _("请写成 9:00-17:00 这样。"))
    return [start, end]


_BETWEEN_SPANS = re.compile(r"[、,，;；/\n]|和|及|(?<=[\d点时分])\s+(?=\d)")


def spans(cell: Cell) -> list[str] | None:
    """「8:00-11:00、16:00-18:00」 as ["08:00", "11:00", "16:00", "18:00"]; one span, 全天 and 休 as in `hours`."""
    parts = [part for part in _BETWEEN_SPANS.split(plain(cell)) if part.strip()]
    if len(parts) < 2:
        return hours(cell)
    if len(parts) > 2:
        raise CellProblem("hours_many", _("一天最多填两段时间。"), _("请填最长的两段。"))
    first, second = sorted(hours(part) or [] for part in parts)
    if not first:
        raise CellProblem("hours", _("看不懂这个时间。"), _("请写成 9:00-17:00 这样。"))
    if second[0] < first[1]:
        raise CellProblem("hours_overlap", _("两段时间重在一起了。"), _("请写成一段，或者把两段分开。"))
    return [first[0], second[1]] if second[0] == first[1] else [*first, *second]
