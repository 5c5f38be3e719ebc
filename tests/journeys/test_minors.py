"""A minor is never alone in a home: every door at which somebody could try says no, one test each.

Said in `workforce/fitness` and `visits/services/team.py`, kept by the database: docs/workforce.md, section
"A minor is never alone".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.dropouts.services.searching import choose, start_search
from coordinator.dropouts.services.swapping import offer_swap
from coordinator.extensions import db
from coordinator.fieldwork.services.presence import check_in
from coordinator.kernel.errors import Conflict
from coordinator.marketplace.services import claim_visit
from coordinator.planning.models import PlanStop
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.services import assign
from coordinator.workforce.models import Worker
from coordinator.workforce.queries import workers_for_duty
from tests.coordinator.fieldwork.conftest import TODAY, Field, field
from tests.coordinator.fieldwork.test_presence import word
from tests.coordinator.planning.conftest import make_street, solve

__all__ = ["field"]
SATURDAY = date(2026, 3, 28)
LAST_OF_MARCH = datetime(2026, 3, 31, 1, 0, tzinfo=UTC)


def refused(act: Any) -> None:
    with pytest.raises(Conflict) as refusal:
        act()
    assert refusal.value.code == "minor_alone"


def test_the_planner_leaves_the_visit_rather_than_send_a_minor(field: Field, freeze: Any) -> None:
    """The only person of the street is 15: nothing is planned, and each visit says why. Grown up, they go."""
    freeze(LAST_OF_MARCH)
    street = make_street(key=1, general=1, workers=0)
    minor, _actor = replace(field, tree=replace(field.tree, street=street.community)).minor()
    planned = []
    for born in (minor.birth_date, date(1990, 1, 1)):
        db.session.get_one(Worker, minor.id).birth_date = born
        plan = solve(street)
        stops = db.session.scalars(select(PlanStop).where(PlanStop.plan_id == plan.id)).all()
        assert stops
        planned.append({stop.route_id is not None for stop in stops})
    assert planned == [{False}, {True}]


def test_manual_assignment_refuses_a_minor_alone(field: Field) -> None:
    minor, _actor = field.minor()
    visit = field.visit(day=SATURDAY, start=time(14))
    person = workers_for_duty([minor.id])[minor.id]
    for as_companion in (False, True):
        refused(lambda as_companion=as_companion: assign(field.coordinator, visit, [(person, as_companion)]))
    assert visit.state is VisitState.OPEN


def test_a_claim_by_a_minor_alone_is_refused(field: Field) -> None:
    _minor, actor = field.minor()
    other, _other = field.minor(name="王小雨")
    visit = field.visit(day=SATURDAY, start=time(14))
    refused(lambda: claim_visit(actor, visit.id))
    refused(lambda: claim_visit(actor, visit.id, other.id))
    assert visit.state is VisitState.OPEN


def test_a_swap_does_not_put_a_minor_in_an_adults_place(field: Field) -> None:
    adult, actor = field.worker()
    minor, _minor = field.minor()
    visit = field.visit((adult, False), day=SATURDAY, start=time(14))
    refused(lambda: offer_swap(actor, visit.id, minor.id))
    assert [one.worker_id for one in visit.assignments] == [adult.id]


def test_a_stand_in_is_never_a_minor_alone(field: Field) -> None:
    """Nobody under 18 is asked, and a coordinator cannot choose one either."""
    minor, _minor = field.minor()
    adult, _actor = field.worker()
    visit = field.visit(day=TODAY + timedelta(days=2), start=time(14))
    search = start_search(field.coordinator, visit, "没有人去")
    assert [one.worker_id for one in search.asks] == [adult.id]
    refused(lambda: choose(field.coordinator, search.id, minor.id))
    assert visit.state is VisitState.OPEN


def test_a_minor_does_not_go_in_before_the_adult(field: Field) -> None:
    adult, _actor = field.worker()
    minor, actor = field.minor()
    visit = field.visit((adult, False), (minor, True))
    refused(lambda: check_in(actor, visit.id, word()))
    assert visit.state is VisitState.ASSIGNED
