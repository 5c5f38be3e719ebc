"""A tiny month that makes the kernel compile (or load) every function it has."""

from __future__ import annotations

from routing.kernel.improver import KernelImprover
from routing.model import Model
from routing.scenario import Break, Elder, Scenario, Worker
from routing.state import State


def warm() -> None:
    """Run every entry point once."""
    elders = tuple(Elder(id=str(n), loc=(31.0 + n / 1000, 121.0), duration=600) for n in range(3))
    worker = Worker(id="w", start=(31.0, 121.0), end=(31.0, 121.0), breaks=(Break((0, 10**6), 60),))
    scenario = Scenario(
        kind="month",
        visits=elders,
        workers=(worker,),
        days=2,
        weekday_of_day=(0, 1),
        speed_kmh=(("walk", 4.5),),
    )
    model = Model(scenario)
    improver = KernelImprover(model, State(model), 1)
    improver.fill()
    improver.step(0.0, steps=3)
