"""Claims against the limit of the same minute, and the race of fifty people for one visit.

`make bench-claims` prints, for 8 clients on this machine: the bare guarded UPDATE, the service with all its rules
in two processes, the same over HTTP through gunicorn, and the ratios.
`make drill-race` lets 50 people press at once, round after round, and one person press 20 times.
`make drill-crowd` lets 500 people claim 200 visits at once, each four and then a place in line, under limits.

`python -m benchmarks.claims {bench,race,crowd} [--claims N] [--rounds N]`. Exit code 1 when a goal or a rule is
missed.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import multiprocessing
import os
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import psycopg
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import func, insert, select, text

from benchmarks.site import Browser, environment, free_port, scratch, tanfang
from coordinator.accounts.models import RoleGrant, User, UserSession
from coordinator.app import create_app
from coordinator.cli import running_servers
from coordinator.config import Settings, load_settings
from coordinator.elders.models import Elder, EmergencyContact, Household, Sex
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Actor, Grant, Role
from coordinator.kernel.areas import AreaLevel, create_area
from coordinator.marketplace.models import Claim
from coordinator.marketplace.services import claim_visit
from coordinator.supervise import WebServer
from coordinator.visits.lifecycle import VisitState
from coordinator.visits.models import Visit
from coordinator.workforce.models import (
    Availability,
    Credential,
    CredentialKind,
    Worker,
    WorkerKind,
    WorkerStatus,
)

CLIENTS = 8
PROCESSES = 2
RACERS = 50
REPEATS = 20
PLACE = (28.881, 105.441)
SERVICE_SHARE, HTTP_SHARE, HTTP_P95_MS, RACE_P95_MS = 0.25, 0.06, 60, 300


@dataclass
class Person:
    """One worker with a signed-in browser's cookie and form token."""

    user_id: int
    worker_id: int
    name: str
    cookie: str
    token: str

    def actor(self) -> Actor:
        return Actor(self.user_id, self.name, (Grant(Role.WORKER),), worker_id=self.worker_id)


# --- an invented street ----------------------------------------------------------------------------------


WIDE = {"open_at_once": 1000, "hours_ahead": 10_000, "days_ahead": 90}
NARROW = {"open_at_once": 3, "queue_places": 1, "hours_ahead": 1, "ahead_days": 60, "days_ahead": 90}


def make_street(
    app: Flask, people: int, visits: int, in_an_hour: int, rules: dict[str, int] = WIDE
) -> tuple[list[Person], list[int]]:
    """Workers with accounts and open visits: so many begin in each hour, eight hours a day, from the third day on.

    With as many in an hour as there are workers, visit i goes to the i-th worker in turn without a clash.
    """
    city = create_area(
        AreaLevel.CITY, "示例市", create_area(AreaLevel.PROVINCE, "示例省"), policy_pack="luzhou"
    )
    street = create_area(
        AreaLevel.STREET,
        "滨河街道",
        create_area(AreaLevel.COUNTY, "示例区", city),
        settings={"claims": rules},
    )
    community = create_area(AreaLevel.COMMUNITY, "柳荫社区", street, latitude=PLACE[0], longitude=PLACE[1])
    household = Household(
        area_id=community.id,
        address="滨江路 1 号",
        neighbourhood="滨江片",
        latitude=PLACE[0],
        longitude=PLACE[1],
    )
    db.session.add(household)
    db.session.flush()
    elder = Elder(
        area_id=community.id,
        household_id=household.id,
        name="陈秀英",
        sex=Sex.FEMALE,
        birth_date=date(1944, 3, 2),
        enrolled_on=date(2020, 1, 1),
        emergency_contacts=[
            EmergencyContact(position=1, name="李小明", relation="儿子", phone="13800000001")
        ],
    )
    db.session.add(elder)
    found = [_person(app, street.id, number) for number in range(people)]
    db.session.flush()
    today = clock.today()
    rows = []
    for number in range(visits):
        turn = number // in_an_hour
        at = clock.at_local(today + timedelta(days=3 + turn // 8), (9 + turn % 8) * 3600)
        rows.append(
            {
                "elder_id": elder.id,
                "area_id": community.id,
                "state": VisitState.OPEN,
                "starts_at": at,
                "ends_at": at + timedelta(minutes=30),
                "needs_skills": [],
                "created_at": clock.now(),
            }
        )
    ids: list[int] = []
    for chunk in _chunks(rows, 500):
        ids += db.session.scalars(
            insert(Visit).returning(Visit.id, sort_by_parameter_order=True), list(chunk)
        ).all()
    db.session.commit()
    return found, ids


def _person(app: Flask, area_id: int, number: int) -> Person:
    user = User(username=f"racer{number}", name=f"周敏{number}", password_hash="!")  # noqa: S106  nobody signs in with it
    db.session.add(user)
    db.session.flush()
    db.session.add(RoleGrant(user_id=user.id, role=Role.WORKER))
    worker = Worker(
        user_id=user.id,
        area_id=area_id,
        kind=WorkerKind.VOLUNTEER,
        status=WorkerStatus.APPROVED,
        name=user.name,
        sex=Sex.FEMALE,
        birth_date=date(1990, 5, 1),
        start_latitude=PLACE[0],
        start_longitude=PLACE[1],
        approved_at=datetime(2025, 1, 1, tzinfo=UTC),
        max_visits_day=20,
        max_visits_week=100,
        max_visits_month=400,
    )
    worker.credentials.extend(
        Credential(kind=kind, valid_from=date(2020, 1, 1), valid_to=date(2099, 12, 31))
        for kind in CredentialKind
        if kind is not CredentialKind.PROFESSIONAL
    )
    eight, eighteen = time_of_day(8), time_of_day(18)
    worker.availability.extend(Availability(weekday=day, starts=eight, ends=eighteen) for day in range(7))
    db.session.add(worker)
    token, now = secrets.token_urlsafe(16), clock.now()
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    db.session.flush()
    raw = secrets.token_hex(20)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None, "the application has a secret key"
    forms = URLSafeTimedSerializer(str(app.secret_key), salt="wtf-csrf-token")
    return Person(
        user.id,
        worker.id,
        user.name,
        str(signer.dumps({"_user_id": token, "csrf_token": raw})),
        str(forms.dumps(raw)),
    )


def _chunks(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


# --- measuring -------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """How many, how long it took, and the milliseconds of each."""

    name: str
    seconds: float
    milliseconds: list[float]
    refused: int = 0

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    def p(self, share: float) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    def line(self, base: Measured | None = None) -> str:
        share = f"  {100 * self.rate / base.rate:5.1f} % of bare" if base else ""
        return (
            f"{self.name:<34}{self.rate:8.0f}/s  p50 {self.p(0.5):6.1f}  p95 {self.p(0.95):6.1f}"
            f"  p99 {self.p(0.99):6.1f} ms{share}"
        )


def in_threads(name: str, work: Sequence[Sequence[Any]], each: Callable[[Any], bool]) -> Measured:
    """Run `each` over the shares of `work`, one thread a share; False counts as refused."""
    times: list[float] = []
    refused = 0
    lock = threading.Lock()
    ready = threading.Barrier(len(work) + 1)

    def run(share: Sequence[Any]) -> None:
        nonlocal refused
        own, bad = [], 0
        ready.wait()
        for item in share:
            begun = time.perf_counter()
            bad += not each(item)
            own.append((time.perf_counter() - begun) * 1000)
        with lock:
            times.extend(own)
            refused += bad

    threads = [threading.Thread(target=run, args=(share,)) for share in work]
    for thread in threads:
        thread.start()
    ready.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return Measured(name, time.perf_counter() - begun, times, refused)


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

    in_threads("", _shares(ids[:80], CLIENTS), take)
    return in_threads("bare guarded UPDATE, 8 threads", _shares(ids[80:], CLIENTS), take)


def _shares(items: Sequence[Any], number: int) -> list[Sequence[Any]]:
    return [items[start::number] for start in range(number)]


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

    in_threads("", _shares(work[: CLIENTS * 2], CLIENTS // PROCESSES), claim)
    start.wait()
    found = in_threads("", _shares(work[CLIENTS * 2 :], CLIENTS // PROCESSES), claim)
    answers.put((found.seconds, found.milliseconds))


def service(environ: dict[str, str], work: Sequence[tuple[Person, int]]) -> Measured:
    """claim_visit with all its rules, two processes of four threads as the web server has."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(PROCESSES), context.Queue()
    children = [
        context.Process(target=_serve, args=(environ, list(share), start, answers))
        for share in _shares(list(work), PROCESSES)
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


def over_http(port: int, work: Sequence[tuple[Person, int]]) -> Measured:
    """The second tap: POST with session, form token, rules, audit line and redirect."""
    local = threading.local()

    def press(item: tuple[Person, int]) -> bool:
        if not hasattr(local, "browser"):
            local.browser = Browser(port)
        person, visit_id = item
        local.browser.cookies = {"tanfang": person.cookie}
        local.browser.token = person.token
        return local.browser.post(f"/open-visits/{visit_id}/claim", {}).status == 303

    in_threads("", _shares(work[:160], CLIENTS), press)
    return in_threads("HTTP, gunicorn 2 x gthread", _shares(work[160:], CLIENTS), press)


# --- the two commands ------------------------------------------------------------------------------------


def bench(claims: int) -> int:
    """Bare, service and HTTP in one run; 1 when a goal of trust is missed."""
    with scratch("tanfang-bench-") as folder:
        environ = environment(folder, free_port(), WEB_CONCURRENCY=str(PROCESSES))
        settings = load_settings(environ)
        with running_servers(settings):
            tanfang(environ, "db", "upgrade")
            app = create_app(settings)
            with app.app_context():
                people, ids = make_street(app, people=200, visits=3 * claims + 400, in_an_hour=200)
                db.session.remove()
                db.engine.dispose()
            pairs = [(people[number % len(people)], visit_id) for number, visit_id in enumerate(ids)]
            first, second = claims + 80, 2 * claims + 200
            limit = bare(settings, ids[:first])
            inside = service(environ, pairs[first:second])
            web = WebServer(settings, environ)
            web.start()
            try:
                web.wait_ready(60)
                outside = over_http(settings.port, pairs[second:])
            finally:
                web.stop()
            with app.app_context():
                rows = db.session.scalar(select(func.count()).select_from(Claim))
                db.session.remove()
                db.engine.dispose()
            app.extensions["redis"].close()
    print(f"\nclaims, {CLIENTS} clients, {os.cpu_count()} cores, PostgreSQL durable; {rows} claims written")
    print(limit.line())
    print(inside.line(limit))
    print(outside.line(limit))
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


def race(rounds: int) -> int:
    """Fifty people for one visit, and one person pressing twenty times; 1 when a rule is broken."""
    wrong: list[str] = []
    times: list[float] = []
    statuses: Counter[int] = Counter()
    with scratch("tanfang-race-") as folder:
        environ = environment(folder, free_port(), WEB_CONCURRENCY=str(PROCESSES))
        settings = load_settings(environ)
        repeats = max(1, rounds // 4)
        with running_servers(settings):
            tanfang(environ, "db", "upgrade")
            app = create_app(settings)
            with app.app_context():
                people, ids = make_street(app, people=RACERS, visits=rounds + repeats, in_an_hour=1)
                db.session.remove()
                db.engine.dispose()
            web = WebServer(settings, environ)
            web.start()
            try:
                web.wait_ready(60)
                browsers = [
                    Browser(settings.port, cookies={"tanfang": one.cookie}, token=one.token) for one in people
                ]
                for number in range(rounds):
                    # Each round at an hour of its own, so that an earlier win does not stand in the way.
                    answers = _at_once(browsers, ids[number])
                    statuses.update(status for status, _seconds in answers)
                    times += [seconds * 1000 for _status, seconds in answers]
                    if Counter(status for status, _seconds in answers) != {303: 1, 409: RACERS - 1}:
                        wrong.append(f"round {number}: {Counter(status for status, _s in answers)}")
                for number in range(rounds, rounds + repeats):
                    same = [
                        Browser(settings.port, cookies={"tanfang": people[0].cookie}, token=people[0].token)
                        for _press in range(REPEATS)
                    ]
                    answers = _at_once(same, ids[number])
                    if any(status != 303 for status, _seconds in answers):
                        wrong.append(f"repeat {number}: {Counter(status for status, _s in answers)}")
            finally:
                web.stop()
            with app.app_context():
                rows = db.session.scalar(select(func.count()).select_from(Claim)) or 0
                doubled = db.session.scalar(
                    text(
                        "SELECT count(*) FROM (SELECT visit_id FROM claims GROUP BY 1 HAVING count(*) > 1) AS d"
                    )
                )
                db.session.remove()
                db.engine.dispose()
            app.extensions["redis"].close()
    found = Measured("", 1, times)
    if rows != rounds + repeats or doubled:
        wrong.append(f"{rows} claims for {rounds + repeats} visits, {doubled} doubled")
    if found.p(0.95) > RACE_P95_MS:
        wrong.append(f"p95 {found.p(0.95):.0f} ms (goal {RACE_P95_MS} ms)")
    print(
        f"\n{RACERS} people on one visit, {rounds} rounds: {dict(statuses)}; {rows} claims, {doubled} doubled"
    )
    print(f"answers p50 {found.p(0.5):.0f}, p95 {found.p(0.95):.0f}, longest {max(times):.0f} ms")
    print(f"one person, {REPEATS} presses, {repeats} rounds")
    print("as it should be" if not wrong else "wrong: " + "; ".join(wrong[:8]))
    return 1 if wrong else 0


def crowd(people: int = 500, visits: int = 200) -> int:
    """Everybody claims at once; 1 when a visit goes twice, somebody is over a limit or sees an error page."""
    with scratch("tanfang-crowd-") as folder:
        environ = environment(folder, free_port(), WEB_CONCURRENCY=str(PROCESSES), TANFANG_RATE_LIMITS="off")
        settings = load_settings(environ)
        with running_servers(settings):
            tanfang(environ, "db", "upgrade")
            app = create_app(settings)
            with app.app_context():
                crowd_of, ids = make_street(app, people, visits, in_an_hour=25, rules=NARROW)
                db.session.remove()
                db.engine.dispose()
            web = WebServer(settings, environ)
            web.start()
            try:
                web.wait_ready(60)
                statuses, times = _everybody(settings.port, crowd_of, ids)
            finally:
                web.stop()
            with app.app_context():
                found = db.session.execute(text(_OVER), {"open": NARROW["open_at_once"]}).one()
                lost = db.session.scalar(
                    text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
                )
                db.session.remove()
                db.engine.dispose()
            app.extensions["redis"].close()
    measured = Measured("", 1, times)
    wrong = [f"{status} answered {n} times" for status, n in statuses.items() if status not in (303, 409)]
    wrong += [f"{name}: {n}" for name, n in found._mapping.items() if name.startswith("wrong") and n]
    print(f"\n{people} people, {visits} visits, {len(times)} presses at once: {dict(statuses)}")
    print(
        f"{found.claimed} visits claimed, {found.waiting} places in line,"
        f" {lost} deadlocks seen by PostgreSQL, each done again"
    )
    print(f"answers p50 {measured.p(0.5):.0f}, p95 {measured.p(0.95):.0f}, longest {max(times):.0f} ms")
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


def _everybody(port: int, people: Sequence[Person], ids: Sequence[int]) -> tuple[Counter[int], list[float]]:
    """Each person presses four claims and one place in line, all people in the same moment."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    lock = threading.Lock()
    start = threading.Barrier(len(people))

    def press(turn: int) -> None:
        browser = Browser(port, cookies={"tanfang": people[turn].cookie}, token=people[turn].token)
        start.wait()
        for step in range(5):
            visit = ids[(turn + step * 37) % len(ids)]
            answer = browser.post(f"/open-visits/{visit}/{'claim' if step < 4 else 'queue'}", {})
            with lock:
                statuses[answer.status] += 1
                times.append(answer.seconds * 1000)

    threads = [threading.Thread(target=press, args=(turn,)) for turn in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, times


def _at_once(browsers: Sequence[Browser], visit_id: int) -> list[tuple[int, float]]:
    """Everybody presses in the same moment."""
    answers: list[tuple[int, float]] = []
    start = threading.Barrier(len(browsers))

    def press(browser: Browser) -> None:
        start.wait()
        answer = browser.post(f"/open-visits/{visit_id}/claim", {})
        answers.append((answer.status, answer.seconds))

    threads = [threading.Thread(target=press, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("bench", "race", "crowd"))
    parser.add_argument("--claims", type=int, default=2000, help="claims of each measurement")
    parser.add_argument("--rounds", type=int, default=200, help="rounds of the race")
    chosen = parser.parse_args(arguments)
    if chosen.what == "crowd":
        return crowd()
    return bench(chosen.claims) if chosen.what == "bench" else race(chosen.rounds)


if __name__ == "__main__":
    sys.exit(main())
