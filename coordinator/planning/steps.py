"""What a proven remedy asks of whom: the engine's edits as changes of people's and elders' data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

import routing
from coordinator.elders.models import Elder
from coordinator.kernel import clock
from coordinator.planning.translate import read_key
from coordinator.workforce.models import Worker
from coordinator.workforce.services.agreed import Agreement
from routing.scenario import Worker as Person

HUNDRED = 100
DAY_SECONDS = 86_400
EARLIEST_SECONDS, LATEST_SECONDS = 6 * 3600, 21 * 3600
VISITS_FROM, VISITS_UNTIL = 7 * 3600, 20 * 3600
"""Nobody is rung up earlier or later than this."""
FIELDS = {
    "max_visits": "max_visits_day",
    "max_visits_week": "max_visits_week",
    "max_visits_month": "max_visits_month",
    "max_hours_week": "max_hours_week",
    "radius_m": "service_radius_metres",
}
"""A worker's limits by the engine's names."""
COUNTS = frozenset({"max_visits", "max_visits_week", "max_visits_month"})


class Step(StrEnum):
    """Who can do it, and how."""

    ASK = "ask"  # a worker says yes or no
    WINDOW = "window"  # the coordinator changes the elder's hours, having asked
    REPLAN = "replan"  # nothing changes but the plan
    TRAIN = "train"
    ELDER = "elder"
    RECRUIT = "recruit"


STEPS: dict[str, Step] = {
    "raise_radius": Step.ASK,
    "one_more_visit": Step.ASK,
    "more_hours": Step.ASK,
    "extend_shift": Step.ASK,
    "work_on_day": Step.ASK,
    "widen_window": Step.WINDOW,
    "permit_day": Step.REPLAN,
    "relax_spacing": Step.REPLAN,
    "give_way": Step.REPLAN,
    "insert_now": Step.REPLAN,
    "loosen_pin": Step.REPLAN,
    "train_worker": Step.TRAIN,
    "allow_excluded": Step.ELDER,
    "another_worker": Step.RECRUIT,
    "second_person": Step.RECRUIT,
}


@dataclass(slots=True)
class Change:
    """What a remedy would change. `values` are limits of the worker (by the site's names), `days` with `starts` and
    `ends` (seconds from midnight) further hours, `opens` and `closes` the elder's hours."""

    step: Step
    worker_id: int | None = None
    values: dict[str, int] = field(default_factory=dict)
    days: tuple[date, ...] = ()
    starts: int | None = None
    ends: int | None = None
    opens: int | None = None
    closes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the row of a remedy or a question."""
        return {
            "step": self.step.value,
            "worker_id": self.worker_id,
            "values": self.values,
            "days": [day.isoformat() for day in self.days],
            "starts": self.starts,
            "ends": self.ends,
            "opens": self.opens,
            "closes": self.closes,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Change:
        """The reverse of `as_dict`."""
        days = tuple(date.fromisoformat(day) for day in data.get("days", ()))
        return cls(
            Step(data["step"]),
            data.get("worker_id"),
            dict(data.get("values", {})),
            days,
            *(data.get(name) for name in ("starts", "ends", "opens", "closes")),
        )

    @property
    def agreement(self) -> Agreement:
        """As the workforce writes it down."""
        return Agreement(self.days, _time(self.starts), _time(self.ends), self.values)

    @property
    def last_day(self) -> date | None:
        """The last day it is about."""
        return max(self.days, default=None)


def change_of(
    code: str,
    detail: Mapping[str, Any],
    edits: Sequence[Mapping[str, Any]],
    scenario: routing.Scenario,
    origin: date,
    first: date,
) -> Change | None:
    """The change behind a remedy; None where it makes no sense outside the engine: a day that is over, hours at
    night. `origin` is day 0 of the scenario, `first` the first day that may be planned.
    """
    step = STEPS.get(code)
    if step is None:
        return None
    found = Change(step)
    if step in (Step.ASK, Step.TRAIN):
        found.worker_id = next((read_key(e["id"])[1] for e in edits if e["what"] == "worker"), None)
    if code in ("extend_shift", "work_on_day"):
        return _hours(found, code, detail, edits, scenario, origin, first)
    if step is Step.ASK:
        for edit in edits:
            value = ceil(float(edit["value"]))
            if edit["field"] == "radius_m":
                value = -(-value // HUNDRED) * HUNDRED
            # Counts in the scenario hold what was done this month; the worker knows one more than before.
            found.values[FIELDS[edit["field"]]] = 1 if edit["field"] in COUNTS else value
    if step is Step.WINDOW:
        return _window(found, edits, scenario)
    if code == "permit_day" and origin + timedelta(days=int(detail.get("day", 0))) < first:
        return None
    return found


def _hours(
    found: Change,
    code: str,
    detail: Mapping[str, Any],
    edits: Sequence[Mapping[str, Any]],
    scenario: routing.Scenario,
    origin: date,
    first: date,
) -> Change | None:
    day = int(detail["day"])
    worker = scenario.worker_of[str(edits[0]["id"])]
    span = next(
        (
            tuple(hours)
            for edit in edits
            if edit["field"] == "shifts"
            for weekday, hours in edit["value"]
            if weekday == scenario.weekday_of_day[day]
        ),
        None,
    )
    days = [day]
    if code == "extend_shift":
        # The engine knows one shift for a weekday: what it has proven holds for all of them.
        days = [
            index
            for index in range(scenario.days)
            if scenario.weekday_of_day[index] == scenario.weekday_of_day[day]
            and scenario.shift_of(worker, index) is not None
        ]
    if span is None:
        changed = routing.edited(scenario, [routing.Edit(**edit) for edit in edits])
        span = changed.shift_of(changed.worker_of[worker.id], day)
    if span is None or span[0] < EARLIEST_SECONDS or span[1] > LATEST_SECONDS:
        return None
    if code == "extend_shift":
        span = _beside(worker, scenario.shift_of(worker, day) or span, span)
    dates = (origin + timedelta(days=index) for index in days)
    found.days = tuple(one for one in dates if one >= first)
    found.starts, found.ends = span
    return found if found.days else None


def _beside(worker: Person, before: tuple[int, int], span: tuple[int, int]) -> tuple[int, int]:
    """Of a longer shift the part next to what is new: nobody is asked for the time between two spans of theirs."""
    gaps = [(one.window[0], one.window[0] + one.duration) for one in worker.breaks if len({*one.window}) == 1]
    low, high = span
    for start, end in gaps:
        if not before[0] <= start < end <= before[1]:
            continue
        if low < before[0]:
            high = min(high, start)
        elif span[1] > before[1]:
            low = max(low, end)
    return low, high


def _window(found: Change, edits: Sequence[Mapping[str, Any]], scenario: routing.Scenario) -> Change | None:
    edit = edits[0]
    visit = next((one for one in scenario.visits if one.id == edit["id"]), None)
    if visit is None or not str(edit["id"]).startswith("e"):
        return None
    opens, latest = edit["value"]
    found.opens, found.closes = int(opens), int(latest) + visit.duration
    late = found.closes > VISITS_UNTIL and latest > visit.window[1]
    early = found.opens < VISITS_FROM and opens < visit.window[0]
    return None if late or early else found


def settle(change: Change, worker: Worker) -> None:
    """Turn "one more" into the worker's new limits."""
    for name in {FIELDS[count] for count in COUNTS} & set(change.values):
        change.values[name] += getattr(worker, name)


def values_before(worker: Worker | None, elder: Elder | None, change: Change) -> dict[str, Any]:
    """What a change starts from, to see later whether that still holds."""
    before: dict[str, Any] = {}
    if change.step is Step.ASK and worker is not None:
        before = {name: getattr(worker, name) for name in FIELDS.values()}
        before["hours"] = sorted([one.weekday, str(one.starts), str(one.ends)] for one in worker.availability)
        before["exceptions"] = sorted(
            [str(one.first_day), str(one.last_day), str(one.starts), str(one.ends)]
            for one in worker.exceptions
            if one.last_day > clock.today()
        )
        before["status"] = worker.status.value
    if change.step is Step.WINDOW and elder is not None:
        before = {
            "from": str(elder.visit_from),
            "until": str(elder.visit_until),
            "status": elder.status.value,
        }
    return before


def _time(seconds: int | None) -> time | None:
    if seconds is None:
        return None
    return time(seconds // 3600, seconds % 3600 // 60) if seconds < DAY_SECONDS else time(23, 59)
