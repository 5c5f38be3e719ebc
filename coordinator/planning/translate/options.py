"""The coordinator's wishes for a plan run, and what they weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Wish(StrEnum):
    """How much a wish of the coordinator weighs."""

    NONE = "none"
    SOME = "some"
    MUCH = "much"


# Seconds of travel that a visit by a stranger is worth, and a second by which the busiest worker exceeds the mean.
CONTINUITY = {Wish.NONE: 0.0, Wish.SOME: 600.0, Wish.MUCH: 2400.0}
BALANCE = {Wish.NONE: 0.0, Wish.SOME: 0.05, Wish.MUCH: 0.3}


@dataclass(frozen=True, slots=True)
class Options:
    """The wishes of one run: keep the people elders know, share the work evenly."""

    continuity: Wish = Wish.MUCH
    balance: Wish = Wish.SOME

    @property
    def weights(self) -> dict[str, float]:
        """As the engine wants them."""
        return {"continuity": CONTINUITY[self.continuity], "balance": BALANCE[self.balance]}

    def as_dict(self) -> dict[str, str]:
        """Plain values, for the plan's row."""
        return {"continuity": self.continuity.value, "balance": self.balance.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Options:
        """The reverse of `as_dict`; what is missing takes its default."""
        return cls(Wish(data.get("continuity", Wish.MUCH.value)), Wish(data.get("balance", Wish.SOME.value)))
