"""A site of its own for a measurement: `tanfang serve` on a data directory that goes afterwards, and a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

ROOT = Path(__file__).resolve().parent.parent
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
# gunicorn closes a connection that rests for two seconds.
KEPT_OPEN_SECONDS = 1.0
# The direct children of `tanfang serve`, by what their command line holds.
PARTS = {
    "postgres": ("bin/postgres",),
    "redis": ("server", "redis.sock"),
    "web": ("gunicorn",),
    "sweeper": ("cli worker", "--sweeper"),
    "worker": ("cli worker",),
}


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, port: int, **over: str) -> dict[str, str]:
    """The settings of a demo on `folder` without rate limits: a measurement asks more often than people do."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    own = {
        "TANFANG_DATA": str(folder),
        "TANFANG_PORT": str(port),
        "TANFANG_DEMO": "1",
        "TANFANG_RATE_LIMITS": "off",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    return kept | own | over


def tanfang(environ: Mapping[str, str], *arguments: str) -> str:
    """Run the command line; returns what it printed. Raises as `run_module`."""
    return run_module(environ, "coordinator.cli", *arguments)


def run_module(environ: Mapping[str, str], module: str, *arguments: str, timeout: float = 900) -> str:
    """Run `python -m module`; returns what it printed.

    :raises RuntimeError: it ended with another code than 0; the text is its last lines.
    """
    done = subprocess.run(  # noqa: S603  arguments are written here
        [sys.executable, "-m", module, *arguments],
        env=dict(environ),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout


@dataclass
class Answer:
    """What came back: status, where it leads to, the page, and seconds until its last byte."""

    status: int
    location: str
    body: bytes
    seconds: float
    retry_after: str = ""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Browser:
    """One person's browser without scripts: keeps cookies, the form token and the connection. Not for threads."""

    port: int
    timeout: float = 40.0
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None
    _used: float = 0.0

    def get(self, path: str, **headers: str) -> Answer:
        """:raises OSError: nobody answered, or not to the end."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, Any], **headers: str) -> Answer:
        """Send a form with its token.

        :raises OSError: nobody answered, or not to the end.
        """
        body = urlencode({"csrf_token": self.token, **fields}, doseq=True)
        return self._ask("POST", path, body, headers)

    def sign_in(self, username: str, password: str) -> None:
        """:raises RuntimeError: refused."""
        self.read_token("/accounts/sign-in")
        answer = self.post("/accounts/sign-in", {"username": username, "password": password})
        if answer.status != 303:
            raise RuntimeError(f"{username} was not signed in: {answer.status}")
        self.read_token("/accounts/me")

    def read_token(self, path: str) -> None:
        """Take the form token of a page; it is as old as the session."""
        found = TOKEN.search(self.get(path).text)
        if found is None:
            raise RuntimeError(f"{path} holds no form token")
        self.token = unescape(found.group(1))

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if time.monotonic() - self._used > KEPT_OPEN_SECONDS:
            self.close()
        begun = time.perf_counter()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self._connection.request(method, path, body, sent)
            answer = self._connection.getresponse()
            page = answer.read()
        except http.client.HTTPException as problem:
            self.close()
            raise OSError(f"{type(problem).__name__}: {problem}") from problem
        except OSError:
            self.close()
            raise
        seconds = time.perf_counter() - begun
        self._used = time.monotonic()
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        location = answer.headers.get("Location", "")
        if answer.will_close:
            self.close()
        return Answer(answer.status, location, page, seconds, answer.headers.get("Retry-After", ""))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Site:
    """`tanfang serve` with everything it starts; what it says is in `log`."""

    def __init__(self, folder: Path, log: Path, **over: str) -> None:
        self.folder, self.log = folder, log
        self.port = free_port()
        self.environment = environment(folder, self.port, **over)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "coordinator.cli", "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(self._settled, 90, "the site did not become ready")

    def _settled(self) -> bool:
        """A worker is there, and nothing is loaded any more."""
        state = self.state()
        return state.get("workers", 0) >= 1 and state["demo"] in (None, "ready")

    def stop(self) -> None:
        """Stop as an operator would; cut what does not end."""
        if self.process is None or self.process.poll() is not None:
            return
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for one in family:
            with suppress(psutil.NoSuchProcess):
                if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                    one.kill()

    def browser(self) -> Browser:
        return Browser(self.port)

    def state(self) -> dict[str, Any]:
        """What /readyz says, with its status as `status`; empty while nobody answers."""
        with Browser(self.port, timeout=10) as browser:
            try:
                answer = browser.get("/readyz")
                return {"status": answer.status, **json.loads(answer.body)}
            except (OSError, ValueError):
                return {}

    def ready(self) -> bool:
        return self.state().get("status") == 200

    def part(self, name: str) -> psutil.Process | None:
        """The running process of one part, or None."""
        if self.process is None:
            return None
        for child in psutil.Process(self.process.pid).children():
            line = _command_line(child)
            wrong = name == "worker" and "--sweeper" in line
            if all(mark in line for mark in PARTS[name]) and not wrong:
                return child
        return None

    def kill(self, name: str) -> list[int]:
        """kill -9 of a part and of every process it has started, parent first; returns their numbers."""
        parent = self.part(name)
        if parent is None:
            return []
        try:
            family = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        return [one.pid for one in family]

    def wait(self, condition: Callable[[], Any], seconds: float, otherwise: str) -> float:
        """Seconds until the condition held.

        :raises TimeoutError: it did not in time; the text ends with the last lines of the log.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if condition():
                return time.monotonic() - begun
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise TimeoutError(f"{otherwise} (within {seconds:.0f} s)\n{self.log.read_text()[-3000:]}")


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # just ended
        return ""
