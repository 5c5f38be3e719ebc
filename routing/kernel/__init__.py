"""The compiled kernel of the engine: ruin and recreate on real routes, for days and months.

    layout    which column of which array means what
    arrays    from the model to the arrays
    times     travel, times of one route, where one more stop fits (compiled)
    moves     ruin and recreate (compiled)
    anneal    simulated annealing, a slice of steps at a time (compiled)
    improver  the seam: what `routing.search` works with
    jit       the only import of numba, and where compiled code is kept

Only this module is imported by the rest of the engine. It does without numba. `compiled_improver` then returns
None, and the interpreted improver does all the work. `ROUTING_KERNEL=off` in the environment does the same.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from routing.model import Model
from routing.state import State

if TYPE_CHECKING:
    from routing.kernel.improver import KernelImprover

__all__ = ["available", "compile_ahead", "compiled_improver", "is_compiled", "suits"]

SWITCH = "ROUTING_KERNEL"


def available() -> bool:
    """Whether compiled code can be used: numba is installed and the switch is not off."""
    if os.environ.get(SWITCH, "on") == "off":
        return False
    try:
        import routing.kernel.jit  # noqa: F401 - asks whether numba is there
    except ImportError:
        return False
    return True


def suits(model: Model) -> bool:
    """Whether compiled code is there and can take a scenario (days fit into bits, routes into memory)."""
    if not available():
        return False
    from routing.kernel import arrays

    return arrays.fits(model)


def compiled_improver(model: Model, state: State, seed: int) -> KernelImprover | None:
    """Return the compiled improver of a state; None where it cannot be used."""
    if not suits(model):
        return None
    from routing.kernel.improver import KernelImprover

    return KernelImprover(model, state, seed)


def is_compiled() -> bool:
    """Whether the compiled code of this version is on disk (where it is loaded within a second)."""
    from routing.kernel import jit

    return jit.marker().exists()


def compile_ahead() -> float:
    """Compile everything and keep it on disk; return the seconds it took."""
    from routing.kernel import jit
    from routing.kernel.warm import warm

    begun = time.monotonic()
    warm()
    jit.marker().touch()
    return time.monotonic() - begun
