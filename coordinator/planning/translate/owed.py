"""What the elders still owe in the month, sorted into visits to plan, calls, and what cannot be planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from coordinator.elders.models import Elder
from coordinator.kernel import clock
from coordinator.kernel.areas import Area
from coordinator.planning.translate.needs import Demand, Need, needs_of
from coordinator.planning.translate.people import Span
from coordinator.planning.translate.standing import LastVisit, Standing
from coordinator.policy import EventKind, Mode, Obligation, Status
from coordinator.visits.queries import events_of, obligations_for, pack_of

SHORT_PERIOD_DAYS = 20
"""Periods below this are half-months: their wish for spacing is another one."""


@dataclass(frozen=True, slots=True)
class ElderNeeds:
    """What is planned for one elder, and what the day patterns are made of.

    `taken` are days of visits that stand or were made, `wished` the week each need is offered (empty: all days).
    """

    needs: tuple[Need, ...]
    spacing: int
    taken: tuple[int, ...]
    wished: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An obligation that is owed and not planned; `reason` is one of `reasons.OWN_REASONS`, or 'call'."""

    elder_id: int
    rule: str
    tier: str | None
    label: str
    period_from: date
    period_to: date
    reason: str


@dataclass(slots=True)
class Owed:
    """The month's needs by elder; `urgent` elders are also owed a contact in a festival or extreme weather."""

    needs: dict[int, ElderNeeds] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    calls: list[Left] = field(default_factory=list)
    urgent: set[int] = field(default_factory=set)


def what_is_owed(
    area: Area,
    span: Span,
    today: date,
    elders: Mapping[int, Elder],
    stands: Standing,
    last: Mapping[int, LastVisit],
) -> Owed:
    """Sort what is owed from `today` to the end of the month; the number of queries is constant."""
    month = span.last.replace(day=1)
    owed = obligations_for(elders.values(), area, month, span.last, today)
    closed = _epidemic_days(area, span, elders)
    settings = pack_of(area).settings
    half = settings.spacing_days_half_month.value if settings.spacing_days_half_month else 1
    whole = settings.spacing_days_month.value if settings.spacing_days_month else 1
    found = Owed()
    for elder_id, elder in elders.items():
        standing = [clock.to_local(visit.starts_at).date() for visit in stands.visits.get(elder_id, ())]
        sorter = _Sorter(elder, span, standing, closed.get(elder_id, frozenset()), found)
        demands = [sorter.demand(one) for one in owed.get(elder_id, ()) if one.status is Status.OWED]
        needs = tuple(needs_of(one for one in demands if one is not None))
        if needs:
            made = [last[elder_id].day] if elder_id in last else []
            taken = tuple(sorted({span.index(day) for day in (*standing, *made)}))
            longest = max((need.period_to - need.period_from).days for need in needs)
            spacing = half if longest < SHORT_PERIOD_DAYS else whole
            found.needs[elder_id] = ElderNeeds(needs, max(1, spacing), taken)
    return found


@dataclass(slots=True)
class _Sorter:
    """One elder's obligations, one after the other."""

    elder: Elder
    span: Span
    standing: list[date]
    closed: frozenset[int]
    found: Owed

    def demand(self, obligation: Obligation) -> Demand | None:
        """The visits an obligation still lacks; what cannot or need not be planned is listed instead."""
        if obligation.event is not None:
            self.found.urgent.add(self.elder.id)
        inside = sum(obligation.period_from <= day <= obligation.period_to for day in set(self.standing))
        lacking = obligation.required - obligation.counted - inside
        if lacking <= 0:
            return None
        if obligation.blocked is not None:
            return self._leave(obligation, f"blocked_{obligation.blocked.value}")
        if set(obligation.modes) != {Mode.HOME}:
            self.found.calls.append(_left(self.elder, obligation, "call"))
            return None
        beyond = obligation.period_to > self.span.last
        if beyond and not self._in_this_share(obligation):
            return None
        days = tuple(
            index
            for index in self.span.open_days
            if obligation.period_from <= self.span.day(index) <= obligation.period_to
        )
        if not days:
            return self._leave(obligation, "no_day_left")
        if self.elder.household.latitude is None or self.elder.household.longitude is None:
            return self._leave(obligation, "no_place")
        usable = tuple(index for index in days if index not in self.closed)
        if not usable:
            return self._leave(obligation, "blocked_epidemic")
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

    def _leave(self, obligation: Obligation, reason: str) -> None:
        self.found.left.append(_left(self.elder, obligation, reason))

    def _in_this_share(self, obligation: Obligation) -> bool:
        """Whether it is this month's turn for an obligation that ends later."""
        end, now = obligation.period_to, self.span.last
        months_left = (end.year - now.year) * 12 + end.month - now.month + 1
        return self.elder.id % months_left == 0


def _left(elder: Elder, obligation: Obligation, reason: str) -> Left:
    return Left(
        elder.id,
        obligation.rule,
        obligation.tier,
        _label(obligation),
        obligation.period_from,
        obligation.period_to,
        reason,
    )


def _label(obligation: Obligation) -> str:
    tier = obligation.tier_name
    return f"{tier}，{obligation.rule_label}" if tier else obligation.rule_label


def _epidemic_days(area: Area, span: Span, elders: Mapping[int, Elder]) -> dict[int, frozenset[int]]:
    """Elder id → open days on which an epidemic forbids visits at home."""
    events = [
        event
        for event in events_of(area, span.first, span.last, below=True)
        if event.kind.value == EventKind.EPIDEMIC.value
    ]
    found = {}
    for elder in elders.values() if events else ():
        line = set(elder.area.ancestor_ids)
        found[elder.id] = frozenset(
            index
            for index in span.open_days
            for event in events
            if event.area_id in line and event.first_day <= span.day(index) <= event.last_day
        )
    return found
