"""`tanfang`: the command line.

Each feature brings its commands in `coordinator/<feature>/cli.py`; they are loaded when asked for, so that
`--help` is quick, and a command is listed only when its feature is there. A command that needs the application
is wrapped in `flask.cli.with_appcontext`; the embedded servers are started for it when they are not running.

Exit codes: 0 done, 1 could not, 2 bad input.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import ScriptInfo, with_appcontext

from coordinator import __version__
from coordinator.config import Settings, SettingsError, load_settings
from coordinator.kernel.services import ServiceError

if TYPE_CHECKING:
    from flask import Flask

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_MIGRATION_LOCK = 7_300  # key of the advisory lock that lets one process migrate at a time


class CouldNot(click.ClickException):
    """One line on standard error; exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"tanfang: {self.format_message()}", err=True)


class BadInput(CouldNot):
    """One line that says what is wrong and where; exit code 2."""

    exit_code = 2


class FeatureGroup(click.Group):
    """A group that finds some of its commands in the features: name → `module:attribute`."""

    def __init__(self, *args: Any, features: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.features = features or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        own = [name for name, command in self.commands.items() if _has_commands(command, ctx)]
        there = [name for name, target in self.features.items() if _exists(target)]
        return sorted({*own, *there})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = self.features.get(cmd_name)
        if target is None or not _exists(target):
            return super().get_command(ctx, cmd_name)
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


def _has_commands(command: click.Command, ctx: click.Context) -> bool:
    return not isinstance(command, click.Group) or bool(command.list_commands(ctx))


def _exists(target: str) -> bool:
    module = target.partition(":")[0]
    return find_spec(module.rpartition(".")[0]) is not None and find_spec(module) is not None


class Main(FeatureGroup):
    """The top group: turns known failures into one line and the right exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as problem:
            raise BadInput(str(problem)) from None
        except ServiceError as problem:
            raise CouldNot(str(problem)) from None
        except Exception as problem:
            known = _known_failure(problem)
            if known is None:
                raise
            raise known from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        return _noting(command) if command is not None and cmd_name == "demo" else command


def _known_failure(problem: Exception) -> click.ClickException | None:
    from redis import RedisError
    from sqlalchemy.exc import OperationalError

    from coordinator.kernel.errors import DomainError

    if isinstance(problem, DomainError):
        return BadInput(problem.whole)
    if isinstance(problem, OperationalError):
        reason = str(problem.orig).strip().splitlines()[0]
        return CouldNot(f"the database does not answer: {reason}")
    if isinstance(problem, RedisError):
        return CouldNot(f"the queue does not answer: {problem}")
    return None


def _application(_info: ScriptInfo | None = None) -> "Flask":
    from coordinator.app import create_app

    settings = load_settings()
    click.get_current_context().find_root().with_resource(running_servers(settings))
    return create_app(settings)


@contextmanager
def running_servers(settings: Settings) -> Iterator[None]:
    """The embedded servers, running: those of `tanfang serve`, else started here and stopped at the end.

    :raises ServiceError: they could not start.
    """
    from coordinator.kernel.services import EmbeddedPostgres
    from coordinator.supervise import embedded_servers, take_lock

    missing = [server for server in embedded_servers(settings) if not server.ready()]
    if not missing:
        yield
        return
    lock = take_lock(settings)
    try:
        for server in missing:
            server.start()
        for server in missing:
            server.wait_ready(60)
            if isinstance(server, EmbeddedPostgres):
                server.ensure_database()
        yield
    finally:
        for server in reversed(missing):
            server.stop()
        os.close(lock)


@click.group(
    cls=Main,
    features={
        "plan": "coordinator.planning.cli:plan",
        "ledger": "coordinator.hours.cli:ledger",
        "accounts": "coordinator.accounts.cli:accounts",
        "areas": "coordinator.accounts.area_cli:areas",
        "demo": "coordinator.demo.cli:demo",
        "jobs": "coordinator.kernel.cli:jobs",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="tanfang")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Tanfang 探访: coordination of statutory visits to elders in special difficulty.

    Settings come from the environment, see docs/deployment.md.
    """
    ctx.obj = ScriptInfo(create_app=_application, set_debug_flag=False)


@cli.command()
def serve() -> None:
    """Start servers, web and workers; stop all with Ctrl-C."""
    from coordinator.supervise import Supervisor

    settings = load_settings()
    sys.exit(Supervisor(settings).run())


@cli.command()
@click.option("--burst", is_flag=True, help="End when the queues are empty.")
@click.option("--sweeper", is_flag=True, help="Only hand over owed jobs that got lost, run none.")
def worker(burst: bool, sweeper: bool) -> None:
    """Run queued jobs; `serve` starts workers and the sweeper itself."""
    from coordinator.worker import run_sweeper, run_worker

    if sweeper:
        run_sweeper()
    else:
        run_worker(burst=burst)


# --- database --------------------------------------------------------------------------------------------


@cli.group()
def db() -> None:
    """The database schema."""


@db.command()
@with_appcontext
def upgrade() -> None:
    """Bring the database to the schema of this version; does nothing when it is there."""
    migrate_to_head()


def migrate_to_head() -> None:
    """Run the migrations inside an application context; several processes at once wait for each other."""
    import flask_migrate
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    from coordinator.extensions import db as database

    # Its own engine: the application's sessions carry a statement timeout, waiting for another process may last.
    engine = create_engine(database.engine.url, poolclass=NullPool)
    with engine.connect() as guard:
        guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        guard.commit()
        flask_migrate.upgrade(directory=str(MIGRATIONS))
        _store_rule_packs()


def _store_rule_packs() -> None:
    """Keep the rule packs of this version as they are, so that what is done under them can always be explained."""
    from coordinator.extensions import db as database
    from coordinator.visits.services import store_shipped_packs

    for name in store_shipped_packs():
        click.echo(
            f"tanfang: the rule pack {name} differs from the stored one of the same version, which holds",
            err=True,
        )
    database.session.commit()


# --- policy ----------------------------------------------------------------------------------------------


@cli.group(
    cls=FeatureGroup,
    features={
        "due": "coordinator.policy.cli:due",
        "check": "coordinator.policy.cli:check",
        "store": "coordinator.visits.cli:store",
    },
)
def policy() -> None:
    """Rule packs: what is owed to whom, and whether a pack says what its document says."""


# --- import ----------------------------------------------------------------------------------------------


@cli.group(
    name="import",
    cls=FeatureGroup,
    features={
        "elders": "coordinator.elders.cli:import_elders",
        "workers": "coordinator.workforce.cli:import_workers",
    },
)
def import_() -> None:
    """Take over spreadsheets of elders or workers."""


# --- backup ----------------------------------------------------------------------------------------------


@cli.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--with-keys", is_flag=True, help="Put the keys into the file too; then guard it like the keys."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backup(file: Path | None, with_keys: bool, as_json: bool) -> None:
    """Write database and uploads to FILE while the system runs (default: a dated file in the data directory).

    Without the field key the protected fields of a backup cannot be read: keep a copy of `keys/` elsewhere.
    """
    from coordinator.backup import write_backup

    settings = load_settings()
    with running_servers(settings):
        done = write_backup(settings, file, with_keys=with_keys)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
    else:
        click.echo(f"{done['file']}: {done['rows']} rows, {done['uploads']} uploads, {done['bytes']} bytes")


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace what the database holds now.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def restore(file: Path, replace: bool, as_json: bool) -> None:
    """Bring back what `backup` wrote. The system must be stopped; nothing changes unless all of it succeeds."""
    from coordinator.backup import read_backup

    settings = load_settings()
    with running_servers(settings):
        done = read_backup(settings, file, replace=replace)
        # The keys may have come with the file, so the settings are read again.
        from coordinator.app import create_app

        with create_app(load_settings()).app_context():
            migrate_to_head()
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
    else:
        click.echo(
            f"{file}: {done['rows']} rows in {done['tables']} tables and {done['uploads']} uploads restored"
        )


# --- demo ------------------------------------------------------------------------------------------------


def _noting(command: click.Command) -> click.Command:
    """Note the state of the demo around the command that loads it, so that /readyz can tell."""
    callback: Callable[..., Any] | None = command.callback
    if callback is None or getattr(callback, "notes_demo", False):
        return command
    run = callback

    @wraps(run)
    def noted(*args: Any, **kwargs: Any) -> Any:
        from coordinator.supervise import note_demo

        settings = load_settings()
        note_demo(settings, "loading")
        try:
            result = run(*args, **kwargs)
        except BaseException:
            note_demo(settings, "failed")
            raise
        note_demo(settings, "ready")
        return result

    noted.notes_demo = True  # type: ignore[attr-defined]
    command.callback = noted
    return command


def main() -> None:
    """Entry point of the `tanfang` script."""
    cli(prog_name="tanfang")


if __name__ == "__main__":
    main()
