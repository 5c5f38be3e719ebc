"""People at work while parts of the site are killed, and the books that show whether anything was lost.

Each person claims and gives back an open visit, checks in at the next door and hands in its record, over and over,
over HTTP. Whatever is not answered is sent again with the same number (`client_uuid`) until it is, as the telephone
does; only what was answered counts as acknowledged. `audit` then compares that with the rows.

`python -m benchmarks.load PEOPLE VISITS` makes the street it works in; the site must not be running.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from benchmarks.site import Answer, Browser, environment, free_port, run_module
from coordinator.config import socket_dir
from coordinator.kernel.services import EmbeddedPostgres

PLANNED_ELDERS = 60
PLANNED_WORKERS = 6
VISIT = timedelta(minutes=1)
# The words a person reads while a server comes back; for a form, the button that sends it again.
AWAY = "系统暂时连不上"
SEND_AGAIN = "再送一次"
RECORD = {
    **dict.fromkeys(("family", "expression", "mobility", "reaction", "illness", "mood", "mind"), "same"),
    **dict.fromkeys(("hygiene", "home_hygiene", "indoor"), "same"),
    **dict.fromkeys(("gas", "heating", "power"), "safe"),
    "mode": "home",
    "family_visits": "yes",
    "care_given": "陪着说话，看了看燃气。",
    "satisfaction": "good",
    "elder_signed": "paper",
    "signed": "y",
}


# --- the street ------------------------------------------------------------------------------------------


@dataclass
class Person:
    """A worker of the load: today's visits to make, and visits of next month to claim."""

    username: str
    worker_id: int
    visits: list[int]
    openings: list[int]


@dataclass
class Street:
    """What the load and the drills need to know of the database."""

    password: str
    coordinator: str
    area_id: int
    people: list[Person]


def make_street(folder: Path, people: int, visits: int) -> Street:
    """Make the street in a process of its own; `visits` of today for each of `people` workers."""
    shown = run_module(environment(folder, free_port()), "benchmarks.load", str(people), str(visits))
    found = json.loads(shown.strip().splitlines()[-1])
    return Street(**(found | {"people": [Person(**one) for one in found["people"]]}))


def seed(people: int, visits: int) -> dict[str, Any]:
    """Fill the database: elders that a plan is made for, and workers of the load with visits of a minute each."""
    from sqlalchemy.dialects.postgresql import Range

    from coordinator.elders.models import Category, ElderCategory
    from coordinator.extensions import db
    from coordinator.kernel import clock
    from coordinator.kernel.access import Role
    from coordinator.visits.lifecycle import VisitState
    from coordinator.visits.models import Assignment, Visit
    from tests import factories

    tree = factories.make_area_tree()
    coordinator = factories.make_user(Role.STREET_COORDINATOR, tree.street)
    for number in range(PLANNED_ELDERS):
        place = (28.874 + number % 8 * 0.002, 105.434 + number // 8 * 0.002)
        home = factories.make_household(tree.community, latitude=place[0], longitude=place[1])
        born = clock.today().replace(year=clock.today().year - 86 + number % 3 * 8, day=1)
        elder = factories.make_elder(tree.community, home, birth_date=born)
        category = ElderCategory(elder_id=elder.id, category=Category.LIVING_ALONE, since=born)
        db.session.add(category)
    for _number in range(PLANNED_WORKERS):
        account = factories.make_user(Role.WORKER)
        factories.make_worker(tree.community, user_id=account.id)
    now, today = clock.now(), clock.today()
    begins = max(clock.at_local(today, 0), now - timedelta(minutes=150))
    begins = begins.replace(second=0, microsecond=0)
    last = min(clock.at_local(today + timedelta(days=1), 0) - VISIT, now + timedelta(minutes=50))
    fitting = min(visits, int((last - begins) / VISIT))
    made = []
    for _number in range(people):
        account = factories.make_user(Role.WORKER)
        worker = factories.make_worker(tree.community, user_id=account.id)
        elder = factories.make_elder(tree.community)
        given = []
        for order in range(fitting):
            starts = begins + order * VISIT
            visit = Visit(
                elder_id=elder.id,
                area_id=elder.area_id,
                state=VisitState.ASSIGNED,
                starts_at=starts,
                ends_at=starts + VISIT,
            )
            db.session.add(visit)
            db.session.flush()
            held = Range(starts, starts + VISIT)
            db.session.add(Assignment(visit_id=visit.id, worker_id=worker.id, during=held))
            given.append(visit.id)
        openings = []
        for order in range(3):
            starts = clock.at_local(today + timedelta(days=40 + 7 * order), 10 * 3600)
            opening = Visit(
                elder_id=elder.id,
                area_id=elder.area_id,
                starts_at=starts,
                ends_at=starts + timedelta(minutes=30),
            )
            db.session.add(opening)
            db.session.flush()
            openings.append(opening.id)
        made.append(
            {"username": account.username, "worker_id": worker.id, "visits": given, "openings": openings}
        )
    db.session.commit()
    return {
        "password": factories.PASSWORD,
        "coordinator": coordinator.username,
        "area_id": tree.street.id,
        "people": made,
    }


# --- the load --------------------------------------------------------------------------------------------


@dataclass
class Books:
    """What was acknowledged, and what went wrong on the way. Written by all threads."""

    claims: Counter[tuple[int, int]] = field(default_factory=Counter)
    arrivals: set[tuple[int, int]] = field(default_factory=set)
    records: dict[int, UUID] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)
    away: int = 0
    unanswered: int = 0
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def acknowledged(self) -> int:
        """Claims, check-ins and records that were answered with yes."""
        return sum(self.claims.values()) + len(self.arrivals) + len(self.records)

    def since(self, moment: float) -> int:
        """How many were acknowledged after a moment of `time.monotonic`."""
        with self.lock:
            return sum(1 for one in self.moments if one > moment)


class Load:
    """Threads of people at work, from `start` until `stop`; each ends the step it is in.

    `breath` seconds between two visits of a thread keep the pace below what one worker process gets through
    (each record owes a job): the drills are about loss, not about a queue that only ever grows.
    """

    def __init__(self, port: int, street: Street, threads: int, breath: float = 0.8) -> None:
        self.breath = breath
        self.books = Books()
        self.street = street
        self.port = port
        self._stopping = threading.Event()
        shares = [street.people[number::threads] for number in range(threads)]
        self._threads = [threading.Thread(target=self._work, args=(share,), daemon=True) for share in shares]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 90) -> None:
        """:raises TimeoutError: a step did not end."""
        self._stopping.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise TimeoutError("a step of the load did not end")

    def wait_for(self, more: int, seconds: float, since: float | None = None) -> float:
        """Seconds until `more` were acknowledged after now, or after a moment of `time.monotonic`.

        :raises TimeoutError: not in time.
        """
        begun = time.monotonic() if since is None else since
        while time.monotonic() - begun < seconds:
            if self.books.since(begun) >= more:
                return time.monotonic() - begun
            time.sleep(0.02)
        raise TimeoutError(f"nobody got on within {seconds:.0f} s; faults: {self.books.faults[-3:]}")

    def _work(self, people: list[Person]) -> None:
        with ExitStack() as stack:
            browsers = [stack.enter_context(Browser(self.port)) for _person in people]
            for person, browser in zip(people, browsers, strict=True):
                self._patiently(lambda browser=browser, person=person: self._sign_in(browser, person))
            self._work_in(people, browsers)

    def _work_in(self, people: list[Person], browsers: list[Browser]) -> None:
        left = {person.worker_id: list(person.visits) for person in people}
        turn = 0
        while not self._stopping.is_set():
            person, browser = people[turn % len(people)], browsers[turn % len(people)]
            self._claim_and_withdraw(browser, person, person.openings[turn % len(person.openings)])
            if left[person.worker_id]:
                self._visit(browser, person, left[person.worker_id].pop(0))
            turn += 1
            self._stopping.wait(self.breath)

    def _sign_in(self, browser: Browser, person: Person) -> Answer:
        browser.cookies.clear()
        try:
            browser.sign_in(person.username, self.street.password)
        except RuntimeError as problem:
            raise OSError(str(problem)) from problem
        return Answer(303, "/", b"", 0.0)

    def _claim_and_withdraw(self, browser: Browser, person: Person, visit_id: int) -> None:
        page = f"/open-visits/{visit_id}"
        answer = self._patiently(lambda: browser.post(f"{page}/claim", {}))
        if not self._is(answer, 303, f"claim of {visit_id}"):
            return
        self._note(lambda: self.books.claims.update([(visit_id, person.worker_id)]))
        shown = self._patiently(lambda: browser.get(page))
        found = re.search(r"/claims/(\d+)/withdraw", shown.text)
        if found is None:
            self._fault(f"the page of {visit_id} shows no claim: {shown.status}")
            return
        answer = self._patiently(lambda: browser.post(f"/claims/{found.group(1)}/withdraw", {}))
        self._is(answer, 303, f"withdrawal of {found.group(1)}")

    def _visit(self, browser: Browser, person: Person, visit_id: int) -> None:
        place = {"latitude": "28.881", "longitude": "105.441", "accuracy": "20"}
        fields = {"client_uuid": str(uuid4()), **place}
        answer = self._patiently(lambda: browser.post(f"/today/{visit_id}/arrive", fields))
        if not self._is(answer, 303, f"check-in at {visit_id}"):
            return
        self._note(lambda: self.books.arrivals.add((visit_id, person.worker_id)))
        number = uuid4()
        record = {**RECORD, "client_uuid": str(number), **place}
        answer = self._patiently(lambda: browser.post(f"/today/{visit_id}/record", record))
        if self._is(answer, 303, f"record of {visit_id}"):
            self._note(lambda: self.books.records.update({visit_id: number}))

    def _note(self, write: Callable[[], Any]) -> None:
        with self.books.lock:
            write()
            self.books.moments.append(time.monotonic())

    def _is(self, answer: Answer, status: int, what: str) -> bool:
        if answer.status != status or "sign-in" in answer.location:
            self._fault(f"{what}: {answer.status} {answer.location} {_said(answer)}")
            return False
        return True

    def _fault(self, text: str) -> None:
        with self.books.lock:
            self.books.faults.append(text)

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """Ask until there is an answer other than 503; the 503 must say in words what to do."""
        while True:
            try:
                answer = ask()
            except OSError:
                with self.books.lock:
                    self.books.unanswered += 1
                time.sleep(0.1)
                continue
            if answer.status != 503:
                return answer
            with self.books.lock:
                self.books.away += 1
            if AWAY not in answer.text or not answer.retry_after:
                self._fault(f"503 without clear words: {_said(answer)}")
            time.sleep(0.1)


def _said(answer: Answer) -> str:
    words = re.sub(r"<(script|style|head).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return " ".join(words.split())[:200]


# --- the books -------------------------------------------------------------------------------------------


def connect(folder: Path) -> psycopg.Connection[tuple[Any, ...]]:
    """An autocommit connection to the embedded database of a running site."""
    sockets = socket_dir(folder)
    server = EmbeddedPostgres(folder / "pg", sockets, folder / "logs" / "postgresql.log")
    return server.connect("tanfang", "tanfang")


def audit(folder: Path, books: Books) -> list[str]:
    """What does not agree between the acknowledged acts and the rows; empty when nothing was lost, doubled or left
    half done. The load must have stopped and the owed jobs must have run."""
    with connect(folder) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        found: list[str] = []
        claims = {(visit, worker): n for visit, worker, n in rows(_CLAIMS)}
        for one in claims.keys() | books.claims.keys():
            if claims.get(one, 0) != books.claims[one]:
                found.append(f"claims of {one}: {books.claims[one]} acknowledged, {claims.get(one, 0)} rows")
        arrived = set(rows("SELECT visit_id, worker_id FROM presences WHERE kind = 'arrived'"))
        if arrived != books.arrivals:
            found.append(f"check-ins: {len(books.arrivals)} acknowledged, {len(arrived)} rows")
        records = dict(rows("SELECT visit_id, client_uuid FROM visit_records"))
        if records != books.records:
            found.append(f"records: {len(books.records)} acknowledged, {len(records)} rows")
        for what, query in _HALF.items():
            [[number]] = rows(query)
            if number:
                found.append(f"{what}: {number}")
    return found


_CLAIMS = "SELECT visit_id, worker_id, count(*) FROM claims GROUP BY 1, 2"
# Each act writes several rows in one transaction; one without the others would be half an act.
_HALF = {
    "claims that still wait": "SELECT count(*) FROM claims WHERE state = 'pending'",
    "claimed visits without a claim": "SELECT count(*) FROM visits WHERE state = 'claimed'",
    "claims without one audit line": """
        SELECT count(*) FROM claims c WHERE 1 <> (SELECT count(*) FROM audit_entries a
        WHERE a.object_type = 'claims' AND a.object_id = c.id AND a.action = 'claim.make')""",
    "withdrawals without one audit line": """
        SELECT count(*) FROM claims c WHERE 1 <> (SELECT count(*) FROM audit_entries a
        WHERE a.object_type = 'claims' AND a.object_id = c.id AND a.action = 'claim.withdraw')""",
    "check-ins without one audit line": """
        SELECT count(*) FROM presences p WHERE kind = 'arrived' AND 1 <> (SELECT count(*) FROM audit_entries a
        WHERE a.object_type = 'visits' AND a.object_id = p.visit_id AND a.action = 'presence.arrive')""",
    "records whose visit is not closed": """
        SELECT count(*) FROM visit_records r JOIN visits v ON v.id = r.visit_id
        WHERE v.state <> 'completed' OR v.contact_on IS NULL OR v.sequence IS NULL""",
    "closed visits without a record": """
        SELECT count(*) FROM visits v WHERE state = 'completed'
        AND NOT EXISTS (SELECT 1 FROM visit_records r WHERE r.visit_id = v.id)""",
    "closed visits whose worker has not left": """
        SELECT count(*) FROM visits v WHERE state = 'completed' AND 1 <> (SELECT count(*) FROM presences p
        WHERE p.visit_id = v.id AND p.kind = 'left')""",
    "closed visits whose worker still goes": """
        SELECT count(*) FROM visits v JOIN assignments a ON a.visit_id = v.id
        WHERE v.state = 'completed' AND a.state <> 'done'""",
    "visits under way": "SELECT count(*) FROM visits WHERE state = 'in_progress'",
    "records without one ledger line": """
        SELECT count(*) FROM visit_records r WHERE 1 <> (SELECT count(*) FROM hours_entries h
        WHERE h.visit_id = r.visit_id)""",
    "ledger lines without a record": """
        SELECT count(*) FROM hours_entries h
        WHERE NOT EXISTS (SELECT 1 FROM visit_records r WHERE r.visit_id = h.visit_id)""",
    "jobs not done": "SELECT count(*) FROM owed_jobs WHERE state <> 'done'",
}


def main() -> None:
    from coordinator.app import create_app
    from coordinator.cli import migrate_to_head, running_servers
    from coordinator.config import load_settings

    people, visits = int(sys.argv[1]), int(sys.argv[2])
    settings = load_settings()
    with running_servers(settings), create_app(settings).app_context():
        migrate_to_head()
        print(json.dumps(seed(people, visits)))


if __name__ == "__main__":
    main()
