"""Spreadsheets out: what goes in comes back as the same cells, and nothing comes back as a formula."""

import csv
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from coordinator.kernel.spreadsheet import MAX_CELL, Sheet, SheetColumn, export, neutralise

STARTS = "=+-@\t\r\n＝＋－＠"


def one_column(fmt: str, values: list[Any]) -> Sheet:
    return export(fmt, [SheetColumn("值", lambda row: row)], values, title="名单")


def read_xlsx(sheet: Sheet) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0).to_python()


def read_csv(sheet: Sheet) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "　=1",
        "＝1+1",
        "-",
        "+86 138",
        "--5",
        "\ufeff=1",
    ],
)
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert neutralise(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", "王素珍", "-5", "+8613800000000", "-0.5", "+1e3", ".5", "3月1–15日", "a=b", "'=1", "5-3"]
)
def test_plain_text_and_numbers_stay(text: str) -> None:
    assert neutralise(text) == text


@given(st.text())
def test_neutralised_text_never_starts_a_formula(text: str) -> None:
    safe = neutralise(text)
    assert safe in (text, "'" + text)
    assert neutralise(safe) == safe
    if safe.lstrip(" ").startswith(tuple(STARTS)):
        float(safe)  # only plain numbers may keep a sign


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60), max_size=8))
def test_csv_returns_the_texts(texts: list[str]) -> None:
    rows = read_csv(one_column("csv", texts))
    assert rows == [["值"], *[[neutralise(t)] for t in texts]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=60),
        min_size=1,
        max_size=8,
    )
)
def test_xlsx_returns_the_texts_as_texts(texts: list[str]) -> None:
    sheet = one_column("xlsx", texts)
    rows = read_xlsx(sheet)
    assert [str(row[0]) for row in rows[1:]] == [neutralise(t) for t in texts]
    worksheet = ZipFile(io.BytesIO(sheet.content)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in worksheet
    assert "<hyperlink" not in worksheet


def test_values_keep_their_kind() -> None:
    moment = datetime(2026, 3, 26, 1, 5, tzinfo=UTC)
    values = [3, 2.5, Decimal("0.50"), date(2026, 3, 26), moment, time(9, 5), True, None, ["聊天", "打扫"]]
    sheet = export("xlsx", [SheetColumn("值", lambda row: row[0])], [[v] for v in values], title="表")
    rows = [row[0] for row in read_xlsx(sheet)[1:]]
    assert rows[:3] == [3.0, 2.5, 0.5]
    assert rows[3] == date(2026, 3, 26)
    assert rows[4] == datetime(2026, 3, 26, 9, 5)  # noqa: DTZ001 - a sheet holds local wall time
    assert rows[5:] == ["09:05", "是", "", "聊天、打扫"]
    text = [
        row[0]
        for row in read_csv(
            export("csv", [SheetColumn("值", lambda r: r[0])], [[v] for v in values], title="表")
        )[1:]
    ]
    assert text == ["3", "2.5", "0.50", "2026-03-26", "2026-03-26 09:05", "09:05", "是", "", "聊天、打扫"]


def test_identity_numbers_keep_all_digits() -> None:
    number = "510502194403020013"
    assert read_xlsx(one_column("xlsx", [number]))[1] == [number]
    assert read_xlsx(one_column("xlsx", [510502194403020013]))[1] == [number]


def test_too_long_text_is_cut_not_lost() -> None:
    assert read_xlsx(one_column("xlsx", ["长" * 40_000]))[1] == ["长" * MAX_CELL]


def test_control_characters_do_not_break_the_file() -> None:
    rows = read_xlsx(one_column("xlsx", ["a\x00b\x0bc", "下一行"]))
    assert len(rows) == 3
    assert rows[2] == ["下一行"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("应访/清单: 3月?", "应访-清单- 3月-.xlsx"),
        ("", "export.xlsx"),
        ("'" + "长" * 40, "'" + "长" * 40 + ".xlsx"),
    ],
)
def test_titles_become_legal_names(title: str, name: str) -> None:
    sheet = export("xlsx", [SheetColumn("值", str)], ["a"], title=title)
    assert sheet.filename == name
    assert read_xlsx(sheet) == [["值"], ["a"]]


def test_notes_stand_on_a_sheet_of_their_own() -> None:
    sheet = export("xlsx", [SheetColumn("值", str)], ["a"], title="表", notes=["=1", "含个人信息"])
    book = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content))
    assert book.get_sheet_by_index(1).to_python() == [["'=1"], ["含个人信息"]]


def test_empty_list_still_has_its_headings() -> None:
    assert read_xlsx(one_column("xlsx", [])) == [["值"]]
    assert read_csv(one_column("csv", [])) == [["值"]]


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="ods"):
        one_column("ods", [])
