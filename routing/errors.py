"""The engine's refusals: a list of numbered input errors, never a stack trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputError:
    """One thing wrong in an input file.

    `code` is stable (``E101`` …), `element` names the place in the file (``workers[3] "w3"``),
    `field` the key, `cause` what was found and `remedy` what to write instead.
    """

    code: str
    element: str
    field: str
    cause: str
    remedy: str

    def line(self) -> str:
        """Return the error as one line of text."""
        place = f"{self.element}, {self.field}" if self.field else self.element
        return f"{self.code} {place}: {self.cause}; {self.remedy}"


class ScenarioError(ValueError):
    """A scenario or plan that cannot be read; `errors` says where and why."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(error.line() for error in self.errors[:5]))
