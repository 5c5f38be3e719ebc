"""Files as people send them, and files made to do harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, time

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.elders.imports.reading import Refused, kind_of, normal_heading, open_table
from coordinator.elders.imports.texts import FILE_PROBLEMS
from tests.coordinator.elders.imports.lists import xlsx

KNOWN = {"姓名", "住址", "身份证号", "电话", "社区", "出生日期", "紧急联系人姓名", "紧急联系人电话"}


def read(
    content: bytes,
) -> tuple[list[tuple[str, str | None]], list[tuple[int, list[object]]], dict[str, int]]:
    with open_table(content, KNOWN) as table:
        return table.headings, list(table.rows), table.merged


def refused(content: bytes) -> str:
    with pytest.raises(Refused) as problem, open_table(content, KNOWN) as table:
        list(table.rows)
    return problem.value.code


def test_typed_cells_keep_their_kind() -> None:
    _headings, rows, _merged = read(
        xlsx([["姓名", "住址", "出生日期"], ["陈秀英", "路1号", date(1944, 3, 2)], [None, 7, 0.5]])
    )
    assert rows == [(2, ["陈秀英", "路1号", date(1944, 3, 2)]), (3, ["", 7.0, 0.5])]


def test_headings_below_a_title_in_any_order_with_noise() -> None:
    content = xlsx(
        [
            ["滨河街道长者名单"],
            [],
            ["序号", " 住 址 ", "姓名*", "身份证号（18位）", "不认识"],
            [1, "路1号", "陈", "5105", "x"],
        ]
    )
    headings, rows, _merged = read(content)
    assert [known for _text, known in headings] == [None, "住址", "姓名", "身份证号", None]
    assert rows == [(4, [1.0, "路1号", "陈", "5105", "x"])]


def test_merged_cells_are_filled_downwards_only() -> None:
    content = xlsx(
        [["社区", "姓名", "住址", "电话"], ["", "陈", "路1号"], ["", "李", "", "1"], ["", "王", "路3号"]],
        merge=[(1, 0, 3, 0, "柳荫社区")],
    )
    _headings, rows, merged = read(content)
    assert [cells[0] for _number, cells in rows] == ["柳荫社区"] * 3
    assert merged == {"社区": 1}


def test_a_heading_above_several_columns_belongs_to_them() -> None:
    content = xlsx(
        [["姓名", "住址", "紧急联系人", ""], ["", "", "姓名", "电话"], ["陈", "路1号", "李", "138"]],
        merge=[(0, 0, 1, 0, "姓名"), (0, 1, 1, 1, "住址"), (0, 2, 0, 3, "紧急联系人")],
    )
    headings, rows, _merged = read(content)
    assert [known for _text, known in headings] == ["姓名", "住址", "紧急联系人姓名", "紧急联系人电话"]
    assert rows == [(3, ["陈", "路1号", "李", "138"])]


def test_the_sheet_with_the_headings_is_taken_and_hidden_ones_are_not() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("封面").write(0, 0, "关于姓名和住址")
        hidden = book.add_worksheet("旧")
        hidden.write_row(0, 0, sorted(KNOWN))
        hidden.write_row(1, 0, ["旧"] * len(KNOWN))
        hidden.hide()
        page = book.add_worksheet("名单")
        page.write_row(0, 0, ["姓名", "住址"])
        page.write_row(1, 0, ["陈", "路1号"])
    with open_table(buffer.getvalue(), KNOWN) as table:
        assert table.sheet == "名单"
        assert list(table.rows) == [(2, ["陈", "路1号"])]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_usual_dress(encoding: str, delimiter: str) -> None:
    text = f'姓名{delimiter}住址{delimiter}身份证号\r\n陈䶮{delimiter}"路1号{delimiter}后门"{delimiter}="0012"\r\n'
    _headings, rows, _merged = read(text.encode(encoding))
    inside = delimiter.replace("\t", " ")  # control characters become blanks
    assert rows == [(2, ["陈䶮", f"路1号{inside}后门", "0012"])]


def test_an_apostrophe_that_neutralised_a_formula_is_taken_off() -> None:
    _headings, rows, _merged = read(xlsx([["姓名", "住址"], ["陈", "'=1+1"], ["李", "'路"]]))
    assert [cells[1] for _number, cells in rows] == ["=1+1", "'路"]


def _ods(rows: list[list[str]], repeated: int = 1) -> bytes:
    cells = "".join(
        f'<table:table-row table:number-rows-repeated="{repeated}">'
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    space = "urn:oasis:names:tc:opendocument:xmlns:"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        package.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{space}office:1.0" xmlns:table="{space}table:1.0" '
            f'xmlns:text="{space}text:1.0"><office:body><office:spreadsheet><table:table table:name="名单">'
            f"{cells}</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return buffer.getvalue()


def test_open_document_sheets_are_read() -> None:
    assert read(_ods([["姓名", "住址"], ["陈秀英", "路1号"]]))[1] == [(2, ["陈秀英", "路1号"])]


def test_a_row_repeated_a_hundred_million_times_does_not_take_all_memory() -> None:
    assert refused(_ods([["姓名", "住址"], ["陈秀英", "路1号"]], repeated=100_000_000)) in (
        "too_big",
        "too_many_rows",
    )


def _encrypted_package() -> bytes:
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
    )


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<workbook/>")
        package.writestr("xl/worksheets/sheet1.xml", bytes(60_000_000))
    return buffer.getvalue()


def _word() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("word/document.xml", "<document/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \r\n\x00", "empty"),
        (b"%PDF-1.7\x00\x01\x02", "type"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "type"),
        (_word(), "type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "type"),
        (_encrypted_package(), "password"),
        (b"<html><table><tr><td>\xe5\xa7\x93\xe5\x90\x8d</td></tr></table></html>", "web_page"),
        (b"PK\x03\x04 not a zip at all", "broken"),
        (_bomb(), "bomb"),
        ("只有一列\n没有表头\n".encode(), "no_headings"),
        (xlsx([["姓名", "住址"]]), "no_rows"),
    ],
)
def test_refused_with_the_reason(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_half_a_file_is_refused() -> None:
    content = xlsx([["姓名", "住址"], *[["陈", "路"]] * 50])
    assert refused(content[: len(content) // 2]) == "broken"


def test_a_cell_at_the_far_corner_does_not_take_all_memory() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["姓名", "住址"])
        page.write(1_048_575, 16_383, "远")
    assert refused(buffer.getvalue()) in ("too_big", "too_wide")


def test_more_than_fifty_thousand_rows_are_refused() -> None:
    text = "姓名,住址\n" + "陈,路\n" * 50_001
    assert refused(text.encode()) == "too_many_rows"


def _outcome(act: Callable[[bytes], str], content: bytes) -> str:
    try:
        return act(content)
    except Refused as problem:
        return problem.code


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail)))
def test_any_bytes_are_a_kind_or_refused(content: bytes) -> None:
    assert _outcome(kind_of, content) in {"xlsx", "xls", "ods", "csv", *FILE_PROBLEMS}


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(xlsx([["姓名", "住址"], ["陈", "路1号"]]))
    for _turn in range(data.draw(st.integers(1, 6))):
        # The file holds the time of its making and is a byte longer or shorter each time: places wrap around.
        content[data.draw(st.integers(0, 9_999)) % len(content)] = data.draw(st.integers(0, 255))
    assert _outcome(lambda damaged: "read" if read(damaged) else "", bytes(content)) in {
        "read",
        *FILE_PROBLEMS,
    }


def test_headings_are_compared_without_noise() -> None:
    assert normal_heading(" 身份证 号（18位）* ") == "身份证号"
    assert normal_heading("ＩＤ：") == "ID"


def test_times_come_as_times() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["姓名", "住址"])
        page.write(1, 0, "陈")
        page.write(1, 1, 0.375, book.add_format({"num_format": "hh:mm"}))
    assert read(buffer.getvalue())[1] == [(2, ["陈", time(9, 0)])]
