"""The compiled kernel: its own sums are the interpreter's and the checker's, and it can be done without."""

import os
import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing import Limits, Scenario, check, kernel, solve
from routing.construct import construct_hard
from routing.draft import draft
from routing.model import Model
from routing.state import State, free_stop
from routing.timing import time_route
from routing.travel import Travel
from tests.routing.routing_random import a_day, a_full_month
from tests.routing.routing_scenarios import day, elder, month, north, street, visit, worker

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

from routing.kernel import anneal, arrays, ruin, times  # noqa: E402  needs numba
from routing.kernel.books import settle, undo  # noqa: E402  needs numba
from routing.kernel.improver import KNOB_MONTH, KernelImprover  # noqa: E402  needs numba
from routing.kernel.layout import (  # noqa: E402  needs numba
    BIG,
    BULK,
    C_CLOSED,
    C_FIRST,
    C_OPENED,
    C_STEP,
    C_TOUCHED,
    FAR,
    K_BULKY,
    SIZE,
    T_ABSENT,
    T_TRAVEL,
)
from routing.kernel.recreate import recreate  # noqa: E402  needs numba


def _improver(scenario: Scenario, seed: int = 1) -> tuple[Model, State, KernelImprover]:
    model = Model(scenario)
    state = State(model)
    construct_hard(model, state)
    improver = KernelImprover(model, state, seed)
    improver.fill()
    return model, state, improver


def _agrees(model: Model, state: State, improver: KernelImprover) -> None:
    """The kernel's aims, the state's and the checker's are the same."""
    key, score = improver.key, improver.score
    improver.sync()
    assert state.key[:3] == key[:3]
    assert state.key[3] == pytest.approx(key[3], abs=1e-6)
    report = check(model.scenario, draft(model, state))
    assert report.violations == []
    assert report.score.key[:2] == score.key[:2]
    assert report.score.cost == pytest.approx(score.cost, abs=0.02)
    assert report.score.travel_seconds == score.travel_seconds
    assert report.score.continuity == score.continuity
    assert report.score.busiest_to_mean == pytest.approx(score.busiest_to_mean, abs=2e-4)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(a_day(), a_full_month()), seed=st.integers(1, 99))
def test_the_kernels_sums_are_the_checkers(data, seed):
    scenario = Scenario.from_dict(data)
    if not kernel.suits(Model(scenario)):
        return
    model, state, improver = _improver(scenario, seed)
    for progress in (0.0, 0.5, 1.0):
        improver.step(progress, steps=40)
    _agrees(model, state, improver)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_street_with_every_limit(seed):
    model, state, improver = _improver(Scenario.from_dict(street(seed, 90, 24)), seed)
    for progress in (0.0, 0.3, 0.6, 0.9):
        improver.step(progress, steps=300)
        _agrees(model, state, improver)


def test_the_only_one_with_a_skill_is_relieved_of_what_others_could_do():
    """Room is made on the nurse's day, and the visit that only she can make comes first."""
    visits = [visit(f"v{n}", 1 + n / 10) for n in range(3)]
    visits.append(visit("nursing", 5, skills=["nursing"]))
    workers = [
        worker("nurse", skills=["nursing"], mode="bike", max_visits=3),
        worker("helper", mode="bike", start=north(9), end=north(9)),
    ]
    model = Model(Scenario.from_dict(day(visits, workers)))
    state = State(model)
    for item in range(3):
        assert state.insert(item, [(0, item, free_stop(model, item))])
    improver = KernelImprover(model, state, 1)
    p, s = improver.problem, improver.work
    assert s.total[T_ABSENT] == 1
    s.clock[C_STEP] += 1
    s.clock[C_TOUCHED] = 0
    s.clock[C_CLOSED] = s.clock[C_OPENED] = -1
    ruin.make_room(p, s, 3, 3.0)
    assert s.clock[C_FIRST] == 3
    assert s.route[0, SIZE] < 3
    assert settle(p, s)
    assert recreate(p, s, 0.0, False, float(BIG))
    assert s.where[3, 0] == 0
    assert s.total[T_ABSENT] == 0


def _both_off_one_worker(idle_at):
    """Return problem and work after two visits were taken off one worker while the other is favoured."""
    workers = [worker("busy", mode="bike"), worker("idle", mode="bike", start=idle_at, end=idle_at)]
    model = Model(Scenario.from_dict(day([visit("a", 4), visit("b", 4.2)], workers)))
    state = State(model)
    for item in range(2):
        assert state.insert(item, [(0, item, free_stop(model, item))])
    improver = KernelImprover(model, state, 1)
    p, s = improver.problem, improver.work
    s.clock[C_STEP] += 1
    s.clock[C_TOUCHED] = 0
    s.clock[C_CLOSED] = s.clock[C_FIRST] = s.clock[C_OPENED] = -1
    while s.clock[C_OPENED] < 0:
        ruin.favour_idle(p, s, 0, 0)
    ruin.take_string(p, s, 0, 0, 2.0)
    while s.route[0, SIZE] > 0:
        ruin.take_string(p, s, 0, 0, 2.0)
    assert settle(p, s)
    return p, s


def test_somebody_idle_is_favoured_though_farther_away():
    """The idle worker lives a little farther off than the busy one, and yet gets both visits in this step."""
    p, s = _both_off_one_worker(north(9))
    assert s.clock[C_OPENED] == 1
    assert recreate(p, s, 0.0, False, float(BIG))
    assert s.where[0, 0] == s.where[1, 0] == 1


def test_a_step_that_cannot_be_kept_any_more_is_ended_and_taken_back():
    p, s = _both_off_one_worker(north(9))
    assert not recreate(p, s, 0.0, False, 1.0)
    assert s.total[T_ABSENT] == 1, "the second visit was not looked at any more"
    undo(p, s)
    assert s.total[T_ABSENT] == 0
    assert s.total[T_TRAVEL] == s.best_total[T_TRAVEL]
    assert s.where[0, 0] == s.where[1, 0] == 0


def test_a_day_of_few_visits_is_annealed_three_times(monkeypatch):
    slices = []
    monkeypatch.setattr(anneal, "anneal", lambda *given: slices.append(given[-2:]))
    _, _, improver = _improver(Scenario.from_dict(day([visit("a", 1), visit("b", 2)], [worker("w")])))
    for number in range(30):
        improver.step(number / 30, (number + 1) / 30, 10)
    hottest, coldest = improver.temperature(0.0), improver.temperature(1.0)
    assert all(hot > cold for hot, cold in slices)
    assert [n for n, (hot, _) in enumerate(slices) if hot > 0.99 * hottest] == [0, 10, 20]
    assert [n for n, (_, cold) in enumerate(slices) if cold < 1.01 * coldest] == [9, 19, 29]


def test_the_price_of_a_missing_visit_falls_and_is_the_full_one_at_the_end():
    elders = [elder(f"e{n}", 0.5 + n / 10, frequency=2, min_gap_days=1) for n in range(8)]
    scenario = Scenario.from_dict(month(elders, [worker("a", max_visits=6), worker("b", max_visits=6)]))
    model, state, improver = _improver(scenario)
    for progress in (0.0, 0.1, 0.2):
        improver.step(progress, steps=50)
    assert improver.problem.weight[0] < improver.dear
    _agrees(model, state, improver)
    improver.step(0.95, steps=50)
    assert improver.problem.weight[0] == improver.dear


def test_bulk_of_an_elder_is_a_share_of_all_and_distance_grows_with_the_way():
    elders = [
        elder("small", 1, duration=600, load=1),
        elder("heavy", 2, duration=600, load=3),
        elder("long", 4, duration=1800),
    ]
    scenario = Scenario.from_dict(month(elders, [worker("a", capacity=9)]))
    model = Model(scenario)
    given_arrays = arrays.problem(model, np.array(KNOB_MONTH))
    assert given_arrays.item[:, BULK].tolist() == [450_000, 950_000, 600_000]
    near, middle, far = given_arrays.item[:, FAR].tolist()
    assert 0 < near < middle < far


@pytest.mark.parametrize(
    ("visits", "days", "bulky"), [(300, 5, 0.4), (200, 5, 0.0), (1001, 5, 0.0), (300, 1, 0.0)]
)
def test_only_small_months_are_put_back_in_orders_of_their_own(visits, days, bulky):
    if days == 1:
        given = day([visit(f"v{n}") for n in range(visits)], [worker("a")])
    else:
        given = month([elder(f"e{n}") for n in range(visits)], [worker("a")], days=days)
    model = Model(Scenario.from_dict(given))
    assert KernelImprover(model, State(model), 1).problem.knob[K_BULKY] == bulky


def test_what_is_taken_back_leaves_nothing_behind():
    """After many steps the sums are those of a fresh start from the same routes."""
    scenario = Scenario.from_dict(street(4, 70, 20))
    _, _, improver = _improver(scenario)
    improver.step(0.0, steps=2000)
    s = improver.work
    anneal.keep_best(improver.problem, s)
    sums, total = s.sums.copy(), s.total.copy()
    improver.sync()
    improver.load()
    assert (s.sums == sums).all()
    assert (s.total[:5] == total[:5]).all()
    assert total[0] > 0


def test_travel_is_the_formats():
    rng = Random(3)
    people = [
        visit(f"v{n}", loc=[31 + rng.uniform(-0.3, 0.3), 121 + rng.uniform(-0.3, 0.3)]) for n in range(60)
    ]
    staff = [worker("a", mode="walk"), worker("b", mode="bike", start=north(30)), worker("c", mode="car")]
    scenario = Scenario.from_dict(day(people, staff))
    model = Model(scenario)
    given_arrays = arrays.problem(model, KernelImprover(model, State(model), 1).problem.knob)
    travel = Travel(scenario)
    points = arrays.sphere(travel.places)
    none = given_arrays.table[:, :0, :0]
    for number, mode in enumerate(("bike", "car", "walk")):
        for a in range(66):
            row = travel.row(mode, a)
            for b in range(66):
                assert given_arrays.table[number, a, b] == row[b] == travel.between(mode, a, b)
                assert times.seconds(none, points, given_arrays.pace, number, a, b) == row[b]


_spans = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda w: (min(w), max(w)))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_breaks_take_the_interpreters_time(data):
    from routing.scenario import Break

    count = data.draw(st.integers(0, 4))
    legs = data.draw(st.lists(st.integers(0, 10), min_size=count + 1, max_size=count + 1))
    durations = data.draw(st.lists(st.integers(1, 10), min_size=count, max_size=count))
    windows = data.draw(st.lists(_spans, min_size=count, max_size=count))
    shift = data.draw(_spans)
    pauses = [Break(*p) for p in data.draw(st.lists(st.tuples(_spans, st.integers(1, 20)), max_size=2))]
    pauses.sort(key=lambda pause: (pause.window, pause.duration))
    scratch = np.zeros((count + 3, 4), np.int64)
    for g in range(count):
        scratch[g] = (legs[g], durations[g], *windows[g])
    scratch[count, 0] = legs[count]
    rest = np.array([(*p.window, p.duration) for p in pauses] or [(0, 0, 0)], np.int64)
    clocks = np.zeros((3, len(pauses) + 2), np.int64)
    span = times.span_with_rests(scratch, count, *shift, rest, len(pauses), clocks)
    found = time_route(legs, durations, windows, shift, pauses)
    assert span == (-1 if found is None else found.arrival - found.departure)


def test_same_seed_same_plan_and_another_seed_another():
    scenario = Scenario.from_dict(street(2, 60, 16))
    limits = Limits(time_limit=60, seed=5, processes=1, iterations=600)
    first, second = (solve(scenario, limits) for _ in range(2))
    assert first.routes == second.routes
    assert solve(scenario, replace(limits, seed=6)).routes != first.routes


def test_a_day_with_a_matrix_that_differs_each_way():
    rng = Random(1)
    n = 14
    table = [[0 if a == b else rng.randint(100, 3000) for b in range(n)] for a in range(n)]
    locations = [north(index) for index in range(n)]
    people = [visit(f"v{k}", loc=locations[k], loc_index=k, duration=600) for k in range(n - 1)]
    staff = [worker(f"w{k}", start_index=n - 1, end_index=n - 1, max_visits=9) for k in range(2)]
    data = day(people, staff, matrix={"locations": locations, "walk": table})
    del data["speed_kmh"], data["detour"]
    model, state, improver = _improver(Scenario.from_dict(data))
    improver.step(0.2, steps=500)
    _agrees(model, state, improver)


def test_frozen_stops_stay_and_their_positions_hold():
    people = [visit(f"v{k}", k / 2) for k in range(1, 9)] + [visit("two", 3, people=2)]
    pins = [{"visit": "v8", "worker": "a", "position": 0}, {"visit": "v1", "worker": "b"}]
    scenario = Scenario.from_dict(day(people, [worker("a"), worker("b"), worker("c")], pinned=pins))
    model, state, improver = _improver(scenario)
    improver.step(0.0, steps=800)
    _agrees(model, state, improver)
    plan = draft(model, state)
    where = {stop.visit: (route.worker, k) for route in plan.routes for k, stop in enumerate(route.stops)}
    assert where["v8"] == ("a", 0)
    assert where["v1"][0] == "b"
    assert improver.key[:3] == (0, 0, 0)


def test_all_visits_of_an_elder_find_their_days_together():
    """Only one pair of days keeps the gap for everybody: greedy placing of single visits would miss it."""
    people = [
        elder(f"e{k}", frequency=2, min_gap_days=6, max_gap_days=6, duration=9000, window=[28800, 57600])
        for k in range(3)
    ]
    staff = [worker("w", max_visits=1, not_days=[3, 9])]
    scenario = Scenario.from_dict(month(people, staff, 10))
    model, state, improver = _improver(scenario)
    improver.step(0.0, steps=200)
    _agrees(model, state, improver)
    assert improver.key[2] == 0


def test_switched_off_or_missing_the_interpreter_does_the_work(monkeypatch):
    scenario = Scenario.from_dict(street(1, 30, 10))
    limits = Limits(time_limit=30, seed=1, processes=1, iterations=30)
    monkeypatch.setenv("ROUTING_KERNEL", "off")
    assert not kernel.available()
    assert check(scenario, solve(scenario, limits)).ok
    monkeypatch.delenv("ROUTING_KERNEL")
    monkeypatch.setattr(kernel, "find_spec", lambda _: None)
    assert not kernel.available()
    assert kernel.compiled_improver(Model(scenario), State(Model(scenario)), 1) is None


def test_nothing_compiles_in_front_of_a_user():
    """Days and months, with and without breaks and matrix, all run on the one set of types."""
    table = {"locations": [north(0), north(1)], "walk": [[0, 700], [900, 0]]}
    matrix_day = day([visit("v", loc_index=1)], [worker("w", start_index=0, end_index=0)], matrix=table)
    for data in (day([visit("v", 1)], [worker("w")]), street(1, 12, 6, 12), matrix_day):
        _, _, improver = _improver(Scenario.from_dict(data))
        improver.step(0.0, steps=5)
    for entry in (anneal.begin, anneal.fill, anneal.anneal, anneal.keep_best, times.fill_table):
        assert len(entry.signatures) == 1


def test_compiled_code_is_kept_where_writing_is_allowed(tmp_path, monkeypatch):
    from routing.kernel import store

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert store.cache_folder().parent == store.HERE / "__pycache__"
    monkeypatch.setattr(store, "_usable", lambda folder: str(folder).startswith(str(tmp_path)))
    assert store.cache_folder().is_relative_to(tmp_path / "cache")
    monkeypatch.setattr(store, "_usable", lambda _: False)
    monkeypatch.setenv(store.VARIABLE, "")
    folder = store.cache_folder()
    assert folder.is_dir()
    assert os.environ[store.VARIABLE] == str(folder)


def test_the_command_compiles():
    done = subprocess.run(
        [sys.executable, "-m", "routing", "compile"], capture_output=True, text=True, check=True, timeout=280
    )
    assert done.stdout.startswith("compiled in ")


def test_what_is_remembered_changes_nothing(monkeypatch):
    """With room for few insertions items take each other's places over; the plan stays the same."""
    scenario = Scenario.from_dict(street(5, 60, 16))
    plans = []
    for spots in (arrays.SPOTS, 97):
        monkeypatch.setattr(arrays, "SPOTS", spots)
        model, state, improver = _improver(scenario, 3)
        for progress in (0.0, 0.5, 0.9):
            improver.step(progress, steps=150)
        _agrees(model, state, improver)
        plans.append(improver.best)
    assert plans[0] == plans[1]
