"""Who went where in the demo's history, and who goes today and tomorrow: a greedy roster, not the planner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from coordinator.demo.world import World, at
from coordinator.elders.models import Elder
from coordinator.kernel import geo
from coordinator.policy import Obligation
from coordinator.visits.queries import obligations_for
from coordinator.workforce.fitness import is_minor, unfit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import service_contacts_of, workers_for_planning

HISTORY_DAYS = 61
TRAVEL_MINUTES = 15
# Shares of what was done in the past, so that the demo has something overdue and something left to do.
DONE_OF_PAST = 0.965
# How often somebody else goes than the paired or nearest person.
NOT_THE_USUAL = 0.3
DONE_OF_CURRENT = 0.8


@dataclass(slots=True)
class Outing:
    """One planned visit: who goes to whom, when, and for which obligation."""

    elder: Elder
    worker: Worker
    starts_at: datetime
    ends_at: datetime
    obligation: Obligation | None
    companion: Worker | None = None


class Roster:
    """Fills people's days one visit after another, within hours, limits and fitness."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.workers = [one for one in workers_for_planning(world.street.path) if one.status == "approved"]
        self.paired = service_contacts_of(elder.id for elder in world.elders)
        self.free_at: dict[tuple[int, date], datetime] = {}
        self.days: dict[tuple[int, date], int] = defaultdict(int)
        self.weeks: dict[tuple[int, date], int] = defaultdict(int)

    def place(self, elder: Elder, days: Iterable[date], obligation: Obligation | None) -> Outing | None:
        """Put a visit to `elder` on one of `days`, tried in the order given; None when nobody fits."""
        for day in days:
            for worker in self._candidates(elder):
                outing = self._fit(elder, worker, day, obligation)
                if outing is not None:
                    return outing
        return None

    def _candidates(self, elder: Elder) -> list[Worker]:
        adults = [one for one in self.workers if not is_minor(one, self.world.today)]
        home = elder.household
        self.world.dice.shuffle(adults)
        if self.world.chance(NOT_THE_USUAL):
            return adults
        return sorted(
            adults,
            key=lambda one: (
                one.id != self.paired.get(elder.id),
                one.area_id != elder.area_id,
                geo.haversine_m(home.latitude, home.longitude, one.start_latitude, one.start_longitude)
                > 1500,
            ),
        )

    def _fit(self, elder: Elder, worker: Worker, day: date, obligation: Obligation | None) -> Outing | None:
        shift = next((one for one in worker.availability if one.weekday == day.weekday()), None)
        monday = day - timedelta(days=day.weekday())
        if (
            shift is None
            or self.days[worker.id, day] >= worker.max_visits_day
            or self.weeks[worker.id, monday] >= worker.max_visits_week
        ):
            return None
        opens = max(shift.starts, elder.visit_from)
        earliest = at(day, opens.hour, opens.minute)
        starts = max(earliest, self.free_at.get((worker.id, day), earliest))
        ends = starts + timedelta(minutes=elder.visit_minutes)
        latest = min(shift.ends, elder.visit_until)
        if ends > at(day, latest.hour, latest.minute):
            return None
        if any(one.hard for one in unfit(worker, elder, starts, ends, needs_skills=elder.needs_skills)):
            return None
        self.free_at[worker.id, day] = ends + timedelta(minutes=TRAVEL_MINUTES)
        self.days[worker.id, day] += 1
        self.weeks[worker.id, monday] += 1
        return Outing(elder, worker, starts, ends, obligation)

    def bring_minor(self, outing: Outing) -> None:
        """Let a pupil come along at a weekend, where that is allowed."""
        day = outing.starts_at.date()
        minors = [one for one in self.workers if is_minor(one, day)]
        self.world.dice.shuffle(minors)
        monday = day - timedelta(days=day.weekday())
        for minor in minors:
            busy = self.free_at.get((minor.id, day))
            if (busy is not None and busy > outing.starts_at) or self.weeks[
                minor.id, monday
            ] >= minor.max_visits_week:
                continue
            findings = unfit(
                minor,
                outing.elder,
                outing.starts_at,
                outing.ends_at,
                companions=[outing.worker],
                as_companion=True,
            )
            if not findings:
                outing.companion = minor
                self.free_at[minor.id, day] = outing.ends_at + timedelta(minutes=TRAVEL_MINUTES)
                self.weeks[minor.id, monday] += 1
                return


def history(world: World, roster: Roster) -> list[Outing]:
    """Visits of the last two months in order of time, as the rules asked for them."""
    first = world.today - timedelta(days=HISTORY_DAYS)
    yesterday = world.today - timedelta(days=1)
    outings = []
    for elder, obligation in owed(world, first, world.today):
        share = DONE_OF_PAST
        if obligation.period_to >= world.today:
            length = (obligation.period_to - obligation.period_from).days + 1
            share = DONE_OF_CURRENT * ((world.today - obligation.period_from).days / length)
        if not world.chance(share):
            continue
        days = _days(max(first, obligation.period_from), min(yesterday, obligation.period_to))
        world.dice.shuffle(days)
        outing = roster.place(elder, days, obligation)
        if outing is None:
            continue
        if outing.starts_at.weekday() >= 5 and world.chance(0.6):
            roster.bring_minor(outing)
        outings.append(outing)
    return sorted(outings, key=lambda one: (one.starts_at, one.worker.id))


def ahead(world: World, roster: Roster, done: set[tuple[int, date]], number: int) -> list[Outing]:
    """Visits of today and tomorrow for elders whose current obligation is still open."""
    tomorrow = world.today + timedelta(days=1)
    outings = []
    for elder, obligation in owed(world, world.today, tomorrow):
        if len(outings) >= number:
            break
        if (elder.id, obligation.period_from) in done or not elder.household.latitude:
            continue
        days = _days(max(world.today, obligation.period_from), min(tomorrow, obligation.period_to))
        outing = roster.place(elder, days, obligation)
        if outing is not None:
            if outing.starts_at.weekday() >= 5:
                roster.bring_minor(outing)
            outings.append(outing)
    return outings


def owed(world: World, first: date, last: date) -> list[tuple[Elder, Obligation]]:
    """Home visits that the rules ask for between two days, in a shuffled order that the seed decides."""
    by_id = {elder.id: elder for elder in world.elders}
    owed = [
        (by_id[elder_id], obligation)
        for elder_id, obligations in obligations_for(
            world.elders, world.street, first, last, world.today
        ).items()
        for obligation in obligations
        if obligation.status != "waived" and obligation.blocked is None and "home" in obligation.modes
    ]
    owed.sort(key=lambda pair: (pair[1].period_from, pair[0].id, pair[1].rule))
    world.dice.shuffle(owed)
    return sorted(owed, key=lambda pair: pair[1].period_from)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
