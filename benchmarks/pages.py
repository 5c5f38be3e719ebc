"""What a page costs: SQL queries, milliseconds on the server, size; and whether any of it grows with the rows.

`make bench-pages` (or `python -m benchmarks.pages [--requests N] [--clients N] [--full DIR --small DIR]`) loads
the demo twice, at 0.3 and at full size, each with the plan of a month, into embedded servers of its own. Every
page is asked for in this process (queries, milliseconds) and over HTTP from gunicorn with two processes. Exit
code 1 when a page needs more than 12 queries, needs more of them with more rows, or is larger than 60 KiB.

DIR: a data directory that holds the demo at that size already; it is kept.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, func, select

from benchmarks.site import TOKEN, Browser, environment, free_port, scratch, tanfang
from coordinator.app import create_app
from coordinator.cli import running_servers
from coordinator.config import load_settings
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.supervise import WebServer

if TYPE_CHECKING:
    from flask import Flask

MOST_QUERIES = 12
MOST_KIB = 60
SMALL = 0.3
PLAN_SECONDS = "15"
STREET = "滨河街道"
WARMING = 3
BUSY = "(the worker with most visits today)"
BIG = 10**6


@dataclass
class Page:
    """One page: who opens it, and what was found. `rows` counts what its list holds at full size."""

    name: str
    role: str
    path: str
    rows: int = 0
    queries: int = 0
    queries_small: int = 0
    inside: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    kib: float = 0.0

    def problems(self) -> list[str]:
        """What breaks a limit."""
        found = []
        if self.queries > MOST_QUERIES:
            found.append(f"{self.queries} queries")
        if self.queries > self.queries_small:
            found.append(f"queries grow with the rows: {self.queries_small} → {self.queries}")
        if self.kib > MOST_KIB:
            found.append(f"{self.kib:.0f} KiB")
        return found


def pages_of_demo() -> list[Page]:
    """The pages measured, with the addresses of this database."""
    from coordinator.elders.models import Elder
    from coordinator.fieldwork.models import VisitRecord
    from coordinator.hours.models import HoursEntry
    from coordinator.marketplace.models import Claim, ClaimState
    from coordinator.planning.models import Plan, PlanRoute, PlanStop
    from coordinator.visits.lifecycle import VisitState
    from coordinator.visits.models import Visit
    from coordinator.workforce.models import Worker

    def count(model: Any, *where: Any) -> int:
        return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0

    often = (
        select(Visit.elder_id).group_by(Visit.elder_id).order_by(func.count().desc(), Visit.elder_id).limit(1)
    )
    elder = db.session.scalar(often)
    made = select(Visit.id).where(Visit.state == VisitState.COMPLETED).order_by(Visit.id.desc()).limit(1)
    visit = db.session.scalar(made)
    record = db.session.scalar(select(func.max(VisitRecord.id)))
    plan = db.session.scalars(select(Plan).order_by(Plan.id.desc()).limit(1)).one()
    busiest = db.session.execute(
        select(PlanRoute.day, func.count())
        .join(PlanStop, PlanStop.route_id == PlanRoute.id)
        .where(PlanRoute.plan_id == plan.id)
        .group_by(PlanRoute.day)
        .order_by(func.count().desc(), PlanRoute.day)
        .limit(1)
    ).one()
    elders, lines, stops = count(Elder), count(HoursEntry), count(PlanStop, PlanStop.plan_id == plan.id)
    return [
        Page("elders", "street", "/elders", elders),
        Page("dossier", "street", f"/elders/{elder}", count(Visit, Visit.elder_id == elder)),
        Page("due", "street", "/due", elders),
        Page("due, one elder", "street", f"/due/elder/{elder}"),
        Page("workforce", "street", "/workforce", count(Worker)),
        Page("visits", "street", "/visits", count(Visit)),
        Page("one visit", "street", f"/visits/{visit}"),
        Page("records inbox", "street", "/records", count(VisitRecord)),
        Page("one record", "street", f"/records/{record}"),
        Page("approvals", "street", "/approvals", count(Claim, Claim.state == ClaimState.PENDING)),
        Page("hours", "street", "/hours/", lines),
        Page("month plan", "street", f"/planning/plans/{plan.id}", stops),
        Page("day plan", "street", f"/planning/plans/{plan.id}/days/{busiest[0]}", busiest[1]),
        Page("desk", "street", "/"),
        Page("school inbox", "school-college", "/hours/school", lines),
        Page("school students", "school-college", "/workforce/students"),
        Page("my day", BUSY, "/today"),
        Page("my visits", BUSY, "/my-visits"),
        Page("my hours", BUSY, "/hours/mine"),
        Page("open visits", "volunteer", "/open-visits", count(Visit, Visit.state == VisitState.OPEN)),
    ]


def busiest_worker(usernames: list[str]) -> str:
    """Who of these has the most visits today, then at all."""
    from coordinator.accounts.models import User
    from coordinator.visits.models import Assignment, Visit
    from coordinator.workforce.models import Worker

    begins = clock.at_local(clock.today(), 0)
    today = (Visit.starts_at >= begins) & (Visit.starts_at < begins + timedelta(days=1))
    found = db.session.scalar(
        select(User.username)
        .join(Worker, Worker.user_id == User.id)
        .join(Assignment, Assignment.worker_id == Worker.id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .where(User.username.in_(usernames))
        .group_by(User.username)
        .order_by(func.count().filter(today).desc(), func.count().desc(), User.username)
        .limit(1)
    )
    assert found is not None, "the demo has workers with visits"
    return found


# --- measuring -------------------------------------------------------------------------------------------


def load_demo(folder: Path, scale: float) -> None:
    """The demo at `scale` of its size, with the plan of next month."""
    print(f"loading the demo at {scale} …", file=sys.stderr, flush=True)
    environ = environment(folder, free_port())
    tanfang(environ, "db", "upgrade")
    tanfang(environ, "demo", "--no-plan", "--scale", str(scale))
    following = (clock.today().replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
    tanfang(environ, "plan", "month", "--area", STREET, "--month", following, "--seconds", PLAN_SECONDS)


def measure(folder: Path, requests: int, clients: int = 0) -> list[Page]:
    """Ask for every page `requests` times in this process and, with clients, over HTTP."""
    environ = environment(folder, free_port(), WEB_CONCURRENCY="2")
    settings = load_settings(environ)
    accounts = {
        one["username"]: one["password"] for one in json.loads(settings.demo_accounts_file.read_text())
    }
    with running_servers(settings):
        app = create_app(settings)
        try:
            with app.app_context():
                pages = pages_of_demo()
                busy = busiest_worker(list(accounts))
            names = {BUSY: (busy, accounts[busy])}
            roles = {page.role: names.get(page.role) or (page.role, accounts[page.role]) for page in pages}
            inside(app, pages, roles, requests)
        finally:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
            app.extensions["redis"].close()
        if clients:
            web = WebServer(settings, environ)
            web.start()
            try:
                web.wait_ready(60)
                outside(settings.port, pages, roles, requests, clients)
            finally:
                web.stop()
    return pages


def inside(app: Flask, pages: list[Page], roles: dict[str, tuple[str, str]], requests: int) -> None:
    """Queries, milliseconds and size, by the test client."""
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for role, (username, password) in roles.items():
        client = app.test_client()
        found = TOKEN.search(client.get("/accounts/sign-in").text)
        assert found is not None, "the sign-in page holds a form token"
        form = {"csrf_token": unescape(found.group(1)), "username": username, "password": password}
        if client.post("/accounts/sign-in", data=form).status_code != 303:
            raise RuntimeError(f"{username} was not signed in")
        for page in pages:
            if page.role != role:
                continue
            for _warming in range(WARMING):
                client.get(page.path)
            for _turn in range(requests):
                statements.clear()
                begun = time.perf_counter()
                answer = client.get(page.path)
                page.inside.append((time.perf_counter() - begun) * 1000)
                if answer.status_code != 200:
                    raise RuntimeError(f"{page.path}: {answer.status_code}")
                # Once a minute a query more notes that the session lives.
                page.queries = min(page.queries or BIG, len(statements))
            page.kib = len(answer.data) / 1024


def outside(
    port: int, pages: list[Page], roles: dict[str, tuple[str, str]], requests: int, clients: int
) -> None:
    """Milliseconds over HTTP, `clients` people at once on the same page."""
    browsers: dict[str, list[Browser]] = {role: [] for role in roles}
    for role, (username, password) in roles.items():
        for _person in range(clients):
            browser = Browser(port)
            browser.sign_in(username, password)
            browsers[role].append(browser)
    for page in pages:
        people = browsers[page.role]
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(_open, people, [page.path] * clients, [WARMING] * clients))
            each = math.ceil(requests / clients)
            for times in pool.map(_open, people, [page.path] * clients, [each] * clients):
                page.outside += times


def _open(browser: Browser, path: str, times: int) -> list[float]:
    found = []
    for _turn in range(times):
        answer = browser.get(path)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        found.append(answer.seconds * 1000)
    return found


# --- report ----------------------------------------------------------------------------------------------


def at(times: list[float], share: float) -> float:
    """The time that `share` of them do not exceed."""
    return sorted(times)[max(0, math.ceil(len(times) * share) - 1)] if times else math.nan


def report(pages: list[Page], clients: int) -> int:
    """Print the table; returns the exit code."""
    print(
        f"\nservers in this process (1 client) and gunicorn with 2 processes ({clients} clients), milliseconds\n"
    )
    print("page                 rows  queries  (at 0.3)   p50   p95  http p50  http p95    KiB")
    for one in pages:
        print(
            f"{one.name:<18} {one.rows or '':>6} {one.queries:>8} {one.queries_small:>9}"
            f" {at(one.inside, 0.5):>5.0f} {at(one.inside, 0.95):>5.0f}"
            f" {at(one.outside, 0.5):>9.0f} {at(one.outside, 0.95):>9.0f} {one.kib:>6.1f}"
        )
    broken = [(one, problem) for one in pages for problem in one.problems()]
    print()
    for page, problem in broken:
        print(f"over the limit: {page.name} ({page.path}): {problem}")
    if not broken:
        print(f"every page: at most {MOST_QUERIES} queries, not one more with more rows, {MOST_KIB} KiB")
    return 1 if broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=30, help="of each page")
    parser.add_argument("--clients", type=int, default=4, help="at once, over HTTP")
    parser.add_argument("--full", type=Path, help="data directory with the demo at full size")
    parser.add_argument("--small", type=Path, help=f"data directory with the demo at {SMALL}")
    options = parser.parse_args()
    with ExitStack() as stack:
        small = options.small or stack.enter_context(scratch("tanfang-pages-"))
        full = options.full or stack.enter_context(scratch("tanfang-pages-"))
        for folder, scale, given in ((small, SMALL, options.small), (full, 1.0, options.full)):
            if given is None:
                load_demo(folder, scale)
        before = measure(small, 2)
        pages = measure(full, options.requests, options.clients)
    for page, earlier in zip(pages, before, strict=True):
        page.queries_small = earlier.queries
    return report(pages, options.clients)


if __name__ == "__main__":
    sys.exit(main())
