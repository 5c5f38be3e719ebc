"""Every reason a visit can be left out for, and every remedy, with its English wording.

Codes are stable: the site translates them. Templates are filled from the detail of the explanation;
times in a detail are seconds, days are day indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASONS: dict[str, str] = {
    "no_worker_with_skill": "No worker has the skills {skills}.",
    "no_pair_with_skills": "No two workers who may visit together have the skills {skills}.",
    "only_minors": "Only minors have the skills {skills}, and a minor visits only beside an adult who has them.",
    "all_excluded": "Every able worker is excluded from this visit: {workers}.",
    "outside_radius": "The place is outside every able worker's radius; nearest is {worker}, {metres} m away.",
    "no_permitted_day": "No day of the period is permitted for this elder.",
    "spacing": "The elder's other visits (days {made}) leave only days {days}: no able worker works then.",
    "no_worker_on_permitted_days": "No able worker works on the permitted days {days}.",
    "window_outside_shifts": "No able worker can start within {window}, travel included.",
    "load_over_capacity": "The load {load} is more than any able worker can carry.",
    "route_too_long": "The visit alone is longer than the route or week any able worker accepts.",
    "day_visits_reached": "The able workers already make all the visits they accept on the permitted days.",
    "week_visits_reached": "The able workers already make all the visits they accept in the week.",
    "month_visits_reached": "The able workers already make all the visits they accept in the month.",
    "week_hours_reached": "The able workers have no hours left in the week.",
    "no_time_left": "The able workers' days are full: the visit and its travel fit nowhere.",
    "no_two_free_together": "No two suitable workers are free at the same time.",
    "pin_impossible": "The visit is pinned to {workers}, who cannot make it as pinned.",
    "can_be_inserted": "There is room for the visit with {worker}; the search ended before using it.",
    "not_planned": "The visit is on no route; nobody has asked why yet.",
}

REMEDIES: dict[str, str] = {
    "recruit_skill": "Find or train a worker with the skills {skills}.",
    "train_worker": "Train {worker}: only {skills} missing.",
    "allow_excluded": "Ask the elder whether {worker} may come after all.",
    "raise_radius": "Raise the service radius of {worker} to {metres} m.",
    "permit_day": "Permit a visit on another day, for example {day}.",
    "relax_spacing": "Shorten the spacing of the visits or move one of them.",
    "work_on_day": "Ask {worker} to work on day {day}.",
    "widen_window": "Permit a start at {start} ({worker} could come then).",
    "share_load": "Carry the load in two trips or find a worker with room for {load}.",
    "longer_route": "Let {worker} be out for {seconds} s.",
    "one_more_visit": "Let {worker} make one more visit on day {day}.",
    "more_hours": "Give {worker} {seconds} s more in the week of day {day}.",
    "extend_shift": "Extend the shift of {worker} on day {day} by {seconds} s.",
    "give_way": "Take {visit} (priority {priority}) off {worker} on day {day}.",
    "another_worker": "Add a worker with the skills {skills} near the place.",
    "second_person": "Find a second person for the visit on one of the days {days}.",
    "add_adult": "Send an adult with the skills {skills} along.",
    "loosen_pin": "Take the pin off or move it.",
    "insert_now": "Insert it with {worker} on day {day}, or plan again with more time.",
    "ask_why": "Ask for the explanation of this plan.",
}


class _Gaps(dict[str, Any]):
    """Leaves a visible mark where a detail is missing instead of failing."""

    def __missing__(self, key: str) -> str:
        return f"[{key}]"


def reason_text(code: str, detail: Mapping[str, Any]) -> str:
    """Return the English sentence of a reason."""
    return REASONS[code].format_map(_Gaps(_readable(detail)))


def remedy_text(code: str, detail: Mapping[str, Any]) -> str:
    """Return the English sentence of a remedy."""
    return REMEDIES[code].format_map(_Gaps(_readable(detail)))


def _readable(detail: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in detail.items():
        if key == "start":
            shown[key] = _clock(value)
        elif key == "window":
            shown[key] = "–".join(_clock(part) for part in value)
        elif isinstance(value, list | tuple):
            shown[key] = ", ".join(str(part) for part in value) or "none"
        else:
            shown[key] = value
    return shown


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
