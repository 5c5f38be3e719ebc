"""Lists that sort, filter, page and export on the server, with the whole state in the address.

A feature declares a `ListingSpec` once; its view reads a `Listing` from the request's arguments and fetches
a `Page`. Nothing here knows HTTP: arguments are a mapping of strings, addresses are built from a path. Unknown
columns, unknown choices and unreadable numbers are ignored, because an address may be old, shared or cut.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from coordinator.kernel.spreadsheet import Sheet, SheetColumn, export

MAX_TEXT = 100
"""Longest search or filter text taken from an address, in characters."""

Expression = ColumnElement[Any] | InstrumentedAttribute[Any]
Choices = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. `sort` makes it sortable; `value` gives the exported cell (default: attribute `key`).

    `shown=False` keeps it to the export, `exported=False` to the screen. `width` is in characters of the sheet.
    """

    key: str
    label: Any
    sort: Expression | Sequence[Expression] | None = None
    value: Callable[[Any], object] | None = None
    numeric: bool = False
    shown: bool = True
    exported: bool = True
    width: int = 14
    first_direction: str = "asc"

    @property
    def sortable(self) -> bool:
        """Whether the heading is a link that sorts."""
        return self.sort is not None

    def sort_expressions(self) -> tuple[Expression, ...]:
        """The expressions to order by, without direction."""
        if self.sort is None:
            return ()
        if isinstance(self.sort, (ColumnElement, InstrumentedAttribute)):
            return (self.sort,)
        return tuple(self.sort)

    def cell(self, row: Any) -> object:
        """The exported value of `row`."""
        return self.value(row) if self.value is not None else getattr(row, self.key)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition a reader may set. `apply(statement, value)` narrows the statement.

    kind "choice": the value must be one of `choices` (a sequence, or a callable that returns one);
    kind "date": an ISO date, given to `apply` as a `date`; kind "text": up to 100 characters.
    `shown=False` keeps it out of the filter row, for conditions that tabs or links set.
    """

    key: str
    label: Any
    apply: Callable[[Select[Any], Any], Select[Any]]
    kind: str = "choice"
    choices: Choices | Callable[[], Choices] = ()
    all_label: Any = ""
    shown: bool = True

    def parse(self, text: str, choices: Choices) -> Any:
        """The typed value of `text`, or None when it is not acceptable."""
        if self.kind == "choice":
            return text if any(str(value) == text for value, _ in choices) else None
        if self.kind == "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                return None
        return text


@dataclass(frozen=True, slots=True)
class ListingSpec:
    """What a list can do.

    `tie` is a unique expression (the primary key): it ends every order, so that no row is shown twice or skipped
    between pages. Without `?sort=` the order is `default_order`, or else the column `default_sort`.
    `search(statement, text)` makes the search box appear. `sizes` are the offered rows per page, ascending.
    """

    columns: Sequence[Column]
    tie: Expression
    filters: Sequence[Filter] = ()
    default_sort: str = ""
    default_order: Sequence[ColumnElement[Any]] = ()
    search: Callable[[Select[Any], str], Select[Any]] | None = None
    per_page: int = 50
    sizes: Sequence[int] = (20, 50, 100, 200)

    def column(self, key: str) -> Column:
        """The column named `key`; KeyError when the spec has none."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(key)


def clean_text(text: str) -> str:
    """Text from an address: NFC, without control characters (PostgreSQL refuses NUL), trimmed, at most 100 long."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text[: 4 * MAX_TEXT])
    return unicodedata.normalize("NFC", kept).strip()[:MAX_TEXT]


@dataclass(frozen=True, slots=True)
class Listing:
    """One reading of a list: which order, filters and page the address asks for.

    `values` holds the accepted filter texts, `typed` their parsed values. `prefix` separates two lists on one page.
    """

    spec: ListingSpec
    path: str
    prefix: str = ""
    q: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Choices] = field(default_factory=dict)
    sort: str = ""
    direction: str = "asc"
    number: int = 1
    per_page: int = 50
    dense: bool = False
    export_format: str = ""
    keep: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        spec: ListingSpec,
        args: Mapping[str, str],
        path: str,
        *,
        choices: Mapping[str, Choices] | None = None,
        keep: Sequence[str] = (),
        prefix: str = "",
    ) -> Listing:
        """Read `args` (query arguments) against `spec`.

        `choices` gives the choices that depend on the reader (the communities in scope), by filter key.
        `keep` names other arguments that every address of this list carries on.
        """

        def arg(name: str) -> str:
            return clean_text(str(args.get(prefix + name) or ""))

        offered: dict[str, Choices] = {}
        values: dict[str, str] = {}
        typed: dict[str, Any] = {}
        for condition in spec.filters:
            given = (choices or {}).get(condition.key)
            if given is None:
                given = condition.choices() if callable(condition.choices) else condition.choices
            offered[condition.key] = given
            text = arg(condition.key)
            if not text:
                continue
            value = condition.parse(text, given)
            if value is not None:
                values[condition.key], typed[condition.key] = text, value

        sort = arg("sort")
        if not any(column.key == sort and column.sortable for column in spec.columns):
            sort = ""
        first = spec.column(sort or spec.default_sort).first_direction if sort or spec.default_sort else "asc"
        per_page = _whole(arg("per_page"), spec.per_page)
        return cls(
            spec=spec,
            path=path,
            prefix=prefix,
            q=arg("q") if spec.search is not None else "",
            values=values,
            typed=typed,
            choices=offered,
            sort=sort,
            direction=arg("dir") if sort and arg("dir") in ("asc", "desc") else first,
            number=max(1, _whole(arg("page"), 1)),
            per_page=per_page if per_page in spec.sizes else spec.per_page,
            dense=arg("dense") == "1",
            export_format=arg("format") if arg("format") in ("xlsx", "csv") else "",
            keep={name: clean_text(str(args[name])) for name in keep if args.get(name)},
        )

    # ── the statement ────────────────────────────────────────────────

    def filtered(self, statement: Select[Any], *, without: Sequence[str] = ()) -> Select[Any]:
        """`statement` narrowed by the search and the filters; `without` leaves filters out (to count tabs)."""
        if self.q and self.spec.search is not None:
            statement = self.spec.search(statement, self.q)
        for condition in self.spec.filters:
            if condition.key in self.typed and condition.key not in without:
                statement = condition.apply(statement, self.typed[condition.key])
        return statement

    def ordered(self, statement: Select[Any]) -> Select[Any]:
        """`statement` in the asked order, ended by the tie breaker; empty values last in both directions."""
        if not self.sort and self.spec.default_order:
            return statement.order_by(None).order_by(*self.spec.default_order, self.spec.tie)
        key = self.sort or self.spec.default_sort
        expressions = self.spec.column(key).sort_expressions() if key else ()
        down = self.direction == "desc"
        return statement.order_by(None).order_by(
            *((e.desc() if down else e.asc()).nulls_last() for e in expressions), self.spec.tie
        )

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """Filtered and ordered, without limit."""
        return self.ordered(self.filtered(statement))

    def count(self, session: Session, statement: Select[Any]) -> int:
        """How many rows the filters leave."""
        inner = self.filtered(statement).order_by(None).subquery()
        return session.scalar(select(func.count()).select_from(inner)) or 0

    def fetch(self, session: Session, statement: Select[Any], *, scalars: bool = True) -> Page:
        """One page: two statements, whatever the number of rows. A page past the end becomes the last one."""
        total = self.count(session, statement)
        pages = max(1, -(-total // self.per_page))
        number = min(self.number, pages)
        limited = self.apply(statement).limit(self.per_page).offset((number - 1) * self.per_page)
        result = session.execute(limited)
        rows: list[Any] = list(result.scalars().unique() if scalars else result)
        return Page(listing=self, rows=rows, total=total, number=number, pages=pages)

    def every(self, session: Session, statement: Select[Any], *, scalars: bool = True) -> Iterator[Any]:
        """All rows in order, fetched a thousand at a time, for exports."""
        result = session.execute(self.apply(statement).execution_options(yield_per=1000))
        yield from result.scalars() if scalars else result

    def export(
        self,
        session: Session,
        statement: Select[Any],
        title: str,
        *,
        scalars: bool = True,
        notes: Sequence[str] = (),
    ) -> Sheet:
        """The whole list as the file `export_format` asks for ("xlsx" unless "csv").

        The caller writes the audit line.
        """
        columns = [SheetColumn(str(c.label), c.cell, width=c.width) for c in self.spec.columns if c.exported]
        rows = self.every(session, statement, scalars=scalars)
        return export(self.export_format or "xlsx", columns, rows, title=title, notes=notes)

    # ── for the templates ────────────────────────────────────────────

    def name(self, key: str) -> str:
        """The name of an argument or field of this list."""
        return self.prefix + key

    def options(self, key: str) -> Choices:
        """The choices offered for a filter."""
        return self.choices.get(key, ())

    def direction_of(self, key: str) -> str:
        """How the rows are in the order of `key`: "asc", "desc" or "" (they are not)."""
        current = self.sort or ("" if self.spec.default_order else self.spec.default_sort)
        return self.direction if key == current else ""

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"q": self.q or None, **self.values}
        if self.sort:
            state["sort"], state["dir"] = self.sort, self.direction
        state["per_page"] = self.per_page if self.per_page != self.spec.per_page else None
        state["dense"] = 1 if self.dense else None
        return state

    def url(self, **changes: Any) -> str:
        """The address of this list with `changes`; None removes an argument. The page is dropped unless given."""
        state = {**self._state(), **changes}
        if state.get("page") == 1:
            state["page"] = None
        pairs = [(name, value) for name, value in self.keep.items()]
        pairs += [(self.name(k), str(v)) for k, v in state.items() if v not in (None, "")]
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    def sort_url(self, key: str) -> str:
        """The address that sorts by `key`, or turns the direction when it already does."""
        current = self.direction_of(key)
        if current:
            return self.url(sort=key, dir="desc" if current == "asc" else "asc")
        return self.url(sort=key, dir=self.spec.column(key).first_direction)

    def export_url(self, fmt: str) -> str:
        """The address that downloads all rows as `fmt`."""
        return self.url(format=fmt)

    def cleared_url(self) -> str:
        """The address without search and shown filters."""
        return self.url(q=None, **{f.key: None for f in self.spec.filters if f.shown})

    def hidden_args(self) -> list[tuple[str, str]]:
        """What the filter form carries along unseen: kept arguments, order, size, and filters it does not show."""
        state = self._state()
        unseen = {f.key for f in self.spec.filters if not f.shown} | {"sort", "dir", "per_page", "dense"}
        pairs = list(self.keep.items())
        return pairs + [(self.name(k), str(v)) for k, v in state.items() if k in unseen and v is not None]

    def active(self) -> list[tuple[str, str, str, str]]:
        """The set conditions as (key, label, text, address without it), for the removable chips."""
        found = []
        for condition in self.spec.filters:
            if condition.shown and condition.key in self.values:
                text = self.values[condition.key]
                spoken = next((str(t) for v, t in self.options(condition.key) if str(v) == text), text)
                found.append((condition.key, str(condition.label), spoken, self.url(**{condition.key: None})))
        if self.q:
            found.append(("q", "", self.q, self.url(q=None)))
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page; `first` and `last` count from 1 within `total`."""

    listing: Listing
    rows: Sequence[Any]
    total: int
    number: int
    pages: int

    @property
    def first(self) -> int:
        """Position of the first row shown."""
        return (self.number - 1) * self.listing.per_page + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Position of the last row shown."""
        return min(self.number * self.listing.per_page, self.total)


def _whole(text: str, default: int) -> int:
    """A small non-negative integer, or `default`."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else default
