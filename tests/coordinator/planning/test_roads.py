"""Plans with travel times by road: a fake road engine that works, is cut off, hangs, fails, or dies half way."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from flask import Flask
from flask.testing import FlaskClient

import routing
from coordinator.extensions import db
from coordinator.kernel import clock, health
from coordinator.planning.draft import Draft, Ways
from coordinator.planning.models import Plan, PlanState
from coordinator.planning.queries.roads import road_note, way_words
from coordinator.planning.translate import roads, times_of
from coordinator.workforce.models import TravelMode
from tests.coordinator.planning.conftest import NORTH, Street, solve
from tests.coordinator.planning.road_engine import Engine, running, willing
from tests.factories import sign_in


def counted(plan: Plan) -> dict[str, Any]:
    (one,) = plan.detail["roads"]["modes"].values()
    found: dict[str, Any] = one
    return found


def test_a_plan_is_made_checked_and_read_back_with_road_times(
    street: Street, use: Callable[..., None]
) -> None:
    with running(Engine()) as engine:
        use(engine)
        plan = solve(street)
        assert plan.state is PlanState.READY, (plan.error, plan.violations)
        draft = Draft(plan)
        assert draft.scenario.matrix is not None
        (mode, table), *_ = draft.scenario.matrix.seconds
        factor = roads.factors({mode: engine.url})[mode]
        found = {table[a][b] for a in range(len(table)) for b in range(len(table)) if a != b}
        assert found == {round(700 * factor), round(400 * factor)}
        assert any(table[a][b] != table[b][a] for a in range(len(table)) for b in range(a))
    timed, report = draft.timed(draft.orders())
    # a draft is read back with one set of days an elder
    assert {one.code for one in report.violations} <= {"day_not_permitted"}
    stored = sum(route.travel_seconds for route in draft.routes.values())
    assert timed.score is not None
    assert stored == timed.score.travel_seconds == plan.score["travel_seconds"]
    assert counted(plan)["unanswered"] == counted(plan)["no_way"] == 0
    note = road_note(plan)
    assert note is not None
    assert (note.words, note.no_way, note.away) == ("路上时间按道路计算", [], False)
    assert way_words(plan, TravelMode(mode)).endswith("路上时间按道路计算")


def test_only_cells_leave_and_each_is_asked_for_once(street: Street, use: Callable[..., None]) -> None:
    street.key[0].household.latitude = NORTH[0] + 0.000012345
    db.session.commit()
    with running(Engine()) as engine:
        use(engine)
        times_of(street.area, clock.today())
        assert engine.spots
        assert all(round(value, 4) == value for spot in engine.spots for value in spot)
        first = len(engine.asked)
        again = times_of(street.area, clock.today())
        assert len(engine.asked) == first + 1  # only which map it is
        (one,) = again.note["modes"].values()
        assert one["remembered"] == one["pairs"] - again.note["places"]


def test_another_map_is_asked_anew(street: Street, use: Callable[..., None]) -> None:
    with running(Engine()) as engine:
        use(engine)
        before = times_of(street.area, clock.today())
        engine.version, engine.seconds = "map-2", lambda _a, _b: 100.0
        after = times_of(street.area, clock.today())
    assert before.matrix is not None
    assert after.matrix is not None
    assert max(max(row) for row in after.matrix.seconds[0][1]) < 150 < max(before.matrix.seconds[0][1][0])


def test_a_place_without_a_road_is_named_to_the_coordinator(
    street: Street, client: FlaskClient, use: Callable[..., None]
) -> None:
    lost = street.key[1]
    spot = (round(lost.household.longitude or 0, 4), round(lost.household.latitude or 0, 4))
    with running(Engine(seconds=lambda a, b: None if spot in (a, b) else 300.0)) as engine:
        use(engine)
        plan = solve(street)
    assert plan.state is PlanState.READY, plan.error
    assert counted(plan)["cut_off"] == [f"e{lost.id}"]
    assert counted(plan)["no_way"] == plan.detail["roads"]["places"] - 1
    sign_in(client, street.user)
    page = client.get(f"/planning/plans/{plan.id}").get_data(as_text=True)
    assert f"{counted(plan)['no_way']} 对地点没有路" in page
    assert f"/elders/{lost.id}" in page
    assert lost.name in page


def refused(number: int) -> tuple[int, bytes]:
    del number
    return 500, b"broken"


def busy(number: int) -> tuple[int, bytes]:
    del number
    return 429, b"later"


def misshapen(number: int) -> tuple[int, bytes]:
    del number
    return 200, json.dumps({"code": "Ok", "durations": [[1, 2, 3]], "data_version": "map-1"}).encode()


def silent(number: int) -> tuple[int, bytes] | None:
    del number
    time.sleep(1.5)
    return None


@pytest.mark.parametrize("answer", [refused, busy, misshapen, silent])
def test_an_engine_that_fails_never_stops_a_plan(
    street: Street,
    client: FlaskClient,
    use: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[int], tuple[int, bytes] | None],
) -> None:
    monkeypatch.setattr(roads, "MONTH_SECONDS", 1.0)
    with running(Engine(answer=answer)) as engine:
        use(engine)
        begun = time.monotonic()
        times = times_of(street.area, clock.today())
        assert time.monotonic() - begun < 2.5
        assert times.matrix is None
        plan = solve(street)
    assert plan.state is PlanState.READY, plan.error
    assert counted(plan)["error"] == "away"
    assert "road_times" not in (plan.scenario or {})
    sign_in(client, street.user)
    page = client.get(f"/planning/plans/{plan.id}").get_data(as_text=True)
    assert "道路计算没有回应" in page
    assert "路上时间按直线距离估算" in page
    assert "直线距离乘" in way_words(plan, TravelMode.WALK)


def test_an_engine_that_dies_half_way_leaves_what_it_said(
    street: Street, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing.roads, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(roads, "MONTH_SECONDS", 2.0)
    with running(Engine(answer=lambda number: None if number <= 2 else refused(number))) as engine:
        use(engine)
        times = times_of(street.area, clock.today())
        assert times.matrix is not None
        (one,) = times.note["modes"].values()
        assert 0 < one["unanswered"] < one["pairs"]
        assert one["error"] == "away"
        engine.answer = willing
        done = times_of(street.area, clock.today())
    (one,) = done.note["modes"].values()
    assert one["unanswered"] == 0
    assert 0 < one["remembered"] < one["pairs"] - done.note["places"]


def test_whoever_cannot_wait_leaves_a_silent_engine_alone(street: Street, use: Callable[..., None]) -> None:
    people = [("e1", (28.886, 105.445)), ("e2", (28.878, 105.44))]
    with running(Engine(answer=refused)) as engine:
        use(engine)
        assert roads.ask(people, {"walk"}, roads.DAY_SECONDS).matrix is None
        asked = len(engine.asked)
        engine.answer = willing
        assert roads.ask(people, {"walk"}, roads.DAY_SECONDS).matrix is None
        assert len(engine.asked) == asked
        assert roads.ask(people, {"walk"}, roads.MONTH_SECONDS).matrix is not None
        assert roads.ask(people, {"walk"}, roads.DAY_SECONDS).matrix is not None
        engine.answer = refused
        remembered = roads.ask(people, {"walk"}, roads.DAY_SECONDS)
        assert remembered.matrix is not None
        assert remembered.note["modes"]["walk"]["error"] == "away"


def test_a_damaged_memory_costs_no_plan(street: Street, use: Callable[..., None], tmp_path: Any) -> None:
    (tmp_path / "roads").mkdir()
    (tmp_path / "roads" / "times.sqlite").write_bytes(b"not a database" * 100)
    with running(Engine()) as engine:
        use(engine)
        assert times_of(street.area, clock.today()).matrix is not None


def test_ways_without_an_engine_are_straight_lines(street: Street, use: Callable[..., None]) -> None:
    people = [("w1", (28.886, 105.445)), ("e2", (28.878, 105.44))]
    with running(Engine()) as engine:
        use(walk=engine.url)
        times = roads.ask(people, {"walk", "car"}, roads.DAY_SECONDS)
        assert times.note["line"] == ["car"]
        assert times.between("car", people[0][1], people[1][1]) == roads.STRAIGHT.between(
            "car", people[0][1], people[1][1]
        )
        assert times.between("walk", people[0][1], people[1][1]) in (round(700 / 0.9), round(400 / 0.9))
        use()
        assert roads.ask(people, {"walk"}, roads.DAY_SECONDS) == roads.STRAIGHT


def test_one_walking_network_answers_for_the_other_modes_at_their_own_speed() -> None:
    one = "http://127.0.0.1:5001"
    shared = roads.factors(dict.fromkeys(("walk", "bike", "car"), one))
    assert shared["walk"] > 1 > shared["bike"] > shared["car"]
    apart = roads.factors({"walk": one, "bike": "http://127.0.0.1:5002", "car": "http://127.0.0.1:5003"})
    assert apart["car"] == roads.CAR_FACTOR
    assert apart["bike"] > 1


def test_readiness_names_an_engine_that_is_away_and_stays_ready(
    app: Flask, client: FlaskClient, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_roads", {})
    monkeypatch.setattr(health, "_database", lambda: ("ok", "head"))  # tests have one connection only
    assert "roads" not in client.get("/readyz").get_json()
    with running(Engine()) as engine:
        use(walk=engine.url, car="http://127.0.0.1:9")
        answer = client.get("/readyz")
    assert answer.get_json()["roads"] == {"walk": "ok", "car": "away"}
    assert answer.status_code == 200


@pytest.mark.timeout(240)
def test_a_street_on_a_real_map_by_road_and_by_straight_line(
    street: Street, use: Callable[..., None], tmp_path: Any
) -> None:
    """With OSRM and a map (`ROAD_TEST_MAPS`, as in tests/routing): from a map file to a stored plan."""
    maps = os.environ.get("ROAD_TEST_MAPS")
    files = sorted(Path(maps).glob("*.osm.pbf"), key=lambda one: one.stat().st_size) if maps else []
    if not files:
        pytest.skip("ROAD_TEST_MAPS names no folder with .osm.pbf files")
    from tools import roads as tool

    binaries = tool.find()
    if binaries is None:
        pytest.skip("no OSRM binaries: " + tool.ADVICE)
    with tool.serving(binaries, files[0].resolve(), tmp_path / "built", ["walk"]) as addresses:
        (lon, lat) = _on_a_road(addresses["walk"])
        for number, elder in enumerate([*street.key, *street.general]):
            elder.household.latitude = lat + 0.0009 * (number % 3 - 1)
            elder.household.longitude = lon + 0.0011 * (number // 3 - 1)
        for worker in street.workers:
            worker.start_latitude, worker.start_longitude = lat, lon
            worker.end_latitude = worker.end_longitude = None
            worker.travel_mode = TravelMode.WALK
        db.session.commit()
        use()
        straight = solve(street, seconds=2)
        before = Draft(straight)
        use(walk=addresses["walk"])
        plan = solve(street, seconds=2)
    assert plan.state is PlanState.READY, (plan.error, plan.violations)
    assert counted(plan)["unanswered"] == 0
    after = Draft(plan)
    assert after.scenario.matrix is not None
    timed, _ = after.timed(after.orders())
    assert timed.score is not None
    assert timed.score.travel_seconds == plan.score["travel_seconds"]
    # the straight-line plan's routes, as long as they really are
    ways = Ways(roads.Times(after.scenario.matrix).into(before.scenario))
    real = sum(
        ways.of(ways.scenario.worker_of[f"w{key[0]}"], names).seconds
        for key, names in before.orders().items()
    )
    assert before.scenario.matrix is None
    assert plan.score["travel_seconds"] <= real * 1.1, (straight.score, real, plan.score)


def _on_a_road(address: str) -> tuple[float, float]:
    """A road about the middle of the map."""

    def nearest(lon: float, lat: float) -> tuple[float, float]:
        with urlopen(f"{address}/nearest/v1/x/{lon:.5f},{lat:.5f}") as answer:  # noqa: S310 - loopback
            lon, lat = json.load(answer)["waypoints"][0]["location"]
        return lon, lat

    lon, lat = nearest(110, 30)
    edges = [nearest(lon + a, lat + b) for a, b in ((2, 0), (-2, 0), (0, 2), (0, -2))]
    return nearest(sum(one[0] for one in edges) / 4, sum(one[1] for one in edges) / 4)
