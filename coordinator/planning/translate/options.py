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
# The engine counts travel as one: who minds it more or less makes the others weigh less or more.
AGAINST_TRAVEL = {Wish.NONE: 3.0, Wish.SOME: 1.0, Wish.MUCH: 1 / 3}


@dataclass(frozen=True, slots=True)
class Options:
    """The wishes of one run: keep the people elders know, share the work evenly, be on the road less."""

    continuity: Wish = Wish.MUCH
    balance: Wish = Wish.SOME
    travel: Wish = Wish.SOME

    @property
    def weights(self) -> dict[str, float]:
        """As the engine wants them."""
        factor = AGAINST_TRAVEL[self.travel]
        return {
            "continuity": CONTINUITY[self.continuity] * factor,
            "balance": BALANCE[self.balance] * factor,
        }

    def as_dict(self) -> dict[str, str]:
        """Plain values, for the plan's row."""
        return {
            "continuity": self.continuity.value,
            "balance": self.balance.value,
            "travel": self.travel.value,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Options:
        """The reverse of `as_dict`; what is missing takes its default."""
        return cls(
            Wish(data.get("continuity", Wish.MUCH.value)),
            Wish(data.get("balance", Wish.SOME.value)),
            Wish(data.get("travel", Wish.SOME.value)),
        )


SHORTEST_WAY = Options(Wish.NONE, Wish.NONE, Wish.MUCH)
SAME_VISITOR = Options(Wish.MUCH, Wish.NONE, Wish.NONE)
EVEN_LOAD = Options(Wish.NONE, Wish.MUCH, Wish.NONE)
ALTERNATIVES = 2


def alternatives(own: Options) -> list[Options]:
    """Two plans to hold against one's own: each makes the most of a wish that one's own gives less to."""
    given = {
        SHORTEST_WAY: own.travel,
        EVEN_LOAD: own.balance,
        SAME_VISITOR: own.continuity,
    }
    order = list(Wish)
    least = sorted(given, key=lambda other: order.index(given[other]))
    return [other for other in least if other.weights != own.weights][:ALTERNATIVES]
