"""What a street may set about claims: settings['claims'] of the nearest area that has any. Our own defaults; the
documents name no figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """`open_at_once`: claims of one person that wait at the same time. `notice_hours`: a visit that begins sooner
    is not offered. `days_ahead`: how far ahead visits are offered. `leave_hours`: who withdraws later than that
    before the visit is warned, and the coordinators are told at once.
    """

    open_at_once: int = 6
    notice_hours: int = 2
    days_ahead: int = 21
    leave_hours: int = 24

    @classmethod
    def of(cls, settings: dict[str, Any] | None) -> Rules:
        """The street's rules; unknown keys are ignored, so that an older setting stops nothing."""
        given = settings or {}
        return cls(**{name: int(given[name]) for name in cls.__dataclass_fields__ if name in given})

    @property
    def notice(self) -> timedelta:
        return timedelta(hours=self.notice_hours)

    @property
    def leave(self) -> timedelta:
        return timedelta(hours=self.leave_hours)
