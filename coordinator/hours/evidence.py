"""How well a visit's presence is shown, and how many minutes of it count. Pure: plain values in and out.

Only time at the elder's home counts, travel does not (注册志愿者证: 「不含往返途中时间」). Grades and thresholds
are this product's interpretation and can be set per street; the derivation beside every entry names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coordinator.hours.models import Evidence

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds; metres, minutes, km/h. Read from the street's settings under the key 'hours'."""

    step_minutes: int = 15
    day_cap_minutes: int = 480
    near_metres: int = 150
    far_metres: int = 400
    coarse_metres: int = 100
    shortest_minutes: int = 5
    longest_minutes: int = 240
    clock_minutes: int = 10
    fastest_kmh: float = 40.0

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Rules:
        """The street's rules; unknown keys are ignored, so that an older setting never stops the ledger."""
        known = {name: settings[name] for name in cls.__dataclass_fields__ if name in settings}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Mark:
    """One presence. `method` is 'location', 'door_code' or 'word'; metres where the phone gave a place."""

    at: datetime
    method: str
    distance_metres: int | None = None
    accuracy_metres: int | None = None
    phone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another visit of the same worker on that day: when it was left or reached, and how far away it is."""

    left_at: datetime | None
    arrived_at: datetime | None
    metres: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation: a stable code (the site has its words), its values, and the grade it caps."""

    code: str
    grade: Evidence
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derivation:
    """Minutes at the home, taken off, counted; the grade and what led to it."""

    minutes_present: int
    minutes_rounded_off: int
    minutes_over_cap: int
    minutes: int
    evidence: Evidence
    findings: tuple[Finding, ...]


_ORDER = (Evidence.STRONG, Evidence.FAIR, Evidence.WEAK, Evidence.DOUBTFUL)


def derive(
    arrived: Mark,
    left: Mark,
    *,
    rules: Rules,
    planned_minutes: int,
    counted_today: int = 0,
    neighbours: Sequence[Neighbour] = (),
    needs_companion: bool = False,
    companion_present: bool = True,
) -> Derivation:
    """Derive what one worker's presence at one visit is worth.

    :param planned_minutes: planned length of the visit.
    :param counted_today: minutes already counted for this worker on the same day (for the daily cap).
    :param neighbours: the worker's other visits of the day.
    :param needs_companion: the worker is a minor, so an adult must have been there at the same time.
    :raises ValueError: `left` is not after `arrived`.
    """
    seconds = (left.at - arrived.at).total_seconds()
    if seconds < 0:
        raise ValueError("left before arriving")
    present = int(seconds // MINUTE)
    findings = [
        *_place(arrived, "arrived", rules),
        *_place(left, "left", rules),
        *_length(present, planned_minutes, rules),
        *_travel(arrived, left, neighbours, rules),
    ]
    if needs_companion and not companion_present:
        findings.append(Finding("adult_not_there", Evidence.DOUBTFUL))
    grade = max((finding.grade for finding in findings), key=_ORDER.index, default=Evidence.STRONG)
    bounded = min(present, rules.longest_minutes)
    rounded = bounded - bounded % rules.step_minutes
    allowed = max(0, min(rounded, rules.day_cap_minutes - counted_today))
    return Derivation(
        minutes_present=present,
        minutes_rounded_off=present - rounded,
        minutes_over_cap=rounded - allowed,
        minutes=allowed,
        evidence=grade,
        findings=tuple(findings),
    )


def _place(mark: Mark, which: str, rules: Rules) -> list[Finding]:
    found = []
    if mark.method == "word":
        found.append(Finding("no_place", Evidence.WEAK, {"which": which}))
    elif mark.method == "location" and mark.distance_metres is not None:
        accuracy = mark.accuracy_metres or 0
        surely_away = mark.distance_metres - accuracy
        detail = {"which": which, "metres": mark.distance_metres}
        if surely_away > rules.far_metres:
            found.append(Finding("far_away", Evidence.DOUBTFUL, detail))
        elif surely_away > rules.near_metres:
            found.append(Finding("not_near", Evidence.WEAK, detail))
        elif accuracy > rules.coarse_metres:
            found.append(Finding("coarse_place", Evidence.FAIR, {"which": which, "metres": accuracy}))
    elif mark.method == "location":
        found.append(Finding("home_not_on_map", Evidence.FAIR, {"which": which}))
    if mark.phone_at is not None:
        off = abs((mark.phone_at - mark.at).total_seconds()) / MINUTE
        if off > rules.clock_minutes:
            found.append(Finding("clock_differs", Evidence.WEAK, {"which": which, "minutes": round(off)}))
    return found


def _length(present: int, planned: int, rules: Rules) -> list[Finding]:
    if present < rules.shortest_minutes:
        return [Finding("too_short", Evidence.DOUBTFUL, {"minutes": present})]
    if present > rules.longest_minutes:
        return [Finding("too_long", Evidence.DOUBTFUL, {"minutes": present})]
    if present * 2 < planned:
        return [Finding("shorter_than_half", Evidence.FAIR, {"minutes": present, "planned": planned})]
    return []


def _travel(arrived: Mark, left: Mark, neighbours: Sequence[Neighbour], rules: Rules) -> list[Finding]:
    """Nobody reaches the next door faster than the fastest way allows."""
    for other in neighbours:
        gap = None
        if other.left_at is not None and other.left_at <= arrived.at:
            gap = (arrived.at - other.left_at).total_seconds()
        elif other.arrived_at is not None and other.arrived_at >= left.at:
            gap = (other.arrived_at - left.at).total_seconds()
        elif other.left_at is not None or other.arrived_at is not None:
            return [Finding("two_places_at_once", Evidence.DOUBTFUL)]
        if gap is None or other.metres is None:
            continue
        needed = other.metres / (rules.fastest_kmh / 3.6)
        # A minute of grace: people press the button at the door or already on the stairs.
        if gap + MINUTE < needed:
            return [
                Finding(
                    "too_fast",
                    Evidence.DOUBTFUL,
                    {"minutes": round(gap / MINUTE), "needed": round(needed / MINUTE)},
                )
            ]
    return []
