"""What a street or a community may set about claims: settings['claims'] of the nearest area that has any. Our own
defaults; the documents name no figures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class AutoRule:
    """When a claim is approved at once, without a person. Off by default.

    `visits_here`: visits of this worker to this elder whose record is confirmed, at least one: a first visit never
    passes. `visits_around`: the same in the elder's community. `lead_hours`: a person looks at a visit that begins
    sooner. `version` counts the changes; the history names it.
    """

    on: bool = False
    visits_here: int = 1
    visits_around: int = 3
    lead_hours: int = 24
    version: int = 0

    @classmethod
    def of(cls, given: dict[str, Any] | None) -> AutoRule:
        """The rule as it was set; unknown keys are ignored."""
        known = _numbers(cls, given or {})
        return cls(on=bool(known.pop("on", False)), **known)


@dataclass(frozen=True, slots=True)
class Rules:
    """`open_at_once`: claims of one person that wait at the same time, places in line included. `queue_places`: of
    these, places in line. `hours_ahead`: hours of the visits a person has or asks for that begin within the next
    `ahead_days` days. `notice_hours`: a visit that begins sooner is not offered. `days_ahead`: how far ahead visits
    are offered. `leave_hours`: who withdraws later than that before the visit is warned, and the coordinators are
    told at once.
    """

    open_at_once: int = 6
    queue_places: int = 3
    hours_ahead: int = 40
    ahead_days: int = 14
    notice_hours: int = 2
    days_ahead: int = 21
    leave_hours: int = 24
    auto: AutoRule = field(default_factory=AutoRule)

    @classmethod
    def of(cls, settings: dict[str, Any] | None) -> Rules:
        """The street's rules; unknown keys are ignored, so that an older setting stops nothing."""
        given = settings or {}
        return cls(**_numbers(cls, given), auto=AutoRule.of(given.get("auto")))

    def as_dict(self) -> dict[str, Any]:
        """What is kept in the area's settings."""
        return asdict(self)

    @property
    def notice(self) -> timedelta:
        return timedelta(hours=self.notice_hours)

    @property
    def leave(self) -> timedelta:
        return timedelta(hours=self.leave_hours)

    @property
    def ahead(self) -> timedelta:
        return timedelta(days=self.ahead_days)


def _numbers(cls: Any, given: dict[str, Any]) -> dict[str, int]:
    return {one.name: int(given[one.name]) for one in fields(cls) if one.name in given and one.name != "auto"}
