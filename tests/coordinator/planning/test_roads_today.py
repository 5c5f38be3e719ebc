"""Same-day changes and quotes reckon with the same times by road as the month's plan."""

import shutil
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from coordinator.extensions import db
from coordinator.fieldwork.queries.own import day_of, start_of
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.marketplace.duty import duty_workers
from coordinator.marketplace.queries.market import Offer
from coordinator.marketplace.queries.openings import held_by, openings_of
from coordinator.marketplace.queries.own_day import Placed, placed, way_now
from coordinator.planning.queries.quotes import quoted_candidates
from coordinator.planning.services.adjust import adjust, note_of, read_note
from coordinator.planning.services.repair import propose
from coordinator.planning.translate import roads, times_of
from coordinator.visits.queries.candidates import candidates_for
from coordinator.visits.services import open_visit
from coordinator.workforce.models import TravelMode
from tests import factories
from tests.coordinator.planning.conftest import TODAY, Day, team_on
from tests.coordinator.planning.pages import post, text_of
from tests.coordinator.planning.road_engine import Engine, running

LEG = 450
"""Seconds of every way between two cells, whatever the mode."""


def level(day: Day, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine for which everybody's way takes the same time."""
    for worker in day.street.workers:
        worker.travel_mode = TravelMode.WALK
        worker.end_latitude = worker.end_longitude = None
    db.session.commit()
    monkeypatch.setattr(roads, "factors", lambda _engines: {"walk": 1.0})
    return Engine(seconds=lambda _a, _b: float(LEG))


def test_a_proposal_weighs_the_ways_by_road(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = level(today, monkeypatch)
    with running(engine):
        use(engine)
        found = propose(today.actor, today.street.area, today.trouble(cancelled=(today.visits[1].id,)))
    # the first begins beside the first home: to the second and back; the other goes there and back all the same
    assert (found.travel_before, found.travel_after) == (4 * LEG, 2 * LEG)
    assert found.real.times.note["modes"]["walk"]["unanswered"] == 0


def test_nobody_is_sent_where_the_road_is_too_long(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, away = level(today, monkeypatch), today.street.workers[0]
    with running(engine):
        engine.seconds = lambda _a, _b: 6 * 3600.0
        use(engine)
        found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert [one.visit for one in found.alone] == [today.visits[1]], "the first lives where others begin"
    use()
    near = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
    assert not near.alone


def test_what_the_month_has_asked_for_is_remembered_for_the_day(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = level(today, monkeypatch)
    with running(engine):
        use(engine)
        times_of(today.street.area, clock.today())
        asked = len(engine.asked)
        found = propose(today.actor, today.street.area, today.trouble(cancelled=(today.visits[0].id,)))
        assert len(engine.asked) == asked + 1  # only which map it is
        engine.answer = lambda _number: (500, b"broken")
        again = propose(today.actor, today.street.area, today.trouble(cancelled=(today.visits[0].id,)))
    assert (again.travel_before, again.travel_after) == (found.travel_before, found.travel_after)
    assert again.real.times.note["modes"]["walk"]["unanswered"] == 0


def test_a_taken_proposal_leaves_the_times_of_the_road(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, away = level(today, monkeypatch), today.street.workers[0]
    with running(engine):
        use(engine)
        found = propose(today.actor, today.street.area, today.trouble(absent={away.id: None}))
        adjust(today.actor, today.street.area, read_note(note_of(today.actor, found)))
    assert not found.alone
    assert away.id not in team_on(today.visits[0])


@pytest.fixture
def desk(client: FlaskClient, today: Day) -> FlaskClient:
    factories.sign_in(client, today.street.user)
    return client


def proposed(desk: FlaskClient, worker: int) -> str:
    form = {"what": "absence", "worker": worker, "day": "2026-03-31", "reason": "发烧"}
    return text_of(post(desk, "/planning/changes/proposal", **form))


def test_the_pages_say_how_the_times_came_about(
    desk: FlaskClient, today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine, worker = level(today, monkeypatch), today.street.workers[0].id
    visit = open_visit(today.actor, today.street.general[3], *factories.visit_times(TODAY, time(11, 0), 30))
    db.session.commit()
    assign = f"/visits/{visit.id}/assign"
    for words in (proposed(desk, worker), text_of(desk.get(assign))):
        assert "路上时间" not in words
    with running(engine):
        use(engine)
        for words in (proposed(desk, worker), text_of(desk.get(assign))):
            assert "路上时间按道路计算" in words
            assert "没有回应" not in words
    monkeypatch.setattr(roads, "DAY_SECONDS", 0.3)
    use(walk="http://127.0.0.1:9")
    for words in (proposed(desk, worker), text_of(desk.get(assign))):
        assert "没有回应" not in words, "everything is remembered"
    shutil.rmtree(tmp_path / "roads")
    for words in (proposed(desk, worker), text_of(desk.get(assign))):
        assert "道路计算没有回应" in words
        assert "路上时间按直线距离估算" in words


def test_quotes_count_the_ways_by_road(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, (one, two, three) = level(today, monkeypatch), today.street.workers
    visit = open_visit(today.actor, today.street.general[3], *factories.visit_times(TODAY, time(13, 0), 30))
    with running(engine):
        use(engine)
        rows, told = quoted_candidates(visit, candidates_for(visit))
    added = {candidate.worker.id: placing.added_seconds for candidate, placing in rows if placing}
    assert added == {one.id: LEG, two.id: LEG, three.id: 2 * LEG}
    assert told is not None
    assert told.words == "路上时间按道路计算"


def test_what_is_open_costs_the_ways_by_road(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, (one, _two, three) = level(today, monkeypatch), today.street.workers
    visit = open_visit(today.actor, today.street.general[3], *factories.visit_times(TODAY, time(13, 0), 30))
    db.session.flush()
    held = held_by([one.id, three.id], TODAY, TODAY)
    opening, found = openings_of([visit.id])[visit.id], {}

    def offers(worker_id: int) -> Placed:
        offer = Offer(opening, None, in_hours=True, with_companion=False, stops_that_day=0)
        return placed(duty_workers([worker_id])[worker_id], held[worker_id], [offer])

    with running(engine):
        use(engine)
        for worker in (one, three):
            found[worker.id] = offers(worker.id)
            assert found[worker.id].roads == "路上时间按道路计算"
        claimed = way_now(duty_workers([one.id])[one.id], held[one.id], opening)
    assert [offers.offers[0].added_minutes for offers in found.values()] == [
        round(LEG / 60),
        round(2 * LEG / 60),
    ]
    assert claimed is not None
    assert claimed.added_seconds == LEG
    use()
    assert offers(one.id).roads == ""


def test_the_workers_own_day_counts_the_ways_by_road(
    today: Day, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, worker = level(today, monkeypatch), today.street.workers[0]
    actor = Actor(worker.user_id or 0, worker.name, (Grant(Role.WORKER),), worker_id=worker.id)
    start = start_of(actor)
    with running(engine):
        use(engine)
        stops = day_of(actor, start).stops
    # the first lives where the worker begins
    assert [stop.seconds for stop in stops] == [0, LEG]
