"""Workers as the engine sees them: shifts, days off, limits, and whom they may not visit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from coordinator.elders.models import Elder
from coordinator.planning.translate.keys import worker_key
from coordinator.planning.translate.week import week_of
from coordinator.workforce import fitness
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import TravelMode, Worker
from coordinator.workforce.ways import DETOURS, SPEEDS_KMH
from routing.scenario import Place
from routing.sphere import metres

if TYPE_CHECKING:
    from coordinator.planning.translate.roads import Times

DETOUR = DETOURS[TravelMode.WALK]

HISTORY_SECONDS = 1800
HISTORY_PRIORITY = 1000
ALL_DAY = (0, 86_400)
# What no plan may go past, whatever the hour; skills and radius are the engine's own to judge.
NEVER_TOGETHER = frozenset(
    {
        UnfitCode.TIED_ELSEWHERE,
        UnfitCode.BARRED,
        UnfitCode.SEX_PREFERENCE,
        UnfitCode.MINORS_NOT_WELCOME,
    }
)


@dataclass(slots=True)
class Held:
    """What a worker holds already. Counts of visits and the days on which they lie (day indices).

    `before_month` counts this month's visits before the first day to be planned, `week` those of the first day's
    week before it, with minutes; `fixed` are visits that stand in the days to be planned.
    """

    before_month: int = 0
    week_minutes: list[int] = field(default_factory=list)
    fixed: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a scenario: index 0 is a Monday, `first` the first open day, `last` the end of the month."""

    origin: date
    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of day indices."""
        return (self.last - self.origin).days + 1

    @property
    def weekdays(self) -> list[int]:
        """Weekday of each day, 0 = Monday."""
        return [self.day(index).weekday() for index in range(self.days)]

    @property
    def open_days(self) -> range:
        """Indices of the days that may be planned."""
        return range((self.first - self.origin).days, self.days)

    def index(self, day: date) -> int:
        """Index of a day; negative before the horizon."""
        return (day - self.origin).days

    def day(self, index: int) -> date:
        """The day of an index."""
        return self.origin + timedelta(days=index)


def speeds() -> dict[str, float]:
    """Speeds for the one detour factor of a scenario: a mode's own detour is folded into its speed."""
    return {mode.value: round(SPEEDS_KMH[mode] * DETOUR / DETOURS[mode], 3) for mode in TravelMode}


_SPEEDS = speeds()


def out_of_duty(worker: Worker, span: Span) -> dict[int, fitness.Unfit]:
    """The open days on which the worker may visit nobody, with the first reason; weekly hours left aside."""
    found = {}
    for index in span.open_days:
        hard = [one for one in fitness.duty_gate(worker, span.day(index)) if one.hard]
        if hard:
            found[index] = hard[0]
    return found


def way_seconds(mode: TravelMode | str, start: Place, end: Place) -> int:
    """Seconds from place to place along the straight line, as the engine counts them."""
    return round(metres(start, end) * DETOUR / (_SPEEDS[mode] / 3.6))


def way_home(worker: Worker, times: Times | None = None) -> int:
    """Seconds from where the worker starts to where the day ends, as the engine counts them."""
    if worker.start_latitude is None or worker.end_latitude is None:
        return 0
    start, end = (worker.start_latitude, worker.start_longitude), (worker.end_latitude, worker.end_longitude)
    if times is not None:
        return times.between(worker.travel_mode.value, start, end)
    return way_seconds(worker.travel_mode, start, end)


def worker_record(
    worker: Worker,
    span: Span,
    held: Held,
    off: Collection[int],
    pinned: Counter[int],
    times: Times | None = None,
) -> dict[str, Any] | None:
    """The worker in scenario form, None when there is no day to plan.

    `off` are day indices without duty; `pinned` counts visits that must stay, by day. Limits are raised to what
    stands already, so that nothing arranged by hand makes the whole plan impossible.
    """
    minor = fitness.is_minor(worker, span.first)
    way = way_home(worker, times)
    week = week_of(worker, span, minor=minor)
    # The engine refuses a shift in which nobody gets from the first place to the last.
    shifts = {weekday: hours for weekday, hours in week.shifts.items() if hours[1] - hours[0] >= way}
    not_days = (
        set(off)
        | week.not_there
        | {index for index in span.open_days if fitness.is_day_off(worker.exceptions, span.day(index))}
    )
    stands = +(held.fixed + pinned)
    month_room = worker.max_visits_month - held.before_month
    if month_room <= 0 and not stands:
        return None
    not_days |= _rest_of_full_week(worker, span, held, stands)
    open_days = [
        index for index in span.open_days if index not in not_days and span.day(index).weekday() in shifts
    ]
    if not open_days:
        return None
    placed = history_days(worker, span, held, shifts)
    weeks = Counter(index // 7 for index in stands.elements()) + Counter(index // 7 for index in placed)
    end = (worker.end_latitude, worker.end_longitude)
    record = {
        "id": worker_key(worker.id),
        "role": worker.kind.value,
        "mode": worker.travel_mode.value,
        "start": [worker.start_latitude, worker.start_longitude],
        "end": [worker.start_latitude, worker.start_longitude] if end[0] is None else list(end),
        "shift": list(next(iter(shifts.values()))),
        "shifts": {str(weekday): list(shift) for weekday, shift in sorted(shifts.items())},
        "weekdays": sorted(shifts),
        "not_days": sorted(not_days),
        "skills": sorted(
            one.skill.value for one in worker.skills if fitness.has_skill(worker, one.skill, span.first)
        ),
        "radius_m": worker.service_radius_metres,
        "max_visits": max(worker.max_visits_day, *stands.values(), *Counter(placed).values(), 0),
        "max_visits_week": max(worker.max_visits_week, *weeks.values(), 0),
        "max_visits_month": max(month_room, stands.total()) + len(placed),
    }
    if worker.max_hours_week is not None:
        record["max_hours_week"] = worker.max_hours_week
    if minor:
        record["companion_of_adult"] = True
    if week.breaks:
        record["breaks"] = week.breaks
    return record


def history_days(worker: Worker, span: Span, held: Held, weekdays: Collection[int]) -> list[int]:
    """Days before the first open one on which the week's earlier visits can stand in the scenario.

    The engine knows one limit for every week, so what was done in a week that has begun is put into it as pinned
    visits at the worker's start. Only as many as the limits allow: the worker is not at fault here.
    """
    days = [index for index in range(span.open_days.start) if span.day(index).weekday() in weekdays]
    room = [index for index in days for _ in range(worker.max_visits_day)]
    return sorted(room[: min(len(held.week_minutes), worker.max_visits_week)])


def never_together(worker: Worker, elder: Elder, day: date) -> bool:
    """Whether the two may not be put together at all (bars, wishes about sex, minors not welcome)."""
    found = fitness.pairing(worker, elder, day=day, needs_skills=())
    return any(one.code in NEVER_TOGETHER for one in found)


def capacity_of(workers: Sequence[dict[str, Any]], span: Span) -> dict[int, tuple[float, int]]:
    """Open day → visits the workers can make (their weekly and monthly limits spread evenly) and their number."""
    found: dict[int, tuple[float, int]] = dict.fromkeys(span.open_days, (0.0, 0))
    for worker in workers:
        if worker.get("companion_of_adult"):
            continue
        days = [
            index
            for index in span.open_days
            if index not in worker["not_days"] and span.day(index).weekday() in worker["weekdays"]
        ]
        weeks = Counter(index // 7 for index in days)
        for index in days:
            quota = min(
                worker["max_visits"],
                worker["max_visits_week"] / weeks[index // 7],
                worker["max_visits_month"] / len(days),
            )
            visits, people = found[index]
            found[index] = (visits + quota, people + 1)
    return found


def _rest_of_full_week(worker: Worker, span: Span, held: Held, stands: Counter[int]) -> set[int]:
    """The rest of the first week when its limit is used up already."""
    if len(held.week_minutes) < worker.max_visits_week:
        return set()
    week = span.open_days.start // 7
    return {index for index in span.open_days if index // 7 == week and not stands[index]}


@dataclass(slots=True)
class Crew:
    """Everybody who may be planned: `held` is what each holds already, `duty` the days each may visit nobody,
    `times` the ways between places (straight lines without)."""

    span: Span
    workers: dict[int, Worker]
    held: dict[int, Held]
    duty: dict[int, dict[int, fitness.Unfit]]
    times: Times | None = None

    @classmethod
    def of(
        cls, workers: Sequence[Worker], held: dict[int, Held], span: Span, times: Times | None = None
    ) -> Crew:
        """Judge the workers' duty on every open day."""
        duty = {worker.id: out_of_duty(worker, span) for worker in workers}
        return cls(span, {worker.id: worker for worker in workers}, held, duty, times)

    def records(
        self, pinned: Mapping[int, Counter[int]], apart_days: Mapping[int, Collection[int]]
    ) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, Any]]]]:
        """Workers in scenario form, and the week's earlier visits as items with their pins."""
        records, history = [], []
        for worker in self.workers.values():
            held = self.held[worker.id]
            off = {*self.duty[worker.id], *apart_days.get(worker.id, ())}
            record = worker_record(worker, self.span, held, off, pinned.get(worker.id, Counter()), self.times)
            if record is None:
                continue
            records.append(record)
            if record.get("companion_of_adult"):
                continue
            days = history_days(worker, self.span, held, record["weekdays"])
            for day, minutes in zip(days, held.week_minutes, strict=False):
                history.append(_history(worker, len(history), day, minutes))
        return records, history

    @property
    def unfit(self) -> dict[int, fitness.Unfit]:
        """Workers who may visit nobody on any open day, with the first reason."""
        return {
            worker_id: next(iter(off.values()))
            for worker_id, off in self.duty.items()
            if off and len(off) == len(self.span.open_days)
        }


def _history(worker: Worker, number: int, index: int, minutes: int) -> tuple[dict[str, Any], dict[str, Any]]:
    item = {
        "id": f"h{number}",
        "loc": [worker.start_latitude, worker.start_longitude],
        "duration": min(HISTORY_SECONDS, minutes * 60),
        "window": list(ALL_DAY),
        "priority": HISTORY_PRIORITY,
        "patterns": [[index]],
    }
    return item, {"visit": f"h{number}#1", "worker": worker_key(worker.id), "day": index}
