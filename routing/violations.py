"""What the checker can find: every violation code, one violation, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from routing.plan import Score

VIOLATIONS: dict[str, str] = {
    "unknown_worker": "the worker is not in the scenario",
    "unknown_visit": "the visit is not in the scenario",
    "unknown_day": "the day is outside the horizon",
    "route_twice": "the worker has two routes on one day",
    "visit_twice": "the visit is made by more workers, or more often, than it needs",
    "visit_missing": "the visit is neither made nor listed as unassigned",
    "made_and_unassigned": "the visit is made and also listed as unassigned",
    "not_working": "the worker does not work on this day",
    "outside_shift": "the route leaves before the shift or returns after it",
    "too_little_travel": "there is less time between two places than the travel takes",
    "too_short": "the service is shorter than the visit needs",
    "outside_window": "the service starts outside the visit's time window",
    "missing_skill": "the worker (or the two together) lacks a skill the visit needs",
    "excluded_worker": "the visit excludes this worker",
    "outside_radius": "the place is outside the worker's service radius",
    "too_many_visits_day": "more visits on the day than the worker takes",
    "too_many_visits_week": "more visits in the week than the worker takes",
    "too_many_visits_month": "more visits in the month than the worker takes",
    "too_many_hours_week": "more hours in the week than the worker takes",
    "route_too_long": "the route lasts longer than the worker's limit",
    "over_capacity": "more is carried than the worker can carry",
    "no_break": "a break of the worker does not fit into the route",
    "second_person_missing": "a visit for two people is made by one",
    "not_together": "two people on one visit start at different times",
    "minor_alone": "a minor is on a visit without an adult",
    "day_not_permitted": "the elder's days are not part of a permitted pattern",
    "wrong_number": "the numbers of an elder's visits do not follow the days",
    "pin_broken": "a pinned visit is made by another worker or on another day",
    "pin_position": "a pinned visit is not at its position",
    "wrong_score": "the score in the plan is not the plan's score",
}
"""Every violation code and what it means."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken limit: code, and the visit, worker and day concerned where there is one."""

    code: str
    visit: str | None = None
    worker: str | None = None
    day: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the violation as one line of text."""
        where = [f"{name} {value}" for name, value in self._places() if value is not None]
        detail = ", ".join(f"{key} {value}" for key, value in self.detail.items())
        return f"{self.code} ({'; '.join(where)}): {VIOLATIONS[self.code]}" + (
            f" [{detail}]" if detail else ""
        )

    def _places(self) -> tuple[tuple[str, object], ...]:
        return ("visit", self.visit), ("worker", self.worker), ("day", self.day)


@dataclass(frozen=True, slots=True)
class Report:
    """What the checker found: violations (none for a good plan) and the plan's score."""

    violations: list[Violation]
    score: Score

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return not self.violations
