"""What the kinds of import have in common, and what each brings itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement

from coordinator.elders.imports.columns import Column, Layout
from coordinator.elders.imports.reading import Cell
from coordinator.elders.imports.values import plain
from coordinator.elders.models import ImportBatch, ImportKind, ImportRow, RowOutcome
from coordinator.elders.queries import read_scope
from coordinator.kernel.access import Actor, Permission, demand, in_areas
from coordinator.kernel.areas import Area, AreaLevel


@dataclass(slots=True)
class Row:
    """One row on its way through the check. `values` are by column key; a row with problems is refused."""

    number: int
    cells: Sequence[Cell]
    values: dict[str, Any]
    problems: list[dict[str, Any]]
    outcome: RowOutcome = RowOutcome.REFUSE
    details: dict[str, Any] = field(default_factory=dict)
    target_id: int | None = None

    def refuse(self, problem: Mapping[str, Any] | None) -> None:
        """Note a problem, if there is one."""
        if problem is not None:
            self.problems.append(dict(problem))


class Checker(ABC):
    """Decides what would happen to rows; remembers earlier rows of the file."""

    @abstractmethod
    def check(self, rows: Sequence[Row]) -> None:
        """Set outcome, target, details and further problems of each row."""

    def afterthoughts(self) -> Mapping[int, dict[str, Any]]:
        """Problems of earlier rows that only later ones have shown, by row number."""
        return {}


@dataclass(slots=True)
class Taken:
    """What applying some rows has done; `left_out` maps row ids to the problem that arose since the check."""

    created: int = 0
    updated: int = 0
    left_out: dict[int, dict[str, Any]] = field(default_factory=dict)


class Applier(ABC):
    """Writes accepted rows to the register, within the caller's transaction."""

    @abstractmethod
    def create(self, rows: Sequence[ImportRow]) -> Taken:
        """Open what the rows describe."""

    @abstractmethod
    def update(self, rows: Sequence[ImportRow]) -> Taken:
        """Change what the rows' targets hold."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a list may go; `key` is what the form sends."""

    key: str
    label: str
    area: Area
    organisation_id: int | None = None


class Importer(ABC):
    """One kind of import. Whoever holds its permission in an area may import into it, unless the kind says
    otherwise (`targets`, `require`, `seen_by` belong together).
    """

    kind: ImportKind
    permission: Permission
    columns: tuple[Column, ...]
    check_job: str
    apply_job: str
    noun: Any  # what the rows are, for sentences
    about: tuple[str, ...]  # keys of the columns that tell people apart
    writes_register = True  # False: the rows are kept beside the register, to be compared with it
    among_others = True  # its start page shows those of the other kinds as tabs

    def targets(self, actor: Actor) -> list[Target]:
        """Where the actor may import to: streets, then communities."""
        scope = read_scope(actor, self.permission)
        found = [Target(str(area.id), area.name, area) for area in scope.level(AreaLevel.STREET)]
        return found + [Target(key, name, scope.areas[int(key)]) for key, name in scope.choices()]

    def require(self, actor: Actor, area: Area, organisation_id: int | None = None) -> None:
        """Raise NotAllowed unless the actor may import into this area (for this organisation)."""
        demand(actor, self.permission, area.path)

    def seen_by(self, actor: Actor) -> ColumnElement[bool]:
        """SQL condition on ImportBatch: the actor may see it."""
        return in_areas(actor, self.permission, ImportBatch.area_id)

    @abstractmethod
    def checker(self, batch: ImportBatch) -> Checker:
        """A fresh checker; reads what it compares with."""

    @abstractmethod
    def applier(self, batch: ImportBatch, actor: Actor) -> Applier:
        """A fresh applier."""

    def notes(self) -> list[str]:
        """Sentences in front of the explanations of the columns."""
        return [
            _("把名单填在第一张表“名单”里，一行一位。深色的列必填，其他的知道多少填多少。"),
            _("身份证号、电话这些列是文本，请不要改成数字，否则末尾几位会丢，系统不收。"),
            _(
                "纬度、经度用哪种坐标系，上传时要选：手机定位是 WGS-84，高德和腾讯地图是 GCJ-02，百度地图是 BD-09。"
                "不选就当作 WGS-84。没有坐标的空着，以后在地图上点。"
            ),
            _("已经在系统里的人，填了的格子会更新，空着的格子不会改掉原来的内容。"),
            _("上传以后先检查，不会马上改动。您看过结果再决定导入。"),
        ]

    def missing(self, layout: Layout, batch: ImportBatch) -> list[str]:
        """Headings of columns without which the sheet cannot be taken."""
        return layout.missing(self.columns)

    @abstractmethod
    def describe(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Name and a line of facts, without secrets, of persons of the register, by id; one query."""

    def column(self, key: str | None) -> Column | None:
        """The column with this key."""
        return next((column for column in self.columns if column.key == key), None)


def shown_cell(column: Column | None, cell: Cell) -> str:
    """A cell for the screen: sensitive ones show three signs in front and two at the end."""
    text = plain(cell)
    if column is None or not column.secret or not text:
        return text
    if len(text) < 8:
        return "*" * len(text)
    return text[:3] + "*" * (len(text) - 5) + text[-2:]


def change(column: Column, old: Any, new: Any) -> dict[str, str]:
    """A difference as the page shows it."""
    return {
        "key": column.key,
        "old": shown_cell(column, column.show(old)),
        "new": shown_cell(column, column.show(new)),
    }
