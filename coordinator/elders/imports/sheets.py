"""The spreadsheets an import gives out: the template to fill in, and the rows that could not be taken."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import xlsxwriter
from flask_babel import gettext as _

from coordinator.elders.imports.columns import Column
from coordinator.elders.imports.importer import Importer
from coordinator.elders.imports.reading import Cell, thaw
from coordinator.elders.imports.values import plain
from coordinator.elders.models import ImportBatch, ImportRow
from coordinator.kernel import spreadsheet
from coordinator.kernel.spreadsheet import XLSX, Sheet, SheetColumn

# Rows of the template that carry drop-downs and formats.
PREPARED_ROWS = 5_000
REASON = "原因"
_MAX_LIST = 255  # characters of a drop-down written into the cell rule (Excel)


def template(importer: Importer, communities: Sequence[str] = ()) -> Sheet:
    """The empty list: headings, drop-downs, text and date columns; a second sheet explains every column.

    `communities` become the drop-down of the column 社区.
    """
    buffer = io.BytesIO()
    title = _("%(noun)s名单模板", noun=importer.noun)
    with xlsxwriter.Workbook(buffer) as book:
        book.set_properties({"title": title})
        page = book.add_worksheet(_("名单"))
        about = book.add_worksheet(_("说明"))
        options = book.add_worksheet("选项")
        options.hide()
        options.write_column(0, 0, list(communities))
        _data_sheet(book, page, importer.columns, len(communities))
        _explanations(book, about, importer)
    return Sheet(buffer.getvalue(), f"{title}.xlsx", XLSX)


def _data_sheet(book: Any, page: Any, columns: Sequence[Column], communities: int) -> None:
    look = {"bold": True, "text_wrap": True, "valign": "vcenter", "bottom": 1, "locked": True}
    needed = book.add_format(look | {"bg_color": "#0F5257", "font_color": "#FFFFFF"})
    optional = book.add_format(look | {"bg_color": "#E7EDEB", "font_color": "#1C2526"})
    text = book.add_format({"num_format": "@"})
    day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
    page.set_row(0, 36)
    page.freeze_panes(1, 3)
    for index, column in enumerate(columns):
        page.write_string(0, index, column.heading, needed if column.required else optional)
        # Text everywhere but in dates and amounts, so that no program changes what is typed.
        cell_format = day if column.is_date else None if _is_amount(column) else text
        page.set_column(index, index, column.width, cell_format)
        page.data_validation(1, index, PREPARED_ROWS, index, _rule(column, communities))


def _is_amount(column: Column) -> bool:
    return not column.text and not column.choices and column.show.__name__ == "shown_number"


def _rule(column: Column, communities: int) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "input_title": column.heading[:32],
        "input_message": str(column.about)[:255],
        "error_title": column.heading[:32],
        "ignore_blank": True,
    }
    single = column.choices and not column.several
    if column.key == "community" and communities:
        return rule | {
            "validate": "list",
            "source": f"=选项!$A$1:$A${communities}",
            "error_type": "warning",
            "error_message": _("系统里没有这个社区。"),
        }
    if single and len(",".join(column.choices)) <= _MAX_LIST:
        return rule | {
            "validate": "list",
            "source": list(column.choices),
            "error_message": _("只能从下拉里选。"),
        }
    if column.is_date:
        return rule | {
            "validate": "date",
            "criteria": "between",
            "minimum": date(1900, 1, 1),
            "maximum": date(2100, 12, 31),
            "error_message": _("请填日期，例如 1944-03-02。"),
        }
    return rule | {"validate": "any"}


def _explanations(book: Any, page: Any, importer: Importer) -> None:
    head = book.add_format({"bold": True, "bg_color": "#E7EDEB", "bottom": 1, "valign": "vcenter"})
    big = book.add_format({"bold": True, "font_size": 14})
    wrap = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    strong = book.add_format({"text_wrap": True, "valign": "top", "bold": True})
    for index, width in enumerate((22, 8, 46, 40, 22, 22)):
        page.set_column(index, index, width)
    page.write_string(0, 0, _("%(noun)s名单怎样填", noun=importer.noun), big)
    line = 1
    for note in importer.notes():
        page.merge_range(line, 0, line, 5, str(note), wrap)
        page.set_row(line, 32)
        line += 1
    line += 1
    labels = (_("列名"), _("必填"), _("填什么"), _("可以填的词"), _("示例一（虚构）"), _("示例二（虚构）"))
    for index, label in enumerate(labels):
        page.write_string(line, index, label, head)
    page.freeze_panes(line + 1, 1)
    for column in importer.columns:
        line += 1
        page.write_string(line, 0, column.heading, strong)
        page.write_string(line, 1, _("必填") if column.required else "", wrap)
        page.write_string(line, 2, str(column.about), wrap)
        page.write_string(line, 3, "、".join(column.choices), wrap)
        page.write_string(line, 4, column.example[0], wrap)
        page.write_string(line, 5, column.example[1], wrap)


def refused_rows(importer: Importer, batch: ImportBatch, rows: Iterable[tuple[ImportRow, str]]) -> Sheet:
    """The rows that were not taken, with their own headings and cells and the reason in front. Nothing in it can
    run as a formula; corrected, it can be uploaded again."""
    secret_text = {column.key for column in importer.columns if column.text}
    columns = [SheetColumn(REASON, lambda pair: pair[1], width=44)]
    for index, (heading, key) in enumerate(batch.headings):
        columns.append(SheetColumn(heading, _cell_reader(index, as_text=key in secret_text), width=16))
    notes = [_("“原因”一列写着每一行为什么没有导入，改好以后直接上传这个文件，不用删这一列。")]
    if importer.column("latitude") is not None:
        notes.append(_("坐标系和原来的文件一样：%(datum)s。", datum=(batch.coordinate_system or "").upper()))
    return spreadsheet.export_xlsx(
        columns,
        rows,
        title=_("不能导入的%(noun)s", noun=importer.noun),
        notes=notes,
    )


def _cell_reader(index: int, *, as_text: bool) -> Any:
    def read(pair: tuple[ImportRow, str]) -> object:
        cells = pair[0].cells
        cell: Cell = thaw(cells[index]) if index < len(cells) else None
        return plain(cell) if as_text else cell

    return read
