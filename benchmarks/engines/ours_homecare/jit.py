"""How the search is compiled: as the engine's kernel is (`routing.kernel.jit`), into a folder of its own.

The folder's name has the text of this package and of the kernel, whose dice and sort are compiled in: numba looks
only at the file of each function and would keep an old callee after a change in another one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from routing.kernel import jit, store

Function = TypeVar("Function", bound=Callable[..., Any])
HERE = Path(__file__).resolve().parent


def _folder() -> Path:
    digest = hashlib.sha256(store.fingerprint().encode())
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return (
        Path(os.environ.get(store.VARIABLE) or store.cache_folder()) / f"homecare-{digest.hexdigest()[:16]}"
    )


FOLDER = str(_folder())


def compiled(function: Function) -> Function:
    """Compile a function on first use and keep it on disk."""
    return _kept(jit.compiled, function)


def inlined(function: Function) -> Function:
    """Compile a function into each of its callers: calls with many arrays are slow."""
    return _kept(jit.inlined, function)


def _kept(compile_it: Callable[[Function], Function], function: Function) -> Function:
    # numba asks for the folder when a function is decorated
    before, jit.config.CACHE_DIR = jit.config.CACHE_DIR, FOLDER
    try:
        return compile_it(function)
    finally:
        jit.config.CACHE_DIR = before
