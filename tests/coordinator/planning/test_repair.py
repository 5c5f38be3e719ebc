"""今天出了状况: what a same-day change proposes, and what taking it does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.audit import AuditEntry
from coordinator.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from coordinator.messages.models import Message
from coordinator.planning.services.adjust import adjust, note_of, read_note
from coordinator.planning.services.repair import Fresh, Kind, Trouble, propose
from coordinator.visits.lifecycle import AssignmentState, VisitState
from coordinator.visits.models import Visit
from coordinator.visits.services import assign, begin_visit, cancel_visit, open_visit
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty
from tests import factories
from tests.coordinator.planning.conftest import Street, make_street

TODAY = date(2026, 3, 31)


@dataclass
class Day:
    """A street's day with visits given to people."""

    street: Street
    visits: list[Visit]

    @property
    def actor(self) -> Actor:
        return self.street.actor

    def trouble(self, **what: Any) -> Trouble:
        return Trouble(self.street.area.id, TODAY, "发烧", **what)


@pytest.fixture
def at_eight(freeze: Callable[[datetime], None]) -> None:
    """Tuesday 31 March 2026, eight o'clock in the morning."""
    freeze(datetime(2026, 3, 31, 0, 0, tzinfo=UTC))


def give(street: Street, elder: Elder, start: time, *team: Worker, day: date = TODAY, **over: Any) -> Visit:
    """A visit of half an hour, given to people; minors come along."""
    visit = open_visit(street.actor, elder, *factories.visit_times(day, start, 30), **over)
    if team:
        found = workers_for_duty([one.id for one in team])
        minor = {one.id for one in team if one.birth_date > date(2008, 3, 31)}
        assign(
            street.actor,
            visit,
            [(found[one.id], one.id in minor) for one in team],
            override_reason="示例",
        )
    return visit


@pytest.fixture
def today(db_session: Any, at_eight: None) -> Day:
    """The first worker has two visits, the second one, the third none."""
    street = make_street()
    one, two, _three = street.workers
    elders = [*street.key, *street.general]
    visits = [
        give(street, elders[0], time(9, 0), one),
        give(street, elders[2], time(10, 0), one),
        give(street, elders[1], time(9, 30), two),
    ]
    return Day(street, visits)


def team(visit: Visit) -> list[int]:
    db.session.refresh(visit)
    return sorted(one.worker_id for one in visit.assignments if one.state is AssignmentState.APPROVED)


def take(day: Day, trouble: Trouble) -> Any:
    found = propose(day.actor, day.street.area, trouble)
    return adjust(day.actor, day.street.area, read_note(note_of(day.actor, found)))


def test_an_absence_gives_the_visits_to_others_and_keeps_everybody_elses(today: Day) -> None:
    away = today.street.workers[0]
    found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert {one.visit.id for one in found.steps if one.visit} == {today.visits[0].id, today.visits[1].id}
    assert all(one.kind is Kind.PEOPLE and abs(one.moved) <= 900 for one in found.steps)
    assert team(today.visits[0]) == [away.id], "a proposal changes nothing"

    done = adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert done.steps == 2
    assert away.id not in team(today.visits[0]) + team(today.visits[1])
    assert all(one.state is VisitState.ASSIGNED for one in today.visits)
    assert team(today.visits[2]) == [today.street.workers[1].id]
