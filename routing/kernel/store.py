"""Where compiled code is kept.

In a folder named by a fingerprint of the kernel's own text: numba looks only at the file of each function,
and would keep an old callee after a change in another module. Numba itself is not needed to ask: a process
that leaves the search to its children does without its memory.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib import metadata
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
HERE = Path(__file__).resolve().parent


def fingerprint() -> str:
    """Return a short name for this text of the kernel and this version of numba."""
    digest = hashlib.sha256(metadata.version("numba").encode())
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _usable(folder: Path) -> bool:
    """Whether files can be written there; a folder of somebody else is never trusted (it holds code)."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder):
            return folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def cache_folder() -> Path:
    """Return where compiled code is kept: beside the package, else in the user's cache, else for once."""
    name = fingerprint()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    for root in (HERE / "__pycache__", Path(home).expanduser() / "routing-kernel"):
        if _usable(root / name):
            return root / name
    folder = tempfile.mkdtemp(prefix="routing-kernel-")
    os.environ[VARIABLE] = folder  # child processes share it
    return Path(folder)


def marker() -> Path:
    """Return the file whose presence says that everything was compiled."""
    return Path(os.environ.get(VARIABLE) or cache_folder()) / f"compiled-{fingerprint()}"
