"""What the kinds of import have in common, and what each brings itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.elders.imports.columns import Column, Layout
from coordinator.elders.imports.reading import Cell
from coordinator.elders.imports.values import plain
from coordinator.elders.models import ImportBatch, ImportKind, ImportRow, RowOutcome
from coordinator.kernel.access import Actor, Permission


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


class Importer(ABC):
    """One kind of import."""

    kind: ImportKind
    permission: Permission
    columns: tuple[Column, ...]
    check_job: str
    apply_job: str
    noun: Any  # what the rows are, for sentences

    @abstractmethod
    def checker(self, batch: ImportBatch) -> Checker:
        """A fresh checker; reads what it compares with."""

    @abstractmethod
    def applier(self, batch: ImportBatch, actor: Actor) -> Applier:
        """A fresh applier."""

    def missing(self, layout: Layout, batch: ImportBatch) -> list[str]:
        """Headings of columns without which the sheet cannot be taken."""
        return layout.missing(self.columns)

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
