"""What the fixtures of conftest.py start, and how tests speak to it; importable by name from any test."""

import dataclasses
import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from coordinator.config import Settings, embedded_database_url, embedded_redis_url
from coordinator.kernel.services import EmbeddedPostgres, EmbeddedQueue, Service

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Servers:
    """The running test servers and the folder they live in."""

    folder: Path
    postgres: EmbeddedPostgres
    queue: EmbeddedQueue

    def settings(self, database: str, **over: Any) -> Settings:
        """Settings of an application on the test servers."""
        values: dict[str, Any] = {
            "data_dir": self.folder,
            "database_url": embedded_database_url(self.folder, database),
            "redis_url": embedded_redis_url(self.folder),
            "secret_key": "test-secret-" + "0" * 52,
            "field_key": bytes(range(32)),
            "second_factor": False,
            "rate_limits": False,
            "testing": True,
        }
        return Settings(**(values | over))

    def environment(self, settings: Settings) -> dict[str, str]:
        """The environment that gives a child process the same settings (as a demo: protections off)."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return (
            kept
            | {
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
                "TANFANG_DATA": str(settings.data_dir),
                "TANFANG_SECRET_KEY": settings.secret_key,
                "TANFANG_FIELD_KEY": settings.field_key.hex(),
                "TANFANG_DEMO": "on",
                "TANFANG_SECOND_FACTOR": "on" if settings.second_factor else "off",
                "TANFANG_RATE_LIMITS": "on" if settings.rate_limits else "off",
                "TANFANG_PORT": str(settings.port),
                "WEB_CONCURRENCY": "1",
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
            }
            | ({"TANFANG_NOW": settings.now.isoformat()} if settings.now else {})
        )


class WorkerProcess(Service):
    """`tanfang worker` on the test servers."""

    name = "worker"

    def __init__(self, environment: dict[str, str], log_file: Path, *arguments: str) -> None:
        super().__init__()
        self.variables = environment  # a plain dict, for a second process like this one
        self.environment = environment
        self.log_file: Path = log_file
        self.arguments = arguments

    def command(self) -> list[str]:
        return [sys.executable, "-m", "coordinator.cli", "worker", *self.arguments]

    def ready(self) -> bool:
        return self.running() and b"ready" in self.log_file.read_bytes()


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WebProcess(Service):
    """gunicorn with one worker process on the test servers."""

    name = "web"

    def __init__(self, settings: Settings, environment: dict[str, str], log_file: Path) -> None:
        super().__init__()
        self.settings = settings
        self.environment = environment
        self.log_file = log_file

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.settings.port}"),
            *("--workers", "1", "--threads", "4", "--no-control-socket", "--chdir", str(ROOT), "wsgi:app"),
        ]

    def ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run_tanfang(
    *arguments: str, environment: dict[str, str], timeout: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run the command line as an operator would; returns what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "coordinator.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
