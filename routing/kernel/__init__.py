"""The compiled kernel of the engine: ruin and recreate on real routes, for days and months.

    layout    which column of which array means what
    arrays    from the model to the arrays
    times     travel, times of one route, where one more stop fits (compiled)
    books     sums of the aims, and taking a step back (compiled)
    ruin      what is taken off (compiled)
    recreate  where it is put back (compiled)
    anneal    simulated annealing, a slice of steps at a time (compiled)
    improver  the seam: what `routing.search` works with
    jit       the only import of numba
    store     where compiled code is kept
    reach     which scenarios the kernel can take

Only this module is imported by the rest of the engine. It does without numba. `compiled_improver` then returns
None, and the interpreted improver does all the work. `ROUTING_KERNEL=off` in the environment does the same.
"""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from routing.kernel import reach, store
from routing.model import Model
from routing.state import State

if TYPE_CHECKING:
    from routing.kernel.improver import KernelImprover

__all__ = ["available", "compile_ahead", "compiled_improver", "is_compiled", "preload", "suits"]

SWITCH = "ROUTING_KERNEL"


def available() -> bool:
    """Whether compiled code can be used: numba is installed and the switch is not off."""
    return os.environ.get(SWITCH, "on") != "off" and find_spec("numba") is not None


def suits(model: Model) -> bool:
    """Whether compiled code is there and can take a scenario (days fit into bits, routes into memory)."""
    return available() and reach.fits(model)


def compiled_improver(model: Model, state: State, seed: int) -> KernelImprover | None:
    """Return the compiled improver of a state; None where it cannot be used."""
    if not suits(model):
        return None
    from routing.kernel.improver import KernelImprover

    return KernelImprover(model, state, seed)


def is_compiled() -> bool:
    """Whether the compiled code of this version is on disk (where it is loaded within a second)."""
    return store.marker().exists()


def compile_ahead() -> float:
    """Compile everything and keep it on disk; return the seconds it took."""
    from routing.kernel.warm import warm

    begun = time.monotonic()
    warm()
    store.marker().touch()
    return time.monotonic() - begun


def preload() -> bool:
    """Load the compiled kernel into this process, for those it forks; whether it was there to load."""
    if not available() or not is_compiled():
        return False
    from routing.kernel.warm import warm

    warm()
    return True
