"""A site of its own with a street in it, for one measurement; everything is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask

from benchmarks.claims.street import WIDE, Person, make_street
from benchmarks.site import environment, free_port, scratch, tanfang
from coordinator.app import create_app
from coordinator.cli import running_servers
from coordinator.config import Settings, load_settings
from coordinator.extensions import db
from coordinator.supervise import WebServer

PROCESSES = 2


@dataclass
class Venue:
    """The street's people and visits, and the site that knows them."""

    app: Flask
    settings: Settings
    environ: dict[str, str]
    people: list[Person]
    visits: list[int]

    @contextmanager
    def database(self) -> Iterator[None]:
        """Within it the session can be used."""
        with _session(self.app):
            yield

    @contextmanager
    def web(self) -> Iterator[int]:
        """gunicorn as in production; its port."""
        web = WebServer(self.settings, self.environ)
        web.start()
        try:
            web.wait_ready(60)
            yield self.settings.port
        finally:
            web.stop()


@contextmanager
def venue(
    name: str, *, people: int, visits: int, in_an_hour: int, rules: dict[str, int] = WIDE
) -> Iterator[Venue]:
    """The street of `make_street` on embedded servers; no web server yet."""
    with scratch(f"tanfang-{name}-") as folder:
        environ = environment(folder, free_port(), WEB_CONCURRENCY=str(PROCESSES))
        settings = load_settings(environ)
        with running_servers(settings):
            tanfang(environ, "db", "upgrade")
            app = create_app(settings)
            with _session(app):
                found, ids = make_street(app, people, visits, in_an_hour, rules)
            yield Venue(app, settings, environ, found, ids)
            app.extensions["redis"].close()


@contextmanager
def _session(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.remove()
        db.engine.dispose()
