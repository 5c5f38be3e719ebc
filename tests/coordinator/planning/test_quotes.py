"""What one more visit adds to each person's own day."""

from datetime import date, time
from typing import Any

import pytest
from flask.testing import FlaskClient

from coordinator.planning.queries.quotes import Days, Held, goer_of, quoted_candidates
from coordinator.planning.queries.real_day import end_of, leg, place_of, start_of
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.services import open_visit
from coordinator.workforce.models import TravelMode
from tests import factories
from tests.coordinator.planning.conftest import NORTH, SOUTH, Day, give
from tests.coordinator.planning.pages import text_of
from tests.statements import statements

TODAY = date(2026, 3, 31)


def hour(at: float) -> int:
    return round(at * 3600)


def test_the_visit_between_two_others_costs_the_detour_only(today: Day) -> None:
    worker = today.street.workers[0]
    first, second = (28.8865, 105.445), (28.8815, 105.443)
    between = (28.884, 105.444)
    held = [Held(1, hour(9), hour(9.5), first), Held(2, hour(12), hour(12.5), second)]
    found = Days([goer_of(worker)], {worker.id: held}).ask(between, hour(10.5), 1800)[worker.id]
    assert (found.after, found.before, found.reachable) == (hour(9), hour(12), True)
    way = leg(worker, first, between) + leg(worker, between, second) - leg(worker, first, second)
    assert found.added_seconds == max(0, way)
    assert "9:00" in found.words
    assert "12:00" in found.words


def test_an_empty_day_costs_there_and_back(today: Day) -> None:
    worker = today.street.workers[2]
    place = (28.89, 105.44)
    found = Days([goer_of(worker)], {}).ask(place, hour(10), 1800)[worker.id]
    there = leg(worker, start_of(worker), place) + leg(worker, place, end_of(worker))
    assert (found.added_seconds, found.after, found.before) == (there, None, None)


def test_what_cannot_be_reached_in_time_says_so(today: Day) -> None:
    worker = today.street.workers[0]
    worker.travel_mode = TravelMode.WALK
    held = [Held(1, hour(9), hour(9.5), NORTH)]
    found = Days([goer_of(worker)], {worker.id: held}).ask((28.95, 105.52), hour(9.6), 1800)[worker.id]
    assert not found.reachable
    assert "来不及" in found.words


def test_a_day_that_is_at_odds_with_itself_has_no_quote(today: Day) -> None:
    worker = today.street.workers[0]
    held = [Held(1, hour(9), hour(9.5), NORTH), Held(2, hour(9.5), hour(10), (28.95, 105.52))]
    assert Days([goer_of(worker)], {worker.id: held}).ask(SOUTH, hour(14), 1800) == {}


def test_candidates_come_best_first_with_one_query_more(today: Day) -> None:
    street = today.street
    visit = open_visit(street.actor, street.general[3], *factories.visit_times(TODAY, time(11, 0), 30))
    candidates = candidates_for(visit)
    with statements() as seen:
        rows = quoted_candidates(visit, candidates).rows
    assert len(seen) == 1
    added = [placing.added_seconds for one, placing in rows if placing is not None and one.fit]
    assert added == sorted(added)
    assert {one.worker.id for one, _placing in rows} == {one.id for one in street.workers}
    assert place_of(visit) is not None


@pytest.fixture
def desk(client: FlaskClient, today: Day) -> FlaskClient:
    factories.sign_in(client, today.street.user)
    return client


def test_the_page_says_what_it_adds_and_between_which(desk: FlaskClient, today: Day) -> None:
    street: Any = today.street
    give(street, street.general[1], time(14, 0), street.workers[0])
    visit = open_visit(street.actor, street.general[3], *factories.visit_times(TODAY, time(11, 0), 30))
    words = text_of(desk.get(f"/visits/{visit.id}/assign"))
    assert "排在 10:00 和 14:00 两次之间" in words
    assert "分钟" in words
    assert "当天只有这一次" in words
