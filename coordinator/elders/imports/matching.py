"""Is this somebody we know already? By ID number for certain, by name, birth date and address with a question.

Everything is looked up in blocks (community and name, community and birth date), so that twenty thousand rows
against as many dossiers stay a few comparisons each.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

# Addresses alike from here on, once their figures agree (0–100).
ADDRESS_ALIKE = 80
MAX_CANDIDATES = 3

_UNITS = str.maketrans({"幢": "栋", "座": "栋", "楼": "栋", "號": "号", "戶": "户"})
_CHINESE = {"零": 0, "〇": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_CHINESE_NUMBER = re.compile(r"[一二三四五六七八九十]+(?=号|栋|单元|室|层|组|户|社)")
_PUNCTUATION = re.compile(r"[\s,，.。、;；:：()（）#'\"·]+")


def _figure(found: re.Match[str]) -> str:
    word = found.group()
    if "十" not in word:
        return "".join(str(_CHINESE[sign]) for sign in word)
    tens, _ten, ones = word.partition("十")
    return str((_CHINESE.get(tens, 1) if tens else 1) * 10 + _CHINESE.get(ones, 0))


def address_key(address: str, prefixes: Sequence[str] = ()) -> str:
    """An address for comparing: no blanks or signs, 幢 and 座 as 栋, 三单元 as 3单元, without the names of the
    areas it lies in (`prefixes`, outermost first)."""
    plain = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", address)).translate(_UNITS).lower()
    for prefix in prefixes:
        plain = plain.removeprefix(prefix)
    return _CHINESE_NUMBER.sub(_figure, plain).replace("号栋", "栋")


def alike(left: str, right: str) -> bool:
    """May two address keys be the same door? Their words are similar, and no figure says otherwise."""
    if left == right:
        return True
    if not left or not right:
        return False
    mine, theirs = re.findall(r"\d+", left), re.findall(r"\d+", right)
    short, long = sorted((mine, theirs), key=len)
    if short != long[: len(short)] or (not short and long):
        return False
    words = [re.sub(r"\d+", "", one) for one in (left, right)]
    return fuzz.ratio(*words) >= ADDRESS_ALIKE or fuzz.partial_ratio(*words) >= 95


def near(left: str, right: str) -> bool:
    """One character apart, in names of three and more: 陈秀芳 and 陈秀方."""
    return left != right and min(len(left), len(right)) >= 3 and Levenshtein.distance(left, right) <= 1


@dataclass(frozen=True, slots=True)
class Known:
    """What is compared of a person: one of the register (`id`) or of an earlier row of the file (`row`)."""

    area_id: int
    name: str
    birth_date: date | None
    address: str
    has_id: bool
    id: int | None = None
    row: int | None = None


class Resemblances:
    """Persons by community and name, and by community and birth date."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[int, str], list[Known]] = defaultdict(list)
        self._by_birth: dict[tuple[int, date], list[Known]] = defaultdict(list)

    def add(self, person: Known) -> None:
        """Make the person findable."""
        self._by_name[person.area_id, person.name].append(person)
        if person.birth_date is not None:
            self._by_birth[person.area_id, person.birth_date].append(person)

    def add_all(self, people: Iterable[Known]) -> None:
        """Make several persons findable."""
        for person in people:
            self.add(person)

    def same(self, person: Known) -> Known | None:
        """The one person with equal name, birth date and address, unless both have ID numbers (which would have
        matched)."""
        for other in self._by_name.get((person.area_id, person.name), ()):
            if (
                not (person.has_id and other.has_id)
                and person.birth_date is not None
                and other.birth_date == person.birth_date
                and other.address == person.address
            ):
                return other
        return None

    def similar(self, person: Known) -> list[Known]:
        """Persons somebody should compare, the likeliest first. Two different ID numbers that both check out are
        two persons, however alike."""
        found: list[tuple[int, Known]] = []
        for other in self._by_name.get((person.area_id, person.name), ()):
            if person.has_id and other.has_id:
                continue
            births = person.birth_date is not None and person.birth_date == other.birth_date
            if births or alike(person.address, other.address):
                found.append((0 if births else 1, other))
        if person.birth_date is not None:
            for other in self._by_birth.get((person.area_id, person.birth_date), ()):
                if person.has_id and other.has_id:
                    continue
                if near(person.name, other.name) and alike(person.address, other.address):
                    found.append((2, other))
        found.sort(key=lambda one: (one[0], one[1].id or 0, one[1].row or 0))
        return [other for _rank, other in found[:MAX_CANDIDATES]]
