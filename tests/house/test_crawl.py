"""Every page that can be reached by links, as each role: valid, titled, guarded, in Chinese, and cheap."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest
from bs4 import BeautifulSoup, NavigableString
from flask import Flask
from sqlalchemy import Connection, event
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from coordinator.kernel.access import Role
from tests.house import world as building
from tests.house.test_access import Visitor
from tests.house.world import World

MOST_PAGES = 150
# Of one kind of page (endpoint and names of what is asked for), so many are looked at.
MOST_OF_A_KIND = 2
MOST_QUERIES = 12
# Latin words that Chinese pages may show: names of formats, systems, programs and keys.
LATIN_WORDS = {
    *(
        "PDF",
        "xlsx",
        "xls",
        "ods",
        "csv",
        "WGS",
        "GCJ",
        "TOTP",
        "QR",
        "GPS",
        "MB",
        "Firefox",
        "English",
        "SMS",
    ),
    *("org", "example", "zhou", "min", "Enter", "Esc", "Ctrl"),
}
LATIN = re.compile(r"(?<![\w.-])[A-Za-z]{3,}(?![\w-])")
ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+|\w+://\S+")
ATTRIBUTES = ("title", "aria-label", "placeholder", "alt")
# Pages that take more queries, with what they need them for.
DEARER = {
    "home.index": 17,  # a supervisor: what is owed and the month of every area below
    "planning.month": 14,  # calendar, progress, loads, what is left, plans to choose from, earlier plans
    "planning.plan": 14,  # the same of one plan
    "visits.assign_people": 15,  # all that fitness asks of the candidates
    "visits.print_list": 14,  # the list, whom to ring, and the line that says it was printed
    "visits.due_item": 13,  # one obligation with its rules, contacts, wishes and planned visits
    "visits.elder_panel": 13,  # all obligations of an elder with the same
    # What is owed by everybody on the list, contacts and ticks, progress of the areas below.
    "visits.calls": 25,
    "visits.calls_on_paper": 22,
    # A small area's month is counted for the page itself: facts, contacts, earlier facts, rules.
    "supervision.coverage": 23,
    "supervision.elders": 18,
    "supervision.corrections": 22,
}


@dataclass
class Found:
    """What a walk has come across."""

    faults: list[str] = field(default_factory=list)
    seen: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    pages: int = 0


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """The statements sent meanwhile; savepoints are the tests' own.

    That the session is in use is noted once in a while by whichever page comes then: not counted.
    """
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO", "UPDATE user_sessions")):
            sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", note)


def links(page: BeautifulSoup, url: str) -> list[str]:
    """The addresses of this site that the page leads to by a click."""
    found = []
    for anchor in page.find_all("a", href=True):
        parts = urlsplit(str(anchor["href"]))
        if parts.scheme or parts.netloc or str(anchor["href"]).startswith("#"):
            continue
        path = parts.path or urlsplit(url).path
        found.append(f"{path}?{parts.query}" if parts.query else path)
    return found


def kind_of(app: Flask, url: str) -> tuple[Any, ...] | None:
    """Endpoint and names of the query; None for files and addresses that are no page."""
    parts = urlsplit(url)
    try:
        endpoint, _values = app.url_map.bind("localhost").match(parts.path, method="GET")
    except HTTPException:
        return ("", parts.path)
    return None if endpoint == "static" else (endpoint, *sorted(parse_qs(parts.query)))


def walk(app: Flask, visitor: Visitor, connection: Connection) -> Found:
    """Follow the links from the landing page, breadth first."""
    found = Found()
    waiting, known = ["/"], {"/"}
    while waiting and found.pages < MOST_PAGES:
        url = waiting.pop(0)
        kind = kind_of(app, url)
        if kind is None or found.seen[kind] >= MOST_OF_A_KIND:
            continue
        found.seen[kind] += 1
        found.pages += 1
        with counted(connection) as sent:
            answer = visitor.get(url)
        next_ones: list[str] = []
        if answer.status_code in (302, 303):
            next_ones = [answer.headers["Location"]]
        elif answer.status_code != 200:
            found.faults.append(f"{url}: {answer.status_code}")
        elif answer.mimetype == "text/html":
            page = BeautifulSoup(answer.text, "html.parser")
            found.faults += [f"{url}: {one}" for one in faults_of(answer, page)]
            if found.seen[kind] == 1:  # the strict parser takes its time
                found.faults += [f"{url}: {one}" for one in invalid(answer.text)]
            next_ones = links(page, url)
        if len(sent) > DEARER.get(str(kind[0]), MOST_QUERIES) and answer.mimetype == "text/html":
            found.faults.append(f"{url}: {len(sent)} queries")
        waiting += [one for one in dict.fromkeys(next_ones) if one not in known]
        known.update(next_ones)
    return found


def invalid(text: str) -> list[str]:
    """The first place where a page is not valid HTML."""
    parser = html5lib.HTMLParser(strict=True)
    try:
        parser.parse(text)
    except html5lib.html5parser.ParseError as problem:
        return [f"not valid HTML: {problem} {parser.errors[:1]}"]
    return []


def faults_of(answer: TestResponse, page: BeautifulSoup) -> Iterator[str]:
    """What is wrong with one page."""
    title = page.title.get_text(strip=True).split("·")[0].strip() if page.title else ""
    if not title:
        yield "no title"
    if page.html is None or page.html.get("lang") != "zh-CN":
        yield "no language"
    if len(page.find_all("h1")) != 1:
        yield f"{len(page.find_all('h1'))} headings of the first order"
    policy = answer.headers.get("Content-Security-Policy", "")
    nonce = re.search(r"script-src 'self' 'nonce-([\w-]{16,})'", policy)
    if nonce is None or "unsafe" in policy or "default-src 'none'" not in policy:
        yield f"weak content policy: {policy}"
    elif any(script.get("nonce") != nonce.group(1) for script in page.find_all("script")):
        yield "a script without the page's nonce"
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        yield "may be stored"
    words = {word for text in visible(page) for word in LATIN.findall(ADDRESS.sub(" ", text))}
    if words - LATIN_WORDS:
        yield f"English on a Chinese page: {sorted(words - LATIN_WORDS)}"
    ids = Counter(str(tag["id"]) for tag in page.find_all(id=True))
    if twice := [name for name, times in ids.items() if times > 1]:
        yield f"ids used twice: {twice}"
    for control in page.select("input:not([type=hidden]):not([type=submit]), select, textarea"):
        labelled = control.get("aria-label") or control.get("aria-labelledby") or control.find_parent("label")
        if not labelled and not page.find("label", attrs={"for": control.get("id") or "?"}):
            yield f"a control without a label: {control.get('name')}"


def visible(page: BeautifulSoup) -> Iterator[str]:
    """What people see or hear of a page."""
    for text in page.find_all(string=True):
        foreign = any(
            parent.name in ("script", "style", "template") or parent.get("translate") == "no"
            for parent in text.parents
        )
        if type(text) is NavigableString and not foreign:
            yield str(text)
    for tag in page.find_all(True):
        yield from (str(tag[name]) for name in ATTRIBUTES if tag.get(name))


@pytest.mark.parametrize("role", list(Role))
def test_pages(role: Role, world_app: Flask, world: World, sandbox: Connection) -> None:
    found = walk(world_app, Visitor(world_app, sandbox, world.home.users[role]), sandbox)
    assert not found.faults, "\n".join(["", *found.faults])
    assert found.pages >= 5


@pytest.mark.parametrize(
    "role", [Role.STREET_COORDINATOR, Role.SCHOOL_VERIFIER, Role.WORKER, Role.ADMINISTRATOR]
)
def test_queries_do_not_grow_with_rows(
    role: Role, world_app: Flask, world: World, sandbox: Connection
) -> None:
    """Each page without an object in its address takes as many queries for three times the rows."""
    visitor = Visitor(world_app, sandbox, world.home.users[role])
    urls = [url for url in plain_pages(world_app) if visitor.get(url).status_code == 200]
    before = {url: queries_of(visitor, sandbox, url) for url in urls}
    with world_app.app_context():
        building.grow(world.home)
    grown = {
        url: (before[url], after)
        for url in urls
        if (after := queries_of(visitor, sandbox, url)) > before[url]
    }
    assert not grown


def plain_pages(app: Flask) -> list[str]:
    """Addresses of pages without arguments."""
    return [
        str(rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint != "health.readyz"
    ]


def queries_of(visitor: Visitor, connection: Connection, url: str) -> int:
    with counted(connection) as sent:
        visitor.get(url)
    return len(sent)
