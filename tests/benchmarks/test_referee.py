"""The referee sees each kind of broken plan, and sees what the engine's checker sees."""

import ast
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks import referee
from benchmarks.referee import judge
from routing import Limits, Scenario, check, solve, validate
from routing.plan import Plan

Json = dict[str, Any]
RULES = {
    "route": {"unknown_worker", "unknown_day", "route_twice"},
    "absent": {"not_working"},
    "shift": {"outside_shift"},
    "travel": {"too_little_travel"},
    "duration": {"too_short"},
    "window": {"outside_window"},
    "skill": {"missing_skill"},
    "excluded": {"excluded_worker"},
    "radius": {"outside_radius"},
    "visits_day": {"too_many_visits_day"},
    "visits_week": {"too_many_visits_week"},
    "visits_month": {"too_many_visits_month"},
    "hours_week": {"too_many_hours_week"},
    "length": {"route_too_long"},
    "capacity": {"over_capacity"},
    "break": {"no_break"},
    "people": {"second_person_missing"},
    "together": {"not_together"},
    "twice": {"visit_twice"},
    "minor": {"minor_alone"},
    "days": {"day_not_permitted"},
    "number": {"wrong_number"},
    "unknown": {"unknown_visit"},
    "listed": {"made_and_unassigned"},
    "missing": {"visit_missing"},
    "pin": {"pin_broken"},
    "position": {"pin_position"},
    "claim": {"wrong_score"},
}
LEG, SERVICE = 600, 1800
START = 9 * 3600


def place(number: int) -> list[float]:
    return [30.0 + number / 100, 104.0]


def visit(name: str, at: int, **over: Any) -> Json:
    return {"id": name, "loc": place(at), "loc_index": at, "duration": SERVICE, **over}


def worker(name: str, **over: Any) -> Json:
    ends = {"start": place(0), "end": place(0), "start_index": 0, "end_index": 0}
    return {"id": name, "mode": "car", "shift": [8 * 3600, 18 * 3600], **ends, **over}


def day() -> Json:
    table = [[0 if a == b else LEG for b in range(5)] for a in range(5)]
    return {
        "kind": "day",
        "name": "invented",
        "matrix": {"locations": [place(number) for number in range(5)], "car": table},
        "visits": [
            visit("v1", 1, priority=2, window=[START, START + 7200]),
            visit("v2", 2, statutory=True, skills=["nursing"]),
            visit("v3", 3, people=2, load=2),
            visit("v4", 4, priority=5),
        ],
        "workers": [worker("w1", skills=["nursing"], capacity=3), worker("w2", capacity=3), worker("m")],
    }


def month() -> Json:
    data = day()
    elders = [
        visit("e1", 1, frequency=2, min_gap_days=2, max_gap_days=4),
        visit("e2", 2, patterns=[[0, 3], [1, 4]]),
        visit("e3", 3, frequency=1),
    ]
    workers = [
        worker("w1", max_visits_week=4, max_visits_month=4, max_hours_week=4),
        worker("w2", weekdays=[0, 1]),
    ]
    del data["visits"]
    return {
        **data,
        "kind": "month",
        "days": 7,
        "weekday_of_day": [0, 1, 2, 3, 4, 0, 1],
        "elders": elders,
        "workers": workers,
    }


def route(name: str, *visits: str, day: int = 0, begin: int = START, wait: int = 0) -> Json:
    """A route that drives LEG, serves SERVICE, and so on; `wait` seconds before each service."""
    clock, stops = begin, []
    for one in visits:
        arrival = clock + LEG
        stops.append(
            {"visit": one, "arrival": arrival, "start": arrival + wait, "end": arrival + wait + SERVICE}
        )
        clock = arrival + wait + SERVICE
    return {"worker": name, "day": day, "departure": begin, "arrival": clock + LEG, "stops": stops}


def day_plan() -> Json:
    return {"routes": [route("w1", "v3", "v2", "v1"), route("w2", "v3")], "unassigned": ["v4"]}


def month_plan() -> Json:
    routes = [route("w1", "e1#1", "e2#1"), route("w1", "e1#2", "e2#2", day=3)]
    return {"routes": routes, "unassigned": [{"visit": "e3#1"}]}


def codes(scenario: Json, plan: Json) -> set[str]:
    return {
        violation.code for violation in check(Scenario.from_dict(scenario), Plan.from_dict(plan)).violations
    }


def assert_same(scenario: Json, plan: Json) -> set[str]:
    """Both find the same kinds of faults and the same score; returns the referee's rules."""
    report = check(Scenario.from_dict(scenario), Plan.from_dict(plan))
    verdict = judge(scenario, plan)
    found = {violation.code for violation in report.violations}
    assert {rule for rule, names in RULES.items() if names & found} == verdict.rules, (found, verdict.broken)
    score = report.score
    assert (score.unserved_statutory, score.unserved_priority) == (verdict.statutory, verdict.priority)
    assert (score.travel_seconds, score.cost) == (verdict.travel, pytest.approx(verdict.cost, abs=0.02))
    return verdict.rules


def test_good_plans_pass_with_the_score_worked_out_by_hand() -> None:
    verdict = judge(day(), day_plan())
    assert verdict.broken == []
    assert (verdict.statutory, verdict.priority, verdict.travel) == (0, 5, 6 * LEG)
    assert (verdict.served, verdict.visits) == (3, 4)
    assert_same(day(), day_plan())
    assert judge(month(), month_plan()).broken == []
    assert_same(month(), month_plan())


def test_an_empty_plan_misses_everything() -> None:
    verdict = judge(day(), {"routes": [], "unassigned": ["v1", "v2", "v3", "v4"]})
    assert (verdict.statutory, verdict.priority, verdict.travel, verdict.served) == (1, 9, 0, 0)


def test_travel_is_the_great_circle_at_the_speed_of_the_mode() -> None:
    data = day()
    del data["matrix"]
    data |= {"speed_kmh": {"car": 36.0}, "detour": 1.5, "visits": data["visits"][:1]}
    plan = {"routes": [route("w1", "v1")], "unassigned": []}
    # 0.01° of latitude: 6371008.8 m · π/18000 = 1111.95 m; at 10 m/s, half as long again: 167 s
    assert judge(data, plan).travel == 2 * 167
    assert_same(data, plan)


class Case:
    """A scenario and a plan to be spoiled."""

    def __init__(self, scenario: Json, plan: Json) -> None:
        self.scenario, self.plan = scenario, plan


Change = Callable[[Case], object]


def stop(plan: Json, number: int = 0, which: int = 0) -> Json:
    found: Json = plan["routes"][number]["stops"][which]
    return found


def later(case: Case) -> None:
    for at in ("start", "end"):
        stop(case.plan, 1)[at] += 60
    case.plan["routes"][1]["arrival"] += 60


BROKEN_DAYS: list[tuple[str, Change]] = [
    ("route", lambda c: c.plan["routes"][0].update(worker="nobody")),
    ("route", lambda c: c.plan["routes"][0].update(day=1)),
    ("route", lambda c: c.plan["routes"].append(route("w1", "v4", begin=50000))),
    ("shift", lambda c: c.scenario["workers"][0].update(shift=[START + 1, 18 * 3600])),
    ("shift", lambda c: c.scenario["workers"][0].update(shift=[START, START + 3600])),
    ("travel", lambda c: stop(c.plan, 0, 1).update(arrival=stop(c.plan, 0, 1)["arrival"] - 1)),
    ("travel", lambda c: c.plan["routes"][0].update(arrival=c.plan["routes"][0]["arrival"] - 1)),
    ("duration", lambda c: c.scenario["visits"][1].update(duration=SERVICE + 1)),
    ("window", lambda c: c.scenario["visits"][0].update(window=[START, START + 60])),
    ("window", lambda c: c.scenario["visits"][0].update(window=[START + 9000, START + 9999])),
    ("skill", lambda c: c.scenario["workers"][0].update(skills=[])),
    ("excluded", lambda c: c.scenario["visits"][0].update(excluded=["w1"])),
    ("radius", lambda c: c.scenario["workers"][0].update(radius_m=3000)),
    ("visits_day", lambda c: c.scenario["workers"][0].update(max_visits=2)),
    ("length", lambda c: c.scenario["workers"][1].update(max_route_seconds=2 * LEG + SERVICE - 1)),
    ("capacity", lambda c: [worker.update(capacity=1) for worker in c.scenario["workers"]]),
    (
        "capacity",
        lambda c: (c.scenario["visits"][0].update(load=2), c.scenario["workers"][1].update(capacity=1)),
    ),
    (
        "break",
        lambda c: c.scenario["workers"][0].update(
            breaks=[{"window": [START + 700, START + 800], "duration": 60}]
        ),
    ),
    ("people", lambda c: c.plan["routes"].pop()),
    ("together", later),
    (
        "twice",
        lambda c: (
            c.plan["routes"].append(route("m", "v1")) or c.scenario["workers"][2].update(shift=[0, 80000])
        ),
    ),
    ("minor", lambda c: c.scenario["workers"][0].update(companion_of_adult=True)),
    ("unknown", lambda c: c.plan["unassigned"].append("v9")),
    ("unknown", lambda c: stop(c.plan, 0, 2).update(visit="v9") or c.plan["unassigned"].append("v1")),
    ("listed", lambda c: c.plan["unassigned"].append("v1")),
    ("missing", lambda c: c.plan["unassigned"].clear()),
    ("pin", lambda c: c.scenario.update(pinned=[{"visit": "v1", "worker": "w2"}])),
    ("position", lambda c: c.scenario.update(pinned=[{"visit": "v1", "worker": "w1", "position": 0}])),
    ("claim", lambda c: c.plan.update(score={"travel_seconds": 6 * LEG - 1, "unserved_priority": 5})),
    ("claim", lambda c: c.plan.update(score={"travel_seconds": 6 * LEG, "unserved_priority": 4})),
]
BROKEN_MONTHS: list[tuple[str, Change]] = [
    ("absent", lambda c: c.scenario["workers"][0].update(not_days=[3])),
    ("absent", lambda c: c.scenario["workers"][0].update(weekdays=[0, 1])),
    ("shift", lambda c: c.scenario["workers"][0].update(shifts={"3": [START + 1, 80000]})),
    (
        "visits_week",
        lambda c: c.plan["routes"].append(route("w1", "e3#1", day=4)) or c.plan.update(unassigned=[]),
    ),
    ("visits_month", lambda c: c.scenario["workers"][0].update(max_visits_month=3)),
    ("hours_week", lambda c: c.scenario["workers"][0].update(max_hours_week=2.9)),
    ("days", lambda c: c.scenario["elders"][0].update(min_gap_days=4)),
    ("days", lambda c: c.scenario["elders"][0].update(max_gap_days=2)),
    ("days", lambda c: c.scenario["elders"][0].update(not_weekdays=[3])),
    ("days", lambda c: c.scenario["elders"][0].update(last_day=-1)),
    ("days", lambda c: c.scenario["elders"][1].update(patterns=[[0, 2], [1, 4]])),
    ("number", lambda c: stop(c.plan, 0).update(visit="e1#2") or stop(c.plan, 1).update(visit="e1#1")),
    ("pin", lambda c: c.scenario.update(pinned=[{"visit": "e2#1", "worker": "w1", "day": 1}])),
]


@pytest.mark.parametrize(
    ("rule", "change"), BROKEN_DAYS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_broken_day_is_seen(rule: str, change: Change) -> None:
    scenario, plan = day(), day_plan()
    change(Case(scenario, plan))
    assert rule in assert_same(scenario, plan)


@pytest.mark.parametrize(
    ("rule", "change"), BROKEN_MONTHS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_broken_month_is_seen(rule: str, change: Change) -> None:
    scenario, plan = month(), month_plan()
    if rule == "visits_week":
        scenario["workers"][0] |= {"max_visits_month": None, "max_hours_week": None, "max_visits_week": 4}
    change(Case(scenario, plan))
    assert rule in assert_same(scenario, plan)


def test_every_rule_has_its_broken_plan() -> None:
    assert {rule for rule, _change in BROKEN_DAYS + BROKEN_MONTHS} == set(RULES)


def test_weights_count_strangers_and_the_busiest() -> None:
    scenario, plan = day(), day_plan()
    scenario["weights"] = {"continuity": 100, "balance": 0.5}
    scenario["visits"][0]["preferred"] = ["w2"]
    scenario["visits"][2]["preferred"] = ["w2"]
    long, short = 3 * SERVICE + 4 * LEG, SERVICE + 2 * LEG
    assert judge(scenario, plan).cost == 6 * LEG + 100 + 0.5 * (long - short) / 2
    assert_same(scenario, plan)


# --- at random -------------------------------------------------------------------------------------------


def random_scenario(dice: Random) -> Json:
    scenario = day() if dice.random() < 0.5 else month()
    items = scenario.get("visits") or scenario["elders"]
    for item in items:
        item["people"] = dice.choice([1, 1, 1, 2])
        item["load"] = dice.randint(0, 2)
        item["skills"] = dice.choice([[], [], ["nursing"], ["nursing", "law"]])
        item["window"] = dice.choice([[0, 90000], [START, START + 5000]])
        item["excluded"] = dice.choice([[], [], ["w1"]])
        item["preferred"] = dice.choice([[], ["w2"]])
        if "patterns" not in item and scenario["kind"] == "month":
            item |= {"min_gap_days": dice.randint(0, 2), "max_gap_days": dice.choice([0, 2, 4])}
            item |= {"last_day": dice.choice([None, -1]), "not_weekdays": dice.choice([[], [2]])}
            item["last_visitor"] = dice.choice([None, "w1"])
    for person in scenario["workers"]:
        person["capacity"] = dice.choice([None, 1, 2, 4])
        person["skills"] = dice.choice([[], ["nursing"], ["law"]])
        person["max_visits"] = dice.choice([None, 1, 3])
        person["companion_of_adult"] = dice.random() < 0.2
        person["radius_m"] = dice.choice([None, 2500])
        person["max_route_seconds"] = dice.choice([None, 2 * SERVICE + 3 * LEG])
        length = dice.choice([300, 900])
        rests = [
            {"window": [START + LEG, START + dice.choice([900, 4000])], "duration": length}
        ] * dice.randint(1, 2)
        person["breaks"] = dice.choice([[], rests])
    scenario["weights"] = {"continuity": dice.choice([0, 300]), "balance": dice.choice([0, 0.25])}
    return scenario


def random_plan(dice: Random, scenario: Json) -> Json:
    parsed = Scenario.from_dict(scenario)
    names = list(parsed.visit_ids())
    routes, made = [], set()
    for number in range(parsed.days):
        for person in scenario["workers"]:
            chosen = dice.sample(names, dice.choice([0, 0, 1, 2, 3][: 3 if parsed.days > 1 else 5]))
            if chosen:
                wait = dice.choice([0, 0, 900])
                routes.append(
                    route(
                        person["id"], *chosen, day=number, begin=START + dice.choice([0, 0, 600]), wait=wait
                    )
                )
                made.update(chosen)
    left = [name for name in names if name not in made or dice.random() < 0.03]
    plan = {"routes": routes, "unassigned": [name for name in left if dice.random() > 0.03]}
    pins = [{"visit": dice.choice(names), "worker": dice.choice(scenario["workers"])["id"]} for _ in range(1)]
    if dice.random() < 0.4:
        scenario["pinned"] = [{**pins[0], **dice.choice([{}, {"position": 1}, {"day": parsed.days // 2}])}]
        if validate(scenario):  # a pin to somebody who cannot make the visit is bad input
            del scenario["pinned"]
    return plan


@pytest.mark.parametrize("seed", range(12))
def test_the_referee_and_the_checker_agree_on_random_plans(seed: int) -> None:
    seen: set[str] = set()
    for number in range(40):
        dice = Random(f"{seed}-{number}")
        scenario = random_scenario(dice)
        plan = random_plan(dice, scenario)
        seen |= assert_same(scenario, plan)
    assert len(seen) >= 15


def test_the_referee_and_the_checker_agree_on_plans_of_the_engine() -> None:
    for number in range(6):
        scenario = random_scenario(Random(f"solve {number}"))
        plan = solve(Scenario.from_dict(scenario), Limits(5.0, 1, 1, 20)).to_dict()
        assert assert_same(scenario, plan) == set()
        spoiled = deepcopy(plan)
        for one in spoiled["routes"][:1]:
            one["departure"] += 1
            assert "travel" in assert_same(scenario, spoiled)


def test_the_referee_imports_nothing_of_the_engine() -> None:
    tree = ast.parse(Path(referee.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if name.split(".")[0] in ("routing", "benchmarks")}
