"""The scenario itself; see the package for what it promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

import routing
from coordinator.elders.models import Elder, ElderStatus, Skill
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.planning.translate.needs import Demand, Need, around, needs_of, patterns_of
from coordinator.planning.translate.options import Options
from coordinator.planning.translate.people import (
    DETOUR,
    Held,
    Span,
    capacity_of,
    history_days,
    never_together,
    out_of_duty,
    shifts_of,
    speeds,
    worker_key,
    worker_record,
)
from coordinator.planning.translate.standing import Standing, last_visits, standing
from coordinator.policy import EventKind, Mode, Obligation, Status
from coordinator.visits.models import Visit
from coordinator.visits.queries import events_of, obligations_for, pack_of
from coordinator.workforce import fitness
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import service_contacts_of, workers_for_planning

TIER_PRIORITY = {"key": 4, "A": 4, "B": 3}
OTHER_PRIORITY = 2
SHARE_PRIORITY = 1
FIXED_PRIORITY = 1000
HISTORY_SECONDS = 1800
LONG_PERIOD_DAYS = 20
ANY_START = (0, 86_400)


@dataclass(frozen=True, slots=True)
class PinnedStop:
    """A visit of an earlier plan that must stay with its worker on its day."""

    elder_id: int
    worker_id: int
    day: date


@dataclass(frozen=True, slots=True)
class ElderNeeds:
    """What is planned for one elder, and what the patterns are made of."""

    needs: tuple[Need, ...]
    spacing: int
    taken: tuple[int, ...]
    wished: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An obligation that is owed and not planned; `reason` is one of `reasons.OWN_REASONS`."""

    elder_id: int
    rule: str
    tier: str | None
    label: str
    period_from: date
    period_to: date
    reason: str


@dataclass(slots=True)
class Translation:
    """A scenario in its JSON form and all that is needed to write its plan back into rows."""

    scenario: dict[str, Any]
    span: Span
    needs: dict[int, ElderNeeds]
    given: dict[str, Visit]
    left: list[Left] = field(default_factory=list)
    calls: list[Left] = field(default_factory=list)
    unfit_workers: dict[int, fitness.Unfit] = field(default_factory=dict)
    capacity: dict[int, tuple[float, int]] = field(default_factory=dict)
    apart: int = 0
    offered: int = 0

    @property
    def visits(self) -> int:
        """Number of visits to be planned, those that stand left out."""
        return sum(len(one.needs) for one in self.needs.values())

    def relaxed(self, elder_ids: Collection[int]) -> dict[str, Any]:
        """The scenario with every permitted day for these elders, spacing or not."""
        elders = []
        for record in self.scenario["elders"]:
            kind, number = read_key(record["id"])
            if kind == "e" and number in elder_ids:
                one = self.needs[number]
                record = record | {
                    "patterns": _listed(patterns_of(one.needs, one.spacing, one.taken, strict=False))
                }
            elders.append(record)
        return self.scenario | {"elders": elders}


def elder_key(elder_id: int) -> str:
    """The elder's id in a scenario."""
    return f"e{elder_id}"


def visit_key(visit_id: int) -> str:
    """The id in a scenario of a visit that stands already."""
    return f"v{visit_id}"


def read_key(key: str) -> tuple[str, int]:
    """Kind ('e', 'v', 'h', 'w') and number of a scenario's id, the visit number after '#' left out."""
    name = key.partition("#")[0]
    return name[0], int(name[1:])


def horizon(month: date, today: date) -> Span | None:
    """The days of a month that may still be planned (from tomorrow on), None when there are none."""
    first = max(month, today + timedelta(days=1))
    last = (month.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if first > last:
        return None
    return Span(first - timedelta(days=first.weekday()), first, last)


def translate(
    area: Area,
    month: date,
    *,
    today: date,
    options: Options | None = None,
    pinned: Sequence[PinnedStop] = (),
    free_days: bool = False,
) -> Translation:
    """The scenario of an area and month as things stand on `today`; the number of queries is constant.

    `pinned` visits of an earlier plan stay; `free_days` offers every permitted day instead of a week for each
    visit, for a plan that begins from an earlier one.

    Raises Conflict when the area has no rule pack, ValueError when the month has no day left.
    """
    span = horizon(month, today)
    if span is None:
        raise ValueError("no day of the month is left")
    elders = _elders(area)
    workers = workers_for_planning(area.path)
    stands = standing(area, [worker.id for worker in workers], span, today)
    book = _Book(area, span, today, elders, workers, stands, options or Options())
    book.free_days = free_days
    return book.make(pinned)


def _elders(area: Area) -> Sequence[Elder]:
    return db.session.scalars(
        select(Elder)
        .join(Area, Area.id == Elder.area_id)
        .where(Area.path.startswith(area.path), Elder.status == ElderStatus.ACTIVE)
        .options(*without_secrets(), joinedload(Elder.household), joinedload(Elder.area))
        .order_by(Elder.id)
    ).all()


class _Book:
    def __init__(
        self,
        area: Area,
        span: Span,
        today: date,
        elders: Sequence[Elder],
        workers: Sequence[Worker],
        stands: Standing,
        options: Options,
    ) -> None:
        self.area, self.span, self.today = area, span, today
        self.elders = {elder.id: elder for elder in elders}
        self.workers = {worker.id: worker for worker in workers}
        self.stands, self.options = stands, options
        self.free_days = False
        self.left: list[Left] = []
        self.calls: list[Left] = []
        self.needs: dict[int, ElderNeeds] = {}
        self.urgent: set[int] = set()

    def make(self, pinned: Sequence[PinnedStop]) -> Translation:
        last = last_visits(list(self.elders), self.span.last + timedelta(days=1))
        self.last = last
        self._demands()
        duty = {worker.id: out_of_duty(worker, self.span) for worker in self.workers.values()}
        given, apart_days, apart = self._given(duty)
        kept = self._kept(pinned)
        records, history = self._workers(duty, kept, apart_days)
        present = {read_key(record["id"])[1] for record in records}
        self._wishes(records, {pin.elder_id for pin in kept})
        contacts = service_contacts_of(self.elders)
        elders = [
            self._elder(self.elders[elder_id], one, contacts.get(elder_id), present)
            for elder_id, one in self.needs.items()
        ]
        items = [self._fixed(visit) for visit in given]
        pins = [pin for visit in given for pin in self._pins(visit)] + self._keep(kept, present)
        scenario = {
            "kind": "month",
            "name": f"{self.area.id} {self.span.last:%Y-%m}",
            "days": self.span.days,
            "weekday_of_day": [self.span.day(index).weekday() for index in range(self.span.days)],
            "speed_kmh": speeds(),
            "detour": DETOUR,
            "weights": self.options.weights,
            "elders": [*elders, *items, *(item for item, _ in history)],
            "workers": records,
            "pinned": [*pins, *(pin for _, pin in history)],
        }
        return Translation(
            scenario=scenario,
            span=self.span,
            needs=self.needs,
            given={visit_key(visit.id): visit for visit in given},
            left=self.left,
            calls=self.calls,
            unfit_workers={
                worker_id: next(iter(off.values()))
                for worker_id, off in duty.items()
                if len(off) == len(self.span.open_days)
            },
            capacity=capacity_of(records, self.span),
            apart=apart,
            offered=sum(
                len([visit for visit in visits if not visit.assignments])
                for visits in self.stands.visits.values()
            ),
        )

    # -- what is owed

    def _demands(self) -> None:
        month = self.span.last.replace(day=1)
        owed = obligations_for(self.elders.values(), self.area, month, self.span.last, self.today)
        closed = self._epidemic_days()
        settings = pack_of(self.area).settings
        half = settings.spacing_days_half_month.value if settings.spacing_days_half_month else 0
        whole = settings.spacing_days_month.value if settings.spacing_days_month else 0
        for elder_id, elder in self.elders.items():
            demands = []
            for obligation in owed.get(elder_id, ()):
                if obligation.status is not Status.OWED:
                    continue
                if obligation.event is not None:
                    self.urgent.add(elder_id)
                demand = self._demand(elder, obligation, closed.get(elder_id, frozenset()))
                if demand is not None:
                    demands.append(demand)
            needs = tuple(needs_of(demands))
            if needs:
                taken = sorted(
                    {
                        *(
                            self.span.index(clock.to_local(visit.starts_at).date())
                            for visit in self.stands.visits.get(elder_id, ())
                        ),
                        *([self.span.index(self.last[elder_id].day)] if elder_id in self.last else ()),
                    }
                )
                longest = max((need.period_to - need.period_from).days for need in needs)
                spacing = half if longest < 20 else whole
                self.needs[elder_id] = ElderNeeds(needs, max(1, spacing), tuple(taken))

    def _demand(self, elder: Elder, obligation: Obligation, closed: frozenset[int]) -> Demand | None:
        """The visits an obligation still lacks; what cannot or need not be planned is listed instead."""

        def note(reason: str) -> Left:
            return Left(
                elder.id,
                obligation.rule,
                obligation.tier,
                _label(obligation),
                obligation.period_from,
                obligation.period_to,
                reason,
            )

        lacking = obligation.required - obligation.counted - self._standing_in(elder.id, obligation)
        if lacking <= 0:
            return None
        if obligation.blocked is not None:
            self.left.append(note(f"blocked_{obligation.blocked.value}"))
            return None
        if set(obligation.modes) != {Mode.HOME}:
            self.calls.append(note("call"))
            return None
        beyond = obligation.period_to > self.span.last
        if beyond and not self._in_this_share(elder, obligation):
            return None
        days = tuple(
            index
            for index in self.span.open_days
            if obligation.period_from <= self.span.day(index) <= obligation.period_to
        )
        if not days:
            self.left.append(note("no_day_left"))
            return None
        if elder.household.latitude is None or elder.household.longitude is None:
            self.left.append(note("no_place"))
            return None
        usable = tuple(index for index in days if index not in closed)
        if not usable:
            self.left.append(note("blocked_epidemic"))
            return None
        return Demand(
            obligation.rule,
            obligation.tier,
            _label(obligation),
            obligation.period_from,
            obligation.period_to,
            1 if beyond else lacking,
            not beyond,
            usable,
        )

    def _standing_in(self, elder_id: int, obligation: Obligation) -> int:
        days = {clock.to_local(visit.starts_at).date() for visit in self.stands.visits.get(elder_id, ())}
        return sum(obligation.period_from <= day <= obligation.period_to for day in days)

    def _in_this_share(self, elder: Elder, obligation: Obligation) -> bool:
        """Whether it is this month's turn for an obligation that ends later."""
        end, now = obligation.period_to, self.span.last
        months_left = (end.year - now.year) * 12 + end.month - now.month + 1
        return elder.id % months_left == 0

    def _epidemic_days(self) -> dict[int, frozenset[int]]:
        """Elder id → open days on which an epidemic forbids visits at home."""
        events = [
            event
            for event in events_of(self.area, self.span.first, self.span.last, below=True)
            if event.kind.value == EventKind.EPIDEMIC.value
        ]
        found = {}
        for elder in self.elders.values() if events else ():
            line = set(elder.area.ancestor_ids)
            found[elder.id] = frozenset(
                index
                for index in self.span.open_days
                for event in events
                if event.area_id in line and event.first_day <= self.span.day(index) <= event.last_day
            )
        return found

    # -- what stands

    def _given(
        self, duty: Mapping[int, Mapping[int, object]]
    ) -> tuple[list[Visit], dict[int, set[int]], int]:
        """Visits that stand and can be part of the plan; worker-days that are kept out of it, and how many visits.

        What was arranged by hand may break limits that a plan must keep. Such a day is left to whoever arranged it:
        the worker gets nothing more on it.
        """
        given = list(self.stands.given)
        apart_days: dict[int, set[int]] = defaultdict(set)
        apart = 0
        while given:
            broken = self._broken(given, duty, apart_days)
            if not broken:
                break
            for worker_id, index in broken:
                apart_days[worker_id].add(index)
            kept = [
                visit
                for visit in given
                if not any((one.worker_id, self._index(visit)) in broken for one in self._people(visit))
            ]
            for visit in given:
                if visit not in kept:
                    apart += 1
                    for one in self._people(visit):
                        apart_days[one.worker_id].add(self._index(visit))
                        if one.worker_id in self.stands.held:
                            self.stands.held[one.worker_id].fixed[self._index(visit)] -= 1
            given = kept
        return given, dict(apart_days), apart

    def _broken(
        self,
        given: Sequence[Visit],
        duty: Mapping[int, Mapping[int, object]],
        apart_days: Mapping[int, set[int]],
    ) -> set[tuple[int, int]]:
        """Worker-days of `given` on which a limit does not hold."""
        gone = {
            (one.worker_id, self._index(visit))
            for visit in given
            for one in self._people(visit)
            if one.worker_id not in self.workers
            or self._index(visit) in duty.get(one.worker_id, {})
            or self._index(visit) in apart_days.get(one.worker_id, ())
        }
        if gone:
            return gone
        records, _ = self._workers(duty, [], apart_days)
        present = {record["id"] for record in records}
        absent = {
            (one.worker_id, self._index(visit))
            for visit in given
            for one in self._people(visit)
            if worker_key(one.worker_id) not in present
        }
        if absent:
            return absent
        scenario = routing.Scenario.from_dict(
            {
                "kind": "month",
                "name": "standing",
                "days": self.span.days,
                "weekday_of_day": [self.span.day(index).weekday() for index in range(self.span.days)],
                "speed_kmh": speeds(),
                "detour": DETOUR,
                "elders": [self._fixed(visit) for visit in given],
                "workers": records,
            }
        )
        orders: dict[tuple[str, int], list[str]] = defaultdict(list)
        for visit in given:
            for one in self._people(visit):
                orders[worker_key(one.worker_id), self._index(visit)].append(f"{visit_key(visit.id)}#1")
        report = routing.check(scenario, routing.schedule(scenario, orders))
        found = set()
        for violation in report.violations:
            for worker, index in orders:
                whole = violation.worker is None or violation.worker == worker
                if whole and violation.day in (None, index):
                    found.add((read_key(worker)[1], index))
        return found

    def _index(self, visit: Visit) -> int:
        return self.span.index(clock.to_local(visit.starts_at).date())

    def _people(self, visit: Visit) -> list[Any]:
        return [one for one in visit.assignments if one.state.value in ("approved", "done")]

    def _fixed(self, visit: Visit) -> dict[str, Any]:
        """A visit that stands, as an elder with one day and one start."""
        home = visit.elder.household
        start = clock.to_local(visit.starts_at) - clock.at_local(clock.to_local(visit.starts_at).date(), 0)
        seconds = int(start.total_seconds())
        people = self._people(visit)
        leading = [one for one in people if not one.is_companion]
        if home.latitude is None or home.longitude is None:
            worker = self.workers[leading[0].worker_id]
            place = [worker.start_latitude, worker.start_longitude]
        else:
            place = [home.latitude, home.longitude]
        return {
            "id": visit_key(visit.id),
            "loc": place,
            "duration": int((visit.ends_at - visit.starts_at).total_seconds()),
            "window": [seconds, seconds],
            "skills": [],
            "priority": FIXED_PRIORITY,
            "statutory": True,
            "people": min(2, max(1, len(leading))),
            "patterns": [[self._index(visit)]],
        }

    def _pins(self, visit: Visit) -> list[dict[str, Any]]:
        return [
            {
                "visit": f"{visit_key(visit.id)}#1",
                "worker": worker_key(one.worker_id),
                "day": self._index(visit),
            }
            for one in self._people(visit)
        ]

    # -- pins of an earlier plan

    def _kept(self, pinned: Iterable[PinnedStop]) -> list[PinnedStop]:
        """Pins whose elder still needs a visit on that day."""
        return [
            pin
            for pin in pinned
            if pin.elder_id in self.needs
            and any(self.span.index(pin.day) in need.days for need in self.needs[pin.elder_id].needs)
        ]

    def _keep(self, kept: Sequence[PinnedStop], present: Collection[int]) -> list[dict[str, Any]]:
        by_elder: dict[int, dict[date, list[int]]] = defaultdict(lambda: defaultdict(list))
        for pin in kept:
            if pin.worker_id in present:
                by_elder[pin.elder_id][pin.day].append(pin.worker_id)
        pins = []
        for elder_id, days in by_elder.items():
            for number, (day, workers) in enumerate(sorted(days.items()), start=1):
                pins += [
                    {
                        "visit": f"{elder_key(elder_id)}#{number}",
                        "worker": worker_key(worker_id),
                        "day": self.span.index(day),
                    }
                    for worker_id in workers
                ]
        return pins

    # -- workers

    def _workers(
        self,
        duty: Mapping[int, Mapping[int, object]],
        kept: Sequence[PinnedStop],
        apart_days: Mapping[int, set[int]],
    ) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, Any]]]]:
        pins: dict[int, Counter[int]] = defaultdict(Counter)
        for pin in kept:
            pins[pin.worker_id][self.span.index(pin.day)] += 1
        records, history = [], []
        for worker in self.workers.values():
            held = self.stands.held.get(worker.id, Held())
            held.fixed = +held.fixed
            off = set(duty.get(worker.id, ())) | apart_days.get(worker.id, set())
            record = worker_record(worker, self.span, held, off, pins[worker.id])
            if record is None:
                continue
            records.append(record)
            shifts = shifts_of(worker, minor=bool(record.get("companion_of_adult")))
            if record.get("companion_of_adult"):
                continue
            days = history_days(worker, self.span, held, shifts)
            for day, minutes in zip(days, held.week_minutes, strict=False):
                history.append(self._history(worker, len(history), day, minutes))
        return records, history

    def _history(
        self, worker: Worker, number: int, index: int, minutes: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        item = {
            "id": f"h{number}",
            "loc": [worker.start_latitude, worker.start_longitude],
            "duration": min(HISTORY_SECONDS, minutes * 60),
            "window": list(ANY_START),
            "priority": FIXED_PRIORITY,
            "patterns": [[index]],
        }
        return item, {"visit": f"h{number}#1", "worker": worker_key(worker.id), "day": index}

    # -- elders

    def _wishes(self, records: Sequence[dict[str, Any]], pinned: Collection[int]) -> None:
        """Leave out days on which nobody works, and give every visit its week: neighbours share one, and the work
        spreads over the month as the workers' time does."""
        capacity = {index: visits for index, (visits, _) in capacity_of(records, self.span).items()}
        order = sorted(self.needs, key=lambda elder_id: (self._along(elder_id), elder_id))
        for rank, elder_id in enumerate(order):
            one = self.needs[elder_id]
            needs = tuple(replace(need, days=_usable(need, one.taken, capacity)) for need in one.needs)
            wished: tuple[tuple[int, ...], ...] = ()
            if not self.free_days and elder_id not in pinned:
                share = (rank + 0.5) / len(order)
                wished = tuple(around(_half(need.days, rank), capacity, share) for need in needs)
            self.needs[elder_id] = ElderNeeds(needs, one.spacing, one.taken, wished)

    def _along(self, elder_id: int) -> int:
        """Place of a home on a curve through the area that keeps neighbours together (Morton order, 20 m cells)."""
        home = self.elders[elder_id].household
        assert home.latitude is not None, "homes without a place are not planned"
        assert home.longitude is not None, "homes without a place are not planned"
        north, east = int((home.latitude + 90) * 5000), int((home.longitude + 180) * 5000)
        return sum((north >> bit & 1) << 2 * bit + 1 | (east >> bit & 1) << 2 * bit for bit in range(22))

    def _elder(
        self, elder: Elder, one: ElderNeeds, contact: int | None, present: Collection[int]
    ) -> dict[str, Any]:
        duration = elder.visit_minutes * 60
        opens = elder.visit_from.hour * 3600 + elder.visit_from.minute * 60
        closes = elder.visit_until.hour * 3600 + elder.visit_until.minute * 60
        two = elder.needs_two_visitors
        excluded = [
            worker_key(worker.id)
            for worker in self.workers.values()
            if worker.id in present
            and (
                never_together(worker, elder, self.span.first)
                # A minor is company and never one of the two people a visit asks for.
                or (two and fitness.is_minor(worker, self.span.first))
            )
        ]
        statutory = any(need.statutory for need in one.needs)
        priority = max(TIER_PRIORITY.get(need.tier or "", OTHER_PRIORITY) for need in one.needs)
        record: dict[str, Any] = {
            "id": elder_key(elder.id),
            "loc": [elder.household.latitude, elder.household.longitude],
            "duration": duration,
            "window": [opens, max(opens, closes - duration)],
            "skills": sorted({skill for skill in elder.needs_skills if skill != Skill.DIALECT}),
            "priority": priority + (elder.id in self.urgent) if statutory else SHARE_PRIORITY,
            "statutory": statutory,
            "excluded": excluded,
            "people": 2 if two else 1,
            "patterns": _listed(patterns_of(one.needs, one.spacing, one.taken, wished=one.wished)),
        }
        if contact in present:
            record["preferred"] = [worker_key(contact)]
        last = self.last.get(elder.id)
        if last is not None and last.worker_id in present:
            record["last_visitor"] = worker_key(last.worker_id)
        if last is not None and self.span.index(last.day) < 0:
            record["last_day"] = self.span.index(last.day)
        return record


def _usable(need: Need, taken: Sequence[int], capacity: Mapping[int, float]) -> tuple[int, ...]:
    """The days of a need on which somebody works; all of them where nobody does, so that the engine says so."""
    free = tuple(day for day in need.days if day not in taken) or need.days
    return tuple(day for day in free if capacity.get(day, 0.0) > 0) or free


def _half(days: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Of a month every other elder takes the first or the second half: the days on which the half-monthly visits
    next door are made."""
    if days[-1] - days[0] < LONG_PERIOD_DAYS:
        return days
    middle = (days[0] + days[-1] + 1) // 2
    first = tuple(day for day in days if day < middle)
    second = tuple(day for day in days if day >= middle)
    return (first if rank % 2 == 0 else second) or days


def _label(obligation: Obligation) -> str:
    tier = obligation.tier_name
    return f"{tier}，{obligation.rule_label}" if tier else obligation.rule_label


def _listed(patterns: Iterable[Sequence[int]]) -> list[list[int]]:
    return [list(pattern) for pattern in patterns]
