"""What can come of handing something over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coordinator.messages.models import Problem


@dataclass(frozen=True)
class Post:
    """One thing to hand over: to whom, under which name, with what in it."""

    token: str
    address: str = field(repr=False)
    content: dict[str, Any] = field(repr=False)
    handed_at: datetime | None = None


@dataclass(frozen=True)
class Receipt:
    """It was taken; under the provider's own number where there is one."""

    provider_id: str | None = None


class NotSent(Exception):
    """It did not go out, or not surely; `str()` is for the operator."""


class Refused(NotSent):
    """For good: trying again changes nothing."""

    def __init__(self, problem: Problem, text: str):
        super().__init__(text)
        self.problem = problem


class Later(NotSent):
    """Nobody has it; try again, not before `after` seconds where the other side says so."""

    def __init__(self, text: str, after: int = 0):
        super().__init__(text)
        self.after = after


class Doubtful(NotSent):
    """It was handed over and no answer came. `again`: the standard of the channel says to send it once more."""

    def __init__(self, text: str, *, again: bool):
        super().__init__(text)
        self.again = again
