"""`tanfang serve`: start everything, keep it running, stop it in order.

One process watches its children: PostgreSQL and Valkey (unless named by DATABASE_URL, REDIS_URL), the web
server, the workers, the sweeper, and on a first start the loading of the demo. A child that dies is started
again; when this process dies, the kernel ends the children.
"""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from coordinator.config import Settings, is_loopback, socket_dir
from coordinator.kernel.services import EmbeddedPostgres, EmbeddedQueue, Service, ServiceError

ROOT = Path(__file__).resolve().parent.parent
GUNICORN_THREADS = 4
# A child that dies sooner than this after its start is started again with growing pauses.
QUICK_DEATH_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 10.0


class _StopRequested(BaseException):
    """Raised by the signal handler wherever the supervisor is."""


class PythonProcess(Service):
    """A part of Tanfang itself, in its own process; it shares the terminal."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        super().__init__()
        self.name = name
        self.arguments = arguments
        self.environment = environment

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.arguments]


class WebServer(PythonProcess):
    """gunicorn, ready when /healthz answers."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        arguments = [
            *("gunicorn", "--bind", f"{host}:{settings.port}", "--workers", str(settings.web_concurrency)),
            *("--worker-class", "gthread", "--threads", str(GUNICORN_THREADS)),
            *("--timeout", "60", "--graceful-timeout", "8", "--log-level", "warning"),
            # Loading takes seconds: once for all processes, and none when one of them is replaced.
            *("--preload", "--no-control-socket", "--chdir", str(ROOT), "wsgi:app"),
        ]
        super().__init__("web", arguments, environment)
        self.address = (_reachable(settings.host), settings.port)

    def prepare(self) -> None:
        # Workers of a killed gunicorn hold the port until they notice.
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(*self.address, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return self.running() and connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound


@dataclass
class Watched:
    """A child that is started again when it dies."""

    service: Service
    started: float = 0.0
    quick_deaths: int = 0
    again_at: float | None = None


class Supervisor:
    """Owns everything `tanfang serve` starts."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        """:param environment: for the children; this process's own when left out."""
        self.settings = settings
        self.environment = dict(os.environ if environment is None else environment)
        # A relative TANFANG_DATA must mean the same folder to a child that runs elsewhere.
        self.environment["TANFANG_DATA"] = str(settings.data_dir)
        self.watched: list[Watched] = []
        self.demo: PythonProcess | None = None
        self._lock_file: int | None = None

    # --- one run ---------------------------------------------------------------------------------------

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP; returns the exit code.

        :raises ServiceError: something needed could not start; everything is stopped again.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            self._start()
            while True:
                self.watch()
                time.sleep(0.1)
        except _StopRequested:
            say("stopping …  正在停止 …")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.stop()
        say("stopped.  已停止。")
        return 0

    @staticmethod
    def _stop(_number: int, _frame: FrameType | None) -> None:
        raise _StopRequested

    def _start(self) -> None:
        settings = self.settings
        self._take_lock()
        check_port(settings.host, settings.port)
        if os.getuid() == 0:
            say("running as root: fine for a trial, not for real use (docs/deployment.md)")
        if not is_loopback(settings.host) and not settings.public_base_url.startswith("https://"):
            say(
                "warning: reachable from the network without TLS; browsers will sign in from this machine only"
            )
        for server in embedded_servers(settings):
            self._start_watched(server)
            server.wait_ready(60)
            if isinstance(server, EmbeddedPostgres):
                server.ensure_database()
        self._migrate()
        if settings.demo:
            note_demo(settings, "loading")
        web = WebServer(settings, self.environment)
        self._start_watched(web)
        for index in range(settings.workers):
            self._start_watched(self._python(f"worker {index + 1}", "worker"))
        self._start_watched(self._python("sweeper", "worker", "--sweeper"))
        web.wait_ready(60)
        say(f"ready: {settings.public_base_url}  已启动")
        say(f"data 数据目录: {settings.data_dir}")
        if settings.demo:
            say("loading the demo, pages fill up meanwhile …  正在载入演示数据 …")
            self.demo = self._python("demo", "demo")
            self.demo.start()
        say("Ctrl-C stops everything.  按 Ctrl-C 停止。")

    def _python(self, name: str, *arguments: str) -> PythonProcess:
        return PythonProcess(name, ["coordinator.cli", *arguments], self.environment)

    def _start_watched(self, service: Service) -> None:
        watched = Watched(service)
        self.watched.append(watched)
        watched.started = time.monotonic()
        service.start()

    def _migrate(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "coordinator.cli", "db", "upgrade"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if done.returncode:
            raise ServiceError("the database could not be brought to this version, see above")

    # --- watching --------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Look at each child once; start again what has died."""
        for watched in self.watched:
            service = watched.service
            if service.running():
                continue
            now = time.monotonic()
            if watched.again_at is None:
                code = service.process.returncode if service.process else None
                quick = now - watched.started < QUICK_DEATH_SECONDS
                watched.quick_deaths = watched.quick_deaths + 1 if quick else 0
                pause = min(0.2 * 2**watched.quick_deaths, LONGEST_PAUSE_SECONDS) if quick else 0.0
                watched.again_at = now + pause
                say(f"{service.name} ended ({_ending(code)}), starting it again")
            if now >= watched.again_at:
                watched.again_at = None
                watched.started = now
                try:
                    service.start()
                except (ServiceError, OSError) as problem:
                    say(f"{service.name}: {problem}")
        if self.demo is not None and not self.demo.running():
            code = self.demo.process.returncode if self.demo.process else None
            self.demo = None
            self._demo_ended(code)

    def _demo_ended(self, code: int | None) -> None:
        if code != 0:
            note_demo(self.settings, "failed")
            say(f"the demo could not be loaded ({_ending(code)}); `tanfang demo` tries again")
            return
        note_demo(self.settings, "ready")
        say("demo ready; sign in as  演示数据已就绪，可用以下账号登录:")
        for line in demo_accounts(self.settings):
            say(line)

    # --- stopping --------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop in reverse order: nothing that needs a server outlives it."""
        if self.demo is not None:
            self.demo.stop()
        ours: list[Service] = [watched.service for watched in self.watched]
        upper = [service for service in ours if isinstance(service, PythonProcess)]
        for part in upper:  # all at once, so that the slowest counts, not the sum
            if part.running() and part.process is not None:
                part.process.send_signal(part.stop_signal)
        for service in [*reversed(upper), *reversed([s for s in ours if s not in upper])]:
            service.stop()
        self.watched.clear()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _take_lock(self) -> None:
        self._lock_file = take_lock(self.settings)


def take_lock(settings: Settings) -> int:
    """Hold the data directory for this process; returns the descriptor that holds it.

    :raises ServiceError: another process runs on it.
    """
    path = settings.data_dir / "supervisor.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        raise ServiceError(f"{path} belongs to another user; start as the user that made it") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise ServiceError(
            f"already running on {settings.data_dir} (process {holder}); set TANFANG_DATA for a second copy"
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def embedded_servers(settings: Settings) -> list[EmbeddedPostgres | EmbeddedQueue]:
    """The servers this data directory brings itself, in the order to start them."""
    sockets = socket_dir(settings.data_dir)
    found: list[EmbeddedPostgres | EmbeddedQueue] = []
    if settings.embedded_database:
        found.append(
            EmbeddedPostgres(settings.data_dir / "pg", sockets, settings.logs_dir / "postgresql.log")
        )
    if settings.embedded_queue:
        found.append(EmbeddedQueue(settings.data_dir / "redis", sockets, settings.logs_dir / "queue.log"))
    return found


def check_port(host: str, port: int) -> None:
    """:raises ServiceError: the address cannot be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(
                f"cannot listen on {host} port {port} ({error.strerror}); choose another: TANFANG_PORT=…"
                f"  端口 {port} 不可用，请用 TANFANG_PORT 换一个。"
            ) from None


def note_demo(settings: Settings, state: str) -> None:
    """Write the demo's state where /readyz reads it."""
    fresh = settings.demo_state_file.with_suffix(".new")
    fresh.write_text(state + "\n")
    fresh.replace(settings.demo_state_file)


def demo_accounts(settings: Settings) -> list[str]:
    """One line per sign-in of the demo."""
    try:
        accounts = json.loads(settings.demo_accounts_file.read_text())
    except (OSError, ValueError):
        return [f"  (see {settings.demo_accounts_file})"]
    return [
        f"  {account['username']:<20} {account['password']:<20} {account['role']}  "
        f"{account['name']}  {account.get('area') or account.get('organisation') or ''}".rstrip()
        for account in accounts
    ]


def _ending(code: int | None) -> str:
    if code is None:
        return "not started"
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def say(line: str) -> None:
    """One line to the operator, at once even through a pipe."""
    click.echo(line if line.startswith(" ") else f"tanfang: {line}")
