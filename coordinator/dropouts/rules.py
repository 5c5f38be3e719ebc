"""What a community may set about drop-outs: settings['dropouts'] of the nearest area that has any. Our own
defaults; the documents name no figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from coordinator.kernel.areas import settings_of

WAVE_SIZES = (3, 5, 8)
"""How many are asked in the first wave, the second, and each one after."""
# Until the visit is so many hours away or less, so many minutes pass between two waves.
WAVE_MINUTES = ((2, 5), (6, 15), (24, 30))
LONGEST_WAVE_MINUTES = 60
BEEN_THERE_SECONDS = 600
"""So much of a longer way the elder knowing the person outweighs; paired people count as much again."""
LEAD_SECONDS = 600
"""Nobody is asked who could not be there with this much time to get ready."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`automatic_hours`: somebody is searched for by itself when a visit loses people so shortly before it begins
    (0: never). `grace_minutes`: how long after the planned end nobody can be written down as not having come.
    `familiar_swap`: an adult who has been with the elder before may take a visit over without a coordinator.
    """

    automatic_hours: int = 24
    grace_minutes: int = 60
    familiar_swap: bool = False

    @classmethod
    def of(cls, settings: dict[str, Any] | None) -> Rules:
        """The area's rules; unknown keys are ignored, so that an older setting stops nothing."""
        given = settings or {}
        known = cls()
        return cls(
            automatic_hours=int(given.get("automatic_hours", known.automatic_hours)),
            grace_minutes=int(given.get("grace_minutes", known.grace_minutes)),
            familiar_swap=bool(given.get("familiar_swap", known.familiar_swap)),
        )

    @property
    def automatic(self) -> timedelta:
        return timedelta(hours=self.automatic_hours)

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)


def rules_for(area_path: str) -> Rules:
    """The rules of the nearest area on the path that sets any. One query."""
    return Rules.of(settings_of(area_path, "dropouts"))


def wave_size(wave: int) -> int:
    """How many people the wave with this number (from 1) asks."""
    return WAVE_SIZES[min(wave, len(WAVE_SIZES)) - 1]


def wave_gap(left: timedelta) -> timedelta:
    """The time between two waves when so much is left until the visit: the shorter, the nearer it is."""
    hours = left.total_seconds() / 3600
    minutes = next((gap for within, gap in WAVE_MINUTES if hours <= within), LONGEST_WAVE_MINUTES)
    return timedelta(minutes=minutes)
