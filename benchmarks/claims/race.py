"""Fifty people for one visit, round after round, and one person who presses twenty times."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select, text

from benchmarks.claims.client import Answer, Browsers
from benchmarks.claims.measuring import Measured, Processors
from benchmarks.claims.venue import venue
from coordinator.extensions import db
from coordinator.marketplace.models import Claim

RACERS = 50
REPEATS = 20
RACE_P95_MS = 300
_DOUBLED = "SELECT count(*) FROM (SELECT visit_id FROM claims GROUP BY 1 HAVING count(*) > 1) AS d"


def race(rounds: int) -> int:
    """1 when a rule is broken, or the answers take longer than the goal."""
    wrong: list[str] = []
    repeats = max(1, rounds // 4)
    with venue("race", people=RACERS, visits=rounds + repeats, in_an_hour=1) as site:
        with site.web() as port:
            browsers = Browsers(port)
            spent = Processors()
            pressed: list[Answer] = []
            for number, visit_id in enumerate(site.visits[:rounds]):
                # Each round at an hour of its own, so that an earlier win does not stand in the way.
                path = f"/open-visits/{visit_id}/claim"
                answers = browsers.at_once([one.press(path) for one in site.people])
                pressed += answers
                if _statuses(answers) != {303: 1, 409: RACERS - 1}:
                    wrong.append(f"round {number}: {_statuses(answers)}")
            spent_line = spent.line(len(pressed))
            for number, visit_id in enumerate(site.visits[rounds:]):
                answers = browsers.at_once([site.people[0].press(f"/open-visits/{visit_id}/claim")] * REPEATS)
                if _statuses(answers) != {303: REPEATS}:
                    wrong.append(f"repeat {number}: {_statuses(answers)}")
            looked: list[Answer] = []
            for _number in range(max(1, rounds // 10)):
                parts = [one.get("/open-visits/nearby", "HX-Request: true") for one in site.people]
                looked += browsers.at_once(parts)
            if _statuses(looked) != {200: len(looked)}:
                wrong.append(f"what is nearby: {_statuses(looked)}")
            browsers.close()
        with site.database():
            rows = db.session.scalar(select(func.count()).select_from(Claim)) or 0
            doubled = db.session.scalar(text(_DOUBLED))
    if rows != rounds + repeats or doubled:
        wrong.append(f"{rows} claims for {rounds + repeats} visits, {doubled} doubled")
    found, later = _measured(pressed), _measured(looked)
    if found.p(0.95) > RACE_P95_MS:
        wrong.append(f"p95 {found.p(0.95):.0f} ms (goal {RACE_P95_MS} ms)")
    print(
        f"\n{RACERS} people on one visit, {rounds} rounds: {_statuses(pressed)}; {rows} claims, {doubled} doubled"
    )
    print(f"answers p50 {found.p(0.5):.0f}, p95 {found.p(0.95):.0f}, longest {found.p(1):.0f} ms")
    print(spent_line)
    print(f"one person, {REPEATS} presses, {repeats} rounds")
    print(
        f"what is nearby, asked by all {RACERS} in the same moment (browsers spread it over a second):"
        f" p50 {later.p(0.5):.0f}, p95 {later.p(0.95):.0f} ms"
    )
    print("as it should be" if not wrong else "wrong: " + "; ".join(wrong[:8]))
    return 1 if wrong else 0


def _statuses(answers: list[Answer]) -> dict[int, int]:
    return dict(Counter(one.status for one in answers))


def _measured(answers: list[Answer]) -> Measured:
    return Measured("", 1, [one.milliseconds for one in answers])
