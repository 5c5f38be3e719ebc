"""Rows in an order nobody asked for.

PostgreSQL may give rows back in any order where a statement names none. Mostly it is the order they were written
in, until a page has been cleaned up. With `--reverse-rows` every such statement gives its rows the other way
round, so that code and tests that lean on luck fail each time instead of once a month.
"""

from typing import Any

from sqlalchemy import CompoundSelect, Engine, Select, event


def reverse_rows() -> None:
    """From now on, turn the rows of every statement without ORDER BY round."""
    event.listen(Engine, "before_cursor_execute", _reversed, retval=True)


def _reversed(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    compiled: Any = getattr(context, "compiled", None)
    asked = getattr(compiled, "statement", None)
    if not isinstance(asked, Select | CompoundSelect) or asked._order_by_clauses:
        return statement, parameters
    if not any(part.element.is_dml for part in compiled.ctes or ()):  # what writes must stand outermost
        statement = f"SELECT * FROM ({statement}) AS backwards ORDER BY row_number() OVER () DESC"  # noqa: S608  of ours
    return statement, parameters
