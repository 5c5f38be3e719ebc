"""Reading a spreadsheet from somebody else: what kind it is by content, which rows it has.

The file is opened in a process of its own with limits on memory and time, because a small file can be made to
unpack to any size. This module is that process too (`python reading.py`), so it imports nothing of ours.

Wire format: standard input is one JSON line (`known` headings) and the file; standard output is JSON lines, first
`{"columns": …, "total": …}` or `{"refused": code}`, then `[number, cells]` per row that holds anything.
"""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

MAX_ROWS = 50_000
MAX_COLUMNS = 300
HEADING_WITHIN = 30  # rows from the top
# Real registers unpack to 5–40 times their size; 50,000 rows with all columns to about 250 MB.
MAX_UNPACKED_BYTES = 400_000_000
MAX_RATIO = 150
SMALL_ENOUGH_BYTES = 20_000_000
MAX_ZIP_ENTRIES = 3_000
MEMORY_LIMIT_BYTES = 1_500_000_000
CPU_LIMIT_SECONDS = 90
MAX_CELL = 4_000

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】")
_EXCEL_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_HEADING_NOISE = re.compile(r"[\s\u200b-\u200d\ufeff*:#＊]+")

Cell = str | float | int | bool | date | datetime | time | None


class Refused(Exception):
    """The file cannot be taken; `code` is a key of `texts.FILE_PROBLEMS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as it comes out of the reading process. `headings` holds, per column, the text and the known heading
    it was recognised as; `rows` yields the row number as the spreadsheet program shows it, and the cells."""

    sheet: str
    heading_row: int
    headings: list[tuple[str, str | None]]
    merged: dict[str, int]
    total: int
    rows: Iterator[tuple[int, list[Cell]]]


def normal_heading(text: object) -> str:
    """A heading without blanks, full-width forms, stars and hints in brackets."""
    plain = _HEADING_NOISE.sub("", unicodedata.normalize("NFKC", str(text)))
    return _BRACKETS.sub("", plain) or plain


def kind_of(content: bytes) -> str:
    """ "xlsx", "xls", "ods" or "csv", by content. Raises Refused for everything else."""
    if not content.strip(b"\x00\t\r\n "):
        raise Refused("empty")
    if content.startswith(b"PK"):
        return _kind_of_zip(content)
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise Refused("password")
        if any(name.encode("utf-16-le") in content for name in ("Workbook", "Book")):
            return "xls"
        raise Refused("type")
    start = content[:400].lstrip(b"\xef\xbb\xbf\t\r\n ").lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta")):
        raise Refused("web_page")
    decode(content)
    return "csv"


def _kind_of_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            names = {entry.filename for entry in entries}
            if any(entry.flag_bits & 1 for entry in entries):
                raise Refused("password")
            unpacked = sum(entry.file_size for entry in entries)
            if (
                len(entries) > MAX_ZIP_ENTRIES
                or unpacked > MAX_UNPACKED_BYTES
                or (unpacked > SMALL_ENOUGH_BYTES and unpacked > MAX_RATIO * len(content))
            ):
                raise Refused("bomb")
            if "mimetype" in names:
                kind = package.read("mimetype")[:100]
                if kind.strip() == b"application/vnd.oasis.opendocument.spreadsheet":
                    return "ods"
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zlib.error) as problem:
        raise Refused("broken") from problem
    if names & {"xl/workbook.xml", "xl/workbook.bin"}:
        return "xlsx"
    raise Refused("type")


def decode(content: bytes) -> str:
    """The text of a CSV file: UTF-8 with or without mark, UTF-16 with mark, else GB 18030 (Excel in China)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: Sequence[str] = ("utf-16",)
    else:
        if b"\x00" in content:
            raise Refused("type")
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:20_000].translate(dict.fromkeys(b"\t\r\n\x0b"))
        if 50 * sum(unicodedata.category(c) in ("Cc", "Cn", "Co") for c in sample) > len(sample):
            break
        return text
    raise Refused("type")


@contextmanager
def open_table(content: bytes, known: Iterable[str]) -> Iterator[Table]:
    """The data sheet of a file, read in a limited process of its own.

    `known` are normalised headings; the sheet and the row that hold most of them are taken. Raises Refused.
    """
    kind_of(content)
    child = subprocess.Popen(  # noqa: S603 (our own file, no shell)
        [sys.executable, "-I", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        try:
            child.stdin.write(json.dumps({"known": sorted(known)}).encode() + b"\n")
            child.stdin.write(content)
            child.stdin.close()
        except BrokenPipeError:
            raise Refused("too_big") from None
        line = child.stdout.readline()
        if not line:
            raise Refused("too_big")
        head = json.loads(line)
        if "refused" in head:
            raise Refused(head["refused"])
        yield Table(
            sheet=head["sheet"],
            heading_row=head["heading_row"],
            headings=[(text, key) for text, key in head["headings"]],
            merged=head["merged"],
            total=head["total"],
            rows=_rows_of(child, head["total"]),
        )
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def _rows_of(child: subprocess.Popen[bytes], total: int) -> Iterator[tuple[int, list[Cell]]]:
    assert child.stdout is not None
    count = 0
    for line in child.stdout:
        number, cells = json.loads(line)
        count += 1
        yield number, [thaw(cell) for cell in cells]
    if count != total:
        raise Refused("too_big")


def thaw(cell: Any) -> Cell:
    """A cell from its JSON form."""
    if isinstance(cell, dict):
        ((kind, text),) = cell.items()
        if kind == "day":
            return date.fromisoformat(text)
        if kind == "moment":
            return datetime.fromisoformat(text)
        return time.fromisoformat(text)
    return cell  # type: ignore[no-any-return]


def freeze(cell: Any) -> Any:
    """A cell in a form JSON can carry."""
    if isinstance(cell, datetime):
        return {"moment": cell.replace(tzinfo=None).isoformat()}
    if isinstance(cell, date):
        return {"day": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.strftime("%H:%M:%S")}
    if isinstance(cell, timedelta):
        seconds = int(cell.total_seconds()) % 86_400
        return {"time": f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"}
    if isinstance(cell, float) and (cell != cell or cell in (float("inf"), float("-inf"))):
        return ""
    if isinstance(cell, str):
        return _text(cell)
    return cell


def _text(cell: str) -> str:
    """Text without what no cell of a register holds; undoes ="…" and the apostrophe of a neutralised formula."""
    found = _EXCEL_TEXT.fullmatch(cell)
    if found:
        cell = found.group(1)
    cell = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in cell)
    cell = cell.strip(" \u3000\u00a0\ufeff")
    if cell[:1] in ("'", "’") and cell[1:2] in ("=", "+", "-", "@", "＝", "＋", "－", "＠"):
        cell = cell[1:]
    return cell[: MAX_CELL + 1]


# ── the reading process ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Sheet:
    """One sheet: rows from the top, and merged ranges as (top, left, bottom, right), all counted from 0."""

    name: str
    rows: Callable[[], Iterator[list[Any]]]
    merged: list[tuple[int, int, int, int]]


def _book_sheets(content: bytes) -> Iterator[_Sheet]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        visible = python_calamine.SheetVisibleEnum.Visible
        work = python_calamine.SheetTypeEnum.WorkSheet
        for about in book.sheets_metadata:
            if about.visible != visible or about.typ != work:
                continue
            sheet = book.get_sheet_by_name(about.name)
            if sheet.start is None or sheet.width == 0:
                continue
            if sheet.total_width > MAX_COLUMNS:
                raise Refused("too_wide")
            left = sheet.start[1]
            yield _Sheet(about.name, _row_reader(sheet, left), _ranges(sheet))
    except python_calamine.PasswordError:
        raise Refused("password") from None
    except (python_calamine.CalamineError, OSError, ValueError) as problem:
        raise Refused("broken") from problem


def _row_reader(sheet: Any, left: int) -> Callable[[], Iterator[list[Any]]]:
    def rows() -> Iterator[list[Any]]:
        for row in sheet.iter_rows():
            yield [""] * left + row

    return rows


def _ranges(sheet: Any) -> list[tuple[int, int, int, int]]:
    return [(top, left, bottom, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()]


def _csv_sheet(content: bytes) -> _Sheet:
    text = decode(content)
    csv.field_size_limit(1_000_000)

    def read(delimiter: str, source: str) -> Iterator[list[Any]]:
        return csv.reader(io.StringIO(source, newline=""), delimiter=delimiter)

    def width(delimiter: str) -> int:
        try:
            return max((len(row) for row in islice(read(delimiter, text[:100_000]), 50)), default=0)
        except csv.Error:
            return 0

    delimiter = max((",", ";", "\t", "，"), key=width)
    if width(delimiter) > MAX_COLUMNS:
        raise Refused("too_wide")
    return _Sheet("", lambda: read(delimiter, text), [])


def _filled(sheet: _Sheet, downto: int) -> Iterator[tuple[int, list[Any]]]:
    """Rows with merged cells filled: within the heading region in both directions, below it downwards only (a
    value spread to the right would land in other columns)."""
    waiting = deque(sorted(sheet.merged))
    active: list[list[Any]] = []
    for index, row in enumerate(sheet.rows()):
        while waiting and waiting[0][0] <= index:
            top, left, bottom, right = waiting.popleft()
            if top == index and left < len(row):
                active.append([left, bottom, min(right, len(row) - 1), row[left], top])
        if active:
            for left, _bottom, right, value, top in active:
                if top <= downto:
                    for column in range(left, min(right + 1, len(row))):
                        if row[column] in ("", None):
                            row[column] = value
                elif left < len(row) and row[left] in ("", None):
                    row[left] = value
            active = [one for one in active if one[1] > index]
        yield index, row


def _headings(group: list[Any], row: list[Any], known: set[str]) -> list[tuple[str, str | None]]:
    """Text and recognised heading of each column; a heading above (紧急联系人 over 姓名) belongs to it."""
    found: list[tuple[str, str | None]] = []
    for column, cell in enumerate(row):
        text = str(cell).strip() if cell not in ("", None) else ""
        above = str(group[column]).strip() if column < len(group) and group[column] not in ("", None) else ""
        both = normal_heading(above) + normal_heading(text)
        if text and above and text != above and both in known:
            found.append((f"{above} {text}", both))
        else:
            found.append((text, normal_heading(text) if text and normal_heading(text) in known else None))
    return found


def _best_heading(sheet: _Sheet, known: set[str]) -> tuple[int, int, list[tuple[str, str | None]]]:
    """Number of known headings, row index and headings of the best row near the top."""
    best: tuple[int, int, list[tuple[str, str | None]]] = (0, 0, [])
    group: list[Any] = []
    for index, row in _filled(sheet, HEADING_WITHIN):
        if index >= HEADING_WITHIN:
            break
        if all(cell in ("", None) for cell in row):
            continue
        headings = _headings(group, row, known)
        score = len({key for _text, key in headings if key})
        if score > best[0]:
            best = (score, index, headings)
        group = row
    return best


def _write(content: bytes, known: set[str], write: Callable[[str], object]) -> None:
    sheets = [_csv_sheet(content)] if kind_of(content) == "csv" else _book_sheets(content)
    best: tuple[int, int, list[tuple[str, str | None]]] = (0, 0, [])
    chosen: _Sheet | None = None
    any_sheet = False
    for sheet in sheets:
        any_sheet = True
        found = _best_heading(sheet, known)
        if found[0] > best[0]:
            best, chosen = found, sheet
    if not any_sheet:
        raise Refused("no_sheet")
    if chosen is None or best[0] < 2:
        raise Refused("no_headings")
    _score, heading, headings = best
    while headings and not headings[-1][0]:
        headings.pop()
    total = 0
    for index, row in _filled(chosen, heading):
        if index > heading and any(freeze(cell) not in ("", None) for cell in row[: len(headings)]):
            total += 1
    if total > MAX_ROWS:
        raise Refused("too_many_rows")
    if not total:
        raise Refused("no_rows")
    merged: dict[str, int] = {}
    for top, left, bottom, _right in chosen.merged:
        if top > heading and bottom > top and left < len(headings):
            merged[headings[left][0]] = merged.get(headings[left][0], 0) + 1
    head = {"sheet": chosen.name, "heading_row": heading + 1, "headings": headings, "merged": merged}
    head["total"] = total
    write(json.dumps(head, ensure_ascii=False) + "\n")
    for index, row in _filled(chosen, heading):
        if index <= heading:
            continue
        cells = [freeze(cell) for cell in row[: len(headings)]]
        if all(cell in ("", None) for cell in cells):
            continue
        write(json.dumps([index + 1, cells], ensure_ascii=False) + "\n")


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_SECONDS, CPU_LIMIT_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known = set(json.loads(sys.stdin.buffer.readline())["known"])
    content = sys.stdin.buffer.read()
    output = sys.stdout
    try:
        _write(content, known, output.write)
    except Refused as problem:
        output.write(json.dumps({"refused": problem.code}) + "\n")
    except csv.Error:
        output.write(json.dumps({"refused": "broken"}) + "\n")
    except MemoryError:
        output.write(json.dumps({"refused": "too_big"}) + "\n")
    output.flush()


if __name__ == "__main__":
    _main()
