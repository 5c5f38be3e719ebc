"""Five hundred people claim two hundred visits at once, each four and then a place in line, under limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import text

from benchmarks.claims.client import Answer, Browsers
from benchmarks.claims.measuring import Measured, Processors
from benchmarks.claims.street import NARROW, Person
from benchmarks.claims.venue import venue
from coordinator.extensions import db


def crowd(people: int = 500, visits: int = 200) -> int:
    """Everybody claims at once; 1 when a visit goes twice, somebody is over a limit or sees an error page."""
    with venue("crowd", people=people, visits=visits, in_an_hour=25, rules=NARROW) as site:
        with site.web() as port:
            spent = Processors()
            answers = _everybody(port, site.people, site.visits)
            spent_line = spent.line(len(answers))
        with site.database():
            found = db.session.execute(text(_OVER), {"open": NARROW["open_at_once"]}).one()
            lost = db.session.scalar(
                text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            )
    statuses = Counter(one.status for one in answers)
    times = [one.milliseconds for one in answers]
    measured = Measured("", 1, times)
    wrong = [f"{status} answered {n} times" for status, n in statuses.items() if status not in (303, 409)]
    wrong += [f"{name}: {n}" for name, n in found._mapping.items() if name.startswith("wrong") and n]
    print(f"\n{people} people, {visits} visits, {len(times)} presses at once: {dict(statuses)}")
    print(
        f"{found.claimed} visits claimed, {found.waiting} places in line,"
        f" {lost} deadlocks seen by PostgreSQL, each done again"
    )
    print(f"answers p50 {measured.p(0.5):.0f}, p95 {measured.p(0.95):.0f}, longest {max(times):.0f} ms")
    print(spent_line)
    print("as it should be" if not wrong else "wrong: " + "; ".join(wrong))
    return 1 if wrong else 0


_OVER = """
WITH live AS (
    SELECT c.worker_id, c.visit_id, c.state, extract(epoch FROM v.ends_at - v.starts_at) / 3600 AS hours
    FROM claims c JOIN visits v ON v.id = c.visit_id WHERE c.state IN ('pending', 'queued')
), per AS (
    SELECT worker_id, count(*) AS n, count(*) FILTER (WHERE state = 'queued') AS places, sum(hours) AS hours
    FROM live GROUP BY 1
)
SELECT (SELECT count(*) FROM visits WHERE state = 'claimed') AS claimed,
       (SELECT count(*) FROM live WHERE state = 'queued') AS waiting,
       (SELECT count(*) FROM per WHERE n > :open) AS wrong_over_claims,
       (SELECT count(*) FROM per WHERE places > 1) AS wrong_over_places,
       (SELECT count(*) FROM per WHERE hours > 1.001) AS wrong_over_hours,
       (SELECT count(*) FROM (
           SELECT visit_id FROM live WHERE state = 'pending' GROUP BY 1 HAVING count(*) > 1) AS d) AS wrong_doubled,
       (SELECT count(*) FROM visits v WHERE (v.state = 'claimed') <> EXISTS (
           SELECT 1 FROM live l WHERE l.visit_id = v.id AND l.state = 'pending')) AS wrong_states,
       (SELECT count(*) FROM visits WHERE state = 'open') AS left_over
"""


def _everybody(port: int, people: Sequence[Person], ids: Sequence[int]) -> list[Answer]:
    """Each person presses four claims and one place in line, all people in the same moment."""
    talks = [
        [
            person.press(
                f"/open-visits/{ids[(turn + step * 37) % len(ids)]}/{'claim' if step < 4 else 'queue'}"
            )
            for step in range(5)
        ]
        for turn, person in enumerate(people)
    ]
    browsers = Browsers(port)
    heard = browsers.talk(talks)
    browsers.close()
    return [one for answers in heard for one in answers]
