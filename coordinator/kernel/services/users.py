"""Who a server runs as, which folders it may enter, and what a crash has left running."""

import functools
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

SERVICE_USER = "tanfang"
_CAP_DAC_READ_SEARCH = 2  # bit number, linux/capability.h


class ServiceError(Exception):
    """A server that cannot run; ``str()`` is one line that says why and where to look."""


def make_socket_dir(path: Path) -> None:
    """Make the socket directory, private to the user that runs PostgreSQL.

    :raises ServiceError: it exists and belongs to somebody else (a shared temporary folder).
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    owners = {os.getuid(), service_user().pw_uid if os.getuid() == 0 else os.getuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise ServiceError(f"{path} belongs to another user; remove it or choose another TANFANG_DATA")
    give_to_service_user(path)
    path.chmod(0o700)


def give_to_service_user(path: Path) -> None:
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
        subprocess.run([program, *arguments], check=True, capture_output=True)  # noqa: S603  built here
        return pwd.getpwnam(SERVICE_USER)
    except (OSError, subprocess.CalledProcessError, KeyError):
        raise ServiceError(
            f"PostgreSQL does not run as root and the user {SERVICE_USER} could not be made; "
            "start as an ordinary user or set DATABASE_URL"
        ) from None


def launcher(death_signal: signal.Signals, reached: Sequence[Path] | None) -> list[str]:
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
        command += ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
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
