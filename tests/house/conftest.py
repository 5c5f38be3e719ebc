"""The world of the house's tests: built once with real commits, walked through in transactions that are undone."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import Connection

from coordinator.app import create_app
from coordinator.extensions import db
from coordinator.kernel import clock
from tests.house import world as building
from tests.serving import Servers


@pytest.fixture(scope="session")
def world_app(servers: Servers) -> Iterator[Flask]:
    """The application on the world's database."""
    servers.postgres.create_database("tanfang_world", template="tanfang_template")
    app = create_app(servers.settings("tanfang_world"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def world(world_app: Flask) -> Iterator[building.World]:
    """The objects by id; nothing is loaded."""
    with world_app.app_context():
        made = building.build()
        db.session.remove()
    yield made
    clock.freeze(None)


@pytest.fixture
def sandbox(world_app: Flask, world: building.World) -> Iterator[Connection]:
    """The connection that all requests share; whatever they commit is undone at the end."""
    clock.freeze(building.NOW)
    with world_app.app_context():
        engine = db.engine
        connection = engine.connect()
        outer = connection.begin()
        engines = db._app_engines[world_app]
        engines[None] = connection  # type: ignore[assignment]
        db.session.configure(join_transaction_mode="create_savepoint")
    yield connection
    with world_app.app_context():
        db.session.remove()
        db.session.configure(join_transaction_mode="conditional_savepoint")
        engines[None] = engine
    outer.rollback()
    connection.close()
    clock.freeze(None)
