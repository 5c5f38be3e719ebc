"""Claims a second: the bare guarded UPDATE, the service with all its rules, and the same over HTTP."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import func, select

from benchmarks.claims.client import Browsers
from benchmarks.claims.measuring import Measured, Processors, in_threads, shares
from benchmarks.claims.street import Person
from benchmarks.claims.venue import PROCESSES, venue
from coordinator.app import create_app
from coordinator.config import Settings, load_settings
from coordinator.extensions import db
from coordinator.marketplace.models import Claim
from coordinator.marketplace.services import claim_visit

CLIENTS = 8
SERVICE_SHARE, HTTP_SHARE, HTTP_P95_MS = 0.25, 0.06, 60


def bare(settings: Settings, ids: Sequence[int]) -> Measured:
    """One statement on an open connection, durable: what the machine can do at all."""
    address = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    local = threading.local()

    def take(visit_id: int) -> bool:
        if not hasattr(local, "connection"):
            local.connection = psycopg.connect(address, autocommit=True)
        row = local.connection.execute(
            "UPDATE visits SET state = 'claimed' WHERE id = %s AND state = 'open' RETURNING id", (visit_id,)
        ).fetchone()
        return row is not None

    in_threads("", shares(ids[:80], CLIENTS), take)
    return in_threads("bare guarded UPDATE, 8 threads", shares(ids[80:], CLIENTS), take)


def _serve(environ: dict[str, str], work: list[tuple[Person, int]], start: Any, answers: Any) -> None:
    """One process of the service measurement: four threads, each claim a transaction of its own."""
    os.environ.clear()
    os.environ.update(environ)
    app = create_app(load_settings(environ))

    def claim(item: tuple[Person, int]) -> bool:
        person, visit_id = item
        with app.app_context():
            claim_visit(person.actor(), visit_id)
            db.session.commit()
        return True

    in_threads("", shares(work[: CLIENTS * 2], CLIENTS // PROCESSES), claim)
    start.wait()
    found = in_threads("", shares(work[CLIENTS * 2 :], CLIENTS // PROCESSES), claim)
    answers.put((found.seconds, found.milliseconds))


def service(environ: dict[str, str], work: Sequence[tuple[Person, int]]) -> Measured:
    """claim_visit with all its rules, two processes of four threads as the web server has."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(PROCESSES), context.Queue()
    children = [
        context.Process(target=_serve, args=(environ, list(share), start, answers))
        for share in shares(list(work), PROCESSES)
    ]
    for child in children:
        child.start()
    parts = [answers.get(timeout=300) for _child in children]
    for child in children:
        child.join()
    return Measured(
        "service, 2 processes of 4 threads",
        max(seconds for seconds, _times in parts),
        [one for _seconds, times in parts for one in times],
    )


def over_http(port: int, work: Sequence[tuple[Person, int]]) -> tuple[Measured, str]:
    """The second tap: POST with session, form token, rules, audit line and redirect; and who spent what on it."""
    presses = [person.press(f"/open-visits/{visit_id}/claim") for person, visit_id in work]
    browsers = Browsers(port)
    browsers.talk(shares(presses[:160], CLIENTS))
    spent, begun = Processors(), time.perf_counter()
    heard = browsers.talk(shares(presses[160:], CLIENTS))
    seconds = time.perf_counter() - begun
    browsers.close()
    answers = [one for line in heard for one in line]
    return Measured(
        "HTTP, gunicorn 2 x gthread",
        seconds,
        [one.milliseconds for one in answers],
        sum(one.status != 303 for one in answers),
    ), spent.line(len(answers))


def bench(claims: int) -> int:
    """Bare, service and HTTP in one run; 1 when a goal of trust is missed."""
    with venue("bench", people=200, visits=3 * claims + 400, in_an_hour=200) as site:
        pairs = [
            (site.people[number % len(site.people)], visit_id) for number, visit_id in enumerate(site.visits)
        ]
        first, second = claims + 80, 2 * claims + 200
        limit = bare(site.settings, site.visits[:first])
        inside = service(site.environ, pairs[first:second])
        with site.web() as port:
            outside, spent = over_http(port, pairs[second:])
        with site.database():
            rows = db.session.scalar(select(func.count()).select_from(Claim))
    print(f"\nclaims, {CLIENTS} clients, {os.cpu_count()} cores, PostgreSQL durable; {rows} claims written")
    print(limit.line())
    print(inside.line(limit))
    print(outside.line(limit))
    print(spent)
    missed = [
        f"{name}: {value} (goal {goal})"
        for name, value, goal, good in (
            (
                "service",
                f"{inside.rate / limit.rate:.1%}",
                f"{SERVICE_SHARE:.0%}",
                inside.rate >= SERVICE_SHARE * limit.rate,
            ),
            (
                "HTTP",
                f"{outside.rate / limit.rate:.1%}",
                f"{HTTP_SHARE:.0%}",
                outside.rate >= HTTP_SHARE * limit.rate,
            ),
            ("HTTP p95", f"{outside.p(0.95):.0f} ms", f"{HTTP_P95_MS} ms", outside.p(0.95) <= HTTP_P95_MS),
            ("refused", str(outside.refused + inside.refused), "0", not outside.refused + inside.refused),
        )
        if not good
    ]
    print("goals met" if not missed else "missed: " + "; ".join(missed))
    return 1 if missed else 0
