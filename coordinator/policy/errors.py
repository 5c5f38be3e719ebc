"""Errors of the policy engine: one line each, naming file, element and field."""

from __future__ import annotations

from pydantic import ValidationError


class PolicyError(ValueError):
    """A rule pack, registry or document that cannot be used.

    The message is one line: file, element, field, what is wrong.
    """


def path_of(location: tuple[int | str, ...]) -> str:
    """Write a location such as ("elders", 2, "birth_date") as "elders[2].birth_date"."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def first_fault(error: ValidationError) -> str:
    """The first fault of a validation as one line: place, then what is wrong there."""
    fault = error.errors(include_url=False, include_context=False)[0]
    message = fault["msg"].removeprefix("Value error, ")
    place = path_of(fault["loc"])
    return " ".join(f"{place}: {message}".removeprefix(": ").split())
