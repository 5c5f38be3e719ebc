"""The one place that imports numba: how the kernel is compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numba

from routing.kernel.store import VARIABLE, cache_folder

config: Any = numba.config
Function = TypeVar("Function", bound=Callable[..., Any])

if not os.environ.get(VARIABLE):
    config.CACHE_DIR = str(cache_folder())


def compiled(function: Function) -> Function:
    """Compile a function on first use for the types it is called with, and keep it on disk.

    Compiled functions allocate nothing, so numba's reference counting is left out: with some forty
    arrays in each call it took nine tenths of the time.
    """
    return _compile(function, forceinline=False)


def inlined(function: Function) -> Function:
    """Compile a function into each of its callers.

    A call hands over some forty arrays as three hundred numbers, which for a short function takes longer
    than its work: without these calls the kernel does half as many steps again.
    """
    return _compile(function, forceinline=True)


def _compile(function: Function, *, forceinline: bool) -> Function:
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    made: Function = numba.njit(**options, forceinline=forceinline)(function)
    return made
