"""Road times: batches, retries, gaps, asymmetry, what is remembered; and once the whole path with a real map."""

import importlib.util
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import numpy as np
import pytest

from routing import Limits, Scenario, check, solve
from routing.__main__ import main
from routing.osrm import NO_WAY, Osrm, RoadsError
from routing.roadcache import RoadCache
from routing.roads import placed, rounded, with_roads
from routing.scenario import Matrix
from routing.tables import Table, pack, unpack
from routing.travel import Travel, geodesic_table, metres
from tests.routing.routing_days import town
from tests.routing.routing_scenarios import HOME, day, north, visit, worker

QUICK = Limits(time_limit=20, seed=1, processes=1, iterations=20)


class FakeOsrm(BaseHTTPRequestHandler):
    """Seconds = 10 × the origin's longitude steps + the target's: asymmetric and easy to check."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    most = 10_000
    failures: list[int] = []
    seen: list[tuple[str, int, int]] = []
    lost: set[tuple[float, float]] = set()
    islands: set[tuple[float, float]] = set()
    version = "map-1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        _, service, _, profile, places = parts.path.split("/")
        assert service == "table"
        spots = [tuple(float(x) for x in p.split(",")) for p in places.split(";")]
        query = parse_qs(parts.query)
        rows, columns = ([int(i) for i in query[key][0].split(";")] for key in ("sources", "destinations"))
        FakeOsrm.seen.append((profile, len(rows), len(columns)))
        if FakeOsrm.failures:
            status = FakeOsrm.failures.pop(0)
            if status == 0:
                self.connection.shutdown(SHUT_RDWR)
                self.close_connection = True
                return
            self._say(status, b"busy")
        elif len(rows) * len(columns) > self.most:
            self._say(400, json.dumps({"code": "TooBig", "message": "Too many"}).encode())
        elif any(spots[i] in self.lost for i in (*rows, *columns)):
            self._say(400, json.dumps({"code": "NoSegment", "message": "no road"}).encode())
        else:
            table = [[self.between(spots[a], spots[b]) for b in columns] for a in rows]
            body = {"code": "Ok", "durations": table, "data_version": self.version}
            self._say(200, json.dumps(body).encode())

    def between(self, a: tuple[float, ...], b: tuple[float, ...]) -> float | None:
        return None if {a, b} & self.islands and a != b else seconds(a, b)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


def seconds(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return abs(a[1] - b[1]) * 1e5 + (60 if a < b else 0) + 0.4


@contextmanager
def serving(**over: object) -> Iterator[str]:
    start = {"most": 10_000, "failures": [], "seen": [], "lost": set(), "islands": set(), "version": "map-1"}
    for name, value in (start | over).items():
        setattr(FakeOsrm, name, value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeOsrm)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


PLACES = [(round(31 + k * 0.001, 5), round(121 + k * 0.002, 5)) for k in range(7)]


def wanted(places: list[tuple[float, float]]) -> list[list[int]]:
    return [[round(seconds((a[1], a[0]), (b[1], b[0]))) for b in places] for a in places]


def engine(url: str, **over: Any) -> Osrm:
    return Osrm(url, sleep=lambda _pause: None, **over)


@pytest.mark.parametrize("block", [1, 3, 100])
def test_batches_give_one_table(block):
    with serving() as url, engine(url, block=block) as osrm:
        assert osrm.table("walk", PLACES, PLACES).tolist() == wanted(PLACES)
        assert {profile for profile, _, _ in FakeOsrm.seen} == {"foot"}
        assert max(max(rows, columns) for _, rows, columns in FakeOsrm.seen) <= block
        assert osrm.requests == (6 // block + 1) ** 2


def test_a_table_too_big_is_asked_for_in_smaller_parts():
    with serving(most=6) as url, engine(url, block=100) as osrm:
        assert osrm.table("car", PLACES, PLACES).tolist() == wanted(PLACES)
        assert max(rows * columns for _, rows, columns in FakeOsrm.seen[-5:]) <= 6


def test_busy_and_broken_answers_are_repeated():
    pauses: list[float] = []
    with serving(failures=[503, 429, 0]) as url:
        osrm = Osrm(url, sleep=pauses.append, pause=0.1)
        assert osrm.table("walk", PLACES[:2], PLACES[:2]).tolist() == wanted(PLACES[:2])
        assert osrm.repeated == 3
        osrm.close()
    assert [round(pause / 0.1 / 2**k) for k, pause in enumerate(pauses)] == [1, 1, 1]


def test_an_engine_that_never_answers():
    with serving(failures=[500] * 50) as url, engine(url, retries=2) as osrm:
        with pytest.raises(RoadsError, match="no answer after 3 tries"):
            osrm.table("walk", PLACES, PLACES)
        assert osrm.requests == 3
    with engine("http://127.0.0.1:9", retries=1) as osrm, pytest.raises(RoadsError):
        osrm.table("walk", PLACES, PLACES)
    with engine("ftp://127.0.0.1") as osrm, pytest.raises(RoadsError, match="not an http address"):
        osrm.table("walk", PLACES, PLACES)


def test_a_place_without_a_road_spoils_only_itself():
    lost = (PLACES[3][1], PLACES[3][0])
    with serving(lost={lost}) as url, engine(url) as osrm:
        found = osrm.table("walk", PLACES, PLACES)
    expected = np.array(wanted(PLACES))
    expected[3, :] = NO_WAY
    expected[:, 3] = NO_WAY
    assert found.tolist() == expected.tolist()


def scenario_at(places: list[tuple[float, float]]) -> Scenario:
    return Scenario.from_dict(
        day(
            [visit(f"v{k}", loc=list(place)) for k, place in enumerate(places)],
            [
                worker("w", start=list(places[0]), end=list(places[0])),
                worker("b", mode="bike", start=list(places[-1]), end=list(places[0])),
            ],
        )
    )


def test_a_scenario_gets_a_matrix_and_plans_with_it():
    with serving() as url, engine(url) as osrm:
        roads, report = with_roads(scenario_at(PLACES), osrm)
    assert report.places == 7  # equal places share a location
    assert report.estimated == 0
    assert {mode: found.pairs for mode, found in report.modes.items()} == {"walk": 49, "bike": 49}
    travel = Travel(roads)
    assert travel.row("walk", 0)[2] == round(seconds(PLACES[0][::-1], PLACES[2][::-1]))
    assert travel.row("walk", 0)[2] != travel.row("walk", 2)[0]
    again = Scenario.from_dict(roads.to_dict())
    assert again == roads
    assert check(roads, solve(roads, QUICK)).violations == []


def test_gaps_are_estimated_and_counted():
    island = (PLACES[3][1], PLACES[3][0])
    scenario = scenario_at(PLACES)
    with serving(islands={island}) as url, engine(url) as osrm:
        roads, report = with_roads(scenario, osrm)
    assert report.modes["walk"].estimated == 12
    assert "12 estimated" in report.line()
    estimate = Travel(scenario)
    assert Travel(roads).row("walk", 3)[0] == estimate.row("walk", 3)[0]
    assert Travel(roads).row("walk", 0)[3] == estimate.row("walk", 0)[3]
    assert Travel(roads).row("walk", 0)[1] != estimate.row("walk", 0)[1]


def test_what_was_asked_for_is_remembered(tmp_path):
    cache = RoadCache(tmp_path / "roads.sqlite")
    with serving() as url, engine(url) as osrm:
        first, _ = with_roads(scenario_at(PLACES[:5]), osrm, cache)
        FakeOsrm.seen.clear()
        second, report = with_roads(scenario_at(PLACES[:5]), osrm, cache)
        assert second == first
        assert FakeOsrm.seen == []
        assert report.modes["walk"].remembered == 20
        assert report.modes["walk"].asked == 0
        third, report = with_roads(scenario_at(PLACES[:6]), osrm, cache)
        # one new place: its row and its column, for two modes
        assert report.modes["walk"].asked == 6 + 5
        assert third.matrix is not None
        assert [list(row) for row in dict(third.matrix.seconds)["walk"]] == [
            [0 if a == b else value for b, value in enumerate(row)]
            for a, row in enumerate(wanted(PLACES[:6]))
        ]
    with serving(version="map-2") as url, engine(url) as osrm:
        _, report = with_roads(scenario_at(PLACES[:5]), osrm, cache)
        assert report.modes["walk"].remembered == 0


def test_a_gap_is_remembered_as_a_gap(tmp_path):
    cache = RoadCache(tmp_path / "roads.sqlite")
    island = (PLACES[3][1], PLACES[3][0])
    with serving(islands={island}) as url, engine(url) as osrm:
        with_roads(scenario_at(PLACES), osrm, cache)
        FakeOsrm.seen.clear()
        _, report = with_roads(scenario_at(PLACES), osrm, cache)
        assert FakeOsrm.seen == []
        assert report.modes["walk"].estimated == 12


def test_without_the_engine_the_memory_and_the_estimate_serve(tmp_path):
    cache = RoadCache(tmp_path / "roads.sqlite")
    with serving() as url, engine(url) as osrm:
        first, _ = with_roads(scenario_at(PLACES), osrm, cache)
    with engine("http://127.0.0.1:9", retries=0) as gone:
        kept, report = with_roads(scenario_at(PLACES), gone, cache)
        assert kept == first
        assert report.modes["walk"].error
        bare, report = with_roads(scenario_at(PLACES), gone)
        assert report.estimated == 2 * 42
        assert Travel(bare).row("walk", 0)[1] == Travel(scenario_at(PLACES)).row("walk", 0)[1]
        with pytest.raises(RoadsError):
            with_roads(scenario_at(PLACES), gone, cache, strict=True)


def test_the_memory_is_bounded_and_drops_what_was_not_used(tmp_path):
    cache = RoadCache(tmp_path / "roads.sqlite", most_bytes=1000)
    table = np.arange(16, dtype=np.int64).reshape(4, 4)
    for step in range(8):
        places = [(30.0 + step, 120.0 + k) for k in range(4)]
        cache.write("d", "walk", places, places, table)
        assert cache.size() <= 1000
    found, known = cache.read("d", "walk", [(37.0, 120.0 + k) for k in range(4)])
    assert known.all()
    assert found.tolist() == table.tolist()
    assert not cache.read("d", "walk", [(30.0, 120.0 + k) for k in range(4)])[1].any()
    cache.forget()
    assert cache.size() == 0


def test_the_factor_of_a_mode():
    with serving() as url, engine(url, factor={"car": 2.0}) as osrm:
        twice = round(2 * seconds(PLACES[0][::-1], PLACES[1][::-1]))
        assert osrm.table("car", PLACES[:2], PLACES[:2])[0, 1] == twice
        assert osrm.dataset("car") != osrm.dataset("walk")


def test_all_rows_at_once_are_the_rows_one_by_one():
    scenario = Scenario.from_dict(town(2, 40, 8))
    travel = Travel(scenario)
    table = geodesic_table(travel.places, travel.places, scenario.detour, 13)
    assert [travel.row("bike", k).tolist() for k in range(len(travel.places))] == table.tolist()
    place, other = tuple(HOME), tuple(north(3))
    assert geodesic_table([place], [other], 1.3, 4.5)[0, 0] == round(metres(place, other) * 1.3 / (4.5 / 3.6))


def test_the_command_line(tmp_path, capsys):
    source, target = tmp_path / "day.json", tmp_path / "roads.json"
    source.write_text(json.dumps(scenario_at(PLACES).to_dict()))
    with serving() as url:
        order = ["roads", str(source), "-o", str(target), "--osrm", f"walk={url}", "--osrm", f"bike={url}"]
        assert main([*order, "--cache", str(tmp_path / "roads.sqlite")]) == 0
    assert "0 estimated" in capsys.readouterr().err
    assert Scenario.from_dict(json.loads(target.read_text())).matrix is not None
    order = ["roads", str(source), "--osrm", "walk=http://127.0.0.1:9", "--strict", "--retries", "0"]
    assert main(order) == 2
    assert capsys.readouterr().err.count("\n") == 1


# -- the whole path, with a real map


MAPS = os.environ.get("ROAD_TEST_MAPS")
"""A folder with *.osm.pbf files; the smallest is used."""


def _tool() -> Any:
    path = Path(__file__).resolve().parents[2] / "tools" / "roads.py"
    spec = importlib.util.spec_from_file_location("roads_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _middle(address: str) -> tuple[float, float]:
    """About the middle of a map: the mean of the roads nearest to points far out on four sides."""

    def nearest(lat: float, lon: float) -> tuple[float, float]:
        with urlopen(f"{address}/nearest/v1/x/{lon:.5f},{lat:.5f}") as answer:  # noqa: S310 - loopback
            (lon, lat) = json.load(answer)["waypoints"][0]["location"]
        return lat, lon

    lat, lon = nearest(30, 110)
    edges = [nearest(lat + a, lon + b) for a, b in ((2, 0), (-2, 0), (0, 2), (0, -2))]
    return sum(e[0] for e in edges) / 4, sum(e[1] for e in edges) / 4


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    roads = _tool()
    monkeypatch.delenv("OSRM_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(roads, "HOME", tmp_path)
    (tmp_path / "a.osm.pbf").write_bytes(b"")
    assert roads.main(["run", str(tmp_path / "a.osm.pbf")]) == 2
    assert capsys.readouterr().err == roads.ADVICE + "\n"
    assert roads.main(["run", str(tmp_path / "b.osm.pbf")]) == 2
    assert "PBF=" in capsys.readouterr().err
    assert roads.main(["run", str(tmp_path / "a.osm.pbf"), "--modes", "boat"]) == 2
    assert "boat" in capsys.readouterr().err


def test_a_taken_port_is_refused():
    roads = _tool()
    with serving() as url, pytest.raises(roads.Problem):
        roads.free_port(int(url.rpartition(":")[2]))


@pytest.mark.timeout(120)
def test_from_a_map_file_to_a_plan(tmp_path):
    roads = _tool()
    if MAPS is None or not (files := sorted(Path(MAPS).glob("*.osm.pbf"), key=lambda f: f.stat().st_size)):
        pytest.skip("ROAD_TEST_MAPS names no folder with .osm.pbf files")
    binaries = roads.find()
    if binaries is None:
        pytest.skip("no OSRM binaries: " + roads.ADVICE)
    shutil.copy(files[0], tmp_path / "map.osm.pbf")
    with roads.serving(binaries, tmp_path / "map.osm.pbf", tmp_path / "built", ["walk", "car"]) as addresses:
        osrm = Osrm(addresses)
        lat, lon = _middle(addresses["walk"])
        places = [(lat + 0.0008 * a, lon + 0.001 * b) for a in (-2, 0, 2) for b in (-2, 0, 2)]
        people = [
            worker("w", start=list(places[4]), end=list(places[4])),
            worker("c", mode="car", start=list(places[4]), end=list(places[4])),
        ]
        scenario = Scenario.from_dict(
            day([visit(f"v{k}", loc=list(p)) for k, p in enumerate(places)], people)
        )
        cache = RoadCache(tmp_path / "roads.sqlite")
        found, report = with_roads(scenario, osrm, cache, strict=True)
        again, second = with_roads(scenario, osrm, cache, strict=True)
        osrm.close()
    assert report.modes["walk"].estimated <= report.modes["walk"].pairs // 4
    assert again == found
    assert second.modes["walk"].asked == 0
    assert check(found, solve(found, QUICK)).violations == []
    assert found.matrix is not None
    tables = {mode: np.array(table) for mode, table in found.matrix.seconds}
    straight = geodesic_table(places, places, 1.0, 5.0)
    assert np.median(tables["walk"][straight > 60] / straight[straight > 60]) > 1.0
    assert (tables["car"] != tables["car"].T).any()


def test_tables_are_rows_of_plain_numbers_and_survive_packing():
    table = Table([[0, 5], [7, 0]])
    assert table == ((0, 5), (7, 0))
    assert table != ((0, 5), (8, 0))
    assert (type(table[1][0]), table[-1][0]) == (int, 7)
    matrix = Matrix(((31.0, 121.0), (31.1, 121.1)), (("walk", table),))
    assert unpack(json.loads(json.dumps(pack(matrix)))) == matrix
    with pytest.raises(ValueError, match="damaged"):
        unpack(pack(matrix) | {"packed": {"walk": "AAAA"}})
    for wrong in ([[0, 1]], [[-1]], [[2**31]]):
        with pytest.raises(ValueError, match=r"table|seconds"):
            Table(wrong)


def test_questions_end_when_their_time_is_over():
    with serving(failures=[500] * 1000) as url, Osrm(url, pause=0.05, retries=50, budget=0.4) as osrm:
        begun = monotonic()
        with pytest.raises(RoadsError, match="no time left"):
            osrm.table("walk", PLACES, PLACES)
        assert monotonic() - begun < 2


def test_places_unknown_to_a_matrix_are_estimated():
    scenario = Scenario.from_dict(
        day([visit("a", loc=north(500)), visit("b", loc=north(900))], [worker("w")])
    )
    matrix = Matrix((rounded(north(500)),), (("walk", Table([[0]])),))
    found, added = placed(scenario, matrix)
    assert added == 2
    straight = Travel(scenario)
    assert [Travel(found).between("walk", 0, 1), Travel(found).between("walk", 2, 0)] == pytest.approx(
        [straight.between("walk", 0, 1), straight.between("walk", 2, 0)], abs=2
    )


def test_two_processes_share_a_matrix():
    with serving() as url, engine(url) as osrm:
        found, _ = with_roads(Scenario.from_dict(town(3, 12, 3)), osrm)
    plan = solve(found, Limits(time_limit=3, seed=1, processes=2))
    assert check(found, plan).violations == []
