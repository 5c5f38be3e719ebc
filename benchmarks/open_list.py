"""The open list of one worker among 5,000 open visits and 2,000 workers.

`make bench-open-list` (or `python -m benchmarks.open_list [--visits N] [--workers N] [--streets N] [--pages N]`):
an invented county on PostgreSQL of its own in a temporary folder. Workers set out from everywhere, walk, cycle or
drive, have visits already, wishes, and settings of their own. The page is asked for through the application's test
client, so that what is measured is everything but the network: session, rules, list, hints and HTML. All visits
lie in one street by default: the worst case, because a worker sees the visits of the own street only.

Printed are the milliseconds and the queries of a page (list and map), and beside them the work of it: processor
time of the page, and of PostgreSQL on average, which tell the page from a machine that is busy with other things.
Exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psutil
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text

from benchmarks.site import environment, free_port, scratch, tanfang
from coordinator.accounts.models import RoleGrant, User, UserSession
from coordinator.app import create_app
from coordinator.cli import running_servers
from coordinator.config import load_settings
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import Area, AreaLevel, create_area
from coordinator.workforce.models import Worker

P95_MS, MOST_QUERIES = 120, 12
CENTRE = (28.88, 105.44)
COMMUNITIES = 12
SPAN_DEGREES = 0.05  # a street of about 5 km from edge to edge
MADE = """
SELECT setseed(0.42);
INSERT INTO households (area_id, address, neighbourhood, latitude, longitude, helped_by, created_at)
SELECT c.id, '示例路' || n || '号', '示例片' || (n % 6), c.latitude + (random() - 0.5) * 0.014,
       c.longitude + (random() - 0.5) * 0.014, '{}', now()
  FROM generate_series(1, :visits) n
  JOIN (SELECT id, latitude, longitude, row_number() OVER (ORDER BY id) - 1 AS rank
          FROM areas WHERE level = 'community') c ON c.rank = n % :communities;
INSERT INTO elders (household_id, area_id, name, sex, birth_date, status, enrolled_on, ability_level, has_dementia,
                    health, is_self_caring, in_hardship, cares_for_impaired_child, economic_status,
                    lives_at_registered_address, is_rural_household, supported_at_home, minors_welcome,
                    needs_two_visitors, needs_skills, visit_minutes, visit_from, visit_until, source, external_ids,
                    version, created_at, updated_at, dialect, prefers_sex, cautions)
SELECT h.id, h.area_id, '陈秀英', CASE WHEN h.id % 2 = 0 THEN 'female' ELSE 'male' END, date '1940-01-01', 'active',
       date '2020-01-01', 0, false, 'good', true, false, false, 'none', true, false, false, h.id % 7 > 0,
       h.id % 12 = 0, '{}', 30, '08:30', '17:30', 'manual', '{}', 1, now(), now(),
       CASE WHEN h.id % 3 = 0 THEN '四川话' END, CASE WHEN h.id % 11 = 0 THEN 'female' END,
       CASE WHEN h.id % 5 = 0 THEN '楼道没有灯' END
  FROM households h;
INSERT INTO visits (elder_id, area_id, state, mode, starts_at, ends_at, people, needs_skills, is_statutory,
                    created_at)
SELECT e.id, e.area_id, 'open', CASE WHEN e.id % 10 = 0 THEN 'phone' ELSE 'home' END, one.at,
       one.at + interval '30 min', CASE WHEN e.id % 12 = 0 THEN 2 ELSE 1 END,
       CASE WHEN e.id % 15 = 0 THEN '{nursing}'::varchar[] ELSE '{}' END, true, now()
  FROM elders e
 CROSS JOIN LATERAL (SELECT CAST(:today AS timestamptz)
       + make_interval(days => 1 + (e.id % 20)::int, hours => 9 + (e.id * 7 % 8)::int,
                       mins => 15 * (e.id * 3 % 4)::int) AS at) one;
INSERT INTO workers (area_id, kind, status, name, sex, birth_date, travel_mode, start_latitude, start_longitude,
                     service_radius_metres, max_visits_day, max_visits_week, max_visits_month, dialects, wanted,
                     applied_at, approved_at, created_at, updated_at)
SELECT s.id, (ARRAY['volunteer', 'property_staff', 'courier', 'younger_senior'])[1 + n % 4], 'approved',
       '周敏' || n,
       CASE WHEN n % 3 = 0 THEN 'male' ELSE 'female' END, date '1970-01-01',
       (ARRAY['walk', 'bike', 'car'])[1 + n % 3], s.latitude + (random() - 0.5) * :span,
       s.longitude + (random() - 0.5) * :span, (ARRAY[1000, 2000, 3000, 5000])[1 + n % 4], 4, 12, 40,
       CASE WHEN n % 2 = 0 THEN '{四川话}'::varchar[] ELSE '{}' END,
       CASE WHEN n % 5 = 0 THEN '{home,alone}'::varchar[] WHEN n % 7 = 0 THEN '{known}'::varchar[] ELSE '{}' END,
       now(), now(), now(), now()
  FROM generate_series(1, :workers) n
  JOIN (SELECT id, latitude, longitude, row_number() OVER (ORDER BY id) - 1 AS rank
          FROM areas WHERE level = 'street') s ON s.rank = n % :streets;
INSERT INTO credentials (worker_id, kind, valid_from, valid_to)
SELECT w.id, needed, date '2020-01-01', date '2099-12-31'
  FROM workers w CROSS JOIN unnest(ARRAY['training', 'insurance', 'health_declaration', 'agreement']) needed;
INSERT INTO availability (worker_id, weekday, starts, ends)
SELECT w.id, day, '08:00', '18:00' FROM workers w CROSS JOIN generate_series(0, 6) day WHERE (w.id + day) % 7 > 1;
"""
# Two visits of every worker in the weeks to come and one made last week, to homes of the same street.
HELD = """
INSERT INTO visits (elder_id, area_id, state, mode, starts_at, ends_at, people, needs_skills, is_statutory,
                    created_at, contact_on, contact_mode, contact_outcome, closed_at, sequence)
SELECT h.elder_id, h.area_id, CASE WHEN h.turn = 0 THEN 'completed' ELSE 'assigned' END, 'home', h.at,
       h.at + interval '40 min', 1, '{}', true, now(), CASE WHEN h.turn = 0 THEN h.at::date END,
       CASE WHEN h.turn = 0 THEN 'home' END, CASE WHEN h.turn = 0 THEN 'completed' END,
       CASE WHEN h.turn = 0 THEN h.at END, CASE WHEN h.turn = 0 THEN h.worker_id END
  FROM held h;
INSERT INTO assignments (visit_id, worker_id, state, is_companion, during, approved_at)
SELECT v.id, h.worker_id, CASE WHEN h.turn = 0 THEN 'done' ELSE 'approved' END, false,
       tstzrange(v.starts_at, v.ends_at), now()
  FROM held h
  JOIN visits v ON v.elder_id = h.elder_id AND v.starts_at = h.at AND v.state IN ('assigned', 'completed');
"""


def make_county(visits: int, workers: int, streets: int) -> None:
    """Areas by the services, everything else by SQL."""
    city = create_area(
        AreaLevel.CITY, "示例市", create_area(AreaLevel.PROVINCE, "示例省"), policy_pack="luzhou"
    )
    county = create_area(AreaLevel.COUNTY, "示例区", city)
    for number in range(streets):
        middle = CENTRE[0] + number * 0.06, CENTRE[1]
        street = create_area(
            AreaLevel.STREET, f"示例{number}街道", county, latitude=middle[0], longitude=middle[1]
        )
        for place in range(COMMUNITIES):
            row, column = divmod(place, 4)
            create_area(
                AreaLevel.COMMUNITY,
                f"示例{number}-{place}社区",
                street,
                latitude=middle[0] + (row / 2 - 0.5) * SPAN_DEGREES * 0.7,
                longitude=middle[1] + (column / 3 - 0.5) * SPAN_DEGREES * 0.7,
            )
    given: dict[str, Any] = {
        "visits": visits,
        "workers": workers,
        "streets": streets,
        "communities": streets * COMMUNITIES,
        "span": SPAN_DEGREES,
        "today": clock.at_local(clock.today(), 0),
    }
    for statement in MADE.split(";\n"):
        if statement.strip():
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            db.session.execute(text(statement), used)
    _hold()
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _hold() -> None:
    chance = random.Random(42)
    places: dict[int, list[tuple[int, int]]] = {}
    for street, elder, area in db.session.execute(
        text("SELECT c.parent_id, e.id, e.area_id FROM elders e JOIN areas c ON c.id = e.area_id")
    ):
        places.setdefault(street, []).append((elder, area))
    db.session.execute(
        text(
            "CREATE TEMP TABLE held (worker_id bigint, elder_id bigint, area_id bigint, turn int, at timestamptz)"
            " ON COMMIT DROP"
        )
    )
    rows = []
    used: set[tuple[int, int, int]] = set()
    for worker_id, street in db.session.execute(select(Worker.id, Worker.area_id)):
        for turn, day in enumerate((-7, chance.randrange(1, 20), chance.randrange(1, 20))):
            elder, area = chance.choice(places[street])
            hour = 9 + 3 * turn
            if (elder, day, hour) in used:
                continue
            used.add((elder, day, hour))
            at = clock.at_local(clock.today() + timedelta(days=day), hour * 3600)
            rows.append({"w": worker_id, "e": elder, "a": area, "t": turn, "at": at})
    db.session.execute(text("INSERT INTO held VALUES (:w, :e, :a, :t, :at)"), rows)
    for statement in HELD.split(";\n"):
        if statement.strip():
            db.session.execute(text(statement))


def sign_in(app: Flask, number: int) -> list[FlaskClient]:
    """Test clients, each signed in as another worker."""
    clients = []
    now = clock.now()
    ids = db.session.scalars(select(Worker.id).order_by(Worker.id)).all()
    for worker_id in ids[:: max(1, len(ids) // number)][:number]:
        worker = db.session.get_one(Worker, worker_id)
        user = User(username=f"worker{worker_id}", name=worker.name, password_hash="!")  # noqa: S106  nobody signs in with it
        db.session.add(user)
        db.session.flush()
        worker.user_id = user.id
        token = secrets.token_urlsafe(16)
        db.session.add(RoleGrant(user_id=user.id, role=Role.WORKER))
        db.session.execute(
            insert(UserSession).values(
                user_id=user.id,
                token_hash=hashlib.sha256(token.encode()).digest(),
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(days=1),
            )
        )
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
        clients.append(client)
    db.session.commit()
    return clients


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def server_seconds() -> float:
    """Processor seconds so far of the PostgreSQL backends of this machine's embedded server, in steps of 10 ms."""
    spent = 0.0
    for (pid,) in db.session.execute(
        text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    ):
        used = psutil.Process(pid).cpu_times()
        spent += used.user + used.system
    db.session.remove()
    return spent


def at(milliseconds: Sequence[float], share: float) -> float:
    """A percentile."""
    ordered = sorted(milliseconds)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def measure(
    clients: Sequence[FlaskClient], path: str, pages: int
) -> tuple[list[float], list[float], list[int], int]:
    """Milliseconds, milliseconds of this process alone (without PostgreSQL and waiting for a core) and queries of
    each request, and the bytes of the last page. The first one of all is left out: it compiles the templates."""
    times, own, queries, size = [], [], [], 0
    for number in range(pages + 1):
        client = clients[number % len(clients)]
        with counted() as sent:
            begun, at_work = time.perf_counter(), time.process_time()
            answer = client.get(path)
            worked = (time.process_time() - at_work) * 1000
            spent = (time.perf_counter() - begun) * 1000
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        size = len(answer.data)
        if number:
            times.append(spent)
            own.append(worked)
            queries.append(sum(not one.startswith("UPDATE user_sessions") for one in sent))
    return times, own, queries, size


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the county, ask for the pages, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--visits", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2_000)
    parser.add_argument(
        "--streets", type=int, default=1, help="streets the visits and workers are spread over"
    )
    parser.add_argument("--pages", type=int, default=150, help="requests of each kind")
    chosen = parser.parse_args(arguments)
    missed = []
    with scratch("tanfang-open-list-") as folder:
        environ = environment(folder, free_port())
        settings = load_settings(environ)
        with running_servers(settings):
            tanfang(environ, "db", "upgrade")
            app = create_app(settings)
            with app.app_context():
                make_county(chosen.visits, chosen.workers, chosen.streets)
                clients = sign_in(app, 50)
                areas = db.session.query(Area).count()
                db.session.remove()
            print(
                f"{chosen.visits} open visits, {chosen.workers} workers, {chosen.streets} street(s), {areas} areas,"
                f" {clock.today()}"
            )
            for name, path in (("list", "/open-visits"), ("map", "/open-visits?view=map")):
                with app.app_context():
                    before = server_seconds()
                    times, own, queries, size = measure(clients, path, chosen.pages)
                    server = (server_seconds() - before) * 1000 / (chosen.pages + 1)
                    db.session.remove()
                line = (
                    f"{name:<6} p50 {at(times, 0.5):6.1f}  p95 {at(times, 0.95):6.1f}  longest {max(times):6.1f} ms"
                    f"  work: page p50 {at(own, 0.5):.0f}, p95 {at(own, 0.95):.0f}, PostgreSQL {server:.0f} ms"
                    f"   {min(queries)}–{max(queries)} queries   {size / 1024:.0f} kB"
                )
                print(line)
                if at(times, 0.95) > P95_MS:
                    missed.append(f"{name}: p95 {at(times, 0.95):.0f} ms (goal {P95_MS})")
                if max(queries) > MOST_QUERIES:
                    missed.append(f"{name}: {max(queries)} queries (goal {MOST_QUERIES})")
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
            app.extensions["redis"].close()
    print("as it should be" if not missed else "missed: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
