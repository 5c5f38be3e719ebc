"""The usual kinds of columns: text, choices, yes or no, dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coordinator.elders.imports import values as v
from coordinator.elders.imports.columns import Column, Parser

# The cells are read in the language of the forms, whatever the reader's interface speaks.
YES_NO = ("是", "否")


def shown_choice(words: Mapping[str, Any]) -> Any:
    """How a stored value is written in the template's words."""
    names: dict[Any, str] = {}
    for word, value in words.items():
        names.setdefault(value, word)

    def show(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return "、".join(names.get(one, str(one)) for one in value)
        return "" if value is None else names.get(value, str(value))

    return show


def yes_no(value: Any) -> str:
    """是 or 否."""
    return "" if value is None else YES_NO[0 if value else 1]


def shown_number(value: Any) -> str:
    """An amount without needless decimals."""
    return "" if value is None else f"{float(value):.6f}".rstrip("0").rstrip(".")


def shown_hours(value: Any) -> str:
    """9:00-17:00."""
    return "-".join(value) if value else ""


def shown_spans(value: Any) -> str:
    """9:00-11:00、16:00-18:00."""
    return "、".join("-".join(value[at : at + 2]) for at in range(0, len(value or ()), 2))


def choice_column(
    key: str,
    heading: str,
    about: Any,
    words: dict[str, Any],
    all_words: dict[str, Any] | None = None,
    **more: Any,
) -> Column:
    folded = {v.folded(word): value for word, value in (all_words or words).items()}
    several = more.get("several", False)
    parse: Parser = (v.choices if several else v.choice)(folded, tuple(words))
    return Column(key, heading, about, parse, choices=tuple(words), show=shown_choice(words), **more)


def yes_no_column(key: str, heading: str, about: Any, **more: Any) -> Column:
    return Column(key, heading, about, v.truth, choices=YES_NO, show=yes_no, width=10, **more)


def day_column(
    key: str, heading: str, about: Any, *, past: bool = False, forever: bool = False, **more: Any
) -> Column:
    def show(value: Any) -> str:
        return "" if value is None else ("长期" if value == "forever" else str(value))

    return Column(
        key,
        heading,
        about,
        v.day(past=past, forever=forever),
        is_date=not forever,
        show=show,
        width=13,
        **more,
    )


def text_column(key: str, heading: str, about: Any, limit: int, **more: Any) -> Column:
    return Column(key, heading, about, v.text(limit), **more)
