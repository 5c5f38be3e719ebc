"""Every part of a running site killed once while people work: `tanfang serve`, real servers, real restarts.

The long form, with many kills in random order, is `make drill-kill`; what is promised is in docs/reliability.md.
The tests run in order on one site; the last one compares what was acknowledged with the rows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.drill_kill import Drills, Found, prepare
from benchmarks.load import AWAY, SEND_AGAIN

PEOPLE, VISITS, THREADS = 4, 50, 2

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def drills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drills]:
    """A site with a street of its own, and people at work on it."""
    folder: Path = tmp_path_factory.mktemp("faults")
    (folder / "data").mkdir()
    site, street, load = prepare(folder, PEOPLE, VISITS, THREADS)
    try:
        load.start()
        load.wait_for(2, 60)
        yield Drills(site, street, load)
        load.stop()
    finally:
        site.stop()


@pytest.fixture
def clean(drills: Drills) -> Iterator[Callable[[], Found]]:
    """A fresh page of findings; nothing may stand on it at the end."""
    drills.found = Found()
    yield lambda: drills.found
    assert not drills.found.problems, drills.found.figures


def test_worker_killed_in_a_plan(drills: Drills, clean: Callable[[], Found]) -> None:
    """The page says that the run was cut, the owed job begins anew within 120 s, the plan is stored once."""
    with drills.site.browser() as browser:
        browser.sign_in(drills.street.coordinator, drills.street.password)
        drills.worker_in_a_plan(browser, hurry=True)


def test_postgres_killed_under_load(drills: Drills, clean: Callable[[], Found]) -> None:
    """People read that the system is away, in words; then it is back."""
    drills.postgres()


def test_queue_killed_and_emptied(drills: Drills, clean: Callable[[], Found]) -> None:
    """Claims and records go on; what the queue has forgotten runs all the same."""
    drills.queue()


def test_web_killed(drills: Drills, clean: Callable[[], Found]) -> None:
    drills.web()


def test_pages_while_the_database_is_away(drills: Drills, clean: Callable[[], Found]) -> None:
    """The same address again, or the whole form with what was typed; /readyz names the part, /healthz lives on."""
    site = drills.site
    person = drills.street.people[0]
    with site.browser() as browser:
        browser.sign_in(person.username, drills.street.password)
        postgres = site.part("postgres")
        assert postgres is not None
        with drills.supervisor_asleep():
            site.kill("postgres")
            page = browser.get("/today?from=here")
            form = browser.post("/today/1/record", {"care_given": "陪着说话", "password": "secret"})
            fragment = browser.get("/today", HX_Request="true")
            program = browser.get("/today", Accept="application/json")
            state = site.state()
            alive = browser.get("/healthz").status
    assert (page.status, form.status, fragment.status, program.status) == (503, 503, 503, 503)
    assert AWAY in page.text
    assert 'href="/today?from=here"' in page.text
    assert page.retry_after == "5"
    assert AWAY in form.text
    assert SEND_AGAIN in form.text
    assert 'value="陪着说话"' in form.text
    assert "secret" not in form.text
    assert AWAY in fragment.text
    assert "<html" not in fragment.text
    assert '"status":503' in program.text.replace(" ", "")
    assert (state["status"], state["database"], state["queue"]) == (503, "failed", "ok")
    assert alive == 200
    site.wait(site.ready, 60, "the database did not come back")


def test_nothing_is_lost_doubled_or_half_done(drills: Drills, clean: Callable[[], Found]) -> None:
    """Every acknowledged claim, check-in, record and ledger line is there once; the chains of the ledger hold."""
    drills.settle()
    assert len(drills.load.books.records) > 10
    log = drills.site.log.read_text()
    assert '"unexpected error"' not in log
    assert "database away" in log
