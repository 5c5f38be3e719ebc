"""What a street may set about visits under way: settings['fieldwork'] of the nearest area that has any. Our own
defaults (个人信息保护: no longer and no wider than the visit needs); the documents name no figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from coordinator.kernel import clock
from coordinator.kernel.areas import settings_of


@dataclass(frozen=True, slots=True)
class Rules:
    """`address_from_hour`: from this hour of the evening before, the name and the door are shown;
    `address_until_hours` after the planned end they are hidden again. `early_minutes`, `late_minutes`: how long
    before the planned start and after the planned end one may check in.
    """

    address_from_hour: int = 18
    address_until_hours: int = 4
    early_minutes: int = 60
    late_minutes: int = 180

    @classmethod
    def of(cls, settings: dict[str, Any] | None) -> Rules:
        """The street's rules; unknown keys are ignored, so that an older setting stops nothing."""
        given = settings or {}
        return cls(**{name: int(given[name]) for name in cls.__dataclass_fields__ if name in given})

    def shows_door(self, starts_at: datetime, ends_at: datetime, now: datetime) -> bool:
        """May whoever goes see name, address and telephone now?"""
        day = clock.to_local(starts_at).date()
        begins = clock.at_local(day - timedelta(days=1), self.address_from_hour * 3600)
        return begins <= now <= ends_at + timedelta(hours=self.address_until_hours)

    def opens(self, starts_at: datetime) -> datetime:
        """The first moment at which one may check in: never before the day itself."""
        day = clock.to_local(starts_at).date()
        return max(starts_at - timedelta(minutes=self.early_minutes), clock.at_local(day, 0))

    def closes(self, ends_at: datetime) -> datetime:
        """The last moment at which one may check in."""
        return ends_at + timedelta(minutes=self.late_minutes)


def rules_for(area_path: str) -> Rules:
    """The rules of the nearest area on the path that sets any. One query."""
    return Rules.of(settings_of(area_path, "fieldwork"))
