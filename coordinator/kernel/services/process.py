"""One process that is started, watched and stopped."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from .users import ServiceError, launcher

LOG_ROTATE_BYTES = 20_000_000


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
            *launcher(self.stop_signal, self._reached() if self.as_service_user else None),
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
