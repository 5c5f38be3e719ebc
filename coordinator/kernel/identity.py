"""Resident ID numbers, telephone numbers and names as people type them, and how they are masked.

Everything here is pure: values in, values out, no database and no clock. A value that cannot be accepted
raises :class:`IdentityError`, whose ``code`` is stable for programs and whose ``message`` says in Chinese
what is wrong and what to do, one text per cause.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from coordinator.kernel.errors import InvalidInput

ID_LENGTH = 18
NAME_MAX = 50
OLDEST_AGE = 130

# GB 11643-1999: ISO 7064 MOD 11-2. Weight of position i (from the left) is 2**(17 - i) mod 11.
_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_CHECK_CHARACTERS = "10X98765432"

# GB/T 2260 province codes; 81, 82, 83 are the residence permits of Hong Kong, Macao and Taiwan residents.
_PROVINCES = frozenset(
    str(code)
    for block in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66))
    for code in block
) | {"71", "81", "82", "83"}
_NO_PREFECTURE = frozenset({"71", "81", "82", "83"})

_SPACES = re.compile(r"[\s\u200b\u200c\u200d\u2060\ufeff]+")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d*)?[eE][+-]?\d+")
_MOBILE = re.compile(r"1[3-9]\d{9}")
# Area codes of two digits after the 0 (010, 020–029) go with 8-digit numbers, the others with 7 or 8.
_LANDLINE = re.compile(r"(?P<area3>010|02\d)(?P<long>[2-9]\d{7})|(?P<area4>0[3-9]\d{2})(?P<any>[2-9]\d{6,7})")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−－﹣ー", "-"))
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･．.", "·"))
_NAME_MARKS = frozenset("·-'’() （）")


class Sex(StrEnum):
    """Sex as the 17th digit of the ID number and the statutory forms have it."""

    FEMALE = "female"
    MALE = "male"


class IdentityCode(StrEnum):
    """Why a value was refused; stable, stored in import reports."""

    ID_EMPTY = "id_empty"
    ID_DAMAGED = "id_damaged"
    ID_OLD = "id_old"
    ID_LENGTH = "id_length"
    ID_LETTER = "id_letter"
    ID_REGION = "id_region"
    ID_DATE = "id_date"
    ID_FUTURE = "id_future"
    ID_TOO_OLD = "id_too_old"
    ID_CHECK_DIGIT = "id_check_digit"
    PHONE_EMPTY = "phone_empty"
    PHONE_DAMAGED = "phone_damaged"
    PHONE_MANY = "phone_many"
    PHONE_CHARACTER = "phone_character"
    PHONE_AREA_CODE = "phone_area_code"
    PHONE_LENGTH = "phone_length"
    PHONE_UNKNOWN = "phone_unknown"
    NAME_EMPTY = "name_empty"
    NAME_LONG = "name_long"
    NAME_DIGIT = "name_digit"
    NAME_CONTROL = "name_control"
    NAME_PRIVATE = "name_private"
    NAME_SYMBOL = "name_symbol"


MESSAGES: dict[IdentityCode, Any] = {
    IdentityCode.ID_EMPTY: _l("没有填身份证号。"),
    IdentityCode.ID_DAMAGED: _l(
        "这个身份证号被表格软件当成数字，末尾几位已经丢了。请把这一列设成文本，对照证件重新填。"
    ),
    IdentityCode.ID_OLD: _l("这是 15 位的旧号码。请填现在证件上的 18 位号码。"),
    IdentityCode.ID_LENGTH: _l("身份证号要 18 位，这里有 %(found)s 位。请对照证件再看一遍。"),
    IdentityCode.ID_LETTER: _l(
        "第 %(place)s 位是“%(found)s”，前 17 位只能是数字，最后一位是数字或字母 X。请对照证件再看一遍。"
    ),
    IdentityCode.ID_REGION: _l("开头的地区码 %(found)s 不存在。请对照证件再看一遍。"),
    IdentityCode.ID_DATE: _l("第 7 到 14 位的出生日期 %(found)s 不存在。请对照证件再看一遍。"),
    IdentityCode.ID_FUTURE: _l("第 7 到 14 位的出生日期 %(found)s 还没到。请对照证件再看一遍。"),
    IdentityCode.ID_TOO_OLD: _l("照出生日期 %(found)s 算已经超过 130 岁。请对照证件再看一遍。"),
    IdentityCode.ID_CHECK_DIGIT: _l("最后一位和前面对不上，请对照证件再看一遍。"),
    IdentityCode.PHONE_EMPTY: _l("没有填电话。"),
    IdentityCode.PHONE_DAMAGED: _l("这个电话被表格软件改成了科学计数，后几位已经丢了。请设成文本后重新填。"),
    IdentityCode.PHONE_MANY: _l("这里像是有几个电话。一格只填一个，其余的填到别的联系人里。"),
    IdentityCode.PHONE_CHARACTER: _l("电话里有“%(found)s”，只能填数字。"),
    IdentityCode.PHONE_AREA_CODE: _l("座机前面要加区号，例如 0830-3123456。"),
    IdentityCode.PHONE_LENGTH: _l("手机号要 11 位，这里有 %(found)s 位。请再看一遍。"),
    IdentityCode.PHONE_UNKNOWN: _l("不像手机号，也不像带区号的座机。请再看一遍。"),
    IdentityCode.NAME_EMPTY: _l("没有填姓名。"),
    IdentityCode.NAME_LONG: _l("姓名最多 50 个字，这里有 %(found)s 个。"),
    IdentityCode.NAME_DIGIT: _l("姓名里有数字“%(found)s”，请去掉。"),
    IdentityCode.NAME_CONTROL: _l("姓名里有看不见的字符，请删掉后重新填。"),
    IdentityCode.NAME_PRIVATE: _l("姓名里有自造字，别的电脑显示不出来。请用输入法的生僻字重新打这个字。"),
    IdentityCode.NAME_SYMBOL: _l("姓名里不能有“%(found)s”。"),
}


class IdentityError(InvalidInput):
    """A value was refused: ``code`` names the cause, ``message`` says what is wrong and what to do."""

    def __init__(self, code: IdentityCode, **values: object) -> None:
        super().__init__(str(MESSAGES[code]) % values, code=code)


@dataclass(frozen=True, slots=True)
class ResidentId:
    """A resident ID number that passed every check. The repr is masked so that no log shows the number."""

    number: str
    birth_date: date
    sex: Sex
    region: str

    def __repr__(self) -> str:
        return f"ResidentId({mask_id(self.number)})"


def check_character(first17: str) -> str:
    """The 18th character for 17 digits (GB 11643-1999, ISO 7064 MOD 11-2): 0–9 or X."""
    return _CHECK_CHARACTERS[sum(int(d) * w for d, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def parse_resident_id(value: object, *, today: date) -> ResidentId:
    """Check an ID number as typed or as read from a spreadsheet cell (GB 11643-1999).

    Spaces, dashes, full-width characters and a small x are tolerated. A numeric cell of more than 15 digits
    is always refused: a spreadsheet number holds 15 significant digits, so the end is lost even where the
    check digit happens to agree.

    Raises:
        IdentityError: with one code per cause.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        whole = _whole_number(value)
        if whole is None or len(whole) > 15:
            raise IdentityError(IdentityCode.ID_DAMAGED)
        text = whole
    else:
        text = _plain(value).replace("-", "").upper()
    if not text:
        raise IdentityError(IdentityCode.ID_EMPTY)
    if _SCIENTIFIC.fullmatch(text):
        raise IdentityError(IdentityCode.ID_DAMAGED)
    if text.isascii() and text.isdigit() and len(text) == 15:
        raise IdentityError(IdentityCode.ID_OLD)
    if len(text) != ID_LENGTH:
        # "510502194003152000.0": a number column turned into text by another program
        if re.fullmatch(r"\d{16,}\.0*", text):
            raise IdentityError(IdentityCode.ID_DAMAGED)
        raise IdentityError(IdentityCode.ID_LENGTH, found=len(text))
    for place, character in enumerate(text, start=1):
        allowed = "0123456789X" if place == ID_LENGTH else "0123456789"
        if character not in allowed:
            raise IdentityError(IdentityCode.ID_LETTER, place=place, found=character)
    check_passes = check_character(text[:17]) == text[17]
    if text.endswith("000") and not check_passes:
        raise IdentityError(IdentityCode.ID_DAMAGED)
    region = text[:6]
    if region[:2] not in _PROVINCES or (region[2:4] == "00" and region[:2] not in _NO_PREFECTURE):
        raise IdentityError(IdentityCode.ID_REGION, found=region)
    digits = text[6:14]
    shown = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    try:
        birth = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise IdentityError(IdentityCode.ID_DATE, found=shown) from None
    if birth > today:
        raise IdentityError(IdentityCode.ID_FUTURE, found=shown)
    if today.year - birth.year > OLDEST_AGE:
        raise IdentityError(IdentityCode.ID_TOO_OLD, found=shown)
    if not check_passes:
        raise IdentityError(IdentityCode.ID_CHECK_DIGIT)
    return ResidentId(text, birth, Sex.MALE if int(text[16]) % 2 else Sex.FEMALE, region)


def normalise_phone(value: object) -> str:
    """A Chinese mobile as 11 digits (``13812345678``) or a landline as ``0830-3123456`` (``-801`` extension).

    Accepts what people and spreadsheets make of it: floats (13812345678.0), +86, 0086, spaces, dashes,
    brackets, full-width digits, a 0 before a mobile, a landline cell that lost its leading 0.

    Raises:
        IdentityError: with one code per cause.
    """
    numeric = False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        numeric = True
        whole = _whole_number(value)
        if whole is None:
            raise IdentityError(IdentityCode.PHONE_UNKNOWN)
        text = whole
    else:
        text = _plain(value)
    if not text:
        raise IdentityError(IdentityCode.PHONE_EMPTY)
    if _SCIENTIFIC.fullmatch(text):
        text = _from_scientific(text)
        numeric = True
    text = re.sub(r"\.0*$", "", text)
    if re.search(r"[、,，;；/|或]", text):
        raise IdentityError(IdentityCode.PHONE_MANY)
    text = re.sub(r"(?:转|EXT\.?|#)(?=\d{1,6}$)", "-", text.upper())
    extension = re.fullmatch(r"(.*\d.*)-(\d{1,5})", text)
    digits = re.sub(r"[-()\[\].+·]", "", text)
    if not (digits.isascii() and digits.isdigit()):
        odd = next((c for c in digits if not (c.isascii() and c.isdigit())), text[0])
        raise IdentityError(IdentityCode.PHONE_CHARACTER, found=odd)
    for prefix in ("0086", "86", "0"):
        if digits.startswith(prefix) and _MOBILE.fullmatch(digits[len(prefix) :]):
            return digits[len(prefix) :]
    if _MOBILE.fullmatch(digits):
        return digits
    for prefix in ("0086", "86"):
        if text.startswith(("+" + prefix, prefix)) and len(digits) >= 12:
            digits = digits.removeprefix(prefix)
            digits = digits if digits.startswith("0") else "0" + digits
    if numeric and not digits.startswith("0") and len(digits) in (9, 10, 11):
        restored = _landline("0" + digits, None)
        if restored:
            return restored
    found = _landline(digits, extension.group(2) if extension else None)
    if found:
        return found
    if len(digits) >= 18:
        raise IdentityError(IdentityCode.PHONE_MANY)
    if len(digits) in (7, 8) and digits[0] in "23456789":
        raise IdentityError(IdentityCode.PHONE_AREA_CODE)
    if digits.startswith("1"):
        raise IdentityError(
            IdentityCode.PHONE_LENGTH if len(digits) != 11 else IdentityCode.PHONE_UNKNOWN, found=len(digits)
        )
    raise IdentityError(IdentityCode.PHONE_UNKNOWN)


def _landline(digits: str, extension: str | None) -> str | None:
    """``0830-3123456`` for digits that are an area code and a number, with the extension if there is one."""
    if extension is not None and digits.endswith(extension):
        main = _landline(digits[: -len(extension)], None)
        if main:
            return f"{main}-{extension}"
    match = _LANDLINE.fullmatch(digits)
    if match is None:
        return None
    return f"{match['area3'] or match['area4']}-{match['long'] or match['any']}"


def is_mobile(phone: str) -> bool:
    """Whether a normalised number can receive a text message."""
    return _MOBILE.fullmatch(phone) is not None


def format_phone(phone: str) -> str:
    """A normalised number in readable groups: ``138 1234 5678``; landlines stay as they are."""
    return f"{phone[:3]} {phone[3:7]} {phone[7:]}" if is_mobile(phone) else phone


def clean_name(value: object) -> str:
    """A person's name, 1 to 50 characters, with the blanks and dots of spreadsheets tidied.

    Rare characters (䶮㛃𫖯, extensions A to I) are kept as they are: no Unicode normalisation, because it
    would replace compatibility ideographs that stand on the person's certificate. A blank between Chinese
    characters goes (「张　三」), one between Latin words stays; the dot of minority names becomes 「·」.

    Raises:
        IdentityError: with one code per cause.
    """
    if value is None:
        raise IdentityError(IdentityCode.NAME_EMPTY)
    text = str(value)
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\r\n" for c in text):
        raise IdentityError(IdentityCode.NAME_CONTROL)
    text = _SPACES.sub(" ", text).strip().translate(_DOTS)
    text = re.sub(r" ?· ?", "·", text)
    text = re.sub(r"(?<![A-Za-z]) | (?![A-Za-z])", "", text)
    if not text:
        raise IdentityError(IdentityCode.NAME_EMPTY)
    for character in text:
        category = unicodedata.category(character)
        if category in ("Nd", "No"):
            raise IdentityError(IdentityCode.NAME_DIGIT, found=character)
        if category == "Cf":
            raise IdentityError(IdentityCode.NAME_CONTROL)
        if category == "Co":
            raise IdentityError(IdentityCode.NAME_PRIVATE)
        # Planes 2 and 3 hold ideographs newer than the interpreter's tables; 〇 is a letter number.
        ideograph = 0x20000 <= ord(character) <= 0x3FFFD or character == "〇"
        if not (category[0] in "LM" or ideograph or character in _NAME_MARKS):
            raise IdentityError(IdentityCode.NAME_SYMBOL, found=character)
    if len(text) > NAME_MAX:
        raise IdentityError(IdentityCode.NAME_LONG, found=len(text))
    if not any(unicodedata.category(c)[0] in "LN" or ord(c) >= 0x20000 for c in text):
        raise IdentityError(IdentityCode.NAME_SYMBOL, found=text[0])
    return text


def mask_id(number: str) -> str:
    """First 6 and last 4 shown (「510502********0027」); anything too short to hide is hidden whole."""
    if len(number) < 15:
        return "*" * len(number)
    return number[:6] + "*" * (len(number) - 10) + number[-4:]


def mask_phone(phone: str) -> str:
    """「138****6027」 for a mobile, 「0830-****456」 for a landline; anything else is hidden whole."""
    if is_mobile(phone):
        return f"{phone[:3]}****{phone[7:]}"
    match = re.fullmatch(r"(0\d{2,3})-(\d{7,8})(?:-\d{1,6})?", phone)
    if match:
        return f"{match.group(1)}-{'*' * (len(match.group(2)) - 3)}{match.group(2)[-3:]}"
    return "*" * len(phone)


def mask_name(name: str) -> str:
    """「陈*芬」, 「陈*」; a single character is hidden."""
    if len(name) <= 1:
        return "*" * len(name)
    if len(name) == 2:
        return name[0] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def _plain(value: object) -> str:
    """Text without blanks, with full-width digits, letters and every kind of dash made plain."""
    if value is None:
        return ""
    text = "".join(
        unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" else c
        for c in str(value).translate(_DASHES)
    )
    return _SPACES.sub("", text.lstrip("'`’"))


def _whole_number(value: float) -> str | None:
    """Digits of a numeric cell, None when it is negative, broken or has a fraction."""
    if value != value or value in (float("inf"), float("-inf")) or value < 0 or value != int(value):
        return None
    return str(int(value))


def _from_scientific(text: str) -> str:
    """Digits of 「1.3812345678E+10」; refused when the mantissa is shorter than the number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise IdentityError(IdentityCode.PHONE_DAMAGED) from None
    exponent = number.as_tuple().exponent
    if number < 0 or not isinstance(exponent, int) or exponent != 0:
        raise IdentityError(IdentityCode.PHONE_DAMAGED)
    return str(int(number))
