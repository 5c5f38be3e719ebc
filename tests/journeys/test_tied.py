"""A neighbour or relative goes to the one elder they were admitted for: the same answer at every door.

Said once, in `workforce/fitness` (`tied_to`, the finding `tied_elsewhere`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from coordinator.dropouts.services.searching import start_search
from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.fieldwork.services.presence import check_in
from coordinator.kernel import clock
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.duty import duty_worker
from coordinator.marketplace.queries.market import market_for
from coordinator.marketplace.queries.offered import open_visits
from coordinator.marketplace.rules import Rules
from coordinator.marketplace.services import claim_visit
from coordinator.planning.translate import translate
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.services import assign
from coordinator.workforce.fitness import UnfitCode
from coordinator.workforce.models import Worker, WorkerKind
from coordinator.workforce.queries import workers_for_duty
from tests.coordinator.fieldwork.conftest import Field, field
from tests.coordinator.fieldwork.test_presence import word
from tests.coordinator.planning.conftest import MONTH, make_street

__all__ = ["field"]
SATURDAY = date(2026, 3, 28)


def tie(worker: Worker, elder: Elder) -> None:
    worker.kind, worker.tied_elder_id = WorkerKind.NEIGHBOUR, elder.id
    db.session.flush()


def refused(act: Any) -> None:
    with pytest.raises(Conflict) as refusal:
        act()
    assert refusal.value.code == UnfitCode.TIED_ELSEWHERE


@pytest.mark.parametrize("kind", [WorkerKind.NEIGHBOUR, WorkerKind.RELATIVE, WorkerKind.VOLUNTEER])
def test_manual_assignment(field: Field, kind: WorkerKind) -> None:
    """Only of these two types: who has become a volunteer since goes to anybody."""
    worker, _actor = field.worker()
    own, other = field.visit(day=SATURDAY, start=time(9)), field.visit(day=SATURDAY, start=time(14))
    tie(worker, own.elder)
    worker.kind = kind
    db.session.flush()
    person = workers_for_duty([worker.id])[worker.id]
    assign(field.coordinator, own, [(person, False)])
    if kind is WorkerKind.VOLUNTEER:
        assign(field.coordinator, other, [(person, False)])
        return
    refused(lambda: assign(field.coordinator, other, [(person, False)], override_reason="说好了"))


def test_candidates(field: Field) -> None:
    worker, _actor = field.worker()
    own, other = field.visit(day=SATURDAY, start=time(9)), field.visit(day=SATURDAY, start=time(14))
    tie(worker, own.elder)
    (candidate,) = candidates_for(own)
    assert not candidate.findings
    (candidate,) = candidates_for(other)
    assert [one.code for one in candidate.findings] == [UnfitCode.TIED_ELSEWHERE]


def test_open_visits_and_claims(field: Field) -> None:
    worker, actor = field.worker()
    other, own = field.visit(day=SATURDAY, start=time(9)), field.visit(day=SATURDAY, start=time(14))
    tie(worker, own.elder)
    person = duty_worker(worker.id)
    assert person is not None
    market = market_for(person, Rules.of(None))
    assert [one.opening.visit_id for one in market.offers] == [own.id]
    assert market.hidden == {UnfitCode.TIED_ELSEWHERE: 1}
    # The list reads the nearest only: the own elder's visits are among them however far away.
    own.elder.household.latitude += 0.01
    db.session.flush()
    nearest = open_visits(person, Rules.of(None), clock.now(), most=1).openings
    assert [one.visit_id for one in nearest] == [own.id]
    refused(lambda: claim_visit(actor, other.id))
    claim_visit(actor, own.id)


def test_a_stand_in_search_asks_nobody_who_is_tied_elsewhere(field: Field) -> None:
    worker, _actor = field.worker()
    free, _free = field.worker()
    visit = field.visit(day=SATURDAY, start=time(14))
    tie(worker, field.elder())
    search = start_search(field.coordinator, visit, "没有人去")
    assert [one.worker_id for one in search.asks] == [free.id]


def test_check_in(field: Field) -> None:
    """Tied after the visit was given: the door is the last place that says so."""
    worker, actor = field.worker()
    visit = field.visit((worker, False))
    tie(worker, field.elder())
    refused(lambda: check_in(actor, visit.id, word()))
    assert visit.state is VisitState.ASSIGNED
    worker.tied_elder_id = visit.elder_id
    db.session.flush()
    assert check_in(actor, visit.id, word())


def test_the_planner(field: Field, freeze: Any) -> None:
    """Everybody but the own elder excludes the worker; those who share wishes with the own elder, too."""
    freeze(datetime(2026, 3, 31, 1, 0, tzinfo=UTC))
    street = make_street(key=1, general=3)
    tied = street.workers[0]
    tie(tied, street.general[0])
    found = translate(street.area, MONTH, today=date(2026, 3, 31))
    excluded = {one["id"]: one.get("excluded", []) for one in found.scenario["elders"] if one["id"][0] == "e"}
    assert excluded.pop(f"e{street.general[0].id}") == []
    assert excluded
    assert all(keys == [f"w{tied.id}"] for keys in excluded.values())
