"""ID numbers, telephone numbers and names. All persons and numbers are invented."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from coordinator.kernel import identity
from coordinator.kernel.errors import InvalidInput
from coordinator.kernel.identity import (
    IdentityCode,
    IdentityError,
    Sex,
    check_character,
    clean_name,
    mask_id,
    mask_name,
    mask_phone,
    normalise_phone,
    parse_resident_id,
)

TODAY = date(2026, 3, 26)


def number(region="510502", birth="19440315", sequence="002"):
    first = region + birth + sequence
    return first + check_character(first)


def code_of(call, *args, **kwargs):
    with pytest.raises(IdentityError) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, InvalidInput)
    assert "%(" not in caught.value.message
    assert caught.value.message.endswith("。")
    return caught.value.code


valid_ids = st.builds(
    number,
    region=st.sampled_from(["510502", "110101", "440703", "460106", "610102", "810000", "830000"]),
    birth=st.dates(date(1900, 1, 1), TODAY).map(lambda d: d.strftime("%Y%m%d")),
    sequence=st.integers(1, 999).map("{:03d}".format),
)


def test_the_example_printed_in_the_standard():
    # GB 11643-1999, the worked example: 11010519491231002X
    found = parse_resident_id("11010519491231002x", today=TODAY)
    assert (found.number, found.birth_date, found.sex) == (
        "11010519491231002X",
        date(1949, 12, 31),
        Sex.FEMALE,
    )
    assert parse_resident_id("440524188001010014", today=date(1990, 1, 1)).sex is Sex.MALE


@given(valid_ids)
def test_valid_numbers_pass_however_they_are_written(text):
    found = parse_resident_id(text, today=TODAY)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in text)
    for form in (
        f" {text}\t",
        text.lower(),
        f"{text[:6]} {text[6:14]}-{text[14:]}",
        wide,
        f"'{text}",
        f"\u200b{text}",
    ):
        assert parse_resident_id(form, today=TODAY) == found
    assert found.birth_date.strftime("%Y%m%d") == text[6:14]
    assert found.sex is (Sex.MALE if text[16] in "13579" else Sex.FEMALE)
    assert text not in repr(found)


@given(valid_ids, st.integers(0, 17), st.sampled_from("0123456789"))
def test_one_wrong_digit_never_passes(text, place, digit):
    assume(text[place] != digit)
    with pytest.raises(IdentityError):
        parse_resident_id(text[:place] + digit + text[place + 1 :], today=TODAY)


@given(valid_ids, st.integers(0, 16))
def test_two_swapped_neighbours_never_pass(text, place):
    assume(text[place] != text[place + 1])
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    with pytest.raises(IdentityError):
        parse_resident_id(swapped, today=TODAY)


@given(valid_ids)
def test_numeric_cells_are_always_refused(text):
    assume(text.isdigit())
    assert code_of(parse_resident_id, float(text), today=TODAY) == IdentityCode.ID_DAMAGED
    assert code_of(parse_resident_id, int(text), today=TODAY) == IdentityCode.ID_DAMAGED
    assert code_of(parse_resident_id, f"{float(text):.5E}", today=TODAY) == IdentityCode.ID_DAMAGED
    assert code_of(parse_resident_id, f"{int(float(text))}.0", today=TODAY) == IdentityCode.ID_DAMAGED


@given(valid_ids)
def test_fifteen_digits_and_three_zeros_are_called_damaged(text):
    damaged = text[:15] + "000"
    assume(check_character(damaged[:17]) != "0")
    assert code_of(parse_resident_id, damaged, today=TODAY) == IdentityCode.ID_DAMAGED


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, IdentityCode.ID_EMPTY),
        ("  ", IdentityCode.ID_EMPTY),
        ("51050219440315002", IdentityCode.ID_LENGTH),
        ("5105021944031500271", IdentityCode.ID_LENGTH),
        ("510502440315002", IdentityCode.ID_OLD),
        (510502440315002, IdentityCode.ID_OLD),
        (510502440315002.0, IdentityCode.ID_OLD),
        (12345.0, IdentityCode.ID_LENGTH),
        (1.5, IdentityCode.ID_DAMAGED),
        (float("nan"), IdentityCode.ID_DAMAGED),
        ("5.10502E+17", IdentityCode.ID_DAMAGED),
        ("5105021944O3150027", IdentityCode.ID_LETTER),
        ("51050219440315002A", IdentityCode.ID_LETTER),
        ("51050219440315０٣27", IdentityCode.ID_LETTER),
        (number(region="990502"), IdentityCode.ID_REGION),
        (number(region="510002"), IdentityCode.ID_REGION),
        (number(region="510000"), IdentityCode.ID_REGION),
        (number(birth="19440230"), IdentityCode.ID_DATE),
        (number(birth="19441301"), IdentityCode.ID_DATE),
        (number(birth="00000101"), IdentityCode.ID_DATE),
        (number(birth="19440229"), None),
        (number(birth="19430229"), IdentityCode.ID_DATE),
        (number(birth="20260327"), IdentityCode.ID_FUTURE),
        (number(birth="20260326"), None),
        (number(birth="18900101"), IdentityCode.ID_TOO_OLD),
        ("510502194403150021", IdentityCode.ID_CHECK_DIGIT),
        (True, IdentityCode.ID_LENGTH),
    ],
)
def test_each_cause_has_its_code(value, code):
    if code is None:
        assert parse_resident_id(value, today=TODAY).number == value
    else:
        assert code_of(parse_resident_id, value, today=TODAY) == code


def test_the_check_digit_text():
    with pytest.raises(IdentityError) as caught:
        parse_resident_id("510502194403150021", today=TODAY)
    assert caught.value.message == "最后一位和前面对不上，请对照证件再看一遍。"


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.none()))
def test_anything_is_either_accepted_or_refused_with_a_code(value):
    refusals = []
    for call in (lambda v: parse_resident_id(v, today=TODAY), normalise_phone, clean_name):
        try:
            call(value)
        except IdentityError as refused:
            refusals.append(refused)
    assert all(refused.code in set(IdentityCode) and refused.message for refused in refusals)


mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@given(mobiles)
def test_mobile_forms(phone):
    wide = "".join(chr(ord(c) + 0xFEE0) for c in phone)
    grouped = f"{phone[:3]} {phone[3:7]} {phone[7:]}"
    dashed = grouped.replace(" ", "－")
    typed = [phone, f"{phone}.0", f"+86 {phone}", f"0086{phone}", f"86-{phone}", f"0{phone}", wide, grouped]
    typed += [dashed, f"（+86）{phone}", f" {phone}\u00a0", f"'{phone}", f"{float(phone):.10E}"]
    forms = [*typed, float(phone), int(phone)]
    assert {normalise_phone(form) for form in forms} == {phone}
    assert identity.is_mobile(phone)
    assert mask_phone(phone) == f"{phone[:3]}****{phone[-4:]}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0830-3123456", "0830-3123456"),
        ("（0830）312 3456", "0830-3123456"),
        ("+86 830 3123456", "0830-3123456"),
        ("010-62345678", "010-62345678"),
        ("021 6234 5678", "021-62345678"),
        ("0898-65312345", "0898-65312345"),
        ("0830-3123456-801", "0830-3123456-801"),
        ("0830-3123456转801", "0830-3123456-801"),
        (8303123456.0, "0830-3123456"),
        (89865312345, "0898-65312345"),
    ],
)
def test_landlines(value, expected):
    assert normalise_phone(value) == expected
    assert normalise_phone(expected) == expected
    assert not identity.is_mobile(expected)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", IdentityCode.PHONE_EMPTY),
        (None, IdentityCode.PHONE_EMPTY),
        ("1.38123E+10", IdentityCode.PHONE_DAMAGED),
        ("13812345678、13912345678", IdentityCode.PHONE_MANY),
        ("13812345678 13912345678", IdentityCode.PHONE_MANY),
        ("138123456O8", IdentityCode.PHONE_CHARACTER),
        ("无", IdentityCode.PHONE_CHARACTER),
        ("3123456", IdentityCode.PHONE_AREA_CODE),
        ("1381234567", IdentityCode.PHONE_LENGTH),
        ("138123456789", IdentityCode.PHONE_LENGTH),
        ("12012345678", IdentityCode.PHONE_UNKNOWN),
        ("0000000", IdentityCode.PHONE_UNKNOWN),
        (-13812345678, IdentityCode.PHONE_UNKNOWN),
        (13812345678.5, IdentityCode.PHONE_UNKNOWN),
    ],
)
def test_phone_refusals(value, code):
    assert code_of(normalise_phone, value) == code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("王素珍", "王素珍"),
        ("张　三", "张三"),
        (" 张 三\n", "张三"),
        ("䶮㛃𫖯𬙂𣲘", "䶮㛃𫖯𬙂𣲘"),
        ("李〇", "李〇"),
        ("\U0002ebf0\U00031350", "\U0002ebf0\U00031350"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("阿依古丽 • 买买提", "阿依古丽·买买提"),
        ("John  Smith", "John Smith"),
        ("葛\U000e0100", "葛\U000e0100"),
        ("王（小）", "王（小）"),
    ],
)
def test_names_kept(value, expected):
    assert clean_name(value) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, IdentityCode.NAME_EMPTY),
        ("　", IdentityCode.NAME_EMPTY),
        ("王" * 51, IdentityCode.NAME_LONG),
        ("王3", IdentityCode.NAME_DIGIT),
        ("王３", IdentityCode.NAME_DIGIT),
        (123, IdentityCode.NAME_DIGIT),
        ("王\x00", IdentityCode.NAME_CONTROL),
        ("王\u202e珍", IdentityCode.NAME_CONTROL),
        ("王\ue863", IdentityCode.NAME_PRIVATE),
        ("=王", IdentityCode.NAME_SYMBOL),
        ("王<b>", IdentityCode.NAME_SYMBOL),
        ("--", IdentityCode.NAME_SYMBOL),
    ],
)
def test_names_refused(value, code):
    assert code_of(clean_name, value) == code


def test_fifty_characters_are_enough():
    assert clean_name("𫖯" * 50) == "𫖯" * 50


@given(st.text(max_size=60))
def test_a_cleaned_name_stays_as_it_is(text):
    try:
        name = clean_name(text)
    except IdentityError:
        return
    assert clean_name(name) == name
    assert 1 <= len(name) <= 50


def test_masks():
    assert mask_id("510502194403150027") == "510502********0027"
    assert mask_id("5105021944") == "**********"
    assert mask_phone("13800006027") == "138****6027"
    assert mask_phone("0830-3123456") == "0830-****456"
    assert mask_phone("12345") == "*****"
    assert [mask_name(n) for n in ("", "陈", "陈芬", "陈素芬", "欧阳素芬")] == [
        "",
        "*",
        "陈*",
        "陈*芬",
        "欧**芬",
    ]


@given(valid_ids)
def test_the_mask_hides_birthday_and_order(text):
    assert text[6:14] not in mask_id(text)[6:14]
    assert mask_id(text).count("*") == 8


def test_every_code_has_a_text():
    assert set(identity.MESSAGES) == set(IdentityCode)
