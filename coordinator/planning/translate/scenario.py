"""The scenario itself; see the package for what it promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from coordinator.elders.models import Elder, ElderStatus, Skill
from coordinator.elders.queries import without_secrets
from coordinator.extensions import db
from coordinator.kernel.areas import Area
from coordinator.planning.translate.fixed import fixed_item, fixed_pins, fixed_points
from coordinator.planning.translate.keys import elder_key, read_key, visit_key, worker_key
from coordinator.planning.translate.needs import Need, around, patterns_of
from coordinator.planning.translate.options import Options
from coordinator.planning.translate.owed import ElderNeeds, Left, Owed, what_is_owed
from coordinator.planning.translate.people import (
    DETOUR,
    Crew,
    Span,
    capacity_of,
    never_together,
    speeds,
)
from coordinator.planning.translate.roads import STRAIGHT, Times
from coordinator.planning.translate.standing import LastVisit, last_visits, standing
from coordinator.visits.models import Visit
from coordinator.workforce import fitness
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import partners_of, workers_for_planning

TIER_PRIORITY = {"key": 4, "A": 4, "B": 3}
OTHER_PRIORITY = 2
SHARE_PRIORITY = 1
LONG_PERIOD_DAYS = 20


@dataclass(frozen=True, slots=True)
class PinnedStop:
    """A visit of an earlier plan that must stay with its worker on its day."""

    elder_id: int
    worker_id: int
    day: date


@dataclass(slots=True)
class Translation:
    """A scenario in its JSON form and all that is needed to write its plan back into rows."""

    scenario: dict[str, Any]
    span: Span
    needs: dict[int, ElderNeeds]
    given: dict[str, Visit]
    times: Times = STRAIGHT
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

    @property
    def beyond_reach(self) -> list[Left]:
        """What is owed at home and no blocked wish stands against, yet cannot be planned (no day, no place)."""
        return [left for left in self.left if not left.reason.startswith("blocked_")]

    def relaxed(self, elder_ids: Collection[int]) -> dict[str, Any]:
        """The scenario with every permitted day for these elders, spacing or not."""
        elders = []
        for record in self.scenario["elders"]:
            kind, number = read_key(record["id"])
            if kind == "e" and number in elder_ids:
                one = self.needs[number]
                wider = patterns_of(one.needs, one.spacing, one.taken, strict=False)
                record = record | {"patterns": _listed(wider)}
            elders.append(record)
        return self.scenario | {"elders": elders}

    def before_others(self, elder_ids: Collection[int]) -> dict[str, Any]:
        """The scenario with these elders a little before others of their kind."""
        keys = {elder_key(elder_id) for elder_id in elder_ids}
        elders = [
            record | {"priority": record["priority"] + 1} if record["id"] in keys else record
            for record in self.scenario["elders"]
        ]
        return self.scenario | {"elders": elders}


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
    times: Times = STRAIGHT,
) -> Translation:
    """The scenario of an area and month as things stand on `today`; the number of queries is constant.

    `pinned` visits of an earlier plan stay; `free_days` offers every permitted day instead of a week for each
    visit, for a plan that begins from an earlier one; `times` are the ways by road (`times_of`). Raises Conflict
    when the area has no rule pack, ValueError when the month has no day left.
    """
    span = horizon(month, today)
    if span is None:
        raise ValueError("no day of the month is left")
    elders = {elder.id: elder for elder in _elders(area)}
    workers = workers_for_planning(area.path)
    stands = standing(area, [worker.id for worker in workers], span, today)
    last = last_visits(list(elders), span.last + timedelta(days=1))
    owed = what_is_owed(area, span, today, elders, stands, last)
    crew = Crew.of(workers, stands.held, span, times)
    fixed = fixed_points(stands.given, crew)
    kept = _kept(pinned, owed, span)
    pins: dict[int, Counter[int]] = defaultdict(Counter)
    for pin in kept:
        pins[pin.worker_id][span.index(pin.day)] += 1
    records, history = crew.records(pins, fixed.apart_days)
    present = {read_key(record["id"])[1] for record in records}
    capacity = capacity_of(records, span)
    held_to = {} if free_days else {index: visits for index, (visits, _) in capacity.items()}
    needs = _wishes(owed.needs, elders, capacity, held_to, {pin.elder_id for pin in kept})
    contacts = partners_of(elders)
    apart = {bar.elder_id for worker in workers for bar in worker.bars}
    apart |= {tied for worker in workers if (tied := fitness.tied_to(worker)) is not None}
    maker = _Maker(span, workers, present, owed, contacts, last, apart)
    scenario = {
        "kind": "month",
        "name": f"{area.id} {span.last:%Y-%m}",
        "days": span.days,
        "weekday_of_day": span.weekdays,
        "speed_kmh": speeds(),
        "detour": DETOUR,
        "weights": (options or Options()).weights,
        "elders": [
            *(maker.elder(elders[elder_id], one) for elder_id, one in needs.items()),
            *(fixed_item(visit, span, crew.workers) for visit in fixed.visits),
            *(item for item, _ in history),
        ],
        "workers": records,
        "pinned": [
            *(pin for visit in fixed.visits for pin in fixed_pins(visit, span)),
            *_keep(kept, present, span),
            *(pin for _, pin in history),
        ],
    }
    return Translation(
        scenario=scenario,
        times=times,
        span=span,
        needs=needs,
        given={visit_key(visit.id): visit for visit in fixed.visits},
        left=owed.left,
        calls=owed.calls,
        unfit_workers=crew.unfit,
        capacity=capacity,
        apart=fixed.apart,
        offered=sum(not visit.assignments for visits in stands.visits.values() for visit in visits),
    )


def _elders(area: Area) -> Sequence[Elder]:
    return db.session.scalars(
        select(Elder)
        .join(Area, Area.id == Elder.area_id)
        .where(Area.path.startswith(area.path), Elder.status == ElderStatus.ACTIVE)
        .options(*without_secrets(), joinedload(Elder.household), joinedload(Elder.area))
        .order_by(Elder.id)
    ).all()


# --- pins of an earlier plan -----------------------------------------------------------------------------


def _kept(pinned: Iterable[PinnedStop], owed: Owed, span: Span) -> list[PinnedStop]:
    """Pins whose elder still needs a visit on that day."""
    return [
        pin
        for pin in pinned
        if pin.elder_id in owed.needs
        and any(span.index(pin.day) in need.days for need in owed.needs[pin.elder_id].needs)
    ]


def _keep(kept: Sequence[PinnedStop], present: Collection[int], span: Span) -> list[dict[str, Any]]:
    by_elder: dict[int, dict[date, list[int]]] = defaultdict(lambda: defaultdict(list))
    for pin in kept:
        if pin.worker_id in present:
            by_elder[pin.elder_id][pin.day].append(pin.worker_id)
    return [
        {
            "visit": f"{elder_key(elder_id)}#{number}",
            "worker": worker_key(worker_id),
            "day": span.index(day),
        }
        for elder_id, days in by_elder.items()
        for number, (day, workers) in enumerate(sorted(days.items()), start=1)
        for worker_id in workers
    ]


# --- days ------------------------------------------------------------------------------------------------


def _wishes(
    needs: Mapping[int, ElderNeeds],
    elders: Mapping[int, Elder],
    capacity: Mapping[int, tuple[float, int]],
    held_to: Mapping[int, float],
    pinned: Collection[int],
) -> dict[int, ElderNeeds]:
    """Leave out days on which nobody works, and give every visit its week: neighbours share one, and the work
    spreads over the month as the workers' time (`held_to`) does. Pinned visits are not held to a week."""
    order = sorted(needs, key=lambda elder_id: (_along(elders[elder_id]), elder_id))
    found = {}
    for rank, elder_id in enumerate(order):
        one = needs[elder_id]
        usable = tuple(replace(need, days=_usable(need, one.taken, capacity)) for need in one.needs)
        wished: tuple[tuple[int, ...], ...] = ()
        if held_to and elder_id not in pinned:
            share = (rank + 0.5) / len(order)
            wished = tuple(around(_half(need.days, rank), held_to, share) for need in usable)
        found[elder_id] = replace(one, needs=usable, wished=wished)
    return {elder_id: found[elder_id] for elder_id in needs}


def _along(elder: Elder) -> int:
    """Place of a home on a curve through the area that keeps neighbours together (Morton order, 20 m cells)."""
    home = elder.household
    assert home.latitude is not None, "homes without a place are not planned"
    assert home.longitude is not None, "homes without a place are not planned"
    north, east = int((home.latitude + 90) * 5000), int((home.longitude + 180) * 5000)
    return sum((north >> bit & 1) << 2 * bit + 1 | (east >> bit & 1) << 2 * bit for bit in range(22))


def _usable(need: Need, taken: Sequence[int], capacity: Mapping[int, tuple[float, int]]) -> tuple[int, ...]:
    """The days of a need on which somebody works; all of them where nobody does, so that the engine says so."""
    free = tuple(day for day in need.days if day not in taken) or need.days
    return tuple(day for day in free if capacity.get(day, (0.0, 0))[0] > 0) or free


def _half(days: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Of a month every other elder takes the first or the second half: the days on which the half-monthly visits
    next door are made."""
    if days[-1] - days[0] < LONG_PERIOD_DAYS:
        return days
    middle = (days[0] + days[-1] + 1) // 2
    first = tuple(day for day in days if day < middle)
    second = tuple(day for day in days if day >= middle)
    return (first if rank % 2 == 0 else second) or days


def _listed(patterns: Iterable[Sequence[int]]) -> list[list[int]]:
    return [list(pattern) for pattern in patterns]


# --- elders ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Maker:
    """Elders in scenario form."""

    span: Span
    workers: Sequence[Worker]
    present: Collection[int]
    owed: Owed
    contacts: Mapping[int, list[int]]
    last: Mapping[int, LastVisit]
    apart: Collection[int]
    alike: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)

    def elder(self, elder: Elder, one: ElderNeeds) -> dict[str, Any]:
        """One elder with the visits still needed."""
        duration = elder.visit_minutes * 60
        opens = elder.visit_from.hour * 3600 + elder.visit_from.minute * 60
        closes = elder.visit_until.hour * 3600 + elder.visit_until.minute * 60
        statutory = any(need.statutory for need in one.needs)
        priority = max(TIER_PRIORITY.get(need.tier or "", OTHER_PRIORITY) for need in one.needs)
        record: dict[str, Any] = {
            "id": elder_key(elder.id),
            "loc": [elder.household.latitude, elder.household.longitude],
            "duration": duration,
            "window": [opens, max(opens, closes - duration)],
            # A dialect is a matter of degree: whoever moves a visit is told, nobody is ruled out.
            "skills": sorted({skill for skill in elder.needs_skills if skill != Skill.DIALECT}),
            "priority": priority + (elder.id in self.owed.urgent) if statutory else SHARE_PRIORITY,
            "statutory": statutory,
            "excluded": self._excluded(elder),
            "people": 2 if elder.needs_two_visitors else 1,
            "patterns": _listed(patterns_of(one.needs, one.spacing, one.taken, wished=one.wished)),
        }
        paired = [one for one in self.contacts.get(elder.id, ()) if one in self.present]
        if paired:
            record["preferred"] = [worker_key(one) for one in paired]
        last = self.last.get(elder.id)
        if last is not None and last.worker_id in self.present:
            record["last_visitor"] = worker_key(last.worker_id)
        if last is not None and self.span.index(last.day) < 0:
            record["last_day"] = self.span.index(last.day)
        return record

    def _excluded(self, elder: Elder) -> list[str]:
        """Who may not come. A minor is company and never one of the two people a visit asks for."""
        if elder.id in self.apart:
            return self._kept_away(elder)
        # Without a bar or somebody tied to the elder the answer is the same for everybody with the same wishes.
        wishes = (elder.minors_welcome, elder.prefers_sex, elder.needs_two_visitors)
        if wishes not in self.alike:
            self.alike[wishes] = self._kept_away(elder)
        return list(self.alike[wishes])

    def _kept_away(self, elder: Elder) -> list[str]:
        first = self.span.first
        return [
            worker_key(worker.id)
            for worker in self.workers
            if worker.id in self.present
            and (
                never_together(worker, elder, first)
                or (elder.needs_two_visitors and fitness.is_minor(worker, first))
            )
        ]
