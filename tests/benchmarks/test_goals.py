"""The table of goals, its figures and its verdicts, on rows made up for the purpose."""

from math import inf
from typing import Any

import pytest

from benchmarks import campaign, figures, goals, table

Json = dict[str, Any]


def row(engine: str = "ours", case: str = "i1", seed: int = 1, **over: Any) -> Json:
    base = {"case": case, "group": "town tight", "size": 50, "engine": engine, "setting": "", "seed": seed}
    base |= {
        "seconds": 5,
        "valid": True,
        "kept": True,
        "statutory": 0,
        "priority": 0,
        "travel": 1000,
        "cost": 1000.0,
    }
    base |= {"served": 50, "visits": 50, "peak_mb": 100.0, "wall": 5.0, "curve": [], "all_priority": 100}
    return {**base, **over}


def results(rows: list[Json], processes: int = 1) -> Json:
    return {"rows": rows, "options": {"processes": processes}}


def full(ratio: float = 1.0, **over: Any) -> list[Json]:
    """Ours and two peers on three instances with five seeds; the better peer needs 1000."""
    rows = []
    for case in ("i1", "i2", "i3"):
        rows.append(row("vroom", case, cost=1000.0, travel=1000))
        rows.append(row("ortools", case, cost=1200.0, travel=1200))
        for seed in range(1, 6):
            worth = 1000 * ratio + seed
            rows.append(row("ours", case, seed, **{"cost": worth, "travel": worth, **over}))
    return rows


def test_a_ratio_is_to_the_best_peer_and_by_the_median_of_seeds() -> None:
    rows = full(0.9)
    assert figures.median_ratio(rows) == pytest.approx(0.903)
    assert figures.worst_instance(rows) == pytest.approx(0.903)
    assert figures.worst_ratio(rows) == pytest.approx(0.905)
    assert figures.against("ortools")(rows) == pytest.approx(0.903 / 1.2)
    assert figures.against("pyvrp")(rows) is None


def test_the_best_peer_is_who_misses_least() -> None:
    rows = [row(cost=900.0), row("vroom", cost=500.0, priority=1), row("pyvrp", cost=1000.0)]
    assert figures.median_ratio(rows) == pytest.approx(0.9)
    assert figures.more_missed(rows) == 0
    assert figures.more_missed([row(priority=2), *rows[1:]]) == 1


def test_no_ratio_between_runs_that_miss_different_things() -> None:
    rows = [row(cost=900.0), row("vroom", cost=500.0, priority=1)]
    assert figures.median_ratio(rows) is None
    assert figures.more_missed(rows) == 0


def test_rows_that_are_not_valid_or_not_kept_do_not_count() -> None:
    rows = [row(), row("vroom", cost=500.0, valid=False), row("pyvrp", cost=800.0, kept=False)]
    rows.append(row("ortools", cost=2000.0))
    assert figures.median_ratio(rows) == pytest.approx(0.5)


def test_spread_is_of_the_worst_instance_and_missing_more_is_worse_than_any_travel() -> None:
    assert figures.spread(full(1.0)) == pytest.approx(1005 / 1001)
    assert figures.spread([row(seed=1), row(seed=2, priority=1, cost=900.0)]) == 2
    assert figures.spread([row()]) is None


def test_what_a_run_had_reached_at_some_second() -> None:
    cost = campaign.WORTH
    one = row(
        curve=[[1.0, 3 * cost + 500, 3], [4.0, 700, 0], [30.0, 650, 0]], seconds=60, travel=650, cost=650.0
    )
    assert campaign.at(one, 0.5) is None
    assert campaign.at(one, 2) == (3, 500)
    assert campaign.at(one, 20) == (0, 700)
    rows = [one, row("vroom", cost=1000.0, travel=1000)]
    assert figures.against("vroom", 20)(rows) == pytest.approx(0.7)
    assert figures.against("vroom", 2)(rows) is None
    assert figures.complete_after([one]) == 4.0
    assert figures.complete_after([one, row(curve=[[1.0, cost, 1]])]) == inf


def test_gaps_to_best_known_costs() -> None:
    known = {"best_known": 1000.0, "trusted": True}
    rows = [
        row(worth=1010.0, **known),
        row(seed=2, worth=1030.0, **known),
        row(case="i2", worth=1000.0, **known),
    ]
    rows.append(row(case="i3", worth=5000.0, best_known=1000.0, trusted=False))
    rows.append(row(case="i4", worth=None, **known))
    assert figures.mean_gap(rows) == pytest.approx(1.0)
    assert figures.worst_gap(rows) == pytest.approx(2.0)
    assert figures.unsolved(rows) == 1
    assert figures.gap_to("pyvrp")([row(worth=99.0), row("pyvrp", worth=100.0)]) == pytest.approx(-1.0)


def test_a_month_is_held_against_its_long_run() -> None:
    long = row(long=True, cost=1000.0, priority=1)
    curve = [[2.0, 4 * campaign.WORTH + 100, 4]]
    assert figures.behind_long_at(5)([long, row(curve=curve)]) == pytest.approx(3.0)
    assert figures.behind_long_at(1)([long, row(curve=curve)]) == pytest.approx(99.0)
    assert figures.cost_over_long([long, row(cost=1010.0, priority=1)]) == pytest.approx(1.0)
    assert figures.cost_over_long([long, row(cost=900.0, priority=2)]) == inf
    assert figures.served_share([row(served=49)]) == pytest.approx(98.0)
    assert figures.most_memory([row(), row(seed=2, peak_mb=250.0)]) == 250


def street(workers: int, number: int, length: float, **over: Any) -> Json:
    begun = (number // workers) * length
    base = {"workers": workers, "begun": begun, "ended": begun + length, "fixed_work": True, **over}
    return row(case=f"s{number}", **base)


def test_a_city_grows_in_step_and_two_workers_are_faster() -> None:
    rows = [street(workers, number, 4.0) for workers in (1, 2) for number in range(10)]
    assert figures.city_seconds(rows) == 20
    assert figures.growth(rows) == 1
    assert figures.speed_up(rows) == 2
    assert figures.speed_up([{**one, "fixed_work": False} for one in rows]) is None
    slower = [street(1, number, 4.0 + number) for number in range(10)]
    assert figures.growth(slower) == pytest.approx(12.5 / 4.5)


@pytest.mark.parametrize(
    ("value", "word"), [(0.9, "aim reached"), (0.95, "reached"), (0.951, "missed"), (None, "not measured")]
)
def test_verdicts(value: float | None, word: str) -> None:
    goal = goals.Goal("day", "", lambda _rows: value, 0.95, 0.9)
    assert goals.judge(goal, results([row()])).word == word


def test_at_least_turns_the_comparison_round() -> None:
    goal = goals.Goal("month", "", figures.served_share, 99.8, 99.9, at_least=True)
    words = [goals.judge(goal, results([row(served=n, visits=1000)])).word for n in (1000, 998, 997)]
    assert words == ["aim reached", "reached", "missed"]


def test_a_goal_looks_at_its_class_only() -> None:
    judged = {one.goal.size: one for one in goals.judge_all("day", results(full(1.01)))}
    assert judged[50].word == "missed"
    assert judged[150].value is None
    assert judged[1000].word == "not measured"


def test_a_full_run_lacks_nothing_and_a_short_one_says_what() -> None:
    travel = next(goal for goal in goals.GOALS if goal.size == 50 and goal.bound == 1.005)
    assert goals.judge(travel, results(full(0.9))).short == ""
    short = goals.judge(travel, results([row(seconds=2), row("vroom")], processes=2)).short
    assert short == "2 s instead of 5, 2 core(s) instead of 1, 1 of 5 seeds, 1 of 3 instances"


def test_a_run_on_a_busy_machine_does_not_count() -> None:
    travel = next(goal for goal in goals.GOALS if goal.size == 50 and goal.bound == 1.005)
    assert goals.judge(travel, results(full(0.9, processor=4.9))).short == ""
    short = goals.judge(travel, results(full(0.9, processor=1.0))).short
    assert short == "20 % of the processor (the machine was busy)"


def test_every_command_has_goals_and_every_goal_a_command() -> None:
    assert {goal.command for goal in goals.GOALS} == {"day", "month", "public", "scale"}
    for goal in goals.GOALS:
        assert goal.reaches(goal.aim, goal.bound), goal.text


def test_tables_have_a_line_for_each_engine_and_tell_failures() -> None:
    rows = [*full(0.9), row("pyvrp", valid=False, failure="no words for breaks", refused=True)]
    lines = table.by_class(rows)
    assert len({len(line) for line in lines}) == 1
    assert [line[2] for line in lines[1:]] == ["ours", "OR-Tools", "PyVRP", "VROOM"]
    vroom = lines[4]
    assert vroom[8:11] == ["0.903", "0.905", "0 / 15 / 0"]
    assert "no words for breaks" in lines[3]
    assert table.markdown(lines).count("\n") == len(lines)
    assert "no words for breaks" in table.aligned(lines)
    cases = table.by_case(rows)
    assert [line[0] for line in cases[1:]] == ["i1", "i2", "i3"]
    assert cases[1][1:3] == ["903", "905"]
