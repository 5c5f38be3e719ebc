"""今天出了状况: what a same-day change proposes, and what taking it does."""

from typing import Any

from coordinator.planning.services.adjust import adjust, note_of, read_note
from coordinator.planning.services.repair import Kind, Trouble, propose
from coordinator.visits.lifecycle import VisitState
from tests.coordinator.planning.conftest import Day, team_on


def take(day: Day, trouble: Trouble) -> Any:
    found = propose(day.actor, day.street.area, trouble)
    return adjust(day.actor, day.street.area, read_note(note_of(day.actor, found)))


def test_an_absence_gives_the_visits_to_others_and_keeps_everybody_elses(today: Day) -> None:
    away = today.street.workers[0]
    found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert {one.visit.id for one in found.steps if one.visit} == {today.visits[0].id, today.visits[1].id}
    assert all(one.kind is Kind.PEOPLE and abs(one.moved) <= 900 for one in found.steps)
    assert team_on(today.visits[0]) == [away.id], "a proposal changes nothing"

    done = adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert done.steps == 2
    assert away.id not in team_on(today.visits[0]) + team_on(today.visits[1])
    assert all(one.state is VisitState.ASSIGNED for one in today.visits)
    assert team_on(today.visits[2]) == [today.street.workers[1].id]
