"""What is owed in a county: how long the nightly run takes and how fast the pages are.

`make bench-due` (or `python -m benchmarks.due [--elders N] [--pack NAME]`): an invented county with 50 streets
and 500 communities, 100,000 elders with mixed categories, wishes and certificates, and a year of contacts, on
PostgreSQL of its own in a temporary folder, synchronising to disk as in production. Measured are the nightly run
(in a process of its own), the county's and a street's pages (the first request of a process by itself), one change
until the page is right, and 5,000 changes at once. Exit code 1 when the county's page takes more than a second.
"""

from __future__ import annotations

import contextvars
import hashlib
import importlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Role
from coordinator.kernel.areas import AreaLevel, create_area

if TYPE_CHECKING:
    from flask import Flask

    from coordinator.config import Settings

machine = importlib.import_module("benchmarks.import")  # its servers, and a step in a process of its own

TODAY = date(2026, 6, 26)
NOW = datetime(2026, 6, 26, 2, 0, tzinfo=UTC)
STREETS, COMMUNITIES, GRIDS = 50, 10, 2
COUNTY_PAGE_SECONDS = 1.0
STREET_PAGE_SECONDS = 0.6
# PostgreSQL keeps up with what autovacuum would do in the quiet hours between.
ANALYZE = "VACUUM ANALYZE"

ELDERS = """
INSERT INTO households (area_id, grid_id, address, neighbourhood, helped_by, created_at)
SELECT c.id, g.id, '示例路' || n || '号', '示例片', '{}', now()
  FROM generate_series(1, :homes) n
  JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS rank FROM areas WHERE level = 'community') c
    ON c.rank = n % :communities
  JOIN (SELECT id, parent_id, row_number() OVER (PARTITION BY parent_id ORDER BY id) - 1 AS rank
          FROM areas WHERE level = 'grid') g
    ON g.parent_id = c.id AND g.rank = (n / :communities) % :grids;

INSERT INTO elders (household_id, area_id, name, sex, birth_date, status, enrolled_on, left_on, ability_level,
                    has_dementia, health, is_self_caring, in_hardship, upheaval_until, cares_for_impaired_child,
                    economic_status, lives_at_registered_address, is_rural_household, supported_at_home,
                    minors_welcome, needs_two_visitors, needs_skills, visit_minutes, visit_from, visit_until,
                    source, external_ids, version, created_at, updated_at)
SELECT h.id, h.area_id,
       substr('陈李王张刘周吴郑赵钱孙冯蒋沈韩杨朱秦许何', 1 + (n * 7) % 20, 1)
           || substr('秀英芳兰珍梅华明国建德文玉淑桂琴荣福贵春', 1 + (n * 11) % 20, 1)
           || substr('秀英芳兰珍梅华明国建德文玉淑桂琴荣福贵春', 1 + (n / 20) % 20, 1),
       CASE WHEN n % 2 = 0 THEN 'female' ELSE 'male' END,
       date '1930-01-01' + (random() * 365 * 34)::int,
       CASE WHEN n % 50 = 0 THEN 'deceased' ELSE 'active' END,
       CASE WHEN n % 40 = 1 THEN :today - 10 ELSE :today - 400 - n % 900 END,
       CASE WHEN n % 50 = 0 THEN :today - n % 300 END,
       CASE WHEN n % 9 = 0 THEN 1 + n % 4 ELSE 0 END, n % 70 = 0,
       CASE WHEN n % 5 = 0 THEN 'poor' ELSE 'good' END, n % 11 > 0, n % 13 = 0,
       CASE WHEN n % 17 = 0 THEN :today + n % 60 - 30 END, n % 97 = 0,
       CASE n % 10 WHEN 1 THEN 'destitute' WHEN 2 THEN 'low_income' WHEN 3 THEN 'low_income_marginal'
                   ELSE 'none' END,
       true, n % 3 = 0, false, true, false, '{}', 30, '08:30', '17:30', 'manual', '{}', 1, now(), now()
  FROM generate_series(1, :elders) n
  JOIN households h
    ON h.id = (SELECT min(id) FROM households) + CASE WHEN n <= :homes THEN n - 1 ELSE n - :homes - 1 END;

INSERT INTO elder_categories (elder_id, category, source, since)
SELECT id, (ARRAY['living_alone', 'empty_nest', 'left_behind', 'kinless', 'special_family'])[1 + id % 5], 'manual',
       enrolled_on FROM elders WHERE id % 10 < 9;
INSERT INTO elder_categories (elder_id, category, source, since)
SELECT id, 'living_alone', 'manual', enrolled_on FROM elders WHERE id % 5 IN (1, 2) AND id % 3 = 0;
INSERT INTO disability_certificates (elder_id, grade, valid_to)
SELECT id, 1 + id % 4, CASE WHEN id % 3 > 0 THEN :today + (id % 900)::int - 100 END FROM elders WHERE id % 8 = 0;
INSERT INTO consents (elder_id, kind, state, given_by, given_on, channel, note, recorded_at)
SELECT id, 'service', CASE WHEN id % 30 = 0 THEN 'refused' WHEN id % 20 = 1 THEN 'remote_only' ELSE 'accepted' END,
       'self', enrolled_on, 'phone', 'x', now() FROM elders WHERE id % 4 > 0;
INSERT INTO consents (elder_id, kind, state, given_by, given_on, channel, note, recorded_at)
SELECT id, 'home', CASE WHEN id % 25 = 0 THEN 'refused' ELSE 'granted' END, 'self', enrolled_on, 'phone', 'x', now()
  FROM elders WHERE id % 3 > 0;
"""
# A month of contacts: every elder once or twice, some only reached by telephone, some not at all.
CONTACTS = """
INSERT INTO visits (elder_id, area_id, state, mode, starts_at, ends_at, people, needs_skills, is_statutory,
                    contact_on, contact_mode, contact_outcome, sequence, closed_at, created_at)
SELECT e.id, e.area_id, CASE WHEN one.missed THEN 'not_met' ELSE 'completed' END, one.mode, one.at,
       one.at + interval '30 min', 1, '{}', true, one.at::date, one.mode,
       CASE WHEN one.missed THEN 'no_answer' ELSE 'completed' END, 1000 * :month + one.n, one.at, one.at
  FROM elders e
 CROSS JOIN LATERAL (
       SELECT n, n % 7 = 0 AS missed, CASE WHEN (e.id + n) % 5 = 0 THEN 'phone' ELSE 'home' END AS mode,
              :first + make_interval(days => (((e.id * 13 + n * 14 + :month) % :days))::int, hours => 2) AS at
         FROM generate_series(0, CASE WHEN (e.id + :month) % 10 = 0 THEN -1 ELSE (e.id % 2)::int END) n) one
 WHERE one.at::date >= e.enrolled_on AND one.at::date <= :today AND (e.left_on IS NULL OR one.at::date < e.left_on)
"""


def build(settings: Settings, elders: int, pack: str) -> dict[str, int]:
    """The county; returns ids and counts."""
    import flask_migrate

    from coordinator.app import create_app

    with create_app(settings).app_context():
        clock.freeze(NOW)
        flask_migrate.upgrade(directory=str(machine.ROOT / "coordinator" / "migrations"))
        province = create_area(AreaLevel.PROVINCE, "示例省")
        city = create_area(AreaLevel.CITY, "示例市", province, policy_pack=pack)
        county = create_area(AreaLevel.COUNTY, "示例区", city)
        street = None
        for number in range(STREETS):
            street = create_area(
                AreaLevel.STREET, f"示例{number + 1}街道", county, latitude=28.88, longitude=105.44
            )
            for part in range(COMMUNITIES):
                community = create_area(AreaLevel.COMMUNITY, f"示例{part + 1}社区", street)
                for grid in range(GRIDS):
                    create_area(AreaLevel.GRID, f"第{grid + 1}网格", community)
        db.session.commit()
        db.session.execute(text("SELECT setseed(0.5)"))
        homes = elders * 9 // 10
        given = {
            "homes": homes,
            "communities": STREETS * COMMUNITIES,
            "grids": GRIDS,
            "elders": elders,
            "today": TODAY,
        }
        for statement in ELDERS.split(";\n"):
            if statement.strip():
                names = {name: value for name, value in given.items() if f":{name}" in statement}
                db.session.execute(text(statement), names)
        db.session.commit()
        for month in range(12):
            first = (TODAY.replace(day=1) - timedelta(days=30 * month)).replace(day=1)
            last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            values = {
                "month": month,
                "first": datetime(first.year, first.month, 1, tzinfo=UTC),
                "days": last.day,
                "today": TODAY,
            }
            db.session.execute(text(CONTACTS), values)
            db.session.commit()
        vacuum()
        assert street is not None
        return {
            "county": county.id,
            "street": street.id,
            "community": db.session.execute(
                text("SELECT min(id) FROM areas WHERE parent_id = :id"), {"id": street.id}
            ).scalar_one(),
            "elders": db.session.execute(text("SELECT count(*) FROM elders")).scalar_one(),
            "visits": db.session.execute(text("SELECT count(*) FROM visits")).scalar_one(),
        }


def vacuum() -> None:
    """What autovacuum does in the quiet after the bulk."""
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(ANALYZE))


@contextmanager
def site(settings: Settings) -> Iterator[Flask]:
    """The application in this process, on the day of the measurement."""
    from coordinator.app import create_app

    app = create_app(replace(settings, second_factor=False))
    clock.freeze(NOW)
    try:
        with app.app_context():
            yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        clock.freeze(None)


def nightly(settings: Settings) -> dict[str, int]:
    """One nightly run; returns how many obligations are kept."""
    from coordinator.visits.jobs import recompute_owed

    with site(settings):
        db.session.execute(text("UPDATE owed_elders SET swept_on = NULL"))
        db.session.commit()
        recompute_owed()
        return {"obligations": db.session.execute(text("SELECT count(*) FROM owed_obligations")).scalar_one()}


def refresh_job(settings: Settings) -> dict[str, int]:
    """The job that computes what is marked; returns what is left."""
    from coordinator.visits.jobs import refresh_owed

    with site(settings):
        refresh_owed()
        return {"left": db.session.execute(text("SELECT count(*) FROM owed_stale")).scalar_one()}


def signed_in(app: Flask, role: Role, area_id: int) -> Any:
    """A browser of somebody with this role."""
    from coordinator.accounts.models import RoleGrant, User, UserSession

    token = secrets.token_urlsafe(16)
    user = User(username=secrets.token_hex(6), name="测量", password_hash="-")  # noqa: S106  nobody signs in with it
    db.session.add(user)
    db.session.flush()
    db.session.add(RoleGrant(user_id=user.id, role=role, area_id=area_id))
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            created_at=NOW,
            last_seen_at=NOW,
            expires_at=NOW + timedelta(days=30),
            second_factor_at=NOW,
        )
    )
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    return client


class Watch:
    """Seconds and queries of requests."""

    def __init__(self) -> None:
        self.queries = 0
        event.listen(db.engine, "before_cursor_execute", self._count)

    def _count(self, *_given: Any) -> None:
        self.queries += 1

    def get(self, client: Any, path: str) -> tuple[float, int, int]:
        """Seconds, queries, KiB of one request."""
        self.queries = 0
        begun = time.perf_counter()
        # A context of its own, as in production: nothing loaded before is at hand.
        answer = contextvars.Context().run(client.get, path)
        seconds = time.perf_counter() - begun
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        return seconds, self.queries, len(answer.data) // 1024


def pages(settings: Settings, ids: dict[str, int]) -> dict[str, tuple[float, float, int, int]]:
    """Each page: first request of this process, median of the following, queries, KiB."""
    found = {}
    with site(settings) as app:
        county = signed_in(app, Role.COUNTY_SUPERVISOR, ids["county"])
        street = signed_in(app, Role.STREET_COORDINATOR, ids["street"])
        watch = Watch()
        for name, client, path in (
            ("county: due", county, "/due"),
            ("county: a street", county, f"/due/areas?area={ids['street']}"),
            ("county: a community by grid", county, f"/due/areas?area={ids['community']}"),
            ("county: list of the overdue", county, "/due?status=overdue"),
            ("county: list, page 100", county, "/due?status=overdue&page=100"),
            ("county: list by name", county, "/due?status=overdue&sort=name"),
            ("county: list by last contact", county, "/due?status=overdue&sort=last"),
            ("county: list, one category", county, "/due?category=living_alone"),
            ("county: search", county, "/due?q=陈秀英"),
            ("street: due", street, "/due"),
            ("street: by area", street, "/due/areas"),
            ("street: desk figures", street, "/due-figures"),
        ):
            first, _queries, _kib = watch.get(client, path)
            later = [watch.get(client, path) for _turn in range(7)]
            seconds = sorted(one[0] for one in later)
            found[name] = (first, seconds[len(seconds) // 2], later[0][1], later[0][2])
    return found


def changes(settings: Settings, ids: dict[str, int]) -> dict[str, float]:
    """Seconds of the first page after changes of one elder, of 300, and of 5,000 (those are left to the job)."""
    found = {}
    with site(settings) as app:
        county = signed_in(app, Role.COUNTY_SUPERVISOR, ids["county"])
        watch = Watch()
        watch.get(county, "/due")
        for many in (1, 300, 5000):
            begun = time.perf_counter()
            db.session.execute(
                text(
                    "UPDATE elders SET ability_level = (ability_level + 1) % 5 WHERE id IN "
                    "(SELECT id FROM elders WHERE status = 'active' AND id % 10 > 0 ORDER BY id LIMIT :n)"
                ),
                {"n": many},
            )
            db.session.commit()
            found[f"{many} changed: the change"] = time.perf_counter() - begun
            found[f"{many} changed: county page"] = watch.get(county, "/due")[0]
    return found


def slowdown(settings: Settings) -> dict[str, float]:
    """What the marks cost who writes: 20,000 contacts in one statement, and one by one, with and without."""
    found: dict[str, float] = {}
    bulk = text(
        "INSERT INTO visits (elder_id, area_id, state, mode, starts_at, ends_at, people, needs_skills,"
        " is_statutory, contact_on, contact_mode, contact_outcome, sequence, closed_at, created_at)"
        " SELECT id, area_id, 'completed', 'phone', now(), now() + interval '5 min', 1, '{}', true, :today,"
        " 'phone', 'completed', 990000, now(), now() FROM elders ORDER BY id LIMIT :n OFFSET :skip"
    )
    with site(settings):
        for word, change in (("without", "DISABLE"), ("with", "ENABLE")):
            for table in ("visits", "elders"):
                db.session.execute(text(f"ALTER TABLE {table} {change} TRIGGER USER"))
            db.session.commit()
            runs = []
            for _turn in range(3):
                begun = time.perf_counter()
                db.session.execute(bulk, {"n": 20_000, "skip": 0, "today": TODAY})
                runs.append(time.perf_counter() - begun)
                db.session.rollback()
            found[f"20,000 contacts at once, {word} marks"] = min(runs)
            begun = time.perf_counter()
            for turn in range(1000):
                db.session.execute(bulk, {"n": 1, "skip": turn, "today": TODAY})
            found[f"1,000 contacts one by one, {word} marks"] = time.perf_counter() - begun
            db.session.rollback()
    return found


def main() -> int:
    options = machine.asked(__doc__)
    timed = machine.timed
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, pack {options.pack}")
    with machine.servers() as settings:
        ids = timed("build", lambda: build(settings, options.elders, options.pack))
        timed("nightly run, everything new", lambda: nightly(settings))
        machine.in_own_process(lambda: _vacuumed(settings))
        timed("nightly run, the next", lambda: nightly(settings))
        machine.in_own_process(lambda: _vacuumed(settings))
        print(f"\n{'page':34}{'first':>8}{'then':>9}{'queries':>9}{'KiB':>6}")
        measured, *_rest = machine.in_own_process(lambda: pages(settings, ids))
        for name, (first, then, queries, kib) in measured.items():
            print(f"{name:34}{first:6.2f} s{then:7.2f} s{queries:9}{kib:6}")
        print()
        for name, seconds in machine.in_own_process(lambda: changes(settings, ids))[0].items():
            print(f"{name:42}{seconds:8.3f} s")
        timed("job for 5,000 changed", lambda: refresh_job(settings))
        print()
        for name, seconds in machine.in_own_process(lambda: slowdown(settings))[0].items():
            print(f"{name:42}{seconds:8.3f} s")
    return report(measured)


def _vacuumed(settings: Settings) -> None:
    with site(settings):
        vacuum()


def report(measured: dict[str, tuple[float, float, int, int]]) -> int:
    """Say what broke a limit; returns the exit code."""
    limits = {"county: due": COUNTY_PAGE_SECONDS, "street: due": STREET_PAGE_SECONDS}
    code = 0
    for name, limit in limits.items():
        slowest = max(measured[name][:2])
        word = "within" if slowest <= limit else "OVER"
        print(f"{name}: {slowest:.2f} s, {word} the limit of {limit} s")
        code |= slowest > limit
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
