"""`/healthz` and `/readyz`, for supervisors and load balancers. No sign-in, and nothing about the data."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from socket import gethostname
from time import monotonic
from urllib.parse import urlsplit

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify
from psutil import pid_exists
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.worker import BaseWorker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from coordinator.config import Settings
from coordinator.extensions import db
from coordinator.kernel import clock
from coordinator.kernel.access import Permission, requires

bp = Blueprint("health", __name__)

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
# A worker says at least every 60 s that it lives (`coordinator.worker`); silent for longer it is gone.
WORKER_SILENT_AFTER = timedelta(seconds=90)
ROADS_TIMEOUT = 0.5
ROADS_SECONDS = 15.0
_roads: dict[str, tuple[float, str]] = {}
"""Address → until when it holds, and what was found; in this process."""


@bp.get("/healthz")
@requires(Permission.PUBLIC)
def healthz() -> Response:
    """200 while the process lives."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
@requires(Permission.PUBLIC)
def readyz() -> tuple[Response, int]:
    """200 when database, queue and schema can serve, else 503 with the failing part.

    Having no worker is shown, not failed: pages, claims and records go on, owed jobs wait in the database. So is a
    road engine that is away, where one is set: travel times are estimates then. So are codes to telephones that are
    held back because too many were sent.
    """
    settings: Settings = current_app.extensions["settings"]
    database, migrations = _database()
    queue, workers = _queue(current_app.extensions["redis"])
    demo = demo_state(settings)
    codes = {"codes": code_state(settings)} if settings.sms is not None else {}
    roads = {"roads": road_state(settings.road_engines)} if settings.road_engines else {}
    answer = jsonify(
        database=database, queue=queue, workers=workers, migrations=migrations, demo=demo, **codes, **roads
    )
    ready = database == "ok" and queue == "ok" and migrations == "head" and demo != "failed"
    return answer, 200 if ready else 503


def code_state(settings: Settings) -> str:
    """Of the codes that may be sent in an hour or a day: `ok`, `near` (four fifths), `held` (all), `unknown`."""
    now = clock.now()
    # Codes belong to a later feature; its table is named, not imported.
    statement = text(
        "SELECT count(*) FILTER (WHERE sent_at > :hour), count(*) FROM phone_codes"
        " WHERE sent_at > :day AND sent_at <= :now"
    )
    times = {"hour": now - timedelta(hours=1), "day": now - timedelta(days=1), "now": now}
    try:
        sent = db.session.execute(statement, times).one()
    except SQLAlchemyError:
        db.take_back()
        return "unknown"
    share = max(sent[0] / settings.codes_hour, sent[1] / settings.codes_day)
    return "held" if share >= 1 else "near" if share >= 0.8 else "ok"


def _database() -> tuple[str, str]:
    """State of the database and of its schema: `head`, `behind` or `unknown`."""
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if not connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
                return "ok", "behind"
            found = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        return "failed", "unknown"
    return "ok", "head" if found == schema_heads() else "behind"


@cache
def schema_heads() -> frozenset[str]:
    """The newest revision this code brings."""
    return frozenset(ScriptDirectory(str(MIGRATIONS)).get_heads())


def _queue(connection: Redis) -> tuple[str, int]:
    try:
        connection.ping()
        return "ok", count_workers(connection)
    except RedisError:
        return "failed", 0


def count_workers(connection: Redis) -> int:
    """How many workers have given a sign of life lately."""
    since = datetime.now(UTC) - WORKER_SILENT_AFTER
    return sum(1 for worker in Worker.all(connection=connection) if _lives(worker, since))


def _lives(worker: BaseWorker, since: datetime) -> bool:
    beat = worker.last_heartbeat
    if beat is None or (beat if beat.tzinfo else beat.replace(tzinfo=UTC)) < since:
        return False
    # On this machine a killed worker is known at once.
    return worker.hostname != gethostname() or worker.pid is None or bool(pid_exists(worker.pid))


def road_state(engines: Mapping[str, str]) -> dict[str, str]:
    """`ok` or `away` for the road engine of each mode; looked at every `ROADS_SECONDS` at most."""
    now = monotonic()
    for url in set(engines.values()):
        if _roads.get(url, (0.0, ""))[0] <= now:
            _roads[url] = now + ROADS_SECONDS, "ok" if _answers(url) else "away"
    return {mode: _roads[url][1] for mode, url in engines.items()}


def _answers(url: str) -> bool:
    """Whether an engine answers a question about no real place; that it knows no road there is an answer, too."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=ROADS_TIMEOUT)
    try:
        line.request("GET", parts.path.rstrip("/") + "/table/v1/foot/0.00000,0.00000;0.00000,0.00000")
        return line.getresponse().status in (200, 400)
    except (OSError, HTTPException):
        return False
    finally:
        line.close()


def demo_state(settings: Settings) -> str | None:
    """`loading`, `ready` or `failed` as the supervisor noted it; None without the demo."""
    if not settings.demo:
        return None
    try:
        return settings.demo_state_file.read_text().strip() or "loading"
    except FileNotFoundError:
        return "loading"
