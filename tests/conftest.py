"""Fixtures shared by all tests.

Real servers, started once per pytest process in a folder of their own: PostgreSQL (syncing off) and Valkey.
The schema comes from the migrations, once, into a template database that every other one is copied from.

Which to take:

* `app`, `client`, `db_session`: one transaction per test, rolled back at the end. `commit()` inside the code
  under test is a savepoint. Fast; for nearly everything.
* `committed_db`, `committed_client`, `worker_process`: a fresh database with real commits, for concurrency,
  jobs and anything that needs a second connection.
* `make_app`: an application with other settings on the committed database.
* `live_server` with `page`: gunicorn on a free port with a database of its own, for tests in a browser.
* `freeze`: stops the clock.

Connections to any address but this machine are refused.
"""

import contextvars
import dataclasses
import ipaddress
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.config import embedded_redis_url, socket_dir
from coordinator.kernel import clock
from coordinator.kernel.services import EmbeddedPostgres, EmbeddedQueue
from tests.serving import ROOT, Servers, WebProcess, WorkerProcess, free_port

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from playwright.sync_api import Browser, Page
    from redis import Redis
    from sqlalchemy.orm import scoped_session

MIGRATIONS = ROOT / "coordinator" / "migrations"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# --- rows in any order -----------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reverse-rows", action="store_true", help="give rows nobody ordered backwards")


@pytest.fixture(scope="session", autouse=True)
def row_order(request: pytest.FixtureRequest) -> None:
    """With `--reverse-rows`, rows come in the order a statement asks for and in no other (tests.reversing.py)."""
    if request.config.getoption("reverse_rows"):
        from tests.reversing import reverse_rows

        reverse_rows()


# --- only this machine -----------------------------------------------------------------------------------


class _LoopbackSocket(socket.socket):
    def connect(self, address: Any) -> None:
        self._refuse_outside(address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        self._refuse_outside(address)
        return super().connect_ex(address)

    def _refuse_outside(self, address: Any) -> None:
        if not isinstance(address, tuple):
            return  # a unix socket
        host = address[0]
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            self.close()
            raise RuntimeError(f"test tried to reach {host}: only this machine is allowed")


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """Close the network for the tests' own process; child processes get no outside address to begin with."""
    patch = pytest.MonkeyPatch()
    patch.setattr(socket, "socket", _LoopbackSocket)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """Pages in English read the catalogue as it is now."""
    from tools.catalogue import compile_stale

    compile_stale()


# --- servers, once per pytest process --------------------------------------------------------------------


@pytest.fixture(scope="session")
def bare_servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey without any schema."""
    folder = Path(tempfile.mkdtemp(prefix="tanfang-test-"))
    sockets = socket_dir(folder)
    servers = Servers(
        folder,
        EmbeddedPostgres(folder / "pg", sockets, folder / "logs" / "postgresql.log", durable=False),
        EmbeddedQueue(folder / "redis", sockets, folder / "logs" / "queue.log", durable=False),
    )
    try:
        servers.queue.start()
        servers.postgres.start()
        servers.queue.wait_ready()
        servers.postgres.wait_ready()
        servers.postgres.ensure_database("tanfang_template")
        yield servers
    finally:
        servers.queue.stop()
        servers.postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
        if sockets.parent != folder:
            shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(bare_servers: Servers) -> Servers:
    """The servers with the template database migrated to head."""
    import flask_migrate

    from coordinator.app import create_app
    from coordinator.extensions import db

    app = create_app(bare_servers.settings("tanfang_template"))
    with app.app_context():
        flask_migrate.upgrade(directory=str(MIGRATIONS))
        db.engine.dispose()
    return bare_servers


@pytest.fixture(scope="session")
def redis_server(bare_servers: Servers) -> Iterator["Redis"]:
    """A connection to the test Valkey."""
    from redis import Redis

    with Redis.from_url(embedded_redis_url(bare_servers.folder)) as connection:
        yield connection


# --- one transaction per test ----------------------------------------------------------------------------


def _use_isolated_client(app: "Flask") -> None:
    """Give every request of the test client an application context of its own, as in production.

    Flask reuses the test's context otherwise, and with it `g`, the signed-in user and the loaded objects.
    """
    from flask.testing import FlaskClient

    from coordinator.extensions import db

    class IsolatedClient(FlaskClient):
        def open(self, *args: Any, **kwargs: Any) -> Any:
            if self.preserve_context:  # `with client:` asks to keep the context for inspection
                return super().open(*args, **kwargs)
            from flask import has_app_context

            if has_app_context():
                db.session.flush()
            try:
                return contextvars.Context().run(super().open, *args, **kwargs)
            finally:
                if has_app_context():
                    db.session.expire_all()

    app.test_client_class = IsolatedClient


@pytest.fixture(scope="session")
def app(servers: Servers) -> Iterator["Flask"]:
    """The application on a database whose changes are rolled back after each test."""
    from coordinator.app import create_app
    from coordinator.extensions import db

    servers.postgres.create_database("tanfang_rolled_back", template="tanfang_template")
    app = create_app(servers.settings("tanfang_rolled_back"))
    _use_isolated_client(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def db_session(app: "Flask", redis_server: "Redis") -> Iterator["scoped_session[Session]"]:
    """`db.session` inside an application context; everything is rolled back at the end.

    Requests of `client` share the connection, so they see what the test has flushed. A constraint error
    poisons only the savepoint it happened in.
    """
    from coordinator.extensions import db

    with app.app_context():
        engine = db.engine
        connection = engine.connect()
        outer = connection.begin()
        engines = db._app_engines[app]  # Flask-SQLAlchemy's sessions take their bind from here only
        engines[None] = connection  # type: ignore[assignment]
        db.session.configure(join_transaction_mode="create_savepoint")
        try:
            yield db.session
        finally:
            db.session.remove()
            db.session.configure(join_transaction_mode="conditional_savepoint")
            engines[None] = engine
            outer.rollback()
            connection.close()
            redis_server.flushall()


@pytest.fixture
def client(app: "Flask", db_session: "scoped_session[Session]") -> "FlaskClient":
    """A browser without JavaScript, sharing the test's transaction."""
    return app.test_client()


# --- real commits ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def committed_app(servers: Servers) -> Iterator["Flask"]:
    """The application of `committed_db`."""
    from coordinator.app import create_app
    from coordinator.extensions import db

    app = create_app(servers.settings("tanfang_committed"))
    _use_isolated_client(app)
    yield app
    with app.app_context():
        db.engine.dispose()


def _fresh_database(servers: Servers, app: "Flask", name: str) -> None:
    """Put an empty copy of the schema in place of the database `name`.

    Copied rather than truncated: append-only tables refuse deletion, and rows a migration brings must stay.
    """
    from coordinator.extensions import db

    with app.app_context():
        db.engine.dispose()
    servers.postgres.drop_database(name)
    servers.postgres.create_database(name, template="tanfang_template")


@pytest.fixture
def committed_db(
    servers: Servers, committed_app: "Flask", redis_server: "Redis"
) -> Iterator["scoped_session[Session]"]:
    """`db.session` on a database made for this test; commits are real and seen by other connections."""
    from coordinator.extensions import db

    _fresh_database(servers, committed_app, "tanfang_committed")
    redis_server.flushall()
    with committed_app.app_context():
        yield db.session
        db.session.remove()
    redis_server.flushall()


@pytest.fixture
def committed_client(committed_app: "Flask", committed_db: "scoped_session[Session]") -> "FlaskClient":
    """A browser without JavaScript on the committed database."""
    return committed_app.test_client()


@pytest.fixture
def worker_process(
    servers: Servers, committed_app: "Flask", committed_db: "scoped_session[Session]"
) -> Iterator[WorkerProcess]:
    """A real RQ worker on the committed database, running when the test begins; it has `stop` and `start`."""
    log_file = servers.folder / "logs" / f"worker-{time.monotonic_ns()}.log"
    worker = WorkerProcess(servers.environment(servers.settings("tanfang_committed")), log_file)
    worker.start()
    try:
        worker.wait_ready(30)
        yield worker
    finally:
        worker.stop()


@pytest.fixture
def make_app(servers: Servers) -> Iterator[Callable[..., "Flask"]]:
    """`make_app(**settings)`: another application on the committed database, with other settings."""
    from coordinator.app import create_app
    from coordinator.extensions import db

    made: list[Flask] = []

    def make(**over: Any) -> "Flask":
        app = create_app(servers.settings("tanfang_committed", **over))
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        app.extensions["redis"].close()


# --- clock -----------------------------------------------------------------------------------------------


@pytest.fixture
def freeze() -> Iterator[Callable[[datetime], None]]:
    """`freeze(moment)` stops the clock of this process at an aware datetime."""
    yield clock.freeze
    clock.freeze(None)


# --- browser ---------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class LiveServer:
    """A web server for browser tests; `app` in the test's process is bound to the same database."""

    url: str
    app: "Flask"
    process: WebProcess


@pytest.fixture(scope="module")
def live_server(servers: Servers, redis_server: "Redis") -> Iterator[LiveServer]:
    """A running web server with an empty database of its own, one per test module."""
    from coordinator.app import create_app
    from coordinator.extensions import db

    port = free_port()
    settings = servers.settings(
        "tanfang_live", port=port, public_base_url=f"http://127.0.0.1:{port}", demo=True
    )
    app = create_app(settings)
    _fresh_database(servers, app, "tanfang_live")
    redis_server.flushall()
    log_file = servers.folder / "logs" / f"web-{port}.log"
    process = WebProcess(settings, servers.environment(settings), log_file)
    process.start()
    try:
        process.wait_ready(60)
        yield LiveServer(settings.public_base_url, app, process)
    finally:
        process.stop()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def queries(db_session: "Session") -> Iterator[list[str]]:
    """The statements sent meanwhile; savepoints are left out."""
    from tests.statements import statements

    with statements() as sent:
        yield sent


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Headless Chromium of this machine, with only this machine to talk to."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.fail("no Chromium found; install it with: sudo apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        flags = [
            *CHROMIUM_FLAGS,
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
        ]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A desktop page, 1440 × 900, Chinese; any console error or failed script fails the test at its end."""
    yield from _page(browser, width=1440, height=900)


@pytest.fixture
def phone(browser: "Browser") -> Iterator["Page"]:
    """A page on a 360 × 740 touch screen; otherwise like `page`."""
    yield from _page(browser, width=360, height=740, has_touch=True, is_mobile=True)


def _page(browser: "Browser", *, width: int, height: int, **options: Any) -> Iterator["Page"]:
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai", **options
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def heed(message: Any) -> None:
        # A refused form comes back as a page with 422, which Chromium reports although nothing is wrong.
        if message.type == "error" and "status of 422" not in message.text:
            problems.append(message.text)

    page.on("console", heed)
    yield page
    context.close()
    assert not problems, f"the browser reported: {problems}"
