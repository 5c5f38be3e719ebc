"""What has happened, and what it changes: trouble, steps, proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from flask_babel import gettext as _

from coordinator.elders.models import Elder
from coordinator.kernel import i18n
from coordinator.kernel.areas import Area
from coordinator.planning.queries.real_day import RealDay, team_of
from coordinator.visits.models import Visit
from coordinator.workforce.models import Worker

CALL_SECONDS = 300
"""An elder is rung when the visit moves by more."""

Team = tuple[tuple[int, bool], ...]
"""Worker ids, each with whether the person only comes along."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """An urgent visit that does not exist yet; `window` are the starts that would do, in seconds of the day."""

    elder_id: int
    minutes: int
    window: tuple[int, int]
    people: int = 1


@dataclass(frozen=True, slots=True)
class Trouble:
    """What has happened. `absent` are workers and the second from which they are away (None: all day), `cancelled`
    and `wanted` visits that are not to be, or must be given to somebody; `reason` is told to those concerned."""

    area_id: int
    day: date
    reason: str
    absent: Mapping[int, int | None] = field(default_factory=dict)
    cancelled: tuple[int, ...] = ()
    wanted: tuple[int, ...] = ()
    fresh: Fresh | None = None


class Kind(StrEnum):
    """cancel: called off · people: somebody else goes · time: same people, another time · add: gets people ·
    alone: nobody, or not enough people, could be found."""

    CANCEL = "cancel"
    PEOPLE = "people"
    TIME = "time"
    ADD = "add"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Step:
    """One visit before and after. Times are seconds of the day; `visit` is None for one that is new."""

    kind: Kind
    elder: Elder
    visit: Visit | None
    seconds: int
    before: Team
    start_before: int | None
    after: Team
    start_after: int
    why: str = ""

    @property
    def moved(self) -> int:
        """Seconds by which the start moves."""
        return 0 if self.start_before is None else self.start_after - self.start_before

    @property
    def call(self) -> bool:
        """Whether the elder should be rung: another person, or another time than expected."""
        if self.kind is Kind.CANCEL:
            return False
        leads = {one for one, companion in self.before if not companion}
        return abs(self.moved) > CALL_SECONDS or {one for one, c in self.after if not c} != leads


@dataclass(slots=True)
class Proposal:
    """What would change. `told` are the people concerned, `sheets` the printed sheets that become void, as number
    and name; travel in seconds, over everybody whose day was looked at."""

    trouble: Trouble
    area: Area
    real: RealDay
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sheets: list[tuple[str, str]] = field(default_factory=list)
    travel_before: int = 0
    travel_after: int = 0
    seconds: float = 0.0

    @property
    def moved(self) -> list[Step]:
        """Steps that end well."""
        return [one for one in self.steps if one.kind is not Kind.ALONE]

    @property
    def alone(self) -> list[Step]:
        """Visits without enough people."""
        return [one for one in self.steps if one.kind is Kind.ALONE]

    @property
    def told(self) -> list[Worker]:
        """Everybody whose day changes, and whoever is away."""
        ids = {one for step in self.steps for one, _companion in (*step.before, *step.after)}
        for step in self.steps:
            if step.kind is Kind.ALONE:
                ids |= {one for one, _companion in step.before}
        return [self.real.workers[one] for one in sorted(ids)]

    @property
    def calls(self) -> list[Step]:
        """Elders to ring."""
        return [one for one in self.steps if one.call]

    def names(self, team: Team) -> str:
        """The people of a team."""
        return "、".join(self.real.workers[one].name for one, _companion in team)


def team_before(visit: Visit) -> Team:
    """The people of a visit as kept in steps."""
    return tuple(sorted((one.worker_id, one.is_companion) for one in team_of(visit)))


def words_of(found: Proposal) -> list[str]:
    """What has happened, one sentence each."""
    trouble, workers = found.trouble, found.real.workers
    lines = []
    for worker_id, since in trouble.absent.items():
        name = workers[worker_id].name
        if since is None:
            lines.append(_("%(name)s%(day)s不能来", name=name, day=i18n.day(trouble.day)))
        else:
            lines.append(
                _(
                    "%(name)s%(day)s %(time)s 起不能来",
                    name=name,
                    day=i18n.day(trouble.day),
                    time=i18n.hour(since),
                )
            )
    for step in found.steps:
        if step.visit is not None and step.visit.id in trouble.cancelled:
            lines.append(_("%(name)s这次不用去了", name=step.elder.name))
        elif step.visit is None:
            lines.append(_("%(name)s要赶紧去一次", name=step.elder.name))
        elif step.visit.id in trouble.wanted:
            lines.append(_("%(name)s这次要马上派人", name=step.elder.name))
    return lines
