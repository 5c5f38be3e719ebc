"""The rows of a batch as a list, and what a page says about one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from coordinator.elders.imports.importer import Importer, shown_cell
from coordinator.elders.imports.reading import Cell, thaw
from coordinator.elders.models import ImportBatch, ImportRow, RowDecision, RowOutcome
from coordinator.extensions import db
from coordinator.kernel.access import Actor
from coordinator.kernel.errors import NotFound
from coordinator.kernel.listing import Column, Filter, ListingSpec

OUTCOMES: dict[str, Any] = {
    RowOutcome.CREATE: _l("新增"),
    RowOutcome.UPDATE: _l("更新"),
    RowOutcome.SAME: _l("相同"),
    RowOutcome.ASK: _l("要您决定"),
    RowOutcome.REFUSE: _l("不能导入"),
}
RECENT = 10


def _by_outcome(statement: Select[Any], value: Any) -> Select[Any]:
    return statement.where(ImportRow.outcome == value)


ROWS = ListingSpec(
    columns=(
        Column("number", _l("行"), sort=ImportRow.number),
        Column("who", _l("谁")),
        Column("outcome", _l("结果")),
        Column("why", _l("说明")),
    ),
    tie=ImportRow.id,
    filters=(Filter("outcome", _l("结果"), _by_outcome, choices=tuple(OUTCOMES.items()), shown=False),),
    default_sort="number",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A cell on the screen; `text` is masked where it is sensitive."""

    heading: str
    text: str
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem beside its cell."""

    heading: str
    shown: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Change:
    """A difference to the dossier."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody the row resembles. `answer` is what choosing them sends; empty for another row of the file."""

    answer: str
    name: str
    facts: str
    href_id: int | None = None


@dataclass(slots=True)
class RowView:
    """All a page shows of a row."""

    row: ImportRow
    name: str
    about: str
    wrong: list[Wrong]
    changes: list[Change]
    candidates: list[Candidate] = field(default_factory=list)
    cells: list[Fact] = field(default_factory=list)


def batch_in_scope(importer: Importer, actor: Actor, batch_id: int) -> ImportBatch:
    """A batch of this kind that the actor may see. Raises NotFound."""
    batch = db.session.scalar(
        select(ImportBatch)
        .where(
            ImportBatch.id == batch_id,
            ImportBatch.kind == importer.kind,
            importer.seen_by(actor),
        )
        .options(joinedload(ImportBatch.area))
    )
    if batch is None:
        raise NotFound(_("没有找到这次导入。"))
    return batch


def recent_batches(importer: Importer, actor: Actor) -> Sequence[ImportBatch]:
    """The latest imports that the actor may see."""
    return db.session.scalars(
        select(ImportBatch)
        .where(ImportBatch.kind == importer.kind, importer.seen_by(actor))
        .options(joinedload(ImportBatch.area))
        .order_by(ImportBatch.id.desc())
        .limit(RECENT)
    ).all()


def row_views(importer: Importer, batch: ImportBatch, rows: Sequence[ImportRow]) -> list[RowView]:
    """What the page says about these rows; the persons they resemble are read in one query."""
    ids = {one["id"] for row in rows for one in (row.details or {}).get("candidates", ()) if "id" in one}
    known = importer.describe(ids)
    return [_view(importer, batch, row, known) for row in rows]


def _view(
    importer: Importer, batch: ImportBatch, row: ImportRow, known: Mapping[int, tuple[str, str]]
) -> RowView:
    cells: dict[str, Cell] = {}
    facts: list[Fact] = []
    wrong_keys = {one["column"] for one in row.problems or ()}
    for index, (heading, key) in enumerate(batch.headings):
        cell = thaw(row.cells[index]) if index < len(row.cells) else None
        if key is not None:
            cells[key] = cell
        text = shown_cell(importer.column(key), cell)
        if text:
            facts.append(Fact(heading, text, key in wrong_keys))
    details = row.details or {}
    return RowView(
        row,
        name=shown_cell(None, cells.get("name")) or _("没有姓名"),
        about="，".join(
            text for key in importer.about if (text := shown_cell(importer.column(key), cells.get(key)))
        ),
        wrong=[_wrong(importer, cells, one) for one in row.problems or ()],
        changes=[
            Change(_heading(importer, one["key"]), one["old"], one["new"])
            for one in details.get("changes", ())
        ],
        candidates=[_candidate(one, known) for one in details.get("candidates", ())],
        cells=facts,
    )


def _heading(importer: Importer, key: str | None) -> str:
    column = importer.column(key)
    return column.heading if column is not None else ""


def _wrong(importer: Importer, cells: Mapping[str, Cell], one: Mapping[str, Any]) -> Wrong:
    column = importer.column(one["column"])
    shown = shown_cell(column, cells.get(column.key)) if column is not None else ""
    return Wrong(column.heading if column is not None else "", shown, one["text"], one["remedy"])


def _candidate(one: Mapping[str, Any], known: Mapping[int, tuple[str, str]]) -> Candidate:
    if "id" not in one:
        return Candidate("", _("这份名单的第 %(row)s 行", row=one["row"]), "")
    name, facts = known.get(one["id"], (_("已经不在册的人"), ""))
    return Candidate(f"{RowDecision.UPDATE}-{one['id']}" if facts else "", name, facts, one["id"])


def reason_of(importer: Importer, row: ImportRow) -> str:
    """Why a row was not taken, in one text for a spreadsheet cell."""
    if row.outcome == RowOutcome.ASK:
        if row.decision == RowDecision.SKIP:
            return _("您选择了先不导入。")
        return _("和已有的人很像，没有决定是不是同一位。")
    texts = []
    for one in row.problems or ():
        heading = _heading(importer, one["column"])
        texts.append((f"{heading}：" if heading else "") + one["text"] + one["remedy"])
    return "\n".join(texts)


def left_rows(batch_id: int) -> Iterable[ImportRow]:
    """Rows that were not or will not be taken, in order."""
    return db.session.scalars(
        select(ImportRow)
        .where(
            ImportRow.batch_id == batch_id,
            or_(
                ImportRow.outcome == RowOutcome.REFUSE,
                (ImportRow.outcome == RowOutcome.ASK)
                & or_(ImportRow.decision.is_(None), ImportRow.decision == RowDecision.SKIP),
            ),
        )
        .order_by(ImportRow.number)
        .execution_options(yield_per=500)
    )
