"""Who is the same person, who may be, who is not."""

from __future__ import annotations

from datetime import date

import pytest

from coordinator.elders.imports.matching import Known, Resemblances, address_key, alike, near
from coordinator.elders.imports.places import area_key

BORN = date(1944, 3, 2)


def person(
    name: str = "陈秀英", *, address: str = "滨江路3号2栋401", born: date | None = BORN, has_id: bool = False
) -> Known:
    return Known(1, name, born, address_key(address, ["示例省", "滨河街道", "柳荫社区"]), has_id)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("滨江路3号2栋401", "示例省滨河街道柳荫社区滨江路３号 2幢401", True),
        ("滨江路三号二栋401", "滨江路3号2座401", True),
        ("滨江路3号2栋401", "滨江路3号", True),
        ("滨江路3号2栋401", "滨江路3号2栋402", False),
        ("滨江路3号", "中山路3号", False),
        ("柳荫村5组12号", "柳荫村五组12号", True),
        ("", "滨江路3号", False),
    ],
)
def test_addresses(left: str, right: str, same: bool) -> None:
    prefixes = ["示例省", "滨河街道", "柳荫社区"]
    assert alike(address_key(left, prefixes), address_key(right, prefixes)) is same


def test_names_one_sign_apart() -> None:
    assert near("陈秀英", "陈秀瑛")
    assert not near("陈英", "陈瑛")
    assert not near("陈秀英", "陈秀英")


def test_area_names_with_and_without_their_ending() -> None:
    assert area_key("柳荫社区居民委员会") == area_key("柳荫 社区") == area_key("柳荫") == "柳荫"


def test_same_name_birth_and_address_is_the_same_person_unless_both_have_numbers() -> None:
    known = Resemblances()
    known.add(person(has_id=True))
    assert known.same(person()) is not None
    assert known.same(person(has_id=True)) is None
    assert known.same(person(born=date(1944, 3, 3))) is None


@pytest.mark.parametrize(
    ("row", "asks"),
    [
        (person(address="别处8号"), True),  # name and birth
        (person(born=date(1945, 1, 1)), True),  # name and address
        (person("陈秀瑛"), True),  # almost the name, birth and address
        (person("陈秀瑛", address="别处8号"), False),
        (person(address="别处8号", born=date(1945, 1, 1)), False),
        (person("李国华"), False),
        (person(address="别处8号", has_id=True), False),  # two numbers that check out are two persons
    ],
)
def test_who_is_asked_about(row: Known, asks: bool) -> None:
    known = Resemblances()
    known.add(person(has_id=True) if row.has_id else person())
    assert bool(known.similar(row)) is asks
